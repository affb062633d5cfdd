package faxcloud

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// XMUser is a person of an account.
type XMUser struct {
	ID      string // default random
	Name    string // letters, digits, dash, underscore, dot
	Email   string
	Display string // default Name

	// Password is set as it stands; empty leaves the person without one.
	// RandomPassword sets one that nobody knows.
	Password       string
	RandomPassword bool

	Pending  bool // not yet activated
	Disabled bool
	Admin    bool
	NoSend   bool // no right to send from devices

	MustChange       bool
	NeverExpires     bool
	PasswordDisabled bool

	OTPSecret string // base32; empty: not set up
	OTPExempt bool
}

type xmUser struct {
	XMUser
	fold    string
	salt    []byte
	hash    []byte   // nil: no password
	former  [][]byte // under the same salt, newest last
	setAt   time.Time
	otpStep int64 // last time step used
}

var userName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// AddUser adds a person. Two people whose addresses fold to the same form are
// refused, as are two of one name.
func (x *XM) AddUser(region, account string, u XMUser) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	a, err := x.account(region, account)
	if err != nil {
		return err
	}
	return x.addUser(a, u)
}

func (x *XM) addUser(a *xmAccount, u XMUser) error {
	fold, ok := foldEmail(u.Email)
	switch {
	case !userName.MatchString(u.Name):
		return fmt.Errorf("user name %q: letters, digits, dash, underscore and dot", u.Name)
	case !ok:
		return fmt.Errorf("user %q: no address", u.Name)
	}
	for _, other := range a.users {
		if other.fold == fold || strings.EqualFold(other.Name, u.Name) {
			return fmt.Errorf("user %q: another user has this name or address in another case", u.Name)
		}
	}
	if u.ID == "" {
		u.ID = randomID(8)
	}
	if u.Display == "" {
		u.Display = u.Name
	}
	n := &xmUser{XMUser: u, fold: fold, salt: make([]byte, 16)}
	_, _ = rand.Read(n.salt) // never fails
	n.Password = ""
	switch {
	case u.RandomPassword:
		x.setPassword(n, randomID(16))
	case u.Password != "":
		x.setPassword(n, u.Password)
	}
	a.users = append(a.users, n)
	return nil
}

// EditUser changes a person. A changed password counts as set now; somebody who
// may no longer sign in can use no token from now on.
func (x *XM) EditUser(region, account, name string, edit func(*XMUser)) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, u, err := x.user(region, account, name)
	if err != nil {
		return err
	}
	before := u.XMUser
	edit(&u.XMUser)
	if u.Password != "" {
		x.setPassword(u, u.Password)
		u.Password = ""
		x.mail(u, MailPasswordChanged)
	}
	if before.OTPSecret != u.OTPSecret {
		u.otpStep = 0
		x.mail(u, MailOTPChanged)
	}
	u.fold, _ = foldEmail(u.Email)
	return nil
}

// ErrLastAdmin says that an account must keep an administrator.
var ErrLastAdmin = errors.New("the last administrator cannot be deleted")

// DeleteUser removes a person and their tokens, but not the last administrator.
func (x *XM) DeleteUser(region, account, name string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	a, u, err := x.user(region, account, name)
	if err != nil {
		return err
	}
	if u.Admin && !slices.ContainsFunc(a.users, func(o *xmUser) bool { return o != u && o.Admin }) {
		return ErrLastAdmin
	}
	a.users = slices.DeleteFunc(a.users, func(o *xmUser) bool { return o == u })
	maps.DeleteFunc(x.tokens, func(_ string, t *userToken) bool { return t.user == u })
	return nil
}

// user finds a person by name or address. x.mu is held.
func (x *XM) user(region, account, name string) (*xmAccount, *xmUser, error) {
	a, err := x.account(region, account)
	if err != nil {
		return nil, nil, err
	}
	if u := a.named(name); u != nil {
		return a, u, nil
	}
	return nil, nil, fmt.Errorf("no user %q in %s", name, account)
}

// named finds a person by name or address, whatever the case.
func (a *xmAccount) named(name string) *xmUser {
	fold, isEmail := foldEmail(name)
	for _, u := range a.users {
		if strings.EqualFold(u.Name, name) || (isEmail && u.fold == fold) {
			return u
		}
	}
	return nil
}

// byID finds a person by id or, as a connector may know no more, by address.
func (a *xmAccount) byID(id string) *xmUser {
	for _, u := range a.users {
		if u.ID == id {
			return u
		}
	}
	if strings.Contains(id, "@") {
		return a.named(id)
	}
	return nil
}

// may says why a person may not send, or "".
func (u *xmUser) may() xmcloud.Code {
	switch {
	case u.Pending:
		return xmcloud.NotActivated
	case u.Disabled:
		return xmcloud.UserInactive
	case u.NoSend:
		return xmcloud.UserNotAllowed
	}
	return ""
}

func (u *xmUser) wire() xmcloud.User {
	return xmcloud.User{ID: u.ID, Name: u.Display, Email: u.Email}
}

// rounds of the password hash: few, since nothing here is worth more.
const rounds = 1000

func hashPassword(salt []byte, password string) []byte {
	h, err := pbkdf2.Key(sha256.New, password, salt, rounds, 32)
	if err != nil {
		panic(err) // the lengths are constant
	}
	return h
}

func (x *XM) setPassword(u *xmUser, password string) {
	if u.hash != nil {
		u.former = append(u.former, u.hash)
	}
	u.hash, u.setAt = hashPassword(u.salt, password), x.c.now()
}

// right compares a password, with the same work whoever is asked about.
func (x *XM) right(u *xmUser, password string) bool {
	x.hashed++
	salt, want := make([]byte, 16), make([]byte, 32)
	has := u != nil && u.hash != nil
	if has {
		salt, want = u.salt, u.hash
	}
	return subtle.ConstantTimeCompare(hashPassword(salt, password), want) == 1 && has
}
