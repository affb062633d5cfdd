package esclscan_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/devices/esclscan"
	"github.com/platen-fax/platen/protocols/escl"
	"github.com/platen-fax/platen/simulator/mfp"
)

func TestProbe(t *testing.T) {
	for _, tt := range []struct {
		name   string
		caps   string
		load   int
		faults mfp.Faults
		want   devices.Condition
		err    error
	}{
		{"ready", "office", 1, mfp.Faults{}, devices.Ready, nil},
		{"feeder empty", "office", 0, mfp.Faults{}, devices.FeederEmpty, nil},
		{"no feeder", "platen-only", 0, mfp.Faults{}, devices.Ready, nil},
		{"ambiguous feeder", "kyocera-m2040dn", 0, mfp.Faults{AdfState: escl.AdfProcessing}, devices.Ready, nil},
		{"busy", "office", 1, mfp.Faults{State: escl.StateProcessing}, devices.Busy, nil},
		{"warming up", "office", 1, mfp.Faults{State: escl.StateTesting}, devices.WarmingUp, nil},
		{"stopped", "office", 1, mfp.Faults{State: escl.StateStopped}, devices.Stopped, nil},
		{"down", "office", 1, mfp.Faults{State: escl.StateDown}, devices.Stopped, nil},
		{"new state", "office", 1, mfp.Faults{State: "Dreaming"}, devices.Unknown, nil},
		{"jam", "office", 1, mfp.Faults{State: escl.StateStopped, AdfState: escl.AdfJam}, devices.FeederJam, nil},
		{"cover", "office", 1, mfp.Faults{AdfState: escl.AdfDoorOpen}, devices.CoverOpen, nil},
		{"hatch", "office", 1, mfp.Faults{AdfState: escl.AdfHatchOpen}, devices.CoverOpen, nil},
		{"double feed", "office", 1, mfp.Faults{AdfState: escl.AdfMultipick}, devices.DoubleFeed, nil},
		{"access", "office", 1, mfp.Faults{LocalhostOnly: true}, devices.AccessDenied, devices.ErrAccess},
		{"unreachable", "office", 1, mfp.Faults{Down: true}, devices.Unreachable, devices.ErrUnreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := open(t, profile(t, tt.caps), esclscan.Quirks{})
			r.Load(1, tt.load)
			r.faults(t, tt.faults)
			info, err := r.s.Probe(t.Context())
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) || info.Condition != tt.want {
				t.Fatalf("Probe = %+v, %v; want condition %s, error %v", info, err, tt.want, tt.err)
			}
			if err == nil && (info.Serial != "SIM-front" || info.MakeModel == "" || info.UUID == "") {
				t.Fatalf("Probe = %+v; want an identity", info)
			}
			if n, _ := r.clk.total(); n != 0 {
				t.Fatalf("Probe waited %v", r.clk.waits)
			}
		})
	}
}

func TestNotAScanner(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "<html>Router login</html>") //nolint:errcheck // a test server
	}))
	defer srv.Close()
	s, err := esclscan.New(srv.URL+"/eSCL", esclscan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Probe(t.Context()); !errors.Is(err, devices.ErrUnsupported) || !errors.Is(err, escl.ErrXML) {
		t.Fatalf("Probe of a router = %v; want ErrUnsupported", err)
	}
	if _, err := esclscan.New("10.0.0.20", esclscan.Options{}); err == nil {
		t.Fatal("New took an address without scheme")
	}
}

// TestASleepingDeviceWakesUp lets the device come up in the driver's second
// pause.
func TestASleepingDeviceWakesUp(t *testing.T) {
	r := open(t, nil, esclscan.Quirks{})
	r.Load(1, 1)
	r.faults(t, mfp.Faults{Down: true})
	r.clk.hook = func(n int) {
		if n == 2 {
			r.faults(t, mfp.Faults{})
		}
	}
	if got, err := r.scanAll(t, devices.Settings{}); err != nil || !slices.Equal(got, []string{"1"}) {
		t.Fatalf("pages %q, %v; want the page", got, err)
	}
}

// TestShortBlackoutBetweenPages loses nothing, since the device was not asked.
func TestShortBlackoutBetweenPages(t *testing.T) {
	r := open(t, nil, esclscan.Quirks{})
	r.Load(1, 2)
	r.clk.hook = func(n int) {
		if n == 3 {
			r.faults(t, mfp.Faults{})
		}
	}
	p, err := r.s.Scan(t.Context(), devices.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for n, want := range []string{"1", "2"} {
		pg, err := p.Next(t.Context())
		if err != nil {
			t.Fatalf("Next = %v", err)
		}
		if got := name(t, pg); got != want {
			t.Fatalf("page %s; want %s", got, want)
		}
		if n == 0 {
			r.faults(t, mfp.Faults{Down: true})
		}
	}
	if _, err := p.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Fatalf("Next = %v; want io.EOF", err)
	}
}

func TestSecondJobIsRefused(t *testing.T) {
	r := open(t, nil, esclscan.Quirks{})
	r.Load(1, 2)
	r.faults(t, mfp.Faults{ParallelJobs: true}) // the device would take it
	p, err := r.s.Scan(t.Context(), devices.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.s.Scan(t.Context(), devices.Settings{}); !errors.Is(err, devices.ErrBusy) {
		t.Fatalf("second Scan = %v; want ErrBusy", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := r.scanAll(t, devices.Settings{}); err != nil || len(got) != 2 {
		t.Fatalf("Scan after Close: pages %q, %v; want 2", got, err)
	}
}

func TestCancelledAtTheDeviceInAPage(t *testing.T) {
	r := open(t, nil, esclscan.Quirks{})
	r.Load(1, 2)
	reached, release := r.HoldBody(1)
	defer release()
	p, err := r.s.Scan(t.Context(), devices.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	pg, err := p.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	r.CancelAtDevice()
	if got := name(t, pg); got != "bad" {
		t.Fatalf("page %s; want a bad one", got)
	}
	if _, err := p.Next(t.Context()); !errors.Is(err, devices.ErrCancelledAtDevice) {
		t.Fatalf("Next = %v; want ErrCancelledAtDevice", err)
	}
}

// TestAStalledPage stands still for longer than it may.
func TestAStalledPage(t *testing.T) {
	for _, tt := range []struct {
		name string
		hold func(rig) (<-chan struct{}, func())
		err  error
	}{
		{"before its first byte", func(r rig) (<-chan struct{}, func()) { return r.HoldPage(2) }, devices.ErrStopped},
		{"in the middle", func(r rig) (<-chan struct{}, func()) { return r.HoldBody(2) }, devices.ErrPage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := open(t, nil, esclscan.Quirks{})
			r.Load(1, 3)
			_, release := tt.hold(r)
			defer release()
			var err error
			r.s, err = esclscan.New(r.srv.URL(), esclscan.Options{
				Device: "front-desk", Wait: r.clk.wait, FirstByte: 500 * time.Millisecond, Stall: 500 * time.Millisecond,
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.scanAll(t, devices.Settings{})
			if !errors.Is(err, tt.err) || len(got) < 1 || got[0] != "1" || r.leftovers() != 0 {
				t.Fatalf("pages %q, %v, %d jobs left; want page 1 and %v", got, err, r.leftovers(), tt.err)
			}
		})
	}
}

// TestASlowReaderIsNoStall keeps a page waiting for longer than a stall.
func TestASlowReaderIsNoStall(t *testing.T) {
	r := open(t, nil, esclscan.Quirks{})
	r.Load(1, 1)
	const stall = 50 * time.Millisecond
	var err error
	r.s, err = esclscan.New(r.srv.URL(), esclscan.Options{Wait: r.clk.wait, Stall: stall})
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.s.Scan(t.Context(), devices.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	pg, err := p.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(3 * stall) // the time is the thing tested; nothing is awaited
	if got := name(t, pg); got != "1" {
		t.Fatalf("page %s; want 1", got)
	}
}

func TestPageLimit(t *testing.T) {
	r := open(t, nil, esclscan.Quirks{})
	r.Load(1, 1)
	var err error
	r.s, err = esclscan.New(r.srv.URL(), esclscan.Options{Wait: r.clk.wait, MaxPageBytes: 500})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.scanAll(t, devices.Settings{}); !errors.Is(err, devices.ErrPage) || !slices.Equal(got, []string{"bad"}) {
		t.Fatalf("pages %q, %v; want a bad one and ErrPage", got, err)
	}
}

func TestCancelledPageIsNotSkipped(t *testing.T) {
	r := open(t, nil, esclscan.Quirks{})
	r.Load(1, 3)
	reached, release := r.HoldBody(1)
	defer release()
	p, err := r.s.Scan(t.Context(), devices.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pg, err := p.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	cancel()
	if _, err := io.ReadAll(pg.Body); !errors.Is(err, context.Canceled) {
		t.Fatalf("reading = %v; want context.Canceled", err)
	}
	for range 2 {
		if _, err := p.Next(t.Context()); !errors.Is(err, devices.ErrPage) {
			t.Fatalf("Next = %v; want ErrPage, the page before was not read", err)
		}
	}
}

func TestQuirks(t *testing.T) {
	t.Run("SkipCleanup", func(t *testing.T) {
		r := open(t, nil, esclscan.Quirks{SkipCleanup: true})
		r.Load(1, 1)
		if _, err := r.scanAll(t, devices.Settings{}); err != nil {
			t.Fatal(err)
		}
		if s := r.State(); s.Requests[string(escl.OpDelete)] != 0 {
			t.Fatalf("a job that ended well was deleted: %+v", s)
		}
		r.Load(1, 2)
		p, err := r.s.Scan(t.Context(), devices.Settings{})
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		if s := r.State(); s.Requests[string(escl.OpDelete)] != 1 {
			t.Fatalf("a job that was given up was not deleted: %+v", s)
		}
	})
	t.Run("PausePages", func(t *testing.T) {
		r := open(t, nil, esclscan.Quirks{PausePages: time.Nanosecond})
		r.Load(1, 3)
		if got, err := r.scanAll(t, devices.Settings{}); err != nil || len(got) != 3 {
			t.Fatalf("pages %q, %v", got, err)
		}
		if want := []time.Duration{1, 1, 1}; !slices.Equal(r.clk.waits, want) {
			t.Fatalf("waited %v; want %v, after each page", r.clk.waits, want)
		}
	})
	t.Run("MaxDPI", func(t *testing.T) {
		r := open(t, nil, esclscan.Quirks{MaxDPI: 150})
		r.Load(1, 1)
		if got, err := r.scanAll(t, devices.Settings{DPI: 600}); err != nil || len(got) != 1 || r.State().Settings.XResolution != 150 {
			t.Fatalf("pages %q, %v at %+v; want 150 dpi", got, err, r.State().Settings)
		}
	})
	t.Run("Host", func(t *testing.T) {
		for _, tt := range []struct {
			name, url string
			quirks    esclscan.Quirks
			want      string
		}{
			{"none", "http://mfp.example/eSCL", esclscan.Quirks{}, "mfp.example"},
			{"localhost", "http://mfp.example/eSCL", esclscan.Quirks{HostLocalhost: true}, "localhost"},
			{"port", "http://mfp.example/eSCL", esclscan.Quirks{HostPort: true}, "mfp.example:80"},
			{"port of https", "https://[fe80::1]/eSCL", esclscan.Quirks{HostPort: true}, "[fe80::1]:443"},
			{"port named", "http://mfp.example:8080/eSCL", esclscan.Quirks{HostPort: true}, "mfp.example:8080"},
		} {
			var got string
			s, err := esclscan.New(tt.url, esclscan.Options{Quirks: tt.quirks, HTTPClient: &http.Client{
				Transport: transport(func(r *http.Request) (*http.Response, error) {
					if got = r.Host; got == "" {
						got = r.URL.Host
					}
					return nil, errors.New("enough seen")
				}),
			}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Probe(t.Context()); err == nil || got != tt.want {
				t.Errorf("%s: Host = %q (%v); want %q", tt.name, got, err, tt.want)
			}
		}
	})
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestLostAnswerToTheJobRequest cuts the connection after the device has made
// the job: the driver cannot know its path from the answer and must not leave
// it behind.
func TestLostAnswerToTheJobRequest(t *testing.T) {
	r := open(t, nil, esclscan.Quirks{})
	r.Load(1, 2)
	var cuts atomic.Int32
	s, err := esclscan.New(r.srv.URL(), esclscan.Options{Wait: r.clk.wait, HTTPClient: &http.Client{
		Transport: transport(func(req *http.Request) (*http.Response, error) {
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err == nil && req.Method == http.MethodPost {
				resp.Body.Close()
				cuts.Add(1)
				return nil, errors.New("connection reset")
			}
			return resp, err
		}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Scan(t.Context(), devices.Settings{}); !errors.Is(err, devices.ErrUnreachable) {
		t.Fatalf("Scan = %v; want ErrUnreachable", err)
	}
	if st := r.State(); cuts.Load() != 1 || st.Created != 1 || st.Deleted != 1 || st.Active != 0 {
		t.Fatalf("%d answers cut, state %+v; want the one job deleted", cuts.Load(), st)
	}
}

// TestDeviceWithoutStatus serves everything but the status.
func TestDeviceWithoutStatus(t *testing.T) {
	m := mfp.New(mfp.Options{Pages: drawn})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/ScannerStatus") {
			http.NotFound(w, r)
			return
		}
		m.Handler().ServeHTTP(w, r)
	}))
	defer srv.Close()
	clk := &clock{}
	s, err := esclscan.New(srv.URL+"/eSCL", esclscan.Options{Wait: clk.wait})
	if err != nil {
		t.Fatal(err)
	}
	m.Load(1, 2)
	r := rig{MFP: m, s: s, clk: clk}
	if got, err := r.scanAll(t, devices.Settings{}); err != nil || !slices.Equal(got, []string{"1", "2"}) {
		t.Fatalf("pages %q, %v; want both", got, err)
	}
	if _, err := r.scanAll(t, devices.Settings{Source: devices.Feeder}); !errors.Is(err, devices.ErrFeederEmpty) {
		t.Fatalf("empty feeder = %v; want ErrFeederEmpty", err)
	}
}

// TestCapabilitiesAreAskedOnce and again after the device refused settings
// made from them.
func TestCapabilitiesAreAskedOnce(t *testing.T) {
	r := open(t, nil, esclscan.Quirks{})
	for range 3 {
		r.Load(1, 1)
		if _, err := r.scanAll(t, devices.Settings{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.State().Requests[string(escl.OpCapabilities)]; n != 1 {
		t.Fatalf("capabilities were asked %d times; want once", n)
	}
	r.Load(1, 1)
	r.faults(t, mfp.Faults{PostStatus: 409})
	if _, err := r.scanAll(t, devices.Settings{}); !errors.Is(err, devices.ErrUnsupported) {
		t.Fatalf("Scan = %v; want ErrUnsupported", err)
	}
	r.faults(t, mfp.Faults{})
	if _, err := r.scanAll(t, devices.Settings{}); err != nil {
		t.Fatal(err)
	}
	if n := r.State().Requests[string(escl.OpCapabilities)]; n != 2 {
		t.Fatalf("capabilities were asked %d times; want twice", n)
	}
}
