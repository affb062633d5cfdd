package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/platen-fax/platen/agent/crash"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// The buckets.
var (
	bucketMeta    = []byte("meta")
	bucketJobs    = []byte("jobs")    // id → record
	bucketLanes   = []byte("lanes")   // laneKey → nothing
	bucketNumbers = []byte("numbers") // MAC of the job number → id
	bucketFaxes   = []byte("faxes")   // MAC of service and fax id → id, recipient(2)
	bucketEvents  = []byte("events")  // sequence(8) → sealed event
)

// change is one durable transition of a job.
type change struct {
	actor *spool.Claim // who makes it; nil: a person, or the spool itself
	fn    func(r *record, now time.Time) error
}

// update locks the job, runs fn on a copy of its record, and stores what it
// left with everything that follows from it. fn may run twice. An error of fn
// changes nothing and is returned as it is.
func (s *Spool) update(ctx context.Context, id job.ID, fn func(r *record, now time.Time) error) (*job.Job, error) {
	unlock, err := s.enter(ctx, id)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return s.apply(id, change{fn: fn})
}

// enter checks id and ctx and locks the job.
func (s *Spool) enter(ctx context.Context, id job.ID) (unlock func(), err error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	if !validID(id) {
		return nil, fmt.Errorf("job id %q is no UUID: %w", id, spool.ErrNotFound)
	}
	return s.locks.lock(ctx, id)
}

// apply makes a change; the job is locked.
func (s *Spool) apply(id job.ID, c change) (*job.Job, error) {
	var before, after *record
	var events []spool.Event
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
		after = before.clone()
		s.merge(after.Job)
		now = s.now()
		if err := c.fn(after, now); err != nil {
			return err
		}
		if c.actor != nil {
			after.head.Fence = c.actor.Fence
		}
		events = spool.Changes(before.Job, after.Job, now)
		return s.put(tx, before, after, events, now)
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live.count(&before.head, &after.head)
	s.live.promise(after.Job)
	s.live.revoke(before.Job, after.Job, c.actor)
	if at, ok := s.live.touched[id]; ok && !at.After(after.Changed) {
		delete(s.live.touched, id)
	}
	s.recorded(now, len(events))
	return after.Job, nil
}

// recorded notes a commit; s.mu is held.
func (s *Spool) recorded(now time.Time, events int) {
	if now.After(s.live.newest) {
		s.live.newest = now
	}
	if events > 0 {
		s.live.wake()
	}
}

// merge takes over the touches that are not in the record yet.
func (s *Spool) merge(j *job.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.live.touched[j.ID]; ok && at.After(j.Changed) && j.State == job.Draft {
		j.Changed = at
	}
}

// put stores a record with its index entries and events. before is nil for a
// new one, after is nil to delete.
func (s *Spool) put(tx *bolt.Tx, before, after *record, events []spool.Event, now time.Time) error {
	var id job.ID
	var oldJob, newJob *job.Job
	old, next := map[string]bool{}, map[string]bool{}
	if before != nil {
		id, oldJob = before.ID, before.Job
		for _, e := range before.head.Lanes {
			old[string(laneKey(id, e))] = true
		}
	}
	if after != nil {
		id, newJob = after.ID, after.Job
		after.Schema = job.Schema
		after.fill(s.opt.Limits)
		for _, e := range after.head.Lanes {
			next[string(laneKey(id, e))] = true
		}
		raw, err := s.encode(after)
		if err != nil {
			return err
		}
		if err := tx.Bucket(bucketJobs).Put([]byte(id), raw); err != nil {
			return err
		}
	} else if err := tx.Bucket(bucketJobs).Delete([]byte(id)); err != nil {
		return err
	}
	lanes := tx.Bucket(bucketLanes)
	for k := range old {
		if !next[k] {
			if err := lanes.Delete([]byte(k)); err != nil {
				return err
			}
		}
	}
	for k := range next {
		if !old[k] {
			if err := lanes.Put([]byte(k), nil); err != nil {
				return err
			}
		}
	}
	if err := s.putFaxes(tx, oldJob, newJob); err != nil {
		return err
	}
	if err := s.addEvents(tx, events); err != nil {
		return err
	}
	return putNewest(tx, now)
}

func (s *Spool) putFaxes(tx *bolt.Tx, before, after *job.Job) error {
	faxes := tx.Bucket(bucketFaxes)
	old, next := s.faxKeys(before), s.faxKeys(after)
	for k, ref := range old {
		// A service that gives one id to two faxes has moved it to the newer.
		if next[k] == nil && bytes.Equal(faxes.Get([]byte(k)), ref) {
			if err := faxes.Delete([]byte(k)); err != nil {
				return err
			}
		}
	}
	for k, ref := range next {
		if !bytes.Equal(old[k], ref) {
			if err := faxes.Put([]byte(k), ref); err != nil {
				return err
			}
		}
	}
	return nil
}

var keyNewest = []byte("newest")

// putNewest stores the wall time if it is the newest.
func putNewest(tx *bolt.Tx, now time.Time) error {
	b := tx.Bucket(bucketMeta)
	if raw := b.Get(keyNewest); len(raw) == 8 && binary.BigEndian.Uint64(raw) >= uint64(nanos(now)) {
		return nil
	}
	return b.Put(keyNewest, binary.BigEndian.AppendUint64(nil, uint64(nanos(now))))
}

// write commits one transaction and returns when it is flushed. fn may run
// twice. A lone writer goes straight; several share a flush.
func (s *Spool) write(fn func(tx *bolt.Tx) error) error {
	if err := s.broken.Load(); err != nil {
		return *err
	}
	defer s.writers.Add(-1)
	var refused error
	run := func(tx *bolt.Tx) error {
		refused = fn(tx)
		crash.Point("spool/before-commit")
		return refused
	}
	var err error
	if s.writers.Add(1) > 1 {
		err = s.db.Batch(run)
	} else {
		err = s.db.Update(run)
	}
	crash.Point("spool/after-commit")
	switch {
	case err == nil:
		return nil
	case refused != nil:
		return refused
	}
	return s.failed(err)
}

// failed classifies the error of a commit. A write that found no space has
// left the database as it was. After any other failure nobody knows what is
// on the disk (and a second fsync of the same file may lie), so the spool is
// not used again until it is opened afresh.
func (s *Spool) failed(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) && path.Op == "write" && errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("record: %w: %w", spool.ErrFull, err)
	}
	lasting := fmt.Errorf("commit failed, the spool must be reopened: %w: %w", spool.ErrUnavailable, err)
	if s.broken.CompareAndSwap(nil, &lasting) {
		s.opt.Logger.Error("spool commit failed", "error", err)
	}
	return lasting
}

// read runs a short read transaction.
func (s *Spool) read(fn func(tx *bolt.Tx) error) error {
	if err := s.broken.Load(); err != nil {
		return *err
	}
	if err := s.db.View(fn); err != nil {
		return fmt.Errorf("read spool: %w: %w", spool.ErrUnavailable, err)
	}
	return nil
}

// load reads and decodes one record.
func (s *Spool) load(id job.ID) (*record, error) {
	var raw []byte
	err := s.read(func(tx *bolt.Tx) error {
		raw = bytes.Clone(tx.Bucket(bucketJobs).Get([]byte(id)))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, fmt.Errorf("job %s: %w", id, spool.ErrNotFound)
	}
	r, err := s.decode(id, raw)
	if err != nil {
		return nil, err
	}
	s.merge(r.Job)
	return r, nil
}
