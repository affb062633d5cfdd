package mfp

import (
	"fmt"
	"slices"

	"github.com/platen-fax/platen/protocols/escl"
)

// Faults are the machine's misbehaviours. The zero value behaves well. Page
// numbers count from 1 within a job. A fault of one page strikes once and is
// then taken back; counts are used up; the rest stays until changed.
type Faults struct {
	// Down refuses connections (see [Server]; a bare Handler cuts them).
	Down bool `json:"down,omitempty"`
	// State is announced as the scanner's state, and jobs are refused by 503
	// while it is Testing, Stopped or Down.
	State string `json:"state,omitempty"`
	// AdfState is announced whatever is true.
	AdfState string `json:"adf_state,omitempty"`
	// LocalhostOnly answers 403 unless the Host header is "localhost".
	LocalhostOnly bool `json:"localhost_only,omitempty"`

	// Busy answers the next n job requests by 503; -1 all of them.
	Busy int `json:"busy,omitempty"`
	// PostStatus answers all job requests by this HTTP status.
	PostStatus int `json:"post_status,omitempty"`
	// Strict answers 409 to job requests that carry an optional element.
	Strict bool `json:"strict,omitempty"`
	// ParallelJobs accepts a job while another is alive.
	ParallelJobs bool `json:"parallel_jobs,omitempty"`
	// Location is the form of the Location header: one of the Location
	// constants.
	Location string `json:"location,omitempty"`

	// NotReady answers 503 n times before each page.
	NotReady int `json:"not_ready,omitempty"`
	// Early404 and Early410 answer so, n times in all, while there is a page
	// to send and one was sent already.
	Early404 int `json:"early_404,omitempty"`
	Early410 int `json:"early_410,omitempty"`
	// EndStatus is answered after the last page in place of 404; once per job,
	// as by the scanner it is known from.
	EndStatus int `json:"end_status,omitempty"`

	EmptyPage int `json:"empty_page,omitempty"` // 200 without a byte
	CutPage   int `json:"cut_page,omitempty"`   // 200, half the page, a clean end
	DropPage  int `json:"drop_page,omitempty"`  // 200, half the page, connection cut
	// AbortPage cuts the connection before any answer; the page is lost.
	AbortPage int `json:"abort_page,omitempty"`
	// JunkPage sends a page that is no picture.
	JunkPage int `json:"junk_page,omitempty"`

	// SendLength announces the length of pages; otherwise they are chunked.
	SendLength bool `json:"send_length,omitempty"`
	// ContentType is claimed for every page.
	ContentType string `json:"content_type,omitempty"`
	// Color sends colour whatever was asked for.
	Color bool `json:"color,omitempty"`
	// PDF sends application/pdf whatever was asked for.
	PDF bool `json:"pdf,omitempty"`
	// PDFStack sends a whole stack as one PDF where PDF is sent; otherwise
	// each call gets one page.
	PDFStack bool `json:"pdf_stack,omitempty"`

	// Stop stops a job at the feeder.
	Stop *Stop `json:"stop,omitempty"`
}

// Stop is trouble after a number of pages.
type Stop struct {
	After  int    `json:"after"`            // pages sent before it
	Why    string `json:"why"`              // one of the Why constants
	Answer string `json:"answer,omitempty"` // one of the Answer constants; "" is AnswerConflict
}

// What stops a job. ClearJam ends all of them but the last two.
const (
	WhyJam       = "jam"
	WhyDoor      = "door-open"
	WhyHatch     = "hatch-open"
	WhyMultipick = "multipick"
	WhyMispick   = "mispick"
	WhyTooLong   = "page-too-long"
	WhyCancelled = "cancelled" // at the device
	WhyAborted   = "aborted"   // for no reason it tells
)

// adfOf gives the feeder state of a Why, "" for those that have none.
func adfOf(why string) (adf string, known bool) {
	switch why {
	case WhyJam:
		return escl.AdfJam, true
	case WhyDoor:
		return escl.AdfDoorOpen, true
	case WhyHatch:
		return escl.AdfHatchOpen, true
	case WhyMultipick:
		return escl.AdfMultipick, true
	case WhyMispick:
		return escl.AdfMispick, true
	case WhyTooLong:
		return escl.AdfPageTooLong, true
	default:
		return "", why == WhyCancelled || why == WhyAborted
	}
}

// How NextDocument answers when a job stops.
const (
	AnswerConflict = "409"
	AnswerNotFound = "404"
	AnswerGone     = "410"
	AnswerEmpty    = "empty" // 200 without a byte
	AnswerCut      = "cut"   // 200 and half the page that stuck
)

// Forms of the Location header.
const (
	LocationPath      = ""
	LocationAbsolute  = "absolute"
	LocationWrongHost = "wrong-host" // a name only the device knows
	LocationCutIPv6   = "cut-ipv6"   // "http://[fe80/eSCL/…"
	LocationColons    = "colons"     // job ids as "urn:uuid:…"
	LocationSlash     = "slash"      // a slash behind
	LocationNone      = "none"       // no header at all
)

// Check reports a value that no fault has.
func (f Faults) Check() error {
	locations := []string{
		LocationPath, LocationAbsolute, LocationWrongHost, LocationCutIPv6, LocationColons, LocationSlash, LocationNone,
	}
	if !slices.Contains(locations, f.Location) {
		return fmt.Errorf("mfp: location %q is not known", f.Location)
	}
	if s := f.Stop; s != nil {
		if _, known := adfOf(s.Why); !known {
			return fmt.Errorf("mfp: stop.why %q is not known", s.Why)
		}
		answers := []string{"", AnswerConflict, AnswerNotFound, AnswerGone, AnswerEmpty, AnswerCut}
		if !slices.Contains(answers, s.Answer) {
			return fmt.Errorf("mfp: stop.answer %q is not known", s.Answer)
		}
	}
	return nil
}

// SetFaults replaces all faults. It fails, changing nothing, if a value is
// unknown, and if the machine cannot be reached again after being down.
func (m *MFP) SetFaults(f Faults) error {
	if err := f.Check(); err != nil {
		return err
	}
	if f.Stop != nil {
		s := *f.Stop
		f.Stop = &s
	}
	m.mu.Lock()
	power, before := m.power, m.faults.Down
	m.faults = f
	m.mu.Unlock()
	if power != nil && before != f.Down {
		return power(!f.Down)
	}
	return nil
}

// Faults returns what is left of the faults set.
func (m *MFP) Faults() Faults {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.faults
	if f.Stop != nil {
		s := *f.Stop
		f.Stop = &s
	}
	return f
}

// strike reports whether a fault of one page hits page n, and takes it back.
func strike(fault *int, n int) bool {
	if *fault != n || n == 0 {
		return false
	}
	*fault = 0
	return true
}

// use reports whether a counted fault hits; -1 never ends.
func use(fault *int) bool {
	if *fault > 0 {
		*fault--
		return true
	}
	return *fault < 0
}
