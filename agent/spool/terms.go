package spool

import (
	"fmt"
	"slices"
	"time"

	"github.com/platen-fax/platen/agent/job"
)

// Same reports whether two terms promise the same: the same recipients' numbers
// in the same order by the same route, not before the same time. Grants are left
// out, because a second tap on Send makes fresh ones for the same promise.
func (t Terms) Same(o Terms) bool {
	return slices.EqualFunc(t.Recipients, o.Recipients, func(a, b job.Recipient) bool { return a.Number == b.Number }) &&
		slices.Equal(t.Route, o.Route) && t.NotBefore.Equal(o.NotBefore) &&
		(t.Owner.ID == o.Owner.ID || t.Owner.ID == "" || o.Owner.ID == "")
}

// Apply gives the promise: a draft, or an intake that waits for its owner, is
// captured, or without recipients waits for its owner. It refuses with
// ErrConflict, changing nothing, a job in any other state, one without pages, and terms
// with recipients but no route.
func (t Terms) Apply(j *job.Job, now time.Time) error {
	switch {
	case j.State == job.WaitingOwner && len(t.Recipients) > 0:
	case j.State != job.Draft:
		return fmt.Errorf("accept a job that is %s: %w", j.State, ErrConflict)
	case len(j.Pages) == 0:
		return fmt.Errorf("accept a job without pages: %w", ErrConflict)
	}
	if len(t.Recipients) > 0 && len(t.Route) == 0 {
		return fmt.Errorf("accept without a fax service: %w", ErrConflict)
	}
	if t.Owner != (job.Person{}) {
		j.Owner = t.Owner
	}
	j.Accepted, j.Changed, j.NotBefore = now, now, t.NotBefore
	j.Grants = slices.Clone(t.Grants)
	if len(t.Recipients) == 0 {
		j.State = job.WaitingOwner
		return nil
	}
	j.State = job.Captured
	j.Deliveries = make([]job.Delivery, len(t.Recipients))
	for i, r := range t.Recipients {
		j.Deliveries[i] = job.Delivery{
			Recipient: r, State: job.Pending, Since: now, Try: 1, Route: slices.Clone(t.Route), Service: t.Route[0],
		}
	}
	return nil
}
