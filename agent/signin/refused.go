package signin

import (
	"errors"
	"fmt"
	"time"
)

// Problem is why a sign-in did not succeed, as far as it may be told apart at a
// panel. Each has a text of its own there and a code for IT.
type Problem string

// What a service or company says about a person or a password. BadCredentials
// covers everything that must look alike from outside: wrong password, unknown
// person, and at AD FS a locked account.
const (
	BadCredentials   Problem = "bad-credentials"
	Locked           Problem = "locked"    // Until may say how long
	CodeNeeded       Problem = "code"      // a one-time code must be typed; no failure
	CodeWrong        Problem = "code-bad"  // wrong, or used before
	CodeSetup        Problem = "code-none" // one must be set up first, elsewhere
	PasswordExpired  Problem = "expired"
	MustChange       Problem = "must-change"
	PasswordDisabled Problem = "password-off"
	NotActivated     Problem = "not-activated"
	EmailNeeded      Problem = "email-needed" // a user name is no use here
	PhoneOnly        Problem = "phone-only"   // this account signs in interactively
	Denied           Problem = "denied"       // right password, but a rule or a second factor forbids it here
	PersonUnknown    Problem = "unknown"      // signed in at the company, unknown to the fax service
	PersonDisabled   Problem = "disabled"
	NotAllowed       Problem = "not-allowed" // may not send from devices
	ForeignTenant    Problem = "foreign"     // signed in, at another company
	Declined         Problem = "declined"    // tapped "no" on the phone, or "not me" here
	CodeExpired      Problem = "ran-out"     // of the phone
	Blocked          Problem = "blocked"     // the company's policy refuses the phone's way
	SignInAgain      Problem = "again"       // the credential has ended
)

// What is wrong on the way, by leg.
const (
	Clock              Problem = "clock" // of this device or the server
	CompanyDown        Problem = "company-down"
	CompanyBusy        Problem = "company-busy"
	CompanyOff         Problem = "company-off"         // AD FS does not offer the endpoint here
	CompanyUntrusted   Problem = "company-untrusted"   // not https, not a pinned host, a redirect, a certificate
	CompanyConfig      Problem = "company-config"      // AD FS and the service do not know each other
	ServiceDown        Problem = "service-down"        // the fax service's sign-in
	ServiceConfig      Problem = "service-config"      // it refuses this agent, not the person
	ServiceCannotReach Problem = "service-no-company"  // brokered: the service cannot reach the company
	ServiceMayNotAsk   Problem = "service-not-allowed" // brokered: the company's list does not have the service
	DirectoryDown      Problem = "directory-down"
	Broken             Problem = "broken" // an answer that makes no sense
)

// What this agent says itself.
const (
	BadInput       Problem = "input"     // empty, too long, or characters nobody can send
	TooManyTries   Problem = "tries"     // Until says when the next is allowed; nothing was sent
	NotPrivate     Problem = "plain"     // no secret may be typed here: neither https nor loopback
	NoWay          Problem = "no-way"    // nothing that is switched on fits this account
	BadgeUnknown   Problem = "badge-new" // and may be linked where that is offered
	BadgeAmbiguous Problem = "badge-two" // belongs to more than one person
	BadgeUnread    Problem = "badge-unread"
	NoAddress      Problem = "no-address" // the directory has no e-mail address for the person
	BadPIN         Problem = "pin"
	PINNeeded      Problem = "pin-none" // the person has none yet and must sign in once in another way
	LaunchBad      Problem = "launch"   // a launch token that is old, used, or not ours
	Foreign        Problem = "domain"   // an e-mail address of no company that signs in here
)

// Refused is a sign-in that did not succeed. Its text is for IT: it names no
// person and holds no secret.
type Refused struct { //nolint:errname // read as signin.Refused everywhere
	Problem Problem
	Until   time.Time // for Locked and TooManyTries; zero when nobody said
	URL     string    // https page where the person can mend it; "" for none
	// Spent says that the other side may have counted the attempt.
	Spent bool
	// Support is the other side's own code, such as "MSIS7068"; "" for none.
	Support string
	Err     error // may be nil
}

// Error implements error.
func (r *Refused) Error() string {
	s := "sign-in: " + string(r.Problem)
	if r.Support != "" {
		s += " (" + r.Support + ")"
	}
	if r.Err != nil {
		s = fmt.Sprintf("%s: %v", s, r.Err)
	}
	return s
}

// Unwrap returns the cause.
func (r *Refused) Unwrap() error { return r.Err }

// ProblemOf returns the problem of an error of this package and its methods,
// [Broken] for any other error, and "" for nil.
func ProblemOf(err error) Problem {
	if err == nil {
		return ""
	}
	if r, ok := errors.AsType[*Refused](err); ok {
		return r.Problem
	}
	return Broken
}

// Wipe overwrites a secret.
func Wipe(b []byte) { clear(b) }

// asRefused returns an error of a method as the *Refused it should be. An error
// that is none may have been counted by the other side.
func asRefused(err error) *Refused {
	if r, ok := errors.AsType[*Refused](err); ok {
		return r
	}
	return &Refused{Problem: Broken, Spent: true, Err: err}
}
