package faxcloud

import (
	"crypto/subtle"
	"errors"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"
)

// MailKind says what a mail is about.
type MailKind string

// The mails.
const (
	MailLocked          MailKind = "locked"
	MailPasswordChanged MailKind = "password_changed"
	MailOTPChanged      MailKind = "otp_changed"
	MailInvitation      MailKind = "invitation"
	MailReset           MailKind = "reset"
)

// Mail is a message the cloud has sent to a person.
type Mail struct {
	When time.Time
	To   string
	Kind MailKind
	Link string // what an invitation or reset is redeemed with
}

// Mails returns the outbox, oldest first.
func (x *XM) Mails() []Mail {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.mails)
}

// mail sends one. x.mu is held.
func (x *XM) mail(u *xmUser, k MailKind) {
	x.mails = append(x.mails, Mail{When: x.c.now(), To: u.Email, Kind: k})
}

// Errors of the portal.
var (
	ErrPasswordShort    = errors.New("password is too short")
	ErrPasswordSimple   = errors.New("password is too simple")
	ErrPasswordUsed     = errors.New("password was used before")
	ErrPasswordOff      = errors.New("this person's password is switched off")
	ErrPasswordWrong    = errors.New("present password is wrong")
	ErrLinkExpired      = errors.New("link has expired or was used")
	errNobodyToActivate = errors.New("person is active already")
)

// ChangePassword is the portal's form: length, complexity and history count, and
// a change ends must-change and expiry.
func (x *XM) ChangePassword(region, account, name, present, next string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	a, u, err := x.user(region, account, name)
	if err != nil {
		return err
	}
	if !x.right(u, present) {
		return ErrPasswordWrong
	}
	return x.newPassword(a, u, next)
}

// newPassword sets a password that fulfils the policy. x.mu is held.
func (x *XM) newPassword(a *xmAccount, u *xmUser, next string) error {
	if u.PasswordDisabled {
		return ErrPasswordOff
	}
	if utf8.RuneCountInString(next) < a.Policy.MinLength {
		return ErrPasswordShort
	}
	var lower, upper, other bool
	for _, r := range next {
		lower = lower || unicode.IsLower(r)
		upper = upper || unicode.IsUpper(r)
		other = other || !unicode.IsLetter(r)
	}
	if a.Policy.Complex && (!lower || !upper || !other) {
		return ErrPasswordSimple
	}
	h := hashPassword(u.salt, next)
	old := append(slices.Clone(u.former), u.hash)
	for _, o := range old[max(0, len(old)-a.Policy.History):] {
		if subtle.ConstantTimeCompare(h, o) == 1 {
			return ErrPasswordUsed
		}
	}
	x.setPassword(u, next)
	u.MustChange = false
	x.mail(u, MailPasswordChanged)
	return nil
}

// link is an invitation or reset on its way. It is good once.
type link struct {
	account *xmAccount
	user    *xmUser
	until   time.Time
	invites bool
}

// Invite mails somebody who is not active yet a link to activate the account.
func (x *XM) Invite(region, account, name string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	a, u, err := x.user(region, account, name)
	if err != nil {
		return err
	}
	if !u.Pending {
		return errNobodyToActivate
	}
	x.send(a, u, MailInvitation, a.Policy.InviteTTL)
	return nil
}

// RequestReset mails somebody a link to set a new password, unless passwords are
// switched off for them.
func (x *XM) RequestReset(region, account, name string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	a, u, err := x.user(region, account, name)
	if err != nil {
		return err
	}
	if u.PasswordDisabled {
		return ErrPasswordOff
	}
	x.send(a, u, MailReset, a.Policy.ResetTTL)
	return nil
}

func (x *XM) send(a *xmAccount, u *xmUser, k MailKind, ttl time.Duration) {
	l := randomID(16)
	x.links[l] = &link{account: a, user: u, until: x.c.now().Add(ttl), invites: k == MailInvitation}
	x.mail(u, k)
	x.mails[len(x.mails)-1].Link = l
}

// Redeem uses the link of a mail once, in time, and sets a password.
func (x *XM) Redeem(value, password string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	l := x.links[value]
	if l == nil || !x.c.now().Before(l.until) {
		return ErrLinkExpired
	}
	if err := x.newPassword(l.account, l.user, password); err != nil {
		return err
	}
	delete(x.links, value)
	if l.invites {
		l.user.Pending = false
	}
	return nil
}
