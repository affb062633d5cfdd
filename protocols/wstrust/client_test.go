package wstrust_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/platen-fax/platen/protocols/wstrust"
)

// farm is a server that answers as told and remembers the requests.
type farm struct {
	*httptest.Server
	mex, issue, other http.HandlerFunc

	mu   sync.Mutex
	seen []string // "METHOD PATH PROTO"
	body []byte   // of the last POST
}

func newFarm(t *testing.T) *farm {
	t.Helper()
	f := &farm{}
	f.mex = func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(wstrust.EncodeMEX([]wstrust.Port{{Version: wstrust.Trust13, URL: f.URL + "/adfs/services/trust/13/usernamemixed", Policy: wstrust.UserNameMixed}}))
	}
	f.issue = answer(200, string(fixture(t, "rstr/13-no-relates.xml")))
	f.other = http.NotFound
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.seen = append(f.seen, r.Method+" "+r.URL.Path+" "+r.Proto)
		if r.Method == http.MethodPost {
			f.body = body
		}
		f.mu.Unlock()
		switch {
		case strings.HasSuffix(r.URL.Path, "/mex"):
			f.mex(w, r)
		case strings.HasSuffix(r.URL.Path, "/usernamemixed"):
			f.issue(w, r)
		default:
			f.other(w, r)
		}
	}))
	f.EnableHTTP2 = true
	f.StartTLS()
	t.Cleanup(f.Close)
	return f
}

func answer(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func (f *farm) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.seen)
}

func (f *farm) host() string {
	u, _ := url.Parse(f.URL)
	return u.Host
}

func (f *farm) client(t *testing.T, change func(*wstrust.Config)) *wstrust.Client {
	t.Helper()
	cfg := wstrust.Config{HTTP: f.Client(), AllowedHosts: []string{f.host()}}
	if change != nil {
		change(&cfg)
	}
	c, err := wstrust.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (f *farm) site() wstrust.Site { return wstrust.Site{MEX: f.URL + "/adfs/services/trust/mex"} }

func (f *farm) route() wstrust.Route {
	return wstrust.Route{Endpoint: wstrust.Endpoint{URL: f.URL + "/adfs/services/trust/13/usernamemixed", Version: wstrust.Trust13}}
}

func request() wstrust.Request {
	return wstrust.Request{Username: "ann@example.com", Password: []byte("hunter2&"), AppliesTo: "https://login.fax.example/"}
}

func TestDiscoverAndIssue(t *testing.T) {
	f := newFarm(t)
	c := f.client(t, nil)
	r, err := c.Discover(t.Context(), f.site())
	if err != nil || r.Endpoint != f.route().Endpoint || !r.Listed || !r.Measured || r.Skew.Abs() > 5*time.Second {
		t.Fatalf("Discover = %+v, %v", r, err)
	}
	req := request()
	tok, err := c.Issue(t.Context(), r, req)
	if err != nil || tok.SAML != wstrust.SAML11 {
		t.Fatalf("Issue = %v, %v", tok, err)
	}
	if string(req.Password) != strings.Repeat("\x00", 8) {
		t.Errorf("password after Issue = %q; want zeroes", req.Password)
	}
	got, err := wstrust.DecodeRequest(f.body)
	if err != nil || string(got.Password) != "hunter2&" || got.To != r.URL || time.Since(got.Created).Abs() > time.Minute {
		t.Errorf("server read %+v, %v", got, err)
	}
	want := []string{"GET /adfs/services/trust/mex HTTP/1.1", "POST /adfs/services/trust/13/usernamemixed HTTP/1.1"}
	if seen := f.requests(); !slices.Equal(seen, want) {
		t.Errorf("requests %q; want %q", seen, want)
	}
}

// TestIssueRefusesBeforeSending shows what is refused while the password is
// still here.
func TestIssueRefusesBeforeSending(t *testing.T) {
	for _, tt := range []struct {
		name    string
		change  func(*wstrust.Route, *wstrust.Request)
		want    error
		verdict wstrust.Verdict
	}{
		{"http", func(r *wstrust.Route, _ *wstrust.Request) { r.URL = "http" + strings.TrimPrefix(r.URL, "https") }, wstrust.ErrNotHTTPS, wstrust.VerdictUntrusted},
		{"other host", func(r *wstrust.Route, _ *wstrust.Request) {
			r.URL = strings.Replace(r.URL, "127.0.0.1", "localhost", 1)
		}, wstrust.ErrHost, wstrust.VerdictUntrusted},
		{"clock ahead", func(r *wstrust.Route, _ *wstrust.Request) { r.Skew = 301 * time.Second }, wstrust.ErrClock, wstrust.VerdictClock},
		{"clock behind", func(r *wstrust.Route, _ *wstrust.Request) { r.Skew = -301 * time.Second }, wstrust.ErrClock, wstrust.VerdictClock},
		{"no version", func(r *wstrust.Route, _ *wstrust.Request) { r.Version = 0 }, wstrust.ErrNoEndpoint, wstrust.VerdictConfig},
		{"control character", func(_ *wstrust.Route, q *wstrust.Request) { q.Password[0] = 1 }, wstrust.ErrInput, wstrust.VerdictInput},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFarm(t)
			r, q := f.route(), request()
			tt.change(&r, &q)
			tok, err := f.client(t, nil).Issue(t.Context(), r, q)
			var e *wstrust.Error
			if tok != nil || !errors.Is(err, tt.want) || !errors.As(err, &e) || e.Sent || wstrust.VerdictOf(err) != tt.verdict {
				t.Errorf("Issue = %v, %v; want %v, nothing sent", tok, err, tt.want)
			}
			if seen := f.requests(); len(seen) != 0 {
				t.Errorf("requests %q; want none", seen)
			}
			if strings.Trim(string(q.Password), "\x00") != "" {
				t.Errorf("password is not wiped")
			}
		})
	}
}

func TestIssueAnswers(t *testing.T) {
	wrong := string(fixture(t, "fault/wrong-password.xml"))
	security := string(fixture(t, "fault/security.xml"))
	good := string(fixture(t, "rstr/13-no-relates.xml"))
	late := time.Now().Add(4 * time.Minute).UTC().Format(http.TimeFormat)
	for _, tt := range []struct {
		name    string
		answer  http.HandlerFunc
		verdict wstrust.Verdict
		status  int // of the fault; 0 for no fault
	}{
		{"fault with 500", answer(500, wrong), wstrust.VerdictBadCredentials, 500},
		{"fault with 200", answer(200, wrong), wstrust.VerdictBadCredentials, 200},
		{"security, clocks agree", answer(500, security), wstrust.VerdictConfig, 500},
		{"security, clocks differ", answer(500, security, "Date", late), wstrust.VerdictClock, 500},
		{"disabled", answer(503, "<h2>Service Unavailable</h2>"), wstrust.VerdictEndpointDisabled, 503},
		{"not there", answer(404, ""), wstrust.VerdictEndpointDisabled, 404},
		{"busy", answer(503, "", "Retry-After", "30"), wstrust.VerdictBusy, 503},
		{"server page", answer(500, string(fixture(t, "mex/page.html"))), wstrust.VerdictService, 500},
		{"media type", answer(415, ""), wstrust.VerdictConfig, 415},
		{"token with 500", answer(500, good), wstrust.VerdictService, 500},
		{"redirect", answer(307, "", "Location", "/adfs/elsewhere"), wstrust.VerdictUntrusted, 0},
		{"redirect nowhere", answer(308, "", "Location", "http://hunter2:port/"), wstrust.VerdictUntrusted, 0},
		{"page", answer(200, string(fixture(t, "mex/page.html"))), wstrust.VerdictProtocol, 0},
		{"no content", answer(204, ""), wstrust.VerdictProtocol, 0},
		{"other message", answer(200, string(fixture(t, "rstr/13-saml11.xml"))), wstrust.VerdictProtocol, 0},
		{"oversized", answer(200, good+strings.Repeat(" ", wstrust.MaxResponse)), wstrust.VerdictProtocol, 0},
		{"encrypted", answer(200, strings.Replace(string(fixture(t, "rstr/13-encrypted.xml")), messageID, "", 1)), wstrust.VerdictConfig, 0},
		{"garbage that repeats the password", garbage("hunter2&\r\n\r\n"), wstrust.VerdictUnreachable, 0},
		{"cut", garbage(""), wstrust.VerdictUnreachable, 0},
		{"cut in the answer", garbage("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<s:"), wstrust.VerdictUnreachable, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFarm(t)
			f.issue = tt.answer
			tok, err := f.client(t, nil).Issue(t.Context(), f.route(), request())
			var e *wstrust.Error
			if tok != nil || !errors.As(err, &e) || !e.Sent || wstrust.VerdictOf(err) != tt.verdict {
				t.Fatalf("Issue = %v, %v (%s); want %s, sent", tok, err, wstrust.VerdictOf(err), tt.verdict)
			}
			var fault *wstrust.Fault
			if errors.As(err, &fault) && fault.Status != tt.status || fault == nil && tt.status != 0 {
				t.Errorf("fault %+v; want status %d", fault, tt.status)
			}
			if fault != nil && tt.verdict == wstrust.VerdictBusy && fault.RetryAfter != 30*time.Second {
				t.Errorf("RetryAfter = %v; want 30s", fault.RetryAfter)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "ann@") {
				t.Errorf("error repeats what was sent: %v", err)
			}
			if seen := f.requests(); len(seen) != 1 {
				t.Errorf("requests %q; want one", seen)
			}
		})
	}
}

// garbage writes raw bytes and cuts the connection.
func garbage(raw string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, raw)
		_ = conn.Close()
	}
}

func TestDiscoverFallsBack(t *testing.T) {
	refusing := answer(405, "")
	for _, tt := range []struct {
		name     string
		mex      http.HandlerFunc
		get      http.HandlerFunc
		path     string // of the fallback; "" for none
		verdict  wstrust.Verdict
		requests int
	}{
		{"not found", http.NotFound, refusing, "/adfs/services/trust/13/usernamemixed", "", 2},
		{"broken", answer(500, ""), refusing, "/adfs/services/trust/2005/usernamemixed", "", 2},
		{"page", answer(200, "<html>"), refusing, "/adfs/services/trust/13/usernamemixed", "", 2},
		{"redirect", answer(302, "", "Location", "/adfs/elsewhere"), refusing, "/adfs/services/trust/13/usernamemixed", "", 2},
		{"oversized", answer(200, strings.Repeat(" ", wstrust.MaxMEX+1)), refusing, "/adfs/services/trust/13/usernamemixed", "", 2},
		{"no fallback", http.NotFound, refusing, "", wstrust.VerdictEndpointDisabled, 1},
		{"redirect, no fallback", answer(302, "", "Location", "/adfs/elsewhere"), refusing, "", wstrust.VerdictUntrusted, 1},
		{"fallback of no version", http.NotFound, refusing, "/adfs/services/trust/x", wstrust.VerdictEndpointDisabled, 1},
		{"fallback disabled", http.NotFound, answer(503, ""), "/adfs/services/trust/13/usernamemixed", wstrust.VerdictEndpointDisabled, 2},
		{"fallback redirects", http.NotFound, answer(302, "", "Location", "/"), "/adfs/services/trust/13/usernamemixed", wstrust.VerdictUntrusted, 2},
		{"fallback cut", http.NotFound, garbage(""), "/adfs/services/trust/13/usernamemixed", wstrust.VerdictUnreachable, 2},
		{"document without use", answer(200, string(fixture(t, "mex/no-password.xml"))), refusing, "/adfs/services/trust/13/usernamemixed", wstrust.VerdictConfig, 1},
		{"document of http only", answer(200, string(fixture(t, "mex/insecure-only.xml"))), refusing, "/adfs/services/trust/13/usernamemixed", wstrust.VerdictUntrusted, 1},
		{"document of other hosts", answer(200, string(fixture(t, "mex/foreign.xml"))), refusing, "/adfs/services/trust/13/usernamemixed", wstrust.VerdictUntrusted, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFarm(t)
			f.mex, f.issue = tt.mex, tt.get
			site := f.site()
			if tt.path != "" {
				site.Fallback = f.URL + tt.path
			}
			r, err := f.client(t, nil).Discover(t.Context(), site)
			if wstrust.VerdictOf(err) != tt.verdict {
				t.Fatalf("Discover = %+v, %v (%s); want %q", r, err, wstrust.VerdictOf(err), tt.verdict)
			}
			if tt.verdict == "" && (r.URL != site.Fallback || r.Version != wstrust.VersionOf(tt.path) || r.Listed || !r.Measured) {
				t.Errorf("route %+v", r)
			}
			seen := f.requests()
			if len(seen) != tt.requests || slices.ContainsFunc(seen, func(s string) bool { return !strings.HasPrefix(s, "GET ") || strings.Contains(s, "elsewhere") }) {
				t.Errorf("requests %q; want %d GETs", seen, tt.requests)
			}
		})
	}
}

func TestDiscoverRefusesUnpinned(t *testing.T) {
	f := newFarm(t)
	c := f.client(t, nil)
	for _, site := range []wstrust.Site{
		{MEX: strings.Replace(f.site().MEX, "127.0.0.1", "localhost", 1)},
		{MEX: strings.Replace(f.site().MEX, "https", "http", 1)},
	} {
		if r, err := c.Discover(t.Context(), site); wstrust.VerdictOf(err) != wstrust.VerdictUntrusted {
			t.Errorf("Discover(%v) = %+v, %v; want untrusted", site, r, err)
		}
	}
	f.mex = http.NotFound
	site := wstrust.Site{MEX: f.site().MEX, Fallback: "https://sts.example.net/adfs/services/trust/13/usernamemixed"}
	if r, err := c.Discover(t.Context(), site); !errors.Is(err, wstrust.ErrHost) {
		t.Errorf("Discover(%v) = %+v, %v; want ErrHost", site, r, err)
	}
	if seen := f.requests(); len(seen) != 1 {
		t.Errorf("requests %q; want one", seen)
	}
}

func TestClockIsMeasured(t *testing.T) {
	f := newFarm(t)
	now := time.Now()
	for _, tt := range []struct{ ahead, want time.Duration }{{10 * time.Minute, -10 * time.Minute}, {-3 * time.Minute, 3 * time.Minute}, {0, 0}} {
		c := f.client(t, func(cfg *wstrust.Config) { cfg.Now = func() time.Time { return now.Add(tt.ahead) } })
		r, err := c.Discover(t.Context(), f.site())
		if err != nil || !r.Measured || (r.Skew-tt.want).Abs() > 30*time.Second {
			t.Errorf("our clock %v ahead: skew %v, %v; want about %v", tt.ahead, r.Skew, err, tt.want)
		}
	}
	f.mex = func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = nil
		_, _ = w.Write(fixture(t, "mex/13-only.xml"))
	}
	c := f.client(t, func(cfg *wstrust.Config) { cfg.AllowedHosts = append(cfg.AllowedHosts, "sts.example.com") })
	if r, err := c.Discover(t.Context(), f.site()); err != nil || r.Measured || r.Skew != 0 {
		t.Errorf("no Date: %+v, %v", r, err)
	}
}

func TestSlowServer(t *testing.T) {
	f := newFarm(t)
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	f.mex, f.issue = hang, hang
	c := f.client(t, func(cfg *wstrust.Config) { cfg.Timeout = 50 * time.Millisecond })
	if _, err := c.Discover(t.Context(), f.site()); !errors.Is(err, context.DeadlineExceeded) || wstrust.VerdictOf(err) != wstrust.VerdictUnreachable {
		t.Errorf("Discover = %v; want deadline exceeded", err)
	}
	var e *wstrust.Error
	if _, err := c.Issue(t.Context(), f.route(), request()); !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &e) {
		t.Errorf("Issue = %v; want deadline exceeded", err)
	}
}

func TestUntrustedCertificate(t *testing.T) {
	f := newFarm(t)
	c := f.client(t, func(cfg *wstrust.Config) { cfg.HTTP = &http.Client{Transport: &http.Transport{}} })
	var e *wstrust.Error
	if _, err := c.Issue(t.Context(), f.route(), request()); !errors.As(err, &e) || e.Sent || wstrust.VerdictOf(err) != wstrust.VerdictUntrusted {
		t.Errorf("Issue = %v (%s); want untrusted, nothing sent", err, wstrust.VerdictOf(err))
	}
}

func TestUnreachable(t *testing.T) {
	f := newFarm(t)
	c, r := f.client(t, nil), f.route()
	f.Close()
	var e *wstrust.Error
	if _, err := c.Issue(t.Context(), r, request()); !errors.As(err, &e) || e.Sent || wstrust.VerdictOf(err) != wstrust.VerdictUnreachable {
		t.Errorf("Issue = %v; want unreachable, nothing sent", err)
	}
}

func TestMetadataOverTheWire(t *testing.T) {
	f := newFarm(t)
	f.other = answer(200, string(fixture(t, "metadata.xml")))
	c := f.client(t, nil)
	address := f.URL + "/FederationMetadata/2007-06/FederationMetadata.xml"
	if m, err := c.Metadata(t.Context(), address); err != nil || len(m.Signing) != 2 {
		t.Errorf("Metadata = %+v, %v; want two certificates", m, err)
	}
	if _, err := c.Metadata(t.Context(), "https://sts.example.net/"); !errors.Is(err, wstrust.ErrHost) {
		t.Errorf("Metadata of another host = %v; want ErrHost", err)
	}
}

type tripper struct{}

func (tripper) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("never") }

func TestNewRefuses(t *testing.T) {
	dial := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("never") }
	for name, cfg := range map[string]wstrust.Config{
		"no client":       {AllowedHosts: []string{"a"}},
		"no hosts":        {HTTP: &http.Client{}},
		"wildcard":        {HTTP: &http.Client{}, AllowedHosts: []string{"*.example.com"}},
		"other transport": {HTTP: &http.Client{Transport: tripper{}}, AllowedHosts: []string{"a"}},
		"own TLS":         {HTTP: &http.Client{Transport: &http.Transport{DialTLSContext: dial}}, AllowedHosts: []string{"a"}},
		"no verification": {HTTP: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}, AllowedHosts: []string{"a"}},
	} {
		if c, err := wstrust.New(cfg); err == nil || c != nil {
			t.Errorf("%s: New succeeded", name)
		}
	}
}
