package spooltest

import (
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

var workTests = []test{
	{name: "intent is durable before the request", run: func(w *world) {
		j := w.ready("+14165550100")
		c := w.to(j, job.Submitting)
		w.crash()
		d := w.get(j.ID).Delivery(1)
		if d.State != job.Submitting || d.Document != "c0ffee" || !d.Begun.Equal(w.clock.Now()) {
			w.Errorf("delivery after a crash = %+v; want the intent", d)
		}
		got := w.claim(job.SendLane("main"), c.Ref)
		w.ok(w.Outcome(w.Context(), got, job.Step{To: job.InDoubt, Cause: job.CauseAmbiguous, Due: w.clock.Now().Add(time.Minute)}), "Outcome")
		if cs := w.claims(job.SendLane("main")); len(cs) != 0 {
			w.Error("an uncertain fax is in the send lane")
		}
	}},
	{name: "a killed upload is due at once and keeps what the service holds", run: func(w *world) {
		j := w.ready("+14165550100")
		c := w.to(j, job.Uploading)
		w.ok(w.Progress(w.Context(), c, map[string]string{"upload": "u1"}, 4096), "Progress")
		w.crash()
		c = w.claim(job.SendLane("main"), c.Ref)
		if d := c.Delivery(); d.State != job.Uploading || d.Refs["upload"] != "u1" || d.Offset != 4096 {
			w.Errorf("delivery after a crash = %+v", d)
		}
	}},
	{name: "BeginSubmit wants a lease that outlasts the request", run: func(w *world) {
		j := w.ready("+14165550100")
		c := w.to(j, job.Uploading)
		w.clock.Advance(leaseTime - 5*time.Second)
		w.is(w.BeginSubmit(w.Context(), c, "c0ffee", 10*time.Second), spool.ErrFenced, "BeginSubmit")
		w.state(j.ID, 1, job.Uploading)
		w.ok(w.Extend(w.Context(), c, leaseTime), "Extend")
		w.ok(w.BeginSubmit(w.Context(), c, "c0ffee", 10*time.Second), "BeginSubmit")
		w.state(j.ID, 1, job.Submitting)
	}},
	{name: "the count of searches is durable", run: func(w *world) {
		j := w.ready("+14165550100")
		w.to(j, job.InDoubt)
		ref := spool.Ref{Job: j.ID, Recipient: 1}
		for i := 1; i <= 2; i++ {
			c := w.claim(job.TrackLane("main"), ref)
			n := c.Delivery().Searches
			n.Answered, n.Absent, n.Last = n.Answered+1, n.Absent+1, w.clock.Now()
			w.ok(w.Searched(w.Context(), c, n), "Searched")
			w.ok(w.Release(w.Context(), c, w.clock.Now().Add(time.Minute)), "Release")
			w.clock.Advance(time.Minute)
			w.crash()
			if got := w.get(j.ID).Delivery(1).Searches; got.Answered != i || got.Absent != i || !got.Last.Equal(n.Last) {
				w.Errorf("searches after %d = %+v", i, got)
			}
		}
		c := w.claim(job.TrackLane("main"), ref)
		w.ok(w.Outcome(w.Context(), c, job.Step{To: job.Waiting, Cause: job.CauseAbsent}), "absent")
		if d := w.get(j.ID).Delivery(1); d.State != job.Waiting || d.Try != 1 || d.Searches != (job.Searches{}) {
			w.Errorf("delivery = %+v; want waiting under the same key", d)
		}
	}},
	{name: "a step the table does not know changes nothing", run: func(w *world) {
		j := w.ready("+14165550100")
		c := w.to(j, job.Waiting)
		for _, s := range []job.Step{
			{To: job.Sent, Cause: job.CauseOutcome}, {To: job.Submitted, Cause: job.CauseAccepted}, {To: job.Uploading, Cause: job.CauseRetry},
		} {
			w.is(w.Advance(w.Context(), c, s), spool.ErrConflict, "Advance to "+string(s.To))
			w.is(w.Outcome(w.Context(), c, s), job.ErrStep, "Outcome to "+string(s.To))
		}
		w.state(j.ID, 1, job.Waiting)
		w.ok(w.Extend(w.Context(), c, leaseTime), "the claim after refused steps")
	}},
	{name: "a step into another lane is visible there at once", run: func(w *world) {
		j := w.ready("+14165550100")
		c := w.to(j, job.Waiting)
		w.ok(w.Outcome(w.Context(), c, job.Step{To: job.Waiting, Cause: job.CauseReroute, Service: "spare"}), "reroute")
		if d := w.claim(job.SendLane("spare"), c.Ref).Delivery(); d.Service != "spare" {
			w.Errorf("service = %s", d.Service)
		}
	}},
	{name: "the job closes with its last delivery", run: func(w *world) {
		j := w.ready("+14165550100", "+14165550101")
		w.to(j, job.Sent)
		if got := w.get(j.ID); got.State != job.Ready {
			w.Errorf("job is %s with a delivery under way", got.State)
		}
		c := w.claim(job.SendLane("main"), spool.Ref{Job: j.ID, Recipient: 2})
		w.ok(w.Outcome(w.Context(), c, job.Step{To: job.DeliveryFailed, Cause: job.CauseRefused, Reason: job.ReasonBadNumber}), "refused")
		got := w.get(j.ID)
		if got.State != job.Closed || got.Outcome() != job.OutcomePartlySent || got.Ended.IsZero() {
			w.Errorf("job is %s, %s", got.State, got.Outcome())
		}
	}},
	{name: "news by the service's own id", run: func(w *world) {
		j := w.ready("+14165550100")
		w.to(j, job.Submitted)
		fax := "fax-" + string(j.ID)
		news := func(id string, seq uint64, s job.Step) bool {
			w.Helper()
			applied, err := w.SetDelivery(w.Context(), "main", id, seq, s)
			w.ok(err, "SetDelivery")
			return applied
		}
		_, err := w.SetDelivery(w.Context(), "main", "never heard of", 1, job.Step{})
		w.is(err, spool.ErrNotFound, "SetDelivery of an unknown fax")
		_, err = w.SetDelivery(w.Context(), "spare", fax, 1, job.Step{})
		w.is(err, spool.ErrNotFound, "SetDelivery of another service")
		c := w.claim(job.TrackLane("main"), spool.Ref{Job: j.ID, Recipient: 1})
		if !news(fax, 5, job.Step{To: job.Sent, Cause: job.CauseOutcome, Pages: 1}) {
			w.Error("news were not applied")
		}
		w.is(w.Outcome(w.Context(), c, job.Step{To: job.DeliveryFailed, Cause: job.CauseOutcome}), spool.ErrFenced, "the tracker that lost to the news")
		w.crash()
		for _, seq := range []uint64{4, 5, 6} {
			if news(fax, seq, job.Step{To: job.DeliveryFailed, Cause: job.CauseOutcome, Reason: job.ReasonBusy}) {
				w.Errorf("news %d took back what was sent", seq)
			}
		}
		w.state(j.ID, 1, job.Sent)
	}},
	{name: "late news on a fax given up", run: func(w *world) {
		j := w.ready("+14165550100")
		w.to(j, job.Submitted)
		w.clock.Advance(w.limits.Unknown)
		ref := spool.Ref{Job: j.ID, Recipient: 1}
		c := w.claim(job.LaneDeadline, ref)
		w.ok(w.Expire(w.Context(), c, job.ExpireDelivery), "Expire")
		if got := w.get(j.ID); got.State != job.Closed || got.Outcome() != job.OutcomeUnknown {
			w.Fatalf("job is %s, %s", got.State, got.Outcome())
		}
		c = w.claim(job.TrackLane("main"), ref)
		w.ok(w.Release(w.Context(), c, time.Time{}), "Release for good")
		if cs := w.claims(job.TrackLane("main")); len(cs) != 0 {
			w.Error("a fax without due time is in a lane")
		}
		applied, err := w.SetDelivery(w.Context(), "main", "fax-"+string(j.ID), 1, job.Step{To: job.Sent, Cause: job.CauseOutcome, Pages: 1})
		if err != nil || !applied {
			w.Fatalf("SetDelivery = %v, %v", applied, err)
		}
		if got := w.get(j.ID); got.State != job.Closed || got.Outcome() != job.OutcomeSent {
			w.Errorf("job is %s, %s; want closed, sent", got.State, got.Outcome())
		}
	}},
	{name: "a new try forgets the old fax", run: func(w *world) {
		j := w.ready("+14165550100")
		w.to(j, job.Submitted)
		c := w.claim(job.TrackLane("main"), spool.Ref{Job: j.ID, Recipient: 1})
		w.ok(w.Outcome(w.Context(), c, job.Step{To: job.Waiting, Cause: job.CauseRetry, Reason: job.ReasonBusy, Due: w.clock.Now()}), "retry")
		if d := w.get(j.ID).Delivery(1); d.Try != 2 || d.FaxID != "" || len(d.Tries) != 1 || d.Tries[0].Reason != job.ReasonBusy {
			w.Errorf("delivery = %+v", d)
		}
		_, err := w.SetDelivery(w.Context(), "main", "fax-"+string(j.ID), 9, job.Step{To: job.Sent, Cause: job.CauseOutcome})
		w.is(err, spool.ErrNotFound, "news of the old fax")
	}},
}
