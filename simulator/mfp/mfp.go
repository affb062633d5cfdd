// Package mfp is a virtual multifunction printer that speaks eSCL: a feeder
// and a platen that one loads with paper, and every way of misbehaving that
// field reports tell of, as knobs.
//
// What is printed on the paper comes from a [PageSource]; the wire forms are
// protocols/escl. Which faults strike when is decided by whoever holds the
// [MFP]; nothing here happens at random or by the clock unless asked for.
package mfp

import (
	"net/http"
	"strings"
	"sync"

	"github.com/platen-fax/platen/protocols/escl"
)

// Page says which side of which sheet to draw, and how the scanner saw it.
type Page struct {
	Batch uint32 // stack of paper the sheet belongs to; 0 is the empty glass
	Sheet int    // place in the stack, from 1
	Side  int    // 0 front, 1 back
	Class string // what is on it, as in [Stack]
	Size  string // size of the paper, as in [Stack]
	DPI   int
	Color bool // scanned in colour, else in gray
}

// PageSource returns one page as a JPEG, whose bytes are not changed. It is
// called from several goroutines.
type PageSource func(p Page) ([]byte, error)

// Options of a machine. The zero value is an empty office machine.
type Options struct {
	ID    string             // names the machine in its serial number and state
	Root  string             // eSCL root; "" is "/eSCL"
	Caps  *escl.Capabilities // what it announces; nil is Profile("office", ID)
	Pages PageSource         // nil is Paper(nil)
	// Refill, if not nil, loads the feeder at once and again whenever a job
	// has ended and the feeder is empty. Each load is a batch of its own,
	// counted up from Refill.Batch.
	Refill *Stack
}

// Stack is paper for the feeder.
type Stack struct {
	Batch    uint32 `json:"batch"`
	Pages    int    `json:"pages"`               // sheets
	Class    string `json:"class,omitempty"`     // a class of paper, or ClassMixed; "" is text
	Size     string `json:"size,omitempty"`      // "a4", "letter" or "legal"; "" is a4
	TwoSided bool   `json:"two_sided,omitempty"` // backs are printed on too
}

// maxJobs is how many jobs a status lists, as in real devices.
const maxJobs = 10

// MFP is the machine. All methods may be called from any goroutine.
type MFP struct {
	id      string
	root    string
	source  PageSource
	handler *escl.Handler

	mu      sync.Mutex
	caps    *escl.Capabilities
	feeder  []sheet
	platen  *sheet
	refill  *Stack
	adf     string // trouble at the feeder as scan:AdfState, "" if none
	faults  Faults
	jobs    []*job // newest first
	lastJob int
	holds   map[holdKey]*hold
	count   State               // its counters only
	power   func(on bool) error // of the Server, if any
}

// sheet is one piece of paper.
type sheet struct {
	batch    uint32
	number   int
	class    string
	size     string
	twoSided bool
}

// New returns a machine that is on, idle and, without Refill, empty.
func New(o Options) *MFP {
	if o.Caps == nil {
		o.Caps, _ = Profile("office", o.ID)
	}
	if o.Pages == nil {
		o.Pages = Paper(nil)
	}
	if o.Root == "" {
		o.Root = "/eSCL"
	}
	m := &MFP{
		id:     o.ID,
		root:   "/" + strings.Trim(o.Root, "/"),
		caps:   o.Caps,
		source: o.Pages,
		holds:  map[holdKey]*hold{},
	}
	m.count.Requests = map[string]int{}
	if o.Refill != nil {
		r := *o.Refill
		m.refill = &r
		m.refillLocked()
	}
	m.handler = escl.NewHandler(m.root, (*machine)(m), escl.Hooks{
		Request:  m.request,
		Location: m.location,
		Send:     m.send,
	})
	return m
}

// Handler serves the machine's eSCL root.
func (m *MFP) Handler() http.Handler { return m.handler }

// Root returns the path of the eSCL root, as "/eSCL".
func (m *MFP) Root() string { return m.root }

// SetCaps changes what the machine announces from now on. c must not be
// changed afterwards.
func (m *MFP) SetCaps(c *escl.Capabilities) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.caps = c
}

// State is what is known about the machine from outside the network.
type State struct {
	ID       string         `json:"id"`
	Loaded   int            `json:"loaded"`    // sheets in the feeder
	OnPlaten bool           `json:"on_platen"` // paper on the glass
	AdfState string         `json:"adf_state"` // the truth, whatever is announced
	Active   int            `json:"active"`    // jobs alive
	Created  int            `json:"created"`   // jobs ever made
	Deleted  int            `json:"deleted"`   // DELETE requests for known jobs
	Canceled int            `json:"canceled"`  // jobs that ended by DELETE or at the device
	Aborted  int            `json:"aborted"`   // jobs that ended by trouble
	Done     int            `json:"done"`      // jobs that ended well
	Scanned  int            `json:"scanned"`   // page documents sent whole
	Requests map[string]int `json:"requests"`  // by escl.Op
	// Settings of the newest job.
	Settings *escl.ScanSettings `json:"settings,omitempty"`
}

// State returns a copy of the machine's state.
func (m *MFP) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.count
	s.ID = m.id
	s.Loaded = len(m.feeder)
	s.OnPlaten = m.platen != nil
	s.AdfState = m.adfLocked()
	s.Requests = map[string]int{}
	for op, n := range m.count.Requests {
		s.Requests[op] = n
	}
	for _, j := range m.jobs {
		if j.active() {
			s.Active++
		}
	}
	return s
}

// adfLocked is the true state of the feeder.
func (m *MFP) adfLocked() string {
	switch {
	case !m.caps.HasFeeder():
		return ""
	case m.adf != "":
		return m.adf
	}
	for _, j := range m.jobs {
		if j.active() && j.settings.InputSource == escl.SourceFeeder && len(m.feeder) > 0 {
			return escl.AdfProcessing
		}
	}
	if len(m.feeder) == 0 {
		return escl.AdfEmpty
	}
	return escl.AdfLoaded
}
