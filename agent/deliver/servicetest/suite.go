package servicetest

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/job"
)

// Service holds a service to the contract. open is called once per test.
func Service(t *testing.T, open func(t *testing.T) Rig) {
	s := &suite{open: open, exercised: make(map[string]bool)}
	t.Run("Capabilities", s.capabilities)
	t.Run("Probe", s.probe)
	t.Run("Upload", s.upload)
	t.Run("UploadRestart", s.uploadRestart)
	t.Run("UploadContinuesAtAnOffset", s.chunkRestart)
	t.Run("UploadFailures", s.uploadFailures)
	t.Run("Submit", s.submit)
	t.Run("SubmitFailures", s.submitFailures)
	t.Run("SubmitNeverSilentlyTwice", s.reusedConnection)
	t.Run("SubmitTimeout", s.timeout)
	t.Run("SubmitConnectionRefused", s.refusedConnection)
	t.Run("SubmitHalfWritten", s.halfWritten)
	t.Run("RepeatKeepsKey", s.repeat)
	t.Run("Search", s.search)
	t.Run("SearchLag", s.searchLag)
	t.Run("SearchHiddenKey", s.hiddenKey)
	t.Run("Track", s.track)
	t.Run("TrackFailures", s.trackFailures)
	t.Run("Cancel", s.cancel)
	t.Run("EveryDeclaredCapabilityWasExercised", s.covered)
}

type suite struct {
	open func(t *testing.T) Rig

	mu        sync.Mutex
	exercised map[string]bool
}

func (s *suite) did(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exercised[what] = true
}

// declared names what a service declares, as did names what was exercised.
func declared(c deliver.Capabilities) map[string]bool {
	out := map[string]bool{
		"dedupe " + string(c.Dedupe): true, "chunking": c.Chunking, "cancel": c.Cancel,
		"max bytes": c.MaxBytes > 0, "max pages": c.MaxPages > 0, "track batch": c.TrackBatch > 1,
		"webhook": c.Webhook, "sender number": c.SenderNumber, "cover page": c.CoverPage,
	}
	for _, f := range c.Formats {
		out["format "+string(f)] = true
	}
	for _, r := range c.Resolutions {
		out["resolution "+string(r)] = true
	}
	return out
}

func (s *suite) covered(t *testing.T) {
	if t.Failed() {
		return
	}
	for what, has := range declared(s.open(t).Service.Capabilities()) {
		switch {
		case has && !s.exercised[what]:
			t.Errorf("%s is declared and was not exercised", what)
		case !has && s.exercised[what]:
			t.Errorf("%s is not declared and works", what)
		}
	}
}

func (s *suite) capabilities(t *testing.T) {
	c := s.open(t).Service.Capabilities()
	switch c.Dedupe {
	case deliver.DedupeNative, deliver.DedupeNone:
	case deliver.DedupeSearchable:
		if c.Settle <= 0 {
			t.Error("a searchable service declares no settle time")
		}
	default:
		t.Errorf("Dedupe = %q", c.Dedupe)
	}
	if len(c.Formats) == 0 || c.TrackBatch < 1 || c.MaxBytes < 0 || c.MaxPages < 0 {
		t.Errorf("capabilities %+v", c)
	}
}

// fax is a fax in the service's first format.
func fax(t *testing.T, r Rig, key string) deliver.Fax {
	t.Helper()
	return r.Fax(t, key, r.Service.Capabilities().Formats[0])
}

func keep(map[string]string, int64) error { return nil }

// uploaded brings the document to the service.
func uploaded(t *testing.T, sv deliver.Service, f deliver.Fax) map[string]string {
	t.Helper()
	refs, err := sv.Upload(t.Context(), f, nil, 0, keep)
	if err != nil {
		t.Fatalf("Upload: %v", err)
	}
	return refs
}

// sent uploads and submits.
func sent(t *testing.T, r Rig, f deliver.Fax) string {
	t.Helper()
	id, err := r.Service.Submit(t.Context(), f, uploaded(t, r.Service, f))
	if err != nil || id == "" {
		t.Fatalf("Submit = %q, %v", id, err)
	}
	return id
}

// judge compares the verdict of an error and returns the error.
func judge(t *testing.T, what string, err error, want deliver.Verdict) deliver.Error {
	t.Helper()
	var e *deliver.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: error %v has no verdict; want %s", what, err, want)
		return deliver.Error{}
	}
	if e.Verdict != want {
		t.Errorf("%s: verdict %s (%v); want %s", what, e.Verdict, err, want)
	}
	return *e
}

// judgeOpen accepts any error that leaves open whether the fax was taken: a
// verdict of ambiguous, or none.
func judgeOpen(t *testing.T, what string, err error) {
	t.Helper()
	var e *deliver.Error
	if err == nil || (errors.As(err, &e) && e.Verdict != deliver.Ambiguous) {
		t.Errorf("%s: %v; want an ambiguous failure", what, err)
	}
}

func (s *suite) probe(t *testing.T) {
	r := s.open(t)
	if err := r.Service.Probe(t.Context()); err != nil {
		t.Errorf("Probe: %v", err)
	}
	if n := r.Requests(Submit); n != 0 {
		t.Errorf("Probe made %d committing requests", n)
	}
	r.Revoke()
	if e := judge(t, "Probe with a bad credential", r.Service.Probe(t.Context()), deliver.Unauthorized); e.Reason != job.ReasonAuth {
		t.Errorf("reason %q; want %q", e.Reason, job.ReasonAuth)
	}
	judge(t, "Probe of nobody", r.Unreachable.Probe(t.Context()), deliver.NotTaken)
}

// opened notes the offsets a document was opened at.
type opened struct {
	mu      sync.Mutex
	offsets []int64
}

func (o *opened) watch(d deliver.Document) deliver.Document {
	inner := d.Open
	d.Open = func(off int64) (io.ReadCloser, error) {
		o.mu.Lock()
		o.offsets = append(o.offsets, off)
		o.mu.Unlock()
		return inner(off)
	}
	return d
}

// within ends a call after a short while.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
