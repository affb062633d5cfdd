package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/platen-fax/platen/agent/doctor"
	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/person"
	"github.com/platen-fax/platen/simulator/world"
)

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

// TestSignInByLaunch: the device signed somebody in itself and vouches for them,
// once.
func TestSignInByLaunch(t *testing.T) {
	t.Parallel()
	s := newSite(t, world.Options{Service: faxcloud.XMCloud, Mode: world.ModeBadge}, "devices: [{id: "+station+", launch_key_file: launch.key}]")
	key := strings.Repeat("5a", 32)
	if err := os.WriteFile(filepath.Join(s.Dir(), "launch.key"), []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(key)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	token, err := jwt.Signed(signer).Claims(jwt.Claims{
		Subject: s.who("ann").Email, Audience: jwt.Audience{station}, ID: "one",
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		in   bool
	}{{"first", true}, {"again", false}} {
		b := s.browser()
		p, err := b.Open(t.Context(), s.agent.PanelURL(station)+"launch?t="+token)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Screen() == person.ScreenHello && p.Has(s.who("ann").Name); got != tt.in {
			t.Errorf("%s: Ann is in: %v, want %v; on the screen: %.300s", tt.name, got, tt.in, p.Text())
		}
	}
	s.doctor(doctor.LegLaunch)
}
