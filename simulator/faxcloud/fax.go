package faxcloud

import (
	"time"

	"github.com/platen-fax/platen/protocols/faxplus"
)

// The services, as ledger, faults and calls name them.
const (
	FaxPlus = "faxplus"
	XMCloud = "xmcloud"
)

// Services lists them.
func Services() []string { return []string{FaxPlus, XMCloud} }

// fax is one committed fax. Its fields do not change but for cancelled, which
// c.mu guards.
type fax struct {
	service       string // whose ledger line it is
	id, historyID string
	user          string
	owner         string // a person of the account, "" for the account itself
	from, to      string
	reference     string // what the sender wrote to find it by, where there is a field for it
	comment       faxplus.Comment
	when          time.Time
	rule          Rule
	doc           *document
	uploaded      int64 // bytes it took to bring the document, 0 where nobody counts
	cancelled     bool
}

// key is what the sender wrote to find the fax by.
func (f *fax) key() string {
	if f.reference != "" {
		return f.reference
	}
	if len(f.comment.Tags) > 0 {
		return f.comment.Tags[0]
	}
	return f.comment.Text
}

// The way of a fax through the outbox, in tenths of its send time.
const (
	convertingAt = 1
	scheduledAt  = 3
	sendingAt    = 4
)

// progress returns how far f is now, in tenths of its send time; 10 is the end.
func (c *Cloud) progress(f *fax) int {
	c.mu.Lock()
	total, age := c.opts.SendTime, c.now().Sub(f.when)
	c.mu.Unlock()
	if f.rule.SendTime > 0 {
		total = f.rule.SendTime
	}
	if age >= total {
		if f.rule.Outcome == Hang {
			return 9
		}
		return 10
	}
	return int(min(max(age, 0)/max(total/10, 1), 9))
}

// status returns what f's service says of it now.
func (c *Cloud) status(f *fax) string {
	if f.service == XMCloud {
		state, reason := c.xmState(f)
		if reason != "" {
			return string(state) + " " + string(reason)
		}
		return string(state)
	}
	return string(c.state(f))
}

// state returns what Fax.Plus says of f now.
func (c *Cloud) state(f *fax) faxplus.Status {
	switch tenth := c.progress(f); {
	case tenth < convertingAt:
		return faxplus.Submitted
	case tenth < scheduledAt:
		return faxplus.Converting
	case tenth < sendingAt:
		return faxplus.ScheduledForSending
	case tenth < 10:
		return faxplus.Sending
	}
	switch {
	case f.doc.mime != faxplus.TypeTIFF:
		return faxplus.FailedMimetypeNotSupported
	case f.doc.read().err != nil:
		return faxplus.FailedConvertToTIFFIssue
	case f.rule.Outcome == Busy:
		return faxplus.FailedUserBusy
	case f.rule.Outcome == Failed && f.rule.Reason != "":
		return faxplus.Status(f.rule.Reason)
	case f.rule.Outcome == Failed:
		return faxplus.Failed
	}
	return faxplus.Success
}

// faxesOf returns the faxes of an account that have not been cancelled, newest
// first. With listed, those still hidden by the list lag are left out.
func (c *Cloud) faxesOf(user string, listed bool) []*fax {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	var out []*fax
	for i := len(c.faxes) - 1; i >= 0; i-- {
		f := c.faxes[i]
		if f.service == FaxPlus && f.user == user && !f.cancelled && (!listed || now.Sub(f.when) >= c.opts.ListLag) {
			out = append(out, f)
		}
	}
	return out
}
