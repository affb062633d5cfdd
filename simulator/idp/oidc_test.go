package idp_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/platen-fax/platen/protocols/deviceflow"
	"github.com/platen-fax/platen/simulator/idp"
)

// office is one OpenID provider behind https, an agent's client of it, and a
// clock of both that moves when the client waits. The person acts in between.
type office struct {
	t      *testing.T
	idp    *idp.OIDC
	srv    *httptest.Server
	web    *http.Client
	client *deviceflow.Client
	log    bytes.Buffer

	mu     sync.Mutex
	now    time.Time
	drift  time.Duration // of the agent's clock
	onWait func(n int)
	waits  int
}

func newOffice(t *testing.T, p idp.Profile, edit func(*deviceflow.Config)) *office {
	t.Helper()
	o := &office{t: t, now: time.Now().UTC().Truncate(time.Second)}
	var h http.Handler
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", o.time(0).Format(http.TimeFormat))
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	var err error
	o.idp, err = idp.NewOIDC(idp.OIDCOptions{
		Shape: p, Base: srv.URL, Clients: map[string]string{"panel": "Platen fax"}, Users: people(),
		Now: func() time.Time { return o.time(0) }, Log: slog.New(slog.NewTextHandler(&o.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	o.srv = srv
	h, o.web = o.idp.Handler(), srv.Client()
	o.web.Timeout = 10 * time.Second
	cfg := deviceflow.Config{
		HTTP: srv.Client(), Issuer: o.idp.Issuer(), ClientID: "panel",
		Now: func() time.Time { return o.time(o.drift) }, Wait: o.wait,
	}
	if edit != nil {
		edit(&cfg)
	}
	if o.client, err = deviceflow.New(cfg); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *office) time(drift time.Duration) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now.Add(drift)
}

func (o *office) wait(ctx context.Context, d time.Duration) error {
	o.mu.Lock()
	o.now = o.now.Add(d)
	o.waits++
	n, f := o.waits, o.onWait
	o.mu.Unlock()
	if f != nil {
		f(n)
	}
	return ctx.Err()
}

func (o *office) page(form url.Values) string {
	o.t.Helper()
	s := site{t: o.t, web: o.web}
	_, body := s.post(o.idp.Page(), form)
	return body
}

// open opens the address of the QR code and types the code where it has to be.
func (o *office) open(a *deviceflow.Authorization) string {
	o.t.Helper()
	s := site{t: o.t, web: o.web}
	_, body := s.get(a.QR())
	if strings.Contains(body, `name="user_code"`) {
		body = o.page(url.Values{"user_code": {strings.ToLower(a.UserCode)}})
	}
	return body
}

// act goes through the phone's pages: sign in, then press a button.
func (o *office) act(a *deviceflow.Authorization, user, password, button string) string {
	o.t.Helper()
	f := fields(o.open(a))
	f.Set("user", user)
	f.Set("password", password)
	body := o.page(f)
	if !strings.Contains(body, "Are you trying to sign in?") {
		return body
	}
	if !strings.Contains(body, a.UserCode) {
		o.t.Errorf("the code cannot be compared on the confirmation page:\n%s", body)
	}
	f = fields(body)
	f.Set(button, "1")
	return o.page(f)
}

// signIn starts, lets the person act during the second wait, and polls.
func (o *office) signIn(button string) (*deviceflow.Token, error) {
	o.t.Helper()
	a, err := o.client.Start(o.t.Context())
	if err != nil {
		return nil, err
	}
	o.onWait = func(n int) {
		if n == 2 {
			o.act(a, "ann@example.com", "right horse", button)
		}
	}
	return o.client.Poll(o.t.Context(), a)
}

// TestDeviceGrant signs in by phone at Entra, AD FS and Okta.
func TestDeviceGrant(t *testing.T) {
	for _, p := range []idp.Profile{idp.Entra, idp.ADFS, idp.Okta} {
		t.Run(string(p), func(t *testing.T) {
			o := newOffice(t, p, nil)
			token, err := o.signIn("go")
			if err != nil {
				t.Fatal(err)
			}
			who, err := o.client.Verify(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			if who.Email != ann || who.Name != "Ann Lee" || who.Issuer != o.idp.Issuer() || who.Subject == "" || (p == idp.Entra) != (who.Tenant != "") {
				t.Errorf("Verify = %+v", who)
			}
			polls := o.idp.Polls()
			if len(polls) != 2 || polls[0].Answer != "authorization_pending" || polls[1].Answer != "ok" {
				t.Errorf("polls: %+v", polls)
			}
		})
	}
}

// TestDeviceGrantKnobs turns each knob.
func TestDeviceGrantKnobs(t *testing.T) {
	for _, tt := range []struct {
		name  string
		shape idp.Profile
		knobs idp.Knobs
		want  error
		polls []string
	}{
		{"pending 3 times", idp.Okta, idp.Knobs{Pending: 3}, nil, []string{"authorization_pending", "authorization_pending", "authorization_pending", "authorization_pending", "ok"}},
		{"slow down twice", idp.Entra, idp.Knobs{SlowDown: 2}, nil, []string{"slow_down", "slow_down", "ok"}},
		{"500 once", idp.ADFS, idp.Knobs{Fail: 1}, nil, []string{"500", "ok"}},
		{"cut once", idp.ADFS, idp.Knobs{Drop: 1}, nil, []string{"dropped", "ok"}},
		{"declined", idp.Okta, idp.Knobs{Declined: true}, deviceflow.ErrDeclined, []string{"access_denied"}},
		{"declined at Entra", idp.Entra, idp.Knobs{Declined: true}, deviceflow.ErrDeclined, []string{"authorization_declined"}},
		{"expired", idp.Entra, idp.Knobs{Expired: true}, deviceflow.ErrExpired, []string{"expired_token"}},
		{"blocked", idp.Entra, idp.Knobs{Blocked: true}, deviceflow.ErrBlocked, []string{"authorization_pending", "invalid_grant"}},
		{"no complete address", idp.Okta, idp.Knobs{NoComplete: true}, nil, []string{"authorization_pending", "ok"}},
		{"refresh token unasked", idp.Okta, idp.Knobs{RefreshToken: true}, nil, []string{"authorization_pending", "ok"}},
		{"no device grant", idp.ADFS, idp.Knobs{NoDeviceGrant: true}, deviceflow.ErrNoDeviceGrant, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newOffice(t, tt.shape, nil)
			o.idp.SetKnobs(tt.knobs)
			token, err := o.signIn("go")
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Fatalf("sign-in: %v, want %v", err, tt.want)
			}
			var got []string
			for _, p := range o.idp.Polls() {
				got = append(got, p.Answer)
			}
			if strings.Join(got, " ") != strings.Join(tt.polls, " ") {
				t.Errorf("polls: %v, want %v", got, tt.polls)
			}
			var e *deviceflow.Error
			if tt.knobs.Blocked && (!errors.As(err, &e) || e.Support != "AADSTS53003") {
				t.Errorf("no support number in %+v", err)
			}
			if err == nil && token.Fields["refresh_token"] != nil {
				t.Error("a refresh token was kept")
			}
		})
	}
}

// TestDeviceGrantDeclined lets the person press no.
func TestDeviceGrantDeclined(t *testing.T) {
	for _, p := range []idp.Profile{idp.Entra, idp.ADFS, idp.Okta} {
		o := newOffice(t, p, nil)
		if _, err := o.signIn("decline"); !errors.Is(err, deviceflow.ErrDeclined) {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// TestDeviceGrantNobodyCame lets the code run out.
func TestDeviceGrantNobodyCame(t *testing.T) {
	o := newOffice(t, idp.Entra, nil)
	a, err := o.client.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.client.Poll(t.Context(), a); !errors.Is(err, deviceflow.ErrExpired) {
		t.Errorf("Poll: %v", err)
	}
	if body := o.open(a); !strings.Contains(body, "cannot be used") {
		t.Errorf("an old code still works:\n%s", body)
	}
}

// TestQRCodeOnce refuses the second scan of a code, before and after the first
// person finished.
func TestQRCodeOnce(t *testing.T) {
	o := newOffice(t, idp.Okta, nil)
	a, err := o.client.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := fields(o.open(a))
	f.Set("user", "ann@example.com")
	f.Set("password", "right horse")
	confirm := fields(o.page(f))
	if body := o.open(a); !strings.Contains(body, "cannot be used") {
		t.Errorf("a second person may scan while the first confirms:\n%s", body)
	}
	o.page(confirm)
	if _, err := o.client.Poll(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if body := o.open(a); !strings.Contains(body, "cannot be used") {
		t.Errorf("a used code opens again:\n%s", body)
	}
	if _, err := o.client.Poll(t.Context(), a); !errors.Is(err, deviceflow.ErrBlocked) {
		t.Errorf("a redeemed code gives a second token: %v", err)
	}
}

// TestCodeIsNotConsent wants the confirmation even with a complete address.
func TestCodeIsNotConsent(t *testing.T) {
	o := newOffice(t, idp.ADFS, nil)
	a, err := o.client.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := fields(o.open(a))
	f.Set("user", "ann@example.com")
	f.Set("password", "right horse")
	o.page(f) // signed in, not confirmed
	ctx, cancel := context.WithCancel(t.Context())
	o.onWait = func(n int) {
		if n == 3 {
			cancel()
		}
	}
	if _, err := o.client.Poll(ctx, a); !errors.Is(err, context.Canceled) {
		t.Errorf("Poll: %v", err)
	}
	for _, p := range o.idp.Polls() {
		if p.Answer != "authorization_pending" {
			t.Errorf("before the person confirmed: %s", p.Answer)
		}
	}
}

// TestPollTooFast slows a client down that ignores the interval.
func TestPollTooFast(t *testing.T) {
	o := newOffice(t, idp.Okta, nil)
	a, err := o.client.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a.Interval = time.Second
	ctx, cancel := context.WithCancel(t.Context())
	o.onWait = func(n int) {
		if n == 5 {
			cancel()
		}
	}
	if _, err := o.client.Poll(ctx, a); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if polls := o.idp.Polls(); len(polls) < 2 || polls[0].Answer != "authorization_pending" || polls[1].Answer != "slow_down" {
		t.Errorf("polls: %+v", polls)
	}
}

// TestTokenLies refuses every spoiled ID token by its name.
func TestTokenLies(t *testing.T) {
	want := map[idp.TokenLie]deviceflow.TokenFault{
		idp.LieIssuer: deviceflow.TokenIssuer, idp.LieAudience: deviceflow.TokenAudience, idp.LieTwo: deviceflow.TokenAudience,
		idp.LieExpired: deviceflow.TokenExpired, idp.LieFuture: deviceflow.TokenNotYetValid, idp.LieNone: deviceflow.TokenAlgorithm,
		idp.LieHMAC: deviceflow.TokenAlgorithm, idp.LieKey: deviceflow.TokenSignature, idp.LieUnchecked: deviceflow.TokenUnverified,
		idp.LieTenant: deviceflow.TokenTenant, idp.LieMissing: deviceflow.TokenMissing, idp.LieTampered: deviceflow.TokenSignature,
	}
	o := newOffice(t, idp.Entra, func(c *deviceflow.Config) { c.Tenant = "5f0c9d3e-6a3b-4f57-9c0e-2a1f4d7b8c90" })
	for _, lie := range idp.TokenLies() {
		o.idp.SetKnobs(idp.Knobs{Token: lie})
		o.waits = 0
		token, err := o.signIn("go")
		if err != nil {
			t.Fatalf("%s: %v", lie, err)
		}
		who, err := o.client.Verify(t.Context(), token)
		var e *deviceflow.Error
		if !errors.As(err, &e) || !errors.Is(err, deviceflow.ErrToken) || e.Token != want[lie] {
			t.Errorf("%s: %+v, %v; want %s", lie, who, err, want[lie])
		}
	}
	o.idp.SetKnobs(idp.Knobs{})
	o.waits = 0
	token, err := o.signIn("go")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.client.Verify(t.Context(), token); err != nil {
		t.Errorf("the honest token: %v", err)
	}
}

// TestKeyRotation verifies before, during and after a change of keys, and a
// token of a retired key no more.
func TestKeyRotation(t *testing.T) {
	o := newOffice(t, idp.ADFS, nil)
	get := func() *deviceflow.Token {
		t.Helper()
		o.waits = 0
		token, err := o.signIn("go")
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	old := get()
	for _, keep := range []bool{true, false} {
		if err := o.idp.RotateKeys(keep); err != nil {
			t.Fatal(err)
		}
		if _, err := o.client.Verify(t.Context(), get()); err != nil {
			t.Errorf("a token of the new key: %v", err)
		}
		_, err := o.client.Verify(t.Context(), old)
		if (err == nil) != keep {
			t.Errorf("a token of the old key, still published %t: %v", keep, err)
		}
	}
}

// TestWrongClock blames the device's clock when that is what is wrong.
func TestWrongClock(t *testing.T) {
	for _, tt := range []struct {
		drift time.Duration
		want  deviceflow.TokenFault
	}{
		{2 * time.Hour, deviceflow.TokenClock}, {-2 * time.Hour, deviceflow.TokenClock}, {time.Minute, ""}, {-time.Minute, ""},
	} {
		o := newOffice(t, idp.Entra, nil)
		o.drift = tt.drift
		token, err := o.signIn("go")
		if err != nil {
			t.Fatal(err)
		}
		_, err = o.client.Verify(t.Context(), token)
		var e *deviceflow.Error
		if errors.As(err, &e); (err == nil) != (tt.want == "") || err != nil && e.Token != tt.want {
			t.Errorf("off by %s: %v, want %q", tt.drift, err, tt.want)
		}
	}
}

// TestNoEmailClaim refuses a person without address unless the site names
// another claim.
func TestNoEmailClaim(t *testing.T) {
	for _, tt := range []struct {
		claims []string
		want   deviceflow.TokenFault
		email  string
	}{
		{nil, deviceflow.TokenNoEmail, ""},
		{[]string{"email", "preferred_username"}, "", "flo@example.com"},
	} {
		o := newOffice(t, idp.Entra, func(c *deviceflow.Config) { c.EmailClaims = tt.claims })
		a, err := o.client.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		o.act(a, "flo@example.com", "f", "go")
		token, err := o.client.Poll(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		who, err := o.client.Verify(t.Context(), token)
		var e *deviceflow.Error
		if errors.As(err, &e); err != nil && e.Token != tt.want || err == nil && who.Email != tt.email {
			t.Errorf("claims %v: %+v, %v", tt.claims, who, err)
		}
	}
}

// TestPhonePageStates shows refused people why, and stops guessing of codes.
func TestPhonePageStates(t *testing.T) {
	o := newOffice(t, idp.Okta, nil)
	a, err := o.client.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ user, password, want string }{
		{"ann@example.com", "wrong", "not correct"},
		{"bob@example.com", "b", "disabled"},
		{"cy@example.com", "c", "locked"},
		{"di@example.com", "d", "expired"},
		{"gil@example.com", "g", "authenticator"},
		{"ed@example.com", "e", "AADSTS50105"},
	} {
		if body := o.act(a, tt.user, tt.password, "go"); !strings.Contains(body, tt.want) {
			t.Errorf("%s: the page does not say %q:\n%s", tt.user, tt.want, body)
		}
	}
	var body string
	for range 51 {
		body = o.page(url.Values{"user_code": {"ZZZZ-ZZZZ"}})
	}
	if !strings.Contains(body, "Too many tries") {
		t.Errorf("codes can be guessed without end:\n%s", body)
	}
}

// TestADFSPasswordGrant answers AD FS's own grant and keeps no password.
func TestADFSPasswordGrant(t *testing.T) {
	o := newOffice(t, idp.ADFS, nil)
	s := site{t: t, web: o.web}
	at := strings.TrimSuffix(o.idp.Page(), "deviceauth") + "token"
	form := url.Values{"grant_type": {"password"}, "client_id": {"panel"}, "scope": {"openid"}, "username": {"ann@example.com"}, "password": {"right horse"}}
	if status, body := s.post(at, form); status != http.StatusOK || !strings.Contains(body, "id_token") {
		t.Errorf("right password: %d %s", status, body)
	}
	form.Set("password", "wrong horse")
	if status, body := s.post(at, form); status != http.StatusBadRequest || !strings.Contains(body, "invalid_grant") {
		t.Errorf("wrong password: %d %s", status, body)
	}
	for _, a := range o.idp.Attempts() {
		if strings.Contains(a.User+a.Why, "horse") {
			t.Errorf("a password is in the ledger: %+v", a)
		}
	}
	if strings.Contains(o.log.String(), "horse") {
		t.Errorf("a password is in the log: %s", o.log.String())
	}
}

// TestControl works the knobs over http as scenarios do.
func TestControl(t *testing.T) {
	o, s := newOffice(t, idp.Okta, nil), newSite(t, idp.Entra)
	do := func(h http.Handler, method, path, body string, want int) string {
		t.Helper()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
		if w.Code != want {
			t.Errorf("%s %s %s: %d %s, want %d", method, path, body, w.Code, w.Body, want)
		}
		return w.Body.String()
	}
	h := o.idp.ControlHandler()
	do(h, "PUT", "/_control/knobs", `{"declined":true}`, 204)
	do(h, "PUT", "/_control/knobs", `{"decline":true}`, 400)
	do(h, "POST", "/_control/rotate", `{"keep":true}`, 204)
	do(h, "POST", "/_control/user", `{"name":"new@example.com","password":"n","email":"new@example.com"}`, 204)
	if _, err := o.signIn("go"); !errors.Is(err, deviceflow.ErrDeclined) {
		t.Errorf("the knob did nothing: %v", err)
	}
	if body := do(h, "GET", "/_control/polls", "", 200); !strings.Contains(body, "access_denied") {
		t.Errorf("polls: %s", body)
	}
	h = s.idp.ControlHandler()
	do(h, "POST", "/_control/attack", `{"attack":"xsw3","victim":"boss@example.com"}`, 204)
	do(h, "POST", "/_control/attack", `{"attack":"xsw99"}`, 400)
	do(h, "POST", "/_control/clock", `{"shift_ms":1000}`, 204)
	do(h, "POST", "/_control/rotate", `{}`, 204)
	do(h, "POST", "/_control/user", `{"name":"new@example.com"}`, 204)
	do(h, "GET", "/_control/attempts", "", 200)
	if got := len(s.idp.Certificates()); got != 1 {
		t.Errorf("%d certificates after a rotation that keeps none", got)
	}
}
