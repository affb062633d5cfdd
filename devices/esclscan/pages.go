package esclscan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/protocols/escl"
)

const (
	readyTries = 30          // a page that is not ready is asked for again so often
	goneTries  = 5           // an end that the status contradicts
	dialTries  = 5           // a device that does not answer between pages
	pause      = time.Second // between attempts
)

var (
	errClosed    = errors.New("scan job closed")
	errEnd       = errors.New("end of the batch") // becomes io.EOF; errors of the network wrap that too
	errPageEnded = errors.New("page ended by the call for the next")
)

// pages is one job at the device.
type pages struct {
	s        *Scanner
	caps     *escl.Capabilities
	wish     devices.Settings
	want     *escl.ScanSettings
	fallback bool // the platen may be tried if the feeder is empty

	stop    context.Context // ends with Close, which has no other way to reach a Next that waits
	stopNow context.CancelCauseFunc
	release sync.Once

	mu   sync.Mutex // held by Next and by the end of Close
	job  string
	n    int   // pages delivered
	body *body // of the last page
	err  error // how the job ended, given again on every Next
	done bool  // the job was cleaned up
}

func newPages(s *Scanner, caps *escl.Capabilities, w devices.Settings, want *escl.ScanSettings, job string, fallback bool) *pages {
	p := &pages{s: s, caps: caps, wish: w, want: want, job: job, fallback: fallback}
	p.stop, p.stopNow = context.WithCancelCause(context.Background())
	return p
}

// Next implements [devices.Pages].
func (p *pages) Next(ctx context.Context) (*devices.Page, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	op := fmt.Sprintf("page %d", p.n+1)
	switch {
	case p.err != nil:
		return nil, p.err
	case p.stop.Err() != nil:
		return nil, p.s.fault(p.stop, op, errClosed)
	case ctx.Err() != nil:
		return nil, p.s.fault(ctx, op, ctx.Err())
	}
	// The page's own context: it ends with ctx, with Close, or when the page
	// stands still, and lives until the body was read.
	pageCtx, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(p.stop, func() { cancel(errClosed) })
	var page *devices.Page
	err := p.settle(pageCtx)
	if err == nil {
		page, err = p.next(pageCtx, cancel)
	} else {
		op = fmt.Sprintf("page %d", p.n)
	}
	if err == nil {
		return page, nil
	}
	unhook()
	cancel(nil)
	if errors.Is(err, errEnd) {
		p.err = io.EOF
	} else {
		p.err = p.s.fault(ctx, op, err)
	}
	return nil, p.err
}

// settle ends the previous page and returns errEnd if it was the last by
// nature, or why it was not a good one.
func (p *pages) settle(ctx context.Context) error {
	b := p.body
	if b == nil {
		return nil
	}
	bad := b.drain()
	b.end(errPageEnded)
	switch {
	case bad == nil && p.want.InputSource == escl.SourcePlaten:
		return errEnd // there is no second page on the glass
	case bad == nil:
		return nil
	case !errors.Is(bad, devices.ErrPage):
		bad = fmt.Errorf("%w: not read to its end: %w", devices.ErrPage, bad)
	}
	return p.reason(ctx, bad)
}

func (p *pages) next(ctx context.Context, cancel context.CancelCauseFunc) (*devices.Page, error) {
	if p.body != nil {
		if d := min(p.s.opt.Quirks.PausePages, p.body.took/2); d > 0 {
			if err := p.s.opt.Wait(ctx, d); err != nil {
				return nil, err
			}
		}
	}
	b, mime, err := p.fetch(ctx, cancel)
	if p.fallback && p.n == 0 && errors.Is(err, devices.ErrFeederEmpty) {
		if err = p.toPlaten(ctx); err == nil {
			b, mime, err = p.fetch(ctx, cancel)
		}
	}
	if err != nil {
		return nil, err
	}
	p.body = b
	p.n++
	dpi := 0
	if p.want.XResolution == p.want.YResolution {
		dpi = p.want.XResolution
	}
	return &devices.Page{MIME: mime, DPI: dpi, Body: b}, nil
}

// toPlaten replaces the job at the empty feeder by one at the platen.
func (p *pages) toPlaten(ctx context.Context) error {
	w := p.wish
	w.Duplex = false
	want, err := settings(p.caps, escl.SourcePlaten, w, p.s.opt.Quirks)
	if err != nil {
		return err
	}
	p.cleanUp()
	before, err := p.s.status(ctx)
	if err != nil {
		before = nil
	}
	job, err := p.s.create(ctx, want, before)
	if err != nil {
		return err
	}
	p.want, p.job, p.fallback, p.done = want, job, false, false
	return nil
}

// fetch asks for a page until there is one, or a reason why there is none.
func (p *pages) fetch(ctx context.Context, cancel context.CancelCauseFunc) (*body, string, error) {
	var notReady, gone, unreached int
	for {
		b := &body{ctx: ctx, cancel: cancel, start: time.Now(), stall: p.s.opt.Stall}
		b.timer = time.AfterFunc(p.s.opt.FirstByte, func() { cancel(errStall) })
		src, _, err := p.s.client.NextDocument(ctx, p.job)
		if err == nil {
			b.src = src
			kind, err := b.open(p.s.opt.MaxPageBytes)
			if err == nil {
				return b, kind.MIME(), nil
			}
			b.timer.Stop()
			src.Close()
			return nil, "", p.reason(ctx, err)
		}
		b.timer.Stop()
		switch code := codeOf(err); {
		case errors.Is(context.Cause(ctx), errStall):
			return nil, "", p.reason(ctx, fmt.Errorf("%w: %w", devices.ErrStopped, errStall))
		case ctx.Err() != nil:
			return nil, "", context.Cause(ctx)
		case code == http.StatusServiceUnavailable && notReady < readyTries:
			notReady++
			if why := p.over(ctx); why != nil {
				return nil, "", why
			}
		case code == http.StatusNotFound, code == http.StatusGone, code == http.StatusConflict:
			tries := goneTries
			if p.s.opt.Quirks.RetryGone && code != http.StatusConflict {
				tries = readyTries
			}
			if end := p.ended(ctx, code, gone >= tries); end != nil {
				return nil, "", end
			}
			gone++
		case unsent(err) && unreached < dialTries:
			unreached++ // the device has not been asked, so no page is lost
		case code == 0 && !unsent(err):
			// Asked, and no answer: the page may have gone through the feeder.
			return nil, "", p.reason(ctx, fmt.Errorf("%w: %w", devices.ErrPage, err))
		case unsent(err):
			return nil, "", err
		default:
			return nil, "", p.reason(ctx, err)
		}
		if err := p.s.opt.Wait(ctx, pause); err != nil {
			return nil, "", err
		}
	}
}

// Close implements [devices.Pages].
func (p *pages) Close() error {
	p.stopNow(errClosed)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.body != nil {
		p.body.end(errClosed)
	}
	if p.s.opt.Quirks.SkipCleanup && errors.Is(p.err, io.EOF) {
		p.done = true
	}
	p.cleanUp()
	p.release.Do(p.s.end)
	return nil
}

// cleanUp deletes the job. Whatever the device answers, nothing more can be
// done; only a request that did not reach it is repeated.
func (p *pages) cleanUp() {
	if p.done {
		return
	}
	p.done = true
	// The job is cleaned up even though everybody who wanted it may be gone.
	for range 2 {
		ctx, cancel := context.WithTimeout(context.Background(), deleteTimeout)
		err := p.s.client.Delete(ctx, p.job)
		if !unsent(err) || p.s.opt.Wait(ctx, pause) != nil {
			cancel()
			return
		}
		cancel()
	}
}
