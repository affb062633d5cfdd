package mfp

import "github.com/platen-fax/platen/protocols/escl"

// Load puts n sheets of a batch behind those in the feeder, numbered from 1.
func (m *MFP) Load(batch uint32, n int) { m.LoadStack(Stack{Batch: batch, Pages: n}) }

// LoadStack puts paper behind what is in the feeder.
func (m *MFP) LoadStack(s Stack) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loadLocked(s)
}

func (m *MFP) loadLocked(s Stack) {
	for i := range s.Pages {
		m.feeder = append(m.feeder, sheet{batch: s.Batch, number: i + 1, class: s.Class, size: s.Size, twoSided: s.TwoSided})
	}
}

// refillLocked loads the next batch into an empty feeder.
func (m *MFP) refillLocked() {
	if m.refill == nil || len(m.feeder) > 0 || m.adf != "" {
		return
	}
	m.loadLocked(*m.refill)
	m.refill.Batch++
}

// LoadPlaten lays the first sheet of a stack on the glass, in place of what
// lay there. It stays until Clear.
func (m *MFP) LoadPlaten(s Stack) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.platen = &sheet{batch: s.Batch, number: 1, class: s.Class, size: s.Size}
}

// Clear takes all paper away.
func (m *MFP) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.feeder, m.platen = nil, nil
}

// ClearJam ends any trouble at the feeder, be it a jam, a double feed or an
// open cover. The sheet that stuck lies on top of the feeder again.
func (m *MFP) ClearJam() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.adf = ""
	m.refillLocked()
}

// OpenCover opens the feeder's cover; a job that feeds is aborted.
func (m *MFP) OpenCover() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.troubleLocked(escl.AdfHatchOpen)
}

// CloseCover ends OpenCover.
func (m *MFP) CloseCover() { m.ClearJam() }

// CancelAtDevice is somebody pressing the stop key: every job alive is
// canceled, and a page being sent ends at once.
func (m *MFP) CancelAtDevice() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, j := range m.jobs {
		if j.active() {
			m.endLocked(j, escl.JobCanceled, escl.ReasonCanceledAtDevice)
		}
	}
}

// troubleLocked stops the feeder and what uses it.
func (m *MFP) troubleLocked(adf string) {
	m.adf = adf
	for _, j := range m.jobs {
		if j.active() && j.settings.InputSource == escl.SourceFeeder {
			m.endLocked(j, escl.JobAborted, escl.ReasonNotReady)
		}
	}
}
