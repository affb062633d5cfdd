package bolt_test

import (
	"testing"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool/bolt"
	"github.com/platen-fax/platen/agent/spool/spooltest"
)

// TestClaimed keeps the mark of somebody unverified with the job over a restart.
func TestClaimed(t *testing.T) {
	ctx, dir, clock := t.Context(), t.TempDir(), spooltest.NewClock()
	s := open(t, dir, bolt.Options{Clock: clock.Now, Mono: clock.Mono})
	id := loadID(0, 0)
	if _, err := s.Draft(ctx, &job.Job{ID: id, Device: "front-desk", Shared: true, Claimed: "ann@example.test"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, bolt.Options{Clock: clock.Now, Mono: clock.Mono})
	if j, err := s.Get(ctx, id); err != nil || j.Claimed != "ann@example.test" || !j.Shared || j.Owner != (job.Person{}) {
		t.Errorf("Get = %+v, %v; want it claimed by ann@example.test and owned by nobody", j, err)
	}
}
