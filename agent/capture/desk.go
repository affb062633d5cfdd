// Package capture takes paper in: it runs scans under the device's lease and
// puts every page into the draft the moment it is whole, so that a jam at page
// n costs only page n.
//
// It knows devices by their contract and the spool by its own; who may scan,
// what is shown meanwhile and what becomes of the draft are not decided here.
package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/devices"
)

// Errors of Start.
var (
	ErrBusy     = errors.New("device is scanning for somebody else")
	ErrNoDevice = errors.New("no such device")
	ErrClosing  = errors.New("agent is stopping")
)

// Spool is what capture needs of the state of record.
type Spool interface {
	AddPage(ctx context.Context, id job.ID, p job.Page, r io.Reader) (*job.Job, error)
	Touch(ctx context.Context, id job.ID) error
	Lease(ctx context.Context, name, holder string, ttl time.Duration) (*spool.Lease, error)
}

// Options of a Desk. Zero values work.
type Options struct {
	LeaseTTL time.Duration // of the device, renewed at every third of it; default 15 s
	PageTime time.Duration // longest wait for one page; default 5 min
	Log      *slog.Logger
}

// Desk scans on all devices of an agent, one scan a device at a time. It is
// safe for concurrent use.
type Desk struct {
	spool    Spool
	scanners map[string]devices.Scanner
	opt      Options

	mu      sync.Mutex
	runs    map[job.ID]*run
	closing bool
	wg      sync.WaitGroup
}

// run is one scan, also after its end until the next one of the same draft.
type run struct {
	state  State
	moving bool // the device took the job: paper may be on its way
	cancel context.CancelFunc
	done   chan struct{}
}

// State is how the last scan into a draft is going. Pages counts those stored
// by this scan; Err is nil while it runs and after a good end, and otherwise
// wraps a sentinel of devices or spool.
type State struct {
	Device  string
	Running bool
	Pages   int
	Err     error
	Started time.Time
}

// New returns a desk for the named devices.
func New(s Spool, scanners map[string]devices.Scanner, opt Options) *Desk {
	if opt.LeaseTTL <= 0 {
		opt.LeaseTTL = 15 * time.Second
	}
	if opt.PageTime <= 0 {
		opt.PageTime = 5 * time.Minute
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{spool: s, scanners: scanners, opt: opt, runs: make(map[job.ID]*run)}
}

// Probe asks a device how it is.
func (d *Desk) Probe(ctx context.Context, device string) (devices.Info, error) {
	s, ok := d.scanners[device]
	if !ok {
		return devices.Info{}, ErrNoDevice
	}
	return s.Probe(ctx)
}

// Start begins a scan into a draft and returns at once; State and the events of
// the spool tell the rest. It fails with ErrBusy while the device scans for
// another draft; a scan already running for this draft is not an error, so that
// a double tap is one scan.
func (d *Desk) Start(ctx context.Context, device string, draft job.ID, s devices.Settings) error {
	scanner, ok := d.scanners[device]
	if !ok {
		return ErrNoDevice
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closing {
		return ErrClosing
	}
	if r := d.runs[draft]; r != nil && r.state.Running {
		return nil
	}
	lease, err := d.spool.Lease(ctx, "device/"+device, string(draft), d.opt.LeaseTTL)
	if errors.Is(err, spool.ErrConflict) {
		return ErrBusy
	}
	if err != nil {
		return fmt.Errorf("lease of device %s: %w", device, err)
	}
	d.forget()
	// The tap's context ends with its answer; the paper moves on.
	run := &run{state: State{Device: device, Running: true, Started: time.Now()}, done: make(chan struct{})}
	sctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	run.cancel = cancel
	d.runs[draft] = run
	d.wg.Go(func() {
		defer close(run.done)
		defer cancel()
		err := d.scan(sctx, scanner, lease, draft, s, run)
		lease.Release()
		d.mu.Lock()
		run.state.Running, run.state.Err = false, err
		pages := run.state.Pages
		d.mu.Unlock()
		log := d.opt.Log.With("device", device, "job", draft, "pages", pages)
		if err != nil {
			log = log.With("err", err)
		}
		log.Info("scan ended")
	})
	return nil
}

// forget drops what is known of long-ended scans; d.mu is held.
func (d *Desk) forget() {
	for id, r := range d.runs {
		if !r.state.Running && time.Since(r.state.Started) > time.Hour {
			delete(d.runs, id)
		}
	}
}

// State returns how the last scan into a draft is going; the zero State if there
// was none.
func (d *Desk) State(draft job.ID) State {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.runs[draft]; r != nil {
		return r.state
	}
	return State{}
}

// Stop ends a scan into a draft and waits until the device is clean again or
// ctx ends. Pages already stored stay.
func (d *Desk) Stop(ctx context.Context, draft job.ID) {
	d.mu.Lock()
	r := d.runs[draft]
	d.mu.Unlock()
	if r == nil {
		return
	}
	r.cancel()
	select {
	case <-r.done:
	case <-ctx.Done():
	}
}

// Close refuses new scans, lets the running ones finish their page until ctx
// ends, then stops them and waits. One still waiting for a busy device is
// stopped at once.
func (d *Desk) Close(ctx context.Context) {
	d.mu.Lock()
	d.closing = true
	running := make([]*run, 0, len(d.runs))
	for _, r := range d.runs {
		running = append(running, r)
		if !r.moving {
			r.cancel()
		}
	}
	d.mu.Unlock()
	for _, r := range running {
		select {
		case <-r.done:
		case <-ctx.Done():
			r.cancel()
		}
	}
	d.wg.Wait()
}
