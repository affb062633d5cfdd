package admin

import (
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/number"
)

// Job is a job as IT sees it: no number in full, no page, no authority.
type Job struct {
	ID         job.ID      `json:"id"`
	Number     string      `json:"number"` // the one people read
	Device     string      `json:"device"`
	Owner      string      `json:"owner,omitempty"` // the person's name
	State      job.State   `json:"state"`
	Outcome    job.Outcome `json:"outcome,omitempty"`
	Pages      int         `json:"pages"`
	Created    time.Time   `json:"created"`
	Accepted   time.Time   `json:"accepted,omitzero"`
	NotBefore  time.Time   `json:"not_before,omitzero"`
	Ended      time.Time   `json:"ended,omitzero"`
	Erased     time.Time   `json:"erased,omitzero"` // when the pages were
	Reason     job.Reason  `json:"reason,omitempty"`
	Detail     string      `json:"detail,omitempty"`
	Deliveries []Delivery  `json:"deliveries"`
}

// Delivery is one recipient of a job.
type Delivery struct {
	Recipient int               `json:"recipient"` // from 1
	To        string            `json:"to"`        // masked
	State     job.DeliveryState `json:"state"`
	Since     time.Time         `json:"since"`
	Service   string            `json:"service,omitempty"`
	Try       int               `json:"try"`
	Due       time.Time         `json:"due,omitzero"` // when something is done next
	Cancel    bool              `json:"cancel,omitempty"`
	Reason    job.Reason        `json:"reason,omitempty"`
	Code      string            `json:"code,omitempty"` // the fax service's own
	FaxID     string            `json:"fax_id,omitempty"`
	Pages     int               `json:"pages,omitempty"` // confirmed by the recipient's machine
	DecidedBy string            `json:"decided_by,omitempty"`
	Tries     []job.Try         `json:"tries,omitempty"` // earlier ones
}

// view makes what may be shown of a job.
func view(j *job.Job) Job {
	v := Job{
		ID: j.ID, Number: j.Number, Device: j.Device, Owner: j.Owner.Name, State: j.State, Outcome: j.Outcome(), Pages: len(j.Pages),
		Created: j.Created, Accepted: j.Accepted, NotBefore: j.NotBefore, Ended: j.Ended, Erased: j.Erased,
		Reason: j.Reason, Detail: j.Detail, Deliveries: make([]Delivery, len(j.Deliveries)),
	}
	for i, d := range j.Deliveries {
		v.Deliveries[i] = Delivery{
			Recipient: i + 1, To: number.Mask(d.Recipient.Number), State: d.State, Since: d.Since, Service: d.Service, Try: d.Try,
			Due: d.Due, Cancel: d.Cancel && !d.State.Final(), Reason: d.Reason, Code: d.Code, FaxID: d.FaxID, Pages: d.Pages,
			DecidedBy: d.DecidedBy, Tries: d.Tries,
		}
	}
	return v
}
