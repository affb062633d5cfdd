package devicetest

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/devices"
)

// bound is how long a call may take that has to come back by itself. It is
// generous: it tells a hang from a slow machine.
const bound = 20 * time.Second

// Rig is one device set up for a test: the scanner and what a person or a
// saboteur does to the machine it drives. Every field is needed. The device
// has a feeder and a platen, is idle and empty, and hands on jobs of its own
// only to Scanner.
type Rig struct {
	Scanner devices.Scanner
	Load    func(n int)      // n sheets into the feeder
	Platen  func()           // a sheet on the glass
	Jam     func(n int)      // the next job jams after n pages
	Cut     func(n int)      // page n (from 1) of the next job arrives cut
	Busy    func()           // refuse new jobs from now on
	Unplug  func()           // off the network from now on
	Simplex func()           // feeder cannot do both sides; called before anything else
	Active  func() int       // jobs alive at the device
	Hold    func(n int) Hold // stop the next job before page n
}

// Hold is one page held back by the device.
type Hold struct {
	Reached <-chan struct{} // closed when the device was asked for the page
	Release func()          // may be called twice
}

// Scanner checks the promises of [devices.Scanner]. open is called once per
// sub-test and cleans up by t.Cleanup.
func Scanner(t *testing.T, open func(t *testing.T) Rig) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, Rig)
	}{
		{"Probe", probe},
		{"PagesThenEOF", pagesThenEOF},
		{"PlatenOnePage", platenOnePage},
		{"AutoPrefersFeeder", autoPrefersFeeder},
		{"AutoFallsBackToPlaten", autoFallsBack},
		{"FeederEmpty", feederEmpty},
		{"NextEndsPreviousPage", nextEndsPrevious},
		{"CloseTwice", closeTwice},
		{"CloseEarly", closeEarly},
		{"CloseUnblocksNext", closeUnblocks},
		{"CancelledBeforeScan", cancelledBefore},
		{"CancelledContext", cancelledContext},
		{"Unreachable", unreachable},
		{"UnreachableMidJob", unreachableMidJob},
		{"JamKeepsEarlierPages", jamKeepsEarlier},
		{"CutPage", cutPage},
		{"CutPageUnread", cutPageUnread},
		{"BusyIsErrBusy", busyIsErrBusy},
		{"UnsupportedIsRefused", unsupported},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

// scan starts a job that is closed at the end of the test at the latest.
func scan(t *testing.T, r Rig, s devices.Settings) devices.Pages {
	t.Helper()
	p, err := r.Scanner.Scan(t.Context(), s)
	if err != nil {
		t.Fatalf("Scan(%+v) = %v", s, err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// page takes the next page and reads it whole.
func page(t *testing.T, p devices.Pages, n int) []byte {
	t.Helper()
	pg, err := p.Next(t.Context())
	if err != nil {
		t.Fatalf("Next for page %d = %v", n, err)
	}
	b, err := io.ReadAll(pg.Body)
	if err != nil {
		t.Fatalf("reading page %d = %v", n, err)
	}
	if len(b) == 0 || !strings.Contains(pg.MIME, "/") || pg.DPI <= 0 {
		t.Fatalf("page %d is %d bytes, MIME %q, %d dpi; want all set", n, len(b), pg.MIME, pg.DPI)
	}
	return b
}

// wantOp fails unless err is an *OpError of a device wrapping want.
func wantOp(t *testing.T, what string, err, want error) {
	t.Helper()
	var op *devices.OpError
	if !errors.Is(err, want) || !errors.As(err, &op) || op.Device == "" || op.Op == "" {
		t.Fatalf("%s = %v; want an OpError of a named device wrapping %q", what, err, want)
	}
	if errors.Is(err, io.EOF) {
		t.Fatalf("%s = %v wraps io.EOF, which says that all pages are there", what, err)
	}
}

// wantIdle fails if a job stays alive at the device. Devices hear of the end
// by a message of their own, so it polls.
func wantIdle(t *testing.T, r Rig) {
	t.Helper()
	for end := time.Now().Add(bound); r.Active() != 0; {
		if time.Now().After(end) {
			t.Fatalf("%d jobs still alive at the device", r.Active())
		}
		time.Sleep(time.Millisecond)
	}
}

// within runs f and fails if it takes longer than bound.
func within(t *testing.T, what string, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(bound):
		t.Fatalf("%s still runs after %v", what, bound)
		return nil
	}
}

// await waits for the device to be asked for the held page.
func await(t *testing.T, h Hold) {
	t.Helper()
	select {
	case <-h.Reached:
	case <-time.After(bound):
		t.Fatalf("the device was not asked for the held page within %v", bound)
	}
}

func closed(t *testing.T, r Rig, p devices.Pages) {
	t.Helper()
	if err := within(t, "Close", p.Close); err != nil {
		t.Fatalf("Close = %v", err)
	}
	wantIdle(t, r)
}

func next(p devices.Pages, ctx context.Context) func() error { //nolint:revive // reads as p.Next(ctx)
	return func() error { _, err := p.Next(ctx); return err }
}

func wantEOF(t *testing.T, p devices.Pages) {
	t.Helper()
	for range 2 {
		if pg, err := p.Next(t.Context()); !errors.Is(err, io.EOF) {
			t.Fatalf("Next after the last page = %v, %v; want io.EOF", pg, err)
		}
	}
}
