// Package password signs people in with a password that they type at the panel
// and that the fax service checks: its own, with a one-time code where it asks for
// one, or the company's, which the service passes on to AD FS (the old, brokered
// way).
//
// What lives here: which names and secrets are worth an attempt, and that none
// leaves for an account that signs in otherwise. What does not: the service itself
// (xmcloud), counting attempts and pauses between them (the reception in signin),
// and the company's password asked for by this agent (wstrust).
package password

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/platen-fax/platen/agent/signin"
)

// Bounds of what may be typed, in bytes.
const (
	maxName   = 254
	maxSecret = 1024
)

// codeDigits is the length of a one-time code (RFC 6238, as authenticator apps
// show it).
const codeDigits = 6

// Cloud is the fax service that checks passwords.
type Cloud interface {
	// Login makes exactly one attempt; failures are *[signin.Refused].
	Login(ctx context.Context, a signin.Attempt) (signin.Identity, error)
}

// Options are the way people choose, [signin.WayPassword] or [signin.WayBrokered],
// and the service. Both are required.
type Options struct {
	Way   signin.Way
	Cloud Cloud
}

// Method implements [signin.Typed]. It is safe for concurrent use.
type Method struct{ opts Options }

var _ signin.Typed = (*Method)(nil)

// New makes the method.
func New(o Options) *Method { return &Method{opts: o} }

// Try implements [signin.Typed] with one request. What cannot succeed is refused
// before anything is sent, and is not Spent:
//
//   - a password for an account that signs in interactively is
//     [signin.PhoneOnly], and for one that signs in another way, or in a way nobody
//     found out, [signin.NoWay]: the company's password never goes where the
//     service's own belongs, nor the other way round;
//   - a user name where only an e-mail address is of use is [signin.EmailNeeded];
//   - an empty, too long or unprintable name, an empty or too long password, and
//     a one-time code that is not six digits are [signin.BadInput].
func (m *Method) Try(ctx context.Context, a signin.Attempt) (signin.Identity, error) {
	if p := m.problem(&a); p != "" {
		return signin.Identity{}, &signin.Refused{Problem: p}
	}
	id, err := m.opts.Cloud.Login(ctx, a)
	if err != nil {
		return signin.Identity{}, err
	}
	id.Way = m.opts.Way
	return id, nil
}

// problem brings an attempt into the form that is sent and says why it must not
// be, or "".
func (m *Method) problem(a *signin.Attempt) signin.Problem {
	wants := signin.AccountOwn
	if m.opts.Way == signin.WayBrokered {
		wants = signin.AccountWSTrust
	}
	switch a.Discovery.Account {
	case wants:
	case signin.AccountSAML, signin.AccountOIDC:
		return signin.PhoneOnly
	default:
		return signin.NoWay
	}
	a.Name = strings.TrimSpace(a.Name)
	switch {
	case !printable(a.Name), len(a.Secret) == 0, len(a.Secret) > maxSecret, !utf8.Valid(a.Secret):
		return signin.BadInput
	case (m.opts.Way == signin.WayBrokered || a.Discovery.Email) && !address(a.Name):
		return signin.EmailNeeded
	}
	if m.opts.Way == signin.WayBrokered {
		a.Code = "" // the service's second factor is not asked for by the company
	}
	return code(&a.Code)
}

// code takes the spaces out of a one-time code, as apps show it in two groups.
func code(s *string) signin.Problem {
	*s = strings.Join(strings.Fields(*s), "")
	if *s == "" {
		return ""
	}
	if len(*s) != codeDigits || strings.Trim(*s, "0123456789") != "" {
		return signin.BadInput
	}
	return ""
}

func printable(name string) bool {
	return name != "" && len(name) <= maxName && utf8.ValidString(name) && strings.IndexFunc(name, unicode.IsControl) < 0
}

// address reports whether a name is one of e-mail, as far as it is worth sending.
func address(name string) bool {
	at := strings.LastIndexByte(name, '@')
	return at > 0 && at < len(name)-1 && !strings.ContainsFunc(name, unicode.IsSpace)
}
