package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// orphanAge is how old the directory of a job that is no more must be before
// Sweep takes it for lost.
const orphanAge = 24 * time.Hour

// Sweep does the housekeeping of a day: events beyond their age are dropped,
// what must outlive its monthly key is sealed again, the keys of months beyond
// retention are destroyed, directories without a job are removed. It may run
// beside everything else and be repeated.
func (s *Spool) Sweep(ctx context.Context) error {
	if err := s.usable(ctx); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	// An event does not outlive its key.
	before := s.now().Add(-s.opt.Limits.Records)
	if err := s.dropEvents(ctx, s.now().Add(-min(s.opt.EventsAge, s.opt.Limits.Records))); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	if err := s.resealAll(ctx, before); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	if n, err := s.keys.DestroyBefore(before); err != nil {
		return fmt.Errorf("sweep: %w", err)
	} else if n > 0 {
		s.opt.Logger.Info("destroyed record keys beyond retention", "months", n)
	}
	if err := s.dropOrphans(ctx); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return nil
}

// dropEvents removes events from before t.
func (s *Spool) dropEvents(ctx context.Context, t time.Time) error {
	for ctx.Err() == nil {
		batch, err := s.after(bucketEvents, nil)
		if err != nil {
			return err
		}
		var n int
		for n < len(batch) {
			e, err := s.openEvent(batch[n].key, batch[n].value)
			if err == nil && !e.At.Before(t) {
				break
			}
			n++
		}
		if n == 0 {
			return nil
		}
		err = s.write(func(tx *bolt.Tx) error {
			for _, p := range batch[:n] {
				if err := tx.Bucket(bucketEvents).Delete(p.key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// resealAll seals again what is older than t and still there.
func (s *Spool) resealAll(ctx context.Context, t time.Time) error {
	err := s.eachRecord(func(id job.ID, raw []byte) error {
		_, _, sealed, err := split(raw)
		if err != nil {
			return fmt.Errorf("job %s: %w", id, err)
		}
		if old, err := s.keys.SealedBefore(sealed, t); err != nil || !old {
			return err
		}
		_, err = s.update(ctx, id, func(*record, time.Time) error { return nil })
		if errors.Is(err, spool.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.write(func(tx *bolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		old, err := s.keys.SealedBefore(meta.Get(keyMAC), t)
		if err != nil || !old {
			return err
		}
		sealed, err := s.keys.Seal(macPurpose, nil, s.mac)
		if err != nil {
			return err
		}
		return meta.Put(keyMAC, sealed)
	})
}

// dropOrphans removes old directories that belong to no job.
func (s *Spool) dropOrphans(ctx context.Context) error {
	ids, err := s.jobDirs()
	if err != nil {
		return err
	}
	for _, id := range ids {
		st, err := os.Stat(s.jobDir(id))
		if err != nil || time.Since(st.ModTime()) < orphanAge {
			continue
		}
		if err := s.dropOrphan(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spool) dropOrphan(ctx context.Context, id job.ID) error {
	unlock, err := s.enter(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := s.load(id); !errors.Is(err, spool.ErrNotFound) {
		return err
	}
	s.opt.Logger.Info("removing pages without a job", "job", id)
	return s.erase(id)
}

// PageKeys yields the files of the live jobs' page keys, for a rotation of the
// root key.
func (s *Spool) PageKeys() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		ids, err := s.jobDirs()
		if err != nil {
			yield("", err)
			return
		}
		for _, id := range ids {
			path := filepath.Join(s.jobDir(id), keyFile)
			if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if !yield(path, nil) {
				return
			}
		}
	}
}
