package spooltest

import (
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

var acceptTests = []test{
	{name: "accepted means stored", run: func(w *world) {
		j := w.accepted("+14165550100", "+14165550101")
		w.crash()
		got := w.get(j.ID)
		if diff := cmp.Diff(j, got); diff != "" {
			w.Errorf("job after a crash (-accepted +reopened):\n%s", diff)
		}
		if got.State != job.Captured || len(got.Deliveries) != 2 || got.Deliveries[1].State != job.Pending || got.Deliveries[1].Try != 1 {
			w.Errorf("accepted job = %+v", got)
		}
	}},
	{name: "repeated it is the same job, and every time a write", run: func(w *world) {
		j := w.accepted("+14165550100")
		w.clock.Advance(time.Minute)
		again, err := w.Accept(w.Context(), j.ID, terms("+14165550100"))
		w.ok(err, "Accept again")
		if diff := cmp.Diff(j, again); diff != "" {
			w.Errorf("second answer differs:\n%s", diff)
		}
		if got := w.Newest(); !got.Equal(w.clock.Now()) {
			w.Errorf("Newest = %v; want %v, the time of the repeated write", got, w.clock.Now())
		}
		w.convert(j.ID)
		w.to(w.get(j.ID), job.Sent)
		again, err = w.Accept(w.Context(), j.ID, terms("+14165550100"))
		if err != nil || again.State != job.Closed {
			w.Errorf("Accept of the closed job = %v; want the job as it is", err)
		}
	}},
	{name: "other terms conflict", run: func(w *world) {
		j := w.accepted("+14165550100")
		late := terms("+14165550100")
		late.NotBefore = w.clock.Now().Add(time.Hour)
		route := terms("+14165550100")
		route.Route = []string{"spare"}
		for name, t := range map[string]spool.Terms{
			"another number": terms("+14165550199"), "one more": terms("+14165550100", "+14165550101"),
			"later": late, "another route": route, "nobody": {},
		} {
			_, err := w.Accept(w.Context(), j.ID, t)
			w.is(err, spool.ErrConflict, "Accept with "+name)
		}
	}},
	{name: "what cannot be promised", run: func(w *world) {
		_, err := w.Accept(w.Context(), w.newID(), terms("+14165550100"))
		w.is(err, spool.ErrNotFound, "Accept of nothing")
		empty := w.drafted(0)
		_, err = w.Accept(w.Context(), empty.ID, terms("+14165550100"))
		w.is(err, spool.ErrConflict, "Accept without pages")
		j := w.drafted(1)
		_, err = w.Accept(w.Context(), j.ID, spool.Terms{Recipients: terms("+14165550100").Recipients})
		w.is(err, spool.ErrConflict, "Accept without a route")
		w.ok(w.Discard(w.Context(), j.ID, "test"), "Discard")
		_, err = w.Accept(w.Context(), j.ID, terms("+14165550100"))
		w.is(err, spool.ErrConflict, "Accept of a discarded draft")
	}},
	{name: "an intake waits for its owner and is accepted a second time", run: func(w *world) {
		j := w.drafted(1)
		j, err := w.Accept(w.Context(), j.ID, spool.Terms{})
		w.ok(err, "Accept")
		if j.State != job.WaitingOwner {
			w.Fatalf("state = %s; want %s", j.State, job.WaitingOwner)
		}
		w.clock.Advance(70 * time.Hour)
		t := terms("+14165550100")
		t.Owner = job.Person{ID: "bob"}
		j, err = w.Accept(w.Context(), j.ID, t)
		w.ok(err, "Accept by the owner")
		if j.State != job.Captured || j.Owner.ID != "bob" {
			w.Errorf("job is %s of %s; want captured of bob", j.State, j.Owner.ID)
		}
		if got := w.claims(job.LaneDeadline); len(got) != 0 {
			w.Errorf("the time it waited counts against its conversion")
		}
		if j, err = w.Accept(w.Context(), j.ID, spool.Terms{}); err != nil || j.State != job.Captured {
			w.Errorf("the device's repetition = %s, %v; want the job as it is", j.State, err)
		}
	}},
	{name: "pages are fixed by the promise", run: func(w *world) {
		j := w.accepted("+14165550100")
		_, err := w.AddPage(w.Context(), j.ID, job.Page{}, nil)
		w.is(err, spool.ErrConflict, "AddPage")
		w.is(w.Drop(w.Context(), j.ID, j.Pages[0].Part), spool.ErrConflict, "Drop")
		w.is(w.Reorder(w.Context(), j.ID, []string{j.Pages[0].Part}), spool.ErrConflict, "Reorder")
		w.is(w.SetOptions(w.Context(), j.ID, job.Options{}), spool.ErrConflict, "SetOptions")
		w.is(w.Discard(w.Context(), j.ID, "no"), spool.ErrConflict, "Discard")
	}},
	{name: "an unclaimed intake is discarded in the end", run: func(w *world) {
		j := w.drafted(1)
		_, err := w.Accept(w.Context(), j.ID, spool.Terms{})
		w.ok(err, "Accept")
		w.clock.Advance(w.limits.WaitingOwner)
		c := w.claim(job.LaneDeadline, spool.Ref{Job: j.ID})
		w.ok(w.Expire(w.Context(), c, job.ExpireDiscard), "Expire")
		if got := w.get(j.ID); got.State != job.Discarded || got.Erased.IsZero() {
			w.Errorf("intake is %s, erased %v", got.State, got.Erased)
		}
	}},
}
