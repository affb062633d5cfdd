package esclscan_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/devices/devicetest"
	"github.com/platen-fax/platen/devices/esclscan"
	"github.com/platen-fax/platen/protocols/escl"
	"github.com/platen-fax/platen/simulator/mfp"
)

// drawn makes small pages that differ in one row of dots, which is quick; the
// look of real paper matters to TestMarksArrive only.
func drawn(p mfp.Page) ([]byte, error) {
	img := image.NewGray(image.Rect(0, 0, 256, 64))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	for i := range 2*p.Sheet + p.Side {
		draw.Draw(img, image.Rect(8*i, 16, 8*i+4, 48), image.Black, image.Point{}, draw.Src)
	}
	var buf bytes.Buffer
	err := jpeg.Encode(&buf, img, nil)
	return buf.Bytes(), err
}

// drawnName reads what drawn wrote: "2" for the front of sheet 2, "2b" for its
// back.
func drawnName(t *testing.T, data []byte) string {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("a page that passed its check: %v", err)
	}
	dots := 0
	for x := 0; x < 256; x += 8 {
		if r, _, _, _ := img.At(x+2, 32).RGBA(); r < 0x8000 {
			dots++
		}
	}
	return fmt.Sprint(dots/2) + []string{"", "b"}[dots%2]
}

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
	return drawnName(t, data)
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
