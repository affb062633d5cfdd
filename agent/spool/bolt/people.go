package bolt

import (
	"bytes"
	"context"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// Cancel implements spool.People.
func (s *Spool) Cancel(ctx context.Context, ref spool.Ref) error {
	_, err := s.update(ctx, ref.Job, func(r *record, now time.Time) error {
		return refused(r.Cancel(ref.Recipient, now))
	})
	if err != nil {
		return fmt.Errorf("cancel %s: %w", ref, err)
	}
	return nil
}

// Decide implements spool.People.
func (s *Spool) Decide(ctx context.Context, ref spool.Ref, v spool.Verdict, by string) error {
	_, err := s.update(ctx, ref.Job, func(r *record, now time.Time) error {
		st := job.Step{Cause: job.CauseDecided, At: now, By: by}
		switch v {
		case spool.VerdictSent:
			st.To = job.Sent
		case spool.VerdictAgain:
			st.To, st.Due = job.Waiting, now
		case spool.VerdictUnknown:
			st.To = job.Unknown
		default:
			return fmt.Errorf("verdict %q: %w", v, spool.ErrConflict)
		}
		return refused(r.Move(ref.Recipient, st))
	})
	if err != nil {
		return fmt.Errorf("decide %s: %w", ref, err)
	}
	return nil
}

// CheckNow implements spool.People.
func (s *Spool) CheckNow(ctx context.Context, ref spool.Ref) error {
	_, err := s.update(ctx, ref.Job, func(r *record, now time.Time) error {
		d := r.Delivery(ref.Recipient)
		if d == nil {
			return spool.ErrNotFound
		}
		if d.State != job.NeedsDecision {
			return fmt.Errorf("delivery is %s: %w", d.State, spool.ErrConflict)
		}
		d.Due = now
		return nil
	})
	if err != nil {
		return fmt.Errorf("check %s: %w", ref, err)
	}
	return nil
}

// Retry implements spool.People.
func (s *Spool) Retry(ctx context.Context, ref spool.Ref) error {
	_, err := s.update(ctx, ref.Job, func(r *record, now time.Time) error {
		if r.head.Purging || !r.Erased.IsZero() {
			return spool.ErrErased
		}
		return refused(r.Retry(ref.Recipient, now))
	})
	if err != nil {
		return fmt.Errorf("retry %s: %w", ref, err)
	}
	return nil
}

// Regrant implements spool.People.
func (s *Spool) Regrant(ctx context.Context, id job.ID, grants []job.Grant) error {
	_, err := s.update(ctx, id, func(r *record, now time.Time) error {
		if r.head.Purging || !r.Erased.IsZero() {
			return spool.ErrErased
		}
		return refused(r.Regrant(grants, now))
	})
	if err != nil {
		return fmt.Errorf("regrant: %w", err)
	}
	return nil
}

// SetDelivery implements spool.Work. News on a fax that was given up is late
// news; news that would take a final state back is ignored.
func (s *Spool) SetDelivery(ctx context.Context, service, faxID string, seq uint64, st job.Step) (applied bool, err error) {
	if err := s.usable(ctx); err != nil {
		return false, fmt.Errorf("set delivery: %w", err)
	}
	var raw []byte
	err = s.read(func(tx *bolt.Tx) error {
		raw = bytes.Clone(tx.Bucket(bucketFaxes).Get(s.blind("fax", service, faxID)))
		return nil
	})
	ref, ok := refValue(raw)
	if err == nil && !ok {
		err = fmt.Errorf("fax of %s: %w", service, spool.ErrNotFound)
	}
	if err != nil {
		return false, fmt.Errorf("set delivery: %w", err)
	}
	_, err = s.update(ctx, ref.Job, func(r *record, now time.Time) error {
		applied = false
		d := r.Delivery(ref.Recipient)
		if d == nil || d.FaxID != faxID || d.Service != service {
			return fmt.Errorf("fax of %s: %w", service, spool.ErrNotFound)
		}
		if seq <= d.Seq {
			return nil
		}
		st := at(st, now)
		if d.State == job.Unknown && st.Cause == job.CauseOutcome {
			st.Cause = job.CauseLateNews
		}
		if d.State.Final() && !job.Allowed(d.State, st.To, st.Cause) {
			return nil
		}
		if err := r.Move(ref.Recipient, st); err != nil {
			return refused(err)
		}
		// A retryable outcome began the next try, whose news count afresh.
		if d := r.Delivery(ref.Recipient); d.FaxID == faxID {
			d.Seq = seq
		}
		applied = true
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("set delivery: %w", err)
	}
	return applied, nil
}
