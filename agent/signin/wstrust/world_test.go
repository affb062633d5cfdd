package wstrust_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	company "github.com/platen-fax/platen/agent/signin/wstrust"
	"github.com/platen-fax/platen/protocols/saml"
	"github.com/platen-fax/platen/protocols/wstrust"
	"github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/adfs"
	"github.com/platen-fax/platen/simulator/faxcloud"
)

const (
	rp       = "https://login.fax.example/"
	password = "Corr3ct-horse!"
	ann      = "ann@corp.example.com"
	annID    = "ann.lee@example.com"
)

var frontDesk = signin.Terminal{ID: "front-desk", Name: "Front desk", Location: "2nd floor"}

// signingKey is shared by the farms: making one takes longer than a test.
var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// clock is time that moves when told.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// farm is a company's AD FS behind TLS.
type farm struct {
	*adfs.STS
	web   *httptest.Server
	host  string
	clock *clock
}

func newFarm(t *testing.T, change func(*adfs.Options)) *farm {
	t.Helper()
	k, err := signingKey()
	if err != nil {
		t.Fatal(err)
	}
	f := &farm{clock: &clock{t: time.Now()}}
	o := adfs.Options{
		Key: k, RelyingParties: []adfs.RelyingParty{{ID: rp}}, Now: f.clock.now,
		Users: []adfs.User{{UPN: ann, Account: `CORP\ann`, Mail: "Ann.Lee@Example.com", Given: "Ann", Surname: "Lee & Co", Password: password}},
	}
	if change != nil {
		change(&o)
	}
	if f.STS, err = adfs.New(o); err != nil {
		t.Fatal(err)
	}
	f.web, f.host = serve(t, f.Handler())
	t.Cleanup(f.Close)
	return f
}

// serve answers over TLS and keeps the handshakes that are meant to fail out of
// the test's output.
func serve(t *testing.T, h http.Handler) (*httptest.Server, string) {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return srv, u.Host
}

// client is pinned to the farm; drift is of its clock.
func (f *farm) client(t *testing.T, drift time.Duration) *wstrust.Client {
	t.Helper()
	return client(t, f.web, f.host, func() time.Time { return f.clock.now().Add(drift) })
}

func client(t *testing.T, srv *httptest.Server, host string, now func() time.Time) *wstrust.Client {
	t.Helper()
	c, err := wstrust.New(wstrust.Config{HTTP: srv.Client(), AllowedHosts: []string{host}, Now: now, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (f *farm) mex() string { return f.web.URL + adfs.PathMEX }

// discovery is what a fax service says about the company.
func (f *farm) discovery() signin.Discovery {
	return signin.Discovery{Account: signin.AccountWSTrust, MEX: f.mex(), RelyingParty: rp}
}

// method is without an exchange.
func (f *farm) method(t *testing.T) *company.Method {
	t.Helper()
	return company.New(company.Options{Client: f.client(t, 0), Now: f.clock.now})
}

// attempt is what Ann types.
func (f *farm) attempt(pass string) signin.Attempt {
	return signin.Attempt{Terminal: frontDesk, Name: ann, Secret: []byte(pass), Discovery: f.discovery()}
}

// sentOnce checks that the password went out once: over TLS, to the pinned host
// and that path.
func (f *farm) sentOnce(t *testing.T, path, pass string) {
	t.Helper()
	got := f.Passwords()
	if len(got) != 1 || got[0].Password != pass || !got[0].TLS || got[0].Host != f.host || got[0].Path != path {
		t.Errorf("passwords received: %+v; want %q once, over TLS, at %s%s", got, pass, f.host, path)
	}
}

func (f *farm) neverSent(t *testing.T) {
	t.Helper()
	if got := f.Passwords(); len(got) != 0 {
		t.Errorf("passwords received: %+v; want none", got)
	}
}

// cloud is a fax service with the company's account, asked through the
// product's client of it, and a record of all bytes that reach it.
type cloud struct {
	*faxcloud.Cloud
	api *xmcloud.Client

	mu   sync.Mutex
	seen bytes.Buffer
	// before is called as each assertion is about to be exchanged.
	before func(assertion []byte)
}

// newCloud knows these providers, or the farm with the certificates it publishes
// now.
func newCloud(t *testing.T, f *farm, idps ...faxcloud.XMIdP) *cloud {
	t.Helper()
	if idps == nil {
		idps = []faxcloud.XMIdP{f.provider()}
	}
	c := &cloud{}
	var err error
	c.Cloud, err = faxcloud.New(faxcloud.Options{Dir: t.TempDir(), Now: f.clock.now, XM: faxcloud.XMOptions{Accounts: []faxcloud.XMAccount{{
		Region: "eu", ID: "acme", Domains: []string{"example.com"}, SSO: xmcloud.SSOWSTrust,
		WSTrust:    xmcloud.WSTrust{MEXURL: f.mex(), RPIdentifier: rp},
		Users:      []faxcloud.XMUser{{ID: "u-ann", Name: "ann", Display: "Ann Lee", Email: "ann.lee@EXAMPLE.com"}},
		Connectors: []faxcloud.XMConnector{{Token: "SERVICE|acme", Devices: []string{frontDesk.ID}, Permissions: []string{xmcloud.MaySend}}},
		IdPs:       idps,
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	h := c.XM().RegionHandler("eu")
	srv, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading a request to the fax service: %v", err)
		}
		c.mu.Lock()
		c.seen.WriteString(r.Method + " " + r.RequestURI + "\n")
		_ = r.Header.Write(&c.seen)
		c.seen.Write(body)
		c.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		h.ServeHTTP(w, r)
	}))
	hc := srv.Client()
	hc.Transport.(*http.Transport).DisableKeepAlives = true
	c.api, err = xmcloud.New(xmcloud.Config{
		HTTP: hc, Commit: hc, Endpoint: srv.URL, Account: "acme",
		Token: func(context.Context) (string, error) { return "SERVICE|acme", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (f *farm) provider() faxcloud.XMIdP {
	return faxcloud.XMIdP{IdentityProvider: saml.IdentityProvider{EntityID: f.Issuer(f.host), Certificates: f.Certificates()}}
}

// Assert implements the exchange with as little as there can be.
func (c *cloud) Assert(ctx context.Context, t signin.Terminal, saml2 bool, assertion []byte) (signin.Identity, error) {
	if c.before != nil {
		c.before(assertion)
	}
	grant := xmcloud.GrantSAML11
	if saml2 {
		grant = xmcloud.GrantSAML2
	}
	a, err := c.api.Assert(ctx, grant, assertion, xmcloud.Terminal{ID: t.ID, Name: t.Name, Location: t.Location})
	if err != nil {
		if xmcloud.CodeOf(err) == xmcloud.UserUnknown {
			return signin.Identity{}, &signin.Refused{Problem: signin.PersonUnknown, Err: err}
		}
		return signin.Identity{}, err
	}
	return signin.Identity{Person: job.Person{ID: strings.ToLower(a.User.Email), Name: a.User.Name, Email: a.User.Email}}, nil
}

// never checks that nothing like the secret reached the fax service, in any
// writing that a request uses.
func (c *cloud) never(t *testing.T, secret string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen.Len() == 0 {
		t.Error("the fax service was not asked at all")
	}
	for _, form := range []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret))} {
		if bytes.Contains(c.seen.Bytes(), []byte(form)) {
			t.Errorf("the fax service was sent the password as %q", form)
		}
	}
}

// problem wants a refusal that names neither the person nor the password.
func problem(t *testing.T, what string, err error, want signin.Problem, spent bool) signin.Refused {
	t.Helper()
	var r *signin.Refused
	if !errors.As(err, &r) || r.Problem != want || r.Spent != spent {
		t.Errorf("%s: %v; want problem %q, spent %t", what, err, want, spent)
		return signin.Refused{}
	}
	if s := r.Error(); strings.Contains(s, password) || strings.Contains(s, ann) || strings.Contains(strings.ToLower(s), annID) {
		t.Errorf("%s: the error says who it was: %s", what, s)
	}
	return *r
}
