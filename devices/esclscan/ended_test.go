package esclscan_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/devices/esclscan"
	"github.com/platen-fax/platen/protocols/escl"
	"github.com/platen-fax/platen/simulator/mfp"
)

// scripted is a machine that delivers pages, then one HTTP status for ever,
// and always shows the same scanner status.
type scripted struct {
	caps      *escl.Capabilities
	pages     int
	code      int
	status    escl.Status
	statusErr int
	asked     int // NextDocument requests
	deleted   int
}

func (m *scripted) Capabilities(context.Context) (*escl.Capabilities, error) { return m.caps, nil }

func (m *scripted) Status(context.Context) (*escl.Status, error) {
	if m.statusErr != 0 {
		return nil, &escl.StatusError{Code: m.statusErr}
	}
	return &m.status, nil
}

func (m *scripted) CreateJob(context.Context, *escl.ScanSettings) (string, error) { return "7", nil }

func (m *scripted) NextDocument(context.Context, string) (*escl.Document, error) {
	m.asked++
	if m.asked > m.pages {
		return nil, &escl.StatusError{Code: m.code}
	}
	page, err := drawn(mfp.Page{Sheet: m.asked})
	return &escl.Document{ContentType: "image/jpeg", Body: io.NopCloser(bytes.NewReader(page))}, err
}

func (m *scripted) Cancel(context.Context, string) error { m.deleted++; return nil }

// TestWhatAnEndMeans is the decision table of a status code after some pages.
func TestWhatAnEndMeans(t *testing.T) {
	const once, sixTimes = 1, 6 // how often the driver asks for the page that does not come
	job := func(state string, reasons ...string) []escl.JobInfo {
		return []escl.JobInfo{{JobURI: "/eSCL/ScanJobs/7", State: state, Reasons: reasons}}
	}
	status := func(state, adf string, jobs []escl.JobInfo) escl.Status {
		return escl.Status{State: state, AdfState: adf, Jobs: jobs}
	}
	const idle, working = escl.StateIdle, escl.StateProcessing
	for _, tt := range []struct {
		name   string
		source devices.Source
		pages  int
		code   int
		status escl.Status
		want   error // nil is io.EOF
		asked  int
	}{
		{"completed", devices.Feeder, 2, 404, status(idle, escl.AdfEmpty, job(escl.JobCompleted)), nil, once},
		{"completed, 409", devices.Feeder, 2, 409, status(idle, escl.AdfLoaded, job(escl.JobCompleted)), nil, once},
		{"completed, nothing came", devices.Feeder, 0, 404, status(idle, escl.AdfLoaded, job(escl.JobCompleted)), devices.ErrFeederEmpty, once},
		{"not listed, empty", devices.Feeder, 2, 404, status(idle, escl.AdfEmpty, nil), nil, once},
		{"not listed, Kyocera's empty", devices.Feeder, 2, 404, status(idle, escl.AdfProcessing, nil), nil, once},
		{"not listed, nothing came", devices.Feeder, 0, 404, status(idle, escl.AdfProcessing, nil), devices.ErrFeederEmpty, once},
		{"not listed, paper left", devices.Feeder, 2, 404, status(idle, escl.AdfLoaded, nil), devices.ErrStopped, sixTimes},
		{"not listed, busy", devices.Feeder, 2, 404, status(working, escl.AdfProcessing, nil), nil, sixTimes},
		{"processing, empty", devices.Feeder, 2, 404, status(working, escl.AdfEmpty, job(escl.JobProcessing)), nil, sixTimes},
		{"processing, nothing came, empty", devices.Feeder, 0, 404, status(working, escl.AdfEmpty, job(escl.JobProcessing)), devices.ErrFeederEmpty, once},
		{"processing, paper left", devices.Feeder, 2, 410, status(working, escl.AdfLoaded, job(escl.JobProcessing)), devices.ErrStopped, sixTimes},
		{"unknown job state", devices.Feeder, 2, 404, status(idle, escl.AdfEmpty, job("Resting")), nil, sixTimes},
		{"aborted", devices.Feeder, 2, 404, status(idle, escl.AdfEmpty, job(escl.JobAborted)), devices.ErrStopped, once},
		{"aborted, nothing came, 404", devices.Feeder, 0, 404, status(idle, escl.AdfLoaded, job(escl.JobAborted)), devices.ErrFeederEmpty, once},
		{"aborted, nothing came, Kyocera's empty, 409", devices.Feeder, 0, 409, status(idle, escl.AdfProcessing, job(escl.JobAborted)), devices.ErrFeederEmpty, once},
		{"aborted, nothing came, 409, loaded", devices.Feeder, 0, 409, status(idle, escl.AdfLoaded, job(escl.JobAborted)), devices.ErrStopped, once},
		{"aborted by a jam", devices.Feeder, 1, 404, status(idle, escl.AdfJam, job(escl.JobAborted)), devices.ErrJam, once},
		{"jam in a job that goes on", devices.Feeder, 1, 404, status(working, escl.AdfJam, job(escl.JobProcessing)), devices.ErrJam, once},
		{"canceled", devices.Feeder, 1, 404, status(idle, escl.AdfLoaded, job(escl.JobCanceled)), devices.ErrCancelledAtDevice, once},
		{"aborted because canceled", devices.Feeder, 1, 404, status(idle, "", job(escl.JobAborted, escl.ReasonCanceledAtDevice)), devices.ErrCancelledAtDevice, once},
		{"account", devices.Feeder, 0, 404, status(idle, "", job(escl.JobAborted, escl.ReasonAuthFailed)), devices.ErrAccess, once},
		{"out of service", devices.Feeder, 1, 404, status(escl.StateStopped, "", nil), devices.ErrStopped, once},
		{"server error", devices.Feeder, 1, 500, status(idle, escl.AdfLoaded, nil), devices.ErrStopped, once},
		{"server error and a jam", devices.Feeder, 1, 500, status(idle, escl.AdfJam, nil), devices.ErrJam, once},
		{"login in the middle", devices.Feeder, 1, 401, status(idle, "", nil), devices.ErrAccess, once},
		{"platen fails", devices.Platen, 0, 404, status(idle, escl.AdfEmpty, job(escl.JobAborted)), devices.ErrStopped, once},
		{"platen ends with nothing", devices.Platen, 0, 404, status(idle, escl.AdfLoaded, job(escl.JobCompleted)), devices.ErrStopped, once},
		{"platen does not mind a jammed feeder", devices.Platen, 0, 404, status(working, escl.AdfJam, job(escl.JobProcessing)), devices.ErrStopped, sixTimes},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &scripted{caps: profile(t, "office"), pages: tt.pages, code: tt.code, status: tt.status}
			if tt.status.State == escl.StateStopped {
				m.status.State = idle // it stops after the job was made
			}
			pages, err := m.scan(t, tt.source, func() { m.status = tt.status })
			if pages != tt.pages || !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Fatalf("%d pages, %v; want %d, %v", pages, err, tt.pages, tt.want)
			}
			if got := m.asked - tt.pages; got != tt.asked || m.deleted != 1 {
				t.Fatalf("asked %d times for the next page, deleted %d jobs; want %d and 1", got, m.deleted, tt.asked)
			}
		})
	}
}

func TestEndWithoutStatus(t *testing.T) {
	for _, tt := range []struct {
		pages, code int
		want        error
	}{
		{2, 404, nil},
		{0, 404, devices.ErrFeederEmpty},
		{2, 409, devices.ErrStopped},
	} {
		m := &scripted{caps: profile(t, "office"), pages: tt.pages, code: tt.code, statusErr: 500}
		pages, err := m.scan(t, devices.Feeder, func() {})
		if pages != tt.pages || !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%d after %d pages: %d pages, %v; want %v", tt.code, tt.pages, pages, err, tt.want)
		}
	}
}

// scan runs a job on the machine; started runs between Scan and the first Next.
func (m *scripted) scan(t *testing.T, source devices.Source, started func()) (pages int, err error) {
	t.Helper()
	srv := httptest.NewServer(escl.NewHandler("/eSCL", m, escl.Hooks{}))
	defer srv.Close()
	s, err := esclscan.New(srv.URL+"/eSCL", esclscan.Options{Wait: (&clock{}).wait})
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Scan(t.Context(), devices.Settings{Source: source})
	if err != nil {
		t.Fatalf("Scan = %v", err)
	}
	defer p.Close()
	started()
	for {
		pg, err := p.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return pages, p.Close()
		}
		if err != nil {
			return pages, errors.Join(err, p.Close())
		}
		if _, err := io.Copy(io.Discard, pg.Body); err != nil {
			t.Fatalf("page %d = %v", pages+1, err)
		}
		pages++
	}
}

// TestRefusedJob is the decision table of a refused job request.
func TestRefusedJob(t *testing.T) {
	for _, tt := range []struct {
		name string
		code int
		adf  string
		want error
	}{
		{"conflict", 409, escl.AdfLoaded, devices.ErrUnsupported},
		{"conflict, empty feeder", 409, escl.AdfEmpty, devices.ErrFeederEmpty},
		{"conflict, jam", 409, escl.AdfJam, devices.ErrJam},
		{"error, open cover", 500, escl.AdfDoorOpen, devices.ErrCoverOpen},
		{"busy, empty feeder", 503, escl.AdfEmpty, devices.ErrBusy},
		{"busy, double feed", 503, escl.AdfMultipick, devices.ErrDoubleFeed},
		{"access beats all", 403, escl.AdfJam, devices.ErrAccess},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := open(t, nil, esclscan.Quirks{})
			r.faults(t, mfp.Faults{PostStatus: tt.code, AdfState: tt.adf})
			got, err := r.scanAll(t, devices.Settings{Source: devices.Feeder})
			if !errors.Is(err, tt.want) {
				t.Fatalf("pages %q, %v; want %v", got, err, tt.want)
			}
			if n, _ := r.clk.total(); n > 0 && !errors.Is(tt.want, devices.ErrBusy) {
				t.Fatalf("waited %v for what waiting does not mend", slices.Clone(r.clk.waits))
			}
		})
	}
}
