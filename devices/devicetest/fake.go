// Package devicetest holds the conformance suite of the contracts in package
// devices and [Fake], a scanner in memory that passes it. Suites for drivers
// of real protocols run against the virtual machine of the simulator; this
// package talks to no network.
package devicetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/platen-fax/platen/devices"
)

// errClosed is returned by Next after Close.
var errClosed = errors.New("scan job closed")

// Fake is a [devices.Scanner] in memory, with a feeder that one loads and
// knobs for trouble. Its zero value is an idle, empty device; all methods may
// be called from any goroutine. A job takes its pages from the feeder one by
// one, so loading while it runs lengthens it.
type Fake struct {
	mu      sync.Mutex
	id      string
	info    *devices.Info
	feeder  [][]byte
	platen  []byte
	busy    bool
	gone    bool
	fail    map[int]error
	cut     map[int]bool
	holds   map[int]*hold
	job     *fakePages
	started []devices.Settings
}

// hold stops a job before one page.
type hold struct {
	reached, release chan struct{}
	once             sync.Once
}

var _ devices.Scanner = (*Fake)(nil)

// NewFake returns a device with the given id and n sample pages in its feeder.
func NewFake(id string, n int) *Fake {
	f := &Fake{id: id}
	f.Load(n)
	return f
}

// SetInfo replaces what Probe tells; Condition is computed unless it is set.
func (f *Fake) SetInfo(i devices.Info) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.info = &i
}

// Load puts n sample pages (see [SamplePage]) behind those in the feeder. They
// are numbered on from 1 in an empty feeder.
func (f *Fake) Load(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range n {
		f.feeder = append(f.feeder, SamplePage(len(f.feeder)+1))
	}
}

// LoadPages puts pages behind those in the feeder. Bytes beginning as a PDF
// are delivered as application/pdf, all others as image/jpeg.
func (f *Fake) LoadPages(pages ...[]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.feeder = append(f.feeder, pages...)
}

// LoadPlaten lays a page on the glass, where it stays; nil takes it away. An
// empty glass scans as [SamplePage] 0.
func (f *Fake) LoadPlaten(page []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.platen = page
}

// Clear empties the feeder and takes back every knob except Unplug.
func (f *Fake) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.feeder, f.platen, f.fail, f.cut, f.busy = nil, nil, nil, nil, false
}

// JamAfter makes the next job end with [devices.ErrJam] after n pages.
func (f *Fake) JamAfter(n int) { f.FailAfter(n, devices.ErrJam) }

// FailAfter makes the next job end with err after n pages. Such a knob works
// once.
func (f *Fake) FailAfter(n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail == nil {
		f.fail = map[int]error{}
	}
	f.fail[n] = err
}

// CutPage makes page n (from 1) of the next job end half-way. It works once.
func (f *Fake) CutPage(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cut == nil {
		f.cut = map[int]bool{}
	}
	f.cut[n] = true
}

// SetBusy makes Scan fail with [devices.ErrBusy] until it is taken back.
func (f *Fake) SetBusy(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy = on
}

// Unplug makes every call fail with [devices.ErrUnreachable] until Plug.
func (f *Fake) Unplug() { f.setGone(true) }

// Plug ends Unplug.
func (f *Fake) Plug() { f.setGone(false) }

func (f *Fake) setGone(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = on
}

// Hold stops the running or next job before page n (from 1). reached is closed
// when Next waits there; release lets it go on and may be called twice.
func (f *Fake) Hold(n int) (reached <-chan struct{}, release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := &hold{reached: make(chan struct{}), release: make(chan struct{})}
	if f.holds == nil {
		f.holds = map[int]*hold{}
	}
	f.holds[n] = h
	var once sync.Once
	return h.reached, func() { once.Do(func() { close(h.release) }) }
}

// ActiveJobs returns the number of jobs that were started and not yet closed.
func (f *Fake) ActiveJobs() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.job != nil {
		return 1
	}
	return 0
}

// Started returns the settings of every job begun so far.
func (f *Fake) Started() []devices.Settings {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]devices.Settings(nil), f.started...)
}

// Loaded returns how many pages are left in the feeder.
func (f *Fake) Loaded() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.feeder)
}

// Probe implements [devices.Scanner].
func (f *Fake) Probe(ctx context.Context) (devices.Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return devices.Info{}, f.fault("probe", err)
	}
	if f.gone {
		return devices.Info{Condition: devices.Unreachable}, f.fault("probe", devices.ErrUnreachable)
	}
	return f.infoLocked(), nil
}

func (f *Fake) infoLocked() devices.Info {
	i := devices.Info{
		MakeModel: "Platen Fake 1000",
		Serial:    "FAKE-" + f.id,
		Sources:   []devices.Source{devices.Feeder, devices.Platen},
		Duplex:    true,
	}
	if f.info != nil {
		i = *f.info
		i.Sources = append([]devices.Source(nil), i.Sources...)
	}
	switch {
	case i.Condition != "":
	case f.job != nil || f.busy:
		i.Condition = devices.Busy
	case len(f.feeder) == 0:
		i.Condition = devices.FeederEmpty
	default:
		i.Condition = devices.Ready
	}
	return i
}

// Scan implements [devices.Scanner].
func (f *Fake) Scan(ctx context.Context, s devices.Settings) (devices.Pages, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info := f.infoLocked()
	src := s.Source
	if src == devices.Auto {
		src = devices.Platen
		if len(f.feeder) > 0 || !info.Has(devices.Platen) {
			src = devices.Feeder
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, f.fault("scan", ctx.Err())
	case f.gone:
		return nil, f.fault("scan", devices.ErrUnreachable)
	case f.busy || f.job != nil:
		return nil, f.fault("scan", devices.ErrBusy)
	case !info.Has(src), s.Duplex && (!info.Duplex || src == devices.Platen):
		return nil, f.fault("scan", devices.ErrUnsupported)
	case src == devices.Feeder && len(f.feeder) == 0:
		return nil, f.fault("scan", devices.ErrFeederEmpty)
	}
	dpi := s.DPI
	if dpi == 0 {
		dpi = SampleDPI
	}
	p := &fakePages{f: f, platen: src == devices.Platen, dpi: dpi, fail: f.fail, cut: f.cut, closed: make(chan struct{})}
	f.fail, f.cut = nil, nil
	f.job = p
	f.started = append(f.started, s)
	return p, nil
}

func (f *Fake) fault(op string, err error) error {
	return &devices.OpError{Device: f.id, Op: op, Err: err}
}

// fakePages is the one job of a Fake.
type fakePages struct {
	f      *Fake
	platen bool
	dpi    int
	fail   map[int]error
	cut    map[int]bool
	closed chan struct{}

	// The rest is protected by f.mu.
	n    int   // pages delivered
	err  error // sticky end of the job
	body *fakeBody
}

// Next implements [devices.Pages].
func (p *fakePages) Next(ctx context.Context) (*devices.Page, error) {
	if err := p.hold(ctx); err != nil {
		return nil, err
	}
	f := p.f
	f.mu.Lock()
	defer f.mu.Unlock()
	op := fmt.Sprintf("page %d", p.n+1)
	bad := p.body != nil && p.body.err != nil
	if p.body != nil {
		p.body.end(errors.New("page ended"))
		p.body = nil
	}
	switch {
	case p.err != nil:
		return nil, p.err
	case f.job != p:
		return nil, f.fault(op, errClosed)
	case f.gone:
		p.err = f.fault(op, devices.ErrUnreachable)
	case bad:
		p.err = f.fault(fmt.Sprintf("page %d", p.n), devices.ErrPage)
	case p.fail[p.n] != nil:
		p.err = f.fault(op, p.fail[p.n])
	case p.platen && p.n > 0, !p.platen && len(f.feeder) == 0:
		p.err = io.EOF
	}
	if p.err != nil {
		return nil, p.err
	}
	data := f.platen
	if p.platen && data == nil {
		data = SamplePage(0)
	}
	if !p.platen {
		data, f.feeder = f.feeder[0], f.feeder[1:]
	}
	p.n++
	p.body = &fakeBody{r: bytes.NewReader(data), ctx: ctx}
	if p.cut[p.n] {
		p.body.r = bytes.NewReader(data[:len(data)/2])
		p.body.err = fmt.Errorf("page %d: ends half-way: %w", p.n, devices.ErrPage)
	}
	mime := "image/jpeg"
	if bytes.HasPrefix(data, []byte("%PDF-")) {
		mime = "application/pdf"
	}
	return &devices.Page{MIME: mime, DPI: p.dpi, Body: p.body}, nil
}

// hold waits where [Fake.Hold] asked for it.
func (p *fakePages) hold(ctx context.Context) error {
	f := p.f
	f.mu.Lock()
	n := p.n + 1
	h := f.holds[n]
	f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return f.fault(fmt.Sprintf("page %d", n), err)
	}
	if h == nil {
		return nil
	}
	h.once.Do(func() { close(h.reached) })
	select {
	case <-h.release:
	case <-p.closed:
	case <-ctx.Done():
		return f.fault(fmt.Sprintf("page %d", n), ctx.Err())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.holds[n] == h {
		delete(f.holds, n)
	}
	return nil
}

// Close implements [devices.Pages].
func (p *fakePages) Close() error {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	if p.f.job == p {
		p.f.job = nil
		close(p.closed)
		if p.body != nil {
			p.body.end(errClosed)
		}
	}
	return nil
}

// fakeBody ends with err in place of io.EOF when err is set.
type fakeBody struct {
	r    io.Reader
	ctx  context.Context // of the Next that returned the body; a Reader has no parameter for it
	err  error
	mu   sync.Mutex
	dead error
}

func (b *fakeBody) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dead = err
}

func (b *fakeBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dead != nil {
		return 0, b.dead
	}
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	if errors.Is(err, io.EOF) && b.err != nil {
		err = b.err
	}
	return n, err
}
