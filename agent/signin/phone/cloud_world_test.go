package phone_test

import (
	"bytes"
	"context"
	"errors"
	"html"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/phone"
	"github.com/platen-fax/platen/agent/signin/xmcloud"
	"github.com/platen-fax/platen/protocols/saml"
	wire "github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/idp"
)

const (
	connector   = "SERVICE|acme"
	companyWord = "company word"
)

var (
	begin     = time.Date(2026, 9, 24, 6, 43, 4, 0, time.UTC)
	frontDesk = signin.Terminal{ID: "front-desk", Name: "Front desk", Location: "2nd floor"}
)

// clock is time that moves while somebody waits; people act in between.
type clock struct {
	mu     sync.Mutex
	t      time.Time
	waits  []time.Duration
	onWait func(n int) // the nth wait, from 1, is over
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	c.t = c.t.Add(d)
	c.waits = append(c.waits, d)
	n, f := len(c.waits), c.onWait
	c.mu.Unlock()
	if f != nil {
		f(n)
	}
	if n > 1000 {
		return errors.New("still waiting")
	}
	return ctx.Err()
}

// cloudWorld is a fax service with the account acme, whose people sign in at
// their company by SAML, and the method under test.
type cloudWorld struct {
	*faxcloud.Cloud
	clock  clock
	idp    *idp.SAML
	in     *xmcloud.Cloud
	web    *http.Client
	base   string
	method *phone.CloudMethod

	// What passes between the method and the service.
	code  signin.DeviceCode
	polls []time.Time
	after func() // an answer of the service

	mu   sync.Mutex
	seen bytes.Buffer // all that reached the service, from device and phone
}

// StartDevice and PollDevice pass on.
func (w *cloudWorld) StartDevice(ctx context.Context, t signin.Terminal) (code signin.DeviceCode, err error) {
	w.code, err = w.in.StartDevice(ctx, t)
	return w.code, err
}

func (w *cloudWorld) PollDevice(ctx context.Context, device string, t signin.Terminal) (signin.Identity, bool, bool, error) {
	w.polls = append(w.polls, w.clock.now())
	id, wait, slower, err := w.in.PollDevice(ctx, device, t)
	if w.after != nil && !wait {
		w.after()
	}
	return id, wait, slower, err
}

func newCloudWorld(t *testing.T, edit func(*faxcloud.XMOptions)) *cloudWorld {
	t.Helper()
	w := &cloudWorld{clock: clock{t: begin}}
	o := faxcloud.Options{Dir: t.TempDir(), Now: w.clock.now}
	o.XM.SSO = faxcloud.NewSAMLSSO(w.clock.now)
	o.XM.Accounts = []faxcloud.XMAccount{{
		Region: "eu", ID: "acme", Domains: []string{"acme.example"}, SSO: wire.SSOSAML2,
		Users: []faxcloud.XMUser{
			{ID: "u-ann", Name: "ann", Display: "Ann Lee", Email: "Ann@Acme.example"},
			{ID: "u-bob", Name: "bob", Display: "Bob", Email: "bob@acme.example"},
		},
		Connectors: []faxcloud.XMConnector{{Token: connector, Devices: []string{frontDesk.ID, "second"}, Permissions: []string{wire.MaySend, wire.MayTakeTicket}}},
	}}
	if edit != nil {
		edit(&o.XM)
	}
	var err error
	if w.Cloud, err = faxcloud.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	srv := serve(t, w.record(t, w.XM().RegionHandler("eu")))
	var pages http.Handler
	company := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { pages.ServeHTTP(rw, r) }))
	w.base, w.web = srv.URL, srv.Client()
	w.idp, err = idp.NewSAML(idp.SAMLOptions{
		Profile: idp.Entra, Base: company.URL, Now: w.clock.now,
		Services: map[string][]string{srv.URL + "/": {srv.URL + "/" + faxcloud.PathSAMLReturn}},
		Users: []idp.User{
			{Name: "ann", Password: companyWord, Display: "Ann Lee", Email: "ANN@acme.Example"},
			{Name: "victim", Password: "z", Email: "bob@acme.example"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	pages = w.idp.Handler()
	err = w.XM().AddIdP("eu", "acme", faxcloud.XMIdP{IdentityProvider: saml.IdentityProvider{EntityID: w.idp.Issuer(), Certificates: w.idp.Certificates(), SSO: w.idp.SSO()}})
	if err != nil {
		t.Fatal(err)
	}
	w.web.Transport.(*http.Transport).DisableKeepAlives = true
	client, err := wire.New(wire.Config{
		HTTP: w.web, Commit: w.web, Endpoint: srv.URL, Account: "acme",
		Token: func(context.Context) (string, error) { return connector, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.in = xmcloud.New(xmcloud.Options{Service: "main", Client: client, Now: w.clock.now})
	w.method = phone.NewCloud(phone.CloudOptions{Cloud: w, Now: w.clock.now, Wait: w.clock.wait})
	return w
}

func (w *cloudWorld) record(t *testing.T, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading a request to the fax service: %v", err)
		}
		w.mu.Lock()
		w.seen.WriteString(r.Method + " " + r.RequestURI + "\n")
		w.seen.Write(body)
		w.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(rw, r)
	})
}

// serve answers over TLS, quietly.
func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

func (w *cloudWorld) start(t *testing.T) signin.Pairing {
	t.Helper()
	p, err := w.method.Start(t.Context(), frontDesk, "en")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// browser is the one of a phone.
type browser struct {
	t    *testing.T
	http http.Client
	page string
	code int
	at   *url.URL
}

func newBrowser(t *testing.T, web *http.Client) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, http: *web}
	b.http.Jar, b.http.CheckRedirect = jar, nil
	return b
}

func (b *browser) do(req *http.Request, err error) *browser {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.page, b.code, b.at = string(body), resp.StatusCode, resp.Request.URL
	return b
}

func (b *browser) open(address string) *browser {
	b.t.Helper()
	return b.do(http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil))
}

var hidden = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)"`)

// post sends the form of the page with what was filled in.
func (b *browser) post(address string, filled ...string) *browser {
	b.t.Helper()
	v := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(b.page, -1) {
		if m[1] != "cancel" && m[1] != "decline" {
			v.Set(m[1], html.UnescapeString(m[2]))
		}
	}
	for i := 0; i < len(filled); i += 2 {
		v.Set(filled[i], filled[i+1])
	}
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, address, strings.NewReader(v.Encode()))
	if err == nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return b.do(req, err)
}

// arrive scans the QR code, signs Ann in at her company and comes back.
func (w *cloudWorld) arrive(t *testing.T, s signin.Shown) *browser {
	t.Helper()
	b := newBrowser(t, w.web).open(s.QR)
	for _, text := range []string{frontDesk.Name, frontDesk.Location, s.Match} {
		if !strings.Contains(b.page, text) {
			t.Errorf("the page does not say %q before the sign-in", text)
		}
	}
	b.open(s.QR+"/sso").post(w.idp.SSO(), "user", "ann", "password", companyWord)
	return b.post(w.base + "/" + faxcloud.PathSAMLReturn)
}

// decide presses a button of the last page: "yes" or "no".
func (w *cloudWorld) decide(b *browser, s signin.Shown, answer string) {
	b.post(w.base+"/d/"+s.Code+"/decide", "answer", answer)
}

// problem wants a refusal that spent nothing: no secret is typed here.
func problem(t *testing.T, what string, err error, want signin.Problem) signin.Refused {
	t.Helper()
	var r *signin.Refused
	if !errors.As(err, &r) || r.Problem != want || r.Spent {
		t.Errorf("%s: %v; want problem %q, nothing spent", what, err, want)
		return signin.Refused{}
	}
	if s := strings.ToLower(r.Error()); strings.Contains(s, "ann@") || strings.Contains(s, companyWord) {
		t.Errorf("%s: the error says who it was: %s", what, s)
	}
	return *r
}

// apart checks that polls keep their distance.
func apart(t *testing.T, polls []time.Time, from time.Time, least time.Duration) {
	t.Helper()
	for i, p := range polls {
		if p.Sub(from) < least {
			t.Errorf("poll %d came %v after the one before; want at least %v", i+1, p.Sub(from), least)
		}
		from = p
	}
}
