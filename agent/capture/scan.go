package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/devices"
)

// errLease ends a scan whose device was taken over.
var errLease = errors.New("lease of the device was lost")

// scan runs one scan job until the feeder is empty, a page fails or ctx ends.
func (d *Desk) scan(ctx context.Context, scanner devices.Scanner, lease *spool.Lease, draft job.ID, s devices.Settings, run *run) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := d.keepAlive(ctx, cancel, lease, draft)
	defer stop()

	pages, err := scanner.Scan(ctx, s)
	if err != nil {
		return cause(ctx, err)
	}
	defer func() { err = errors.Join(err, closing(pages.Close())) }()
	d.mu.Lock()
	run.moving = true
	d.mu.Unlock()
	for {
		err := d.page(ctx, pages, draft, run)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return cause(ctx, err)
		}
		d.mu.Lock()
		ending := d.closing
		d.mu.Unlock()
		if ending {
			return ErrClosing
		}
	}
}

// page moves one page from the device into the draft.
func (d *Desk) page(ctx context.Context, pages devices.Pages, draft job.ID, run *run) error {
	ctx, cancel := context.WithTimeout(ctx, d.opt.PageTime)
	defer cancel()
	p, err := pages.Next(ctx)
	if err != nil {
		return err
	}
	if _, err := d.spool.AddPage(ctx, draft, job.Page{MIME: p.MIME, DPI: p.DPI}, p.Body); err != nil {
		return err
	}
	d.mu.Lock()
	run.state.Pages++
	d.mu.Unlock()
	return nil
}

// keepAlive renews the device's lease and the draft while paper moves. The
// returned function stops it and waits.
func (d *Desk) keepAlive(ctx context.Context, cancel context.CancelCauseFunc, lease *spool.Lease, draft job.ID) func() {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(d.opt.LeaseTTL / 3)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := lease.Renew(ctx, d.opt.LeaseTTL); err != nil {
				cancel(fmt.Errorf("%w: %w", errLease, err))
				return
			}
			if err := d.spool.Touch(ctx, draft); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("draft: %w", err))
				return
			}
		}
	}()
	return func() { close(quit); <-done }
}

// cause prefers the reason why ctx ended to the bare "context canceled" that a
// driver returns then.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil && errors.Is(err, context.Canceled) {
		return c
	}
	return err
}

// closing makes an error of cleaning up tell what it is about.
func closing(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("clean up at the device: %w", err)
}
