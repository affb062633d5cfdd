package xmcloud_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/deliver/servicetest"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/password"
	"github.com/platen-fax/platen/agent/signin/xmcloud"
	wire "github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/faxcloud"
)

const (
	connector = "SERVICE|acme-connector"
	annsWord  = `Correct "horse" ü\1`
	annsMail  = "Ann@Acme.example"
	otpSecret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	relying   = "https://fax.example/acme/"
	toN       = "+15145550123"
	otherN    = "+15145550199"
)

var (
	begin     = time.Date(2026, 9, 24, 6, 43, 4, 0, time.UTC)
	frontDesk = signin.Terminal{ID: "front-desk", Name: "Front desk", Location: "2nd floor"}
	second    = signin.Terminal{ID: "second", Name: "Second"}
	own       = signin.Discovery{Account: signin.AccountOwn}
)

// request is one that reached the service, as bytes.
type request struct{ line, body string }

// world is one region on loopback and the people of one account, as the product
// signs them in.
type world struct {
	*faxcloud.Cloud
	clock   *servicetest.Clock
	srv     *httptest.Server
	clients deliver.Clients
	wire    *wire.Client
	tokens  *xmcloud.Tokens
	in      *xmcloud.Cloud
	typed   *password.Method

	mu   sync.Mutex
	seen []request
	said bytes.Buffer // logs of the service and every error of a sign-in
}

func acme() faxcloud.XMAccount {
	return faxcloud.XMAccount{
		Region: "eu", ID: "acme", Domains: []string{"acme.example"},
		Users: []faxcloud.XMUser{
			{ID: "u-ann", Name: "ann", Display: "Ann Lee", Email: annsMail, Password: annsWord},
			{ID: "u-bob", Name: "bob", Display: "Bob", Email: "bob@acme.example", Password: "Correct horse 2"},
			{ID: "u-sso", Name: "sso", Email: "sso@acme.example"},
			{ID: "u-new", Name: "new", Email: "new@acme.example", Password: "Correct horse 3", Pending: true},
			{ID: "u-off", Name: "off", Email: "off@acme.example", Password: "Correct horse 4", Disabled: true},
			{ID: "u-mute", Name: "mute", Email: "mute@acme.example", Password: "Correct horse 5", NoSend: true},
		},
		Connectors: []faxcloud.XMConnector{{
			Token: connector, Devices: []string{frontDesk.ID, second.ID},
			Permissions: []string{wire.MaySend, wire.MaySendFor, wire.MayTakeTicket},
		}},
	}
}

// open starts the region eu with acme as edited.
func open(t *testing.T, edit func(*faxcloud.XMOptions, *faxcloud.XMAccount)) *world {
	t.Helper()
	w := &world{clock: servicetest.NewClock(begin), tokens: xmcloud.NewTokens()}
	o := faxcloud.Options{
		Dir: t.TempDir(), Now: w.clock.Now,
		Log: slog.New(slog.NewTextHandler(writer(w.say), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	a := acme()
	if edit != nil {
		edit(&o.XM, &a)
	}
	o.XM.Accounts = append(o.XM.Accounts, a)
	var err error
	if w.Cloud, err = faxcloud.New(o); err != nil {
		t.Fatal(err)
	}
	w.srv = httptest.NewUnstartedServer(w.record(w.XM().RegionHandler("eu")))
	w.srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	w.srv.StartTLS()
	t.Cleanup(func() {
		w.Close()
		w.srv.Close()
		w.silent(t)
	})
	w.clients = clientsFor(t, w.srv)
	w.wire = w.client(t, w.clients)
	w.in = xmcloud.New(xmcloud.Options{Service: "main", Client: w.wire, Tokens: w.tokens, Now: w.clock.Now})
	w.typed = password.New(password.Options{Way: signin.WayPassword, Cloud: w.in})
	return w
}

func clientsFor(t *testing.T, srv *httptest.Server) deliver.Clients {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	c := deliver.NewClients(deliver.ClientOptions{Roots: roots})
	t.Cleanup(c.CloseIdle)
	return c
}

func (w *world) client(t *testing.T, clients deliver.Clients) *wire.Client {
	t.Helper()
	c, err := wire.New(wire.Config{
		HTTP: clients.API, Commit: clients.Commit, Endpoint: w.srv.URL, Account: "acme",
		Token: func(context.Context) (string, error) { return connector, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type writer func([]byte) (int, error)

func (f writer) Write(p []byte) (int, error) { return f(p) }

func (w *world) say(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.Write(p)
}

func (w *world) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what a broken request brought is recorded as well
		r.Body = io.NopCloser(bytes.NewReader(body))
		w.mu.Lock()
		w.seen = append(w.seen, request{r.Method + " " + r.URL.Path, string(body)})
		w.mu.Unlock()
		next.ServeHTTP(rw, r)
	})
}

// asked counts the requests of a kind, such as "POST /api/user_token".
func (w *world) asked(line string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, r := range w.seen {
		if r.line == line {
			n++
		}
	}
	return n
}

const (
	loginLine = "POST /" + wire.PathUserToken
	endLine   = "DELETE /" + wire.PathUserToken
)

// bodies is everything that was sent.
func (w *world) bodies() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, r := range w.seen {
		b.WriteString(r.line + "\n" + r.body + "\n")
	}
	return b.String()
}

// silent looks for passwords, people and tokens in everything that was logged or
// came back as an error.
func (w *world) silent(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	text := strings.ToLower(w.said.String())
	for _, secret := range []string{
		annsWord, `correct`, "company word", "acme.example", "acme%2eexample", "ann lee", wire.UserPrefix, "ticket|", otpSecret,
	} {
		if strings.Contains(text, strings.ToLower(secret)) {
			t.Errorf("%q was logged or is in an error:\n%s", secret, w.said.String())
		}
	}
}

// login is one attempt at the front desk, as the password method makes it.
func (w *world) login(t *testing.T, name, word, code string) (signin.Identity, error) {
	t.Helper()
	return w.at(t, frontDesk, name, word, code)
}

func (w *world) at(t *testing.T, term signin.Terminal, name, word, code string) (signin.Identity, error) {
	t.Helper()
	id, err := w.typed.Try(t.Context(), signin.Attempt{
		Terminal: term, Name: name, Secret: []byte(word), Code: code, Discovery: own,
	})
	w.heard(err)
	return id, err
}

// heard keeps the text of an error for silent.
func (w *world) heard(err error) {
	if err != nil {
		_, _ = w.say([]byte(err.Error() + "\n"))
	}
}

// ann signs her in at a terminal.
func (w *world) ann(t *testing.T, term signin.Terminal) signin.Identity {
	t.Helper()
	id, err := w.at(t, term, "ann", annsWord, "")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// want checks the problem of a refusal, and whether it was spent.
func (w *world) want(t *testing.T, what string, err error, p signin.Problem, spent bool) signin.Refused {
	t.Helper()
	w.heard(err)
	r, ok := errors.AsType[*signin.Refused](err)
	if !ok || r.Problem != p || r.Spent != spent {
		t.Errorf("%s: %v (spent %v); want problem %q, spent %v", what, err, ok && r.Spent, p, spent)
		return signin.Refused{}
	}
	return *r
}

// codeAt is what an authenticator app shows.
func (w *world) codeAt(t *testing.T, after time.Duration) string {
	t.Helper()
	code, err := totp.GenerateCodeCustom(otpSecret, w.clock.Now().Add(after), totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix})
	if err != nil {
		t.Fatal(err)
	}
	return code
}
