package servicetest

import (
	"maps"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/job"
)

func (s *suite) upload(t *testing.T) {
	for _, format := range s.open(t).Service.Capabilities().Formats {
		r := s.open(t)
		f := r.Fax(t, "upload/1/1", format)
		var saved map[string]string
		var offset int64
		refs, err := r.Service.Upload(t.Context(), f, nil, 0, func(refs map[string]string, off int64) error {
			saved, offset = refs, off
			return nil
		})
		if err != nil || !maps.Equal(refs, saved) || offset != f.Document.Size {
			t.Errorf("Upload of %s = %v, %v; saved %v at %d of %d", format, refs, err, saved, offset, f.Document.Size)
		}
		if len(r.Received(f.Key)) != 0 || r.Requests(Submit) != 0 {
			t.Error("an upload committed a fax")
		}
		if _, err := r.Service.Submit(t.Context(), f, refs); err != nil {
			t.Errorf("Submit of %s: %v", format, err)
		}
		if got := r.Received(f.Key); len(got) != 1 || got[0].SHA256 != f.Document.SHA256 {
			t.Errorf("%s received as %+v; want one of %s", format, got, f.Document.SHA256)
		}
		s.did("format " + string(format))
	}
}

// uploadRestart breaks an upload before anything was saved: the document is read
// again from its beginning and arrives whole.
func (s *suite) uploadRestart(t *testing.T) {
	r := s.open(t)
	f := fax(t, r, "restart/1/1")
	var saved map[string]string
	var offset int64
	save := func(refs map[string]string, off int64) error { saved, offset = refs, off; return nil }

	r.Fail(t, Upload, Failure{})
	_, cut := r.Service.Upload(t.Context(), f, nil, 0, save)
	judge(t, "Upload that was cut", cut, deliver.NotTaken)

	var seen opened
	f.Document = seen.watch(f.Document)
	if _, err := r.Service.Upload(t.Context(), f, saved, offset, save); err != nil {
		t.Fatalf("Upload again: %v", err)
	}
	if len(seen.offsets) == 0 || seen.offsets[0] != 0 {
		t.Errorf("document was read from %v; want 0, since nothing had arrived", seen.offsets)
	}
	// Asked once more with a lying offset and no references, it begins anew, or
	// reads nothing where the service can tell that it holds the document.
	seen.offsets = nil
	refs, err := r.Service.Upload(t.Context(), f, nil, 7, save)
	held := r.Service.Capabilities().Chunking && len(seen.offsets) == 0
	if err != nil || (!held && (len(seen.offsets) == 0 || seen.offsets[0] != 0)) {
		t.Errorf("Upload without references = %v after reading from %v; want 0", err, seen.offsets)
	}
	if _, err := r.Service.Submit(t.Context(), f, refs); err != nil {
		t.Fatalf("Submit: %v", err)
	}
	if got := r.Received(f.Key); len(got) != 1 || got[0].SHA256 != f.Document.SHA256 {
		t.Errorf("received %+v; want one of %s", got, f.Document.SHA256)
	}
}

// chunkRestart breaks an upload behind its first saved piece: the next call goes
// on from there and reads nothing twice. A piece whose answer is lost counts as
// arrived or not, but the document is whole in the end.
func (s *suite) chunkRestart(t *testing.T) {
	if !s.open(t).Service.Capabilities().Chunking {
		return
	}
	for _, after := range []bool{false, true} {
		r := s.open(t)
		f := fax(t, r, "chunk/1/1")
		var saved map[string]string
		var offset int64
		_, err := r.Service.Upload(t.Context(), f, nil, 0, func(refs map[string]string, off int64) error {
			if off > 0 && off < f.Document.Size && offset == 0 {
				saved, offset = refs, off
				r.Fail(t, Upload, Failure{After: after})
			}
			return nil
		})
		if offset == 0 {
			t.Fatalf("an upload of %d bytes saved no offset on its way (%v); the rig needs a document of several pieces", f.Document.Size, err)
		}
		judge(t, "Upload that was cut", err, deliver.NotTaken)
		var seen opened
		f.Document = seen.watch(f.Document)
		last := int64(-1)
		refs, err := r.Service.Upload(t.Context(), f, saved, offset, func(_ map[string]string, off int64) error { last = off; return nil })
		if err != nil || last != f.Document.Size {
			t.Fatalf("Upload again: %v at %d of %d", err, last, f.Document.Size)
		}
		if len(seen.offsets) != 1 || seen.offsets[0] < offset || (!after && seen.offsets[0] != offset) {
			t.Errorf("document was read from %v; want once, from %d", seen.offsets, offset)
		}
		if _, err := r.Service.Submit(t.Context(), f, refs); err != nil {
			t.Fatalf("Submit: %v", err)
		}
		if got := r.Received(f.Key); len(got) != 1 || got[0].SHA256 != f.Document.SHA256 {
			t.Errorf("received %+v; want one of %s", got, f.Document.SHA256)
		}
	}
	s.did("chunking")
}

func (s *suite) uploadFailures(t *testing.T) {
	for name, tt := range map[string]struct {
		failure Failure
		want    deliver.Verdict
		reason  job.Reason
		wait    time.Duration
	}{
		"401":                  {Failure{Code: 401}, deliver.Unauthorized, job.ReasonAuth, 0},
		"403":                  {Failure{Code: 403}, deliver.Unauthorized, job.ReasonAuth, 0},
		"413":                  {Failure{Code: 413}, deliver.Refused, job.ReasonTooLarge, 0},
		"429 with Retry-After": {Failure{Code: 429, RetryAfter: 7 * time.Second}, deliver.NotTaken, job.ReasonService, 7 * time.Second},
		"503 with Retry-After": {Failure{Code: 503, RetryAfter: 9 * time.Second}, deliver.NotTaken, job.ReasonService, 9 * time.Second},
		"500":                  {Failure{Code: 500}, deliver.NotTaken, job.ReasonService, 0},
		"cut after effect":     {Failure{After: true}, deliver.NotTaken, job.ReasonService, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.open(t)
			f := fax(t, r, "upload/1/1")
			r.Fail(t, Upload, tt.failure)
			_, err := r.Service.Upload(t.Context(), f, nil, 0, keep)
			if e := judge(t, "Upload", err, tt.want); e.Reason != tt.reason || e.RetryAfter != tt.wait {
				t.Errorf("reason %q, wait %v; want %q, %v", e.Reason, e.RetryAfter, tt.reason, tt.wait)
			}
			if n := r.Requests(Submit); n != 0 {
				t.Errorf("%d committing requests", n)
			}
		})
	}
	t.Run("stalled", func(t *testing.T) {
		r := s.open(t)
		f := fax(t, r, "upload/1/1")
		r.Fail(t, Upload, Failure{Stall: true})
		_, err := r.Service.Upload(within(t, 200*time.Millisecond), f, nil, 0, keep)
		judge(t, "Upload", err, deliver.NotTaken)
	})
	t.Run("nobody there", func(t *testing.T) {
		r := s.open(t)
		_, err := r.Unreachable.Upload(t.Context(), fax(t, r, "upload/1/1"), nil, 0, keep)
		judge(t, "Upload", err, deliver.NotTaken)
	})
	t.Run("over the declared size", func(t *testing.T) {
		r := s.open(t)
		limit := r.Service.Capabilities().MaxBytes
		if limit == 0 {
			return
		}
		f := fax(t, r, "upload/1/1")
		f.Document.Size = limit + 1
		_, err := r.Service.Upload(t.Context(), f, nil, 0, keep)
		if e := judge(t, "Upload", err, deliver.Refused); e.Reason != job.ReasonTooLarge || r.Requests(Upload) != 0 {
			t.Errorf("reason %q after %d requests; want %q after none", e.Reason, r.Requests(Upload), job.ReasonTooLarge)
		}
		s.did("max bytes")
	})
	t.Run("over the declared pages", func(t *testing.T) {
		r := s.open(t)
		limit := r.Service.Capabilities().MaxPages
		if limit == 0 {
			return
		}
		f := fax(t, r, "upload/1/1")
		f.Document.Pages = limit + 1
		_, err := r.Service.Upload(t.Context(), f, nil, 0, keep)
		if e := judge(t, "Upload", err, deliver.Refused); e.Reason != job.ReasonTooLarge || r.Requests(Upload) != 0 {
			t.Errorf("reason %q after %d requests; want %q after none", e.Reason, r.Requests(Upload), job.ReasonTooLarge)
		}
		s.did("max pages")
	})
}
