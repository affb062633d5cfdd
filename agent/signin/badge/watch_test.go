package badge_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/badge"
	"github.com/platen-fax/platen/devices"
)

// hand is a reader whose taps a test gives it one by one.
type hand struct{ next chan any }

func (h hand) ReadBadge(ctx context.Context) (devices.Badge, error) {
	select {
	case v := <-h.next:
		if err, ok := v.(error); ok {
			return devices.Badge{}, &devices.OpError{Device: "front-desk", Op: "badge", Err: err}
		}
		return devices.Badge{Raw: v.(string), ID: v.(string), At: time.Now()}, nil
	case <-ctx.Done():
		return devices.Badge{}, ctx.Err()
	}
}

func (hand) Condition() devices.Condition { return devices.Ready }
func (hand) Close() error                 { return nil }

// watch runs the loop of a reader until the test ends.
func watch(t *testing.T, b *badge.Badges, reader devices.BadgeReader) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Watch(ctx, "front-desk", reader) }()
	ended := false
	stop = func() {
		t.Helper()
		if ended {
			return
		}
		ended = true
		cancel()
		select {
		case err := <-done:
			must(t, err)
		case <-time.After(bound):
			t.Fatal("Watch does not end")
		}
	}
	t.Cleanup(stop)
	return stop
}

func receive(t *testing.T, e *signin.Events) signin.Event {
	t.Helper()
	select {
	case ev := <-e.Receive():
		if ev.Device != "front-desk" {
			t.Errorf("event of device %q; want front-desk", ev.Device)
		}
		return ev
	case <-time.After(bound):
		t.Fatal("no event")
		return signin.Event{}
	}
}

// tapped holds one badge to a reader and returns what comes of it.
func (w *world) tapped(b *badge.Badges, id string) signin.Tap {
	w.Helper()
	h := hand{make(chan any)}
	defer watch(w.T, b, h)()
	h.next <- id
	ev := receive(w.T, w.events)
	if ev.Tap == nil {
		w.Fatalf("event %+v has no tap", ev)
	}
	return *ev.Tap
}

func TestBadgeToPerson(t *testing.T) {
	w := newWorld(t)
	b := w.badges(nil)
	for _, tt := range []struct {
		badge  string
		person job.Person
		want   signin.Problem
	}{
		{"946EBD28", ann, ""},
		{"22334455", job.Person{}, signin.PersonDisabled},
		{"33445566", job.Person{}, signin.NotAllowed},
		{"99AABBCC", job.Person{}, signin.BadgeAmbiguous},
		{"55555555", job.Person{}, signin.BadgeUnknown},
	} {
		tap := w.tapped(b, tt.badge)
		var got signin.Problem
		if tap.Refused != nil {
			got = tap.Refused.Problem
		}
		if tap.Person != tt.person || got != tt.want || tap.PIN || tap.NewPIN {
			t.Errorf("badge %s = %+v, %q; want %+v, %q", tt.badge, tap.Person, got, tt.person, tt.want)
		}
		if (tap.Link != "") != (tt.want == signin.BadgeUnknown) {
			t.Errorf("badge %s with link %q", tt.badge, tap.Link)
		}
		if log := w.log.String(); strings.Contains(log, tt.badge) || strings.Contains(log, "xample.com") {
			t.Errorf("the log names the badge or the person:\n%s", log)
		}
	}
	if tap := w.tapped(w.badges(func(o *badge.Options) { o.Link = false }), "55555555"); tap.Link != "" {
		t.Errorf("link %q is offered with linking off", tap.Link)
	}
	noAddress := failing{byBadge: directory.ErrIncomplete}
	if tap := w.tapped(w.badges(func(o *badge.Options) { o.Directory = noAddress }), "946EBD28"); tap.Refused == nil || tap.Refused.Problem != signin.NoAddress {
		t.Errorf("badge of somebody without address = %v", tap.Refused)
	}
}

// failing is a directory whose answers are errors.
type failing struct {
	down
	byBadge error
}

func (f failing) ByBadge(context.Context, string) (job.Person, error) {
	return job.Person{}, &directory.LookupError{Source: "staff", By: "badge", Err: f.byBadge}
}

// TestTroubleOfAReader has a reader that goes away in every way there is.
func TestTroubleOfAReader(t *testing.T) {
	w := newWorld(t)
	b := w.badges(nil)
	synctest.Test(t, func(t *testing.T) {
		events := signin.NewEvents()
		b := badge.New(badge.Options{Registry: w.registry, Directory: w.directory, Events: events})
		h := hand{make(chan any, 8)}
		watch(t, b, h)
		h.next <- devices.ErrUnreachable
		if ev := receive(t, events); !ev.Power || ev.Tap != nil {
			t.Errorf("reader lost = %+v; want a power event", ev)
		}
		for _, err := range []error{devices.ErrAccess, devices.ErrBusy, devices.ErrUnsupported, errors.New("anything")} {
			h.next <- err
		}
		h.next <- devices.ErrBadge
		if ev := receive(t, events); ev.Tap == nil || ev.Tap.Refused == nil || ev.Tap.Refused.Problem != signin.BadgeUnread || ev.Power {
			t.Errorf("unreadable badge after other troubles = %+v; want it to be the next event", ev)
		}
		h.next <- "946EBD28"
		if ev := receive(t, events); ev.Tap == nil || ev.Tap.Person != ann {
			t.Errorf("tap after troubles = %+v; want Ann", ev)
		}
	})
	h := hand{make(chan any, 1)}
	h.next <- devices.ErrClosed
	if err := b.Watch(t.Context(), "front-desk", h); err != nil {
		t.Errorf("Watch of a closed reader = %v; want nil", err)
	}
}

// TestTroubleIsNotAskedInAHurry counts how often a reader is asked that fails
// all the time, against its contract.
func TestTroubleIsNotAskedInAHurry(t *testing.T) {
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		r := &broken{}
		b := badge.New(badge.Options{Registry: w.registry, Events: signin.NewEvents()})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		must(t, b.Watch(ctx, "front-desk", r))
		if r.asked > 61 {
			t.Errorf("asked %d times in a minute; want 61 at most", r.asked)
		}
	})
}

type broken struct {
	hand
	asked int
}

func (b *broken) ReadBadge(ctx context.Context) (devices.Badge, error) {
	if b.asked++; b.asked > 100 {
		return devices.Badge{}, devices.ErrClosed // far too often: let the test end
	}
	return devices.Badge{}, devices.ErrAccess
}

// TestNobodyListens: a tap nobody takes does not keep Watch from ending.
func TestNobodyListens(t *testing.T) {
	w := newWorld(t)
	h := hand{make(chan any)}
	stop := watch(t, w.badges(nil), h)
	for range 17 { // one more than the events hold
		h.next <- "946EBD28"
	}
	stop()
}

// TestDirectoryDown lets nobody in who is linked: they may have left.
func TestDirectoryDown(t *testing.T) {
	w := newWorld(t)
	tap := w.tapped(w.badges(nil), "55555555")
	must(t, w.badges(nil).Link(t.Context(), tap.Link, bob))
	if tap := w.tapped(w.badges(nil), "55555555"); tap.Person != bob {
		t.Fatalf("linked badge = %+v, %v; want Bob", tap.Person, tap.Refused)
	}
	off := w.badges(func(o *badge.Options) { o.Directory = down{} })
	for _, id := range []string{"946EBD28", "55555555", "66666666"} {
		tap := w.tapped(off, id)
		if tap.Refused == nil || tap.Refused.Problem != signin.DirectoryDown || tap.Person != (job.Person{}) || tap.Link != "" {
			t.Errorf("badge %s with the directory down = %+v, %v; want directory-down", id, tap.Person, tap.Refused)
		}
	}
	if !strings.Contains(w.log.String(), "directory unavailable") {
		t.Errorf("the log does not say what is down:\n%s", w.log)
	}
	slow := w.badges(func(o *badge.Options) { o.Directory = failing{byBadge: context.DeadlineExceeded} })
	if tap := w.tapped(slow, "946EBD28"); tap.Refused == nil || tap.Refused.Problem != signin.DirectoryDown {
		t.Errorf("directory too slow = %v; want directory-down", tap.Refused)
	}
}
