package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

const eventPurpose = "event"

// event is the stored form of a spool.Event; its sequence is the key.
type event struct {
	At        time.Time         `json:"at"`
	Kind      spool.EventKind   `json:"kind"`
	Job       job.ID            `json:"job"`
	Recipient int               `json:"recipient,omitempty"`
	Device    string            `json:"device,omitempty"`
	State     job.State         `json:"state,omitempty"`
	Delivery  job.DeliveryState `json:"delivery,omitempty"`
	Try       int               `json:"try,omitempty"`
	Service   string            `json:"service,omitempty"`
	Reason    job.Reason        `json:"reason,omitempty"`
	Pages     int               `json:"pages,omitempty"`
}

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// addEvents appends events to the outbox and drops the oldest beyond the
// number kept.
func (s *Spool) addEvents(tx *bolt.Tx, events []spool.Event) error {
	b := tx.Bucket(bucketEvents)
	for _, e := range events {
		seq, err := b.NextSequence()
		if err != nil {
			return err
		}
		value, err := json.Marshal(event{
			At: e.At, Kind: e.Kind, Job: e.Ref.Job, Recipient: e.Ref.Recipient, Device: e.Device, State: e.State,
			Delivery: e.Delivery, Try: e.Try, Service: e.Service, Reason: e.Reason, Pages: e.Pages,
		})
		if err != nil {
			return err
		}
		sealed, err := s.keys.Seal(eventPurpose, seqKey(seq), value)
		if err != nil {
			return err
		}
		if err := b.Put(seqKey(seq), sealed); err != nil {
			return err
		}
		// Two for one, so that a lowered limit is reached in time.
		for range 2 {
			first, _ := b.Cursor().First()
			if first == nil || seq-binary.BigEndian.Uint64(first) < uint64(s.opt.Events) {
				break
			}
			if err := b.Delete(first); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Spool) openEvent(key, sealed []byte) (spool.Event, error) {
	seq := binary.BigEndian.Uint64(key)
	value, err := s.keys.Open(eventPurpose, key, sealed)
	if err != nil {
		return spool.Event{}, fmt.Errorf("event %d: %w", seq, err)
	}
	var e event
	if err := json.Unmarshal(value, &e); err != nil {
		return spool.Event{}, fmt.Errorf("event %d: %w: %w", seq, errRecord, err)
	}
	return spool.Event{
		Seq: seq, At: e.At, Kind: e.Kind, Ref: spool.Ref{Job: e.Job, Recipient: e.Recipient}, Device: e.Device, State: e.State,
		Delivery: e.Delivery, Try: e.Try, Service: e.Service, Reason: e.Reason, Pages: e.Pages,
	}, nil
}

// pair is one copied row of a bucket.
type pair struct{ key, value []byte }

// after copies up to rows rows whose key is greater than key.
func (s *Spool) after(bucket, key []byte) ([]pair, error) {
	var out []pair
	err := s.read(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucket).Cursor()
		k, v := c.Seek(key)
		if k != nil && bytes.Equal(k, key) {
			k, v = c.Next()
		}
		for ; k != nil && len(out) < rows; k, v = c.Next() {
			out = append(out, pair{bytes.Clone(k), bytes.Clone(v)})
		}
		return nil
	})
	return out, err
}

// Watch implements spool.Spool.
func (s *Spool) Watch(ctx context.Context, cursor uint64) iter.Seq2[spool.Event, error] {
	return func(yield func(spool.Event, error) bool) {
		for ctx.Err() == nil {
			// Taken before the read, so that nothing falls between the two.
			s.mu.Lock()
			news := s.live.news
			s.mu.Unlock()
			batch, err := s.after(bucketEvents, seqKey(cursor))
			if err != nil {
				yield(spool.Event{}, err)
				return
			}
			for _, p := range batch {
				e, err := s.openEvent(p.key, p.value)
				cursor = binary.BigEndian.Uint64(p.key)
				if !yield(e, err) || ctx.Err() != nil {
					return
				}
			}
			if len(batch) > 0 {
				continue
			}
			select {
			case <-news:
			case <-ctx.Done():
			}
		}
	}
}

// Last implements spool.Spool.
func (s *Spool) Last(ctx context.Context) (seq uint64, err error) {
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	err = s.read(func(tx *bolt.Tx) error {
		seq = tx.Bucket(bucketEvents).Sequence()
		return nil
	})
	return seq, err
}
