package spooltest

import (
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

var peopleTests = []test{
	{name: "cancel, by state", run: func(w *world) {
		for _, tt := range []struct {
			in   job.DeliveryState
			want job.DeliveryState
			flag bool
			err  error
		}{
			{job.Waiting, job.DeliveryCancelled, true, nil},
			{job.NeedsSignIn, job.DeliveryCancelled, true, nil},
			{job.Uploading, job.DeliveryCancelled, true, nil},
			{job.Submitting, job.Submitting, true, nil},
			{job.InDoubt, job.InDoubt, true, nil},
			{job.Submitted, job.Submitted, true, nil},
			{job.NeedsDecision, job.NeedsDecision, false, spool.ErrConflict},
			{job.Sent, job.Sent, false, spool.ErrConflict},
			{job.DeliveryFailed, job.DeliveryFailed, false, spool.ErrConflict},
			{job.Unknown, job.Unknown, false, spool.ErrConflict},
		} {
			j := w.ready("+14165550100")
			c := w.to(j, tt.in)
			ref := spool.Ref{Job: j.ID, Recipient: 1}
			for _, r := range []spool.Ref{ref, {Job: j.ID}, ref} {
				if err := w.Cancel(w.Context(), r); (tt.err == nil) != (err == nil) {
					w.Errorf("Cancel(%s) in %s = %v; want %v", r, tt.in, err, tt.err)
				}
			}
			w.crash()
			d := w.get(j.ID).Delivery(1)
			if d.State != tt.want || d.Cancel != tt.flag {
				w.Errorf("%s after Cancel is %s, wish noted %v; want %s, %v", tt.in, d.State, d.Cancel, tt.want, tt.flag)
			}
			if c != nil && tt.want == job.DeliveryCancelled {
				w.is(w.Advance(w.Context(), c, job.Step{To: job.Uploading, Cause: job.CauseStart}), spool.ErrFenced, "the holder of a cancelled delivery")
			}
		}
	}},
	{name: "a cancelled upload cannot be submitted", run: func(w *world) {
		j := w.ready("+14165550100")
		c := w.to(j, job.Uploading)
		w.ok(w.Cancel(w.Context(), c.Ref), "Cancel")
		w.is(w.BeginSubmit(w.Context(), c, "c0ffee", time.Second), spool.ErrFenced, "BeginSubmit")
		if got := w.get(j.ID); got.State != job.Closed || got.Outcome() != job.OutcomeCancelled {
			w.Errorf("job is %s, %s", got.State, got.Outcome())
		}
	}},
	{name: "a wish to cancel takes effect when the doubt ends", run: func(w *world) {
		j := w.ready("+14165550100")
		w.to(j, job.InDoubt)
		ref := spool.Ref{Job: j.ID, Recipient: 1}
		w.ok(w.Cancel(w.Context(), ref), "Cancel")
		c := w.claim(job.TrackLane("main"), ref)
		w.ok(w.Outcome(w.Context(), c, job.Step{To: job.Waiting, Cause: job.CauseAbsent}), "absent")
		w.state(j.ID, 1, job.DeliveryCancelled)
	}},
	{name: "a refused cancel goes on, and may be asked again", run: func(w *world) {
		j := w.ready("+14165550100")
		w.to(j, job.Submitted)
		ref := spool.Ref{Job: j.ID, Recipient: 1}
		w.ok(w.Cancel(w.Context(), ref), "Cancel")
		c := w.claim(job.TrackLane("main"), ref)
		w.ok(w.Outcome(w.Context(), c, job.Step{To: job.Submitted, Cause: job.CauseTooLate}), "too late")
		if d := w.get(j.ID).Delivery(1); d.State != job.Submitted || !d.CancelNo {
			w.Errorf("delivery is %s, refused %v", d.State, d.CancelNo)
		}
	}},
	{name: "cancel while captured", run: func(w *world) {
		j := w.accepted("+14165550100", "+14165550101")
		c := w.claim(job.LaneConvert, spool.Ref{Job: j.ID})
		w.ok(w.Cancel(w.Context(), spool.Ref{Job: j.ID, Recipient: 1}), "Cancel one")
		if got := w.get(j.ID).State; got != job.Captured {
			w.Errorf("job is %s with a recipient left", got)
		}
		w.ok(w.Cancel(w.Context(), spool.Ref{Job: j.ID}), "Cancel all")
		if got := w.get(j.ID); got.State != job.Cancelled || got.Deliveries[1].State != job.DeliveryCancelled {
			w.Errorf("job is %s, delivery %s", got.State, got.Deliveries[1].State)
		}
		w.is(w.Commit(w.Context(), c, nil), spool.ErrFenced, "Commit of a cancelled job")
		w.ok(w.Cancel(w.Context(), spool.Ref{Job: j.ID}), "Cancel again")
		draft := w.drafted(1)
		w.is(w.Cancel(w.Context(), spool.Ref{Job: draft.ID}), spool.ErrConflict, "Cancel of a draft")
		w.is(w.Cancel(w.Context(), spool.Ref{Job: w.newID()}), spool.ErrNotFound, "Cancel of nothing")
		one := w.ready("+14165550100")
		w.is(w.Cancel(w.Context(), spool.Ref{Job: one.ID, Recipient: 2}), spool.ErrConflict, "Cancel of a recipient that is not there")
	}},
	{name: "a person's decision", run: func(w *world) {
		for _, tt := range []struct {
			v    spool.Verdict
			want job.DeliveryState
			try  int
		}{
			{spool.VerdictSent, job.Sent, 1}, {spool.VerdictAgain, job.Waiting, 2}, {spool.VerdictUnknown, job.Unknown, 1},
		} {
			j := w.ready("+14165550100")
			ref := spool.Ref{Job: j.ID, Recipient: 1}
			w.is(w.Decide(w.Context(), ref, tt.v, "ann"), spool.ErrConflict, "Decide before it is asked for")
			w.to(j, job.NeedsDecision)
			w.is(w.Decide(w.Context(), ref, "maybe", "ann"), spool.ErrConflict, "Decide maybe")
			w.ok(w.Decide(w.Context(), ref, tt.v, "ann"), "Decide")
			w.crash()
			if d := w.get(j.ID).Delivery(1); d.State != tt.want || d.Try != tt.try || d.DecidedBy != "ann" {
				w.Errorf("after %s: %s, try %d, by %q; want %s, try %d, by ann", tt.v, d.State, d.Try, d.DecidedBy, tt.want, tt.try)
			}
		}
	}},
	{name: "a person asks to look again", run: func(w *world) {
		j := w.ready("+14165550100")
		ref := spool.Ref{Job: j.ID, Recipient: 1}
		w.is(w.CheckNow(w.Context(), ref), spool.ErrConflict, "CheckNow before it is asked for")
		w.to(j, job.NeedsDecision)
		track := func() []*spool.Claim {
			claims, _, err := w.Claim(w.Context(), job.TrackLane("main"), 1, time.Minute)
			w.ok(err, "Claim")
			return claims
		}
		if len(track()) != 0 {
			w.Errorf("claimed before anybody asked")
		}
		w.ok(w.CheckNow(w.Context(), ref), "CheckNow")
		w.crash()
		claims := track()
		if len(claims) != 1 || claims[0].Ref != ref {
			w.Fatalf("claims %v; want %s", claims, ref)
		}
		w.ok(w.Release(w.Context(), claims[0], time.Time{}), "Release")
		if len(track()) != 0 {
			w.Errorf("claimed again after it was not found")
		}
		w.ok(w.CheckNow(w.Context(), ref), "CheckNow again")
		w.ok(w.Outcome(w.Context(), track()[0], job.Step{To: job.Submitted, Cause: job.CauseFound, FaxID: "f9"}), "found")
		w.is(w.CheckNow(w.Context(), spool.Ref{Job: j.ID, Recipient: 7}), spool.ErrNotFound, "CheckNow of nobody")
	}},
	{name: "retry opens a closed job and changes nothing but the try", run: func(w *world) {
		j := w.ready("+14165550100", "+14165550101")
		w.to(j, job.DeliveryFailed)
		c := w.claim(job.SendLane("main"), spool.Ref{Job: j.ID, Recipient: 2})
		w.ok(w.Outcome(w.Context(), c, job.Step{To: job.DeliveryFailed, Cause: job.CauseRefused, Reason: job.ReasonNotAFax}), "refused")
		before := w.get(j.ID)
		for n := 1; n <= 5; n++ {
			w.clock.Advance(time.Hour)
			w.ok(w.Retry(w.Context(), spool.Ref{Job: j.ID, Recipient: 1}), "Retry")
			w.is(w.Retry(w.Context(), spool.Ref{Job: j.ID, Recipient: 1}), spool.ErrConflict, "Retry of one under way")
			if got := w.get(j.ID); got.State != job.Ready || got.Delivery(1).Try != n+1 || len(got.Delivery(1).Tries) != n {
				w.Fatalf("after %d retries: %s, try %d", n, got.State, got.Delivery(1).Try)
			}
			w.to(j, job.DeliveryFailed)
		}
		after := w.get(j.ID)
		same := cmpopts.IgnoreFields(job.Delivery{}, "Tries", "Try", "Since", "Due", "Restarted")
		if diff := cmp.Diff(before, after, same, cmpopts.IgnoreFields(job.Job{}, "Ended")); diff != "" {
			w.Errorf("job after five retries (-before +after):\n%s", diff)
		}
		w.ok(w.Retry(w.Context(), spool.Ref{Job: j.ID}), "Retry of all")
		w.state(j.ID, 1, job.Waiting)
		w.state(j.ID, 2, job.Waiting)
		w.is(w.Retry(w.Context(), spool.Ref{Job: w.newID()}), spool.ErrNotFound, "Retry of nothing")
		w.is(w.Retry(w.Context(), spool.Ref{Job: w.accepted("+14165550100").ID}), spool.ErrConflict, "Retry before it is ready")
	}},
	{name: "a new grant of the owner wakes what waits for it", run: func(w *world) {
		j := w.ready("+14165550100")
		w.to(j, job.NeedsSignIn)
		grant := func(person string, until time.Time) []job.Grant {
			return []job.Grant{{Kind: job.GrantTicket, Service: "main", Account: "office", Person: person, Ticket: []byte("ticket"), Until: until}}
		}
		w.is(w.Regrant(w.Context(), j.ID, grant("bob", time.Time{})), spool.ErrConflict, "Regrant by another person")
		w.state(j.ID, 1, job.NeedsSignIn)
		w.ok(w.Regrant(w.Context(), j.ID, grant("ann", w.clock.Now().Add(-time.Second))), "Regrant with an expired grant")
		w.state(j.ID, 1, job.NeedsSignIn)
		w.ok(w.Regrant(w.Context(), j.ID, grant("ann", w.clock.Now().Add(time.Hour))), "Regrant")
		w.crash()
		w.state(j.ID, 1, job.Waiting)
		if g, ok := w.get(j.ID).GrantFor("main"); !ok || string(g.Ticket) != "ticket" {
			w.Errorf("grant = %v, %v", g, ok)
		}
		w.is(w.Regrant(w.Context(), w.drafted(1).ID, nil), spool.ErrConflict, "Regrant of a draft")
	}},
}

var erasureTests = []test{
	{name: "purge ends reading and trying, the record stays", run: func(w *world) {
		j := w.ready("+14165550100")
		w.is(w.Purge(w.Context(), j.ID), spool.ErrConflict, "Purge of a job under way")
		w.to(j, job.DeliveryFailed)
		_, err := w.part(j.ID, "page/0001")
		w.ok(err, "OpenPart before")
		for range 2 {
			w.ok(w.Purge(w.Context(), j.ID), "Purge")
			w.crash()
			for _, name := range []string{"page/0001", "fax/0001"} {
				_, _, err = w.OpenPart(w.Context(), j.ID, name)
				w.is(err, spool.ErrErased, "OpenPart "+name)
			}
			w.is(w.Retry(w.Context(), spool.Ref{Job: j.ID}), spool.ErrErased, "Retry")
			_, err = w.PutPart(w.Context(), j.ID, "fax/0001", nil)
			w.is(err, spool.ErrErased, "PutPart")
		}
		got := w.get(j.ID)
		if got.Erased.IsZero() || got.State != job.Closed || len(got.Grants) != 0 || got.Pages[0].Fax != "" || got.Pages[0].ScanSHA == "" {
			w.Errorf("job after Purge = %+v", got)
		}
	}},
	{name: "pages and records end by deadline", run: func(w *world) {
		for _, tt := range []struct {
			end  job.DeliveryState
			keep time.Duration
		}{{job.Sent, 0}, {job.DeliveryFailed, w.limits.FailedPages}} {
			j := w.ready("+14165550100")
			w.to(j, tt.end)
			ref := spool.Ref{Job: j.ID}
			if tt.keep > 0 {
				w.clock.Advance(tt.keep - time.Second)
				if cs := w.claims(job.LaneDeadline); len(cs) != 0 {
					w.Fatalf("%s: pages are due for erasure too early", tt.end)
				}
				w.clock.Advance(time.Second)
			}
			w.ok(w.Expire(w.Context(), w.claim(job.LaneDeadline, ref), job.ExpireErase), "Expire")
			if w.get(j.ID).Erased.IsZero() {
				w.Errorf("%s: pages are still there", tt.end)
			}
			w.clock.Advance(w.limits.Records)
			w.ok(w.Expire(w.Context(), w.claim(job.LaneDeadline, ref), job.ExpireForget), "Expire")
			w.crash()
			_, err := w.Get(w.Context(), j.ID)
			w.is(err, spool.ErrNotFound, "Get")
			jobs, _, err := w.List(w.Context(), spool.Filter{Number: j.Number}, "", 10)
			if err != nil || len(jobs) != 0 {
				w.Errorf("forgotten number finds %v, %v", jobs, err)
			}
			if tt.end == job.Sent {
				_, err = w.SetDelivery(w.Context(), "main", "fax-"+string(j.ID), 99, job.Step{})
				w.is(err, spool.ErrNotFound, "SetDelivery of a forgotten fax")
			}
		}
	}},
	{name: "discard erases, repeatedly", run: func(w *world) {
		j := w.drafted(2)
		for i := range 2 {
			w.ok(w.Discard(w.Context(), j.ID, "at the panel"), fmt.Sprint("Discard ", i))
		}
		got := w.get(j.ID)
		if got.State != job.Discarded || got.Erased.IsZero() || got.Detail != "at the panel" {
			w.Errorf("job is %s, erased %v, %q", got.State, got.Erased, got.Detail)
		}
		_, _, err := w.OpenPart(w.Context(), j.ID, "page/0001")
		w.is(err, spool.ErrErased, "OpenPart")
		w.is(w.Discard(w.Context(), w.newID(), ""), spool.ErrNotFound, "Discard of nothing")
	}},
	{name: "a retry in time wins over erasure", run: func(w *world) {
		j := w.ready("+14165550100")
		w.to(j, job.DeliveryFailed)
		w.clock.Advance(w.limits.FailedPages)
		c := w.claim(job.LaneDeadline, spool.Ref{Job: j.ID})
		w.ok(w.Retry(w.Context(), spool.Ref{Job: j.ID}), "Retry")
		w.is(w.Expire(w.Context(), c, job.ExpireErase), spool.ErrConflict, "Expire")
		_, err := w.part(j.ID, "fax/0001")
		w.ok(err, "OpenPart")
	}},
}
