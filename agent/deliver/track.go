package deliver

import (
	"context"
	"errors"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// Track asks the service about claimed deliveries of the track lane: uncertain
// ones are searched for one by one, the others in one request. All claims are
// given back.
func (e *Engine) Track(ctx context.Context, claims []*spool.Claim) {
	var ask []*spool.Claim
	for _, c := range claims {
		d := c.Delivery()
		switch {
		case d.State == job.InDoubt:
			e.search(ctx, c)
		case d.State == job.NeedsDecision:
			e.look(ctx, c)
		case d.State == job.Submitted && d.Cancel && !d.CancelNo:
			e.withdraw(ctx, c)
		case d.State == job.Unknown && (d.FaxID == "" || e.now().After(d.Since.Add(e.policy.LateNews))):
			e.release(ctx, c, time.Time{})
		default:
			ask = append(ask, c)
		}
	}
	if len(ask) == 0 {
		return
	}
	ids := make([]string, len(ask))
	for i, c := range ask {
		ids[i] = c.Delivery().FaxID
	}
	tctx, cancel := context.WithTimeout(ctx, e.policy.SubmitTimeout)
	statuses, err := e.service.Track(tctx, ids)
	cancel()
	if err != nil {
		e.log.Warn("track", "faxes", len(ids), "err", err)
		if verdict(err) == Unauthorized {
			e.stopAccount(err)
		}
		for _, c := range ask {
			e.release(ctx, c, e.now().Add(e.backoff(3, err)))
		}
		return
	}
	for _, c := range ask {
		e.news(ctx, c, statuses[c.Delivery().FaxID])
	}
}

// news applies what the service says of one fax; the zero Status means that it
// did not mention it.
func (e *Engine) news(ctx context.Context, c *spool.Claim, s Status) {
	d := c.Delivery()
	late := d.State == job.Unknown
	switch {
	case s.State == job.Sent, s.State == job.DeliveryFailed && (late || !e.again(d, s.Reason)):
		step := job.Step{To: s.State, Cause: job.CauseOutcome, Reason: s.Reason, Code: s.Code, Pages: s.Pages}
		if late {
			step.Cause = job.CauseLateNews
		}
		e.record(ctx, c, step)
	case s.State == job.DeliveryFailed:
		due := e.now().Add(e.policy.LineRetry)
		e.record(ctx, c, job.Step{To: job.Waiting, Cause: job.CauseRetry, Due: due, Reason: s.Reason, Code: s.Code})
	case s.State == job.DeliveryCancelled && !late:
		e.record(ctx, c, job.Step{To: s.State, Cause: job.CauseOutcome, Code: s.Code})
	case late:
		e.release(ctx, c, e.now().Add(e.policy.LatePoll))
	default:
		e.release(ctx, c, e.now().Add(e.pollAfter(d)))
	}
}

// pollAfter asks often at first and less often for a fax that takes long.
func (e *Engine) pollAfter(d *job.Delivery) time.Duration {
	age := e.now().Sub(d.Submitted)
	return min(max(e.policy.Poll, age/8), 8*e.policy.Poll)
}

// again reports whether dialling once more is worth it.
func (e *Engine) again(d *job.Delivery, r job.Reason) bool {
	return r.Retryable() && !d.Cancel && d.Try < e.policy.LineTries
}

// withdraw asks the service to cancel a submitted fax. The service's answer
// decides; refused means that the fax goes on.
func (e *Engine) withdraw(ctx context.Context, c *spool.Claim) {
	tctx, cancel := context.WithTimeout(ctx, e.policy.SubmitTimeout)
	defer cancel()
	err := ErrTooLate
	if e.service.Capabilities().Cancel {
		err = e.service.Cancel(tctx, c.Delivery().FaxID)
	}
	switch {
	case err == nil:
		e.record(ctx, c, job.Step{To: job.DeliveryCancelled, Cause: job.CauseOutcome})
	case errors.Is(err, ErrTooLate):
		e.record(ctx, c, job.Step{To: job.Submitted, Cause: job.CauseTooLate, Due: e.now()})
	default:
		e.log.Warn("cancel", "job", c.Ref, "err", err)
		e.release(ctx, c, e.now().Add(e.policy.Poll))
	}
}

// look searches once, because a person asked to, for a fax that needs a
// decision. What is not found stays a question for the person.
func (e *Engine) look(ctx context.Context, c *spool.Claim) {
	tctx, cancel := context.WithTimeout(ctx, e.policy.SubmitTimeout)
	defer cancel()
	found, err := e.service.Search(tctx, e.fax(c, Document{}))
	if err == nil && len(found) == 1 {
		e.record(ctx, c, job.Step{To: job.Submitted, Cause: job.CauseFound, FaxID: found[0], Due: e.now()})
		return
	}
	e.log.Info("fax was not found", "job", c.Ref, "faxes", len(found), "err", err)
	e.release(ctx, c, time.Time{})
}

// search resolves a doubt. Nothing is sent again before two answered searches,
// one settle apart, did not find the fax.
func (e *Engine) search(ctx context.Context, c *spool.Claim) {
	if e.service.Capabilities().Dedupe == DedupeNone {
		e.record(ctx, c, job.Step{To: job.NeedsDecision, Cause: job.CauseNoSearch})
		return
	}
	tctx, cancel := context.WithTimeout(ctx, e.policy.SubmitTimeout)
	defer cancel()
	found, err := e.service.Search(tctx, e.fax(c, Document{}))
	switch {
	case errors.Is(err, ErrNotSearchable):
		e.record(ctx, c, job.Step{To: job.NeedsDecision, Cause: job.CauseNoSearch})
		return
	case err != nil:
		// Time without an answer does not count.
		e.log.Warn("search", "job", c.Ref, "err", err)
		if verdict(err) == Unauthorized {
			e.stopAccount(err)
		}
		e.release(ctx, c, e.now().Add(e.settle()))
		return
	}
	if len(found) == 1 {
		e.record(ctx, c, job.Step{To: job.Submitted, Cause: job.CauseFound, FaxID: found[0], Due: e.now()})
		return
	}
	s := c.Delivery().Searches
	s.Answered, s.Last = s.Answered+1, e.now()
	if len(found) == 0 {
		s.Absent++
	} else {
		s.Found, s.Absent = s.Found+1, 0
		e.log.Error("fax service holds several faxes under one key", "job", c.Ref, "faxes", len(found))
	}
	switch {
	case s.Absent >= 2:
		e.record(ctx, c, job.Step{To: job.Waiting, Cause: job.CauseAbsent, Due: e.now()})
	case s.Answered >= 3:
		e.record(ctx, c, job.Step{To: job.NeedsDecision, Cause: job.CauseNoSearch})
	default:
		if err := e.spool.Searched(ctx, c, s); err != nil {
			e.log.Warn("search was not recorded", "job", c.Ref, "err", err)
		}
		e.release(ctx, c, e.now().Add(e.settle()))
	}
}
