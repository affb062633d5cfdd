package panel_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/panel"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/protocols/panelmsg"
)

// atReader is a device with a reader and a panel that runs.
func atReader(t *testing.T, sheets int, more ...func(*panel.Options)) (*rig, *reception, *signin.Events) {
	t.Helper()
	f, ev := newReception(), signin.NewEvents()
	more = append(more, func(o *panel.Options) { o.Events = ev.Receive() })
	r := newRig(t, sheets, people(f, panel.ModeDeviceLogin, more...))
	r.running()
	return r, f, ev
}

// arrived reloads the first screen, as it asks for itself, until somebody is
// there.
func (b *browser) arrived(text string) *browser {
	b.t.Helper()
	until(b.t, text, func() bool { return b.has(text) || b.refresh().has(text) })
	return b
}

// TestBadge signs in by badge without scripts; only one page gets the person.
func TestBadge(t *testing.T) {
	r, f, ev := atReader(t, 1)
	b := r.browse("front-desk").want("Hold your badge to the reader.").not("Send a fax")
	send(t, ev, signin.Event{Device: "mail-room", Tap: &signin.Tap{Person: bob}}) // nobody signs in there
	send(t, ev, signin.Event{Device: "front-desk", Tap: &signin.Tap{Person: ann}})
	b.arrived("Hello, Ann Beaulieu").want("a…u@contoso.example", "AB")
	if f.begun[0].Tap == nil || f.begun[0].Terminal.ID != "front-desk" || len(f.begun) != 1 {
		t.Errorf("sign-ins begun: %+v", f.begun)
	}
	r.browse("front-desk").want("Hold your badge to the reader.")
	b.tap("Send a fax").want("1 of 3").get("/panel/front-desk/").tap("Not me").want("Hold your badge")
}

// TestBadgeWaitsTwentySeconds for the page to take it.
func TestBadgeWaitsTwentySeconds(t *testing.T) {
	r, _, ev := atReader(t, 0)
	poll := r.browse("front-desk")
	poll.get("/panel/front-desk/state?on=home")
	send(t, ev, signin.Event{Device: "front-desk", Tap: &signin.Tap{Person: ann}})
	until(t, "the page to be told to go", func() bool {
		return strings.Contains(poll.get("/panel/front-desk/state?on=home").body, `"go":"/panel/front-desk/?r=1"`)
	})
	r.clock.forward(21 * time.Second)
	poll.get("/panel/front-desk/").want("Hold your badge to the reader.")
}

// TestBadgePIN asks for the PIN of a badge.
func TestBadgePIN(t *testing.T) {
	r, _, ev := atReader(t, 0)
	b := r.browse("front-desk")
	send(t, ev, signin.Event{Device: "front-desk", Tap: &signin.Tap{Person: ann, PIN: true}})
	b.arrived("Your PIN").want("Ann Beaulieu", "a…u@contoso.example")
	b.fill("secret", "1357").tap("Sign in").want("This PIN is not right.", "S-141")
	b.fill("secret", "2468").tap("Sign in").want("Hello, Ann Beaulieu")
}

// TestNewPIN takes two that are the same.
func TestNewPIN(t *testing.T) {
	f := newReception()
	f.first = &signin.View{Stage: signin.StageNewPIN, Rev: 7, Person: ann}
	r := newRig(t, 0, people(f, panel.ModeUserPrompt))
	b := r.browse("front-desk").tap("Send a fax").want("Choose a PIN", "4 to 8 digits")
	b.fill("secret", "2468").fill("again", "2469").tap("Use this PIN").want("The two are not the same.")
	b.fill("secret", "2468").fill("again", "2468").tap("Use this PIN").want("Hello, Ann")
}

// TestUnknownBadge is linked by one sign-in, or told.
func TestUnknownBadge(t *testing.T) {
	r, _, ev := atReader(t, 0)
	unknown := &signin.Refused{Problem: signin.BadgeUnknown}
	b := r.browse("front-desk")
	send(t, ev, signin.Event{Device: "front-desk", Tap: &signin.Tap{Refused: unknown}})
	b.arrived("Unknown badge").want("Nobody here is known by this badge.", "code S-137").tap("Back").want("Hold your badge")
	send(t, ev, signin.Event{Device: "front-desk", Tap: &signin.Tap{Refused: unknown, Link: "hash"}})
	b.arrived("This badge is new. Link it?").tap("Link it").want("Who are you?", "this badge is yours")
	b.fill("email", "ann@contoso.example").tap("Next").fill("secret", "right & sound+ü%").tap("Sign in").want("Hello, Ann")
}

// TestSecondBadge ends the visit before; its pages wait for their owner, and the
// same badge again is just signing out.
func TestSecondBadge(t *testing.T) {
	r, _, ev := atReader(t, 3)
	reached, release := r.front.Hold(3)
	defer release()
	b := r.browse("front-desk")
	send(t, ev, signin.Event{Device: "front-desk", Tap: &signin.Tap{Person: ann}})
	b.arrived("Hello, Ann").dial("5145550199").tap("Scan")
	<-reached
	send(t, ev, signin.Event{Device: "front-desk", Tap: &signin.Tap{Person: bob}})
	until(t, "Ann's visit to end", func() bool { return len(r.tokens()) == 0 })
	release()
	b.get("/panel/front-desk/").arrived("Hello, Bob").not("waiting")
	until(t, "the scan to stop", func() bool { return r.front.ActiveJobs() == 0 })
	send(t, ev, signin.Event{Device: "front-desk", Tap: &signin.Tap{Person: bob}})
	until(t, "Bob's visit to end", func() bool { return len(r.tokens()) == 0 })
	b.get("/panel/front-desk/").want("Hold your badge to the reader.")
	send(t, ev, signin.Event{Device: "front-desk", Tap: &signin.Tap{Person: ann}})
	b.arrived("Hello, Ann").want("pages waiting.").tap("Go on").want("stored safely").tap("Next").want("+1 514-555-0199")
}

// TestEventsEndVisits for a person everywhere and for a device.
func TestEventsEndVisits(t *testing.T) {
	r, _, ev := atReader(t, 0, func(o *panel.Options) { o.Devices[1].Mode, o.Devices[1].Reader = panel.ModeDeviceLogin, true })
	in := func(device string, p job.Person) *browser {
		b := r.browse(device)
		send(t, ev, signin.Event{Device: device, Tap: &signin.Tap{Person: p}})
		return b.arrived("Hello, " + p.Name)
	}
	one, two := in("front-desk", ann), in("mail-room", ann)
	send(t, ev, signin.Event{Person: "bob"})
	send(t, ev, signin.Event{Device: "front-desk", Power: true})
	until(t, "the visit at the front desk to end", func() bool { return len(r.tokens()) == 1 })
	two.get("/panel/mail-room/number").want("1 of 3")
	one.get("/panel/front-desk/number").want("Hold your badge")
	send(t, ev, signin.Event{Person: "ann"})
	until(t, "Ann's other visit to end", func() bool { return len(r.tokens()) == 0 })
}

// TestBadgeMovesThePage over the WebSocket of a screen without a visit.
func TestBadgeMovesThePage(t *testing.T) {
	r, f, ev := atReader(t, 0)
	b := r.browse("front-desk")
	c, _, err := b.socket("/panel/front-desk/live?on=home", nil)
	if err != nil {
		t.Fatal(err)
	}
	if s := hear(t, c); s.Go != "" || s.Ended {
		t.Fatalf("first message is %+v", s)
	}
	if _, status, err := b.socket("/panel/front-desk/live?on=signin", nil); err == nil || status != http.StatusForbidden {
		t.Errorf("a socket for a sign-in without a visit: %v, want 403", err)
	}
	send(t, ev, signin.Event{Device: "front-desk", Tap: &signin.Tap{Person: ann, PIN: true}})
	if s := hearUntil(t, c, func(s panelmsg.State) bool { return s.Go != "" }); s.Go != "/panel/front-desk/?r=1" {
		t.Errorf("the page is led to %q", s.Go)
	}
	b.get("/panel/front-desk/?r=1").want("Your PIN")
	c, _, err = b.socket("/panel/front-desk/live?on=signin", nil)
	if err != nil {
		t.Fatal(err)
	}
	first := hear(t, c)
	f.change(func(u *underWay) { u.done(ann, signin.WayBadge, nil) })
	if s := hearUntil(t, c, func(s panelmsg.State) bool { return s.Rev != first.Rev }); s.Ended {
		t.Errorf("the sign-in went on and the page is told %+v", s)
	}
	b.get("/panel/front-desk/signin?r=1").want("Hello, Ann")
}

// TestSwitchedOff ends the visit of a person whose last WebSocket has gone, and
// only if there was one.
func TestSwitchedOff(t *testing.T) {
	r, _, ev := atReader(t, 0, func(o *panel.Options) { o.Done = 200 * time.Millisecond }) // so that the panel looks often
	b := r.browse("front-desk")
	send(t, ev, signin.Event{Device: "front-desk", Tap: &signin.Tap{Person: ann}})
	b.arrived("Hello, Ann")
	r.clock.forward(30 * time.Second) // never had a WebSocket
	b.get("/panel/front-desk/number").want("1 of 3")
	c, _, err := b.socket("/panel/front-desk/live?on=visit", nil)
	if err != nil {
		t.Fatal(err)
	}
	hear(t, c)
	r.clock.forward(30 * time.Second) // has one
	b.get("/panel/front-desk/number").want("1 of 3")
	c.Close()
	until(t, "the visit to end", func() bool {
		r.clock.forward(20 * time.Millisecond)
		return len(r.tokens()) == 0
	})
	if ahead := time.Duration(r.clock.ahead.Load()) - time.Minute; ahead < 8*time.Second || ahead > 30*time.Second {
		t.Errorf("it ended after about %v, want 10 s", ahead)
	}
}

// TestLaunch signs in whom the device vouches for.
func TestLaunch(t *testing.T) {
	r, f, _ := atReader(t, 0, func(o *panel.Options) {
		o.Launch = func(_ context.Context, device, token string) (job.Person, error) {
			switch {
			case device == "front-desk" && token == "good":
				return ann, nil
			case token == "odd":
				return job.Person{}, errors.New("disk is gone")
			}
			return job.Person{}, &signin.Refused{Problem: signin.LaunchBad}
		}
	})
	b := r.browse("front-desk").get("/panel/front-desk/launch?t=good").want("Hello, Ann")
	if f.begun[0].Launch == nil || *f.begun[0].Launch != ann {
		t.Errorf("the sign-in began with %+v", f.begun[0])
	}
	b.get("/panel/front-desk/launch?t=used").want("The sign-in of this device could not be checked.", "code S-143")
	b.get("/panel/front-desk/launch?t=odd").want("S-132")
	if b.get("/panel/mail-room/launch?t=good"); b.status != 404 {
		t.Errorf("launch at a device without sign-in = %d, want 404", b.status)
	}
}
