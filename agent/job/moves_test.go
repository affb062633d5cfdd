package job_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/agent/job"
)

func TestCancel(t *testing.T) {
	for _, tt := range []struct {
		from, to job.DeliveryState
		flag     bool
		refused  bool
	}{
		{job.Waiting, job.DeliveryCancelled, true, false},
		{job.NeedsSignIn, job.DeliveryCancelled, true, false},
		{job.Uploading, job.DeliveryCancelled, true, false},
		{job.Submitting, job.Submitting, true, false},
		{job.InDoubt, job.InDoubt, true, false},
		{job.Submitted, job.Submitted, true, false},
		{job.NeedsDecision, job.NeedsDecision, false, true},
		{job.Sent, job.Sent, false, true},
		{job.DeliveryFailed, job.DeliveryFailed, false, true},
		{job.DeliveryCancelled, job.DeliveryCancelled, false, false},
		{job.Unknown, job.Unknown, false, true},
	} {
		for _, r := range []int{0, 1} {
			j := sample(tt.from)
			j.Settle(t0)
			before := j.Clone()
			err := j.Cancel(r, t0)
			d := j.Delivery(1)
			if d.State != tt.to || d.Cancel != tt.flag || errors.Is(err, job.ErrStep) != tt.refused {
				t.Errorf("Cancel(%d) in %s: %s, wish %v, %v; want %s, wish %v, refused %v", r, tt.from, d.State, d.Cancel, err, tt.to, tt.flag, tt.refused)
			}
			if tt.refused && !cmp.Equal(before, j) {
				t.Errorf("a refused Cancel in %s changed the job", tt.from)
			}
		}
	}
	for _, s := range []job.State{job.Draft, job.WaitingOwner, job.Failed, job.Discarded} {
		if err := (&job.Job{State: s}).Cancel(0, t0); !errors.Is(err, job.ErrStep) {
			t.Errorf("Cancel of a job that is %s = %v; want ErrStep", s, err)
		}
	}
	if err := sample(job.Waiting).Cancel(2, t0); !errors.Is(err, job.ErrStep) {
		t.Errorf("Cancel of a recipient that is not there = %v; want ErrStep", err)
	}
}

// TestCancelWish proves that a wish to cancel never ends in another send: no
// way out of a doubt or a refusal leads back to waiting.
func TestCancelWish(t *testing.T) {
	for _, s := range []struct {
		from job.DeliveryState
		step job.Step
	}{
		{job.Submitting, job.Step{To: job.Waiting, Cause: job.CauseNotTaken}},
		{job.Submitting, job.Step{To: job.NeedsSignIn, Cause: job.CauseGrant}},
		{job.InDoubt, job.Step{To: job.Waiting, Cause: job.CauseAbsent}},
		{job.Submitted, job.Step{To: job.Waiting, Cause: job.CauseRetry}},
	} {
		j := sample(s.from)
		if err := j.Cancel(1, t0); err != nil {
			t.Fatal(err)
		}
		s.step.At = t0
		if err := j.Move(1, s.step); err != nil {
			t.Fatal(err)
		}
		if d := j.Delivery(1); d.State != job.DeliveryCancelled || j.State != job.Closed {
			t.Errorf("%s because %s: delivery %s, job %s; want cancelled, closed", s.from, s.step.Cause, d.State, j.State)
		}
	}
	// But a person who decides to send again after all is obeyed.
	j := sample(job.NeedsDecision)
	j.Delivery(1).Cancel = true
	if err := j.Move(1, job.Step{To: job.Waiting, Cause: job.CauseDecided, At: t0, By: "ann"}); err != nil {
		t.Fatal(err)
	}
	if d := j.Delivery(1); d.State != job.Waiting || d.Cancel {
		t.Errorf("delivery is %s, wish %v", d.State, d.Cancel)
	}
}

func TestPrepare(t *testing.T) {
	captured := func() *job.Job {
		j := sample(job.Pending)
		j.State = job.Captured
		j.Deliveries = append(j.Deliveries, job.Delivery{State: job.Pending}, job.Delivery{State: job.DeliveryCancelled})
		return j
	}
	j := captured()
	j.NotBefore = t0.Add(time.Hour)
	if !j.Prepare(t0) || j.State != job.Ready {
		t.Fatalf("Prepare: job is %s", j.State)
	}
	for n, want := range []job.DeliveryState{job.Waiting, job.Waiting, job.DeliveryCancelled} {
		if d := j.Deliveries[n]; d.State != want || (want == job.Waiting && !d.Due.Equal(j.NotBefore)) {
			t.Errorf("delivery %d is %s, due %v; want %s", n+1, d.State, d.Due, want)
		}
	}
	j = captured()
	j.Pages = append(j.Pages, job.Page{Converted: true, Refused: "not a picture"})
	if !j.Prepare(t0) || j.State != job.Failed || j.Reason != job.ReasonDocumentRejected || j.Detail != "page 2: not a picture" {
		t.Errorf("with a refused page: %s, %s, %q", j.State, j.Reason, j.Detail)
	}
	if d := j.Deliveries[0]; d.State != job.DeliveryFailed || d.Reason != job.ReasonDocumentRejected {
		t.Errorf("delivery is %s, %s", d.State, d.Reason)
	}
	j = captured()
	j.Pages = append(j.Pages, job.Page{})
	if j.Prepare(t0) || j.State != job.Captured {
		t.Errorf("with a page to convert: %s", j.State)
	}
	if j := sample(job.Waiting); j.Prepare(t0) || j.Fail(job.ReasonService, "", t0) {
		t.Error("a ready job was prepared or failed")
	}
}

func TestRetry(t *testing.T) {
	j := sample(job.DeliveryFailed)
	j.Deliveries = append(j.Deliveries, rich(job.DeliveryFailed), rich(job.Sent))
	j.Settle(t0)
	if err := j.Retry(1, t0); err != nil || j.State != job.Ready || !j.Ended.IsZero() {
		t.Fatalf("Retry(1) = %v, job %s", err, j.State)
	}
	for n, want := range []job.DeliveryState{job.Waiting, job.DeliveryFailed, job.Sent} {
		if got := j.Deliveries[n].State; got != want {
			t.Errorf("after Retry(1) delivery %d is %s; want %s", n+1, got, want)
		}
	}
	if d := j.Delivery(1); !d.Restarted.Equal(t0) || d.Try != 2 || d.Failures != 0 {
		t.Errorf("delivery = %+v", d)
	}
	if err := j.Retry(0, t0); err != nil || j.Deliveries[1].State != job.Waiting || j.Deliveries[0].Try != 2 {
		t.Errorf("Retry(0) = %v, delivery 2 is %s", err, j.Deliveries[1].State)
	}
	for _, r := range []int{0, 1, 3, 4} {
		if err := j.Retry(r, t0); !errors.Is(err, job.ErrStep) {
			t.Errorf("Retry(%d) with nothing failed = %v; want ErrStep", r, err)
		}
	}
	if err := (&job.Job{State: job.Failed}).Retry(0, t0); !errors.Is(err, job.ErrStep) {
		t.Errorf("Retry of a failed document = %v; want ErrStep", err)
	}
	// A person's retry begins at the first service of the route again.
	j = sample(job.DeliveryFailed)
	j.Deliveries[0].Service = "spare"
	if err := j.Retry(1, t0); err != nil || j.Deliveries[0].Service != "main" || j.Deliveries[0].Refs != nil {
		t.Errorf("Retry after a reroute: %v, %+v", err, j.Deliveries[0])
	}
}

func TestRegrant(t *testing.T) {
	own := job.Grant{Kind: job.GrantTicket, Service: "main", Person: "ann", Until: t0.Add(time.Hour)}
	for _, tt := range []struct {
		name  string
		grant job.Grant
		want  job.DeliveryState
		err   bool
	}{
		{"the owner's", own, job.Waiting, false},
		{"another person's", job.Grant{Kind: job.GrantTicket, Service: "main", Person: "bob"}, job.NeedsSignIn, true},
		{"nobody's", job.Grant{Kind: job.GrantOnBehalfOf, Service: "main"}, job.NeedsSignIn, true},
		{"expired", job.Grant{Kind: job.GrantTicket, Service: "main", Person: "ann", Until: t0}, job.NeedsSignIn, false},
		{"for another service", job.Grant{Kind: job.GrantTicket, Service: "spare", Person: "ann"}, job.NeedsSignIn, false},
		{"an account's", job.Grant{Kind: job.GrantAccount, Service: "main", Account: "office"}, job.Waiting, false},
	} {
		j := sample(job.NeedsSignIn)
		err := j.Regrant([]job.Grant{tt.grant}, t0)
		if got := j.Delivery(1).State; got != tt.want || (err != nil) != tt.err {
			t.Errorf("%s: %s, %v; want %s", tt.name, got, err, tt.want)
		}
	}
	if err := (&job.Job{State: job.Draft}).Regrant(nil, t0); !errors.Is(err, job.ErrStep) {
		t.Errorf("Regrant of a draft = %v; want ErrStep", err)
	}
}

func TestOutcome(t *testing.T) {
	const s, f, c, u = job.Sent, job.DeliveryFailed, job.DeliveryCancelled, job.Unknown
	for _, tt := range []struct {
		states []job.DeliveryState
		want   job.Outcome
	}{
		{[]job.DeliveryState{s, s}, job.OutcomeSent},
		{[]job.DeliveryState{s, f}, job.OutcomePartlySent},
		{[]job.DeliveryState{s, c}, job.OutcomePartlySent},
		{[]job.DeliveryState{f, c}, job.OutcomeFailed},
		{[]job.DeliveryState{c, c}, job.OutcomeCancelled},
		{[]job.DeliveryState{s, f, u}, job.OutcomeUnknown},
		{[]job.DeliveryState{f}, job.OutcomeFailed},
		{[]job.DeliveryState{u}, job.OutcomeUnknown},
		{[]job.DeliveryState{s, job.Waiting}, job.OutcomeNone},
	} {
		j := &job.Job{State: job.Ready}
		for _, s := range tt.states {
			j.Deliveries = append(j.Deliveries, job.Delivery{State: s})
		}
		j.Settle(t0)
		if got := j.Outcome(); got != tt.want {
			t.Errorf("Outcome of %v = %q; want %q", tt.states, got, tt.want)
		}
	}
	for s, want := range map[job.State]job.Outcome{
		job.Failed: job.OutcomeFailed, job.Cancelled: job.OutcomeCancelled, job.Discarded: job.OutcomeCancelled, job.Draft: job.OutcomeNone,
	} {
		if got := (&job.Job{State: s}).Outcome(); got != want {
			t.Errorf("Outcome of a job that is %s = %q; want %q", s, got, want)
		}
	}
}

// TestClone changes everything behind a pointer of a copy.
func TestClone(t *testing.T) {
	j := sample(job.Submitted)
	j.Deliveries[0].Tries = []job.Try{{N: 1}}
	c := j.Clone()
	if diff := cmp.Diff(j, c); diff != "" {
		t.Fatalf("the copy differs:\n%s", diff)
	}
	c.Pages[0].Part, c.Grants[0].Ticket[0], c.Deliveries[0].Route[0], c.Deliveries[0].Refs["upload"], c.Deliveries[0].Tries[0].N = "x", 'x', "x", "x", 9
	if diff := cmp.Diff(func() *job.Job { j := sample(job.Submitted); j.Deliveries[0].Tries = []job.Try{{N: 1}}; return j }(), j); diff != "" {
		t.Errorf("changing the copy changed the original:\n%s", diff)
	}
}

func FuzzParseKey(f *testing.F) {
	for _, s := range []string{"a/1/1", "", "a/b/c", "a/1", "a/1/1/1", "/1/1", "a/-1/0", "a/1/1 2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, r, k, err := job.ParseKey(s)
		if err != nil {
			return
		}
		id2, r2, k2, err := job.ParseKey(job.Key(id, r, k))
		if err != nil || id2 != id || r2 != r || k2 != k {
			t.Errorf("ParseKey(%q) = %q, %d, %d, which reads back as %q, %d, %d, %v", s, id, r, k, id2, r2, k2, err)
		}
		if r < 1 || k < 1 || job.Key(id, r, k) != s {
			t.Errorf("ParseKey(%q) = %q, %d, %d; want only what Key writes", s, id, r, k)
		}
	})
}
