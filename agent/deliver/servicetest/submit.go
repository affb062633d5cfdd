package servicetest

import (
	"strconv"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/job"
)

// submit sends to several recipients and at every resolution; each request
// carries one recipient.
func (s *suite) submit(t *testing.T) {
	r := s.open(t)
	for i, res := range append([]job.Resolution{""}, r.Service.Capabilities().Resolutions...) {
		f := fax(t, r, "submit/"+strconv.Itoa(i)+"/1")
		f.Resolution = res
		before := r.Requests(Submit)
		sent(t, r, f)
		got := r.Received(f.Key)
		if len(got) != 1 || got[0].To != f.To || got[0].SHA256 != f.Document.SHA256 || r.Requests(Submit) != before+1 {
			t.Errorf("received %+v in %d requests; want one to the recipient in one", got, r.Requests(Submit)-before)
		}
		if res != "" {
			s.did("resolution " + string(res))
		}
	}
}

func (s *suite) submitFailures(t *testing.T) {
	type failure struct {
		failure   Failure
		want      deliver.Verdict
		committed int
		wait      time.Duration
	}
	tests := map[string]failure{
		"400":                  {Failure{Code: 400}, deliver.Refused, 0, 0},
		"401":                  {Failure{Code: 401}, deliver.Unauthorized, 0, 0},
		"403":                  {Failure{Code: 403}, deliver.Unauthorized, 0, 0},
		"429 with Retry-After": {Failure{Code: 429, RetryAfter: 7 * time.Second}, deliver.NotTaken, 0, 7 * time.Second},
		"cut":                  {Failure{}, deliver.Ambiguous, 0, 0},
		"cut after the commit": {Failure{After: true}, deliver.Ambiguous, 1, 0},
	}
	for _, code := range []int{302, 408, 409, 500, 502, 503, 504} {
		tests[strconv.Itoa(code)] = failure{Failure{Code: code}, deliver.Ambiguous, 0, 0}
		tests[strconv.Itoa(code)+" after the commit"] = failure{Failure{Code: code, After: true}, deliver.Ambiguous, 1, 0}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := s.open(t)
			f := fax(t, r, "submit/1/1")
			refs := uploaded(t, r.Service, f)
			r.Fail(t, Submit, tt.failure)
			_, err := r.Service.Submit(t.Context(), f, refs)
			if tt.want == deliver.Ambiguous {
				judgeOpen(t, "Submit", err)
			} else if e := judge(t, "Submit", err, tt.want); e.RetryAfter != tt.wait || (tt.want == deliver.Unauthorized && e.Reason != job.ReasonAuth) {
				t.Errorf("reason %q, wait %v; want wait %v", e.Reason, e.RetryAfter, tt.wait)
			}
			if got, n := r.Received(f.Key), r.Requests(Submit); len(got) != tt.committed || n != 1 {
				t.Errorf("%d faxes from %d requests; want %d from 1", len(got), n, tt.committed)
			}
		})
	}
	t.Run("revoked credential", func(t *testing.T) {
		r := s.open(t)
		f := fax(t, r, "submit/1/1")
		refs := uploaded(t, r.Service, f)
		r.Revoke()
		_, err := r.Service.Submit(t.Context(), f, refs)
		judge(t, "Submit", err, deliver.Unauthorized)
		if got := r.Received(f.Key); len(got) != 0 {
			t.Errorf("committed %+v", got)
		}
	})
}

// reusedConnection makes every connection used before the one that is cut.
// net/http repeats a request by itself when a kept connection breaks and the
// request looks repeatable.
func (s *suite) reusedConnection(t *testing.T) {
	r := s.open(t)
	for _, key := range []string{"warm/1/1", "warm/2/1"} {
		if err := r.Service.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		sent(t, r, fax(t, r, key))
	}
	f := fax(t, r, "cut/1/1")
	refs := uploaded(t, r.Service, f)
	before := r.Requests(Submit)
	r.Fail(t, Submit, Failure{})
	_, err := r.Service.Submit(t.Context(), f, refs)
	judgeOpen(t, "Submit", err)
	if n := r.Requests(Submit) - before; n != 1 || len(r.Received(f.Key)) != 0 {
		t.Errorf("%d requests and %d faxes after one cut; want 1 and 0", n, len(r.Received(f.Key)))
	}
	g := fax(t, r, "cut/2/1")
	refs = uploaded(t, r.Service, g)
	r.Fail(t, Submit, Failure{After: true})
	_, err = r.Service.Submit(t.Context(), g, refs)
	judgeOpen(t, "Submit", err)
	if n := len(r.Received(g.Key)); n != 1 {
		t.Errorf("%d faxes after one cut behind the commit; want 1", n)
	}
}

func (s *suite) timeout(t *testing.T) {
	for _, after := range []bool{false, true} {
		r := s.open(t)
		f := fax(t, r, "slow/1/1")
		refs := uploaded(t, r.Service, f)
		r.Fail(t, Submit, Failure{Stall: true, After: after})
		_, err := r.Service.Submit(within(t, 300*time.Millisecond), f, refs)
		judgeOpen(t, "Submit without an answer", err)
		want := 0
		if after {
			want = 1
		}
		if n := len(r.Received(f.Key)); n != want || r.Requests(Submit) != 1 {
			t.Errorf("%d faxes from %d requests; want %d from 1", n, r.Requests(Submit), want)
		}
	}
}

func (s *suite) refusedConnection(t *testing.T) {
	r := s.open(t)
	f := fax(t, r, "nobody/1/1")
	_, err := r.Unreachable.Submit(t.Context(), f, uploaded(t, r.Service, f))
	judge(t, "Submit", err, deliver.NotTaken)
}

func (s *suite) halfWritten(t *testing.T) {
	r := s.open(t)
	f := fax(t, r, "half/1/1")
	_, err := r.Breaking.Submit(t.Context(), f, uploaded(t, r.Service, f))
	judge(t, "Submit", err, deliver.NotTaken)
	if got := r.Received(f.Key); len(got) != 0 {
		t.Errorf("half a request committed %+v", got)
	}
}

// repeat submits again after a cut before the commit: the same key, one fax.
func (s *suite) repeat(t *testing.T) {
	r := s.open(t)
	f := fax(t, r, "repeat/1/1")
	refs := uploaded(t, r.Service, f)
	r.Fail(t, Submit, Failure{})
	_, err := r.Service.Submit(t.Context(), f, refs)
	judgeOpen(t, "Submit that was cut", err)
	id, err := r.Service.Submit(t.Context(), f, refs)
	if err != nil || id == "" || len(r.Received(f.Key)) != 1 {
		t.Errorf("Submit again = %q, %v with %d faxes under the key; want 1", id, err, len(r.Received(f.Key)))
	}
	if r.Service.Capabilities().Dedupe == deliver.DedupeNative {
		if again, err := r.Service.Submit(t.Context(), f, refs); err != nil || again != id || len(r.Received(f.Key)) != 1 {
			t.Errorf("Submit of a taken fax = %q, %v with %d faxes; want %q and 1", again, err, len(r.Received(f.Key)), id)
		} else {
			s.did("dedupe native")
		}
	}
}
