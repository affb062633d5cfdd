package spooltest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// events reads what is stored after the cursor and fails the test if it takes
// for ever.
func (w *world) events(cursor uint64) []spool.Event {
	w.Helper()
	last, err := w.Last(w.Context())
	w.ok(err, "Last")
	var out []spool.Event
	if last <= cursor {
		return nil
	}
	for e, err := range w.Watch(w.Context(), cursor) {
		w.ok(err, "Watch")
		out = append(out, e)
		if e.Seq >= last {
			break
		}
	}
	return out
}

var eventTests = []test{
	{name: "replay, and continue by cursor", run: func(w *world) {
		j := w.ready("+14165550100")
		w.to(j, job.Sent)
		all := w.events(0)
		var kinds []string
		for i, e := range all {
			if e.Seq != uint64(i+1) || e.Ref.Job != j.ID || e.Device != "front-desk" || e.At.IsZero() {
				w.Errorf("event %d = %+v", i, e)
			}
			kinds = append(kinds, fmt.Sprintf("%s/%d %s %s", e.Kind, e.Ref.Recipient, e.State, e.Delivery))
		}
		want := []string{
			"job/0 draft ", "page/0 draft ", "job/0 captured ", "delivery/1 captured pending", "page/0 ready ", "job/0 ready ",
			"delivery/1 ready waiting", "delivery/1 ready uploading", "delivery/1 ready submitting", "delivery/1 ready submitted",
			"job/0 closed ", "delivery/1 closed sent",
		}
		if diff := cmp.Diff(want, kinds); diff != "" {
			w.Errorf("events (-want +got):\n%s", diff)
		}
		w.crash()
		if diff := cmp.Diff(all, w.events(0)); diff != "" {
			w.Errorf("events after a crash:\n%s", diff)
		}
		if diff := cmp.Diff(all[5:], w.events(5)); diff != "" {
			w.Errorf("events from 5:\n%s", diff)
		}
		w.ok(w.Purge(w.Context(), j.ID), "Purge")
		if got := w.events(uint64(len(all))); len(got) != 1 || got[0].Kind != spool.EventErased {
			w.Errorf("events of the erasure = %+v", got)
		}
	}},
	{name: "new events arrive while watching", run: func(w *world) {
		ctx, cancel := context.WithCancel(w.Context())
		got := make(chan spool.Event)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for e, err := range w.Watch(ctx, 0) {
				if err != nil {
					w.Errorf("Watch: %v", err)
					return
				}
				got <- e
			}
		}()
		for range 5 {
			j := w.drafted(0)
			select {
			case e := <-got:
				if e.Ref.Job != j.ID {
					w.Errorf("event of %s; want %s", e.Ref.Job, j.ID)
				}
			case <-time.After(10 * time.Second):
				w.Fatal("no event")
			}
		}
		cancel()
		<-done
	}},
	{name: "the loop may use the spool", run: func(w *world) {
		j := w.drafted(0)
		for e, err := range w.Watch(w.Context(), 0) {
			w.ok(err, "Watch")
			w.ok(w.Discard(w.Context(), j.ID, ""), "Discard inside the loop")
			if w.get(e.Ref.Job).State != job.Discarded {
				w.Error("Get inside the loop")
			}
			break
		}
	}},
	{name: "events hold no personal data", run: func(w *world) {
		j := w.ready("+14165550100")
		w.to(j, job.Submitted)
		w.ok(w.Cancel(w.Context(), spool.Ref{Job: j.ID}), "Cancel")
		b, err := json.Marshal(w.events(0))
		w.ok(err, "Marshal")
		for _, secret := range []string{"4165550100", "Secret Name", "Ann Lee", `"ann"`, j.Number} {
			if strings.Contains(string(b), secret) {
				w.Errorf("events contain %q", secret)
			}
		}
		if es := w.events(0); es[len(es)-1].Kind != spool.EventCancel {
			w.Errorf("last event = %+v; want the wish to cancel", es[len(es)-1])
		}
	}},
}

var readTests = []test{
	{name: "list, page by page, both ways", run: func(w *world) {
		var ids []job.ID
		for range 7 {
			ids = append(ids, w.drafted(0).ID)
		}
		for _, newest := range []bool{false, true} {
			want := slices.Clone(ids)
			if newest {
				slices.Reverse(want)
			}
			var got []job.ID
			var after job.ID
			for range 10 {
				jobs, next, err := w.List(w.Context(), spool.Filter{Newest: newest}, after, 3)
				w.ok(err, "List")
				for _, j := range jobs {
					got = append(got, j.ID)
				}
				if after = next; next == "" {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				w.Errorf("newest %v (-want +got):\n%s", newest, diff)
			}
		}
	}},
	{name: "list, filtered", run: func(w *world) {
		a := w.ready("+14165550100")
		b := w.drafted(0)
		_, err := w.Draft(w.Context(), &job.Job{ID: w.newID(), Device: "back-room", Owner: job.Person{ID: "bob"}})
		w.ok(err, "Draft")
		for _, tt := range []struct {
			name string
			f    spool.Filter
			want int
		}{
			{"all", spool.Filter{}, 3},
			{"device", spool.Filter{Device: "back-room"}, 1},
			{"owner", spool.Filter{Owner: "ann"}, 2},
			{"states", spool.Filter{States: []job.State{job.Ready, job.Closed}}, 1},
			{"number", spool.Filter{Number: strings.ToLower(b.Number)}, 1},
			{"number on the wrong device", spool.Filter{Number: a.Number, Device: "back-room"}, 0},
			{"no such number", spool.Filter{Number: "????"}, 0},
		} {
			jobs, next, err := w.List(w.Context(), tt.f, "", 0)
			if err != nil || next != "" || len(jobs) != tt.want {
				w.Errorf("List by %s = %d jobs, next %q, %v; want %d", tt.name, len(jobs), next, err, tt.want)
			}
		}
	}},
	{name: "what is read is a copy", run: func(w *world) {
		j := w.ready("+14165550100")
		j.Deliveries[0].Recipient.Number = "+1"
		j.Pages[0].Part = ""
		if got := w.get(j.ID); got.Deliveries[0].Recipient.Number != "+14165550100" || got.Pages[0].Part == "" {
			w.Error("changing a read job changed the stored one")
		}
	}},
	{name: "totals count", run: func(w *world) {
		w.drafted(0)
		old := w.accepted("+14165550100")
		w.clock.Advance(time.Minute)
		w.to(w.ready("+14165550101"), job.Sent)
		w.ready("+14165550102", "+14165550103")
		for range 2 {
			got, err := w.Totals(w.Context())
			w.ok(err, "Totals")
			want := spool.Totals{
				Jobs:       map[job.State]int{job.Draft: 1, job.Captured: 1, job.Closed: 1, job.Ready: 1},
				Deliveries: map[job.DeliveryState]int{job.Pending: 1, job.Sent: 1, job.Waiting: 2}, Oldest: old.Accepted,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				w.Errorf("totals (-want +got):\n%s", diff)
			}
			w.crash()
		}
	}},
	{name: "the newest time survives and does not go back", run: func(w *world) {
		w.drafted(0)
		newest := w.clock.Now()
		w.clock.SetBack(time.Hour)
		w.drafted(0)
		w.crash()
		if got := w.Newest(); !got.Equal(newest) {
			w.Errorf("Newest = %v; want %v", got, newest)
		}
	}},
	{name: "nothing is not found", run: func(w *world) {
		for _, id := range []job.ID{w.newID(), "", "../x"} {
			_, err := w.Get(w.Context(), id)
			w.is(err, spool.ErrNotFound, fmt.Sprintf("Get(%q)", id))
			_, err = w.AddPage(w.Context(), id, job.Page{}, strings.NewReader("x"))
			w.is(err, spool.ErrNotFound, fmt.Sprintf("AddPage(%q)", id))
			_, _, err = w.OpenPart(w.Context(), id, "page/0001")
			w.is(err, spool.ErrNotFound, fmt.Sprintf("OpenPart(%q)", id))
		}
	}},
	{name: "a closed spool says so", run: func(w *world) {
		j := w.drafted(1)
		w.ok(w.Close(), "Close")
		_, err := w.Get(w.Context(), j.ID)
		w.is(err, spool.ErrUnavailable, "Get")
		_, err = w.Accept(w.Context(), j.ID, terms("+14165550100"))
		w.is(err, spool.ErrUnavailable, "Accept")
		for _, err := range w.Watch(w.Context(), 0) {
			w.is(err, spool.ErrUnavailable, "Watch")
		}
		w.ok(w.Close(), "Close again")
	}},
}
