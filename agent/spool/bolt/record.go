package bolt

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// ErrSchema is wrapped when the spool holds records of a newer program.
var ErrSchema = errors.New("written by a newer program")

var errRecord = errors.New("record damaged")

// A record in the bucket of jobs, by job id:
//
//	schema(2) head-length(4) head(JSON, clear) sealed(JSON)
//
// The head is all that may be read without the key. It is bound to the sealed
// value together with the id, so neither can be exchanged.
type record struct {
	*job.Job
	head head `json:"-"`

	// NextPart numbers the next page. A number is not used twice, so that a
	// name never means another page than before.
	NextPart int `json:"next_part,omitempty"`
	// Promises are the terms accepted so far, without grants.
	Promises []spool.Terms `json:"promises,omitempty"`
}

// head is the clear part of a record.
type head struct {
	State      job.State           `json:"s"`
	Deliveries []job.DeliveryState `json:"d,omitempty"`
	// Fence of the last claim that wrote it.
	Fence uint64 `json:"f,omitempty"`
	// Lanes are the index entries of this record, kept here so that they are
	// found again whatever the limits were when they were made.
	Lanes []entry `json:"l,omitempty"`
	// Purging says that the erasure of the pages has begun: they are no longer
	// to be read, and the next start finishes it.
	Purging bool `json:"p,omitempty"`
}

const recordPurpose = "job"

// clone returns a deep copy whose change leaves r alone.
func (r *record) clone() *record {
	c := *r
	c.Job = r.Clone()
	c.Promises = append([]spool.Terms(nil), r.Promises...)
	return &c
}

func (s *Spool) encode(r *record) ([]byte, error) {
	clearHead, err := json.Marshal(r.head)
	if err != nil {
		return nil, fmt.Errorf("encode job %s: %w", r.ID, err)
	}
	value, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode job %s: %w", r.ID, err)
	}
	out := binary.BigEndian.AppendUint16(nil, uint16(r.Schema))
	out = binary.BigEndian.AppendUint32(out, uint32(len(clearHead)))
	out = append(out, clearHead...)
	sealed, err := s.keys.Seal(recordPurpose, recordData(r.ID, out), value)
	if err != nil {
		return nil, fmt.Errorf("encode job %s: %w", r.ID, err)
	}
	return append(out, sealed...), nil
}

// split reads the head and returns what lies before and in the sealed value.
func split(raw []byte) (h head, clearPart, sealed []byte, err error) {
	if len(raw) < 6 {
		return h, nil, nil, errRecord
	}
	if v := binary.BigEndian.Uint16(raw); v > job.Schema {
		return h, nil, nil, fmt.Errorf("schema %d, this program knows %d: %w", v, job.Schema, ErrSchema)
	}
	n := int64(binary.BigEndian.Uint32(raw[2:]))
	if n > int64(len(raw)-6) {
		return h, nil, nil, errRecord
	}
	if err := json.Unmarshal(raw[6:6+n], &h); err != nil {
		return h, nil, nil, fmt.Errorf("%w: head: %w", errRecord, err)
	}
	return h, raw[:6+n], raw[6+n:], nil
}

func (s *Spool) decode(id job.ID, raw []byte) (*record, error) {
	h, clearPart, sealed, err := split(raw)
	if err != nil {
		return nil, fmt.Errorf("job %s: %w", id, err)
	}
	value, err := s.keys.Open(recordPurpose, recordData(id, clearPart), sealed)
	if err != nil {
		return nil, fmt.Errorf("job %s: %w", id, err)
	}
	r := &record{Job: &job.Job{}, head: h}
	if err := json.Unmarshal(value, r); err != nil {
		return nil, fmt.Errorf("job %s: %w: %w", id, errRecord, err)
	}
	return r, nil
}

func recordData(id job.ID, clearPart []byte) []byte {
	return append([]byte(id), clearPart...)
}
