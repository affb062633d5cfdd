package panel_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/platen-fax/platen/agent/capture"
	"github.com/platen-fax/platen/agent/flow"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/panel"
	"github.com/platen-fax/platen/agent/seal"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/agent/spool/bolt"
	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/devices/devicetest"
)

// bound tells a hang from a slow machine.
const bound = 30 * time.Second

// rig is a real spool, desk and panel over two devices in memory.
type rig struct {
	t        *testing.T
	front    *devicetest.Fake // front-desk
	back     *devicetest.Fake // mail-room
	spool    *testSpool
	desk     *capture.Desk
	sessions *signin.Memory
	panel    *panel.Panel
	srv      *httptest.Server
	clock    *clock
	held     atomic.Pointer[string] // a page that was the answer to a tap, at /held
}

// clock is the system's, set forward at will.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

// testSpool is the embedded spool with knobs for what a disk can do wrong.
type testSpool struct {
	spool.Spool
	mu       sync.Mutex
	full     bool
	unsure   int // Accept answers ErrUnavailable this many times, having stored
	accepted int // calls of Accept
	terms    spool.Terms
}

func (s *testSpool) Usage(ctx context.Context) (spool.Usage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full {
		return spool.Usage{Used: 100 << 20, Quota: 100 << 20, Free: 1 << 40}, nil
	}
	return s.Spool.Usage(ctx)
}

func (s *testSpool) Accept(ctx context.Context, id job.ID, t spool.Terms) (*job.Job, error) {
	j, err := s.Spool.Accept(ctx, id, t)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted++
	s.terms = t
	if s.unsure > 0 {
		s.unsure--
		return nil, spool.ErrUnavailable
	}
	return j, err
}

func (s *testSpool) set(fn func(*testSpool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn(s)
}

func (s *testSpool) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// newRig starts everything with n sheets in the front desk's feeder.
func newRig(t *testing.T, n int, change ...func(*panel.Options)) *rig {
	t.Helper()
	r := &rig{
		t: t, clock: new(clock),
		front: devicetest.NewFake("front-desk", n), back: devicetest.NewFake("mail-room", n),
	}
	dir := t.TempDir()
	root, err := seal.Open(seal.Options{StateDir: dir, Now: r.clock.now}, false)
	if err != nil {
		t.Fatalf("seal.Open = %v", err)
	}
	t.Cleanup(root.Close)
	keys, err := root.Child("spool")
	if err != nil {
		t.Fatalf("Child = %v", err)
	}
	s, err := bolt.Open(dir, keys, bolt.Options{Clock: r.clock.now})
	if err != nil {
		t.Fatalf("bolt.Open = %v", err)
	}
	r.spool = &testSpool{Spool: s}
	r.sessions = signin.NewMemory(r.clock.now)
	r.desk = capture.New(r.spool, map[string]devices.Scanner{"front-desk": r.front, "mail-room": r.back}, capture.Options{})
	bus := flow.NewBus()
	opt := panel.Options{
		Devices: []panel.Device{
			{ID: "front-desk", Name: "Front desk", Route: []string{"main"}},
			{ID: "mail-room", Name: "Mail room", Route: []string{"main"}},
		},
		Spool: r.spool, Desk: r.desk, Sessions: r.sessions, Bus: bus,
		Site: "Main office", Lang: "en", Country: "CA", Clock: r.clock.now, Zone: time.UTC,
	}
	for _, fn := range change {
		fn(&opt)
	}
	if r.panel, err = panel.New(opt); err != nil {
		t.Fatalf("panel.New = %v", err)
	}
	r.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/held" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, *r.held.Load())
			return
		}
		r.panel.ServeHTTP(w, req)
	}))
	ctx, cancel := context.WithCancel(context.Background())
	var loops sync.WaitGroup
	ready := make(chan struct{})
	loops.Go(func() { // bus.Run begins at the present
		close(ready)
		_ = bus.Run(ctx, r.spool) // ends with ctx
	})
	<-ready
	t.Cleanup(func() {
		r.panel.Close()
		r.srv.Close()
		stop, done := context.WithTimeout(context.Background(), bound)
		r.desk.Close(stop)
		done()
		cancel()
		loops.Wait()
		if err := s.Close(); err != nil {
			t.Errorf("closing the spool = %v", err)
		}
	})
	return r
}

// until polls a condition that must come true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(bound); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", bound, what)
		}
	}
}

// convert settles everything scanned so far, with a drawn picture of each page:
// how a page really becomes a fax page is tested where it is made.
func (r *rig) convert() {
	r.t.Helper()
	ctx := r.t.Context()
	put := func(id job.ID, name string, b []byte) {
		if _, err := r.spool.PutPart(ctx, id, name, &once{b: b}); err != nil {
			r.t.Fatalf("PutPart(%s) = %v", name, err)
		}
	}
	for {
		claims, _, err := r.spool.Claim(ctx, job.LaneConvert, 4, time.Minute)
		if err != nil {
			r.t.Fatalf("Claim = %v", err)
		}
		if len(claims) == 0 {
			return
		}
		for _, c := range claims {
			var done []spool.Converted
			for i, pg := range c.Job.Pages {
				if pg.Converted {
					continue
				}
				n := strings.TrimPrefix(pg.Part, "page/")
				pg.Fax, pg.Preview, pg.Converted = "fax/"+n, "preview/"+n, true
				put(c.Ref.Job, pg.Fax, []byte("fax page"))
				put(c.Ref.Job, pg.Preview, picture(i))
				done = append(done, spool.Converted{Part: pg.Part, Page: pg})
			}
			if err := r.spool.Commit(ctx, c, done); err != nil {
				r.t.Fatalf("Commit = %v", err)
			}
		}
	}
}

var pictures sync.Map // page number → JPEG bytes; drawn once, never changed

// picture draws a small page of grey lines, as a letter looks from afar.
func picture(n int) []byte {
	if b, ok := pictures.Load(n % 8); ok {
		return b.([]byte)
	}
	img := image.NewGray(image.Rect(0, 0, 247, 320))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	for y, line := 24, 0; y < 290; y, line = y+9, line+1 {
		right := 222 - (line*(n+3)*17)%90
		if (line+n)%7 != 3 {
			draw.Draw(img, image.Rect(25, y, right, y+4), image.NewUniform(color.Gray{Y: 110}), image.Point{}, draw.Src)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
	pictures.Store(n%8, b.Bytes())
	return b.Bytes()
}

// jobs returns every job of the device, newest first.
func (r *rig) jobs(device string) []*job.Job {
	r.t.Helper()
	jobs, _, err := r.spool.List(r.t.Context(), spool.Filter{Device: device, Newest: true}, "", 200)
	if err != nil {
		r.t.Fatalf("List = %v", err)
	}
	return jobs
}

// get returns a job.
func (r *rig) get(id job.ID) *job.Job {
	r.t.Helper()
	j, err := r.spool.Get(r.t.Context(), id)
	if err != nil {
		r.t.Fatalf("Get(%s) = %v", id, err)
	}
	return j
}

// put stores an accepted job of a device with one page, as another person's.
func (r *rig) put(device string, id job.ID, numbers ...string) *job.Job {
	r.t.Helper()
	ctx := r.t.Context()
	if _, err := r.spool.Draft(ctx, &job.Job{ID: id, Device: device, Shared: true, Created: r.clock.now()}); err != nil {
		r.t.Fatalf("Draft = %v", err)
	}
	if _, err := r.spool.AddPage(ctx, id, job.Page{MIME: "image/jpeg", DPI: devicetest.SampleDPI}, sample(1)); err != nil {
		r.t.Fatalf("AddPage = %v", err)
	}
	var to []job.Recipient
	for _, n := range numbers {
		to = append(to, job.Recipient{Number: n})
	}
	j, err := r.spool.Accept(ctx, id, spool.Terms{
		Recipients: to, Route: []string{"main"}, Grants: []job.Grant{{Kind: job.GrantAccount, Service: "main", Account: "main"}},
	})
	if err != nil {
		r.t.Fatalf("Accept = %v", err)
	}
	return j
}

// steps moves the first delivery of a ready job.
func (r *rig) steps(id job.ID, recipient int, steps ...job.Step) {
	r.t.Helper()
	ctx := r.t.Context()
	for _, st := range steps {
		d := r.get(id).Delivery(recipient)
		lane, _, ok := d.Lane()
		if !ok {
			r.t.Fatalf("delivery that is %s has no lane", d.State)
		}
		claims, _, err := r.spool.Claim(ctx, lane, 100, time.Minute)
		if err != nil {
			r.t.Fatalf("Claim(%s) = %v", lane, err)
		}
		done := false
		for _, c := range claims {
			if c.Ref == (spool.Ref{Job: id, Recipient: recipient}) {
				st.At = r.clock.now()
				if st.To == job.Submitting {
					err = r.spool.BeginSubmit(ctx, c, st.Document, time.Second)
				} else {
					err = r.spool.Advance(ctx, c, st)
				}
				if err != nil {
					r.t.Fatalf("step to %s = %v", st.To, err)
				}
				done = true
			}
			if err := r.spool.Release(ctx, c, r.clock.now()); err != nil && !errors.Is(err, spool.ErrFenced) {
				r.t.Fatalf("Release = %v", err)
			}
		}
		if !done {
			r.t.Fatalf("delivery %s/%d is not in lane %s", id, recipient, lane)
		}
	}
}

// The ways of a delivery.
var (
	toUploading = job.Step{To: job.Uploading, Cause: job.CauseStart}
	toIntent    = job.Step{To: job.Submitting, Cause: job.CauseIntent, Document: "00"}
	toSubmitted = job.Step{To: job.Submitted, Cause: job.CauseAccepted, FaxID: "f1"}
	toSent      = job.Step{To: job.Sent, Cause: job.CauseOutcome, Pages: 1}
	toFailed    = job.Step{To: job.DeliveryFailed, Cause: job.CauseOutcome, Reason: job.ReasonBadNumber}
	toDoubt     = job.Step{To: job.InDoubt, Cause: job.CauseAmbiguous}
	toDecision  = job.Step{To: job.NeedsDecision, Cause: job.CauseNoSearch}
)

func sample(n int) io.Reader {
	return &once{b: devicetest.SamplePage(n)}
}

// once reads bytes that belong to somebody else.
type once struct{ b []byte }

func (o *once) Read(p []byte) (int, error) {
	if len(o.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, o.b)
	o.b = o.b[n:]
	return n, nil
}

// contextOf is the test's context with a cancel of its own.
func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

// isForm finds the form that posts to an address of the device.
func isForm(action string) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.Data == "form" && strings.HasSuffix(attr(n, "action"), "/"+action) }
}

func asTimeout(err error, to *interface{ Timeout() bool }) bool {
	return errors.As(err, to) && (*to).Timeout()
}
