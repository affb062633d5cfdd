package capture_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/capture"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/devices/devicetest"
)

// drafts is the part of a spool that capture uses.
type drafts struct {
	mu     sync.Mutex
	pages  map[job.ID]int
	stored chan int // receives the count after every page
	held   map[string]string
	full   bool
	lost   bool
}

func newDrafts() *drafts {
	return &drafts{pages: map[job.ID]int{}, stored: make(chan int, 100), held: map[string]string{}}
}

func (d *drafts) AddPage(_ context.Context, id job.ID, _ job.Page, r io.Reader) (*job.Job, error) {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return nil, spool.ErrFull
	}
	d.pages[id]++
	d.stored <- d.pages[id]
	return &job.Job{ID: id}, nil
}

func (d *drafts) Touch(context.Context, job.ID) error { return nil }

func (d *drafts) Lease(_ context.Context, name, holder string, _ time.Duration) (*spool.Lease, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held[name] != "" {
		return nil, spool.ErrConflict
	}
	d.held[name] = holder
	return &spool.Lease{
		Name: name,
		Renew: func(context.Context, time.Duration) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.lost {
				return spool.ErrFenced
			}
			return nil
		},
		Release: func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			delete(d.held, name)
		},
	}, nil
}

func (d *drafts) count(id job.ID) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pages[id]
}

// ended waits for the end of a scan.
func ended(t *testing.T, desk *capture.Desk, id job.ID) capture.State {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s := desk.State(id)
	for s.Running {
		select {
		case <-ctx.Done():
			t.Fatalf("scan into %s still runs", id)
		case <-time.After(time.Millisecond):
		}
		s = desk.State(id)
	}
	return s
}

func TestScan(t *testing.T) {
	for _, tt := range []struct {
		name  string
		setup func(f *devicetest.Fake, d *drafts)
		pages int
		err   error
	}{
		{"a batch", func(*devicetest.Fake, *drafts) {}, 5, nil},
		{"jam keeps what came before", func(f *devicetest.Fake, _ *drafts) { f.JamAfter(3) }, 3, devices.ErrJam},
		{"cut page is not stored", func(f *devicetest.Fake, _ *drafts) { f.CutPage(2) }, 1, devices.ErrPage},
		{"busy device", func(f *devicetest.Fake, _ *drafts) { f.SetBusy(true) }, 0, devices.ErrBusy},
		{"unplugged", func(f *devicetest.Fake, _ *drafts) { f.Unplug() }, 0, devices.ErrUnreachable},
		{"spool full", func(_ *devicetest.Fake, d *drafts) { d.full = true }, 0, spool.ErrFull},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, d := devicetest.NewFake("front", 5), newDrafts()
			tt.setup(f, d)
			desk := capture.New(d, map[string]devices.Scanner{"front": f}, capture.Options{})
			if err := desk.Start(t.Context(), "front", "a", devices.Settings{}); err != nil {
				t.Fatal(err)
			}
			s := ended(t, desk, "a")
			if !errors.Is(s.Err, tt.err) || s.Pages != tt.pages || d.count("a") != tt.pages {
				t.Errorf("scan = %d pages, %v (stored %d); want %d, %v", s.Pages, s.Err, d.count("a"), tt.pages, tt.err)
			}
			if n := f.ActiveJobs(); n != 0 {
				t.Errorf("%d jobs left at the device", n)
			}
			if len(d.held) != 0 {
				t.Errorf("leases left: %v", d.held)
			}
		})
	}
}

// TestOneScanPerDevice refuses a second draft while the first one's paper moves,
// and takes a double tap for one scan.
func TestOneScanPerDevice(t *testing.T) {
	f, d := devicetest.NewFake("front", 3), newDrafts()
	desk := capture.New(d, map[string]devices.Scanner{"front": f}, capture.Options{})
	reached, release := f.Hold(2)
	ctx, tap := context.WithCancel(t.Context())
	if err := desk.Start(ctx, "front", "a", devices.Settings{}); err != nil {
		t.Fatal(err)
	}
	tap() // the browser is gone; the paper is not
	<-reached
	if err := desk.Start(t.Context(), "front", "a", devices.Settings{}); err != nil {
		t.Errorf("double tap: %v", err)
	}
	if err := desk.Start(t.Context(), "front", "b", devices.Settings{}); !errors.Is(err, capture.ErrBusy) {
		t.Errorf("second draft: %v, want ErrBusy", err)
	}
	if err := desk.Start(t.Context(), "rear", "b", devices.Settings{}); !errors.Is(err, capture.ErrNoDevice) {
		t.Errorf("unknown device: %v, want ErrNoDevice", err)
	}
	release()
	if s := ended(t, desk, "a"); s.Err != nil || s.Pages != 3 {
		t.Errorf("scan = %d pages, %v; want 3 and no error", s.Pages, s.Err)
	}
}

// TestLostLease stops scanning when somebody else got the device.
func TestLostLease(t *testing.T) {
	f, d := devicetest.NewFake("front", 3), newDrafts()
	desk := capture.New(d, map[string]devices.Scanner{"front": f}, capture.Options{LeaseTTL: 30 * time.Millisecond})
	_, release := f.Hold(2)
	defer release()
	d.lost = true
	if err := desk.Start(t.Context(), "front", "a", devices.Settings{}); err != nil {
		t.Fatal(err)
	}
	if s := ended(t, desk, "a"); !errors.Is(s.Err, spool.ErrFenced) {
		t.Errorf("scan ended with %v, want ErrFenced", s.Err)
	}
}

// TestStopAndClose: a person's stop cuts at once, the agent's end finishes the
// page in hand and takes no more.
func TestStopAndClose(t *testing.T) {
	f, d := devicetest.NewFake("front", 5), newDrafts()
	desk := capture.New(d, map[string]devices.Scanner{"front": f}, capture.Options{})
	reached, release := f.Hold(2)
	defer release()
	if err := desk.Start(t.Context(), "front", "a", devices.Settings{}); err != nil {
		t.Fatal(err)
	}
	<-reached
	desk.Stop(t.Context(), "a")
	if s := desk.State("a"); s.Running || s.Pages != 1 || f.ActiveJobs() != 0 {
		t.Errorf("after Stop: %+v with %d jobs at the device", s, f.ActiveJobs())
	}

	f.Load(5)
	reached, release = f.Hold(2)
	if err := desk.Start(t.Context(), "front", "b", devices.Settings{}); err != nil {
		t.Fatal(err)
	}
	<-reached
	closed := make(chan struct{})
	go func() { defer close(closed); desk.Close(t.Context()) }()
	for !errors.Is(desk.Start(t.Context(), "front", "c", devices.Settings{}), capture.ErrClosing) {
		time.Sleep(time.Millisecond) // until Close took hold
	}
	release()
	<-closed
	if s := desk.State("b"); s.Running || s.Pages != 2 || !errors.Is(s.Err, capture.ErrClosing) {
		t.Errorf("after Close: %+v, want the page in hand stored and no more", s)
	}
}

// waiting is a device that is busy for ever.
type waiting struct {
	devices.Scanner
	asked chan struct{}
}

func (w waiting) Scan(ctx context.Context, _ devices.Settings) (devices.Pages, error) {
	close(w.asked)
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestCloseDoesNotWaitForABusyDevice ends at once while no paper moves.
func TestCloseDoesNotWaitForABusyDevice(t *testing.T) {
	w := waiting{asked: make(chan struct{})}
	desk := capture.New(newDrafts(), map[string]devices.Scanner{"front": w}, capture.Options{})
	if err := desk.Start(t.Context(), "front", "a", devices.Settings{}); err != nil {
		t.Fatal(err)
	}
	<-w.asked
	desk.Close(t.Context()) // whose context does not end
	if s := desk.State("a"); s.Running || s.Err == nil {
		t.Errorf("after Close: %+v", s)
	}
}
