package xmcloud_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/password"
	"github.com/platen-fax/platen/protocols/saml"
	"github.com/platen-fax/platen/protocols/wstrust"
	wire "github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/adfs"
	"github.com/platen-fax/platen/simulator/faxcloud"
)

const companyWord = "Company word <1>"

// signingKey is shared by the farms: making one takes longer than a test.
var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// company is acme with an AD FS of its own, on the clock of the cloud.
type company struct {
	*world
	sts    *adfs.STS
	client *wstrust.Client
	mex    string
}

func openCompany(t *testing.T, edit func(*faxcloud.XMAccount)) *company {
	t.Helper()
	key, err := signingKey()
	if err != nil {
		t.Fatal(err)
	}
	c := &company{}
	now := func() time.Time {
		if c.world == nil {
			return begin
		}
		return c.clock.Now()
	}
	c.sts, err = adfs.New(adfs.Options{
		Key: key, Now: now, AlternateLogin: true, RelyingParties: []adfs.RelyingParty{{ID: relying}, {ID: relying + "other"}},
		Users: []adfs.User{
			{UPN: "ann@corp.example", Mail: strings.ToUpper(annsMail), Password: companyWord},
			{UPN: "new@corp.example", Mail: "new@acme.example", Password: companyWord},
			{UPN: "off@corp.example", Mail: "off@acme.example", Password: companyWord},
			{UPN: "mute@corp.example", Mail: "mute@acme.example", Password: companyWord},
			{UPN: "guest@corp.example", Mail: "guest@acme.example", Password: companyWord},
			{UPN: "nomail@corp.example", Password: companyWord},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewTLSServer(c.sts.Handler())
	t.Cleanup(srv.Close)
	t.Cleanup(c.sts.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	c.mex = srv.URL + adfs.PathMEX
	if c.client, err = wstrust.New(wstrust.Config{HTTP: srv.Client(), AllowedHosts: []string{u.Host}, Now: now}); err != nil {
		t.Fatal(err)
	}
	c.world = open(t, func(o *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		wsTrust(o, a)
		a.WSTrust.MEXURL = c.mex
		a.IdPs = []faxcloud.XMIdP{{IdentityProvider: saml.IdentityProvider{
			EntityID: c.sts.Issuer(u.Host), Certificates: []*x509.Certificate{c.sts.Certificates()[0]},
		}}}
		o.STS = c.ask
		if edit != nil {
			edit(a)
		}
	})
	return c
}

// token asks the company's AD FS once.
func (c *company) token(ctx context.Context, upn, word, audience, tokenType string) (*wstrust.Token, error) {
	r, err := c.client.Discover(ctx, wstrust.Site{MEX: c.mex})
	if err != nil {
		return nil, err
	}
	return c.client.Issue(ctx, r, wstrust.Request{Username: upn, Password: []byte(word), AppliesTo: audience, TokenType: tokenType})
}

// ask is the cloud at the company, in the old way.
func (c *company) ask(ctx context.Context, r faxcloud.STSRequest) (faxcloud.STSAnswer, error) {
	tok, err := c.token(ctx, r.Email, string(r.Password), r.RPIdentifier, "")
	if wstrust.VerdictOf(err) == wstrust.VerdictBadCredentials {
		return faxcloud.STSAnswer{}, &wire.Error{Status: http.StatusUnauthorized, Code: wire.BadCredentials}
	}
	if err != nil {
		return faxcloud.STSAnswer{}, err
	}
	return faxcloud.STSAnswer{Grant: wire.GrantSAML11, Assertion: slices.Clone(tok.Assertion)}, nil
}

// assertion is one for somebody, issued now.
func (c *company) assertion(t *testing.T, upn, audience, tokenType string) []byte {
	t.Helper()
	tok, err := c.token(t.Context(), upn, companyWord, audience, tokenType)
	if err != nil {
		t.Fatal(err)
	}
	return tok.Assertion
}

func (c *company) assert(t *testing.T, saml2 bool, assertion []byte) (signin.Identity, error) {
	t.Helper()
	id, err := c.in.Assert(t.Context(), frontDesk, saml2, assertion)
	c.heard(err)
	return id, err
}

// TestAssertionSignsInWithoutAPassword: what reaches the service is the assertion,
// byte for byte, and neither name nor password; a mandatory second factor of the
// service is not asked for.
func TestAssertionSignsInWithoutAPassword(t *testing.T) {
	for tokenType, saml2 := range map[string]bool{"": false, wstrust.TokenTypeSAML20: true} {
		c := openCompany(t, func(a *faxcloud.XMAccount) { a.Policy.OTP = "mandatory" })
		id, err := c.assert(t, saml2, c.assertion(t, "ann@corp.example", relying, tokenType))
		if err != nil {
			t.Fatalf("SAML 2.0 %v: %v", saml2, err)
		}
		if id.Person.ID != "ann@acme.example" || id.Person.Email != annsMail || id.Way != signin.WayCompany {
			t.Errorf("identity %+v; want Ann, by her company", id)
		}
		for _, r := range c.seen {
			v, err := url.ParseQuery(r.body)
			if strings.Contains(r.body, "word") || v.Has("password") || v.Has("username") || err != nil {
				t.Errorf("%s carries a password or a name", r.line)
			}
		}
		if c.asked(loginLine) != 0 {
			t.Error("a password reached the service")
		}
		if _, err := id.Authority.Grant(t.Context(), c.terms(toN)); err != nil {
			t.Errorf("a ticket: %v", err)
		}
	}
}

// TestAssertionRefused: what may be told apart, and that no attempt is spent.
func TestAssertionRefused(t *testing.T) {
	c := openCompany(t, nil)
	fresh := func(upn string) []byte { return c.assertion(t, upn, relying, "") }
	used := fresh("ann@corp.example")
	if _, err := c.assert(t, false, used); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name      string
		assertion []byte
		want      signin.Problem
		support   wire.Code
	}{
		{"nobody there", fresh("guest@corp.example"), signin.PersonUnknown, wire.UserUnknown},
		{"not activated", fresh("new@corp.example"), signin.NotActivated, wire.NotActivated},
		{"disabled", fresh("off@corp.example"), signin.PersonDisabled, wire.UserInactive},
		{"no right to send", fresh("mute@corp.example"), signin.NotAllowed, wire.UserNotAllowed},
		{"no address", fresh("nomail@corp.example"), signin.NoAddress, wire.NoEmail},
		{"used before", used, signin.Broken, wire.Replayed},
		{"for another service", c.assertion(t, "ann@corp.example", relying+"other", ""), signin.CompanyConfig, wire.WrongAudience},
		{"changed", []byte(strings.Replace(string(fresh("ann@corp.example")), "ACME.EXAMPLE", "ACME.EXAMPLF", 1)), signin.CompanyConfig, wire.BadSignature},
		{"none", nil, signin.Broken, ""},
	} {
		_, err := c.assert(t, false, tt.assertion)
		if r := c.want(t, tt.name, err, tt.want, false); r.Support != string(tt.support) {
			t.Errorf("%s: support code %q; want %q", tt.name, r.Support, tt.support)
		}
	}
}

// TestAssertionFromAWrongClock is about clocks, not people.
func TestAssertionFromAWrongClock(t *testing.T) {
	for ahead, support := range map[time.Duration]wire.Code{20 * time.Minute: wire.NotYetValid, -20 * time.Minute: wire.AssertionOld} {
		c := openCompany(t, nil)
		assertion := c.assertion(t, "ann@corp.example", relying, "")
		c.clock.Pass(-ahead) // the cloud's clock is elsewhere from now on
		_, err := c.assert(t, false, assertion)
		if r := c.want(t, string(support), err, signin.Clock, false); r.Support != string(support) {
			t.Errorf("support code %q; want %q", r.Support, support)
		}
	}
}

// TestBrokeredPassword: the service asks AD FS with what was typed; without the
// list, without AD FS, and with a wrong password it says so, and what was typed is
// spent only where AD FS may have seen it.
func TestBrokeredPassword(t *testing.T) {
	d := signin.Discovery{Account: signin.AccountWSTrust, Email: true}
	try := func(c *company, word string) (signin.Identity, error) {
		return password.New(password.Options{Way: signin.WayBrokered, Cloud: c.in}).Try(t.Context(), signin.Attempt{
			Terminal: frontDesk, Name: "ann@acme.example", Secret: []byte(word), Code: "123456", Discovery: d,
		})
	}
	listed := func(a *faxcloud.XMAccount) { a.Brokered, a.Grandfathered, a.Policy.OTP = true, true, "mandatory" }
	c := openCompany(t, listed)
	id, err := try(c, companyWord)
	if err != nil || id.Person.ID != "ann@acme.example" || id.Way != signin.WayBrokered {
		t.Errorf("identity %+v, %v; want Ann, brokered", id, err)
	}
	if strings.Contains(c.bodies(), "123456") {
		t.Error("a one-time code went along")
	}
	_, err = try(c, "wrong")
	c.want(t, "a wrong password", err, signin.BadCredentials, true)
	if n := len(c.sts.Passwords()); n != 2 {
		t.Errorf("AD FS was asked %d times; want 2", n)
	}

	c = openCompany(t, func(a *faxcloud.XMAccount) { a.Brokered = true })
	_, err = try(c, companyWord)
	c.want(t, "not on the list", err, signin.ServiceMayNotAsk, false)
	if n := len(c.sts.Passwords()); n != 0 {
		t.Errorf("AD FS was asked %d times; want none", n)
	}

	c = openCompany(t, listed)
	c.sts.Set(adfs.Behaviour{MEX: adfs.MEXMissing})
	_, err = try(c, companyWord)
	c.want(t, "AD FS out of reach", err, signin.ServiceCannotReach, true)

	c = openCompany(t, nil)
	_, err = try(c, companyWord)
	c.want(t, "an account that is not brokered", err, signin.PhoneOnly, false)
}
