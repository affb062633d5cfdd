package servicetest

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/job"
)

// track follows faxes to every number at once to their ends.
func (s *suite) track(t *testing.T) {
	r := s.open(t)
	batch := r.Service.Capabilities().TrackBatch
	want := make(map[string]deliver.Status)
	var ids []string
	for i, o := range append(r.Outcomes, Outcome{To: r.Endless, Want: deliver.Status{State: job.Submitted}}) {
		f := fax(t, r, "track/"+strconv.Itoa(i)+"/1")
		f.To = o.To
		id := sent(t, r, f)
		ids, want[id] = append(ids, id), o.Want
	}
	if len(want) != len(ids) {
		t.Fatalf("%d ids for %d faxes", len(want), len(ids))
	}
	ask := func() map[string]deliver.Status {
		t.Helper()
		out := make(map[string]deliver.Status)
		before, calls := r.Requests(List), 0
		for rest := ids; len(rest) > 0; calls++ {
			n := min(batch, len(rest))
			got, err := r.Service.Track(t.Context(), rest[:n])
			if err != nil {
				t.Fatalf("Track: %v", err)
			}
			for id, st := range got {
				out[id] = st
			}
			rest = rest[n:]
		}
		if n := r.Requests(List) - before; batch > 1 && n > 3*calls {
			t.Errorf("%d requests for %d faxes in %d batches", n, len(ids), calls)
		} else if batch > 1 {
			s.did("track batch")
		}
		return out
	}
	for id, st := range ask() {
		if st.State != job.Submitted || st.Reason != job.ReasonNone {
			t.Errorf("%s at first: %+v; want submitted", id, st)
		}
	}
	r.Finish()
	got := ask()
	for i, id := range ids {
		g, w := got[id], want[id]
		if g.State != w.State || g.Reason != w.Reason || (w.Code != "" && g.Code != w.Code) || (w.Pages > 0 && g.Pages != w.Pages) {
			t.Errorf("fax %d: %+v; want %+v", i, g, w)
		}
		if g.State == job.DeliveryFailed && g.Code == "" {
			t.Errorf("fax %d: the service's own words are lost", i)
		}
	}
	if st, err := r.Service.Track(t.Context(), []string{"nobody-knows-this"}); err != nil || len(st) != 0 {
		t.Errorf("Track of a foreign id = %+v, %v; want nothing", st, err)
	}
}

func (s *suite) trackFailures(t *testing.T) {
	r := s.open(t)
	id := sent(t, r, fax(t, r, "track/1/1"))
	r.Fail(t, List, Failure{Code: 429, RetryAfter: 7 * time.Second})
	_, err := r.Service.Track(t.Context(), []string{id})
	if e := judge(t, "Track", err, deliver.NotTaken); e.RetryAfter != 7*time.Second {
		t.Errorf("wait %v; want 7 s", e.RetryAfter)
	}
	r.Fail(t, List, Failure{Stall: true})
	if _, err := r.Service.Track(within(t, 200*time.Millisecond), []string{id}); err == nil {
		t.Error("Track without an answer: no error")
	}
	r.Revoke()
	_, err = r.Service.Track(t.Context(), []string{id})
	judge(t, "Track with a bad credential", err, deliver.Unauthorized)
}

func (s *suite) cancel(t *testing.T) {
	r := s.open(t)
	f := fax(t, r, "cancel/1/1")
	id := sent(t, r, f)
	err := r.Service.Cancel(t.Context(), id)
	if !r.Service.Capabilities().Cancel {
		if err == nil {
			t.Error("Cancel is not declared and works")
		}
		return
	}
	if err != nil {
		t.Errorf("Cancel of a waiting fax: %v", err)
	}
	r.Finish()
	if st, err := r.Service.Track(t.Context(), []string{id}); err != nil || st[id].State == job.Sent {
		t.Errorf("a cancelled fax is tracked as %+v, %v", st[id], err)
	}
	late := sent(t, r, fax(t, r, "cancel/2/1"))
	r.TooLate()
	if err := r.Service.Cancel(t.Context(), late); !errors.Is(err, deliver.ErrTooLate) {
		t.Errorf("Cancel of a fax being sent: %v; want ErrTooLate", err)
	}
	r.Finish()
	if st, err := r.Service.Track(t.Context(), []string{late}); err != nil || st[late].State != job.Sent {
		t.Errorf("a fax that went on is tracked as %+v, %v; want sent", st[late], err)
	}
	if err := r.Service.Cancel(t.Context(), late); !errors.Is(err, deliver.ErrTooLate) {
		t.Errorf("Cancel of a sent fax: %v; want ErrTooLate", err)
	}
	r.Fail(t, Cancel, Failure{Code: 503})
	var e *deliver.Error
	if err := r.Service.Cancel(t.Context(), sent(t, r, fax(t, r, "cancel/3/1"))); err == nil || errors.Is(err, deliver.ErrTooLate) || !errors.As(err, &e) {
		t.Errorf("Cancel without an answer: %v; want an error that leaves it open", err)
	}
	s.did("cancel")
}
