package esclscan_test

import (
	"errors"
	"image/jpeg"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/devices/esclscan"
	"github.com/platen-fax/platen/protocols/escl"
	"github.com/platen-fax/platen/simulator/mfp"
	"github.com/platen-fax/platen/simulator/paper"
)

// TestFaults plays every fault of the virtual machine with three sheets in
// the feeder.
func TestFaults(t *testing.T) {
	all := []string{"1", "2", "3"}
	stop := func(after int, why, answer string) mfp.Faults {
		return mfp.Faults{Stop: &mfp.Stop{After: after, Why: why, Answer: answer}}
	}
	with := func(f mfp.Faults, change func(*mfp.Faults)) mfp.Faults { change(&f); return f }
	lie := func(f mfp.Faults, adf string) mfp.Faults { f.AdfState = adf; return f }
	for _, tt := range []struct {
		name   string
		faults mfp.Faults
		quirks esclscan.Quirks
		want   []string
		err    error
		waits  int
	}{
		{"none", mfp.Faults{}, esclscan.Quirks{}, all, nil, 0},

		{"location absolute", mfp.Faults{Location: mfp.LocationAbsolute}, esclscan.Quirks{}, all, nil, 0},
		{"location with a wrong host", mfp.Faults{Location: mfp.LocationWrongHost}, esclscan.Quirks{}, all, nil, 0},
		{"location with a cut IPv6 host", mfp.Faults{Location: mfp.LocationCutIPv6}, esclscan.Quirks{}, all, nil, 0},
		{"location with colons", mfp.Faults{Location: mfp.LocationColons}, esclscan.Quirks{}, all, nil, 0},
		{"location with a slash behind", mfp.Faults{Location: mfp.LocationSlash}, esclscan.Quirks{}, all, nil, 0},
		{"location missing", mfp.Faults{Location: mfp.LocationNone}, esclscan.Quirks{}, all, nil, 0},

		{"busy for a while", mfp.Faults{Busy: 3}, esclscan.Quirks{}, all, nil, 3},
		{"busy for good", mfp.Faults{Busy: -1}, esclscan.Quirks{}, nil, devices.ErrBusy, 6},
		{"warming up for good", mfp.Faults{State: escl.StateTesting}, esclscan.Quirks{}, nil, devices.ErrBusy, 6},
		{"stopped", mfp.Faults{State: escl.StateStopped}, esclscan.Quirks{}, nil, devices.ErrStopped, 0},
		{"down but talking", mfp.Faults{State: escl.StateDown}, esclscan.Quirks{}, nil, devices.ErrStopped, 0},
		{"down", mfp.Faults{Down: true}, esclscan.Quirks{}, nil, devices.ErrUnreachable, 2},
		{"optional elements refused", mfp.Faults{Strict: true}, esclscan.Quirks{}, all, nil, 0},
		{"all settings refused", mfp.Faults{PostStatus: 409}, esclscan.Quirks{}, nil, devices.ErrUnsupported, 0},
		{"bad request", mfp.Faults{PostStatus: 400}, esclscan.Quirks{}, nil, devices.ErrUnsupported, 0},
		{"login wanted", mfp.Faults{PostStatus: 401}, esclscan.Quirks{}, nil, devices.ErrAccess, 0},
		{"forbidden", mfp.Faults{PostStatus: 403}, esclscan.Quirks{}, nil, devices.ErrAccess, 0},
		{"server error", mfp.Faults{PostStatus: 500}, esclscan.Quirks{}, nil, devices.ErrStopped, 0},
		{"wrong host header", mfp.Faults{LocalhostOnly: true}, esclscan.Quirks{}, nil, devices.ErrAccess, 0},
		{"host header quirk", mfp.Faults{LocalhostOnly: true}, esclscan.Quirks{HostLocalhost: true}, all, nil, 0},

		{"pages not ready", mfp.Faults{NotReady: 2}, esclscan.Quirks{}, all, nil, 6},
		{"pages ready after half a minute", mfp.Faults{NotReady: 30}, esclscan.Quirks{}, all, nil, 90},
		{"page never ready", mfp.Faults{NotReady: 1000}, esclscan.Quirks{}, nil, devices.ErrBusy, 30},
		{"premature 404", mfp.Faults{Early404: 3}, esclscan.Quirks{}, all, nil, 3},
		{"premature 404 and an empty sensor", mfp.Faults{Early404: 3, AdfState: escl.AdfEmpty}, esclscan.Quirks{}, all, nil, 3},
		{"premature 410", mfp.Faults{Early410: 2}, esclscan.Quirks{}, all, nil, 2},
		{"410 for long", mfp.Faults{Early410: 20}, esclscan.Quirks{RetryGone: true}, all, nil, 20},
		{"404 for ever with paper in", mfp.Faults{Early404: 1000, AdfState: escl.AdfLoaded}, esclscan.Quirks{}, []string{"1"}, devices.ErrStopped, 5},
		{"409 at the end", mfp.Faults{EndStatus: 409}, esclscan.Quirks{}, all, nil, 0},
		{"410 at the end", mfp.Faults{EndStatus: 410}, esclscan.Quirks{}, all, nil, 0},

		{"empty page", mfp.Faults{EmptyPage: 2}, esclscan.Quirks{}, []string{"1"}, devices.ErrPage, 0},
		{"cut page", mfp.Faults{CutPage: 2}, esclscan.Quirks{}, []string{"1", "bad"}, devices.ErrPage, 0},
		{"cut last page", mfp.Faults{CutPage: 3}, esclscan.Quirks{}, []string{"1", "2", "bad"}, devices.ErrPage, 0},
		{"page cut short of its length", mfp.Faults{CutPage: 2, SendLength: true}, esclscan.Quirks{}, []string{"1", "bad"}, devices.ErrPage, 0},
		{"connection cut in a page", mfp.Faults{DropPage: 2}, esclscan.Quirks{}, []string{"1", "bad"}, devices.ErrPage, 0},
		{"connection cut before a page", mfp.Faults{AbortPage: 2}, esclscan.Quirks{}, []string{"1"}, devices.ErrPage, 0},
		{"junk", mfp.Faults{JunkPage: 1}, esclscan.Quirks{}, nil, devices.ErrPage, 0},
		{"pages with length", mfp.Faults{SendLength: true}, esclscan.Quirks{}, all, nil, 0},
		{"wrong content type", mfp.Faults{ContentType: "application/pdf"}, esclscan.Quirks{}, all, nil, 0},
		{"colour for gray", mfp.Faults{Color: true}, esclscan.Quirks{}, all, nil, 0},
		{"pdf for jpeg", mfp.Faults{PDF: true}, esclscan.Quirks{}, []string{"pdf", "pdf", "pdf"}, nil, 0},
		{"pdf labelled jpeg", mfp.Faults{PDF: true, ContentType: "image/jpeg"}, esclscan.Quirks{}, []string{"pdf", "pdf", "pdf"}, nil, 0},
		{"pdf of the whole stack", mfp.Faults{PDF: true, PDFStack: true}, esclscan.Quirks{}, []string{"pdf"}, nil, 0},

		{"feeder always loaded", mfp.Faults{AdfState: escl.AdfLoaded}, esclscan.Quirks{}, all, nil, 0},
		{"feeder always empty", mfp.Faults{AdfState: escl.AdfEmpty}, esclscan.Quirks{}, all, nil, 0},
		{"feeder always processing", mfp.Faults{AdfState: escl.AdfProcessing}, esclscan.Quirks{}, all, nil, 0},
		{"feeder believed to be empty", mfp.Faults{AdfState: escl.AdfEmpty}, esclscan.Quirks{CheckFeederFirst: true}, nil, devices.ErrFeederEmpty, 0},

		{"jam at the first page", stop(0, mfp.WhyJam, ""), esclscan.Quirks{}, nil, devices.ErrJam, 0},
		{"jam, 409", stop(2, mfp.WhyJam, ""), esclscan.Quirks{}, all[:2], devices.ErrJam, 0},
		{"jam, 404", stop(2, mfp.WhyJam, mfp.AnswerNotFound), esclscan.Quirks{}, all[:2], devices.ErrJam, 0},
		{"jam, 410", stop(2, mfp.WhyJam, mfp.AnswerGone), esclscan.Quirks{}, all[:2], devices.ErrJam, 0},
		{"jam, 410 and its quirk", stop(2, mfp.WhyJam, mfp.AnswerGone), esclscan.Quirks{RetryGone: true}, all[:2], devices.ErrJam, 0},
		{"jam, nothing", stop(2, mfp.WhyJam, mfp.AnswerEmpty), esclscan.Quirks{}, all[:2], devices.ErrJam, 0},
		{"jam, half a page", stop(2, mfp.WhyJam, mfp.AnswerCut), esclscan.Quirks{}, []string{"1", "2", "bad"}, devices.ErrJam, 0},
		{"jam behind a lying sensor", lie(stop(2, mfp.WhyJam, ""), escl.AdfLoaded), esclscan.Quirks{}, all[:2], devices.ErrStopped, 0},
		{"jam while a page is not ready", with(stop(1, mfp.WhyJam, ""), func(f *mfp.Faults) { f.NotReady = 1 }), esclscan.Quirks{}, all[:1], devices.ErrJam, 2},
		{"door open", stop(1, mfp.WhyDoor, ""), esclscan.Quirks{}, all[:1], devices.ErrCoverOpen, 0},
		{"hatch open", stop(1, mfp.WhyHatch, ""), esclscan.Quirks{}, all[:1], devices.ErrCoverOpen, 0},
		{"double feed", stop(1, mfp.WhyMultipick, ""), esclscan.Quirks{}, all[:1], devices.ErrDoubleFeed, 0},
		{"mispick", stop(1, mfp.WhyMispick, ""), esclscan.Quirks{}, all[:1], devices.ErrDoubleFeed, 0},
		{"page too long", stop(1, mfp.WhyTooLong, ""), esclscan.Quirks{}, all[:1], devices.ErrJam, 0},
		{"cancelled at the device", stop(1, mfp.WhyCancelled, mfp.AnswerNotFound), esclscan.Quirks{}, all[:1], devices.ErrCancelledAtDevice, 0},
		{"cancelled at the device, half a page", stop(1, mfp.WhyCancelled, mfp.AnswerCut), esclscan.Quirks{}, []string{"1", "bad"}, devices.ErrCancelledAtDevice, 0},
		{"given up", stop(1, mfp.WhyAborted, mfp.AnswerNotFound), esclscan.Quirks{}, all[:1], devices.ErrStopped, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := open(t, nil, tt.quirks)
			r.Load(1, 3)
			r.faults(t, tt.faults)
			got, err := r.scanAll(t, devices.Settings{Source: devices.Feeder})
			if !slices.Equal(got, tt.want) || !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Fatalf("pages %q, %v; want %q, %v", got, err, tt.want, tt.err)
			}
			var op *devices.OpError
			if err != nil && (!errors.As(err, &op) || op.Device != "front-desk") {
				t.Errorf("error %v is no OpError of the device", err)
			}
			if n, _ := r.clk.total(); n != tt.waits {
				t.Errorf("waited %v; want %d waits", r.clk.waits, tt.waits)
			}
			if n := r.leftovers(); n != 0 && !tt.faults.Down {
				t.Errorf("%d jobs left at the device", n)
			}
		})
	}
}

func TestBusyBackOff(t *testing.T) {
	r := open(t, nil, esclscan.Quirks{})
	r.faults(t, mfp.Faults{Busy: -1})
	_, err := r.s.Scan(t.Context(), devices.Settings{Source: devices.Feeder})
	if !errors.Is(err, devices.ErrBusy) {
		t.Fatalf("Scan = %v; want ErrBusy", err)
	}
	want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 29 * time.Second}
	if !slices.Equal(r.clk.waits, want) {
		t.Fatalf("waited %v; want %v, a minute in all", r.clk.waits, want)
	}
}

func TestEmptyFeederInAllWays(t *testing.T) {
	for _, tt := range []struct {
		name   string
		faults mfp.Faults
		quirks esclscan.Quirks
	}{
		{"told truly", mfp.Faults{}, esclscan.Quirks{}},
		{"told truly and believed", mfp.Faults{}, esclscan.Quirks{CheckFeederFirst: true}},
		{"said to be loaded", mfp.Faults{AdfState: escl.AdfLoaded}, esclscan.Quirks{}},
		{"said to be processing", mfp.Faults{AdfState: escl.AdfProcessing}, esclscan.Quirks{}},
		{"retried", mfp.Faults{}, esclscan.Quirks{RetryGone: true}},
		{"refused", mfp.Faults{PostStatus: 409}, esclscan.Quirks{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := open(t, nil, tt.quirks)
			r.faults(t, tt.faults)
			if got, err := r.scanAll(t, devices.Settings{Source: devices.Feeder}); !errors.Is(err, devices.ErrFeederEmpty) {
				t.Fatalf("pages %q, %v; want ErrFeederEmpty", got, err)
			}
			if r.leftovers() != 0 {
				t.Fatal("a job was left at the device")
			}
			if tt.faults.PostStatus != 0 {
				return
			}
			// The platen takes over when the source is left open.
			r.LoadPlaten(mfp.Stack{Batch: 1})
			got, err := r.scanAll(t, devices.Settings{Duplex: !tt.quirks.CheckFeederFirst})
			if err != nil || !slices.Equal(got, []string{"1"}) || r.leftovers() != 0 {
				t.Fatalf("with an open source: pages %q, %v, %d jobs left; want the sheet on the glass", got, err, r.leftovers())
			}
		})
	}
}

func TestAutoTellsOfAJamInsteadOfScanningTheGlass(t *testing.T) {
	r := open(t, nil, esclscan.Quirks{})
	r.Load(1, 2)
	r.faults(t, mfp.Faults{Stop: &mfp.Stop{Why: mfp.WhyJam}})
	if got, err := r.scanAll(t, devices.Settings{}); !errors.Is(err, devices.ErrJam) || got != nil {
		t.Fatalf("pages %q, %v; want ErrJam", got, err)
	}
}

func TestDuplex(t *testing.T) {
	r := open(t, nil, esclscan.Quirks{})
	r.LoadStack(mfp.Stack{Batch: 1, Pages: 2, TwoSided: true})
	got, err := r.scanAll(t, devices.Settings{Source: devices.Feeder, Duplex: true})
	if want := []string{"1", "1b", "2", "2b"}; err != nil || !slices.Equal(got, want) {
		t.Fatalf("pages %q, %v; want %q", got, err, want)
	}
}

// TestMarksArrive scans printed paper at the resolution of real jobs.
func TestMarksArrive(t *testing.T) {
	m := mfp.New(mfp.Options{Refill: &mfp.Stack{Batch: 9, Pages: 2, Class: mfp.ClassMixed}})
	srv, err := m.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	s, err := esclscan.New(srv.URL(), esclscan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Scan(t.Context(), devices.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for n := 1; n <= 2; n++ {
		pg, err := p.Next(t.Context())
		if err != nil {
			t.Fatalf("Next = %v", err)
		}
		img, err := jpeg.Decode(pg.Body)
		if err != nil {
			t.Fatal(err)
		}
		want := paper.Mark{Batch: 9, Page: n, Whole: true}
		if got, err := paper.ReadMark(img, pg.DPI, pg.DPI); err != nil || got != want || pg.DPI != 200 || pg.MIME != "image/jpeg" {
			t.Fatalf("page %d = %+v, %v at %d dpi; want %+v", n, got, err, pg.DPI, want)
		}
	}
	if _, err := p.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Fatalf("Next = %v; want io.EOF", err)
	}
}

// TestDuplexIsNotAskedOfASimplexFeeder is about a machine that hangs then.
func TestDuplexIsNotAskedOfASimplexFeeder(t *testing.T) {
	r := open(t, profile(t, "simplex"), esclscan.Quirks{})
	r.Load(1, 1)
	if _, err := r.s.Scan(t.Context(), devices.Settings{Source: devices.Feeder, Duplex: true}); !errors.Is(err, devices.ErrUnsupported) {
		t.Fatalf("Scan = %v; want ErrUnsupported", err)
	}
	if n := r.State().Requests[string(escl.OpCreateJob)]; n != 0 {
		t.Fatalf("the device got %d job requests; want none", n)
	}
}

func TestProfiles(t *testing.T) {
	for _, name := range mfp.Profiles() {
		t.Run(name, func(t *testing.T) {
			r := open(t, profile(t, name), esclscan.Quirks{})
			r.Load(1, 2)
			r.LoadPlaten(mfp.Stack{Batch: 2})
			want := []string{"1", "2"}
			if name == "platen-only" {
				want = []string{"1"}
			}
			got, err := r.scanAll(t, devices.Settings{})
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("pages %q, %v; want %q", got, err, want)
			}
			if s := r.State().Settings; s.XResolution != 200 || s.YResolution != 200 || s.ColorMode != escl.Grayscale8 || s.Format != "image/jpeg" {
				t.Fatalf("asked for %+v; want gray JPEG at 200 dpi", s)
			}
		})
	}
}
