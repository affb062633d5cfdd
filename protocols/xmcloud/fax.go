package xmcloud

import (
	"encoding/json"
	"fmt"
	"time"
)

// TicketRequest asks to turn a user's session into authority for one job.
type TicketRequest struct {
	DeviceID   string    `json:"device_id"`
	Job        string    `json:"job"`
	Recipients []string  `json:"recipients"` // E.164
	NotBefore  time.Time `json:"not_before,omitzero"`
	Until      time.Time `json:"until"`
}

// TicketAnswer answers it. Until may be earlier than asked.
type TicketAnswer struct {
	Result bool      `json:"result"`
	Ticket string    `json:"ticket"`
	Until  time.Time `json:"until"`
	User   User      `json:"user"`
}

// Ticket is what a job carries: the ticket and the device and job it is bound
// to, which have to be named beside it.
type Ticket struct {
	Ticket   string `json:"ticket"`
	DeviceID string `json:"device_id"`
	Job      string `json:"job"`
}

// Encode writes the ticket for storage with a job.
func (t Ticket) Encode() []byte {
	data, _ := json.Marshal(t) // strings only: never fails
	return data
}

// ParseTicket reads what Encode wrote. The error wraps [ErrWire].
func ParseTicket(data []byte) (Ticket, error) {
	var t Ticket
	if err := strict(data, &t); err != nil || t.Ticket == "" || t.DeviceID == "" || t.Job == "" {
		return Ticket{}, fmt.Errorf("ticket: %w", ErrWire) // no cause: it would quote
	}
	return t, nil
}

// State is where a fax is. An unknown one is passed through.
type State string

// The states. The last three are final.
const (
	Created    State = "created" // not committed
	Queued     State = "queued"
	Converting State = "converting"
	Sending    State = "sending"
	Sent       State = "sent"
	Failed     State = "failed"
	Cancelled  State = "cancelled"
)

// Final reports whether s is a documented state that does not change.
func (s State) Final() bool { return s == Sent || s == Failed || s == Cancelled }

// Reason says why a fax failed.
type Reason string

// The reasons of a failed fax.
const (
	ReasonBusy        Reason = "busy"
	ReasonNoAnswer    Reason = "no_answer"
	ReasonBadNumber   Reason = "bad_number"
	ReasonNotAllowed  Reason = "destination_not_allowed"
	ReasonNotAFax     Reason = "not_a_fax"
	ReasonLineDrop    Reason = "line_dropped"
	ReasonBadDocument Reason = "document_rejected"
	ReasonTooManyPage Reason = "too_many_pages"
	ReasonCredit      Reason = "insufficient_credit"
	ReasonService     Reason = "internal_error"
	ReasonOther       Reason = "failed"
)

// Reasons lists the documented reasons.
func Reasons() []Reason {
	return []Reason{
		ReasonBusy, ReasonNoAnswer, ReasonBadNumber, ReasonNotAllowed, ReasonNotAFax, ReasonLineDrop,
		ReasonBadDocument, ReasonTooManyPage, ReasonCredit, ReasonService, ReasonOther,
	}
}

// Document describes the bytes that will be uploaded.
type Document struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hex, lower case
}

// CreateRequest announces a fax. Reference is the sender's own name for it;
// asking again with the same one answers with the same fax. At most one of
// OnBehalfOf (a user's id or e-mail address) and Ticket is set; Job goes with
// Ticket.
type CreateRequest struct {
	Reference  string   `json:"reference"`
	DeviceID   string   `json:"device_id"`
	To         string   `json:"to"` // E.164
	From       string   `json:"from,omitempty"`
	Resolution string   `json:"resolution,omitempty"` // standard, fine
	Document   Document `json:"document"`
	OnBehalfOf string   `json:"on_behalf_of,omitempty"`
	Ticket     string   `json:"ticket,omitempty"`
	Job        string   `json:"job,omitempty"`
}

// CommitRequest makes a created fax a fax. It repeats what the fax is, so that
// it cannot commit anything else.
type CommitRequest struct {
	Reference string `json:"reference"`
	To        string `json:"to"`
	SHA256    string `json:"sha256"`
	Size      int64  `json:"size"`
}

// Fax is a fax as the service shows it.
type Fax struct {
	ID          string    `json:"id"`
	Reference   string    `json:"reference"`
	State       State     `json:"state"`
	Reason      Reason    `json:"reason,omitempty"`
	To          string    `json:"to"`
	Owner       string    `json:"owner,omitempty"` // a user's id
	Offset      int64     `json:"offset"`          // bytes of the document the service holds
	Size        int64     `json:"size"`
	ChunkMax    int64     `json:"chunk_max,omitempty"`
	Pages       int       `json:"pages,omitempty"` // confirmed by the recipient's machine
	CommittedAt time.Time `json:"committed_at,omitzero"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"` // of one not committed
}

// FaxAnswer answers create, upload, commit and cancel.
type FaxAnswer struct {
	Result bool `json:"result"`
	Fax    Fax  `json:"fax"`
}

// FaxList answers status and search.
type FaxList struct {
	Result bool  `json:"result"`
	Faxes  []Fax `json:"faxes"`
}

// AccountAnswer answers a question about the connector's own account.
type AccountAnswer struct {
	Result      bool     `json:"result"`
	Account     string   `json:"account"`
	Region      string   `json:"region"`
	Permissions []string `json:"permissions"`
}

// Permissions of a connector.
const (
	MaySend       = "send"
	MaySendFor    = "send_on_behalf"
	MayTakeTicket = "tickets"
)
