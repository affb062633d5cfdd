package mfp

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/platen-fax/platen/protocols/escl"
)

// pageBody is a page on its way, for MFP.send.
type pageBody struct {
	io.Reader // nil: send reads data
	job       *job
	n         int // page number within the job
	data      []byte
	empty     bool // send data and end
	cut, drop bool // half-way: end, or cut the connection
	abort     bool // cut the connection before any answer
}

// Close implements [io.Closer].
func (*pageBody) Close() error { return nil }

// NextDocument implements [escl.Machine].
func (x *machine) NextDocument(ctx context.Context, id string) (*escl.Document, error) {
	m := (*MFP)(x)
	m.mu.Lock()
	j, p, b, err := m.takeLocked(id)
	f := m.faults
	m.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case b.abort:
		m.lost(j)
		panic(http.ErrAbortHandler)
	case b.empty:
		return &escl.Document{ContentType: "image/jpeg", Body: b}, nil
	}
	m.wait(ctx, j, holdKey{page: b.n})
	select {
	case <-j.ended:
		// Stopped while the sheet went through.
		return nil, status(escl.OpNextDocument, http.StatusNotFound)
	default:
	}
	return m.draw(j, p, b, f)
}

// takeLocked takes the next page of a job, or says how to answer without one.
func (m *MFP) takeLocked(id string) (*job, Page, *pageBody, error) {
	none := func(code int) (*job, Page, *pageBody, error) {
		return nil, Page{}, nil, status(escl.OpNextDocument, code)
	}
	j := m.findLocked(id)
	if j == nil {
		return none(http.StatusNotFound)
	}
	if !j.active() {
		return m.endAnswerLocked(j)
	}
	if j.fetches || j.waits < m.faults.NotReady {
		j.waits++
		return none(http.StatusServiceUnavailable)
	}
	more := m.moreLocked(j)
	feeder := j.settings.InputSource == escl.SourceFeeder
	switch s := m.faults.Stop; {
	case feeder && m.adf != "":
		m.endLocked(j, escl.JobAborted, escl.ReasonNotReady)
		return none(http.StatusConflict)
	case feeder && s != nil && s.After == j.taken && more:
		return m.stopLocked(j, *s)
	case !more && j.taken == 0:
		m.endLocked(j, escl.JobAborted, escl.ReasonNotReady)
		return none(http.StatusNotFound)
	case !more:
		m.endLocked(j, escl.JobCompleted, escl.ReasonCompleted)
		return none(http.StatusNotFound)
	case j.taken > 0 && use(&m.faults.Early404):
		return none(http.StatusNotFound)
	case j.taken > 0 && use(&m.faults.Early410):
		return none(http.StatusGone)
	}
	j.waits, j.fetches = 0, true
	p := m.feedLocked(j)
	f := &m.faults
	b := &pageBody{job: j, n: j.taken, cut: strike(&f.CutPage, j.taken), drop: strike(&f.DropPage, j.taken)}
	b.empty = strike(&f.EmptyPage, j.taken)
	if strike(&f.JunkPage, j.taken) {
		b.data = []byte("this is no picture")
	}
	b.abort = strike(&f.AbortPage, j.taken)
	return j, p, b, nil
}

// moreLocked reports whether the job has a page to come.
func (m *MFP) moreLocked(j *job) bool {
	if j.settings.InputSource == escl.SourceFeeder {
		return j.back != nil || len(m.feeder) > 0
	}
	return j.taken == 0
}

// feedLocked takes the next side.
func (m *MFP) feedLocked(j *job) Page {
	j.taken++
	s, side := sheet{}, 0
	switch {
	case j.settings.InputSource == escl.SourcePlaten:
		s.class = "blank" // the inside of the lid
		if m.platen != nil {
			s = *m.platen
		}
	case j.back != nil:
		s, side, j.back = *j.back, 1, nil
	default:
		s, m.feeder = m.feeder[0], m.feeder[1:]
		if j.settings.Duplex {
			back := s
			j.back = &back
		}
	}
	if side == 1 && !s.twoSided {
		s.class = "blank"
	}
	return Page{
		Batch: s.batch, Sheet: s.number, Side: side, Class: s.class, Size: s.size, DPI: j.settings.XResolution,
		Color: j.settings.ColorMode == escl.RGB24 || m.faults.Color,
	}
}

// stopLocked ends a job by trouble.
func (m *MFP) stopLocked(j *job, s Stop) (*job, Page, *pageBody, error) {
	m.faults.Stop = nil
	j.answer = s.Answer
	if j.answer == "" {
		j.answer = AnswerConflict
	}
	switch adf, _ := adfOf(s.Why); {
	case adf != "":
		m.troubleLocked(adf)
	case s.Why == WhyCancelled:
		m.endLocked(j, escl.JobCanceled, escl.ReasonCanceledAtDevice)
	default:
		m.endLocked(j, escl.JobAborted, escl.ReasonAborted)
	}
	return m.endAnswerLocked(j)
}

// endAnswerLocked tells that a job has ended, in its own way the first time.
func (m *MFP) endAnswerLocked(j *job) (*job, Page, *pageBody, error) {
	answer := j.answer
	j.answer = ""
	code := http.StatusNotFound
	switch answer {
	case AnswerConflict:
		code = http.StatusConflict
	case AnswerGone:
		code = http.StatusGone
	case AnswerEmpty:
		return j, Page{}, &pageBody{job: j, empty: true}, nil
	case AnswerCut:
		// The start of a JPEG, then silence.
		return j, Page{}, &pageBody{job: j, empty: true, data: []byte("\xFF\xD8\xFF\xE0\x00\x10JFIF\x00\x01")}, nil
	}
	if j.state == escl.JobCompleted && m.faults.EndStatus != 0 && !j.told {
		code = m.faults.EndStatus
	}
	j.told = true
	return nil, Page{}, nil, status(escl.OpNextDocument, code)
}

// draw makes the document of a page taken.
func (m *MFP) draw(j *job, p Page, b *pageBody, f Faults) (*escl.Document, error) {
	contentType := "image/jpeg"
	var err error
	switch {
	case b.data != nil: // junk
	case f.PDF || j.settings.Format == "application/pdf":
		contentType = "application/pdf"
		b.data, err = m.drawPDF(j, p, f.PDFStack)
	default:
		b.data, err = m.source(p)
	}
	if err != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.endLocked(j, escl.JobAborted, escl.ReasonAborted)
		return nil, fmt.Errorf("drawing page %d: %w", b.n, err)
	}
	d := &escl.Document{ContentType: contentType, Body: b}
	if f.ContentType != "" {
		d.ContentType = f.ContentType
	}
	if f.SendLength {
		d.Length = int64(len(b.data))
	}
	return d, nil
}

// drawPDF draws a page, with all pages behind it for a whole stack.
func (m *MFP) drawPDF(j *job, p Page, stack bool) ([]byte, error) {
	var jpegs [][]byte
	for {
		jpeg, err := m.source(p)
		if err != nil {
			return nil, err
		}
		jpegs = append(jpegs, jpeg)
		m.mu.Lock()
		more := stack && m.moreLocked(j)
		if more {
			p = m.feedLocked(j)
		}
		m.mu.Unlock()
		if !more {
			return pdf(jpegs, p.DPI)
		}
	}
}
