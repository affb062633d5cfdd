package adfs

import (
	"crypto/subtle"
	"strings"
	"time"
)

// User is a person in the farm's directory.
type User struct {
	UPN      string // ann@corp.example.com; finds the person
	Account  string // CORP\ann; another name for the same
	Mail     string // the e-mail claim; "" issues none
	Given    string
	Surname  string
	Password string
	State    State
}

// State is what the directory and the policies say about a person.
type State string

// The states. What can be seen from outside is less: a disabled and a locked
// account look like a wrong password.
const (
	Active     State = ""
	Expired    State = "expired"     // the password; seen only after the right one
	MustChange State = "must-change" // at the next sign-in; AD FS says expired
	Disabled   State = "disabled"
	Locked     State = "locked"       // by an administrator, until the state changes
	Denied     State = "denied"       // by issuance rules: MSIS7068
	NeedsMFA   State = "needs-mfa"    // usernamemixed cannot ask for it: MSIS3126
	Refused    State = "rp-forbidden" // no access to any relying party: ID3242
)

// account is a user with the memory of the extranet lockout.
type account struct {
	User
	wrong   int       // wrong passwords since the last success
	lastBad time.Time // of the last that reached the directory
}

// SetUser adds a person, or replaces the one with that UPN and keeps the count
// of wrong passwords.
func (s *STS) SetUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.users {
		if strings.EqualFold(a.UPN, u.UPN) {
			a.User = u
			return
		}
	}
	s.users = append(s.users, &account{User: u})
}

// Unlock forgets the wrong passwords of a person, as an administrator does.
func (s *STS) Unlock(upn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.users {
		if strings.EqualFold(a.UPN, upn) {
			a.wrong = 0
		}
	}
}

// authenticate finds who it is. The person is zero unless result is "".
func (s *STS) authenticate(name string, password []byte, now time.Time) (u User, result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var a *account
	for _, c := range s.users {
		if strings.EqualFold(c.UPN, name) || c.Account != "" && strings.EqualFold(c.Account, name) ||
			s.opts.AlternateLogin && c.Mail != "" && strings.EqualFold(c.Mail, name) {
			a = c
		}
	}
	switch {
	case a == nil:
		return User{}, "unknown user"
	case a.State == Locked, s.opts.LockAfter > 0 && a.wrong >= s.opts.LockAfter && now.Sub(a.lastBad) < s.opts.LockFor:
		// The directory is not asked, so the right password is refused as well.
		return User{}, "locked"
	case a.State == Disabled:
		return User{}, "disabled"
	case subtle.ConstantTimeCompare([]byte(a.Password), password) != 1:
		a.wrong++
		a.lastBad = now
		return User{}, "wrong password"
	}
	a.wrong = 0
	return a.User, ""
}
