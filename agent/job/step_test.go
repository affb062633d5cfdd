package job_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/agent/job"
)

// design is the table of legal moves as it was agreed, written down a second
// time: from, to, causes. Everything else must be refused.
const design = `
pending         waiting         ready
pending         cancelled       cancel
pending         failed          refused
waiting         uploading       start
waiting         needs-sign-in   grant
waiting         waiting         reroute broken
waiting         failed          refused deadline
waiting         cancelled       cancel
needs-sign-in   waiting         signed-in
needs-sign-in   failed          refused deadline
needs-sign-in   cancelled       cancel
uploading       waiting         broken
uploading       needs-sign-in   grant
uploading       submitting      intent
uploading       failed          refused deadline
uploading       cancelled       cancel
submitting      submitted       accepted
submitting      waiting         not-taken
submitting      needs-sign-in   grant
submitting      in-doubt        ambiguous
submitting      failed          refused
in-doubt        submitted       found
in-doubt        waiting         absent
in-doubt        needs-decision  no-search deadline
needs-decision  submitted       found
needs-decision  sent            decided
needs-decision  waiting         decided
needs-decision  unknown         decided deadline
submitted       sent            outcome
submitted       failed          outcome
submitted       cancelled       outcome
submitted       unknown         outcome deadline
submitted       waiting         retry
submitted       submitted       too-late
failed          waiting         person
unknown         sent            late-news
unknown         failed          late-news
`

var causes = []job.Cause{
	job.CauseReady, job.CauseStart, job.CauseGrant, job.CauseSignedIn, job.CauseBroken, job.CauseIntent, job.CauseNotTaken,
	job.CauseAmbiguous, job.CauseAccepted, job.CauseFound, job.CauseAbsent, job.CauseNoSearch, job.CauseDecided,
	job.CauseOutcome, job.CauseRetry, job.CauseRefused, job.CauseReroute, job.CauseCancel, job.CauseDeadline,
	job.CausePerson, job.CauseLateNews, job.CauseTooLate,
}

func legal() map[string]bool {
	m := map[string]bool{}
	for line := range strings.Lines(strings.TrimSpace(design)) {
		f := strings.Fields(line)
		for _, c := range f[2:] {
			m[f[0]+" "+f[1]+" "+c] = true
		}
	}
	return m
}

var t0 = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// rich is a delivery with something in every field.
func rich(state job.DeliveryState) job.Delivery {
	return job.Delivery{
		Recipient: job.Recipient{Number: "+14165550100"}, State: state, Since: t0, Try: 3, Route: []string{"main", "spare"}, Service: "main",
		Due: t0, Failures: 2, Refs: map[string]string{"upload": "u1"}, Offset: 9, FaxID: "f1", Document: "c0ffee", Begun: t0, Submitted: t0,
		Searches: job.Searches{Answered: 2, Absent: 1, Last: t0}, Reason: job.ReasonBusy, Code: "17", Seq: 4, Pages: 1,
		Tries: []job.Try{{N: 1}, {N: 2}},
	}
}

// TestStepTable tries every pair of states for every cause.
func TestStepTable(t *testing.T) {
	want := legal()
	if len(want) != 44 {
		t.Fatalf("the table has %d moves; want 44", len(want))
	}
	for _, from := range job.DeliveryStates() {
		for _, to := range job.DeliveryStates() {
			for _, cause := range causes {
				ok := want[string(from)+" "+string(to)+" "+string(cause)]
				if got := job.Allowed(from, to, cause); got != ok {
					t.Errorf("Allowed(%s, %s, %s) = %v; want %v", from, to, cause, got, ok)
				}
				before := rich(from)
				untouched := before.Clone()
				at := t0.Add(time.Minute)
				next, err := before.Step(job.Step{
					To: to, Cause: cause, At: at, Due: at, Reason: job.ReasonService, Code: "x", FaxID: "f2", Document: "d2", Pages: 7,
					Service: "spare", By: "ann",
				})
				if diff := cmp.Diff(untouched, before); diff != "" {
					t.Fatalf("Step %s to %s because %s changed its receiver:\n%s", from, to, cause, diff)
				}
				switch {
				case !ok && !errors.Is(err, job.ErrStep):
					t.Errorf("Step %s to %s because %s = %v; want ErrStep", from, to, cause, err)
				case !ok && !cmp.Equal(next, before):
					t.Errorf("a refused Step from %s changed the delivery", from)
				case ok && (err != nil || next.State != to):
					t.Errorf("Step %s to %s because %s = %s, %v", from, to, cause, next.State, err)
				}
				if !ok {
					continue
				}
				// What the next step does to the result must not show in the first.
				if next.Refs != nil {
					next.Refs["upload"] = "changed"
				}
				if len(next.Tries) > 0 {
					next.Tries[0].N = 99
				}
				if diff := cmp.Diff(untouched, before); diff != "" {
					t.Errorf("the result of Step shares memory with its receiver:\n%s", diff)
				}
			}
		}
	}
}

// TestStepKey pins when a new idempotency key begins: only after a definite
// failure, or by a person's word.
func TestStepKey(t *testing.T) {
	for line := range strings.Lines(strings.TrimSpace(design)) {
		f := strings.Fields(line)
		for _, c := range f[2:] {
			from, to, cause := job.DeliveryState(f[0]), job.DeliveryState(f[1]), job.Cause(c)
			next, err := rich(from).Step(job.Step{To: to, Cause: cause, At: t0})
			if err != nil {
				t.Fatal(err)
			}
			want := 3
			if cause == job.CauseRetry || cause == job.CausePerson || (cause == job.CauseDecided && to == job.Waiting) {
				want = 4
			}
			if next.Try != want {
				t.Errorf("%s to %s because %s: try %d; want %d", from, to, cause, next.Try, want)
			}
			if kept := len(next.Tries) == want-1; !kept {
				t.Errorf("%s to %s because %s: %d earlier tries kept", from, to, cause, len(next.Tries))
			}
		}
	}
}

func TestStepFields(t *testing.T) {
	at := t0.Add(time.Hour)
	for _, tt := range []struct {
		name string
		from job.DeliveryState
		step job.Step
		want func(d *job.Delivery)
	}{
		{"broken keeps what the service holds", job.Uploading, job.Step{To: job.Waiting, Cause: job.CauseBroken, Due: at}, func(d *job.Delivery) {
			d.Failures, d.Begun, d.Due = 3, time.Time{}, at
		}},
		{"intent begins the doubt anew", job.Uploading, job.Step{To: job.Submitting, Cause: job.CauseIntent, Document: "d2"}, func(d *job.Delivery) {
			d.Document, d.Begun, d.Searches, d.Due = "d2", at, job.Searches{}, time.Time{}
		}},
		{"accepted", job.Submitting, job.Step{To: job.Submitted, Cause: job.CauseAccepted, FaxID: "f2", Due: at}, func(d *job.Delivery) {
			d.FaxID, d.Submitted, d.Failures, d.Reason, d.Code, d.Due = "f2", at, 0, "", "", at
		}},
		{"absent keeps the key", job.InDoubt, job.Step{To: job.Waiting, Cause: job.CauseAbsent}, func(d *job.Delivery) {
			d.Searches, d.Begun, d.Due = job.Searches{}, time.Time{}, time.Time{}
		}},
		{"another service drops the upload", job.Waiting, job.Step{To: job.Waiting, Cause: job.CauseReroute, Service: "spare"}, func(d *job.Delivery) {
			d.Service, d.Refs, d.Offset, d.Failures, d.Since, d.Due = "spare", nil, 0, 0, t0, time.Time{}
		}},
		{"sent forgets the reasons", job.Submitted, job.Step{To: job.Sent, Cause: job.CauseOutcome, Pages: 7}, func(d *job.Delivery) {
			d.Pages, d.Reason, d.Code, d.Due = 7, "", "", time.Time{}
		}},
		{"too late", job.Submitted, job.Step{To: job.Submitted, Cause: job.CauseTooLate, Due: at}, func(d *job.Delivery) {
			d.CancelNo, d.Since, d.Due = true, t0, at
		}},
		{"a retry is a new try", job.Submitted, job.Step{To: job.Waiting, Cause: job.CauseRetry, Reason: job.ReasonNoAnswer, Code: "y"}, func(d *job.Delivery) {
			d.Tries = append(d.Tries, job.Try{N: 3, Service: "main", FaxID: "f1", Ended: at, Reason: job.ReasonNoAnswer, Code: "y"})
			d.Try, d.FaxID, d.Submitted, d.Begun, d.Seq, d.Searches, d.Failures = 4, "", time.Time{}, time.Time{}, 0, job.Searches{}, 0
			d.Reason, d.Code, d.Due = job.ReasonNoAnswer, "y", time.Time{}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := rich(tt.from)
			want := d.Clone()
			want.State, want.Since = tt.step.To, at
			tt.want(&want)
			tt.step.At = at
			got, err := d.Step(tt.step)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestRetriesChangeNothingElse is the property that a fax tried many times is
// still the same fax: only the list of tries grows.
func TestRetriesChangeNothingElse(t *testing.T) {
	j := sample(job.Submitted)
	first := j.Clone()
	for n := 1; n <= 50; n++ {
		at := t0.Add(time.Duration(n) * time.Hour)
		for _, s := range []job.Step{
			{To: job.Waiting, Cause: job.CauseRetry, Reason: job.ReasonBusy, Code: "17"},
			{To: job.Uploading, Cause: job.CauseStart},
			{To: job.Submitting, Cause: job.CauseIntent, Document: "c0ffee"},
			{To: job.Submitted, Cause: job.CauseAccepted, FaxID: "f1"},
		} {
			s.At = at
			if err := j.Move(1, s); err != nil {
				t.Fatalf("retry %d: %v", n, err)
			}
		}
		d := j.Delivery(1)
		if d.Try != n+1 || len(d.Tries) != n || d.Tries[n-1].N != n || d.Tries[n-1].Reason != job.ReasonBusy {
			t.Fatalf("after %d retries: try %d, tries %+v", n, d.Try, d.Tries)
		}
		// The audit trail and the times of the present try are what may differ.
		same := j.Clone()
		s, f := same.Delivery(1), first.Delivery(1)
		s.Tries, s.Try, s.Since, s.Begun, s.Submitted, s.Searches, s.Seq = f.Tries, f.Try, f.Since, f.Begun, f.Submitted, f.Searches, f.Seq
		s.Due, s.Failures, s.Reason, s.Code = f.Due, f.Failures, f.Reason, f.Code
		if diff := cmp.Diff(first, same); diff != "" {
			t.Fatalf("after %d retries the job differs:\n%s", n, diff)
		}
	}
}

func TestEveryCauseIsUsed(t *testing.T) {
	for _, c := range causes {
		if !strings.Contains(design+" ", " "+string(c)) {
			t.Errorf("no move is made because %s", c)
		}
	}
	if len(job.DeliveryStates()) != 12 || len(job.States()) != 8 || len(job.Reasons()) != 12 {
		t.Errorf("%d delivery states, %d states, %d reasons", len(job.DeliveryStates()), len(job.States()), len(job.Reasons()))
	}
}

// sample is a ready job with one delivery in the state.
func sample(state job.DeliveryState) *job.Job {
	return &job.Job{
		Schema: job.Schema, ID: "01a00000-0000-7000-8000-000000000001", Number: "4F7K", Device: "front-desk", Owner: job.Person{ID: "ann"},
		State: job.Ready, Created: t0, Changed: t0, Accepted: t0, Options: job.Options{Paper: "letter"},
		Pages:      []job.Page{{Part: "page/0001", Fax: "fax/0001", Converted: true}},
		Grants:     []job.Grant{{Kind: job.GrantTicket, Service: "main", Person: "ann", Ticket: []byte("t")}},
		Deliveries: []job.Delivery{func() job.Delivery { d := rich(state); d.Try, d.Tries = 1, nil; return d }()},
	}
}
