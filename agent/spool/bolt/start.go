package bolt

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/seal"
	"github.com/platen-fax/platen/agent/spool"
)

var (
	keySchema = []byte("schema")
	keyRun    = []byte("run")
	keyMAC    = []byte("mac")    // sealed key of the blind indexes
	keyIndex  = []byte("limits") // what the lanes were computed from
)

const macPurpose = "mac"

// begin makes the buckets, counts this run, and prepares what is kept in
// memory.
func (s *Spool) begin() error {
	rebuild := false
	err := s.write(func(tx *bolt.Tx) error {
		for _, b := range [][]byte{bucketMeta, bucketJobs, bucketLanes, bucketNumbers, bucketFaxes, bucketEvents} {
			if _, err := tx.CreateBucketIfNotExists(b); err != nil {
				return err
			}
		}
		meta := tx.Bucket(bucketMeta)
		if raw := meta.Get(keySchema); len(raw) == 2 && binary.BigEndian.Uint16(raw) > job.Schema {
			return fmt.Errorf("schema %d, this program knows %d: %w", binary.BigEndian.Uint16(raw), job.Schema, ErrSchema)
		}
		if err := meta.Put(keySchema, binary.BigEndian.AppendUint16(nil, job.Schema)); err != nil {
			return err
		}
		run, err := next(meta, keyRun)
		if err != nil {
			return err
		}
		// Every fence of this run is above every fence of an earlier one, and
		// that is durable before the first claim, without a flush per claim.
		s.fence.Store(run << 32)
		if raw := meta.Get(keyNewest); len(raw) == 8 {
			s.live.newest = fromNanos(int64(binary.BigEndian.Uint64(raw)))
		}
		if rebuild, err = s.openMAC(meta); err != nil {
			return err
		}
		if !bytes.Equal(meta.Get(keyIndex), s.indexedBy()) {
			rebuild = true
			return meta.Delete(keyIndex)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if rebuild {
		return s.rebuild()
	}
	return nil
}

// count fills what is counted in memory, and returns the jobs whose erasure was
// begun and not recorded as done.
func (s *Spool) count() (purging []job.ID, err error) {
	err = s.eachRecord(func(id job.ID, raw []byte) error {
		h, _, _, err := split(raw)
		if err != nil {
			return fmt.Errorf("job %s: %w", id, err)
		}
		s.live.count(nil, &h)
		if h.Purging {
			purging = append(purging, id)
		}
		if h.State.Promised() {
			r, err := s.decode(id, raw)
			if err != nil {
				return err
			}
			s.live.promise(r.Job)
		}
		return nil
	})
	return purging, err
}

func next(b *bolt.Bucket, key []byte) (uint64, error) {
	n := uint64(1)
	if raw := b.Get(key); len(raw) == 8 {
		n = binary.BigEndian.Uint64(raw) + 1
	}
	return n, b.Put(key, binary.BigEndian.AppendUint64(nil, n))
}

// openMAC loads the key of the blind indexes, or makes one when there is none
// or the record key it was sealed under is gone.
func (s *Spool) openMAC(meta *bolt.Bucket) (fresh bool, err error) {
	if raw := meta.Get(keyMAC); raw != nil {
		s.mac, err = s.keys.Open(macPurpose, nil, raw)
		if !errors.Is(err, seal.ErrKeyGone) {
			return false, err
		}
	}
	s.mac = make([]byte, 32)
	_, _ = rand.Read(s.mac)
	sealed, err := s.keys.Seal(macPurpose, nil, s.mac)
	if err != nil {
		return false, err
	}
	return true, meta.Put(keyMAC, sealed)
}

// indexedBy names what the lanes depend on besides the records.
func (s *Spool) indexedBy() []byte {
	text, err := json.Marshal(s.opt.Limits)
	if err != nil {
		return nil // a struct of durations always encodes
	}
	sum := sha256.Sum256(text)
	return sum[:]
}

// rebuild computes all indexes again. Interrupted, it is done again.
func (s *Spool) rebuild() error {
	err := s.write(func(tx *bolt.Tx) error {
		for _, b := range [][]byte{bucketLanes, bucketNumbers, bucketFaxes} {
			if err := tx.DeleteBucket(b); err != nil {
				return err
			}
			if _, err := tx.CreateBucket(b); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var after []byte
	for {
		batch, err := s.after(bucketJobs, after)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			break
		}
		after = batch[len(batch)-1].key
		err = s.write(func(tx *bolt.Tx) error {
			for _, p := range batch {
				r, err := s.decode(job.ID(p.key), p.value)
				if err != nil {
					return err
				}
				// Nothing is in the indexes yet, whatever the head says.
				old := r.clone()
				old.head.Lanes, old.Deliveries = nil, nil
				if err := s.put(tx, old, r, nil, time.Time{}); err != nil {
					return err
				}
				if err := tx.Bucket(bucketNumbers).Put(s.blind("number", r.Number), p.key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return s.write(func(tx *bolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyIndex, s.indexedBy()) })
}

// eachRecord calls fn with every record, in short reads.
func (s *Spool) eachRecord(fn func(id job.ID, raw []byte) error) error {
	var after []byte
	for {
		batch, err := s.after(bucketJobs, after)
		if err != nil || len(batch) == 0 {
			return err
		}
		for _, p := range batch {
			if err := fn(job.ID(p.key), p.value); err != nil {
				return err
			}
		}
		after = batch[len(batch)-1].key
	}
}

// recover finishes what a crash interrupted: half-written parts, begun
// erasures, directories whose job is no more, pages that no record names.
func (s *Spool) recover(purging []job.ID) error {
	for _, id := range purging {
		s.opt.Logger.Info("finishing an erasure", "job", id)
		if err := s.finishPurge(context.Background(), id); err != nil {
			return err
		}
	}
	ids, err := s.jobDirs()
	if err != nil {
		return err
	}
	for _, id := range ids {
		r, err := s.load(id)
		switch {
		case errors.Is(err, spool.ErrNotFound), err == nil && !r.Erased.IsZero():
			s.opt.Logger.Info("removing pages without a job", "job", id)
			if err := s.erase(id); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			n, err := s.tidy(r)
			if err != nil {
				return err
			}
			s.used.Add(n)
		}
	}
	return nil
}
