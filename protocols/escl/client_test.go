package escl_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/protocols/escl"
)

// machine is a scanner with one job.
type machine struct {
	settings  *escl.ScanSettings
	pages     []string
	cancelled string
}

func (m *machine) Capabilities(context.Context) (*escl.Capabilities, error) {
	return &escl.Capabilities{MakeAndModel: "Test & Sons", Platen: &escl.InputCaps{MaxWidth: 2550}}, nil
}

func (m *machine) Status(context.Context) (*escl.Status, error) {
	return &escl.Status{State: escl.StateIdle}, nil
}

func (m *machine) CreateJob(_ context.Context, s *escl.ScanSettings) (string, error) {
	if s.Format == "image/tiff" {
		return "", &escl.StatusError{Op: escl.OpCreateJob, Code: http.StatusConflict}
	}
	m.settings = s
	return "urn:uuid:7", nil
}

func (m *machine) NextDocument(_ context.Context, id string) (*escl.Document, error) {
	if id != "urn:uuid:7" {
		return nil, errors.New("no such job")
	}
	if len(m.pages) == 0 {
		return nil, &escl.StatusError{Op: escl.OpNextDocument, Code: http.StatusNotFound}
	}
	p := m.pages[0]
	m.pages = m.pages[1:]
	return &escl.Document{ContentType: "image/jpeg", Body: io.NopCloser(strings.NewReader(p))}, nil
}

func (m *machine) Cancel(_ context.Context, id string) error { m.cancelled = id; return nil }

func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

func client(t *testing.T, base, host string) *escl.Client {
	t.Helper()
	c, err := escl.NewClient(http.DefaultClient, base, host)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClientAndHandler(t *testing.T) {
	m := &machine{pages: []string{"one", "two"}}
	srv := serve(t, escl.NewHandler("eSCL", m, escl.Hooks{}))
	c := client(t, srv.URL+"/eSCL/", "")
	ctx := t.Context()

	if caps, err := c.Capabilities(ctx); err != nil || caps.MakeAndModel != "Test & Sons" || caps.Platen.MaxWidth != 2550 {
		t.Fatalf("Capabilities = %+v, %v", caps, err)
	}
	if s, err := c.Status(ctx); err != nil || s.State != escl.StateIdle {
		t.Fatalf("Status = %+v, %v", s, err)
	}
	want := &escl.ScanSettings{Version: "2.0", InputSource: escl.SourceFeeder, ColorMode: escl.Grayscale8, XResolution: 200, YResolution: 200}
	job, err := c.CreateJob(ctx, want)
	if err != nil || job != "/eSCL/ScanJobs/urn:uuid:7" {
		t.Fatalf("CreateJob = %q, %v", job, err)
	}
	if d := cmp.Diff(want, m.settings); d != "" {
		t.Fatalf("the machine got (-want +got):\n%s", d)
	}
	for _, page := range []string{"one", "two"} {
		body, ct, err := c.NextDocument(ctx, job)
		if err != nil {
			t.Fatalf("NextDocument = %v", err)
		}
		got, err := io.ReadAll(body)
		body.Close()
		if err != nil || string(got) != page || ct != "image/jpeg" {
			t.Fatalf("NextDocument = %q %q, %v; want %q", got, ct, err, page)
		}
	}
	_, _, err = c.NextDocument(ctx, job)
	wantStatus(t, err, escl.OpNextDocument, http.StatusNotFound)
	_, _, err = c.NextDocument(ctx, "/eSCL/ScanJobs/8")
	wantStatus(t, err, escl.OpNextDocument, http.StatusInternalServerError)
	if err := c.Delete(ctx, job); err != nil || m.cancelled != "urn:uuid:7" {
		t.Fatalf("Delete = %v, machine heard %q", err, m.cancelled)
	}
	_, err = c.CreateJob(ctx, &escl.ScanSettings{Format: "image/tiff"})
	wantStatus(t, err, escl.OpCreateJob, http.StatusConflict)
}

func wantStatus(t *testing.T, err error, op escl.Op, code int) {
	t.Helper()
	var status *escl.StatusError
	if !errors.As(err, &status) || status.Op != op || status.Code != code {
		t.Fatalf("error = %v; want %s with status %d", err, op, code)
	}
}

func TestLocationIsOnlyAPath(t *testing.T) {
	for _, location := range []string{
		"http://nobody.invalid/eSCL/ScanJobs/urn:uuid:7", "http://[fe80/eSCL/ScanJobs/urn:uuid:7", "/eSCL/ScanJobs/urn:uuid:7/", "ScanJobs/urn:uuid:7",
	} {
		srv := serve(t, escl.NewHandler("/eSCL", &machine{pages: []string{"one"}}, escl.Hooks{
			Location: func(*http.Request, string) string { return location },
		}))
		c := client(t, srv.URL+"/eSCL", "")
		job, err := c.CreateJob(t.Context(), &escl.ScanSettings{})
		if err != nil {
			t.Fatalf("%s: CreateJob = %v", location, err)
		}
		body, _, err := c.NextDocument(t.Context(), job)
		if err != nil {
			t.Fatalf("%s: NextDocument = %v", location, err)
		}
		body.Close()
	}
}

// TestRequestsOnTheWire looks at what firmware is picky about.
func TestRequestsOnTheWire(t *testing.T) {
	type seen struct {
		host, ct, te string
		length       int64
		closes       bool
	}
	got := map[string]seen{}
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got[r.Method+" "+r.RequestURI] = seen{r.Host, r.Header.Get("Content-Type"), strings.Join(r.TransferEncoding, ","), r.ContentLength, r.Close}
		w.Header().Set("Location", "/eSCL/ScanJobs/1")
		w.WriteHeader(http.StatusCreated)
	}))
	c := client(t, srv.URL+"/eSCL", "localhost")
	doc := &escl.ScanSettings{InputSource: escl.SourcePlaten}
	if _, err := c.CreateJob(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
	_, _, err := c.NextDocument(t.Context(), "/eSCL/ScanJobs/urn:uuid:1")
	wantStatus(t, err, escl.OpNextDocument, http.StatusCreated)
	if err := c.Delete(t.Context(), "/eSCL/ScanJobs/a%2Fb"); err != nil {
		t.Fatal(err)
	}
	want := map[string]seen{
		"POST /eSCL/ScanJobs":                        {"localhost", "text/xml", "", int64(len(doc.Encode())), true},
		"GET /eSCL/ScanJobs/urn:uuid:1/NextDocument": {"localhost", "", "", 0, true},
		"DELETE /eSCL/ScanJobs/a%2Fb":                {"localhost", "", "", 0, true},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(seen{})); d != "" {
		t.Fatalf("requests (-want +got):\n%s", d)
	}
}

// TestNoSilentRepeat cuts a kept connection in place of an answer. net/http
// repeats an ordinary GET then, and the page taken by the first would be lost.
func TestNoSilentRepeat(t *testing.T) {
	var asked atomic.Int32
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/NextDocument") {
			asked.Add(1)
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, "warm") //nolint:errcheck // a test server
	}))
	// Leave an idle connection in the pool, as another user of the client would.
	resp, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	_, _, err = client(t, srv.URL+"/eSCL", "").NextDocument(t.Context(), "/eSCL/ScanJobs/1")
	if err == nil || errors.Is(err, io.EOF) {
		t.Fatalf("NextDocument on a cut connection = %v; want an error that is no io.EOF", err)
	}
	if n := asked.Load(); n != 1 {
		t.Fatalf("the device was asked %d times; want once", n)
	}
}

func TestClientBounds(t *testing.T) {
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		chunk := bytes.Repeat([]byte(" "), 64<<10)
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	c := client(t, srv.URL, "")
	if _, err := c.Capabilities(t.Context()); !errors.Is(err, escl.ErrTooLarge) {
		t.Fatalf("endless capabilities = %v; want ErrTooLarge", err)
	}
	if _, err := c.Status(t.Context()); !errors.Is(err, escl.ErrTooLarge) {
		t.Fatalf("endless status = %v; want ErrTooLarge", err)
	}
}

func TestCreateJobWithoutLocation(t *testing.T) {
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) }))
	if job, err := client(t, srv.URL, "").CreateJob(t.Context(), &escl.ScanSettings{}); !errors.Is(err, escl.ErrLocation) {
		t.Fatalf("CreateJob = %q, %v; want ErrLocation", job, err)
	}
}

// TestCreateJobBodyCut is a Kyocera that drops the connection inside the body
// of its 201.
func TestCreateJobBodyCut(t *testing.T) {
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/eSCL/ScanJobs/1")
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, "<html>") //nolint:errcheck // a test server
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		panic(http.ErrAbortHandler)
	}))
	if job, err := client(t, srv.URL+"/eSCL", "").CreateJob(t.Context(), &escl.ScanSettings{}); err != nil || job != "/eSCL/ScanJobs/1" {
		t.Fatalf("CreateJob = %q, %v; want the job", job, err)
	}
}

func TestNewClientRefuses(t *testing.T) {
	for _, base := range []string{"", "10.0.0.20/eSCL", "ftp://h/eSCL", "http:///eSCL", "http://[::1/eSCL"} {
		if _, err := escl.NewClient(http.DefaultClient, base, ""); err == nil {
			t.Errorf("NewClient(%q) succeeded", base)
		}
	}
}

func TestHandlerRefuses(t *testing.T) {
	m := &machine{}
	srv := serve(t, escl.NewHandler("/eSCL", m, escl.Hooks{}))
	for _, tt := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/", "", 404},
		{"GET", "/eSCL", "", 404},
		{"GET", "/eSCL/Nothing", "", 404},
		{"GET", "/eSCL/ScanJobs/", "", 404},
		{"GET", "/eSCL/ScanJobs/1/2/NextDocument", "", 404},
		{"GET", "/eSCL/ScanJobs", "", 405},
		{"POST", "/eSCL/ScannerStatus", "", 405},
		{"POST", "/eSCL/ScanJobs/1/NextDocument", "", 405},
		{"POST", "/eSCL/ScanJobs", "junk", 400},
		{"POST", "/eSCL/ScanJobs", strings.Repeat(" ", escl.MaxXML+1), 413},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tt.method, srv.URL+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatalf("%s %s: %v", tt.method, tt.path, err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.want {
			t.Errorf("%s %s = %d; want %d", tt.method, tt.path, resp.StatusCode, tt.want)
		}
	}
}

func TestHooks(t *testing.T) {
	var job string
	srv := serve(t, escl.NewHandler("/eSCL", &machine{pages: []string{"one"}}, escl.Hooks{
		Request: func(w http.ResponseWriter, _ *http.Request, op escl.Op, id string) bool {
			switch op {
			case escl.OpStatus:
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			case escl.OpCapabilities:
				panic(http.ErrAbortHandler)
			}
			job = id
			return false
		},
		Send: func(w http.ResponseWriter, _ *http.Request, _ string, d *escl.Document) {
			d.ContentType = "application/pdf"
			d.WriteHeader(w)
			_, _ = io.CopyN(w, d.Body, 2)
		},
	}))
	c := client(t, srv.URL+"/eSCL", "")
	_, err := c.Status(t.Context())
	wantStatus(t, err, escl.OpStatus, http.StatusServiceUnavailable)
	var status *escl.StatusError
	if _, err := c.Capabilities(t.Context()); err == nil || errors.As(err, &status) {
		t.Fatalf("Capabilities over a cut connection = %v", err)
	}
	body, ct, err := c.NextDocument(t.Context(), "/eSCL/ScanJobs/urn:uuid:7")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	if err != nil || string(got) != "on" || ct != "application/pdf" || job != "urn:uuid:7" {
		t.Fatalf("NextDocument = %q %q, %v of job %q; want what the hook sent", got, ct, err, job)
	}
}
