package job

import "time"

// Limits holds how long each state may last. Every duration is a config key.
type Limits struct {
	DraftKeep    time.Duration // a signed-in person's draft, from its last change
	SharedIdle   time.Duration // a draft at a device without sign-in, from its last change
	WaitingOwner time.Duration // an intake nobody claims
	Convert      time.Duration // captured until ready
	GiveUp       time.Duration // waiting, uploading and needs-sign-in together
	InDoubt      time.Duration // without enough answered searches
	Decide       time.Duration // needs-decision
	Unknown      time.Duration // submitted without a final state
	LateNews     time.Duration // unknown is still tracked
	FailedPages  time.Duration // pages of a job that was not sent in full
	Records      time.Duration // records after the end
}

// DefaultLimits returns the limits of the design.
func DefaultLimits() Limits {
	return Limits{
		DraftKeep:    10 * time.Minute,
		SharedIdle:   60 * time.Second,
		WaitingOwner: 72 * time.Hour,
		Convert:      time.Hour,
		GiveUp:       24 * time.Hour,
		InDoubt:      24 * time.Hour,
		Decide:       72 * time.Hour,
		Unknown:      60 * time.Minute,
		LateNews:     72 * time.Hour,
		FailedPages:  72 * time.Hour,
		Records:      90 * 24 * time.Hour,
	}
}

// Expiry is what happens to a job when its deadline comes.
type Expiry string

// What a deadline does.
const (
	ExpireNothing  Expiry = ""
	ExpireDiscard  Expiry = "discard"  // a draft or an unclaimed intake ends
	ExpireFail     Expiry = "fail"     // the document never became a fax document
	ExpireDelivery Expiry = "delivery" // ask Delivery.Expired for the step
	ExpireErase    Expiry = "erase"    // the pages are destroyed
	ExpireForget   Expiry = "forget"   // the record is destroyed
)

// Deadline returns when the job itself must move and how. Every state has one;
// a Ready job's is that of its deliveries and comes back as ExpireNothing.
func (j *Job) Deadline(l Limits) (at time.Time, what Expiry) {
	switch j.State {
	case Draft:
		if j.Shared {
			return j.Changed.Add(l.SharedIdle), ExpireDiscard
		}
		return j.Changed.Add(l.DraftKeep), ExpireDiscard
	case WaitingOwner:
		return j.Accepted.Add(l.WaitingOwner), ExpireDiscard
	case Captured:
		return j.Accepted.Add(l.Convert), ExpireFail
	case Ready:
		return time.Time{}, ExpireNothing
	}
	if !j.Erased.IsZero() {
		return j.Ended.Add(l.Records), ExpireForget
	}
	if j.keepPages() {
		return j.Ended.Add(l.FailedPages), ExpireErase
	}
	return j.Ended, ExpireErase
}

// keepPages reports whether somebody may still want the pages of an ended job:
// as long as one delivery failed or is unknown.
func (j *Job) keepPages() bool {
	if j.State == Failed {
		return true
	}
	if j.State != Closed {
		return false
	}
	for _, d := range j.Deliveries {
		if d.State == DeliveryFailed || d.State == Unknown {
			return true
		}
	}
	return false
}

// Deadline returns when the delivery must leave its state, however often it was
// tried; the zero time for a final one and for Pending, which ends with its job.
// A change of service does not restart it.
func (d *Delivery) Deadline(j *Job, l Limits) time.Time {
	switch d.State {
	case Waiting, Uploading, NeedsSignIn:
		from := j.Accepted
		if j.NotBefore.After(from) {
			from = j.NotBefore
		}
		if d.Restarted.After(from) {
			from = d.Restarted
		}
		return from.Add(l.GiveUp)
	case Submitting:
		return d.Begun.Add(l.InDoubt)
	case InDoubt:
		return d.Since.Add(l.InDoubt)
	case NeedsDecision:
		return d.Since.Add(l.Decide)
	case Submitted:
		return d.Submitted.Add(l.Unknown)
	}
	return time.Time{}
}

// Expired returns the step a delivery takes when its deadline has come; ok is
// false when it has not.
func (d *Delivery) Expired(j *Job, l Limits, now time.Time) (s Step, ok bool) {
	at := d.Deadline(j, l)
	if at.IsZero() || now.Before(at) {
		return Step{}, false
	}
	s = Step{Cause: CauseDeadline, At: now}
	switch d.State {
	case Waiting, Uploading:
		s.To, s.Reason, s.Code = DeliveryFailed, d.Reason, d.Code
		if s.Reason == ReasonNone {
			s.Reason = ReasonService
		}
	case NeedsSignIn:
		s.To, s.Reason = DeliveryFailed, ReasonAuth
	case Submitting:
		s.To, s.Cause = InDoubt, CauseAmbiguous
	case InDoubt:
		s.To = NeedsDecision
	case NeedsDecision:
		s.To = Unknown
	case Submitted:
		s.To = Unknown
		s.Due = now // late news is looked for from here on
	default:
		return Step{}, false
	}
	return s, true
}
