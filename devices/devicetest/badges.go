package devicetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/devices"
)

// BadgeRig is one badge reader set up for a test. Every field is needed. The
// reader is plugged in and Ready; a tap or a trouble may take a moment to
// reach it.
type BadgeRig struct {
	Reader  devices.BadgeReader
	Tap     func(id string)       // id is 8 digits or letters A to F
	Garble  func()                // a badge that cannot be read
	Unplug  func()                // cable out
	Replug  func()                // and in again
	Advance func(d time.Duration) // moves the reader's clock, which stands still otherwise
}

// BadgeReader checks the promises of [devices.BadgeReader]. open is called
// once per sub-test and cleans up by t.Cleanup.
func BadgeReader(t *testing.T, open func(t *testing.T) BadgeRig) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, BadgeRig)
	}{
		{"TapIsABadge", tapIsABadge},
		{"TwoPeople", twoPeople},
		{"HeldBadgeIsOneTap", heldBadge},
		{"SecondTapLater", secondTapLater},
		{"ForgottenTap", forgottenTap},
		{"GarbledBadge", garbledBadge},
		{"UnpluggedIsToldOnce", unplugged},
		{"CancelledWait", cancelledWait},
		{"CloseEndsWaiting", closeEndsWaiting},
		{"NumberStaysHidden", numberHidden},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

// wantBadge reads the next badge and checks it.
func wantBadge(t *testing.T, r BadgeRig, id string) devices.Badge {
	t.Helper()
	var b devices.Badge
	err := within(t, "ReadBadge", func() (err error) {
		b, err = r.Reader.ReadBadge(t.Context())
		return err
	})
	if err != nil || b.ID != id {
		t.Fatalf("ReadBadge = %q, %v; want %q", b.ID, err, id)
	}
	if !strings.Contains(b.Raw, id) || b.At.IsZero() {
		t.Fatalf("badge has raw %q at %v; want both set", b.Raw, b.At)
	}
	return b
}

// wantTrouble reads and checks the error.
func wantTrouble(t *testing.T, r BadgeRig, want error) {
	t.Helper()
	err := within(t, "ReadBadge", func() error { _, err := r.Reader.ReadBadge(t.Context()); return err })
	wantOp(t, "ReadBadge", err, want)
}

// wantCondition polls until the reader says so.
func wantCondition(t *testing.T, r BadgeRig, want devices.Condition) {
	t.Helper()
	for end := time.Now().Add(bound); r.Reader.Condition() != want; {
		if time.Now().After(end) {
			t.Fatalf("condition %q; want %q", r.Reader.Condition(), want)
		}
		time.Sleep(time.Millisecond)
	}
}

func tapIsABadge(t *testing.T, r BadgeRig) {
	if c := r.Reader.Condition(); c != devices.Ready {
		t.Fatalf("condition %q; want ready", c)
	}
	r.Tap("946EBD28")
	wantBadge(t, r, "946EBD28")
}

func twoPeople(t *testing.T, r BadgeRig) {
	for _, id := range []string{"946EBD28", "11223344", "946EBD28"} {
		r.Tap(id)
		wantBadge(t, r, id)
	}
}

// heldBadge: each repeat starts the time anew, so a badge left on the reader
// stays one tap however long it lies there.
func heldBadge(t *testing.T, r BadgeRig) {
	r.Tap("946EBD28")
	wantBadge(t, r, "946EBD28")
	for range 3 {
		r.Advance(1500 * time.Millisecond)
		r.Tap("946EBD28")
		// A garbled read behind it shows that the repeat has been seen.
		r.Garble()
		wantTrouble(t, r, devices.ErrBadge)
	}
	r.Tap("11223344")
	wantBadge(t, r, "11223344")
}

func secondTapLater(t *testing.T, r BadgeRig) {
	for range 2 {
		r.Tap("946EBD28")
		wantBadge(t, r, "946EBD28")
		r.Advance(10 * time.Second)
	}
}

func forgottenTap(t *testing.T, r BadgeRig) {
	r.Tap("946EBD28")
	wantBadge(t, r, "946EBD28")
	r.Tap("11223344") // nobody waits
	r.Garble()
	wantOneOf(t, r, "11223344")
	r.Tap("55667788")
	r.Advance(0)
	waitSettled(t, r)
	r.Advance(10 * time.Second)
	r.Tap("99AABBCC")
	wantBadge(t, r, "99AABBCC")
}

// wantOneOf takes what two taps in a row gave: both are still fresh.
func wantOneOf(t *testing.T, r BadgeRig, id string) {
	t.Helper()
	wantBadge(t, r, id)
	wantTrouble(t, r, devices.ErrBadge)
}

// waitSettled returns when the reader has seen all taps so far: bytes keep
// their order, so unplugging is seen after them.
func waitSettled(t *testing.T, r BadgeRig) {
	t.Helper()
	r.Unplug()
	wantCondition(t, r, devices.Unreachable)
	r.Replug()
	wantCondition(t, r, devices.Ready)
}

func garbledBadge(t *testing.T, r BadgeRig) {
	r.Garble()
	wantTrouble(t, r, devices.ErrBadge)
	r.Tap("946EBD28")
	wantBadge(t, r, "946EBD28")
}

func unplugged(t *testing.T, r BadgeRig) {
	r.Unplug()
	wantTrouble(t, r, devices.ErrUnreachable)
	wantCondition(t, r, devices.Unreachable)

	type answer struct {
		b   devices.Badge
		err error
	}
	got := make(chan answer, 1)
	go func() {
		b, err := r.Reader.ReadBadge(t.Context())
		got <- answer{b, err}
	}()
	r.Replug()
	wantCondition(t, r, devices.Ready)
	r.Tap("946EBD28")
	select {
	case a := <-got:
		if a.err != nil || a.b.ID != "946EBD28" {
			t.Fatalf("ReadBadge across the loss = %q, %v; want the badge", a.b.ID, a.err)
		}
	case <-time.After(bound):
		t.Fatalf("no badge within %v of plugging in", bound)
	}
}

func cancelledWait(t *testing.T, r BadgeRig) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := within(t, "ReadBadge", func() error { _, err := r.Reader.ReadBadge(ctx); return err })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("ReadBadge = %v; want context.Canceled", err)
	}
	r.Tap("946EBD28") // a cancelled wait takes no tap with it
	wantBadge(t, r, "946EBD28")
}

func closeEndsWaiting(t *testing.T, r BadgeRig) {
	got := make(chan error, 1)
	go func() { _, err := r.Reader.ReadBadge(t.Context()); got <- err }()
	for range 2 {
		if err := within(t, "Close", r.Reader.Close); err != nil {
			t.Fatalf("Close = %v", err)
		}
	}
	select {
	case err := <-got:
		wantOp(t, "ReadBadge", err, devices.ErrClosed)
	case <-time.After(bound):
		t.Fatal("ReadBadge still waits after Close")
	}
	wantTrouble(t, r, devices.ErrClosed)
	if c := r.Reader.Condition(); c != devices.Stopped {
		t.Fatalf("condition after Close %q; want stopped", c)
	}
}

func numberHidden(t *testing.T, r BadgeRig) {
	r.Tap("946EBD28")
	b := wantBadge(t, r, "946EBD28")
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("tap", "badge", b, "pointer", &b)
	slog.New(slog.NewTextHandler(&log, nil)).Info("tap", "badge", b)
	if text := log.String() + fmt.Sprintf("%v %+v %#v %s %v", b, b, b, b, []devices.Badge{b}); strings.Contains(text, "946EBD") {
		t.Fatalf("the number shows in %q", text)
	}
}
