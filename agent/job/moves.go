package job

import (
	"fmt"
	"slices"
	"time"
)

// Move makes a step of delivery r, counted from 1, and settles the job. A
// delivery that somebody wants cancelled and that the service provably does not
// have is cancelled instead of waiting again. Refusals wrap ErrStep and change
// nothing.
func (j *Job) Move(r int, s Step) error {
	d := j.Delivery(r)
	if d == nil {
		return fmt.Errorf("%w: job has no recipient %d", ErrStep, r)
	}
	next, err := d.Step(s)
	if err != nil {
		return err
	}
	if next.Cancel && cancelsAtOnce(next.State) {
		if next, err = next.Step(Step{To: DeliveryCancelled, Cause: CauseCancel, At: s.At}); err != nil {
			return err
		}
	}
	*d = next
	j.Settle(s.At)
	return nil
}

// cancelsAtOnce reports whether the agent alone holds the delivery.
func cancelsAtOnce(s DeliveryState) bool {
	return s == Pending || s == Waiting || s == NeedsSignIn || s == Uploading
}

// Cancel carries out or notes the wish to cancel delivery r, or with r 0 every
// delivery that is not final. It may be repeated. It is refused with ErrStep
// where nothing can be cancelled any more: before the promise, in a final state
// other than cancelled, and while a person's decision is awaited.
func (j *Job) Cancel(r int, now time.Time) error {
	if j.State != Captured && j.State != Ready {
		if j.State == Cancelled {
			return nil
		}
		if j.State != Closed {
			return fmt.Errorf("%w: a job that is %s cannot be cancelled", ErrStep, j.State)
		}
	}
	var refused error
	var done int
	for n := 1; n <= len(j.Deliveries); n++ {
		if r != 0 && r != n {
			continue
		}
		if err := j.Deliveries[n-1].cancel(now); err != nil {
			refused = err
			continue
		}
		done++
	}
	switch {
	case done == 0 && refused != nil:
		return refused
	case done == 0 && r != 0:
		return fmt.Errorf("%w: job has no recipient %d", ErrStep, r)
	}
	if j.State == Captured && !slices.ContainsFunc(j.Deliveries, func(d Delivery) bool { return d.State != DeliveryCancelled }) {
		j.State, j.Ended = Cancelled, now
	}
	j.Settle(now)
	return nil
}

func (d *Delivery) cancel(now time.Time) error {
	switch {
	case d.State == DeliveryCancelled:
		return nil
	case cancelsAtOnce(d.State):
		next, err := d.Step(Step{To: DeliveryCancelled, Cause: CauseCancel, At: now})
		if err != nil {
			return err
		}
		*d = next
		d.Cancel = true
		return nil
	case d.State == Submitting, d.State == InDoubt:
		d.Cancel = true
		return nil
	case d.State == Submitted:
		// Asked again after a refusal, the service is asked again.
		d.Cancel, d.CancelNo, d.Due = true, false, now
		return nil
	}
	return fmt.Errorf("%w: a delivery that is %s cannot be cancelled", ErrStep, d.State)
}

// Retry starts a new try of failed delivery r, or with r 0 of every failed one;
// refused with ErrStep when there is none. That the pages still exist is for
// the caller to check.
func (j *Job) Retry(r int, now time.Time) error {
	if j.State != Ready && j.State != Closed {
		return fmt.Errorf("%w: a job that is %s has nothing to retry", ErrStep, j.State)
	}
	var done int
	for n := range j.Deliveries {
		if (r != 0 && r != n+1) || j.Deliveries[n].State != DeliveryFailed {
			continue
		}
		next, err := j.Deliveries[n].Step(Step{To: Waiting, Cause: CausePerson, At: now, Due: now})
		if err != nil {
			return err
		}
		j.Deliveries[n] = next
		done++
	}
	if done == 0 {
		return fmt.Errorf("%w: no failed delivery to retry", ErrStep)
	}
	j.Settle(now)
	return nil
}

// Regrant replaces the authority of the job and wakes the deliveries that wait
// for it and now have a valid grant. A grant of another person than the owner
// is refused with ErrStep.
func (j *Job) Regrant(grants []Grant, now time.Time) error {
	if j.State != WaitingOwner && j.State != Captured && j.State != Ready && j.State != Closed {
		return fmt.Errorf("%w: a job that is %s takes no grant", ErrStep, j.State)
	}
	for _, g := range grants {
		if g.Kind != GrantAccount && (g.Person == "" || g.Person != j.Owner.ID) {
			return fmt.Errorf("%w: grant for %s is not the owner's", ErrStep, g.Service)
		}
	}
	j.Grants = slices.Clone(grants)
	for n := range j.Deliveries {
		d := &j.Deliveries[n]
		g, ok := j.GrantFor(d.Service)
		if d.State != NeedsSignIn || !ok || !g.Valid(now) {
			continue
		}
		due := now
		if j.NotBefore.After(due) {
			due = j.NotBefore
		}
		if err := j.Move(n+1, Step{To: Waiting, Cause: CauseSignedIn, At: now, Due: due}); err != nil {
			return err
		}
	}
	return nil
}

// Prepare moves a captured job on once the fate of every page is settled: to
// ready with its deliveries waiting, or to failed when a page was refused. It
// returns whether the state changed.
func (j *Job) Prepare(now time.Time) bool {
	if j.State != Captured || !j.Converted() || len(j.Pages) == 0 {
		return false
	}
	if n, why := j.RefusedPage(); n > 0 {
		return j.Fail(ReasonDocumentRejected, fmt.Sprintf("page %d: %s", n, why), now)
	}
	j.State = Ready
	for n := range j.Deliveries {
		if j.Deliveries[n].State != Pending {
			continue // cancelled while captured
		}
		s := Step{To: Waiting, Cause: CauseReady, At: now, Due: j.NotBefore}
		if s.Due.IsZero() {
			s.Due = now
		}
		if next, err := j.Deliveries[n].Step(s); err == nil {
			j.Deliveries[n] = next
		}
	}
	j.Settle(now)
	return true
}

// Fail ends a captured job whose document cannot become a fax, with every
// delivery that is still pending. detail is for IT and holds no personal data.
// It returns false, and changes nothing, in any other state.
func (j *Job) Fail(reason Reason, detail string, now time.Time) bool {
	if j.State != Captured {
		return false
	}
	j.State, j.Ended, j.Reason, j.Detail = Failed, now, reason, detail
	for n := range j.Deliveries {
		s := Step{To: DeliveryFailed, Cause: CauseRefused, At: now, Reason: reason}
		if next, err := j.Deliveries[n].Step(s); err == nil {
			j.Deliveries[n] = next
		}
	}
	return true
}

// Discard ends a draft or an unclaimed intake; ErrStep in any other state.
func (j *Job) Discard(why string, now time.Time) error {
	if j.State != Draft && j.State != WaitingOwner {
		return fmt.Errorf("%w: a job that is %s cannot be discarded", ErrStep, j.State)
	}
	j.State, j.Ended, j.Detail = Discarded, now, why
	return nil
}
