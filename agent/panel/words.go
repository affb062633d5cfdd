package panel

import (
	"github.com/platen-fax/platen/agent/job"
)

// line is what became of one delivery, in plain words. Tone is "safe", "turn"
// (a person is needed), "failed", or "" while it is under way; the page shows a
// sign for each, because colour alone says nothing.
type line struct {
	Tone, Text string
}

// Tones.
const (
	toneSafe   = "safe"
	toneTurn   = "turn"
	toneFailed = "failed"
)

// line tells about recipient r, from 1.
func (p *Panel) line(v *visit, j *job.Job, r int) line {
	d := j.Delivery(r)
	if j.State == job.Failed {
		return line{toneFailed, v.T("line.failed", v.T("reason."+reasonKey(j.Reason)))}
	}
	if d.Cancel && !d.State.Final() && !d.CancelNo {
		return line{"", v.T("line.cancelling")}
	}
	switch d.State {
	case job.Pending:
		return line{"", v.T("line.preparing")}
	case job.Waiting:
		switch {
		case j.NotBefore.After(p.opt.Clock()):
			return line{"", v.T("line.later", p.clock(j.NotBefore))}
		case d.Reason != job.ReasonNone && d.Due.After(p.opt.Clock()):
			return line{"", v.T("line.again", v.T("reason."+reasonKey(d.Reason)), p.clock(d.Due))}
		case d.Due.After(p.opt.Clock()):
			return line{"", v.T("line.againat", p.clock(d.Due))}
		}
		return line{"", v.T("line.waiting")}
	case job.NeedsSignIn:
		return line{toneTurn, v.T("line.signin")}
	case job.Uploading, job.Submitting:
		return line{"", v.T("line.uploading")}
	case job.InDoubt:
		return line{"", v.T("line.indoubt")}
	case job.NeedsDecision:
		return line{toneTurn, v.T("line.decide")}
	case job.Submitted:
		if d.CancelNo {
			return line{"", v.T("line.toolate")}
		}
		return line{"", v.T("line.submitted")}
	case job.Sent:
		return line{toneSafe, v.T("line.sent", p.clock(d.Since))}
	case job.DeliveryFailed:
		return line{toneFailed, v.T("line.failed", v.T("reason."+reasonKey(d.Reason)))}
	case job.DeliveryCancelled:
		return line{"", v.T("line.cancelled")}
	}
	return line{toneTurn, v.T("line.unknown")}
}

func reasonKey(r job.Reason) string {
	if r == job.ReasonNone {
		return string(job.ReasonUnknown)
	}
	return string(r)
}

// summary tells about all recipients of a job in one line: the one somebody has
// to act on first.
func (p *Panel) summary(v *visit, j *job.Job) line {
	if j.State == job.WaitingOwner {
		return line{toneTurn, v.T("line.owner")}
	}
	best, rank := line{"", v.T("line.preparing")}, -1
	for i := range j.Deliveries {
		l := p.line(v, j, i+1)
		n := map[string]int{toneTurn: 3, toneFailed: 2, "": 1, toneSafe: 0}[l.Tone]
		if n > rank {
			best, rank = l, n
		}
	}
	return best
}
