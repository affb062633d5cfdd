package faxcloud_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/protocols/saml"
	"github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/faxcloud"
)

// phone is a person's browser.
type phone struct {
	t    *testing.T
	http *http.Client
	last string // the page it shows
	code int
	at   *url.URL
}

func (w *xmWorld) phone(t *testing.T) *phone {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	hc := *w.srv.Client()
	hc.Jar = jar
	return &phone{t: t, http: &hc}
}

func (p *phone) do(req *http.Request, err error) *phone {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := p.http.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	p.last, p.code, p.at = string(body), resp.StatusCode, resp.Request.URL
	return p
}

func (p *phone) open(u string) *phone {
	p.t.Helper()
	return p.do(http.NewRequestWithContext(p.t.Context(), http.MethodGet, u, nil))
}

var csrf = regexp.MustCompile(`name="csrf" value="([0-9a-f]+)"`)

// post sends a form of the page it shows.
func (p *phone) post(path string, v url.Values) *phone {
	p.t.Helper()
	if m := csrf.FindStringSubmatch(p.last); m != nil && !v.Has("csrf") {
		v.Set("csrf", m[1])
	}
	to, err := p.at.Parse(path)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, to.String(), strings.NewReader(v.Encode()))
	if err == nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return p.do(req, err)
}

func (p *phone) wants(what string, code int, texts ...string) {
	p.t.Helper()
	if p.code != code {
		p.t.Errorf("%s: %d; want %d", what, p.code, code)
	}
	for _, s := range texts {
		if !strings.Contains(p.last, s) {
			p.t.Errorf("%s: page does not say %q:\n%s", what, s, p.last)
		}
	}
}

func (w *xmWorld) start(t *testing.T) xmcloud.DeviceCode {
	t.Helper()
	d, err := w.api.StartDevice(t.Context(), frontDesk)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// poll waits out the interval on the test's clock and asks once.
func (w *xmWorld) poll(t *testing.T, d xmcloud.DeviceCode) (xmcloud.AccessToken, error) {
	t.Helper()
	w.clock.pass(d.Every())
	return w.api.PollDevice(t.Context(), d.DeviceCode, frontDesk)
}

// annOn brings a phone to the confirmation.
func (w *xmWorld) annOn(t *testing.T, d xmcloud.DeviceCode) *phone {
	t.Helper()
	p := w.phone(t).open(d.Complete)
	p.wants("the code's page", 200, "Front desk", "2nd floor", "06:43 UTC")
	p.post("/d/"+d.UserCode+"/signin", url.Values{"user": {"ann"}, "password": {annsWord}})
	p.wants("after the sign-in", 200, "Ann Lee", d.Match, "Front desk")
	return p
}

func TestXMSignInByPhone(t *testing.T) {
	w := openXM(t, nil)
	d := w.start(t)
	if len(d.Complete) > 80 || !strings.HasPrefix(d.Complete, w.srv.URL+"/d/") || d.Lifetime() != 4*time.Minute || len(d.Match) != 2 {
		t.Errorf("code %+v", d)
	}
	_, err := w.poll(t, d)
	wantCode(t, "nobody came yet", err, xmcloud.AuthorizationPending)
	p := w.annOn(t, d)
	_, err = w.poll(t, d)
	wantCode(t, "signed in and not confirmed", err, xmcloud.AuthorizationPending)
	p.post("/d/"+d.UserCode+"/decide", url.Values{"answer": {"yes"}})
	p.wants("confirmed", 200, "You are signed in at Front desk")
	a, err := w.poll(t, d)
	if err != nil || a.User.ID != "u-ann" {
		t.Fatalf("poll: %+v, %v; want Ann", a, err)
	}
	if _, err := w.api.Ticket(t.Context(), a.AccessToken, ticketFor(w, toN)); err != nil {
		t.Errorf("the token is not good: %v", err)
	}
	_, err = w.poll(t, d)
	wantCode(t, "the code again", err, xmcloud.InvalidGrant)
	w.phone(t).open(d.Complete).wants("a second scan", 410, "has been used")
	trail := w.XM().AuditTrail()
	if e := trail[len(trail)-1]; e.What != "approved" || e.User != "u-ann" || e.Device != frontDesk.ID || e.RemoteAddr == "" || e.UserAgent == "" {
		t.Errorf("audit %+v", e)
	}
}

func TestXMSignInByPhoneTypedCode(t *testing.T) {
	w := openXM(t, nil)
	d := w.start(t)
	p := w.phone(t).open(d.VerificationURI)
	p.post("/device", url.Values{"code": {strings.ToLower(strings.ReplaceAll(d.UserCode, "-", " "))}})
	p.wants("a typed code", 200, "Front desk")
	p = w.phone(t).open(d.VerificationURI)
	p.post("/device", url.Values{"code": {"no code"}})
	p.wants("something else", 200, "eight letters")
}

func TestXMSignInByPhoneDenied(t *testing.T) {
	w := openXM(t, nil)
	d := w.start(t)
	w.annOn(t, d).post("/d/"+d.UserCode+"/decide", url.Values{"answer": {"no"}})
	_, err := w.poll(t, d)
	wantCode(t, "denied", err, xmcloud.AccessDenied)
	w.phone(t).open(d.Complete).wants("a second scan", 410, "has been used")
}

func TestXMSignInByPhoneExpires(t *testing.T) {
	w := openXM(t, nil)
	d := w.start(t)
	p := w.annOn(t, d)
	w.clock.pass(4 * time.Minute)
	_, err := w.poll(t, d)
	wantCode(t, "after four minutes", err, xmcloud.ExpiredToken)
	p.post("/d/"+d.UserCode+"/decide", url.Values{"answer": {"yes"}})
	p.wants("a late confirmation", 404, "not valid")
}

func TestXMOneCodePerDevice(t *testing.T) {
	w := openXM(t, nil)
	old, d := w.start(t), w.start(t)
	_, err := w.poll(t, old)
	wantCode(t, "the code before", err, xmcloud.ExpiredToken)
	w.phone(t).open(old.Complete).wants("the code before", 404, "not valid")
	_, err = w.poll(t, d)
	wantCode(t, "the present one", err, xmcloud.AuthorizationPending)
	for range 8 {
		w.start(t)
	}
	_, err = w.api.StartDevice(t.Context(), frontDesk)
	wantCode(t, "an eleventh in a minute", err, xmcloud.RateLimited)
}

func TestXMPollingTooFast(t *testing.T) {
	w := openXM(t, nil)
	d := w.start(t)
	ask := func(after time.Duration, want xmcloud.Code) {
		t.Helper()
		w.clock.pass(after)
		_, err := w.api.PollDevice(t.Context(), d.DeviceCode, frontDesk)
		wantCode(t, fmt.Sprintf("after %v", after), err, want)
	}
	ask(0, xmcloud.AuthorizationPending)
	ask(4*time.Second, xmcloud.SlowDown)
	ask(9*time.Second, xmcloud.SlowDown) // 10 s from now on
	ask(14*time.Second, xmcloud.SlowDown)
	ask(20*time.Second, xmcloud.AuthorizationPending)
}

func TestXMDeviceCodeIsBoundToItsDevice(t *testing.T) {
	w := openXM(t, nil)
	d := w.start(t)
	other := frontDesk
	other.ID = "second"
	_, err := w.api.PollDevice(t.Context(), d.DeviceCode, other)
	wantCode(t, "another device", err, xmcloud.InvalidGrant)
	_, err = w.as(t, "acme", "SERVICE|plain").PollDevice(t.Context(), d.DeviceCode, frontDesk)
	wantCode(t, "another connector", err, xmcloud.DeviceNotListed)
	_, err = w.api.StartDevice(t.Context(), xmcloud.Terminal{ID: "copy-room", Name: "Copy room"})
	wantCode(t, "a device not enrolled", err, xmcloud.DeviceNotListed)
}

func TestXMPhonePagesAreGuarded(t *testing.T) {
	w := openXM(t, nil)
	d := w.start(t)
	p := w.annOn(t, d)
	page := p.last
	p.post("/d/"+d.UserCode+"/decide", url.Values{"answer": {"yes"}, "csrf": {"0"}})
	p.wants("a foreign form", 403, "start again")
	// A second browser has a form of its own and is nobody yet.
	q := w.phone(t).open(d.Complete)
	q.post("/d/"+d.UserCode+"/decide", url.Values{"answer": {"yes"}})
	q.wants("somebody who did not sign in", 200, "Please sign in first")
	q.post("/d/"+d.UserCode+"/decide", url.Values{"answer": {"yes"}, "csrf": {csrf.FindStringSubmatch(page)[1]}})
	q.wants("another browser's form", 403)
	_, err := w.poll(t, d)
	wantCode(t, "after all that", err, xmcloud.AuthorizationPending)
	resp, err := w.srv.Client().Get(d.Complete)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "Content-Security-Policy": "frame-ancestors 'none'"} {
		if got := resp.Header.Get(name); !strings.Contains(got, want) {
			t.Errorf("%s: %q; want %q", name, got, want)
		}
	}
	if c := resp.Cookies(); len(c) != 1 || !c[0].HttpOnly || !c[0].Secure {
		t.Errorf("cookies %v; want one, of https only and not for scripts", c)
	}
	for range 20 {
		w.phone(t).open(w.srv.URL+"/d/BBBB-BBBB").wants("a guess", 404)
	}
	w.phone(t).open(d.Complete).wants("after twenty guesses in a minute", 429)
}

func TestXMPhoneSignInKnowsEveryPolicy(t *testing.T) {
	w := openXM(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		a.Policy.OTP = "optional"
		a.Users[0].OTPSecret = secret
	})
	d := w.start(t)
	p := w.phone(t).open(d.Complete)
	sign := func(user, password, code string) *phone {
		return p.post("/d/"+d.UserCode+"/signin", url.Values{"user": {user}, "password": {password}, "otp": {code}})
	}
	sign("bob", "wrong", "").wants("wrong", 200, "is wrong")
	sign("new", "Correct horse 3", "").wants("not activated", 200, "administrator")
	sign("ann", annsWord, "").wants("no code", 200, "authenticator app shows now")
	sign("ann", annsWord, w.codeAt(t, 0)).wants("with the code", 200, d.Match)
	if strings.Contains(p.last, annsWord) {
		t.Error("the page holds the password")
	}
}

// fakeSSO vouches for whoever comes back with a state.
type fakeSSO struct {
	begun faxcloud.SSOAttempt
	who   faxcloud.SSOIdentity
}

func (s *fakeSSO) Begin(w http.ResponseWriter, r *http.Request, a faxcloud.SSOAttempt) error {
	s.begun = a
	http.Redirect(w, r, a.Base+faxcloud.PathOIDCReturn+"?state="+a.State, http.StatusFound)
	return nil
}

func (s *fakeSSO) Finish(r *http.Request, lookup func(string) (faxcloud.SSOAttempt, bool)) (faxcloud.SSOIdentity, error) {
	if _, ok := lookup(r.FormValue("state")); !ok {
		return faxcloud.SSOIdentity{}, errors.New("unknown state")
	}
	return s.who, nil
}

func openSSO(t *testing.T) (*xmWorld, *fakeSSO) {
	s := &fakeSSO{who: faxcloud.SSOIdentity{Issuer: "https://idp.acme.example/", Email: "ANN@acme.example"}}
	return openXM(t, func(o *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		o.SSO, a.SSO = s, xmcloud.SSOSAML2
		p := faxcloud.XMIdP{IdentityProvider: saml.IdentityProvider{EntityID: "https://idp.acme.example/", SSO: "https://idp.acme.example/sso"}}
		p.Certificates = newSigner(t).provider().Certificates
		a.IdPs = []faxcloud.XMIdP{p}
	}), s
}

func TestXMSignInByPhoneAtTheCompany(t *testing.T) {
	w, s := openSSO(t)
	d := w.start(t)
	p := w.phone(t).open(d.Complete)
	p.wants("the code's page", 200, "Sign in at your company", "Front desk")
	p.post("/d/"+d.UserCode+"/signin", url.Values{"user": {"ann"}, "password": {annsWord}})
	p.wants("a password posted all the same", 403)
	if w.XM().Hashed() != 0 {
		t.Error("the password was looked at")
	}
	p.open(d.Complete + "/sso")
	p.wants("back from the company", 200, "Ann Lee", d.Match)
	if s.begun.Account != "acme" || len(s.begun.IdPs) != 1 || s.begun.SSO != xmcloud.SSOSAML2 {
		t.Errorf("began %+v", s.begun)
	}
	_, err := w.poll(t, d)
	wantCode(t, "before the confirmation", err, xmcloud.AuthorizationPending)
	p.post("/d/"+d.UserCode+"/decide", url.Values{"answer": {"yes"}})
	if a, err := w.poll(t, d); err != nil || a.User.ID != "u-ann" {
		t.Errorf("poll: %+v, %v; want Ann", a, err)
	}
}

func TestXMSignInByPhoneRefusesOtherTenants(t *testing.T) {
	w, s := openSSO(t)
	s.who.Issuer = "https://idp.evil.example/"
	d := w.start(t)
	w.phone(t).open(d.Complete+"/sso").wants("another tenant", 200, "another company")
	s.who = faxcloud.SSOIdentity{Issuer: "https://idp.acme.example/", Email: "nobody@acme.example"}
	w.phone(t).open(d.Complete+"/sso").wants("somebody unknown", 200, "administrator")
	_, err := w.poll(t, d)
	wantCode(t, "after both", err, xmcloud.AuthorizationPending)
}

func TestXMSignInAtTheCompanyIsBoundToTheBrowser(t *testing.T) {
	w, s := openSSO(t)
	d := w.start(t)
	p := w.phone(t)
	p.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p.open(d.Complete + "/sso")
	back := w.srv.URL + "/" + faxcloud.PathOIDCReturn + "?state=" + s.begun.State
	w.phone(t).open(back).wants("another browser", 403, "start again")
	if p.open(back); p.code != http.StatusSeeOther {
		t.Errorf("the same browser: %d; want 303", p.code)
	}
	p.open(back).wants("the same state again", 403)
}
