//go:build linux

package badge_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/devices/serialbadge"
	profile "github.com/platen-fax/platen/protocols/badge"
	"github.com/platen-fax/platen/simulator/reader"
)

// TestSerialReader goes from bytes on a serial line to events: the file of
// people, the driver and the line are real.
func TestSerialReader(t *testing.T) {
	w := newWorld(t)
	sim, err := reader.New(filepath.Join(t.TempDir(), "usb-reader"), reader.Options{Before: ":"})
	must(t, err)
	t.Cleanup(func() { sim.Close() })
	p, err := profile.Lookup("elatec-twn3-inditag")
	must(t, err)
	line, err := serialbadge.Open(serialbadge.Options{
		Device: "front-desk", Path: sim.Path(), Profile: p, ReadTimeout: 200 * time.Millisecond,
		RetryFrom: time.Millisecond, RetryTo: 20 * time.Millisecond, Now: w.clock.Now,
	})
	must(t, err)
	t.Cleanup(func() { line.Close() })
	stop := watch(t, w.badges(nil), line)
	ready := func() {
		t.Helper()
		for end := time.Now().Add(bound); line.Condition() != devices.Ready; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the reader is %s", line.Condition())
			}
		}
	}
	tap := func(what, sent string, person job.Person, problem signin.Problem) signin.Tap {
		t.Helper()
		ready()
		w.clock.Advance(10 * time.Second) // not the same tap as the last, which was read by now
		must(t, sim.Tap(sent))
		ev := receive(t, w.events)
		if ev.Tap == nil || ev.Power {
			t.Fatalf("%s: event %+v", what, ev)
		}
		wantTap(t, what, *ev.Tap, person, problem)
		return *ev.Tap
	}

	ready()
	tap("Ann", "946EBD2819", ann, "")
	tap("Bob, while Ann is signed in", "1122334456", bob, "")
	tap("Bob again", "1122334456", bob, "")
	tap("two people's", "99AABBCC36", job.Person{}, signin.BadgeAmbiguous)
	if tap := tap("new", "55555555AC", job.Person{}, signin.BadgeUnknown); tap.Link == "" {
		t.Error("the new badge cannot be linked")
	}
	tap("wrong checksum", "946EBD2818", job.Person{}, signin.BadgeUnread)

	must(t, sim.Garble("946EBD2819"))
	if ev := receive(t, w.events); ev.Tap == nil || ev.Tap.Refused == nil || ev.Tap.Refused.Problem != signin.BadgeUnread {
		t.Errorf("garbled = %+v; want badge-unread", ev)
	}

	must(t, sim.Unplug())
	if ev := receive(t, w.events); !ev.Power || ev.Tap != nil {
		t.Errorf("unplugged = %+v; want a power event", ev)
	}
	must(t, sim.Replug())
	tap("Ann, plugged in again", "946EBD2819", ann, "") // also: no second power event

	must(t, line.Close())
	stop()
	select {
	case ev := <-w.events.Receive():
		t.Errorf("an event more: %+v", ev)
	default:
	}
	for _, s := range []string{"946EBD28", "11223344", "55555555"} {
		if strings.Contains(w.log.String(), s) || strings.Contains(w.stored(), s) {
			t.Errorf("badge %s is in the log or in the state directory", s)
		}
	}
}
