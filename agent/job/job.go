// Package job is the life of one fax as plain values: a job with its pages,
// one delivery per recipient, the authority it is sent under, the moves each
// may make and the deadline of every state that is not an end.
//
// Everything here is pure. There is no file, clock, lock or network: callers
// pass the time in, the spool stores what comes out. Who performs a move and
// how it is made durable is not known here.
package job

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schema is the number written into every record. A newer number than this is
// refused by an older program instead of being half understood.
const Schema = 1

// ID names a job for ever; it is a UUIDv7 in its usual 36-character form and is
// made by whoever first owns the bytes.
type ID string

// State is where a job as a whole stands.
type State string

// The states of a job. Draft is before the promise; Closed, Discarded, Failed
// and Cancelled are ends.
const (
	Draft        State = "draft"         // pages arrive, nothing promised
	WaitingOwner State = "waiting-owner" // accepted from a device without owner or recipient
	Captured     State = "captured"      // accepted; pages still become fax pages
	Ready        State = "ready"         // deliveries are under way
	Closed       State = "closed"        // every delivery is final
	Discarded    State = "discarded"     // erased before it was promised, or never claimed
	Failed       State = "failed"        // the document cannot become a fax
	Cancelled    State = "cancelled"     // withdrawn while captured
)

// States lists every job state in the order of the way through.
var states = []State{Draft, WaitingOwner, Captured, Ready, Closed, Discarded, Failed, Cancelled}

// States returns every job state, in the order of the way through.
func States() []State { return slices.Clone(states) }

// Final reports whether the job makes no further move by itself. (A person's
// retry and late news can still open a closed job.)
func (s State) Final() bool {
	return s == Closed || s == Discarded || s == Failed || s == Cancelled
}

// Promised reports whether Accept has returned for a job in this state, so
// that losing it would break the promise.
func (s State) Promised() bool { return s == WaitingOwner || s == Captured || s == Ready }

// Resolution is a fax resolution by its usual name.
type Resolution string

// The resolutions of a fax page: 204 dots per inch across and 98, 196 or 391
// lines per inch down.
const (
	Standard  Resolution = "standard"
	Fine      Resolution = "fine"
	Superfine Resolution = "superfine"
)

// Options are what a person chooses for the whole job.
type Options struct {
	Resolution Resolution `json:"resolution,omitempty"` // "" is Fine
	Paper      string     `json:"paper,omitempty"`      // "a4", "letter" or "legal"
}

// Person is somebody known to a directory or a sign-in service.
type Person struct {
	ID    string `json:"id,omitempty"` // stable key, lower case; "" is nobody
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
}

// Page is one scanned page of a job, in the order in which it will be sent.
type Page struct {
	Part      string    `json:"part"`              // the page as scanned, "page/0001"
	Fax       string    `json:"fax,omitempty"`     // the page as fax data, "fax/0001"; "" until converted
	Preview   string    `json:"preview,omitempty"` // a small picture, "preview/0001"
	MIME      string    `json:"mime,omitempty"`
	DPI       int       `json:"dpi,omitempty"`   // of the scan, 0 if unknown
	Width     int       `json:"width,omitempty"` // of the fax page, in pixels
	Height    int       `json:"height,omitempty"`
	XDPI      int       `json:"xdpi,omitempty"` // of the fax page
	YDPI      int       `json:"ydpi,omitempty"`
	Bytes     int64     `json:"bytes,omitempty"`      // of the scanned page
	FaxBytes  int64     `json:"fax_bytes,omitempty"`  // of the fax data
	Refused   string    `json:"refused,omitempty"`    // why it cannot be converted; "" while it can
	StoredAt  time.Time `json:"stored_at,omitzero"`   // when it became durable
	FaxedSHA  string    `json:"fax_sha256,omitempty"` // of the fax data, hex
	ScanSHA   string    `json:"sha256,omitempty"`     // of the scanned page, hex
	Converted bool      `json:"converted,omitempty"`  // Fax or Refused is settled
}

// Job is one document on its way to one or more recipients.
type Job struct {
	Schema     int        `json:"schema"`
	ID         ID         `json:"id"`
	Number     string     `json:"number"` // what people read and type, such as "4F7K"
	Device     string     `json:"device"`
	Shared     bool       `json:"shared,omitempty"`  // taken at a device without sign-in
	Owner      Person     `json:"owner,omitzero"`    // fixed at capture; zero: nobody
	Claimed    string     `json:"claimed,omitempty"` // address typed by somebody nobody could check; Shared then
	State      State      `json:"state"`
	Created    time.Time  `json:"created"`
	Changed    time.Time  `json:"changed"`           // last change by a person or a page
	Accepted   time.Time  `json:"accepted,omitzero"` // when the promise was given
	Ended      time.Time  `json:"ended,omitzero"`    // when the present final state began
	NotBefore  time.Time  `json:"not_before,omitzero"`
	Options    Options    `json:"options,omitzero"`
	Pages      []Page     `json:"pages,omitempty"`
	Grants     []Grant    `json:"grants,omitempty"`
	Deliveries []Delivery `json:"deliveries,omitempty"`
	Reason     Reason     `json:"reason,omitempty"` // why the job failed
	Detail     string     `json:"detail,omitempty"` // for IT, without personal data
	ResendOf   ID         `json:"resend_of,omitempty"`
	Erased     time.Time  `json:"erased,omitzero"` // when the pages were destroyed
}

// Converted reports whether the fate of every page is settled.
func (j *Job) Converted() bool {
	return !slices.ContainsFunc(j.Pages, func(p Page) bool { return !p.Converted })
}

// RefusedPage returns the 1-based number of the first page that cannot become
// a fax page, and why; 0 if there is none.
func (j *Job) RefusedPage() (int, string) {
	for i, p := range j.Pages {
		if p.Refused != "" {
			return i + 1, p.Refused
		}
	}
	return 0, ""
}

// Delivery returns the delivery to recipient r, counted from 1, or nil.
func (j *Job) Delivery(r int) *Delivery {
	if r < 1 || r > len(j.Deliveries) {
		return nil
	}
	return &j.Deliveries[r-1]
}

// Outcome is what became of a job as a whole.
type Outcome string

// The outcomes of a closed job.
const (
	OutcomeNone       Outcome = "" // not closed yet
	OutcomeSent       Outcome = "sent"
	OutcomePartlySent Outcome = "partly-sent"
	OutcomeFailed     Outcome = "failed"
	OutcomeCancelled  Outcome = "cancelled"
	OutcomeUnknown    Outcome = "unknown"
)

// Outcome computes what became of the job. Unknown wins over everything but
// being sent in full, because somebody has to look.
func (j *Job) Outcome() Outcome {
	switch j.State {
	case Failed:
		return OutcomeFailed
	case Cancelled, Discarded:
		return OutcomeCancelled
	case Closed:
	default:
		return OutcomeNone
	}
	n := map[DeliveryState]int{}
	for _, d := range j.Deliveries {
		n[d.State]++
	}
	switch total := len(j.Deliveries); {
	case n[Sent] == total:
		return OutcomeSent
	case n[Unknown] > 0:
		return OutcomeUnknown
	case n[Sent] > 0:
		return OutcomePartlySent
	case n[DeliveryCancelled] == total:
		return OutcomeCancelled
	default:
		return OutcomeFailed
	}
}

// Settle closes a ready job whose deliveries are all final and opens a closed
// one that has work again. It returns whether the state changed.
func (j *Job) Settle(now time.Time) bool {
	if j.State != Ready && j.State != Closed {
		return false
	}
	final := !slices.ContainsFunc(j.Deliveries, func(d Delivery) bool { return !d.State.Final() })
	switch {
	case j.State == Ready && final:
		j.State, j.Ended = Closed, now
	case j.State == Closed && !final:
		j.State, j.Ended = Ready, time.Time{}
	default:
		return false
	}
	return true
}

// Key is the idempotency key of one try of one delivery, "job/recipient/try".
func Key(id ID, recipient, try int) string { return fmt.Sprintf("%s/%d/%d", id, recipient, try) }

// ParseKey is the inverse of Key; it reads nothing that Key does not write.
func ParseKey(key string) (id ID, recipient, try int, err error) {
	parts := strings.Split(key, "/")
	if len(parts) != 3 || parts[0] == "" {
		return "", 0, 0, fmt.Errorf("key %q: want job/recipient/try", key)
	}
	if recipient, err = strconv.Atoi(parts[1]); err == nil {
		try, err = strconv.Atoi(parts[2])
	}
	if err != nil {
		return "", 0, 0, fmt.Errorf("key %q: %w", key, err)
	}
	if recipient < 1 || try < 1 || Key(ID(parts[0]), recipient, try) != key {
		return "", 0, 0, fmt.Errorf("key %q: want whole numbers from 1", key)
	}
	return ID(parts[0]), recipient, try, nil
}
