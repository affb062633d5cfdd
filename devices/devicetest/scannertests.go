package devicetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/platen-fax/platen/devices"
)

func probe(t *testing.T, r Rig) {
	r.Load(1)
	info, err := r.Scanner.Probe(t.Context())
	if err != nil {
		t.Fatalf("Probe = %v", err)
	}
	if info.MakeModel == "" || info.Serial == "" || !info.Has(devices.Feeder) || !info.Has(devices.Platen) || info.Condition != devices.Ready {
		t.Fatalf("Probe = %+v; want model, serial, feeder and platen, and ready", info)
	}
	if n := r.Active(); n != 0 {
		t.Fatalf("Probe left %d jobs at the device", n)
	}
}

func pagesThenEOF(t *testing.T, r Rig) {
	r.Load(3)
	p := scan(t, r, devices.Settings{Source: devices.Feeder})
	var seen [][]byte
	for n := 1; n <= 3; n++ {
		b := page(t, p, n)
		for i, old := range seen {
			if bytes.Equal(b, old) {
				t.Fatalf("page %d is page %d again", n, i+1)
			}
		}
		seen = append(seen, b)
	}
	wantEOF(t, p)
	closed(t, r, p)
	if _, err := p.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Fatalf("Next after io.EOF and Close = %v; want io.EOF", err)
	}
}

func platenOnePage(t *testing.T, r Rig) {
	r.Platen()
	p := scan(t, r, devices.Settings{Source: devices.Platen})
	page(t, p, 1)
	wantEOF(t, p)
	closed(t, r, p)
}

func autoPrefersFeeder(t *testing.T, r Rig) {
	r.Platen()
	r.Load(2)
	p := scan(t, r, devices.Settings{})
	page(t, p, 1)
	page(t, p, 2)
	wantEOF(t, p)
	closed(t, r, p)
}

func autoFallsBack(t *testing.T, r Rig) {
	r.Platen()
	p := scan(t, r, devices.Settings{})
	page(t, p, 1)
	wantEOF(t, p)
	closed(t, r, p)
}

func feederEmpty(t *testing.T, r Rig) {
	p, err := r.Scanner.Scan(t.Context(), devices.Settings{Source: devices.Feeder})
	if err == nil { // some devices only tell when the first page is asked for
		_, err = p.Next(t.Context())
		p.Close()
	}
	wantOp(t, "scanning an empty feeder", err, devices.ErrFeederEmpty)
	wantIdle(t, r)
}

func nextEndsPrevious(t *testing.T, r Rig) {
	r.Load(2)
	p := scan(t, r, devices.Settings{Source: devices.Feeder})
	first, err := p.Next(t.Context())
	if err != nil {
		t.Fatalf("Next = %v", err)
	}
	page(t, p, 2)
	if n, err := first.Body.Read(make([]byte, 16)); n != 0 || err == nil || errors.Is(err, io.EOF) {
		t.Fatalf("reading page 1 after Next = %d, %v; want an error other than io.EOF", n, err)
	}
	wantEOF(t, p)
	closed(t, r, p)
}

func closeTwice(t *testing.T, r Rig) {
	r.Load(1)
	p := scan(t, r, devices.Settings{Source: devices.Feeder})
	page(t, p, 1)
	closed(t, r, p)
	closed(t, r, p)
}

func closeEarly(t *testing.T, r Rig) {
	r.Load(5)
	p := scan(t, r, devices.Settings{Source: devices.Feeder})
	pg, err := p.Next(t.Context())
	if err != nil {
		t.Fatalf("Next = %v", err)
	}
	closed(t, r, p)
	if _, err := pg.Body.Read(make([]byte, 16)); err == nil || errors.Is(err, io.EOF) {
		t.Fatalf("reading a page after Close = %v; want an error other than io.EOF", err)
	}
	if _, err := p.Next(t.Context()); err == nil || errors.Is(err, io.EOF) {
		t.Fatalf("Next after an early Close = %v; want an error other than io.EOF", err)
	}
}

func closeUnblocks(t *testing.T, r Rig) {
	r.Load(2)
	h := r.Hold(2)
	defer h.Release()
	p := scan(t, r, devices.Settings{Source: devices.Feeder})
	page(t, p, 1)
	done := make(chan error, 1)
	go func() { done <- next(p, t.Context())() }()
	await(t, h)
	closed(t, r, p)
	err := within(t, "Next of a closed job", func() error { return <-done })
	if err == nil || errors.Is(err, io.EOF) {
		t.Fatalf("Next while closing = %v; want an error other than io.EOF", err)
	}
}

func cancelledBefore(t *testing.T, r Rig) {
	r.Load(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Scanner.Scan(ctx, devices.Settings{Source: devices.Feeder}); !errors.Is(err, context.Canceled) {
		t.Fatalf("Scan with a cancelled context = %v; want context.Canceled", err)
	}
	wantIdle(t, r)
}

func cancelledContext(t *testing.T, r Rig) {
	r.Load(3)
	h := r.Hold(2)
	defer h.Release()
	p := scan(t, r, devices.Settings{Source: devices.Feeder})
	page(t, p, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- next(p, ctx)() }()
	await(t, h)
	cancel()
	err := within(t, "Next with a cancelled context", func() error { return <-done })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("Next with a cancelled context = %v; want context.Canceled", err)
	}
	closed(t, r, p)
}

func unreachable(t *testing.T, r Rig) {
	r.Load(1)
	r.Unplug()
	err := within(t, "Probe", func() error { _, err := r.Scanner.Probe(t.Context()); return err })
	wantOp(t, "Probe of an unplugged device", err, devices.ErrUnreachable)
	err = within(t, "Scan", func() error {
		_, err := r.Scanner.Scan(t.Context(), devices.Settings{Source: devices.Feeder})
		return err
	})
	wantOp(t, "Scan of an unplugged device", err, devices.ErrUnreachable)
}

func unreachableMidJob(t *testing.T, r Rig) {
	r.Load(3)
	p := scan(t, r, devices.Settings{Source: devices.Feeder})
	page(t, p, 1)
	r.Unplug()
	err := within(t, "Next", next(p, t.Context()))
	wantOp(t, "Next of an unplugged device", err, devices.ErrUnreachable)
	if again := next(p, t.Context())(); !errors.Is(again, devices.ErrUnreachable) {
		t.Fatalf("second Next = %v; want the same error as before, %v", again, err)
	}
	if err := within(t, "Close", p.Close); err != nil {
		t.Fatalf("Close of an unplugged device = %v; want nil, nothing can be done about it", err)
	}
}

func jamKeepsEarlier(t *testing.T, r Rig) {
	r.Load(5)
	r.Jam(2)
	p := scan(t, r, devices.Settings{Source: devices.Feeder})
	page(t, p, 1)
	page(t, p, 2)
	for range 2 {
		_, err := p.Next(t.Context())
		wantOp(t, "Next after a jam", err, devices.ErrJam)
	}
	closed(t, r, p)
}

func cutPage(t *testing.T, r Rig) {
	r.Load(3)
	r.Cut(2)
	p := scan(t, r, devices.Settings{Source: devices.Feeder})
	page(t, p, 1)
	pg, err := p.Next(t.Context())
	if err != nil {
		t.Fatalf("Next for a cut page = %v; want the page", err)
	}
	if _, err := io.ReadAll(pg.Body); !errors.Is(err, devices.ErrPage) {
		t.Fatalf("reading a cut page = %v; want ErrPage", err)
	}
	if pg, err := p.Next(t.Context()); err == nil || errors.Is(err, io.EOF) {
		t.Fatalf("Next after a cut page = %v, %v; want an error other than io.EOF", pg, err)
	}
	closed(t, r, p)
}

func cutPageUnread(t *testing.T, r Rig) {
	r.Load(3)
	r.Cut(2)
	p := scan(t, r, devices.Settings{Source: devices.Feeder})
	page(t, p, 1)
	if _, err := p.Next(t.Context()); err != nil {
		t.Fatalf("Next for a cut page = %v; want the page", err)
	}
	if pg, err := p.Next(t.Context()); err == nil || errors.Is(err, io.EOF) {
		t.Fatalf("Next after an unread cut page = %v, %v; want an error other than io.EOF", pg, err)
	}
	closed(t, r, p)
}

func busyIsErrBusy(t *testing.T, r Rig) {
	r.Load(1)
	r.Busy()
	err := within(t, "Scan", func() error {
		_, err := r.Scanner.Scan(t.Context(), devices.Settings{Source: devices.Feeder})
		return err
	})
	wantOp(t, "Scan of a busy device", err, devices.ErrBusy)
}

func unsupported(t *testing.T, r Rig) {
	r.Simplex()
	r.Load(1)
	r.Platen()
	for _, tt := range []struct {
		name string
		s    devices.Settings
	}{
		{"duplex on a simplex feeder", devices.Settings{Source: devices.Feeder, Duplex: true}},
		{"duplex on the platen", devices.Settings{Source: devices.Platen, Duplex: true}},
		{"a source it lacks", devices.Settings{Source: "camera"}},
	} {
		_, err := r.Scanner.Scan(t.Context(), tt.s)
		wantOp(t, tt.name, err, devices.ErrUnsupported)
	}
	wantIdle(t, r)
}
