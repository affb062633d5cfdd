package deviceflow_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/protocols/deviceflow"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// clock moves only when somebody waits, and remembers how long.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	waits []time.Duration
}

func newClock() *clock { return &clock{now: time.Date(2026, 5, 4, 3, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	c.now = c.now.Add(d)
	c.waits = append(c.waits, d)
	return nil
}

// said is one scripted answer; a status of 0 cuts the connection.
type said struct {
	status int
	body   string
	header http.Header
}

func oauth(code string) said { return said{status: 400, body: `{"error":"` + code + `"}`} }

// server plays an OpenID provider from a script of poll answers.
type server struct {
	*httptest.Server
	mu        sync.Mutex
	discovery string
	authorize said
	polls     []said
	forms     []url.Values
}

func newServer(t *testing.T, polls ...said) *server {
	t.Helper()
	s := &server{polls: polls, authorize: said{status: 200, body: string(read(t, "rfc-authorize.json"))}}
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	s.discovery = fmt.Sprintf(`{"issuer":%q,"device_authorization_endpoint":%q,"token_endpoint":%q,"jwks_uri":%q}`,
		s.URL, s.URL+"/device", s.URL+"/token", s.URL+"/keys")
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var a said
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		a = said{status: 200, body: s.discovery}
	case "/device":
		a = s.authorize
	case "/token":
		if len(s.polls) == 0 {
			a = oauth("authorization_pending")
			break
		}
		a, s.polls = s.polls[0], s.polls[1:]
	default:
		a = said{status: 404}
	}
	if err := r.ParseForm(); err != nil {
		a = said{status: 400}
	}
	if r.Method == http.MethodPost {
		s.forms = append(s.forms, r.PostForm)
	}
	if a.status == 0 {
		panic(http.ErrAbortHandler)
	}
	for k, v := range a.header {
		w.Header()[k] = v
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

func (s *server) client(t *testing.T, c *clock, edit func(*deviceflow.Config)) *deviceflow.Client {
	t.Helper()
	cfg := deviceflow.Config{HTTP: s.Client(), Issuer: s.URL, ClientID: "panel", Now: c.Now, Wait: c.Wait}
	if edit != nil {
		edit(&cfg)
	}
	cl, err := deviceflow.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

const good = `{"access_token":"a","token_type":"Bearer","expires_in":3599,"id_token":"x.y.z","refresh_token":"never"}`

// TestPolling checks every wait of RFC 8628 §3.5 and what ends the polling.
func TestPolling(t *testing.T) {
	const s = time.Second
	pending, slow := oauth("authorization_pending"), oauth("slow_down")
	ok := said{status: 200, body: good}
	for _, tt := range []struct {
		name  string
		polls []said
		waits []time.Duration
		err   error
	}{
		{"at once", []said{ok}, []time.Duration{5 * s}, nil},
		{"pending", []said{pending, pending, ok}, []time.Duration{5 * s, 5 * s, 5 * s}, nil},
		{"slow down is for good", []said{slow, pending, slow, pending, ok}, []time.Duration{5 * s, 10 * s, 10 * s, 15 * s, 15 * s}, nil},
		{"cut connections back off", []said{{}, {}, pending, ok}, []time.Duration{5 * s, 10 * s, 20 * s, 5 * s}, nil},
		{"broken gateway", []said{{status: 502, body: "<html>"}, ok}, []time.Duration{5 * s, 10 * s}, nil},
		{"500 that looks like a refusal", []said{{status: 500, body: `{"error":"access_denied"}`}, ok}, []time.Duration{5 * s, 10 * s}, nil},
		{"retry after", []said{{status: 503, header: http.Header{"Retry-After": {"40"}}}, ok}, []time.Duration{5 * s, 40 * s}, nil},
		{"429", []said{{status: 429}, ok}, []time.Duration{5 * s, 10 * s}, nil},
		{"429 slow down", []said{{status: 429, body: `{"error":"slow_down"}`}, ok}, []time.Duration{5 * s, 10 * s}, nil},
		{"slow down survives a failure", []said{slow, {}, pending, ok}, []time.Duration{5 * s, 10 * s, 20 * s, 10 * s}, nil},
		{"denied", []said{pending, oauth("access_denied")}, []time.Duration{5 * s, 5 * s}, deviceflow.ErrDeclined},
		{"declined at Entra", []said{oauth("authorization_declined")}, []time.Duration{5 * s}, deviceflow.ErrDeclined},
		{"expired", []said{oauth("expired_token")}, []time.Duration{5 * s}, deviceflow.ErrExpired},
		{"bad code", []said{oauth("bad_verification_code")}, []time.Duration{5 * s}, deviceflow.ErrBadCode},
		{"policy", []said{oauth("invalid_grant")}, []time.Duration{5 * s}, deviceflow.ErrBlocked},
		{"application", []said{oauth("invalid_client")}, []time.Duration{5 * s}, deviceflow.ErrClient},
		{"something new", []said{oauth("server_is_tired")}, []time.Duration{5 * s}, deviceflow.ErrRefused},
		{"not OAuth", []said{{status: 404, body: "<html>"}}, []time.Duration{5 * s}, deviceflow.ErrWire},
		{"redirect", []said{{status: 302, header: http.Header{"Location": {"/token"}}}}, []time.Duration{5 * s}, deviceflow.ErrWire},
		{"no token", []said{{status: 200, body: `{}`}}, []time.Duration{5 * s}, deviceflow.ErrWire},
		{"too large", []said{{status: 200, body: strings.Repeat(" ", 200<<10)}}, []time.Duration{5 * s}, deviceflow.ErrTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv, c := newServer(t, tt.polls...), newClock()
			cl := srv.client(t, c, nil)
			a, err := cl.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			token, err := cl.Poll(t.Context(), a)
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Errorf("Poll: %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.waits, c.waits); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
			if tt.err == nil {
				if token.ID != "x.y.z" || token.Fields["refresh_token"] != nil {
					t.Errorf("Poll = %+v", token)
				}
			} else if strings.Contains(err.Error(), "GmRh") {
				t.Errorf("the error holds the device code: %v", err)
			}
		})
	}
}

// TestPollEndsWithTheCode never asks after the end of the code's life.
func TestPollEndsWithTheCode(t *testing.T) {
	srv, c := newServer(t), newClock()
	srv.authorize.body = strings.Replace(srv.authorize.body, "1800", "23", 1)
	cl := srv.client(t, c, nil)
	a, err := cl.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cl.Poll(t.Context(), a); !errors.Is(err, deviceflow.ErrExpired) {
		t.Errorf("Poll: %v", err)
	}
	if got := len(srv.forms) - 1; got != 4 {
		t.Errorf("%d polls in 23 s at 5 s, want 4", got)
	}
	if got := c.now.Sub(a.Issued); got != 23*time.Second {
		t.Errorf("ended after %s", got)
	}
}

// TestPollCancelled ends with the context and asks nothing more.
func TestPollCancelled(t *testing.T) {
	srv, c := newServer(t), newClock()
	cl := srv.client(t, c, nil)
	a, err := cl.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := cl.Poll(ctx, a); !errors.Is(err, context.Canceled) {
		t.Errorf("Poll: %v", err)
	}
	if len(srv.forms) != 1 {
		t.Errorf("%d requests after the cancel", len(srv.forms)-1)
	}
}

// TestRequests shows what is sent, and that offline access never is.
func TestRequests(t *testing.T) {
	srv, c := newServer(t, said{status: 200, body: good}), newClock()
	cl := srv.client(t, c, func(cfg *deviceflow.Config) {
		cfg.Resource, cfg.Extra, cfg.TokenExtra = "urn:fax", url.Values{"device": {"d1"}}, url.Values{"k": {"v"}}
	})
	a, err := cl.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cl.Poll(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	want := []url.Values{
		{"client_id": {"panel"}, "scope": {"openid profile email"}, "resource": {"urn:fax"}, "device": {"d1"}},
		{
			"client_id": {"panel"}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "k": {"v"},
			"device_code": {"GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS"},
		},
	}
	if diff := cmp.Diff(want, srv.forms); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	_, err = deviceflow.New(deviceflow.Config{HTTP: srv.Client(), Issuer: srv.URL, ClientID: "x", Scopes: []string{"openid", "offline_access"}})
	if err == nil {
		t.Error("offline_access was accepted")
	}
}

// TestVendorAnswers reads what Entra, AD FS, Okta and the standard's example say.
func TestVendorAnswers(t *testing.T) {
	now := newClock().Now()
	for _, tt := range []struct {
		file, code, uri, qr string
		life                time.Duration
	}{
		{"entra-authorize.json", "B4KQ7LNDZ", "https://microsoft.com/devicelogin", "https://microsoft.com/devicelogin", 15 * time.Minute},
		{"adfs-authorize.json", "QVBJNKRZS", "https://sts.example.com/adfs/oauth2/deviceauth", "https://sts.example.com/adfs/oauth2/deviceauth?user_code=QVBJNKRZS", 15 * time.Minute},
		{"okta-authorize.json", "GDLMZQCT", "https://example.okta.com/activate", "https://example.okta.com/activate?user_code=GDLMZQCT", 10 * time.Minute},
		{"rfc-authorize.json", "WDJB-MJHT", "https://example.com/device", "https://example.com/device?user_code=WDJB-MJHT", 30 * time.Minute},
	} {
		a, err := deviceflow.ParseAuthorization(read(t, tt.file), now)
		if err != nil {
			t.Errorf("%s: %v", tt.file, err)
			continue
		}
		if a.UserCode != tt.code || a.VerificationURI != tt.uri || a.QR() != tt.qr || a.Expires != now.Add(tt.life) || a.Interval != 5*time.Second {
			t.Errorf("%s: %+v", tt.file, a)
		}
	}
	// The pending answer of Entra carries far more than the code.
	srv, c := newServer(t, said{status: 400, body: string(read(t, "entra-pending.json"))}, said{status: 200, body: good}), newClock()
	cl := srv.client(t, c, nil)
	a, err := cl.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cl.Poll(t.Context(), a); err != nil {
		t.Errorf("after Entra's pending: %v", err)
	}
}

// TestAuthorizationRefused wants ErrWire for answers that cannot be shown.
func TestAuthorizationRefused(t *testing.T) {
	base := string(read(t, "rfc-authorize.json"))
	for _, tt := range []struct{ name, old, new string }{
		{"no device code", "GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS", ""},
		{"no user code", "WDJB-MJHT\",\n", "\",\n"},
		{"control character", `"WDJB-MJHT",`, `"WD\u001b[2JB",`},
		{"plain http", `"https://example.com/device",`, `"http://example.com/device",`},
		{"script", `"https://example.com/device",`, `"javascript:alert(1)",`},
		{"no life", "1800", "0"},
		{"negative life", "1800", "-1"},
		{"endless life", "1800", "1e300"},
		{"life in words", "1800", `"soon"`},
		{"not JSON", "{", "<"},
	} {
		body := strings.Replace(base, tt.old, tt.new, 1)
		if body == base {
			t.Fatalf("%s changes nothing", tt.name)
		}
		if a, err := deviceflow.ParseAuthorization([]byte(body), time.Now()); !errors.Is(err, deviceflow.ErrWire) {
			t.Errorf("%s: %+v, %v", tt.name, a, err)
		}
	}
	// A complete address that cannot be used is left out; the plain one remains.
	a, err := deviceflow.ParseAuthorization([]byte(strings.Replace(base, "https://example.com/device?", "http://example.com/device?", 1)), time.Now())
	if err != nil || a.Complete != "" || a.QR() != "https://example.com/device" {
		t.Errorf("unusable complete address: %+v, %v", a, err)
	}
}

// TestDiscovery wants the configured issuer, https and known hosts.
func TestDiscovery(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(s *server)
		want error
	}{
		{"good", func(*server) {}, nil},
		{"no device grant", func(s *server) {
			s.discovery = strings.Replace(s.discovery, "device_authorization_endpoint", "x", 1)
		}, deviceflow.ErrNoDeviceGrant},
		{"another issuer", func(s *server) {
			s.discovery = strings.Replace(s.discovery, `"issuer":"https:`, `"issuer":"http:`, 1)
		}, deviceflow.ErrIssuer},
		{"foreign token endpoint", func(s *server) {
			s.discovery = strings.Replace(s.discovery, s.URL+"/token", "https://evil.example/token", 1)
		}, deviceflow.ErrHost},
		{"plain key set", func(s *server) {
			s.discovery = strings.Replace(s.discovery, s.URL+"/keys", strings.Replace(s.URL, "https", "http", 1)+"/keys", 1)
		}, deviceflow.ErrHost},
		{"not JSON", func(s *server) { s.discovery = "<html>" }, deviceflow.ErrWire},
		{"too large", func(s *server) { s.discovery = strings.Repeat(" ", 300<<10) }, deviceflow.ErrTooLarge},
		{"application unknown", func(s *server) { s.authorize = oauth("unauthorized_client") }, deviceflow.ErrClient},
		{"authorization endpoint broken", func(s *server) { s.authorize = said{status: 503} }, deviceflow.ErrUnreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv, c := newServer(t), newClock()
			tt.edit(srv)
			_, err := srv.client(t, c, nil).Start(t.Context())
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("Start: %v, want %v", err, tt.want)
			}
		})
	}
	// The discovery document of an AD FS as documented.
	hc := &http.Client{Transport: fixed{read(t, "adfs-discovery.json")}}
	cl, err := deviceflow.New(deviceflow.Config{HTTP: hc, Issuer: "https://sts.example.com/adfs", ClientID: "x"})
	if err != nil {
		t.Fatal(err)
	}
	e, err := cl.Discover(t.Context())
	if err != nil || e.DeviceAuthorization != "https://sts.example.com/adfs/oauth2/devicecode" {
		t.Errorf("AD FS: %+v, %v", e, err)
	}
}

// fixed answers everything with one body.
type fixed struct{ body []byte }

func (f fixed) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(string(f.body)))}, nil
}

// TestIssuersRefused refuses issuers that bind to nobody or are not https.
func TestIssuersRefused(t *testing.T) {
	for _, issuer := range []string{
		"http://login.example.com", "login.example.com", "https://login.microsoftonline.com/common/v2.0",
		"https://login.microsoftonline.com/Organizations/v2.0", "https://login.microsoftonline.com/{tenantid}/v2.0", "https://x/?a=b", "https://u@x/",
	} {
		if _, err := deviceflow.New(deviceflow.Config{HTTP: http.DefaultClient, Issuer: issuer, ClientID: "x"}); err == nil {
			t.Errorf("issuer %q was accepted", issuer)
		}
	}
}

func FuzzAuthorization(f *testing.F) {
	for _, n := range []string{"entra-authorize.json", "adfs-authorize.json", "okta-authorize.json", "rfc-authorize.json"} {
		f.Add(read(f, n))
	}
	now := newClock().Now()
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := deviceflow.ParseAuthorization(b, now)
		if err != nil {
			if !errors.Is(err, deviceflow.ErrWire) {
				t.Fatalf("%v does not wrap ErrWire", err)
			}
			return
		}
		if life := a.Expires.Sub(now); life < time.Second || life > deviceflow.MaxLife || a.Interval < time.Second || a.Interval > deviceflow.MaxInterval {
			t.Fatalf("life %s, interval %s", life, a.Interval)
		}
		if !strings.HasPrefix(strings.ToLower(a.QR()), "https:") || a.UserCode == "" || strings.ContainsAny(a.UserCode, "\x00\x1b\x7f") {
			t.Fatalf("shown: %q %q", a.QR(), a.UserCode)
		}
	})
}

func FuzzToken(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"id_token":"x","expires_in":"3600"}`))
	now := newClock().Now()
	f.Fuzz(func(t *testing.T, b []byte) {
		tok, err := deviceflow.ParseToken(b, now)
		if err != nil {
			if !errors.Is(err, deviceflow.ErrWire) {
				t.Fatalf("%v does not wrap ErrWire", err)
			}
			return
		}
		if tok.ID == "" && tok.Access == "" || tok.Fields["refresh_token"] != nil {
			t.Fatalf("%+v", tok)
		}
	})
}
