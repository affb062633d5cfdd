package cli_test

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/platen-fax/platen/agent/admin"
	"github.com/platen-fax/platen/agent/admin/cli"
	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/seal"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/agent/spool/bolt"
)

// world is a state directory with a real spool and the socket of an agent.
type world struct {
	*testing.T
	spool *bolt.Spool
	dir   string
	fax   *services
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	keys, err := seal.Open(seal.Options{StateDir: dir}, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	sp, err := bolt.Open(dir, keys, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sp.Close() })
	w := &world{T: t, spool: sp, dir: dir, fax: &services{stopped: true}}

	l, err := admin.Listen(filepath.Join(dir, "admin.sock"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- admin.New(admin.Options{Version: "1.2.0", Spool: sp, Services: w.fax}).Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
	return w
}

// services is one fax service whose account is stopped until it is resumed.
type services struct{ stopped bool }

func (s *services) Services(context.Context) ([]admin.Service, error) {
	v := admin.Service{ID: "main", Kind: "faxplus", Capabilities: deliver.Capabilities{
		Dedupe: deliver.DedupeSearchable, Formats: []deliver.Format{deliver.FormatTIFF}, MaxBytes: 100 << 20,
	}}
	if s.stopped {
		v.Stopped = &deliver.Stop{Since: time.Now(), Reason: job.ReasonAuth, Code: "401", Credential: "3f9a"}
	}
	return []admin.Service{v}, nil
}

func (s *services) Resume(_ context.Context, id string) error {
	if id != "main" {
		return admin.ErrNoService
	}
	s.stopped = false
	return nil
}

// platen runs a command against the world.
func (w *world) platen(args ...string) (code int, stdout, stderr string) {
	w.Helper()
	return platen(cli.Env{Version: "1.2.0"}, append(args, "--state", w.dir)...)
}

func platen(e cli.Env, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	e.Stdout, e.Stderr = &out, &errs
	e.Getenv = func(k string) string {
		if k == "PLATEN_CONFIG" {
			return "/nonexistent/platen.yaml"
		}
		return ""
	}
	code = cli.Main(args, e)
	return code, out.String(), errs.String()
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// Numbers that must never be printed in full.
const (
	first  = "+15145550199"
	second = "+33199002741"
)

// job makes a job and moves each delivery to the wanted state.
func (w *world) job(states ...job.DeliveryState) *job.Job {
	w.Helper()
	ctx := w.Context()
	id, err := uuid.NewV7()
	w.must(err)
	j, err := w.spool.Draft(ctx, &job.Job{ID: job.ID(id.String()), Device: "front-desk", Created: time.Now()})
	w.must(err)
	_, err = w.spool.AddPage(ctx, j.ID, job.Page{MIME: "image/jpeg"}, strings.NewReader("a page"))
	w.must(err)
	t := spool.Terms{Route: []string{"main"}, Grants: []job.Grant{{Kind: job.GrantAccount, Service: "main", Account: "office"}}}
	for i := range states {
		t.Recipients = append(t.Recipients, job.Recipient{Number: []string{first, second}[i], Name: "Dr. Roy"})
	}
	j, err = w.spool.Accept(ctx, j.ID, t)
	w.must(err)
	c := w.claim(job.LaneConvert, spool.Ref{Job: j.ID})
	_, err = w.spool.PutPart(ctx, j.ID, "fax/0001", strings.NewReader("fax data"))
	w.must(err)
	w.must(w.spool.Commit(ctx, c, []spool.Converted{{Part: c.Job.Pages[0].Part, Page: job.Page{Fax: "fax/0001"}}}))
	for i, s := range states {
		w.to(spool.Ref{Job: j.ID, Recipient: i + 1}, s)
	}
	j, err = w.spool.Get(ctx, j.ID)
	w.must(err)
	return j
}

func (w *world) claim(lane string, ref spool.Ref) *spool.Claim {
	w.Helper()
	cs, _, err := w.spool.Claim(w.Context(), lane, 100, time.Minute)
	w.must(err)
	var found *spool.Claim
	for _, c := range cs {
		if c.Ref == ref {
			found = c
			continue
		}
		w.must(w.spool.Release(w.Context(), c, time.Now()))
	}
	if found == nil {
		w.Fatalf("%s is not due in %s", ref, lane)
	}
	return found
}

func (w *world) to(ref spool.Ref, s job.DeliveryState) {
	w.Helper()
	ctx := w.Context()
	if s == job.Waiting {
		return
	}
	c := w.claim(job.SendLane("main"), ref)
	w.must(w.spool.Advance(ctx, c, job.Step{To: job.Uploading, Cause: job.CauseStart}))
	if s == job.DeliveryFailed {
		w.must(w.spool.Outcome(ctx, c, job.Step{To: s, Cause: job.CauseRefused, Reason: job.ReasonBadNumber, Code: "404"}))
		return
	}
	w.must(w.spool.BeginSubmit(ctx, c, "c0ffee", time.Second))
	if s == job.NeedsDecision {
		w.must(w.spool.Outcome(ctx, c, job.Step{To: job.InDoubt, Cause: job.CauseAmbiguous}))
		c = w.claim(job.TrackLane("main"), ref)
		w.must(w.spool.Outcome(ctx, c, job.Step{To: s, Cause: job.CauseNoSearch}))
		return
	}
	w.must(w.spool.Outcome(ctx, c, job.Step{To: job.Submitted, Cause: job.CauseAccepted, FaxID: "fax-" + ref.String()}))
	if s == job.Submitted {
		return
	}
	c = w.claim(job.TrackLane("main"), ref)
	w.must(w.spool.Outcome(ctx, c, job.Step{To: s, Cause: job.CauseOutcome, Pages: 1}))
}

func (w *world) state(id job.ID, r int) job.DeliveryState {
	w.Helper()
	j, err := w.spool.Get(w.Context(), id)
	w.must(err)
	return j.Delivery(r).State
}
