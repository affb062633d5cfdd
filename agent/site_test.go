package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/platen-fax/platen/agent/app"
	"github.com/platen-fax/platen/agent/doctor"
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
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("waited in vain until %s", what)
		}
	}
}

// browser stands at the panel.
func (s *site) browser() *person.Browser { return person.New(time.Minute, http.DefaultTransport) }

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

// tap holds a badge to the reader until the panel greets its owner. Nobody tells
// when the agent has opened the line, so the badge is held there again: soon, for a
// tap that nobody read, and then no sooner than the driver forgets one it did.
func (s *site) tap(b *person.Browser, badge, name string) {
	s.Helper()
	var again time.Time
	pause := 300 * time.Millisecond
	s.until("the panel greets "+name, func() bool {
		if now := time.Now(); now.After(again) {
			again, pause = now.Add(pause), 4*time.Second
			if err := s.Station(station).Reader.Tap(badge); err != nil {
				s.Fatal(err)
			}
		}
		p, err := b.Open(s.Context(), s.agent.PanelURL(station))
		if err != nil {
			s.Fatal(err)
		}
		return p.Screen() == person.ScreenHello && p.Has(name)
	})
}

// onPhone signs in on a phone with the code that the panel shows, and waits until
// the panel goes on.
func (s *site) onPhone(b *person.Browser, who world.Person) {
	s.Helper()
	shown, err := b.Code()
	s.must(b, "read the code", err)
	phone := person.NewPhone(time.Minute, s.Client().Transport)
	if err := phone.Scan(s.Context(), shown, false); err != nil {
		s.Fatal(err)
	}
	if err := phone.SignIn(s.Context(), shown, person.Credentials{User: who.Email, Password: who.Password}, true); err != nil {
		s.Fatalf("on the phone: %v; it shows %.300s", err, phone.Page().Text())
	}
	_, err = b.Wait(s.Context(), func(p *person.Page) bool { return p.Screen() != person.ScreenPhone })
	s.must(b, "wait for the panel", err)
}
