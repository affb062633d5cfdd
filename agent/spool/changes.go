package spool

import (
	"slices"
	"time"

	"github.com/platen-fax/platen/agent/job"
)

// Changes returns the events that lie between two versions of a job, without
// their sequence; before is nil for a new one. It is pure, so that every spool
// tells the same story.
func Changes(before, after *job.Job, at time.Time) []Event {
	event := func(k EventKind, recipient int) Event {
		return Event{
			At: at, Kind: k, Ref: Ref{after.ID, recipient}, Device: after.Device,
			State: after.State, Reason: after.Reason, Pages: len(after.Pages),
		}
	}
	if before == nil {
		return []Event{event(EventJob, 0)}
	}
	var out []Event
	if !slices.Equal(before.Pages, after.Pages) && after.Erased.Equal(before.Erased) {
		out = append(out, event(EventPage, 0))
	}
	if before.State != after.State {
		out = append(out, event(EventJob, 0))
	}
	for i := range after.Deliveries {
		var old job.Delivery
		if i < len(before.Deliveries) {
			old = before.Deliveries[i]
		}
		d := &after.Deliveries[i]
		e := event(EventDelivery, i+1)
		e.Delivery, e.Try, e.Service, e.Reason = d.State, d.Try, d.Service, d.Reason
		if old.State != d.State || old.Try != d.Try || old.Service != d.Service {
			out = append(out, e)
		}
		if (d.Cancel && !old.Cancel) || (d.CancelNo && !old.CancelNo) {
			e.Kind = EventCancel
			out = append(out, e)
		}
	}
	if after.Erased.After(before.Erased) {
		out = append(out, event(EventErased, 0))
	}
	return out
}
