package servicetest

import (
	"errors"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/job"
)

// lost submits a fax whose answer is lost behind the commit.
func lost(t *testing.T, r Rig, key string) deliver.Fax {
	t.Helper()
	f := fax(t, r, key)
	refs := uploaded(t, r.Service, f)
	r.Fail(t, Submit, Failure{After: true})
	_, err := r.Service.Submit(t.Context(), f, refs)
	judgeOpen(t, "Submit", err)
	if n := len(r.Received(key)); n != 1 {
		t.Fatalf("%d faxes under the key; want 1", n)
	}
	return f
}

// searchable reports whether the service can be searched. One that declares no
// de-duplication must say so; one with native de-duplication may be searchable
// or not.
func (s *suite) searchable(t *testing.T, r Rig) bool {
	t.Helper()
	d := r.Service.Capabilities().Dedupe
	if d == deliver.DedupeSearchable {
		return true
	}
	ids, err := r.Service.Search(t.Context(), lost(t, r, "asked/1/1"))
	switch {
	case d == deliver.DedupeNative:
		return !errors.Is(err, deliver.ErrNotSearchable)
	case !errors.Is(err, deliver.ErrNotSearchable):
		t.Errorf("Search = %v, %v; want ErrNotSearchable from a service that does not declare it", ids, err)
	}
	s.did("dedupe none")
	return false
}

func (s *suite) search(t *testing.T) {
	r := s.open(t)
	if !s.searchable(t, r) {
		return
	}
	absent := fax(t, r, "absent/1/1")
	if ids, err := r.Service.Search(t.Context(), absent); err != nil || len(ids) != 0 {
		t.Errorf("Search of nothing = %v, %v", ids, err)
	}
	sent(t, r, fax(t, r, "other/1/1"))
	sent(t, r, fax(t, r, "lost/1/11")) // its key begins with the one searched for
	f := lost(t, r, "lost/1/1")
	for _, where := range []string{"while it is sent", "when it has ended"} {
		ids, err := r.Service.Search(t.Context(), f)
		if err != nil || len(ids) != 1 {
			t.Fatalf("Search %s = %v, %v; want one", where, ids, err)
		}
		st, err := r.Service.Track(t.Context(), ids)
		want := job.Submitted
		if where != "while it is sent" {
			want = job.Sent
		}
		if err != nil || st[ids[0]].State != want {
			t.Errorf("Track of what was found %s = %+v, %v; want %s", where, st, err, want)
		}
		if ids, err := r.Service.Search(t.Context(), absent); err != nil || len(ids) != 0 {
			t.Errorf("Search of nothing among others = %v, %v", ids, err)
		}
		r.Finish()
	}
	r.Fail(t, List, Failure{Code: 503})
	if ids, err := r.Service.Search(t.Context(), f); err == nil {
		t.Errorf("Search without an answer = %v, nil; want an error", ids)
	}
	if r.Service.Capabilities().Dedupe == deliver.DedupeSearchable {
		s.did("dedupe searchable")
	}
}

// searchLag shows what the settle time is for.
func (s *suite) searchLag(t *testing.T) {
	r := s.open(t)
	dedupe := r.Service.Capabilities().Dedupe
	if dedupe == deliver.DedupeNone || !s.searchable(t, r) {
		return
	}
	settle := r.Service.Capabilities().Settle
	// waited does what deliver does with a doubt: two searches, one wait apart,
	// the first after one wait.
	waited := func(r Rig, f deliver.Fax, wait time.Duration) (found bool) {
		t.Helper()
		for range 2 {
			r.Pass(wait)
			ids, err := r.Service.Search(t.Context(), f)
			if err != nil {
				t.Fatalf("Search: %v", err)
			}
			if len(ids) > 0 {
				return true
			}
		}
		if _, err := r.Service.Submit(t.Context(), f, uploaded(t, r.Service, f)); err != nil {
			t.Fatalf("Submit again: %v", err)
		}
		return false
	}
	t.Run("ASettleShorterThanTheLag", func(t *testing.T) {
		r := s.open(t)
		r.Lag(4 * settle)
		f := lost(t, r, "lag/1/1")
		if dedupe == deliver.DedupeNative {
			if waited(r, f, settle) || len(r.Received(f.Key)) != 1 {
				t.Errorf("%d faxes under one key; native de-duplication keeps it at 1 whatever a search says", len(r.Received(f.Key)))
			}
			return
		}
		if waited(r, f, settle) || len(r.Received(f.Key)) != 2 {
			t.Errorf("%d faxes under one key; this lag was expected to produce 2", len(r.Received(f.Key)))
		}
	})
	t.Run("ASettleLongerThanTheLagProducesNone", func(t *testing.T) {
		r := s.open(t)
		r.Lag(settle / 2)
		f := lost(t, r, "lag/1/1")
		if !waited(r, f, settle) || len(r.Received(f.Key)) != 1 {
			t.Errorf("%d faxes under one key; want 1", len(r.Received(f.Key)))
		}
	})
}

// hiddenKey lets the counterpart stop showing our key: the fax is then there and
// cannot be recognised, and absent would be a lie.
func (s *suite) hiddenKey(t *testing.T) {
	r := s.open(t)
	if r.Service.Capabilities().Dedupe != deliver.DedupeSearchable {
		return
	}
	r.HideKeys()
	f := lost(t, r, "hidden/1/1")
	if ids, err := r.Service.Search(t.Context(), f); !errors.Is(err, deliver.ErrNotSearchable) {
		t.Errorf("Search of a fax whose key is not shown = %v, %v; want ErrNotSearchable", ids, err)
	}
	r = s.open(t)
	r.HideKeys()
	id := sent(t, r, fax(t, r, "hidden/2/1"))
	if st, err := r.Service.Track(t.Context(), []string{id}); err != nil || st[id].State != job.Submitted {
		t.Fatalf("Track by id = %+v, %v", st, err)
	}
	if d := r.Service.Capabilities().Dedupe; d != deliver.DedupeNone {
		t.Errorf("Dedupe = %q after a fax was listed without its key; want %q", d, deliver.DedupeNone)
	}
	if ids, err := r.Service.Search(t.Context(), fax(t, r, "hidden/3/1")); !errors.Is(err, deliver.ErrNotSearchable) {
		t.Errorf("Search = %v, %v; want ErrNotSearchable", ids, err)
	}
}
