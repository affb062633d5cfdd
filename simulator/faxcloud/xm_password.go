package faxcloud

import (
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// attempts counts failures under one name; names nobody has are counted like
// others, so that a lock does not tell who exists.
type attempts struct {
	failed int
	until  time.Time // locked before it
}

func refused(status int, code xmcloud.Code) *xmcloud.Error {
	return &xmcloud.Error{Status: status, Code: code}
}

// password checks a typed password and one-time code against every policy of
// the account. What is wrong with a person's state is told only to somebody who
// knows the password; locked and password_disabled are told to everybody.
// x.mu is held.
func (x *XM) password(a *xmAccount, name, password, code string) (*xmUser, *xmcloud.Error) {
	now := x.c.now()
	u := a.named(name)
	key := strings.ToLower(name)
	if u != nil {
		key = "\x00" + u.ID
	}
	at := a.attempts[key]
	if at == nil {
		at = &attempts{}
		a.attempts[key] = at
	}
	if now.Before(at.until) {
		e := refused(http.StatusForbidden, xmcloud.Locked)
		e.RetryAfter = at.until.Sub(now)
		return nil, e
	}
	if !at.until.IsZero() {
		*at = attempts{} // the lock has run out
	}
	right := x.right(u, password)
	if u != nil && u.PasswordDisabled {
		return nil, refused(http.StatusForbidden, xmcloud.PasswordDisabled)
	}
	if !right {
		return nil, x.miss(a, u, at, xmcloud.BadCredentials)
	}
	if why := u.may(); why != "" {
		return nil, refused(http.StatusForbidden, why)
	}
	if e := x.otp(a, u, at, code); e != nil {
		return nil, e
	}
	switch {
	case a.Policy.PasswordDays > 0 && !u.NeverExpires && now.Sub(u.setAt) >= time.Duration(a.Policy.PasswordDays)*24*time.Hour:
		return nil, refused(http.StatusForbidden, xmcloud.PasswordExpired)
	case u.MustChange:
		return nil, refused(http.StatusForbidden, xmcloud.MustChange)
	}
	*at = attempts{}
	return u, nil
}

// miss counts a failure and locks at the last one allowed.
func (x *XM) miss(a *xmAccount, u *xmUser, at *attempts, code xmcloud.Code) *xmcloud.Error {
	at.failed++
	if at.failed < a.Policy.LockAfter {
		return refused(http.StatusUnauthorized, code)
	}
	at.until = x.c.now().Add(a.Policy.LockFor)
	if u != nil {
		x.mail(u, MailLocked)
	}
	e := refused(http.StatusForbidden, xmcloud.Locked)
	e.RetryAfter = a.Policy.LockFor
	return e
}

// otp asks for the second factor where the account does. Each code is good once.
func (x *XM) otp(a *xmAccount, u *xmUser, at *attempts, code string) *xmcloud.Error {
	if a.Policy.OTP == "" || u.OTPExempt {
		return nil
	}
	if u.OTPSecret == "" {
		if a.Policy.OTP == "mandatory" {
			return refused(http.StatusForbidden, xmcloud.OTPSetupRequired)
		}
		return nil
	}
	if code == "" {
		return refused(http.StatusUnauthorized, xmcloud.OTPRequired)
	}
	const period = 30
	opts := totp.ValidateOpts{Period: period, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}
	now := x.c.now().Unix() / period
	for step := now - 1; step <= now+1; step++ {
		want, err := totp.GenerateCodeCustom(u.OTPSecret, time.Unix(step*period, 0), opts)
		if err == nil && step > u.otpStep && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			u.otpStep = step
			return nil
		}
	}
	return x.miss(a, u, at, xmcloud.OTPInvalid)
}

// Unlock is an administrator's: the next attempt counts as the first.
func (x *XM) Unlock(region, account, name string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	a, u, err := x.user(region, account, name)
	if err == nil {
		delete(a.attempts, "\x00"+u.ID)
	}
	return err
}

// IsLocked is what the administrator's list of people shows.
func (x *XM) IsLocked(region, account, name string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	a, u, err := x.user(region, account, name)
	if err != nil {
		return false
	}
	at := a.attempts["\x00"+u.ID]
	return at != nil && x.c.now().Before(at.until)
}
