package spooltest

import (
	"bytes"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

var claimTests = []test{
	{name: "oldest due first, and when the next is due", run: func(w *world) {
		var ids []job.ID
		for range 3 {
			ids = append(ids, w.ready("+14165550100").ID)
			w.clock.Advance(time.Second)
		}
		t := terms("+14165550101")
		t.NotBefore = w.clock.Now().Add(time.Hour)
		later := w.drafted(1)
		_, err := w.Accept(w.Context(), later.ID, t)
		w.ok(err, "Accept")
		w.convert(later.ID)
		cs, next, err := w.Claim(w.Context(), job.SendLane("main"), 2, leaseTime)
		w.ok(err, "Claim")
		if len(cs) != 2 || cs[0].Ref.Job != ids[0] || cs[1].Ref.Job != ids[1] {
			w.Fatalf("Claim = %v; want the two oldest of %v", cs, ids)
		}
		if next.After(w.clock.Now()) {
			w.Errorf("next = %v; want now, one more is due", next)
		}
		cs, next, err = w.Claim(w.Context(), job.SendLane("main"), 9, leaseTime)
		w.ok(err, "Claim")
		if len(cs) != 1 || cs[0].Ref.Job != ids[2] {
			w.Fatalf("Claim = %v; want only %s", cs, ids[2])
		}
		if want := w.clock.Now().Add(leaseTime); !next.Equal(want) {
			w.Errorf("next = %v; want %v, when the first lease ends", next, want)
		}
		for _, lane := range []string{job.SendLane("spare"), job.TrackLane("main"), job.LaneConvert, job.LaneDeadline} {
			if cs, _, err := w.Claim(w.Context(), lane, 9, leaseTime); len(cs) != 0 || err != nil {
				w.Errorf("lane %s holds %v, %v; want nothing", lane, cs, err)
			}
		}
		w.clock.Advance(time.Hour)
		if got := w.claims(job.SendLane("main")); len(got) != 4 {
			w.Errorf("%d due after an hour; want 4: three leases ended, one not-before came", len(got))
		}
	}},
	{name: "one job does not push the others out", run: func(w *world) {
		w.ready("+14165550100", "+14165550101", "+14165550102", "+14165550103")
		w.clock.Advance(time.Second)
		small := w.ready("+14165550104")
		cs, _, err := w.Claim(w.Context(), job.SendLane("main"), 2, leaseTime)
		w.ok(err, "Claim")
		if len(cs) != 2 || cs[1].Ref.Job != small.ID {
			w.Errorf("Claim = %v; want one delivery of each job", cs)
		}
	}},
	{name: "a claimed unit is in no lane, a released one comes back", run: func(w *world) {
		j := w.ready("+14165550100")
		c := w.claim(job.SendLane("main"), spool.Ref{Job: j.ID, Recipient: 1})
		w.clock.Advance(leaseTime / 2)
		if got := w.claims(job.SendLane("main")); len(got) != 0 {
			w.Fatalf("claimed twice: %v", got)
		}
		due := w.clock.Now().Add(time.Minute)
		w.ok(w.Release(w.Context(), c, due), "Release")
		w.is(w.Extend(w.Context(), c, leaseTime), spool.ErrFenced, "Extend after Release")
		cs, next, err := w.Claim(w.Context(), job.SendLane("main"), 9, leaseTime)
		if err != nil || len(cs) != 0 || !next.Equal(due) {
			w.Errorf("Claim = %v, %v, %v; want none, next %v", cs, next, err, due)
		}
		w.crash()
		if got := w.get(j.ID).Delivery(1).Due; !got.Equal(due) {
			w.Errorf("due after a crash = %v; want %v", got, due)
		}
		w.clock.Advance(time.Minute)
		w.claim(job.SendLane("main"), c.Ref)
	}},
	{name: "takeover fences the old holder everywhere", run: func(w *world) {
		j := w.ready("+14165550100")
		old := w.to(j, job.Uploading)
		w.clock.Advance(leaseTime + time.Second)
		w.ok(w.Progress(w.Context(), old, map[string]string{"doc": "1"}, 7), "Progress of an expired claim nobody took")
		w.ok(w.Extend(w.Context(), old, leaseTime), "Extend of an expired claim nobody took")
		w.clock.Advance(leaseTime + time.Second)
		c := w.claim(job.SendLane("main"), old.Ref)
		if c.Fence <= old.Fence {
			w.Errorf("fence %d after %d", c.Fence, old.Fence)
		}
		if d := c.Delivery(); d.State != job.Uploading || d.Refs["doc"] != "1" || d.Offset != 7 {
			w.Errorf("the new holder sees %+v", d)
		}
		w.is(w.Extend(w.Context(), old, leaseTime), spool.ErrFenced, "Extend")
		w.is(w.Release(w.Context(), old, w.clock.Now()), spool.ErrFenced, "Release")
		w.is(w.Progress(w.Context(), old, nil, 0), spool.ErrFenced, "Progress")
		w.is(w.BeginSubmit(w.Context(), old, "", 0), spool.ErrFenced, "BeginSubmit")
		w.is(w.Advance(w.Context(), old, job.Step{To: job.Waiting, Cause: job.CauseBroken}), spool.ErrFenced, "Advance")
		w.is(w.Outcome(w.Context(), old, job.Step{To: job.Waiting, Cause: job.CauseBroken}), spool.ErrFenced, "Outcome")
		w.is(w.Searched(w.Context(), old, job.Searches{}), spool.ErrFenced, "Searched")
		w.ok(w.BeginSubmit(w.Context(), c, "c0ffee", time.Second), "BeginSubmit of the new holder")
	}},
	{name: "another run's lease is void at once, its fences are not used again", run: func(w *world) {
		j := w.ready("+14165550100")
		old := w.claim(job.SendLane("main"), spool.Ref{Job: j.ID, Recipient: 1})
		l, err := w.Lease(w.Context(), "device/front-desk", "scan", time.Hour)
		w.ok(err, "Lease")
		w.crash()
		c := w.claim(job.SendLane("main"), old.Ref)
		if c.Fence <= old.Fence {
			w.Errorf("fence %d after %d of the earlier run", c.Fence, old.Fence)
		}
		again, err := w.Lease(w.Context(), "device/front-desk", "scan", time.Hour)
		w.ok(err, "Lease after a crash")
		if again.Fence <= l.Fence {
			w.Errorf("lease fence %d after %d", again.Fence, l.Fence)
		}
	}},
	{name: "a claim's job is a copy and is kept up to date", run: func(w *world) {
		j := w.ready("+14165550100")
		c := w.claim(job.SendLane("main"), spool.Ref{Job: j.ID, Recipient: 1})
		c.Job.Deliveries[0].Service = "elsewhere"
		c.Job.Pages[0].Part = "page/9999"
		if got := w.get(j.ID); got.Deliveries[0].Service != "main" || got.Pages[0].Part != "page/0001" {
			w.Error("changing a claim's job changed the stored one")
		}
		w.ok(w.Advance(w.Context(), c, job.Step{To: job.Uploading, Cause: job.CauseStart}), "Advance")
		if d := c.Delivery(); d.State != job.Uploading || d.Service != "main" {
			w.Errorf("claim shows %s by %s after Advance", d.State, d.Service)
		}
	}},
	{name: "a deadline not acted on comes back when told", run: func(w *world) {
		j := w.ready("+14165550100")
		w.clock.Advance(w.limits.GiveUp)
		ref := spool.Ref{Job: j.ID, Recipient: 1}
		c := w.claim(job.LaneDeadline, ref)
		due := w.clock.Now().Add(5 * time.Minute)
		w.ok(w.Release(w.Context(), c, due), "Release")
		cs, next, err := w.Claim(w.Context(), job.LaneDeadline, 9, leaseTime)
		if err != nil || len(cs) != 0 || !next.Equal(due) {
			w.Errorf("Claim = %v, %v, %v; want none, next %v", cs, next, err, due)
		}
		if got := w.get(j.ID).Delivery(1).Due; !got.Before(due) {
			w.Error("the delivery itself was put off")
		}
		w.clock.Advance(5 * time.Minute)
		c = w.claim(job.LaneDeadline, ref)
		w.ok(w.Expire(w.Context(), c, job.ExpireDelivery), "Expire")
		if d := w.get(j.ID).Delivery(1); d.State != job.DeliveryFailed || d.Reason != job.ReasonService {
			w.Errorf("delivery is %s, %s", d.State, d.Reason)
		}
	}},
	{name: "named leases", run: func(w *world) {
		l, err := w.Lease(w.Context(), "device/a", "scan of ann", time.Minute)
		w.ok(err, "Lease")
		_, err = w.Lease(w.Context(), "device/a", "scan of bob", time.Minute)
		w.is(err, spool.ErrConflict, "Lease of a held name")
		if got := w.Holder(w.Context(), "device/a"); got != "scan of ann" {
			w.Errorf("Holder = %q", got)
		}
		w.clock.Advance(50 * time.Second)
		w.ok(l.Renew(w.Context(), time.Minute), "Renew")
		w.clock.Advance(50 * time.Second)
		_, err = w.Lease(w.Context(), "device/a", "bob", time.Minute)
		w.is(err, spool.ErrConflict, "Lease of a renewed name")
		w.clock.Advance(11 * time.Second)
		l2, err := w.Lease(w.Context(), "device/a", "bob", time.Minute)
		w.ok(err, "Lease of an expired name")
		w.is(l.Renew(w.Context(), time.Minute), spool.ErrFenced, "Renew of a lost lease")
		l.Release()
		if got := w.Holder(w.Context(), "device/a"); got != "bob" {
			w.Errorf("Holder = %q after the loser released; want bob", got)
		}
		l2.Release()
		if got := w.Holder(w.Context(), "device/a"); got != "" {
			w.Errorf("Holder = %q; want none", got)
		}
	}},
	{name: "pages are converted while the draft is open", run: func(w *world) {
		j := w.drafted(1)
		c := w.claim(job.LaneConvert, spool.Ref{Job: j.ID})
		_, err := w.AddPage(w.Context(), j.ID, job.Page{}, bytes.NewReader(pageBytes("second", 3000)))
		w.ok(err, "AddPage while converting")
		fax := pageBytes("fax", 800)
		_, err = w.PutPart(w.Context(), j.ID, "fax/0001", bytes.NewReader(fax))
		w.ok(err, "PutPart")
		w.ok(w.Commit(w.Context(), c, []spool.Converted{{Part: "page/0001", Page: job.Page{Fax: "fax/0001", Width: 1728}}}), "Commit")
		got := w.get(j.ID)
		if p := got.Pages[0]; !p.Converted || p.Fax != "fax/0001" || p.Width != 1728 || p.FaxBytes != 800 || p.FaxedSHA != shaOf(fax) {
			w.Errorf("converted page = %+v", p)
		}
		if got.State != job.Draft || got.Pages[1].Converted {
			w.Errorf("job is %s, page 2 converted: %v", got.State, got.Pages[1].Converted)
		}
		c = w.claim(job.LaneConvert, spool.Ref{Job: j.ID})
		w.is(w.Commit(w.Context(), c, []spool.Converted{{Part: "page/0002", Page: job.Page{Fax: "fax/0002"}}}), spool.ErrNotFound, "Commit without the part")
		w.ok(w.Commit(w.Context(), c, []spool.Converted{{Part: "page/0002", Page: job.Page{Refused: "not a picture"}}}), "Commit")
		_, err = w.Accept(w.Context(), j.ID, terms("+14165550100"))
		w.ok(err, "Accept")
		c = w.claim(job.LaneConvert, spool.Ref{Job: j.ID})
		w.ok(w.Commit(w.Context(), c, nil), "Commit of nothing")
		if got := w.get(j.ID); got.State != job.Failed || got.Deliveries[0].State != job.DeliveryFailed || got.Reason != job.ReasonDocumentRejected {
			w.Errorf("job with a refused page is %s, delivery %s, %s", got.State, got.Deliveries[0].State, got.Reason)
		}
	}},
	{name: "a document never converted fails", run: func(w *world) {
		j := w.accepted("+14165550100")
		w.clock.Advance(w.limits.Convert)
		c := w.claim(job.LaneDeadline, spool.Ref{Job: j.ID})
		w.is(w.Expire(w.Context(), c, job.ExpireErase), spool.ErrConflict, "Expire with the wrong word")
		w.ok(w.Expire(w.Context(), c, job.ExpireFail), "Expire")
		if got := w.get(j.ID); got.State != job.Failed || !got.Erased.IsZero() {
			w.Errorf("job is %s, erased %v; want failed with its pages", got.State, got.Erased)
		}
	}},
}
