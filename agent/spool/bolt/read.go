package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// Get implements spool.Spool.
func (s *Spool) Get(ctx context.Context, id job.ID) (*job.Job, error) {
	if err := s.usable(ctx); err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	r, err := s.load(id)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	return r.Job, nil
}

// List implements spool.Spool. The order is that of the ids, which begin with
// the time they were made.
func (s *Spool) List(ctx context.Context, f spool.Filter, after job.ID, limit int) ([]*job.Job, job.ID, error) {
	if limit <= 0 || limit > rows {
		limit = rows
	}
	if err := s.usable(ctx); err != nil {
		return nil, "", fmt.Errorf("list: %w", err)
	}
	if f.Number != "" {
		return s.listNumber(f)
	}
	var jobs []*job.Job
	for {
		batch, err := s.page([]byte(after), f)
		if err != nil {
			return nil, "", fmt.Errorf("list: %w", err)
		}
		for i, p := range batch {
			after = job.ID(p.key)
			if p.value == nil {
				continue
			}
			r, err := s.decode(after, p.value)
			if err != nil {
				return nil, "", fmt.Errorf("list: %w", err)
			}
			s.merge(r.Job)
			if !matches(f, r.Job) {
				continue
			}
			if jobs = append(jobs, r.Job); len(jobs) == limit {
				if i == len(batch)-1 && len(batch) < rows {
					return jobs, "", nil
				}
				return jobs, after, nil
			}
		}
		if len(batch) < rows {
			return jobs, "", nil
		}
		if err := ctx.Err(); err != nil {
			return nil, "", fmt.Errorf("list: %w", err)
		}
	}
}

// page copies the next rows rows in the wanted direction. Rows whose clear state
// already rules them out come without their value.
func (s *Spool) page(after []byte, f spool.Filter) (out []pair, err error) {
	err = s.read(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketJobs).Cursor()
		var k, v []byte
		step := c.Next
		switch {
		case f.Newest && len(after) == 0:
			step = c.Prev
			k, v = c.Last()
		case f.Newest:
			step = c.Prev
			if k, _ = c.Seek(after); k == nil {
				k, v = c.Last() // everything left is before it
			} else {
				k, v = c.Prev()
			}
		default:
			if k, v = c.Seek(after); bytes.Equal(k, after) && k != nil {
				k, v = c.Next()
			}
		}
		for ; k != nil && len(out) < rows; k, v = step() {
			p := pair{key: bytes.Clone(k)}
			h, _, _, err := split(v)
			if err != nil || len(f.States) == 0 || slices.Contains(f.States, h.State) {
				p.value = bytes.Clone(v)
			}
			out = append(out, p)
		}
		return nil
	})
	return out, err
}

func (s *Spool) listNumber(f spool.Filter) ([]*job.Job, job.ID, error) {
	id, err := s.byNumber(f.Number)
	if err != nil || id == "" {
		return nil, "", err
	}
	r, err := s.load(id)
	if errors.Is(err, spool.ErrNotFound) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("list: %w", err)
	}
	f.Number = ""
	if !matches(f, r.Job) {
		return nil, "", nil
	}
	return []*job.Job{r.Job}, "", nil
}

func matches(f spool.Filter, j *job.Job) bool {
	return (f.Device == "" || f.Device == j.Device) && (f.Owner == "" || f.Owner == j.Owner.ID) &&
		(len(f.States) == 0 || slices.Contains(f.States, j.State))
}

// Usage implements spool.Spool.
func (s *Spool) Usage(ctx context.Context) (spool.Usage, error) {
	if err := s.usable(ctx); err != nil {
		return spool.Usage{}, fmt.Errorf("usage: %w", err)
	}
	free, err := freeSpace(s.dir)
	if err != nil {
		return spool.Usage{}, fmt.Errorf("usage: %w", err)
	}
	return spool.Usage{Used: s.used.Load(), Quota: s.opt.Quota, Free: free}, nil
}

// Totals implements spool.Spool.
func (s *Spool) Totals(ctx context.Context) (spool.Totals, error) {
	if err := s.usable(ctx); err != nil {
		return spool.Totals{}, fmt.Errorf("totals: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var oldest soonest
	for _, t := range s.live.promised {
		oldest.earlier(t)
	}
	return spool.Totals{Jobs: maps.Clone(s.live.jobs), Deliveries: maps.Clone(s.live.deliveries), Oldest: oldest.Time}, nil
}
