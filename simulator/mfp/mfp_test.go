package mfp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	_ "image/jpeg"
	"io"
	"net/http"
	"reflect"
	"testing"

	"github.com/platen-fax/platen/protocols/escl"
	"github.com/platen-fax/platen/protocols/pagefile"
	"github.com/platen-fax/platen/simulator/mfp"
	"github.com/platen-fax/platen/simulator/paper"
)

// printed keeps the pages of all tests of a run.
var printed = mfp.Paper(nil)

// rig is a machine on loopback and a client that knows nothing.
type rig struct {
	*mfp.MFP
	srv *mfp.Server
	c   *escl.Client
}

func open(t *testing.T, o mfp.Options) rig {
	t.Helper()
	if o.Pages == nil {
		o.Pages = printed
	}
	m := mfp.New(o)
	srv, err := m.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	c, err := escl.NewClient(http.DefaultClient, srv.URL(), "")
	if err != nil {
		t.Fatal(err)
	}
	return rig{m, srv, c}
}

func feeder() *escl.ScanSettings {
	return &escl.ScanSettings{
		InputSource: escl.SourceFeeder, ColorMode: escl.Grayscale8, Format: "image/jpeg", XResolution: 100, YResolution: 100,
	}
}

func (r rig) start(t *testing.T, s *escl.ScanSettings) string {
	t.Helper()
	job, err := r.c.CreateJob(t.Context(), s)
	if err != nil {
		t.Fatalf("CreateJob = %v", err)
	}
	return job
}

// next fetches a page whole; code is the HTTP status.
func (r rig) next(t *testing.T, job string) (data []byte, contentType string, code int, err error) {
	t.Helper()
	body, ct, err := r.c.NextDocument(t.Context(), job)
	var status *escl.StatusError
	if errors.As(err, &status) {
		return nil, "", status.Code, nil
	}
	if err != nil {
		return nil, "", 0, err
	}
	defer body.Close()
	data, err = io.ReadAll(body)
	return data, ct, 200, err
}

func mark(t *testing.T, data []byte, dpi int) paper.Mark {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("page of %d bytes: %v", len(data), err)
	}
	got, err := paper.ReadMark(img, dpi, dpi)
	if err != nil {
		t.Fatalf("reading the mark: %v", err)
	}
	return got
}

func (r rig) wantPage(t *testing.T, job string, want paper.Mark) {
	t.Helper()
	data, ct, code, err := r.next(t, job)
	if err != nil || code != 200 || ct != "image/jpeg" {
		t.Fatalf("NextDocument = %d bytes of %q, %d, %v; want a JPEG", len(data), ct, code, err)
	}
	want.Whole = true
	if got := mark(t, data, 100); got != want {
		t.Fatalf("page = %+v; want %+v", got, want)
	}
}

func (r rig) wantCode(t *testing.T, job string, want int) {
	t.Helper()
	if data, _, code, err := r.next(t, job); err != nil || code != want {
		t.Fatalf("NextDocument = %d bytes, %d, %v; want status %d", len(data), code, err, want)
	}
}

func (r rig) job(t *testing.T, job string) escl.JobInfo {
	t.Helper()
	s, err := r.c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	info, ok := s.Job(job)
	if !ok {
		t.Fatalf("job %s is not in %+v", job, s)
	}
	return info
}

func TestFeederBatch(t *testing.T) {
	r := open(t, mfp.Options{ID: "a"})
	r.Load(7, 3)
	if s := r.State(); s.Loaded != 3 || s.AdfState != escl.AdfLoaded {
		t.Fatalf("State = %+v; want 3 sheets loaded", s)
	}
	job := r.start(t, feeder())
	for n := 1; n <= 3; n++ {
		r.wantPage(t, job, paper.Mark{Batch: 7, Page: n})
	}
	r.wantCode(t, job, 404)
	if j := r.job(t, job); j.State != escl.JobCompleted || j.ImagesCompleted != 3 {
		t.Fatalf("job = %+v; want 3 images, completed", j)
	}
	if err := r.c.Delete(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if s := r.State(); s.Loaded != 0 || s.Scanned != 3 || s.Created != 1 || s.Done != 1 || s.Deleted != 1 || s.Active != 0 || s.AdfState != escl.AdfEmpty {
		t.Fatalf("State = %+v; want 3 scanned and one job done and deleted", s)
	}
}

func TestDuplexAndPlaten(t *testing.T) {
	r := open(t, mfp.Options{})
	r.LoadStack(mfp.Stack{Batch: 1, Pages: 2, TwoSided: true})
	s := feeder()
	s.Duplex = true
	job := r.start(t, s)
	for n := 1; n <= 2; n++ {
		r.wantPage(t, job, paper.Mark{Batch: 1, Page: n})
		r.wantPage(t, job, paper.Mark{Batch: 1, Page: n, Side: 1})
	}
	r.wantCode(t, job, 404)

	r.LoadPlaten(mfp.Stack{Batch: 2})
	s = feeder()
	s.InputSource = escl.SourcePlaten
	job = r.start(t, s)
	r.wantPage(t, job, paper.Mark{Batch: 2, Page: 1})
	r.wantCode(t, job, 404)
}

func TestRefill(t *testing.T) {
	r := open(t, mfp.Options{Refill: &mfp.Stack{Batch: 10, Pages: 1}})
	for batch := uint32(10); batch < 13; batch++ {
		job := r.start(t, feeder())
		r.wantPage(t, job, paper.Mark{Batch: batch, Page: 1})
		r.wantCode(t, job, 404)
	}
}

func TestRefusals(t *testing.T) {
	tiff, odd, dpi, noSource := feeder(), feeder(), feeder(), feeder()
	tiff.Format = "image/tiff"
	odd.YResolution = 200
	dpi.XResolution, dpi.YResolution = 1, 1
	noSource.InputSource = "Camera"
	duplex := feeder()
	duplex.Duplex = true
	intent := feeder()
	intent.Intent = "Document"
	simplex, _ := mfp.Profile("simplex", "")
	for _, tt := range []struct {
		name     string
		caps     *escl.Capabilities
		faults   mfp.Faults
		settings *escl.ScanSettings
		want     int
	}{
		{"format", nil, mfp.Faults{}, tiff, 409},
		{"resolution not square", nil, mfp.Faults{}, odd, 409},
		{"resolution not offered", nil, mfp.Faults{}, dpi, 409},
		{"no such source", nil, mfp.Faults{}, noSource, 409},
		{"duplex on simplex", simplex, mfp.Faults{}, duplex, 500},
		{"optional element", nil, mfp.Faults{Strict: true}, intent, 409},
		{"busy", nil, mfp.Faults{Busy: 1}, feeder(), 503},
		{"warming up", nil, mfp.Faults{State: escl.StateTesting}, feeder(), 503},
		{"access", nil, mfp.Faults{PostStatus: 401}, feeder(), 401},
		{"host", nil, mfp.Faults{LocalhostOnly: true}, feeder(), 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := open(t, mfp.Options{Caps: tt.caps})
			if err := r.SetFaults(tt.faults); err != nil {
				t.Fatal(err)
			}
			_, err := r.c.CreateJob(t.Context(), tt.settings)
			var status *escl.StatusError
			if !errors.As(err, &status) || status.Code != tt.want {
				t.Fatalf("CreateJob = %v; want status %d", err, tt.want)
			}
			if s := r.State(); s.Created != 0 {
				t.Fatalf("a refused job was created: %+v", s)
			}
		})
	}
}

func TestBusyWhileAJobRuns(t *testing.T) {
	r := open(t, mfp.Options{})
	r.Load(1, 2)
	r.start(t, feeder())
	var status *escl.StatusError
	if _, err := r.c.CreateJob(t.Context(), feeder()); !errors.As(err, &status) || status.Code != 503 {
		t.Fatalf("second CreateJob = %v; want 503", err)
	}
	if err := r.SetFaults(mfp.Faults{ParallelJobs: true}); err != nil {
		t.Fatal(err)
	}
	r.start(t, feeder())
}

func TestLocations(t *testing.T) {
	for _, location := range []string{
		mfp.LocationPath, mfp.LocationAbsolute, mfp.LocationWrongHost, mfp.LocationCutIPv6, mfp.LocationColons, mfp.LocationSlash,
	} {
		t.Run(location, func(t *testing.T) {
			r := open(t, mfp.Options{})
			r.Load(1, 1)
			if err := r.SetFaults(mfp.Faults{Location: location}); err != nil {
				t.Fatal(err)
			}
			job := r.start(t, feeder())
			r.wantPage(t, job, paper.Mark{Batch: 1, Page: 1})
			r.job(t, job)
		})
	}
}

// TestPageFaults plays each fault of a page against 3 loaded sheets and lists
// what each call of NextDocument gives: a page number, a status, or a word.
func TestPageFaults(t *testing.T) {
	const (
		cut, broken, empty, junk = -1, -2, -3, -4
	)
	for _, tt := range []struct {
		name   string
		faults mfp.Faults
		want   []int
		state  string // of the job in the end
	}{
		{"none", mfp.Faults{}, []int{1, 2, 3, 404}, escl.JobCompleted},
		{"with length", mfp.Faults{SendLength: true}, []int{1, 2, 3, 404}, escl.JobCompleted},
		{"not ready", mfp.Faults{NotReady: 2}, []int{503, 503, 1, 503, 503, 2, 503, 503, 3, 404}, escl.JobCompleted},
		{"early 404", mfp.Faults{Early404: 2}, []int{1, 404, 404, 2, 3, 404}, escl.JobCompleted},
		{"early 410", mfp.Faults{Early410: 1}, []int{1, 410, 2, 3, 404}, escl.JobCompleted},
		{"409 at the end", mfp.Faults{EndStatus: 409}, []int{1, 2, 3, 409, 404}, escl.JobCompleted},
		{"empty", mfp.Faults{EmptyPage: 2}, []int{1, empty, 3, 404}, escl.JobCompleted},
		{"cut", mfp.Faults{CutPage: 2}, []int{1, cut, 3, 404}, escl.JobCompleted},
		{"cut with length", mfp.Faults{CutPage: 2, SendLength: true}, []int{1, broken, 3, 404}, escl.JobCompleted},
		{"drop", mfp.Faults{DropPage: 2}, []int{1, broken, 3, 404}, escl.JobCompleted},
		{"abort", mfp.Faults{AbortPage: 2}, []int{1, broken, 3, 404}, escl.JobCompleted},
		{"junk", mfp.Faults{JunkPage: 1}, []int{junk, 2, 3, 404}, escl.JobCompleted},
		{"jam", mfp.Faults{Stop: &mfp.Stop{After: 1, Why: mfp.WhyJam}}, []int{1, 409, 404}, escl.JobAborted},
		{"jam told by 404", mfp.Faults{Stop: &mfp.Stop{After: 1, Why: mfp.WhyJam, Answer: mfp.AnswerNotFound}}, []int{1, 404}, escl.JobAborted},
		{"jam told by 410", mfp.Faults{Stop: &mfp.Stop{After: 2, Why: mfp.WhyJam, Answer: mfp.AnswerGone}}, []int{1, 2, 410, 404}, escl.JobAborted},
		{"jam told by nothing", mfp.Faults{Stop: &mfp.Stop{After: 1, Why: mfp.WhyJam, Answer: mfp.AnswerEmpty}}, []int{1, empty, 404}, escl.JobAborted},
		{"jam told by a cut", mfp.Faults{Stop: &mfp.Stop{After: 1, Why: mfp.WhyJam, Answer: mfp.AnswerCut}}, []int{1, cut, 404}, escl.JobAborted},
		{"cancelled", mfp.Faults{Stop: &mfp.Stop{After: 1, Why: mfp.WhyCancelled}}, []int{1, 409, 404}, escl.JobCanceled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := open(t, mfp.Options{})
			r.Load(1, 3)
			if err := r.SetFaults(tt.faults); err != nil {
				t.Fatal(err)
			}
			job := r.start(t, feeder())
			var got []int
			for range tt.want {
				data, _, code, err := r.next(t, job)
				switch {
				case err != nil:
					code = broken
				case code != 200:
				case len(data) == 0:
					code = empty
				case pagefile.Sniff(data) != pagefile.JPEG:
					code = junk
				default:
					c := pagefile.New(0)
					_, _ = c.Write(data) // Finish tells
					code = cut
					if _, err := c.Finish(); err == nil {
						code = mark(t, data, 100).Page
					}
				}
				got = append(got, code)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Fatalf("NextDocument gave %v; want %v", got, tt.want)
			}
			if j := r.job(t, job); j.State != tt.state {
				t.Fatalf("job ended %s; want %s", j.State, tt.state)
			}
		})
	}
}

func TestStopsAndThePersonWhoClearsThem(t *testing.T) {
	for why, adf := range map[string]string{
		mfp.WhyJam: escl.AdfJam, mfp.WhyDoor: escl.AdfDoorOpen, mfp.WhyHatch: escl.AdfHatchOpen,
		mfp.WhyMultipick: escl.AdfMultipick, mfp.WhyMispick: escl.AdfMispick, mfp.WhyTooLong: escl.AdfPageTooLong,
	} {
		t.Run(why, func(t *testing.T) {
			r := open(t, mfp.Options{})
			r.Load(1, 2)
			if err := r.SetFaults(mfp.Faults{Stop: &mfp.Stop{After: 1, Why: why}}); err != nil {
				t.Fatal(err)
			}
			job := r.start(t, feeder())
			r.wantPage(t, job, paper.Mark{Batch: 1, Page: 1})
			r.wantCode(t, job, 409)
			if s, err := r.c.Status(t.Context()); err != nil || s.AdfState != adf {
				t.Fatalf("Status = %+v, %v; want %s", s, err, adf)
			}
			// Nothing feeds until somebody looks after it.
			r.wantCode(t, r.start(t, feeder()), 409)
			r.ClearJam()
			job = r.start(t, feeder())
			r.wantPage(t, job, paper.Mark{Batch: 1, Page: 2})
			r.wantCode(t, job, 404)
		})
	}
}

func TestEmptyFeeder(t *testing.T) {
	r := open(t, mfp.Options{})
	job := r.start(t, feeder())
	r.wantCode(t, job, 404)
	if j := r.job(t, job); j.State != escl.JobAborted {
		t.Fatalf("job = %+v; want aborted", j)
	}
}

func TestContentFaults(t *testing.T) {
	asPDF := feeder()
	asPDF.Format = "application/pdf"
	for _, tt := range []struct {
		name     string
		faults   mfp.Faults
		settings *escl.ScanSettings
		ct       string
		kind     pagefile.Kind
		comps    int
		pages    int // "/Type /Page " objects
		calls    int // documents before the end
	}{
		{"gray", mfp.Faults{}, feeder(), "image/jpeg", pagefile.JPEG, 1, 0, 2},
		{"colour for gray", mfp.Faults{Color: true}, feeder(), "image/jpeg", pagefile.JPEG, 3, 0, 2},
		{"wrong type", mfp.Faults{ContentType: "application/pdf"}, feeder(), "application/pdf", pagefile.JPEG, 1, 0, 2},
		{"pdf asked for", mfp.Faults{}, asPDF, "application/pdf", pagefile.PDF, 0, 1, 2},
		{"pdf for jpeg", mfp.Faults{PDF: true}, feeder(), "application/pdf", pagefile.PDF, 0, 1, 2},
		{"pdf stack", mfp.Faults{PDFStack: true}, asPDF, "application/pdf", pagefile.PDF, 0, 2, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := open(t, mfp.Options{})
			r.Load(1, 2)
			if err := r.SetFaults(tt.faults); err != nil {
				t.Fatal(err)
			}
			job := r.start(t, tt.settings)
			for n := range tt.calls {
				data, ct, code, err := r.next(t, job)
				if err != nil || code != 200 || ct != tt.ct {
					t.Fatalf("document %d = %q, %d, %v; want %q", n+1, ct, code, err, tt.ct)
				}
				c := pagefile.New(0)
				_, _ = c.Write(data) // Finish tells
				info, err := c.Finish()
				if err != nil || info.Kind != tt.kind || info.Components != tt.comps || bytes.Count(data, []byte("/Type /Page ")) != tt.pages {
					t.Fatalf("document %d = %+v, %v with %d pages; want %v with %d components, %d pages", n+1, info, err,
						bytes.Count(data, []byte("/Type /Page ")), tt.kind, tt.comps, tt.pages)
				}
			}
			r.wantCode(t, job, 404)
		})
	}
}

func TestCancelledAtTheDeviceWhileDownloading(t *testing.T) {
	r := open(t, mfp.Options{})
	r.Load(1, 2)
	job := r.start(t, feeder())
	reached, release := r.HoldBody(1)
	defer release()
	body, _, err := r.c.NextDocument(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	<-reached
	r.CancelAtDevice()
	data, err := io.ReadAll(body)
	if err != nil || len(data) == 0 {
		t.Fatalf("the rest = %d bytes, %v; want half a page and a clean end", len(data), err)
	}
	if j := r.job(t, job); j.State != escl.JobCanceled || !reflect.DeepEqual(j.Reasons, []string{escl.ReasonCanceledAtDevice}) {
		t.Fatalf("job = %+v; want cancelled at the device", j)
	}
}

func TestHoldPage(t *testing.T) {
	r := open(t, mfp.Options{})
	r.Load(1, 1)
	reached, release := r.HoldPage(1)
	job := r.start(t, feeder())
	answered := make(chan error, 1)
	go func() {
		body, _, err := r.c.NextDocument(t.Context(), job)
		if err == nil {
			body.Close()
		}
		answered <- err
	}()
	<-reached
	select {
	case err := <-answered:
		t.Fatalf("NextDocument came back while held: %v", err)
	default:
	}
	release()
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
}

func TestLies(t *testing.T) {
	r := open(t, mfp.Options{})
	if err := r.SetFaults(mfp.Faults{AdfState: escl.AdfLoaded, State: escl.StateStopped}); err != nil {
		t.Fatal(err)
	}
	if s, err := r.c.Status(t.Context()); err != nil || s.AdfState != escl.AdfLoaded || s.State != escl.StateStopped {
		t.Fatalf("Status = %+v, %v; want the lies", s, err)
	}
	if got := r.State().AdfState; got != escl.AdfEmpty {
		t.Fatalf("State().AdfState = %q; want the truth", got)
	}
}

func TestDownAndUp(t *testing.T) {
	r := open(t, mfp.Options{})
	url := r.srv.URL()
	for range 3 {
		if err := r.SetFaults(mfp.Faults{Down: true}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.c.Status(t.Context()); err == nil {
			t.Fatal("a machine that is down answered")
		}
		if err := r.SetFaults(mfp.Faults{}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.c.Status(t.Context()); err != nil || r.srv.URL() != url {
			t.Fatalf("Status after coming up at %s = %v; want the old address %s", r.srv.URL(), err, url)
		}
	}
}

func TestJobListIsShort(t *testing.T) {
	r := open(t, mfp.Options{})
	if err := r.SetFaults(mfp.Faults{ParallelJobs: true}); err != nil {
		t.Fatal(err)
	}
	var last string
	for range 12 {
		last = r.start(t, feeder())
	}
	s, err := r.c.Status(t.Context())
	if err != nil || len(s.Jobs) != 10 || s.Jobs[0].JobURI != last {
		t.Fatalf("Status lists %d jobs, %v, newest %+v; want 10, newest %s", len(s.Jobs), err, s.Jobs[0], last)
	}
}

func TestProfiles(t *testing.T) {
	for _, name := range mfp.Profiles() {
		c, err := mfp.Profile(name, "x")
		if err != nil {
			t.Fatal(err)
		}
		got, err := escl.DecodeCapabilities(bytes.NewReader(c.Encode()))
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%s does not survive the wire: %v", name, err)
		}
		if c.Input(escl.SourcePlaten, false) == nil && !c.HasFeeder() {
			t.Errorf("%s has no source", name)
		}
	}
	if _, err := mfp.Profile("nothing", ""); err == nil {
		t.Error("an unknown profile was made")
	}
}

func TestFaultsAreData(t *testing.T) {
	want := mfp.Faults{Busy: -1, CutPage: 2, Location: mfp.LocationColons, Stop: &mfp.Stop{After: 1, Why: mfp.WhyJam}}
	doc, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got mfp.Faults
	if err := json.Unmarshal(doc, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%s reads as %+v, %v; want %+v", doc, got, err, want)
	}
	m := mfp.New(mfp.Options{})
	for _, bad := range []mfp.Faults{{Location: "mars"}, {Stop: &mfp.Stop{Why: "mood"}}, {Stop: &mfp.Stop{Why: mfp.WhyJam, Answer: "shout"}}} {
		if err := m.SetFaults(bad); err == nil {
			t.Errorf("SetFaults(%+v) succeeded", bad)
		}
	}
}
