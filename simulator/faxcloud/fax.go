package faxcloud

import (
	"time"

	"github.com/platen-fax/platen/protocols/faxplus"
)

// fax is one committed fax. Its fields do not change but for cancelled, which
// c.mu guards.
type fax struct {
	id, historyID string
	user          string
	from, to      string
	comment       faxplus.Comment
	when          time.Time
	rule          Rule
	doc           *document
	cancelled     bool
}

// key is what the sender wrote to find the fax by.
func (f *fax) key() string {
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

// state returns what the service says of f now.
func (c *Cloud) state(f *fax) faxplus.Status {
	c.mu.Lock()
	total, age := c.opts.SendTime, c.now().Sub(f.when)
	c.mu.Unlock()
	if f.rule.SendTime > 0 {
		total = f.rule.SendTime
	}
	switch step := total / 10; {
	case age < convertingAt*step:
		return faxplus.Submitted
	case age < scheduledAt*step:
		return faxplus.Converting
	case age < sendingAt*step:
		return faxplus.ScheduledForSending
	case age < total || f.rule.Outcome == Hang:
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
		if f.user == user && !f.cancelled && (!listed || now.Sub(f.when) >= c.opts.ListLag) {
			out = append(out, f)
		}
	}
	return out
}
