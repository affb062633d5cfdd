package esclscan_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/devices/devicetest"
	"github.com/platen-fax/platen/devices/esclscan"
	"github.com/platen-fax/platen/protocols/escl"
	"github.com/platen-fax/platen/simulator/mfp"
	"github.com/platen-fax/platen/simulator/paper"
)

// drawn keeps the pages of all tests of a run.
var drawn = mfp.Paper(paper.NewCache(64 << 20))

// clock lets waits pass at once and remembers them.
type clock struct {
	mu    sync.Mutex
	waits []time.Duration
	hook  func(n int) // runs in wait n, from 1
}

func (c *clock) wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	c.waits = append(c.waits, d)
	n := len(c.waits)
	c.mu.Unlock()
	if c.hook != nil {
		c.hook(n)
	}
	return context.Cause(ctx)
}

func (c *clock) total() (n int, sum time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.waits {
		sum += d
	}
	return len(c.waits), sum
}

// rig is a virtual machine and the driver for it.
type rig struct {
	*mfp.MFP
	srv *mfp.Server
	s   *esclscan.Scanner
	clk *clock
}

func open(t *testing.T, caps *escl.Capabilities, q esclscan.Quirks) rig {
	t.Helper()
	r := rig{MFP: mfp.New(mfp.Options{ID: "front", Caps: caps, Pages: drawn}), clk: &clock{}}
	var err error
	if r.srv, err = r.Listen("127.0.0.1:0", nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.srv.Close() })
	r.s, err = esclscan.New(r.srv.URL(), esclscan.Options{Device: "front-desk", Quirks: q, Wait: r.clk.wait})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r rig) faults(t *testing.T, f mfp.Faults) {
	t.Helper()
	if err := r.SetFaults(f); err != nil {
		t.Fatal(err)
	}
}

func profile(t *testing.T, name string) *escl.Capabilities {
	t.Helper()
	c, err := mfp.Profile(name, "front")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// scanAll runs a job to its end. pages lists what arrived: "2" for page 2 of
// the paper, "2b" for its back, "pdf", or "bad" for a page that failed its
// check; err is what Scan or Next ended with, nil for io.EOF.
func (r rig) scanAll(t *testing.T, w devices.Settings) (pages []string, err error) {
	t.Helper()
	p, err := r.s.Scan(t.Context(), w)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}()
	for {
		pg, err := p.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return pages, nil
		}
		if err != nil {
			return pages, err
		}
		pages = append(pages, name(t, pg))
	}
}

func name(t *testing.T, pg *devices.Page) string {
	t.Helper()
	data, err := io.ReadAll(pg.Body)
	switch {
	case errors.Is(err, devices.ErrPage):
		return "bad"
	case err != nil:
		t.Fatalf("reading a page = %v", err)
	case pg.MIME == "application/pdf":
		return "pdf"
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("a page that passed its check: %v", err)
	}
	m, err := paper.ReadMark(img, pg.DPI, pg.DPI)
	if err != nil || !m.Whole {
		t.Fatalf("mark = %+v, %v; want a whole one", m, err)
	}
	return fmt.Sprint(m.Page) + []string{"", "b"}[m.Side]
}

// leftovers counts jobs that were made and never deleted.
func (r rig) leftovers() int {
	s := r.State()
	return s.Created - s.Deleted
}

func TestSuite(t *testing.T) {
	devicetest.Scanner(t, func(t *testing.T) devicetest.Rig {
		r := open(t, nil, esclscan.Quirks{})
		return devicetest.Rig{
			Scanner: r.s,
			Load:    func(n int) { r.Load(1, n) },
			Platen:  func() { r.LoadPlaten(mfp.Stack{Batch: 2}) },
			Jam:     func(n int) { r.faults(t, mfp.Faults{Stop: &mfp.Stop{After: n, Why: mfp.WhyJam}}) },
			Cut:     func(n int) { r.faults(t, mfp.Faults{CutPage: n}) },
			Busy:    func() { r.faults(t, mfp.Faults{Busy: -1}) },
			Unplug:  func() { r.faults(t, mfp.Faults{Down: true}) },
			Simplex: func() { r.SetCaps(profile(t, "simplex")) },
			Active:  r.leftovers,
			Hold: func(n int) devicetest.Hold {
				reached, release := r.HoldPage(n)
				return devicetest.Hold{Reached: reached, Release: release}
			},
		}
	})
}
