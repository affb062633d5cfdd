package bolt

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// entry says that a unit is due in a lane from a time on.
type entry struct {
	Lane      string `json:"l"`
	Recipient int    `json:"r,omitempty"`
	Due       int64  `json:"t,omitempty"` // Unix nanoseconds, 0 is at once
}

// entries computes every lane in which the job or one of its deliveries is
// found, from nothing but the record.
func entries(j *job.Job, l job.Limits) []entry {
	var out []entry
	if due, ok := convertDue(j); ok {
		out = append(out, entry{Lane: job.LaneConvert, Due: nanos(due)})
	}
	if at, what := j.Deadline(l); what != job.ExpireNothing {
		out = append(out, entry{Lane: job.LaneDeadline, Due: nanos(at)})
	}
	if j.State != job.Ready && j.State != job.Closed {
		return out
	}
	for i := range j.Deliveries {
		d := &j.Deliveries[i]
		if lane, due, ok := d.Lane(); ok {
			out = append(out, entry{Lane: lane, Recipient: i + 1, Due: nanos(due)})
		}
		if at := d.Deadline(j, l); !at.IsZero() {
			out = append(out, entry{Lane: job.LaneDeadline, Recipient: i + 1, Due: nanos(at)})
		}
	}
	return out
}

// convertDue reports since when a job has pages to convert, or is captured with
// all of them settled and waits to be committed.
func convertDue(j *job.Job) (time.Time, bool) {
	switch j.State {
	case job.Draft, job.WaitingOwner, job.Captured:
	default:
		return time.Time{}, false
	}
	for _, p := range j.Pages {
		if !p.Converted {
			return p.StoredAt, true
		}
	}
	return j.Accepted, j.State == job.Captured
}

func nanos(t time.Time) int64 {
	if t.IsZero() || t.Before(time.Unix(0, 0)) {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// laneKey is lane, 0, due(8), id, recipient(2): in order of lane and due time.
func laneKey(id job.ID, e entry) []byte {
	k := append([]byte(e.Lane), 0)
	k = binary.BigEndian.AppendUint64(k, uint64(e.Due))
	k = append(k, id...)
	return binary.BigEndian.AppendUint16(k, uint16(e.Recipient))
}

// parseLaneKey reads what follows the lane and its 0.
func parseLaneKey(k []byte) (due time.Time, ref spool.Ref, ok bool) {
	if len(k) != 8+idLength+2 {
		return time.Time{}, ref, false
	}
	ref.Job = job.ID(k[8 : 8+idLength])
	ref.Recipient = int(binary.BigEndian.Uint16(k[8+idLength:]))
	return fromNanos(int64(binary.BigEndian.Uint64(k))), ref, true
}

// blind is the key under which something personal is found without being
// readable: a MAC of it.
func (s *Spool) blind(kind string, parts ...string) []byte {
	m := hmac.New(sha256.New, s.mac)
	for _, p := range append([]string{kind}, parts...) {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(p)))
		m.Write(n[:])
		m.Write([]byte(p))
	}
	return m.Sum(nil)[:16]
}

// faxKeys returns the blind index entries of the services' own fax ids.
func (s *Spool) faxKeys(j *job.Job) map[string][]byte {
	if j == nil {
		return nil
	}
	out := map[string][]byte{}
	for i := range j.Deliveries {
		d := &j.Deliveries[i]
		if d.FaxID != "" {
			ref := binary.BigEndian.AppendUint16([]byte(j.ID), uint16(i+1))
			out[string(s.blind("fax", d.Service, d.FaxID))] = ref
		}
	}
	return out
}

// fill computes the clear head of a record.
func (r *record) fill(l job.Limits) {
	r.head.State = r.State
	r.head.Deliveries = r.head.Deliveries[:0:0]
	for _, d := range r.Deliveries {
		r.head.Deliveries = append(r.head.Deliveries, d.State)
	}
	r.head.Lanes = entries(r.Job, l)
}

func (h *head) find(lane string, recipient int) (entry, bool) {
	i := slices.IndexFunc(h.Lanes, func(e entry) bool { return e.Lane == lane && e.Recipient == recipient })
	if i < 0 {
		return entry{}, false
	}
	return h.Lanes[i], true
}
