//go:build linux

package serialbadge_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/devices/devicetest"
	"github.com/platen-fax/platen/devices/serialbadge"
	"github.com/platen-fax/platen/protocols/badge"
	"github.com/platen-fax/platen/simulator/reader"
)

const bound = 20 * time.Second

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fast makes the times of a reader short.
func fast(o serialbadge.Options) serialbadge.Options {
	o.Device, o.ReadTimeout, o.RetryFrom, o.RetryTo = "front-desk", 200*time.Millisecond, time.Millisecond, 20*time.Millisecond
	return o
}

func start(t *testing.T, o serialbadge.Options) *serialbadge.Reader {
	t.Helper()
	r, err := serialbadge.Open(fast(o))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(bound); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", bound, what)
		}
	}
}

func wait(t *testing.T, r *serialbadge.Reader, want devices.Condition) {
	t.Helper()
	until(t, "condition "+string(want), func() bool { return r.Condition() == want })
}

func plugged(t *testing.T, opts reader.Options) *reader.Reader {
	t.Helper()
	sim, err := reader.New(filepath.Join(t.TempDir(), "usb-reader"), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sim.Close() })
	return sim
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantID(t *testing.T, r *serialbadge.Reader, id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	if b, err := r.ReadBadge(ctx); err != nil || b.ID != id {
		t.Fatalf("ReadBadge = %q, %v; want %q", b.ID, err, id)
	}
}

func TestReaderPassesTheSuite(t *testing.T) {
	devicetest.BadgeReader(t, func(t *testing.T) devicetest.BadgeRig {
		sim, c := plugged(t, reader.Options{}), &clock{now: time.Now()}
		r := start(t, serialbadge.Options{Path: sim.Path(), Now: c.Now})
		wait(t, r, devices.Ready)
		return devicetest.BadgeRig{
			Reader:  r,
			Tap:     func(id string) { must(t, sim.Tap(id)) },
			Garble:  func() { must(t, sim.Garble("12345678")) },
			Unplug:  func() { must(t, sim.Unplug()) },
			Replug:  func() { must(t, sim.Replug()) },
			Advance: c.Advance,
		}
	})
}

// TestNumberInPieces: the reader pauses within a number, shorter than the line
// may be silent.
func TestNumberInPieces(t *testing.T) {
	sim := plugged(t, reader.Options{})
	r := start(t, serialbadge.Options{Path: sim.Path()})
	wait(t, r, devices.Ready)
	for _, piece := range []string{"94", "6EB", "D28", "\r", "\n"} {
		_, err := sim.Write([]byte(piece))
		must(t, err)
	}
	wantID(t, r, "946EBD28")
}

// TestPauseEndsANumber: readers that send no line end at all.
func TestPauseEndsANumber(t *testing.T) {
	sim := plugged(t, reader.Options{NoEnd: true})
	r := start(t, serialbadge.Options{Path: sim.Path(), Profile: badge.Profile{Framing: badge.Framing{Idle: true}}})
	wait(t, r, devices.Ready)
	must(t, sim.Tap("11223344"))
	wantID(t, r, "11223344")
}

func TestProfileOfTheReader(t *testing.T) {
	p, err := badge.Lookup("em4100-stx")
	must(t, err)
	sim := plugged(t, reader.Options{Before: "\x02", After: "\r\n\x03"})
	r := start(t, serialbadge.Options{Path: sim.Path(), Profile: p})
	wait(t, r, devices.Ready)
	must(t, sim.Tap("62E3086CED08"))
	wantID(t, r, "3808980205")
	must(t, sim.Tap("62E3086CED09"))
	if _, err := r.ReadBadge(t.Context()); !errors.Is(err, devices.ErrBadge) || !errors.Is(err, badge.ErrChecksum) {
		t.Fatalf("ReadBadge of a wrong checksum = %v; want ErrBadge and ErrChecksum", err)
	}
}

// TestBadgeBeforeAnybodyListened: bytes that wait in the line when it is
// opened are of somebody who has left.
func TestBadgeBeforeAnybodyListened(t *testing.T) {
	master, slave, err := pty.Open()
	must(t, err)
	defer master.Close()
	defer slave.Close()
	_, err = master.WriteString("99999999\n")
	must(t, err)
	r := start(t, serialbadge.Options{Path: slave.Name()})
	wait(t, r, devices.Ready)
	_, err = master.WriteString("11223344\n")
	must(t, err)
	wantID(t, r, "11223344")
}

func TestReaderThatComesLater(t *testing.T) {
	sim := plugged(t, reader.Options{})
	must(t, sim.Unplug())
	r := start(t, serialbadge.Options{Path: sim.Path()})
	_, err := r.ReadBadge(t.Context())
	var op *devices.OpError
	if !errors.Is(err, devices.ErrUnreachable) || !errors.As(err, &op) || op.Device != "front-desk" {
		t.Fatalf("ReadBadge = %v; want ErrUnreachable of front-desk", err)
	}
	must(t, sim.Replug())
	wait(t, r, devices.Ready)
	must(t, sim.Tap("946EBD28"))
	wantID(t, r, "946EBD28")
}

// TestExclusive: the second agent is told that the line is taken, and gets it
// when the first one lets go.
func TestExclusive(t *testing.T) {
	sim := plugged(t, reader.Options{})
	first := start(t, serialbadge.Options{Path: sim.Path()})
	wait(t, first, devices.Ready)

	line, err := os.OpenFile(sim.Path(), os.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err == nil { // root may open an exclusive line
		if on, err := unix.IoctlGetInt(int(line.Fd()), unix.TIOCGEXCL); err != nil || on != 1 {
			t.Errorf("exclusive use of the line = %d, %v; want 1", on, err)
		}
		line.Close()
	}
	second := start(t, serialbadge.Options{Path: sim.Path()})
	if _, err := second.ReadBadge(t.Context()); !errors.Is(err, devices.ErrBusy) {
		t.Fatalf("ReadBadge of a second reader = %v; want ErrBusy", err)
	}
	if c := second.Condition(); c != devices.Busy {
		t.Errorf("condition of the second reader %q; want busy", c)
	}
	must(t, first.Close())
	wait(t, second, devices.Ready)
	must(t, sim.Tap("946EBD28"))
	wantID(t, second, "946EBD28")
}

func TestLinesThatAreNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	sim := plugged(t, reader.Options{})
	for _, tt := range []struct {
		name string
		opts serialbadge.Options
		want error
	}{
		{"/dev/null", serialbadge.Options{Path: os.DevNull}, devices.ErrUnsupported},
		{"file", serialbadge.Options{Path: file}, devices.ErrUnsupported},
		{"speed", serialbadge.Options{Path: sim.Path(), Baud: 12345}, devices.ErrUnsupported},
		{"missing", serialbadge.Options{Path: file + "-not"}, devices.ErrUnreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, tt.opts)
			if _, err := r.ReadBadge(t.Context()); !errors.Is(err, tt.want) {
				t.Errorf("ReadBadge = %v; want %v", err, tt.want)
			}
		})
	}
}

func TestLineSettings(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts serialbadge.Options
		ok   bool
	}{
		{"plain", serialbadge.Options{Path: "p"}, true},
		{"RS-232", serialbadge.Options{Path: "p", Baud: 9600, DataBits: 7, Parity: "even", StopBits: 2}, true},
		{"no path", serialbadge.Options{}, false},
		{"timeout that blocks Close", serialbadge.Options{Path: "p", ReadTimeout: time.Hour}, false},
		{"timeout too short", serialbadge.Options{Path: "p", ReadTimeout: time.Millisecond}, false},
		{"data bits", serialbadge.Options{Path: "p", DataBits: 9}, false},
		{"parity", serialbadge.Options{Path: "p", Parity: "mark"}, false},
		{"stop bits", serialbadge.Options{Path: "p", StopBits: 3}, false},
		{"retries", serialbadge.Options{Path: "p", RetryFrom: time.Hour, RetryTo: time.Minute}, false},
		{"profile", serialbadge.Options{Path: "p", Profile: badge.Profile{Steps: []string{"?"}}}, false},
	} {
		r, err := serialbadge.Open(tt.opts)
		if (err == nil) != tt.ok || err != nil && !strings.HasPrefix(err.Error(), "serialbadge: ") {
			t.Errorf("%s: Open = %v; want success %v", tt.name, err, tt.ok)
		}
		if err == nil {
			must(t, r.Close())
		}
	}
}

// TestCableInAndOut: many losses in a row leave no line open and no goroutine.
func TestCableInAndOut(t *testing.T) {
	sim := plugged(t, reader.Options{})
	r := start(t, serialbadge.Options{Path: sim.Path()})
	for range 5 {
		wait(t, r, devices.Ready)
		must(t, sim.Unplug())
		wait(t, r, devices.Unreachable)
		must(t, sim.Replug())
	}
	wait(t, r, devices.Ready)
	open := 0
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(target, "/dev/pts/") {
			open++
		}
	}
	if open != 2 { // the line, and the lock on it
		t.Errorf("%d descriptors of lines open; want 2", open)
	}
}
