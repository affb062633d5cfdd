package phone_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/phone"
	"github.com/platen-fax/platen/protocols/deviceflow"
	"github.com/platen-fax/platen/simulator/idp"
)

var profiles = []idp.Profile{idp.Entra, idp.ADFS, idp.Okta}

// office is a company's own provider over TLS, and the method under test.
type office struct {
	*idp.OIDC
	clock  clock
	drift  time.Duration // of the device's clock
	srv    *httptest.Server
	cfg    deviceflow.Config
	method *phone.CompanyMethod
}

func newOffice(t *testing.T, shape idp.Profile, edit func(*deviceflow.Config)) *office {
	t.Helper()
	o := &office{clock: clock{t: begin}}
	var h http.Handler
	o.srv = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", o.clock.now().Format(http.TimeFormat))
		h.ServeHTTP(w, r)
	}))
	var err error
	o.OIDC, err = idp.NewOIDC(idp.OIDCOptions{
		Shape: shape, Base: o.srv.URL, Clients: map[string]string{"panel": "Platen fax"}, Now: o.clock.now,
		Users: []idp.User{
			{Name: "ann@acme.example", Password: companyWord, Display: "Ann Lee", Email: "Ann@Acme.example"},
			{Name: "ed@acme.example", Password: companyWord, Email: "ed@acme.example", State: idp.Unassigned},
			{Name: "flo@acme.example", Password: companyWord, State: idp.NoEmail},
			{Name: "guest@other.example", Password: companyWord, Email: "guest@other.example"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	h = o.Handler()
	o.cfg = deviceflow.Config{
		HTTP: o.srv.Client(), Issuer: o.Issuer(), ClientID: "panel",
		Now: func() time.Time { return o.clock.now().Add(o.drift) }, Wait: o.clock.wait,
	}
	if edit != nil {
		edit(&o.cfg)
	}
	o.method = o.with(t, phone.CompanyOptions{})
	return o
}

func (o *office) with(t *testing.T, opts phone.CompanyOptions) *phone.CompanyMethod {
	t.Helper()
	var err error
	if opts.Client, err = deviceflow.New(o.cfg); err != nil {
		t.Fatal(err)
	}
	return phone.NewCompany(opts)
}

func (o *office) start(t *testing.T) signin.Pairing {
	t.Helper()
	p, err := o.method.Start(t.Context(), frontDesk, "fr")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// act goes through the phone's pages as this person, up to a button.
func (o *office) act(t *testing.T, s signin.Shown, user, button string) *browser {
	t.Helper()
	b := newBrowser(t, o.srv.Client()).open(s.QR)
	if strings.Contains(b.page, `name="user_code"`) && !strings.Contains(b.page, `name="password"`) {
		b.post(o.Page(), "user_code", strings.ToLower(s.Code))
	}
	if !strings.Contains(b.page, `name="password"`) {
		return b
	}
	b.post(o.Page(), "user", user, "password", companyWord)
	if strings.Contains(b.page, "Are you trying to sign in?") {
		b.post(o.Page(), button, "1")
	}
	return b
}

// signIn starts and lets a person act during the second wait.
func (o *office) signIn(t *testing.T, m *phone.CompanyMethod, user, button string) (signin.Identity, error) {
	t.Helper()
	p, err := m.Start(t.Context(), frontDesk, "en")
	if err != nil {
		return signin.Identity{}, err
	}
	o.clock.waits = nil
	o.clock.onWait = func(n int) {
		if n == 2 {
			o.act(t, p.Shown(), user, button)
		}
	}
	return p.Wait(t.Context())
}

func (o *office) pollTimes() (at []time.Time) {
	for _, p := range o.Polls() {
		at = append(at, p.At)
	}
	return at
}

// TestCompanyPhoneApprove: at each kind of provider Ann signs in with a code, and
// the panel has to ask whether it is her.
func TestCompanyPhoneApprove(t *testing.T) {
	for _, shape := range profiles {
		o := newOffice(t, shape, nil)
		p := o.start(t)
		s := p.Shown()
		if s.Address != o.Page() || s.Code == "" || s.Match != "" || strings.Contains(s.QR, "user_code=") == (shape == idp.Entra) {
			t.Errorf("%s: shown %+v", shape, s)
		}
		o.clock.onWait = func(n int) {
			if n == 2 {
				o.act(t, s, "ann@acme.example", "confirm")
			}
		}
		id, err := p.Wait(t.Context())
		want := signin.Identity{Person: job.Person{ID: "ann@acme.example", Name: "Ann Lee", Email: "Ann@Acme.example"}, Way: signin.WayCompanyPhone, Ask: true}
		if err != nil || id != want {
			t.Errorf("%s: Wait = %+v, %v; want %+v", shape, id, err, want)
		}
		apart(t, o.pollTimes(), begin, 5*time.Second)
	}
}

// TestCompanyPhoneDeny covers both words that providers have for a no.
func TestCompanyPhoneDeny(t *testing.T) {
	for _, shape := range profiles {
		o := newOffice(t, shape, nil)
		_, err := o.signIn(t, o.method, "ann@acme.example", "decline")
		problem(t, string(shape), err, signin.Declined)
	}
}

// TestCompanyPhoneExpire: providers announce 15 minutes, a code is shown and
// asked about for five, and a new one is another code.
func TestCompanyPhoneExpire(t *testing.T) {
	for _, shape := range profiles {
		o := newOffice(t, shape, nil)
		p := o.start(t)
		if got := p.Shown().Expires.Sub(begin); got != phone.MaxLife {
			t.Errorf("%s: shown for %v; want %v", shape, got, phone.MaxLife)
		}
		_, err := p.Wait(t.Context())
		problem(t, string(shape), err, signin.CodeExpired)
		if got := o.clock.now().Sub(begin); got != phone.MaxLife {
			t.Errorf("%s: waited for %v; want %v", shape, got, phone.MaxLife)
		}
		apart(t, o.pollTimes(), begin, 5*time.Second)
		if again := o.start(t).Shown(); again.Code == p.Shown().Code {
			t.Errorf("%s: the same code again", shape)
		}
	}
	// The provider's own word, before that.
	o := newOffice(t, idp.Entra, nil)
	o.SetKnobs(idp.Knobs{Expired: true})
	_, err := o.signIn(t, o.method, "ann@acme.example", "confirm")
	problem(t, "expired_token", err, signin.CodeExpired)
}

// TestCompanyPhoneSlowDown: each slow_down is 5 s more for good.
func TestCompanyPhoneSlowDown(t *testing.T) {
	o := newOffice(t, idp.Okta, nil)
	o.SetKnobs(idp.Knobs{SlowDown: 2, Pending: 1})
	id, err := o.signIn(t, o.method, "ann@acme.example", "confirm")
	if err != nil || id.Person.ID != ann.ID {
		t.Fatalf("Wait = %+v, %v; want Ann", id, err)
	}
	s := time.Second
	if want := []time.Duration{5 * s, 10 * s, 15 * s, 15 * s}; !slices.Equal(o.clock.waits, want) {
		t.Errorf("waits %v; want %v", o.clock.waits, want)
	}
}

// TestCompanyPhoneProviderDown: errors and cut connections are waited out.
func TestCompanyPhoneProviderDown(t *testing.T) {
	for _, k := range []idp.Knobs{{Fail: 2}, {Drop: 2}} {
		o := newOffice(t, idp.ADFS, nil)
		o.SetKnobs(k)
		id, err := o.signIn(t, o.method, "ann@acme.example", "confirm")
		if err != nil || id.Person.ID != ann.ID {
			t.Errorf("%+v: Wait = %+v, %v; want Ann", k, id, err)
		}
		s := time.Second
		if want := []time.Duration{5 * s, 10 * s, 20 * s}; !slices.Equal(o.clock.waits, want) {
			t.Errorf("%+v: waits %v; want %v", k, o.clock.waits, want)
		}
	}
}

// TestCompanyPhoneCancel: nobody asks after the person went away.
func TestCompanyPhoneCancel(t *testing.T) {
	o := newOffice(t, idp.Entra, nil)
	p := o.start(t)
	ctx, cancel := context.WithCancel(t.Context())
	o.clock.onWait = func(n int) {
		if n == 3 {
			cancel()
		}
	}
	if _, err := p.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v; want cancelled", err)
	}
	if got := len(o.Polls()); got != 2 {
		t.Errorf("%d polls; want the 2 before", got)
	}
}

// TestCompanyPhoneUsedCodeRefused: a code that was used signs nobody in again,
// neither on a phone nor here.
func TestCompanyPhoneUsedCodeRefused(t *testing.T) {
	for _, shape := range profiles {
		o := newOffice(t, shape, nil)
		p := o.start(t)
		o.clock.onWait = func(n int) {
			if n == 1 {
				o.act(t, p.Shown(), "ann@acme.example", "confirm")
			}
		}
		if _, err := p.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if b := o.act(t, p.Shown(), "guest@other.example", "confirm"); !strings.Contains(b.page, "cannot be used") {
			t.Errorf("%s: a second scan:\n%s", shape, b.page)
		}
		_, err := p.Wait(t.Context())
		problem(t, string(shape), err, signin.Blocked) // invalid_grant means either
	}
}

// TestRelayedApprovalAtTheCompanysProvider: a token of another organisation, or
// of a guest where only the company's own addresses may sign in, is nobody.
func TestRelayedApprovalAtTheCompanysProvider(t *testing.T) {
	tenant := ""
	for _, lie := range []idp.TokenLie{idp.LieTenant, idp.LieIssuer} {
		o := newOffice(t, idp.Entra, func(c *deviceflow.Config) {
			tenant = strings.Split(strings.TrimPrefix(c.Issuer, "https://"), "/")[1]
			c.Tenant = tenant
		})
		if id, err := o.signIn(t, o.method, "ann@acme.example", "confirm"); err != nil || id.Person.ID != ann.ID {
			t.Fatalf("the own tenant %q: %+v, %v", tenant, id, err)
		}
		o.SetKnobs(idp.Knobs{Token: lie})
		_, err := o.signIn(t, o.method, "ann@acme.example", "confirm")
		problem(t, string(lie), err, signin.ForeignTenant)
	}
	o := newOffice(t, idp.Okta, nil)
	m := o.with(t, phone.CompanyOptions{Domains: []string{"ACME.example", "acme.test"}})
	if id, err := o.signIn(t, m, "ann@acme.example", "confirm"); err != nil || id.Person.ID != ann.ID {
		t.Errorf("an own address: %+v, %v; want Ann", id, err)
	}
	_, err := o.signIn(t, m, "guest@other.example", "confirm")
	problem(t, "a guest", err, signin.Foreign)
}

// TestEveryProviderErrorHasItsProblem goes through what providers answer.
func TestEveryProviderErrorHasItsProblem(t *testing.T) {
	const me = "ann@acme.example"
	offices := make(map[idp.Profile]*office) // one each: making keys takes longer than a case
	for _, shape := range profiles {
		offices[shape] = newOffice(t, shape, nil)
	}
	for _, tt := range []struct {
		name    string
		shape   idp.Profile
		knobs   idp.Knobs
		edit    func(*deviceflow.Config)
		user    string // "" is Ann
		drift   time.Duration
		want    signin.Problem
		support string
	}{
		{name: "conditional access", shape: idp.Entra, knobs: idp.Knobs{Blocked: true}, want: signin.Blocked, support: "AADSTS53003"},
		{name: "not assigned", shape: idp.Entra, user: "ed@acme.example", want: signin.CodeExpired},
		{name: "declined by knob", shape: idp.Entra, knobs: idp.Knobs{Declined: true}, want: signin.Declined, support: "authorization_declined"},
		{name: "no device grant", shape: idp.ADFS, knobs: idp.Knobs{NoDeviceGrant: true}, want: signin.CompanyConfig},
		{name: "unknown application", shape: idp.Entra, edit: func(c *deviceflow.Config) { c.ClientID = "nobody" }, want: signin.CompanyConfig, support: "AADSTS700016"},
		{name: "no document there", shape: idp.ADFS, edit: func(c *deviceflow.Config) { c.Issuer += "/other" }, want: signin.CompanyConfig},
		{name: "document of another issuer", shape: idp.Okta, edit: func(c *deviceflow.Config) {
			c.DiscoveryURL = c.Issuer + "/.well-known/openid-configuration"
			c.Issuer += "/other"
		}, want: signin.CompanyConfig},
		{name: "document on another host", shape: idp.Okta, edit: func(c *deviceflow.Config) {
			c.DiscoveryURL = "https://evil.example/.well-known/openid-configuration"
		}, want: signin.CompanyUntrusted},
		{name: "certificate nobody vouches for", shape: idp.Okta, edit: func(c *deviceflow.Config) { c.HTTP = &http.Client{Transport: &http.Transport{}} }, want: signin.CompanyUntrusted},
		{name: "no address", shape: idp.ADFS, user: "flo@acme.example", want: signin.NoAddress},
		{name: "address unchecked", shape: idp.Okta, knobs: idp.Knobs{Token: idp.LieUnchecked}, want: signin.NoAddress},
		{name: "no id token", shape: idp.Okta, knobs: idp.Knobs{Token: idp.LieMissing}, want: signin.CompanyConfig},
		{name: "for another application", shape: idp.Okta, knobs: idp.Knobs{Token: idp.LieAudience}, want: signin.CompanyConfig},
		{name: "for two applications", shape: idp.Okta, knobs: idp.Knobs{Token: idp.LieTwo}, want: signin.CompanyConfig},
		{name: "token expired", shape: idp.Okta, knobs: idp.Knobs{Token: idp.LieExpired}, want: signin.Broken},
		{name: "token of the future", shape: idp.Okta, knobs: idp.Knobs{Token: idp.LieFuture}, want: signin.Broken},
		{name: "unsigned", shape: idp.Okta, knobs: idp.Knobs{Token: idp.LieNone}, want: signin.Broken},
		{name: "signed with the public key", shape: idp.Okta, knobs: idp.Knobs{Token: idp.LieHMAC}, want: signin.Broken},
		{name: "foreign key", shape: idp.Okta, knobs: idp.Knobs{Token: idp.LieKey}, want: signin.Broken},
		{name: "changed", shape: idp.Okta, knobs: idp.Knobs{Token: idp.LieTampered}, want: signin.Broken},
		{name: "our clock ahead", shape: idp.Okta, drift: 2 * time.Hour, want: signin.Clock},
		{name: "our clock behind", shape: idp.Okta, drift: -2 * time.Hour, want: signin.Clock},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := offices[tt.shape]
			o.SetKnobs(tt.knobs)
			o.drift = tt.drift
			m := o.method
			if tt.edit != nil {
				was := o.cfg
				tt.edit(&o.cfg)
				m = o.with(t, phone.CompanyOptions{})
				o.cfg = was
			}
			if tt.user == "" {
				tt.user = me
			}
			id, err := o.signIn(t, m, tt.user, "confirm")
			r := problem(t, tt.name, err, tt.want)
			if r.Support != tt.support && (tt.support != "" || !plainCode(r.Support)) {
				t.Errorf("support %q; want %q", r.Support, tt.support)
			}
			if id.Person.ID != "" {
				t.Errorf("a person all the same: %+v", id)
			}
		})
	}
}

// plainCode reports whether a support code is one of OAuth's words.
func plainCode(s string) bool { return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == "" }

// TestCompanyPhoneAnswersWithoutOAuth: statuses of gateways and proxies.
func TestCompanyPhoneAnswersWithoutOAuth(t *testing.T) {
	for status, want := range map[int]signin.Problem{
		302: signin.CompanyUntrusted, 403: signin.CompanyConfig, 404: signin.CompanyConfig, 429: signin.CompanyBusy, 500: signin.CompanyDown, 503: signin.CompanyBusy,
	} {
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://evil.example/")
			w.WriteHeader(status)
		}))
		c, err := deviceflow.New(deviceflow.Config{HTTP: srv.Client(), Issuer: srv.URL, ClientID: "panel"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = phone.NewCompany(phone.CompanyOptions{Client: c}).Start(t.Context(), frontDesk, "en")
		problem(t, fmt.Sprint(status), err, want)
	}
	srv := serve(t, http.NotFoundHandler())
	c, err := deviceflow.New(deviceflow.Config{HTTP: srv.Client(), Issuer: srv.URL, ClientID: "panel"})
	if err != nil {
		t.Fatal(err)
	}
	srv.Close()
	_, err = phone.NewCompany(phone.CompanyOptions{Client: c}).Start(t.Context(), frontDesk, "en")
	problem(t, "nobody there", err, signin.CompanyDown)
}

// TestCompanyPhoneWordsOfOAuth: what the device endpoint may say beside.
func TestCompanyPhoneWordsOfOAuth(t *testing.T) {
	for word, want := range map[string]signin.Problem{
		"temporarily_unavailable": signin.CompanyBusy, "server_error": signin.CompanyBusy, "unauthorized_client": signin.CompanyConfig,
		"invalid_scope": signin.CompanyConfig, "bad_verification_code": signin.CodeExpired, "something_new": signin.Broken,
	} {
		var base string
		srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				fmt.Fprintf(w, `{"issuer":%q,"device_authorization_endpoint":%q,"token_endpoint":%q,"jwks_uri":%q}`, base, base+"/device", base+"/token", base+"/keys")
				return
			}
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error":%q}`, word)
		}))
		base = srv.URL
		c, err := deviceflow.New(deviceflow.Config{HTTP: srv.Client(), Issuer: base, ClientID: "panel"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = phone.NewCompany(phone.CompanyOptions{Client: c}).Start(t.Context(), frontDesk, "en")
		if r := problem(t, word, err, want); r.Support != word {
			t.Errorf("%s: support %q", word, r.Support)
		}
	}
}
