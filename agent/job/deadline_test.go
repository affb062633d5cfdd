package job_test

import (
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/job"
)

// TestEveryStateEnds walks through all states: each that is not an end has a
// deadline, or ends with what it belongs to.
func TestEveryStateEnds(t *testing.T) {
	l := job.DefaultLimits()
	for _, s := range job.States() {
		j := &job.Job{State: s, Changed: t0, Accepted: t0, Ended: t0}
		at, what := j.Deadline(l)
		if s == job.Ready {
			if what != job.ExpireNothing {
				t.Errorf("%s expires by %s; want by its deliveries", s, what)
			}
			continue
		}
		if at.IsZero() || what == job.ExpireNothing {
			t.Errorf("job state %s has no deadline", s)
		}
	}
	for _, s := range job.DeliveryStates() {
		j := sample(s)
		d := j.Delivery(1)
		at := d.Deadline(j, l)
		switch {
		case s == job.Pending || s.Final():
			if !at.IsZero() {
				t.Errorf("delivery state %s has the deadline %v", s, at)
			}
			continue
		case at.IsZero():
			t.Errorf("delivery state %s has no deadline", s)
			continue
		}
		if _, ok := d.Expired(j, l, at.Add(-time.Nanosecond)); ok {
			t.Errorf("%s expires before its deadline", s)
		}
		step, ok := d.Expired(j, l, at)
		if !ok {
			t.Errorf("%s does not expire at its deadline", s)
			continue
		}
		next, err := d.Step(step)
		if err != nil {
			t.Errorf("the step out of %s: %v", s, err)
		}
		if next.State == s {
			t.Errorf("%s expires into itself", s)
		}
		if _, ok := next.Expired(j, l, at); ok && next.State != job.InDoubt {
			t.Errorf("%s expires into %s, which is past its deadline at once", s, next.State)
		}
	}
}

// TestLongestLife proves that a delivery nobody touches ends, by deadlines alone.
func TestLongestLife(t *testing.T) {
	l := job.DefaultLimits()
	for _, s := range job.DeliveryStates() {
		if s == job.Pending {
			continue
		}
		j := sample(s)
		for n := 0; !j.Delivery(1).State.Final(); n++ {
			d := j.Delivery(1)
			step, ok := d.Expired(j, l, d.Deadline(j, l))
			if !ok || n > 5 {
				t.Fatalf("from %s it stays in %s", s, d.State)
			}
			if err := j.Move(1, step); err != nil {
				t.Fatalf("from %s: %v", s, err)
			}
		}
		if j.Settle(t0); j.State != job.Closed {
			t.Errorf("from %s the job is %s in the end", s, j.State)
		}
	}
}

func TestJobDeadline(t *testing.T) {
	l := job.DefaultLimits()
	ended := t0.Add(time.Hour)
	closed := func(states ...job.DeliveryState) *job.Job {
		j := &job.Job{State: job.Closed, Ended: ended}
		for _, s := range states {
			j.Deliveries = append(j.Deliveries, job.Delivery{State: s})
		}
		return j
	}
	erased := closed(job.Sent)
	erased.Erased = ended
	for _, tt := range []struct {
		name string
		j    *job.Job
		at   time.Time
		what job.Expiry
	}{
		{"draft", &job.Job{State: job.Draft, Changed: t0}, t0.Add(10 * time.Minute), job.ExpireDiscard},
		{"shared draft", &job.Job{State: job.Draft, Shared: true, Changed: t0}, t0.Add(time.Minute), job.ExpireDiscard},
		{"intake", &job.Job{State: job.WaitingOwner, Accepted: t0}, t0.Add(72 * time.Hour), job.ExpireDiscard},
		{"captured", &job.Job{State: job.Captured, Accepted: t0}, t0.Add(time.Hour), job.ExpireFail},
		{"all sent", closed(job.Sent, job.Sent), ended, job.ExpireErase},
		{"sent and cancelled", closed(job.Sent, job.DeliveryCancelled), ended, job.ExpireErase},
		{"one failed", closed(job.Sent, job.DeliveryFailed), ended.Add(72 * time.Hour), job.ExpireErase},
		{"one unknown", closed(job.Unknown, job.Sent), ended.Add(72 * time.Hour), job.ExpireErase},
		{"failed document", &job.Job{State: job.Failed, Ended: ended}, ended.Add(72 * time.Hour), job.ExpireErase},
		{"discarded", &job.Job{State: job.Discarded, Ended: ended}, ended, job.ExpireErase},
		{"cancelled", &job.Job{State: job.Cancelled, Ended: ended}, ended, job.ExpireErase},
		{"erased", erased, ended.Add(90 * 24 * time.Hour), job.ExpireForget},
	} {
		if at, what := tt.j.Deadline(l); !at.Equal(tt.at) || what != tt.what {
			t.Errorf("%s: Deadline = %v, %s; want %v, %s", tt.name, at, what, tt.at, tt.what)
		}
	}
}

func TestGiveUpDeadline(t *testing.T) {
	l := job.DefaultLimits()
	j := sample(job.Waiting)
	d := j.Delivery(1)
	// Tries, changes of service and moves to and fro do not restart it.
	for _, s := range []job.Step{
		{To: job.Uploading, Cause: job.CauseStart},
		{To: job.Waiting, Cause: job.CauseBroken},
		{To: job.Waiting, Cause: job.CauseReroute, Service: "spare"},
		{To: job.NeedsSignIn, Cause: job.CauseGrant},
		{To: job.Waiting, Cause: job.CauseSignedIn},
	} {
		s.At = t0.Add(20 * time.Hour)
		if err := j.Move(1, s); err != nil {
			t.Fatal(err)
		}
		if got := d.Deadline(j, l); !got.Equal(t0.Add(24 * time.Hour)) {
			t.Errorf("after %s the deadline is %v; want 24 h after the promise", s.Cause, got)
		}
	}
	j.NotBefore = t0.Add(48 * time.Hour)
	if got := d.Deadline(j, l); !got.Equal(t0.Add(72 * time.Hour)) {
		t.Errorf("a delayed fax gives up at %v; want 24 h after its time", got)
	}
	d.Restarted = t0.Add(96 * time.Hour)
	if got := d.Deadline(j, l); !got.Equal(t0.Add(120 * time.Hour)) {
		t.Errorf("a person's retry gives up at %v; want 24 h after it", got)
	}
	d.State, d.Reason = job.NeedsSignIn, job.ReasonBusy
	if s, _ := d.Expired(j, l, d.Deadline(j, l)); s.Reason != job.ReasonAuth {
		t.Errorf("nobody signed in: reason %q; want %q", s.Reason, job.ReasonAuth)
	}
}

func TestLane(t *testing.T) {
	for _, s := range job.DeliveryStates() {
		d := rich(s)
		lane, due, ok := d.Lane()
		want := ""
		switch s {
		case job.Waiting, job.Uploading, job.Submitting:
			want = "send/main"
		case job.InDoubt, job.Submitted, job.Unknown:
			want = "track/main"
		}
		if lane != want || ok != (want != "") || (ok && !due.Equal(t0)) {
			t.Errorf("Lane of %s = %q, %v, %v; want %q", s, lane, due, ok, want)
		}
	}
	d := rich(job.Unknown)
	d.Due = time.Time{}
	if _, _, ok := d.Lane(); ok {
		t.Error("an unknown fax without due time is still looked for")
	}
}
