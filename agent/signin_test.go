package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/platen-fax/platen/agent/app"
	"github.com/platen-fax/platen/agent/doctor"
	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/person"
	"github.com/platen-fax/platen/simulator/world"
)

// log collects what an agent says; it is read while the agent writes.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// site is a world with this program's agent in it.
type site struct {
	*testing.T
	*world.World
	agent  world.Agent
	log    *log
	reload chan os.Signal
	stop   func() // the agent; it may be called twice
}

// station is the one device of a site.
const station = "office"

// newSite starts a world and an agent in this process. overlay is YAML over the
// world's configuration, "" for none.
func newSite(t *testing.T, o world.Options, overlay string) *site {
	t.Helper()
	o.Dir, o.Devices = t.TempDir(), []world.Device{{ID: station, Refill: 1}}
	w, err := world.Start(context.WithoutCancel(t.Context()), o) // the agent ends before it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("close the world: %v", err)
		}
	})
	var over yaml.Node
	if err := yaml.Unmarshal([]byte(overlay), &over); err != nil {
		t.Fatal(err)
	}
	node := &over
	if over.Kind == yaml.DocumentNode {
		node = over.Content[0]
	}
	s := &site{T: t, World: w, log: &log{}, reload: make(chan os.Signal, 1)}
	if s.agent, err = w.WriteConfig(node); err != nil {
		t.Fatal(err)
	}
	s.start()
	return s
}

// start runs the agent until the test ends and waits until it serves.
func (s *site) start() {
	s.Helper()
	ctx, stop := context.WithCancel(s.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, app.Options{
			Config: s.agent.Config, Version: "test", Drivers: drivers(), Reload: s.reload,
			Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Ready: func() { close(ready) },
		})
	}()
	s.stop = sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			s.Errorf("Run = %v, want an orderly end", err)
		}
	})
	s.Cleanup(func() {
		s.stop()
		if strings.Contains(s.log.String(), "not given back") {
			s.Error("a credential was not given back at the end")
		}
		if s.Failed() {
			s.Logf("the agent said:\n%s", s.log)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		s.Fatalf("the agent ended: %v", err)
	}
}

// until polls a condition.
func (s *site) until(what string, ok func() bool) {
	s.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("waited in vain until %s", what)
		}
	}
}

// browser stands at the panel.
func (s *site) browser() *person.Browser { return person.New(10*time.Second, http.DefaultTransport) }

// must fails the test with what the screen showed.
func (s *site) must(b *person.Browser, what string, err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v; on the screen: %.300s", what, err, b.Page().Text())
	}
}

// hello wants the screen that greets somebody.
func (s *site) hello(b *person.Browser, name string) {
	s.Helper()
	if p := b.Page(); p.Screen() != person.ScreenHello || !p.Has(name) {
		s.Fatalf("screen %s: %.300s; want one that greets %s", p.Screen(), p.Text(), name)
	}
}

// who returns somebody of the world.
func (s *site) who(id string) world.Person {
	s.Helper()
	p, ok := s.Person(id)
	if !ok {
		s.Fatalf("nobody is %s", id)
	}
	return p
}

// doctor wants no leg of the site to be broken.
func (s *site) doctor(legs ...string) {
	s.Helper()
	look, err := app.Site(app.Options{Config: s.agent.Config, Version: "test", Drivers: drivers()})
	if err != nil {
		s.Fatal(err)
	}
	look.Admin = func(context.Context) (string, error) { return "test", nil }
	r := doctor.Run(s.Context(), look.Checks()...)
	seen := map[string]bool{}
	for _, f := range r.Findings {
		seen[f.Leg] = true
		if f.Level == doctor.LevelFail {
			s.Errorf("doctor: %s %s: %s", f.Leg, f.Subject, f.What)
		}
	}
	for _, leg := range legs {
		if !seen[leg] {
			s.Errorf("doctor did not look at %s", leg)
		}
	}
}

// TestSignInByPassword signs in with the cloud's own password, stays signed in
// over a reload, and sends a fax that is the person's own at the cloud.
func TestSignInByPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t, world.Options{Service: faxcloud.XMCloud, Mode: world.ModePrompt}, "")
	b, ann := s.browser(), s.who("ann")
	s.must(b, "open", b.GoToSignIn(t.Context(), s.agent.PanelURL(station)))
	s.must(b, "sign in", b.SignIn(t.Context(), person.Typist{Name: ann.Email, Password: ann.Password}))
	s.hello(b, ann.Name)

	s.reload <- syscall.SIGHUP
	s.until("the configuration is loaded again", func() bool { return strings.Contains(s.log.String(), "configuration reloaded") })
	if _, err := b.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.hello(b, ann.Name)

	_, err := b.Tap(t.Context(), nil, "Send a fax")
	s.must(b, "begin", err)
	s.must(b, "dial", b.Dial(t.Context(), "+15145550123"))
	s.must(b, "scan", b.Scan(t.Context()))
	s.must(b, "check", b.Check(t.Context()))
	_, err = b.Send(t.Context())
	s.must(b, "send", err)
	s.until("the fax is Ann's at the cloud", func() bool {
		l := s.Fax.Ledger()
		return len(l) == 1 && l[0].Owner == ann.OwnerID()
	})
	s.doctor(doctor.LegService)
	if said := s.log.String(); strings.Contains(said, ann.Password) || strings.Contains(said, ann.Email) {
		t.Error("the log names the person or the password")
	}
}

// TestSignInAtTheCompany signs in with the company's password, which its AD FS
// alone gets to see, once.
func TestSignInAtTheCompany(t *testing.T) {
	t.Parallel()
	s := newSite(t, world.Options{Service: faxcloud.XMCloud, Mode: world.ModePrompt, Company: world.Company{Account: world.AccountWSTrust}},
		"sign_in: {domains: [example.com]}")
	b, ann := s.browser(), s.who("ann")
	s.must(b, "open", b.GoToSignIn(t.Context(), s.agent.PanelURL(station)))
	s.must(b, "sign in", b.SignIn(t.Context(), person.Typist{Name: ann.Email, Password: ann.Password}))
	s.hello(b, ann.Name)
	if at := s.Passwords(world.AtADFS); len(at) != 1 || !at[0].TLS || !at[0].Pinned {
		t.Errorf("passwords at AD FS: %+v; want one, over TLS, at the pinned host", at)
	}
	if at := s.Passwords(world.AtCloud); len(at) != 0 {
		t.Errorf("the cloud saw passwords: %+v", at)
	}
	s.doctor(doctor.LegSignIn, doctor.LegCompany)
	resp, err := http.Get(s.agent.Panel + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`platen_signin_total{way="company",result="ok"} 1`, "platen_sessions 1"} {
		if !strings.Contains(body.String(), want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

// TestSignInOnThePhone signs in at the company's provider by the cloud's page.
func TestSignInOnThePhone(t *testing.T) {
	t.Parallel()
	s := newSite(t, world.Options{Service: faxcloud.XMCloud, Mode: world.ModePrompt, Company: world.Company{Account: world.AccountSAML}}, "")
	b, ann := s.browser(), s.who("ann")
	s.must(b, "open", b.GoToSignIn(t.Context(), s.agent.PanelURL(station)))
	s.must(b, "ask for a code", b.SignIn(t.Context(), person.Typist{Name: ann.Email, Phone: true}))
	shown, err := b.Code()
	s.must(b, "read the code", err)
	phone := person.NewPhone(10*time.Second, s.Client().Transport)
	if err := phone.Scan(t.Context(), shown, false); err != nil {
		t.Fatal(err)
	}
	if err := phone.SignIn(t.Context(), shown, person.Credentials{User: ann.Email, Password: ann.Password}, true); err != nil {
		t.Fatalf("on the phone: %v; it shows %.300s", err, phone.Page().Text())
	}
	_, err = b.Wait(t.Context(), func(p *person.Page) bool { return p.Screen() != person.ScreenPhone })
	s.must(b, "wait for the panel", err)
	s.hello(b, ann.Name)
}

// TestSignInAtTheProvider asks the company's provider itself, with a fax service
// that knows no people.
func TestSignInAtTheProvider(t *testing.T) {
	t.Parallel()
	s := newSite(t, world.Options{Mode: world.ModePrompt, Company: world.Company{Account: world.AccountOIDC}}, "")
	b := s.browser()
	s.must(b, "open", b.GoToSignIn(t.Context(), s.agent.PanelURL(station)))
	s.must(b, "ask for a code", b.SignIn(t.Context(), person.Typist{Name: s.who("ann").Email, Phone: true}))
	if _, err := b.Code(); err != nil {
		t.Fatal(err)
	}
	s.doctor(doctor.LegProvider)
}

// tap holds a badge to the reader until the panel greets its owner: nobody tells
// when the agent has opened the line.
func (s *site) tap(b *person.Browser, badge, name string) {
	s.Helper()
	s.until("the panel greets "+name, func() bool {
		if err := s.Station(station).Reader.Tap(badge); err != nil {
			s.Fatal(err)
		}
		for range 20 {
			p, err := b.Open(s.Context(), s.agent.PanelURL(station))
			if err != nil {
				s.Fatal(err)
			}
			if p.Screen() == person.ScreenHello && p.Has(name) {
				return true
			}
			time.Sleep(10 * time.Millisecond)
		}
		return false
	})
}

// TestSignInByBadge signs in with a badge, and goes on reading badges after a
// reload.
func TestSignInByBadge(t *testing.T) {
	t.Parallel()
	s := newSite(t, world.Options{Service: faxcloud.XMCloud, Mode: world.ModeBadge}, "")
	b := s.browser()
	s.tap(b, s.who("ann").Badges[0], s.who("ann").Name)
	s.reload <- syscall.SIGHUP
	s.until("the configuration is loaded again", func() bool { return strings.Contains(s.log.String(), "configuration reloaded") })
	b = s.browser()
	s.tap(b, s.who("bob").Badges[0], s.who("bob").Name)
	s.doctor(doctor.LegReader, doctor.LegDirectory)
}

// TestDraftWaitsForItsOwner: what somebody scanned and left is there for them, and
// for nobody else, after the agent was restarted.
func TestDraftWaitsForItsOwner(t *testing.T) {
	t.Parallel()
	s := newSite(t, world.Options{Service: faxcloud.XMCloud, Mode: world.ModeBadge}, "")
	b, ann := s.browser(), s.who("ann")
	s.tap(b, ann.Badges[0], ann.Name)
	_, err := b.Tap(t.Context(), nil, "Send a fax")
	s.must(b, "begin", err)
	s.must(b, "dial", b.Dial(t.Context(), "+15145550123"))
	s.must(b, "scan", b.Scan(t.Context()))
	s.stop()
	s.start()
	b = s.browser()
	s.tap(b, s.who("bob").Badges[0], s.who("bob").Name)
	if p := b.Page(); p.Has("waiting") {
		t.Errorf("Bob is shown what Ann left: %.300s", p.Text())
	}
	b = s.browser()
	s.tap(b, ann.Badges[0], ann.Name)
	if p := b.Page(); !p.Has("waiting") {
		t.Errorf("Ann is not shown what she left: %.300s", p.Text())
	}
}

// TestDeactivatedByTheCloud: a directory that a cloud fills lets a badge in, and
// ends the visit of somebody it deactivates.
func TestDeactivatedByTheCloud(t *testing.T) {
	t.Parallel()
	s := newSite(t, world.Options{Service: faxcloud.XMCloud, Mode: world.ModeBadge, Company: world.Company{Directory: world.DirectorySCIM}}, "")
	if err := s.Provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := s.browser()
	s.tap(b, s.who("ann").Badges[0], s.who("ann").Name)
	s.doctor(doctor.LegInbox)
	if err := s.Deactivate(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	gone := func() bool {
		p, err := b.Open(t.Context(), s.agent.PanelURL(station))
		return err == nil && p.Screen() != person.ScreenHello && !p.Has(s.who("ann").Name)
	}
	s.until("Ann's visit has ended", gone)

	// Another address for the listener is told to be for a restart.
	text, err := os.ReadFile(s.agent.Config)
	if err != nil {
		t.Fatal(err)
	}
	moved := strings.Replace(string(text), "path: /scim/v2", "path: /people", 1)
	if moved == string(text) {
		moved = strings.Replace(string(text), "kind: scim", "kind: scim, path: /people", 1)
	}
	if err := os.WriteFile(s.agent.Config, []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
	s.reload <- syscall.SIGHUP
	s.until("the reload is refused", func() bool { return strings.Contains(s.log.String(), "needs a restart") })
	if err := os.WriteFile(s.agent.Config, text, 0o600); err != nil {
		t.Fatal(err)
	}

	// Who was sent is known after a restart, and who was deactivated stays out.
	s.stop()
	s.start()
	s.tap(b, s.who("bob").Badges[0], s.who("bob").Name)
	if err := s.Station(station).Reader.Tap(s.who("ann").Badges[0]); err != nil {
		t.Fatal(err)
	}
	s.until("Ann's badge ends Bob's visit", func() bool {
		p, err := b.Open(t.Context(), s.agent.PanelURL(station))
		return err == nil && !p.Has(s.who("bob").Name)
	})
	if !gone() {
		t.Errorf("Ann is in: %.300s", b.Page().Text())
	}
}
