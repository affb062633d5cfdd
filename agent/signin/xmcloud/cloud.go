// Package xmcloud is the XM-style cloud as an authority for signing in: it finds
// out how the people of a domain sign in, turns a password, an assertion or a
// sign-in by phone into a person with a token of their own, and gets authority
// for jobs with it.
//
// What lives here: what each of the service's words means at a panel, whether an
// attempt may have been counted, and the life of a person's token. What does not:
// the wire forms (protocols/xmcloud), counting and repeating attempts (the
// reception in signin), asking the company (wstrust), waiting for a phone (phone),
// and sending with a ticket (deliver).
package xmcloud

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/protocols/xmcloud"
)

// Bounds in time of one call, on top of the caller's.
const (
	askTime = 15 * time.Second
	endTime = 5 * time.Second
)

// application is the kind of program that a person's token is bound to.
const application = "mfp"

// Options are the service and its surroundings; Service and Client are required.
type Options struct {
	// Service is the id of the fax service in the configuration.
	Service string
	// Client speaks to the account; assertions and phones need its connector's
	// token. Devices are known to the service under the ids of their terminals and
	// must be enrolled there.
	Client *xmcloud.Client
	// Tokens must be one for all Clouds of an account that live in a process, also
	// one after the other; nil for a Cloud that is the only one.
	Tokens *Tokens
	// Now is the clock; nil for the system's.
	Now func() time.Time
}

// Cloud signs people in at one account. It is safe for concurrent use and starts
// no goroutine. Every method makes at most one request that could count as an
// attempt, repeats nothing and fails with a *[signin.Refused].
type Cloud struct {
	service string
	client  *xmcloud.Client
	tokens  *Tokens
	now     func() time.Time
}

var _ signin.Discoverer = (*Cloud)(nil)

// New makes a Cloud and does no I/O.
func New(o Options) *Cloud {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tokens == nil {
		o.Tokens = NewTokens()
	}
	return &Cloud{service: o.Service, client: o.Client, tokens: o.Tokens, now: o.Now}
}

// Discover implements [signin.Discoverer]. An address whose domain the service
// does not know, or knows as another account's or another region's, is
// [signin.Foreign]: nobody else is asked. A kind of account that is not known here
// is taken for one that signs in on the phone.
func (c *Cloud) Discover(ctx context.Context, email string) (signin.Discovery, error) {
	email = directory.Fold(email)
	if !isEmail(email) {
		return signin.Discovery{}, &signin.Refused{Problem: signin.BadInput}
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	s, err := c.client.Discover(ctx, email)
	if err != nil {
		return signin.Discovery{}, c.refused(ctx, err)
	}
	if s.Account != c.client.AccountName() || len(s.Methods) == 0 {
		return signin.Discovery{}, &signin.Refused{Problem: signin.Foreign}
	}
	d := signin.Discovery{
		Email:      s.EmailRequired,
		NoPhone:    !slices.Contains(s.Methods, xmcloud.MethodDevice),
		NoBrokered: !slices.Contains(s.Methods, xmcloud.MethodBrokered),
	}
	switch s.SSO {
	case xmcloud.SSONone:
		d.Account = signin.AccountOwn
	case xmcloud.SSOWSTrust:
		d.Account = signin.AccountWSTrust
	case xmcloud.SSOSAML2:
		d.Account = signin.AccountSAML
	default:
		d.Account = signin.AccountOIDC
	}
	if s.WSTrust != nil {
		d.MEX, d.RelyingParty = s.WSTrust.MEXURL, s.WSTrust.RPIdentifier
	}
	return d, nil
}

// Login makes one attempt with a typed password: the service's own, or for an
// account with WS-Trust the company's, which the service passes on. The secret
// goes out once and is not kept. Nothing is sent for accounts that sign in
// interactively.
func (c *Cloud) Login(ctx context.Context, a signin.Attempt) (signin.Identity, error) {
	way := signin.WayPassword
	switch a.Discovery.Account {
	case signin.AccountSAML, signin.AccountOIDC:
		return signin.Identity{}, &signin.Refused{Problem: signin.PhoneOnly}
	case signin.AccountWSTrust:
		way = signin.WayBrokered
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	leave, err := c.tokens.enter(ctx, a.Terminal)
	if err != nil {
		return signin.Identity{}, err
	}
	defer leave()
	u, err := c.client.Login(ctx, xmcloud.Login{
		Username: strings.TrimSpace(a.Name), Password: a.Secret, Application: application, Terminal: terminal(a.Terminal), OTP: a.Code,
	})
	if err != nil {
		r := c.refused(ctx, err)
		if way == signin.WayPassword && r.Problem == signin.PersonUnknown {
			r.Problem = signin.BadCredentials // whoever does not know the password learns nothing
		}
		return signin.Identity{}, r
	}
	if u.User == nil {
		u.User = &xmcloud.User{ID: u.UserID}
	}
	return c.identity(ctx, way, u.Token, *u.User, a.Terminal)
}

// Assert signs in with an assertion that the company's AD FS issued, byte for
// byte. No password goes along, and no attempt is spent by a refusal: the company
// has said yes already.
func (c *Cloud) Assert(ctx context.Context, t signin.Terminal, saml2 bool, assertion []byte) (signin.Identity, error) {
	grant := xmcloud.GrantSAML11
	if saml2 {
		grant = xmcloud.GrantSAML2
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	leave, err := c.tokens.enter(ctx, t)
	if err != nil {
		return signin.Identity{}, err
	}
	defer leave()
	a, err := c.client.Assert(ctx, grant, assertion, terminal(t))
	if err != nil {
		return signin.Identity{}, c.refused(ctx, err)
	}
	return c.identity(ctx, signin.WayCompany, a.AccessToken, a.User, t)
}

// errNobody says that a token came without the person it is for.
var errNobody = errors.New("answer without a person")

// identity makes the person of a fresh token. its terminal must be entered: nobody ends
// the same token meanwhile.
func (c *Cloud) identity(ctx context.Context, way signin.Way, token string, u xmcloud.User, t signin.Terminal) (signin.Identity, error) {
	person, err := directory.NewPerson(u.Email, u.Name)
	r := &signin.Refused{Problem: signin.NoAddress}
	if u.ID == "" {
		r.Problem, err = signin.Broken, errNobody
	}
	if err != nil {
		if !c.tokens.isHeld(token) {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
			defer cancel()
			// The token ends by itself otherwise; there is nothing better to do.
			_ = c.client.EndToken(ctx, token)
		}
		r.Err = err
		return signin.Identity{}, r
	}
	c.tokens.hold(token)
	return signin.Identity{
		Person: person, Way: way,
		Authority: &authority{c: c, user: u.ID, person: person, terminal: t, token: token},
	}, nil
}

func terminal(t signin.Terminal) xmcloud.Terminal {
	name := t.Name
	if name == "" {
		name = t.ID // the service wants one
	}
	return xmcloud.Terminal{ID: t.ID, Name: name, Location: t.Location}
}

func isEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1 && len(s) <= 254
}

// numbers lists whom a job is for, each once.
func numbers(rs []job.Recipient) []string {
	out := make([]string, 0, len(rs))
	seen := make(map[string]bool, len(rs))
	for _, r := range rs {
		if !seen[r.Number] {
			seen[r.Number] = true
			out = append(out, r.Number)
		}
	}
	return out
}
