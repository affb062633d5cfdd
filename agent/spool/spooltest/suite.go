// Package spooltest is the suite every spool passes. It knows nothing of how a
// spool stores: crashes and power cuts are tested beside each implementation.
package spooltest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// Clock is the time of a spool under test, wall and monotonic, set by hand.
// It is safe for concurrent use.
type Clock struct {
	mu   sync.Mutex
	wall time.Time
	mono time.Time
}

// NewClock starts at a fixed date.
func NewClock() *Clock {
	t := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	return &Clock{wall: t, mono: t}
}

// Now returns the wall time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

// Mono returns the time that leases end by.
func (c *Clock) Mono() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mono
}

// Advance lets time pass.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.mono = c.wall.Add(d), c.mono.Add(d)
}

// SetBack moves only the wall clock, backwards.
func (c *Clock) SetBack(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = c.wall.Add(-d)
}

// Config is what the suite asks of the spool it is given.
type Config struct {
	Quota  int64 // bytes of parts; 0: plenty
	Limits job.Limits
	Clock  *Clock
}

// Fixture is a fresh, empty spool.
type Fixture struct {
	Spool spool.Spool
	// Reopen closes the spool as a crash does, as far as a living process can,
	// and opens it again with the same Config.
	Reopen func() spool.Spool
}

// Run runs the suite.
func Run(t *testing.T, open func(t *testing.T, c Config) Fixture) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"Drafts", draftTests},
		{"Accept", acceptTests},
		{"Claim", claimTests},
		{"Work", workTests},
		{"People", peopleTests},
		{"Erasure", erasureTests},
		{"Events", eventTests},
		{"Read", readTests},
		{"Together", togetherTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, tt := range group.tests {
				t.Run(tt.name, func(t *testing.T) {
					c := Config{Quota: tt.quota, Limits: job.DefaultLimits(), Clock: NewClock()}
					f := open(t, c)
					tt.run(&world{T: t, Spool: f.Spool, reopen: f.Reopen, clock: c.Clock, limits: c.Limits})
				})
			}
		})
	}
}

type test struct {
	name  string
	quota int64
	run   func(w *world)
}

// world is one test with its spool.
type world struct {
	*testing.T
	spool.Spool
	reopen func() spool.Spool
	clock  *Clock
	limits job.Limits
}

// crash loses all that is not durable.
func (w *world) crash() { w.Spool = w.reopen() }

func (w *world) ok(err error, doing string) {
	w.Helper()
	if err != nil {
		w.Fatalf("%s: %v", doing, err)
	}
}

func (w *world) is(err, want error, doing string) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Errorf("%s = %v; want %v", doing, err, want)
	}
}

// newID returns a job id.
func (w *world) newID() job.ID {
	w.Helper()
	id, err := uuid.NewV7()
	w.ok(err, "NewV7")
	return job.ID(id.String())
}

// pageBytes are the bytes of a page, different for each name.
func pageBytes(name string, size int) []byte {
	sum := sha256.Sum256([]byte(name))
	return bytes.Repeat(sum[:], size/len(sum)+1)[:size]
}

func shaOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// drafted makes a draft with n pages of 5000 bytes.
func (w *world) drafted(n int) *job.Job {
	w.Helper()
	id := w.newID()
	j, err := w.Draft(w.Context(), &job.Job{ID: id, Device: "front-desk", Owner: job.Person{ID: "ann", Name: "Ann Lee"}})
	w.ok(err, "Draft")
	for i := range n {
		j, err = w.AddPage(w.Context(), id, job.Page{MIME: "image/jpeg", DPI: 300}, bytes.NewReader(pageBytes(fmt.Sprint(id, i), 5000)))
		w.ok(err, "AddPage")
	}
	return j
}

func terms(numbers ...string) spool.Terms {
	t := spool.Terms{Route: []string{"main", "spare"}, Grants: []job.Grant{
		{Kind: job.GrantAccount, Service: "main", Account: "office"}, {Kind: job.GrantAccount, Service: "spare", Account: "office"},
	}}
	for _, n := range numbers {
		t.Recipients = append(t.Recipients, job.Recipient{Number: n, Raw: n, Name: "Dr. Secret Name"})
	}
	return t
}

// accepted makes a captured job of one page.
func (w *world) accepted(numbers ...string) *job.Job {
	w.Helper()
	j := w.drafted(1)
	j, err := w.Accept(w.Context(), j.ID, terms(numbers...))
	w.ok(err, "Accept")
	return j
}

// ready makes a job whose deliveries wait to be sent.
func (w *world) ready(numbers ...string) *job.Job {
	w.Helper()
	j := w.accepted(numbers...)
	w.convert(j.ID)
	return w.get(j.ID)
}

// convert settles all pages of one job.
func (w *world) convert(id job.ID) {
	w.Helper()
	c := w.claim(job.LaneConvert, spool.Ref{Job: id})
	var done []spool.Converted
	for i, p := range c.Job.Pages {
		name := fmt.Sprintf("fax/%04d", i+1)
		_, err := w.PutPart(w.Context(), id, name, bytes.NewReader(pageBytes(name, 900)))
		w.ok(err, "PutPart")
		done = append(done, spool.Converted{Part: p.Part, Page: job.Page{Fax: name, Width: 1728, Height: 2200, XDPI: 204, YDPI: 196}})
	}
	w.ok(w.Commit(w.Context(), c, done), "Commit")
}

func (w *world) get(id job.ID) *job.Job {
	w.Helper()
	j, err := w.Get(w.Context(), id)
	w.ok(err, "Get")
	return j
}

const leaseTime = 30 * time.Second

// claims takes everything due in a lane.
func (w *world) claims(lane string) []*spool.Claim {
	w.Helper()
	cs, _, err := w.Claim(w.Context(), lane, 1000, leaseTime)
	w.ok(err, "Claim "+lane)
	return cs
}

// claim takes one unit out of a lane and gives the others back.
func (w *world) claim(lane string, ref spool.Ref) *spool.Claim {
	w.Helper()
	var found *spool.Claim
	for _, c := range w.claims(lane) {
		if c.Ref == ref {
			found = c
			continue
		}
		due := w.clock.Now()
		if d := c.Delivery(); d != nil {
			due = d.Due
		}
		w.ok(w.Release(w.Context(), c, due), "Release")
	}
	if found == nil {
		w.Fatalf("%s is not due in lane %s", ref, lane)
	}
	return found
}

// to moves the only delivery of a fresh job through the usual steps up to a
// state and returns the claim that it is held by, or nil in states where it was
// given back.
func (w *world) to(j *job.Job, state job.DeliveryState) *spool.Claim {
	w.Helper()
	ctx := w.Context()
	c := w.claim(job.SendLane("main"), spool.Ref{Job: j.ID, Recipient: 1})
	if state == job.Waiting {
		return c
	}
	if state == job.NeedsSignIn {
		w.ok(w.Outcome(ctx, c, job.Step{To: job.NeedsSignIn, Cause: job.CauseGrant}), "needs sign-in")
		return nil
	}
	w.ok(w.Advance(ctx, c, job.Step{To: job.Uploading, Cause: job.CauseStart}), "start")
	if state == job.Uploading {
		return c
	}
	if state == job.DeliveryFailed {
		w.ok(w.Outcome(ctx, c, job.Step{To: state, Cause: job.CauseRefused, Reason: job.ReasonBadNumber}), "refused")
		return nil
	}
	w.ok(w.BeginSubmit(ctx, c, "c0ffee", 10*time.Second), "BeginSubmit")
	if state == job.Submitting {
		return c
	}
	if state == job.InDoubt || state == job.NeedsDecision {
		w.ok(w.Outcome(ctx, c, job.Step{To: job.InDoubt, Cause: job.CauseAmbiguous}), "ambiguous")
		if state == job.NeedsDecision {
			c = w.claim(job.TrackLane("main"), c.Ref)
			w.ok(w.Outcome(ctx, c, job.Step{To: state, Cause: job.CauseNoSearch}), "no search")
		}
		return nil
	}
	w.ok(w.Outcome(ctx, c, job.Step{To: job.Submitted, Cause: job.CauseAccepted, FaxID: "fax-" + string(j.ID)}), "submitted")
	if state == job.Submitted {
		return nil
	}
	c = w.claim(job.TrackLane("main"), c.Ref)
	st := job.Step{To: state, Cause: job.CauseOutcome, Pages: 1, Due: w.clock.Now()}
	w.ok(w.Outcome(ctx, c, st), string(state))
	return nil
}

// state fails the test unless delivery r is in the state.
func (w *world) state(id job.ID, r int, want job.DeliveryState) {
	w.Helper()
	if got := w.get(id).Delivery(r).State; got != want {
		w.Errorf("delivery %d is %s; want %s", r, got, want)
	}
}

// part reads a whole part.
func (w *world) part(id job.ID, name string) ([]byte, error) {
	w.Helper()
	r, size, err := w.OpenPart(w.Context(), id, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err == nil && int64(len(b)) != size {
		w.Errorf("part %s has %d bytes, OpenPart said %d", name, len(b), size)
	}
	return b, err
}
