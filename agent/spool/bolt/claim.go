package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/platen-fax/platen/agent/crash"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// looks bounds how many times rows index entries are looked at for one Claim.
const looks = 5

// Claim implements spool.Work. Among the due units one of every job comes first,
// then the rest, so that a job with many recipients leaves room for others.
//
// A claim is in memory only: what it protects is this process, and the fence it
// carries is unique over all runs.
func (s *Spool) Claim(ctx context.Context, lane string, n int, lease time.Duration) ([]*spool.Claim, time.Time, error) {
	if err := s.usable(ctx); err != nil {
		return nil, time.Time{}, fmt.Errorf("claim: %w", err)
	}
	now := s.now()
	due, at, err := s.due(lane, now, n)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("claim: %w", err)
	}
	var claims []*spool.Claim
	for i, ref := range due {
		if len(claims) == n {
			at.earlier(now)
			break
		}
		c, err := s.claim(ctx, lane, ref, now, lease)
		switch {
		case errors.Is(err, errNotDue):
			continue
		case err != nil && len(claims) > 0 && i > 0:
			return claims, now, nil // the rest is told to the next call
		case err != nil:
			return nil, time.Time{}, fmt.Errorf("claim %s: %w", ref, err)
		}
		claims = append(claims, c)
	}
	return claims, at.Time, nil
}

// soonest is the earliest time seen; zero is none.
type soonest struct{ time.Time }

func (s *soonest) earlier(t time.Time) {
	if s.IsZero() || t.Before(s.Time) {
		s.Time = t
	}
}

// due lists units to try in order, and when the first of the others is due.
func (s *Spool) due(lane string, now time.Time, n int) (first []spool.Ref, at soonest, err error) {
	var more []spool.Ref
	seen := map[job.ID]bool{}
	prefix := append([]byte(lane), 0)
	key := prefix
	for range looks {
		batch, err := s.lane(prefix, key)
		if err != nil {
			return nil, at, err
		}
		for _, k := range batch {
			t, ref, ok := parseLaneKey(k[len(prefix):])
			if !ok {
				continue
			}
			if t.After(now) {
				at.earlier(t)
				return append(first, more...), at, nil
			}
			if free, busy := s.free(lane, ref, now); busy {
				at.earlier(free)
				continue
			}
			if seen[ref.Job] {
				more = append(more, ref)
				continue
			}
			seen[ref.Job] = true
			if first = append(first, ref); len(first) > n {
				return first, at, nil
			}
		}
		if len(batch) < rows {
			return append(first, more...), at, nil
		}
		key = batch[len(batch)-1]
	}
	at.earlier(now) // there is more than was looked at
	return append(first, more...), at, nil
}

// lane copies up to rows keys of a lane behind key.
func (s *Spool) lane(prefix, key []byte) (keys [][]byte, err error) {
	err = s.read(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketLanes).Cursor()
		k, _ := c.Seek(key)
		if k != nil && bytes.Equal(k, key) {
			k, _ = c.Next()
		}
		for ; bytes.HasPrefix(k, prefix) && len(keys) < rows; k, _ = c.Next() {
			keys = append(keys, bytes.Clone(k))
		}
		return nil
	})
	return keys, err
}

// free reports whether a unit is leased, put off or, as a draft, still being
// touched, and until when in wall time.
func (s *Spool) free(lane string, ref spool.Ref, now time.Time) (until time.Time, busy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.live.leases[ref]; ok {
		if left := l.expires.Sub(s.opt.Mono()); left > 0 {
			return now.Add(left), true
		}
	}
	h := hold{lane, ref}
	if t, ok := s.live.holds[h]; ok {
		if t.After(now) {
			return t, true
		}
		delete(s.live.holds, h)
	}
	return time.Time{}, false
}

var errNotDue = errors.New("not due any more")

// claim leases one unit if it is still due.
func (s *Spool) claim(ctx context.Context, lane string, ref spool.Ref, now time.Time, lease time.Duration) (*spool.Claim, error) {
	unlock, err := s.enter(ctx, ref.Job)
	if err != nil {
		return nil, err
	}
	defer unlock()
	r, err := s.load(ref.Job)
	if errors.Is(err, spool.ErrNotFound) {
		return nil, errNotDue
	}
	if err != nil {
		return nil, err
	}
	r.fill(s.opt.Limits)
	e, ok := r.head.find(lane, ref.Recipient)
	if !ok || fromNanos(e.Due).After(now) {
		if ok { // touched: it is due later than the index says
			s.mu.Lock()
			s.live.holds[hold{lane, ref}] = fromNanos(e.Due)
			s.mu.Unlock()
		}
		return nil, errNotDue
	}
	if _, busy := s.free(lane, ref, now); busy {
		return nil, errNotDue
	}
	c := &spool.Claim{Ref: ref, Lane: lane, Fence: s.fence.Add(1), Expires: s.opt.Mono().Add(lease), Job: r.Job}
	s.mu.Lock()
	s.live.leases[ref] = unitLease{fence: c.Fence, expires: c.Expires}
	s.mu.Unlock()
	crash.Point("spool/claimed")
	return c, nil
}

// held returns ErrFenced unless the claim is the unit's latest. An expired lease
// that nobody took over still counts. The job is locked.
func (s *Spool) held(c *spool.Claim) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.live.leases[c.Ref]; !ok || l.fence != c.Fence {
		return fmt.Errorf("%s: %w", c.Ref, spool.ErrFenced)
	}
	return nil
}

// Extend implements spool.Work.
func (s *Spool) Extend(ctx context.Context, c *spool.Claim, lease time.Duration) error {
	unlock, err := s.enter(ctx, c.Job.ID)
	if err != nil {
		return fmt.Errorf("extend: %w", err)
	}
	defer unlock()
	if err := s.held(c); err != nil {
		return fmt.Errorf("extend: %w", err)
	}
	c.Expires = s.opt.Mono().Add(lease)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live.leases[c.Ref] = unitLease{fence: c.Fence, expires: c.Expires}
	return nil
}

// Release implements spool.Work. A job, or a deadline that is not acted on yet,
// is put off in memory; a delivery's next time is in its record.
func (s *Spool) Release(ctx context.Context, c *spool.Claim, due time.Time) error {
	var err error
	if c.Recipient == 0 || c.Lane == job.LaneDeadline {
		err = s.putOff(ctx, c, due)
	} else {
		err = s.claimed(ctx, c, true, func(r *record, _ time.Time) error {
			r.Delivery(c.Recipient).Due = due.Round(0)
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	return nil
}

func (s *Spool) putOff(ctx context.Context, c *spool.Claim, due time.Time) error {
	unlock, err := s.enter(ctx, c.Ref.Job)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.held(c); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live.leases, c.Ref)
	if due.After(s.now()) {
		s.live.holds[hold{c.Lane, c.Ref}] = due
	}
	return nil
}

// claimed makes a change for the holder of a claim and brings the claim up to
// date, or ends it.
func (s *Spool) claimed(ctx context.Context, c *spool.Claim, release bool, fn func(r *record, now time.Time) error) error {
	unlock, err := s.enter(ctx, c.Ref.Job)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.held(c); err != nil {
		return err
	}
	j, err := s.apply(c.Ref.Job, change{actor: c, fn: fn})
	if err != nil {
		return err
	}
	c.Job = j
	if release {
		s.release(c)
	}
	return nil
}

// release ends a claim; the job is locked.
func (s *Spool) release(c *spool.Claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live.leases[c.Ref].fence == c.Fence {
		delete(s.live.leases, c.Ref)
	}
}
