package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// refused turns a move that is not allowed into the spool's word for it.
func refused(err error) error {
	if errors.Is(err, job.ErrStep) {
		return fmt.Errorf("%w: %w", spool.ErrConflict, err)
	}
	return err
}

// Draft implements spool.Drafts.
func (s *Spool) Draft(ctx context.Context, j *job.Job) (*job.Job, error) {
	if !validID(j.ID) {
		return nil, fmt.Errorf("draft: job id %q is no UUID: %w", j.ID, spool.ErrConflict)
	}
	unlock, err := s.enter(ctx, j.ID)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if r, err := s.load(j.ID); !errors.Is(err, spool.ErrNotFound) {
		if err != nil {
			return nil, err
		}
		return r.Job, nil
	}
	s.mu.Lock()
	present := s.live.present
	s.mu.Unlock()
	var r *record
	var events []spool.Event
	var now time.Time
	err = s.write(func(tx *bolt.Tx) error {
		now = s.now()
		r = &record{Job: &job.Job{
			ID: j.ID, Device: j.Device, Shared: j.Shared, Owner: j.Owner, Claimed: j.Claimed, Options: j.Options,
			State: job.Draft, Created: j.Created.Round(0), Changed: now, ResendOf: j.ResendOf,
		}}
		if r.Created.IsZero() {
			r.Created = now
		}
		var err error
		if r.Number, err = s.newNumber(tx, j.ID, present); err != nil {
			return err
		}
		events = spool.Changes(nil, r.Job, now)
		return s.put(tx, nil, r, events, now)
	})
	if err != nil {
		return nil, fmt.Errorf("draft: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live.count(nil, &r.head)
	s.recorded(now, len(events))
	return r.Job, nil
}

// draft is update for a job that must be a draft.
func (s *Spool) draft(ctx context.Context, op string, id job.ID, fn func(r *record, now time.Time) error) (*job.Job, error) {
	j, err := s.update(ctx, id, func(r *record, now time.Time) error {
		if r.State != job.Draft {
			return fmt.Errorf("job is %s: %w", r.State, spool.ErrConflict)
		}
		r.Changed = now
		return fn(r, now)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	return j, nil
}

// Reorder implements spool.Drafts. parts must name every page once.
func (s *Spool) Reorder(ctx context.Context, id job.ID, parts []string) error {
	_, err := s.draft(ctx, "reorder", id, func(r *record, _ time.Time) error {
		ordered := make([]job.Page, 0, len(parts))
		for _, name := range parts {
			i := slices.IndexFunc(r.Pages, func(p job.Page) bool { return p.Part == name })
			if i < 0 || slices.ContainsFunc(ordered, func(p job.Page) bool { return p.Part == name }) {
				return fmt.Errorf("page %s: %w", name, spool.ErrConflict)
			}
			ordered = append(ordered, r.Pages[i])
		}
		if len(ordered) != len(r.Pages) {
			return fmt.Errorf("%d of %d pages named: %w", len(ordered), len(r.Pages), spool.ErrConflict)
		}
		r.Pages = ordered
		return nil
	})
	return err
}

// Drop implements spool.Drafts. The bytes stay unreadable noise until the page
// key is destroyed at the latest.
func (s *Spool) Drop(ctx context.Context, id job.ID, part string) error {
	var page job.Page
	_, err := s.draft(ctx, "drop page", id, func(r *record, _ time.Time) error {
		i := slices.IndexFunc(r.Pages, func(p job.Page) bool { return p.Part == part })
		if i < 0 {
			return fmt.Errorf("page %s: %w", part, spool.ErrNotFound)
		}
		page = r.Pages[i]
		r.Pages = slices.Delete(r.Pages, i, i+1)
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range []string{page.Part, page.Fax, page.Preview} {
		if name == "" {
			continue
		}
		path := s.partPath(id, name)
		st, err := os.Stat(path)
		if err == nil && os.Remove(path) == nil {
			s.used.Add(-st.Size())
		}
	}
	return nil
}

// SetOptions implements spool.Drafts.
func (s *Spool) SetOptions(ctx context.Context, id job.ID, o job.Options) error {
	_, err := s.draft(ctx, "set options", id, func(r *record, _ time.Time) error {
		if r.Options == o {
			return nil
		}
		r.Options = o
		for i := range r.Pages {
			p := &r.Pages[i]
			// The preview is shown until there is a new one.
			p.Converted, p.Fax, p.Refused, p.FaxBytes, p.FaxedSHA = false, "", "", 0, ""
			p.Width, p.Height, p.XDPI, p.YDPI = 0, 0, 0, 0
		}
		return nil
	})
	return err
}

// Touch implements spool.Drafts. It is kept in memory until the next write of
// the job: a crash only shortens the draft's life.
func (s *Spool) Touch(ctx context.Context, id job.ID) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	r, err := s.load(id)
	if err != nil {
		return fmt.Errorf("touch: %w", err)
	}
	if r.State != job.Draft {
		return fmt.Errorf("touch: job is %s: %w", r.State, spool.ErrConflict)
	}
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live.touched[id] = now
	return nil
}

// Accept implements spool.Drafts.
func (s *Spool) Accept(ctx context.Context, id job.ID, t spool.Terms) (*job.Job, error) {
	unlock, err := s.enter(ctx, id)
	if err != nil {
		return nil, err
	}
	defer unlock()
	r, err := s.load(id)
	if err != nil {
		return nil, fmt.Errorf("accept: %w", err)
	}
	if !r.promised(t) && t.Apply(r.Clone(), s.now()) == nil {
		if err := s.verify(r); err != nil {
			return nil, fmt.Errorf("accept: %w", err)
		}
	}
	j, err := s.apply(id, change{fn: func(r *record, now time.Time) error {
		if r.promised(t) {
			return nil // written again all the same
		}
		if err := t.Apply(r.Job, now); err != nil {
			return err
		}
		t := t
		t.Grants = nil
		r.Promises = append(r.Promises, t)
		return nil
	}})
	if err != nil {
		return nil, fmt.Errorf("accept: %w", err)
	}
	return j, nil
}

// promised reports whether these terms were accepted before.
func (r *record) promised(t spool.Terms) bool { return slices.ContainsFunc(r.Promises, t.Same) }

// verify checks that every page of the manifest is there, whole and readable.
func (s *Spool) verify(r *record) error {
	for _, p := range r.Pages {
		f, err := s.openFile(r.ID, p.Part)
		if err != nil {
			return err
		}
		size := f.Size()
		f.Close()
		if size != p.Bytes {
			return fmt.Errorf("%s has %d bytes, stored were %d: %w", p.Part, size, p.Bytes, spool.ErrConflict)
		}
	}
	return nil
}

// Discard implements spool.Drafts. It may be repeated.
func (s *Spool) Discard(ctx context.Context, id job.ID, why string) error {
	unlock, err := s.enter(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	j, err := s.apply(id, change{fn: func(r *record, now time.Time) error {
		if r.State == job.Discarded {
			return nil
		}
		r.head.Purging = true
		return refused(r.Discard(why, now))
	}})
	if err == nil && j.Erased.IsZero() {
		err = s.finishPurge(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("discard: %w", err)
	}
	return nil
}

// refValue reads what the index of fax ids holds.
func refValue(b []byte) (spool.Ref, bool) {
	if len(b) != idLength+2 {
		return spool.Ref{}, false
	}
	return spool.Ref{Job: job.ID(b[:idLength]), Recipient: int(binary.BigEndian.Uint16(b[idLength:]))}, true
}
