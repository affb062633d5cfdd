package mfp

import (
	"net/http"

	"github.com/platen-fax/platen/protocols/escl"
)

// send puts a page on the wire with the faults it was given.
func (m *MFP) send(w http.ResponseWriter, r *http.Request, _ string, d *escl.Document) {
	b := d.Body.(*pageBody)
	d.WriteHeader(w)
	half := len(b.data) / 2
	if b.empty {
		half = len(b.data)
	}
	if !write(w, b.data[:half]) || b.empty {
		m.lost(b.job)
		return
	}
	m.wait(r.Context(), b.job, holdKey{page: b.n, body: true})
	select {
	case <-b.job.ended:
		// Stopped in the middle. The headers are gone, so the answer just ends.
		m.lost(b.job)
		return
	default:
	}
	switch {
	case b.drop:
		m.lost(b.job)
		panic(http.ErrAbortHandler)
	case b.cut:
		m.lost(b.job)
		return
	}
	last := len(b.data) - 1
	if !write(w, b.data[half:last]) {
		m.lost(b.job)
		return
	}
	// Counted before the last byte, so that a client that has it all finds the
	// machine ready for its next request.
	m.sent(b.job)
	write(w, b.data[last:])
}

// write sends and flushes, and reports whether the client is still there.
func write(w http.ResponseWriter, p []byte) bool {
	if _, err := w.Write(p); err != nil {
		return false
	}
	return http.NewResponseController(w).Flush() == nil
}

// sent counts a page; a job without another one is completed.
func (m *MFP) sent(j *job) {
	m.mu.Lock()
	defer m.mu.Unlock()
	j.fetches = false
	j.done++
	m.count.Scanned++
	if !m.moreLocked(j) {
		m.endLocked(j, escl.JobCompleted, escl.ReasonCompleted)
	}
}

// lost forgets a page that went through the feeder and did not arrive.
func (m *MFP) lost(j *job) {
	m.mu.Lock()
	defer m.mu.Unlock()
	j.fetches = false
}
