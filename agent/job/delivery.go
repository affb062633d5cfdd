package job

import (
	"slices"
	"time"
)

// DeliveryState is where the delivery to one recipient stands.
type DeliveryState string

// The states of a delivery. Sent, DeliveryFailed, DeliveryCancelled and
// Unknown are ends.
const (
	Pending           DeliveryState = "pending" // the job is not ready yet
	Waiting           DeliveryState = "waiting"
	NeedsSignIn       DeliveryState = "needs-sign-in"
	Uploading         DeliveryState = "uploading"
	Submitting        DeliveryState = "submitting" // only around the committing request
	InDoubt           DeliveryState = "in-doubt"
	NeedsDecision     DeliveryState = "needs-decision"
	Submitted         DeliveryState = "submitted"
	Sent              DeliveryState = "sent" // the recipient's machine confirmed
	DeliveryFailed    DeliveryState = "failed"
	DeliveryCancelled DeliveryState = "cancelled"
	Unknown           DeliveryState = "unknown"
)

var deliveryStates = []DeliveryState{
	Pending, Waiting, NeedsSignIn, Uploading, Submitting, InDoubt, NeedsDecision, Submitted,
	Sent, DeliveryFailed, DeliveryCancelled, Unknown,
}

// DeliveryStates returns every delivery state, in the order of the way through.
func DeliveryStates() []DeliveryState { return slices.Clone(deliveryStates) }

// Final reports whether nothing more is tried.
func (s DeliveryState) Final() bool {
	return s == Sent || s == DeliveryFailed || s == DeliveryCancelled || s == Unknown
}

// Recipient is who gets the fax.
type Recipient struct {
	Number string `json:"number"`         // E.164 with "+"
	Raw    string `json:"raw,omitempty"`  // as typed
	Name   string `json:"name,omitempty"` // from a phone book
}

// Searches is what asking a fax service for an uncertain fax has brought so
// far. It is durable: a restart does not begin the count again.
type Searches struct {
	Answered int       `json:"answered,omitempty"` // searches that were answered
	Absent   int       `json:"absent,omitempty"`   // of these, in a row, the fax was absent
	Found    int       `json:"found,omitempty"`    // of these, more than one fax was found
	Last     time.Time `json:"last,omitzero"`      // time of the last answer
}

// Try is one finished try, kept for the audit trail.
type Try struct {
	N       int       `json:"n"`
	Service string    `json:"service"`
	FaxID   string    `json:"fax_id,omitempty"`
	Ended   time.Time `json:"ended"`
	Reason  Reason    `json:"reason"`
	Code    string    `json:"code,omitempty"` // the service's own
}

// Delivery is one job to one recipient.
type Delivery struct {
	Recipient Recipient         `json:"recipient"`
	State     DeliveryState     `json:"state"`
	Since     time.Time         `json:"since"`              // when State began
	Try       int               `json:"try"`                // k of the key, from 1
	Route     []string          `json:"route"`              // fax services in order
	Service   string            `json:"service"`            // the present one of Route
	Due       time.Time         `json:"due,omitzero"`       // next time to act
	Failures  int               `json:"failures"`           // in a row, for the back-off
	Refs      map[string]string `json:"refs,omitempty"`     // the service's references of this try
	Offset    int64             `json:"offset,omitempty"`   // bytes the service holds
	FaxID     string            `json:"fax_id,omitempty"`   // the service's name of the fax
	Document  string            `json:"sha256,omitempty"`   // of the submitted document, hex
	Begun     time.Time         `json:"begun,omitzero"`     // when the present commit began
	Submitted time.Time         `json:"submitted,omitzero"` // when the service took it
	Searches  Searches          `json:"searches,omitzero"`
	Cancel    bool              `json:"cancel,omitempty"`    // somebody asked to cancel
	CancelNo  bool              `json:"cancel_no,omitempty"` // and the service refused
	Reason    Reason            `json:"reason,omitempty"`
	Code      string            `json:"code,omitempty"`     // the service's own
	Restarted time.Time         `json:"restarted,omitzero"` // when a person asked for another try
	DecidedBy string            `json:"decided_by,omitempty"`
	Pages     int               `json:"pages,omitempty"` // confirmed by the recipient's machine
	Tries     []Try             `json:"tries,omitempty"` // earlier ones
	Seq       uint64            `json:"seq,omitempty"`   // of the last news from the service
}

// The lanes that do not belong to a fax service.
const (
	LaneConvert  = "convert"  // jobs with pages to convert
	LaneDeadline = "deadline" // anything whose deadline has come
)

// SendLane is the lane of deliveries that wait to be sent by a fax service.
func SendLane(service string) string { return "send/" + service }

// TrackLane is the lane of deliveries that a fax service is asked about.
func TrackLane(service string) string { return "track/" + service }

// Lane returns the lane in which the delivery is worked on and from when; ok
// is false while only its deadline can move it. Uploading and Submitting are
// found in a lane only after the worker holding them died.
func (d *Delivery) Lane() (lane string, due time.Time, ok bool) {
	switch d.State {
	case Waiting, Uploading, Submitting:
		return SendLane(d.Service), d.Due, true
	case InDoubt, Submitted:
		return TrackLane(d.Service), d.Due, true
	case NeedsDecision, Unknown:
		// A person asked to look again, or late news is looked for, as long as Due
		// is set.
		return TrackLane(d.Service), d.Due, !d.Due.IsZero()
	}
	return "", time.Time{}, false
}
