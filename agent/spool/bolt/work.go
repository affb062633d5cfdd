package bolt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/platen-fax/platen/agent/crash"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// delivery is claimed for a claim on one delivery.
func (s *Spool) delivery(ctx context.Context, op string, c *spool.Claim, release bool, fn func(r *record, d *job.Delivery, now time.Time) error) error {
	err := s.claimed(ctx, c, release, func(r *record, now time.Time) error {
		d := r.Delivery(c.Recipient)
		if d == nil {
			return fmt.Errorf("claim is on the job, not on a delivery: %w", spool.ErrConflict)
		}
		return fn(r, d, now)
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", op, c.Ref, err)
	}
	return nil
}

// Progress implements spool.Work.
func (s *Spool) Progress(ctx context.Context, c *spool.Claim, refs map[string]string, offset int64) error {
	return s.delivery(ctx, "progress", c, false, func(_ *record, d *job.Delivery, _ time.Time) error {
		if d.State != job.Uploading && d.State != job.Submitting {
			return fmt.Errorf("delivery is %s: %w", d.State, spool.ErrConflict)
		}
		d.Refs, d.Offset = maps.Clone(refs), offset
		return nil
	})
}

// Searched implements spool.Work.
func (s *Spool) Searched(ctx context.Context, c *spool.Claim, n job.Searches) error {
	return s.delivery(ctx, "searched", c, false, func(_ *record, d *job.Delivery, _ time.Time) error {
		if d.State != job.InDoubt && d.State != job.NeedsDecision {
			return fmt.Errorf("delivery is %s: %w", d.State, spool.ErrConflict)
		}
		n.Last = n.Last.Round(0)
		d.Searches = n
		return nil
	})
}

// step takes a step; the zero time in it is now.
func (s *Spool) step(ctx context.Context, op string, c *spool.Claim, release bool, st job.Step) error {
	return s.delivery(ctx, op, c, release, func(r *record, _ *job.Delivery, now time.Time) error {
		return refused(r.Move(c.Recipient, at(st, now)))
	})
}

// at drops what a step must not carry into a record, and fills in the time.
func at(st job.Step, now time.Time) job.Step {
	if st.At.IsZero() {
		st.At = now
	}
	st.At, st.Due = st.At.Round(0), st.Due.Round(0)
	return st
}

// Advance implements spool.Work.
func (s *Spool) Advance(ctx context.Context, c *spool.Claim, st job.Step) error {
	return s.step(ctx, "advance", c, false, st)
}

// Outcome implements spool.Work.
func (s *Spool) Outcome(ctx context.Context, c *spool.Claim, st job.Step) error {
	return s.step(ctx, "outcome", c, true, st)
}

// BeginSubmit implements spool.Work. The lease is looked at again after the
// flush: a slow disk may have used it up.
func (s *Spool) BeginSubmit(ctx context.Context, c *spool.Claim, document string, need time.Duration) error {
	lasts := func() error {
		if left := c.Expires.Sub(s.opt.Mono()); left < need {
			return fmt.Errorf("begin submit %s: lease has %v left, %v are needed: %w", c.Ref, left, need, spool.ErrFenced)
		}
		return nil
	}
	if err := lasts(); err != nil {
		return err
	}
	err := s.step(ctx, "begin submit", c, false, job.Step{To: job.Submitting, Cause: job.CauseIntent, Document: document})
	if err != nil {
		return err
	}
	crash.Point("spool/intent-stored")
	return lasts()
}

// Commit implements spool.Work. A page that was dropped meanwhile is passed over.
func (s *Spool) Commit(ctx context.Context, c *spool.Claim, pages []spool.Converted) error {
	infos := make([]spool.PartInfo, len(pages))
	for i, p := range pages {
		if p.Page.Fax == "" {
			continue
		}
		info, err := s.measure(c.Ref.Job, p.Page.Fax)
		if err != nil {
			return fmt.Errorf("commit %s: %w", c.Ref, err)
		}
		infos[i] = info
	}
	err := s.claimed(ctx, c, true, func(r *record, now time.Time) error {
		switch r.State {
		case job.Draft, job.WaitingOwner, job.Captured:
		default:
			return fmt.Errorf("job is %s: %w", r.State, spool.ErrConflict)
		}
		for i, conv := range pages {
			n := slices.IndexFunc(r.Pages, func(p job.Page) bool { return p.Part == conv.Part })
			if n < 0 {
				continue
			}
			p, from := &r.Pages[n], conv.Page
			p.Fax, p.Preview, p.Refused, p.Converted = from.Fax, from.Preview, from.Refused, true
			p.Width, p.Height, p.XDPI, p.YDPI = from.Width, from.Height, from.XDPI, from.YDPI
			p.FaxBytes, p.FaxedSHA = infos[i].Size, infos[i].SHA256
		}
		r.Prepare(now)
		return nil
	})
	if err != nil {
		return fmt.Errorf("commit %s: %w", c.Ref, err)
	}
	return nil
}

// Expire implements spool.Work.
func (s *Spool) Expire(ctx context.Context, c *spool.Claim, what job.Expiry) error {
	err := s.expire(ctx, c, what)
	if err != nil {
		return fmt.Errorf("expire %s: %w", c.Ref, err)
	}
	return nil
}

func (s *Spool) expire(ctx context.Context, c *spool.Claim, what job.Expiry) error {
	if what == job.ExpireDelivery {
		return s.delivery(ctx, "delivery", c, true, func(r *record, d *job.Delivery, now time.Time) error {
			st, ok := d.Expired(r.Job, s.opt.Limits, now)
			if !ok {
				return fmt.Errorf("no deadline has come: %w", spool.ErrConflict)
			}
			return refused(r.Move(c.Recipient, st))
		})
	}
	unlock, err := s.enter(ctx, c.Ref.Job)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.held(c); err != nil {
		return err
	}
	comes := func(r *record, now time.Time) error {
		if when, is := r.Deadline(s.opt.Limits); is != what || c.Recipient != 0 || now.Before(when) {
			return fmt.Errorf("%q is not what is due: %w", what, spool.ErrConflict)
		}
		return nil
	}
	if what == job.ExpireForget {
		return s.forget(c.Ref.Job, comes)
	}
	j, err := s.apply(c.Ref.Job, change{actor: c, fn: func(r *record, now time.Time) error {
		if err := comes(r, now); err != nil {
			return err
		}
		switch what {
		case job.ExpireFail:
			r.Fail(job.ReasonDocumentRejected, "not converted in time", now)
			return nil
		case job.ExpireDiscard:
			r.head.Purging = true
			return refused(r.Discard("expired", now))
		case job.ExpireErase:
			r.head.Purging = true
			return nil
		}
		return fmt.Errorf("%q: %w", what, spool.ErrConflict)
	}})
	if err == nil && what != job.ExpireFail {
		err = s.finishPurge(ctx, c.Ref.Job)
		if r, loadErr := s.load(c.Ref.Job); loadErr == nil {
			j = r.Job
		}
	}
	if err != nil {
		return err
	}
	c.Job = j
	s.release(c)
	return nil
}

// forget removes a record with all that points to it. The job is locked.
func (s *Spool) forget(id job.ID, check func(r *record, now time.Time) error) error {
	// Nothing is there, unless an erasure failed.
	if err := s.erase(id); err != nil {
		return err
	}
	var before *record
	var now time.Time
	err := s.write(func(tx *bolt.Tx) error {
		raw := tx.Bucket(bucketJobs).Get([]byte(id))
		if raw == nil {
			return fmt.Errorf("job %s: %w", id, spool.ErrNotFound)
		}
		var err error
		if before, err = s.decode(id, raw); err != nil {
			return err
		}
		now = s.now()
		if err := check(before, now); err != nil {
			return err
		}
		if err := tx.Bucket(bucketNumbers).Delete(s.blind("number", before.Number)); err != nil {
			return err
		}
		return s.put(tx, before, nil, nil, now)
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live.count(&before.head, nil)
	s.live.forget(id)
	s.recorded(now, 0)
	return nil
}

// Purge implements spool.Work. It may be repeated.
func (s *Spool) Purge(ctx context.Context, id job.ID) error {
	unlock, err := s.enter(ctx, id)
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	defer unlock()
	j, err := s.apply(id, change{fn: func(r *record, _ time.Time) error {
		if !r.State.Final() {
			return fmt.Errorf("job is %s: %w", r.State, spool.ErrConflict)
		}
		r.head.Purging = r.Erased.IsZero()
		return nil
	}})
	if err == nil && j.Erased.IsZero() {
		err = s.finishPurge(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	return nil
}

// finishPurge erases the pages of a job that is marked for it and records that
// they are gone, with the authority that can be of no use any more. The job is
// locked.
func (s *Spool) finishPurge(_ context.Context, id job.ID) error {
	crash.Point("spool/purge-marked")
	if err := s.erase(id); err != nil {
		return errors.Join(err, spool.ErrUnavailable)
	}
	_, err := s.apply(id, change{fn: func(r *record, now time.Time) error {
		r.head.Purging = false
		if r.Erased.IsZero() {
			r.Erased = now
		}
		r.Grants = nil
		for i := range r.Pages {
			r.Pages[i].Fax, r.Pages[i].Preview = "", ""
		}
		return nil
	}})
	return err
}
