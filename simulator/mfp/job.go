package mfp

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/platen-fax/platen/protocols/escl"
)

// job is one scan job; everything but ended is protected by MFP.mu.
type job struct {
	id       string
	settings *escl.ScanSettings
	state    string
	reasons  []string
	ended    chan struct{} // closed when the job is no longer active

	back    *sheet // sheet whose back comes next
	taken   int    // pages taken out of the feeder or off the glass
	done    int    // pages sent whole
	waits   int    // 503 answers given before the next page
	fetches bool   // a page is on its way
	answer  string // how to tell the end the first time; "" is the usual way
	told    bool   // the end was told
}

func (j *job) active() bool { return j.state == escl.JobProcessing }

// endLocked ends a job that is active.
func (m *MFP) endLocked(j *job, state string, reasons ...string) {
	if !j.active() {
		return
	}
	j.state, j.reasons = state, reasons
	switch state {
	case escl.JobCompleted:
		m.count.Done++
	case escl.JobCanceled:
		m.count.Canceled++
	default:
		m.count.Aborted++
	}
	close(j.ended)
	if j.settings.InputSource == escl.SourceFeeder {
		m.refillLocked()
	}
}

// machine is the MFP as its escl.Handler sees it.
type machine MFP

func status(op escl.Op, code int) error { return &escl.StatusError{Op: op, Code: code} }

// Capabilities implements [escl.Machine].
func (x *machine) Capabilities(context.Context) (*escl.Capabilities, error) {
	m := (*MFP)(x)
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.caps, nil
}

// Status implements [escl.Machine].
func (x *machine) Status(context.Context) (*escl.Status, error) {
	m := (*MFP)(x)
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &escl.Status{Version: m.caps.Version, State: escl.StateIdle, AdfState: m.adfLocked()}
	for _, j := range m.jobs {
		if j.active() {
			s.State = escl.StateProcessing
		}
		info := escl.JobInfo{
			JobURI: m.root + "/ScanJobs/" + j.id, JobUUID: j.id,
			ImagesCompleted: j.done, State: j.state, Reasons: j.reasons,
		}
		if j.fetches {
			info.ImagesToTransfer = 1
		}
		s.Jobs = append(s.Jobs, info)
	}
	if m.faults.State != "" {
		s.State = m.faults.State
	}
	if m.faults.AdfState != "" {
		s.AdfState = m.faults.AdfState
	}
	return s, nil
}

// CreateJob implements [escl.Machine].
func (x *machine) CreateJob(_ context.Context, s *escl.ScanSettings) (string, error) {
	m := (*MFP)(x)
	m.mu.Lock()
	defer m.mu.Unlock()
	if code := m.refuseLocked(s); code != 0 {
		return "", status(escl.OpCreateJob, code)
	}
	m.lastJob++
	j := &job{
		id:       fmt.Sprint(1000 + m.lastJob),
		settings: s,
		state:    escl.JobProcessing,
		reasons:  []string{escl.ReasonScanning},
		ended:    make(chan struct{}),
	}
	if m.faults.Location == LocationColons {
		j.id = fmt.Sprintf("urn:uuid:4509a320-00a0-008f-00b6-%012d", m.lastJob)
	}
	m.jobs = append([]*job{j}, m.jobs...)
	if len(m.jobs) > maxJobs {
		m.jobs = m.jobs[:maxJobs]
	}
	m.count.Created++
	m.count.Settings = s
	return j.id, nil
}

// refuseLocked returns the HTTP status that refuses a job, 0 to accept it.
func (m *MFP) refuseLocked(s *escl.ScanSettings) int {
	busy := use(&m.faults.Busy)
	for _, j := range m.jobs {
		busy = busy || j.active() && !m.faults.ParallelJobs
	}
	in := m.caps.Input(s.InputSource, s.Duplex)
	optional := s.Intent != "" || s.Compression != nil || s.FormatExt != ""
	switch {
	case m.faults.PostStatus != 0:
		return m.faults.PostStatus
	case m.faults.State == escl.StateTesting, m.faults.State == escl.StateStopped, m.faults.State == escl.StateDown, busy:
		return http.StatusServiceUnavailable
	case s.Duplex && s.InputSource == escl.SourceFeeder && !m.caps.CanDuplex():
		return http.StatusInternalServerError // as a Canon does
	case in == nil, m.faults.Strict && optional, !offered(in, s):
		return http.StatusConflict
	default:
		return 0
	}
}

// offered reports whether the settings are what the source announces.
// Resolutions must be square, since the paper is drawn so.
func offered(in *escl.InputCaps, s *escl.ScanSettings) bool {
	if s.XResolution != s.YResolution {
		return false
	}
	for _, p := range in.Profiles {
		if !slices.Contains(p.ColorModes, s.ColorMode) || !slices.Contains(p.Formats, s.Format) && !slices.Contains(p.FormatsExt, s.Format) {
			continue
		}
		for _, r := range p.Resolutions {
			if r.ColorMode != "" && r.ColorMode != s.ColorMode {
				continue
			}
			if slices.Contains(r.Discrete, escl.Resolution{X: s.XResolution, Y: s.YResolution}) ||
				r.X != nil && r.X.Min <= s.XResolution && s.XResolution <= r.X.Max {
				return true
			}
		}
	}
	return false
}

// Cancel implements [escl.Machine].
func (x *machine) Cancel(_ context.Context, id string) error {
	m := (*MFP)(x)
	m.mu.Lock()
	defer m.mu.Unlock()
	j := m.findLocked(id)
	if j == nil {
		return status(escl.OpDelete, http.StatusNotFound)
	}
	m.count.Deleted++
	m.endLocked(j, escl.JobCanceled, escl.ReasonCanceledByUser)
	return nil
}

func (m *MFP) findLocked(id string) *job {
	for _, j := range m.jobs {
		if j.id == id {
			return j
		}
	}
	return nil
}

// request counts requests and applies the faults that need none of the job.
func (m *MFP) request(w http.ResponseWriter, r *http.Request, op escl.Op, _ string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count.Requests[string(op)]++
	if m.faults.Down {
		panic(http.ErrAbortHandler)
	}
	if m.faults.LocalhostOnly && r.Host != "localhost" {
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	return false
}

func (m *MFP) location(r *http.Request, path string) string {
	switch m.Faults().Location {
	case LocationAbsolute:
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		return scheme + "://" + r.Host + path
	case LocationWrongHost:
		return "http://mfp-internal.invalid:8080" + path
	case LocationCutIPv6:
		return "http://[fe80" + path
	case LocationSlash:
		return strings.TrimRight(path, "/") + "/"
	case LocationNone:
		return ""
	default:
		return path
	}
}
