package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/seal"
	"github.com/platen-fax/platen/agent/spool"
)

// AddPage implements spool.Drafts. The job is not locked while r is read: a slow
// scanner holds nobody up, and a Discard meanwhile wins.
func (s *Spool) AddPage(ctx context.Context, id job.ID, p job.Page, r io.Reader) (*job.Job, error) {
	j, err := s.addPage(ctx, id, p, r)
	if err != nil {
		return nil, fmt.Errorf("add page: %w", err)
	}
	return j, nil
}

func (s *Spool) addPage(ctx context.Context, id job.ID, p job.Page, r io.Reader) (*job.Job, error) {
	var n int
	key, err := s.begunPart(ctx, id, func(r *record) error {
		if r.State != job.Draft {
			return fmt.Errorf("job is %s: %w", r.State, spool.ErrConflict)
		}
		n = s.nextPage(r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	name := fmt.Sprintf("page/%04d", n)
	// The last eighth of the quota is for what is made of the pages.
	t, err := s.writeTemp(ctx, id, name, key, r, s.opt.Quota-s.opt.Quota/8)
	if err != nil {
		return nil, err
	}
	path := s.partPath(id, name)
	unlock, err := s.placed(ctx, id, t, path, func(r *record) error {
		if r.State != job.Draft {
			return fmt.Errorf("job is %s: %w", r.State, spool.ErrConflict)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	defer unlock()
	j, err := s.apply(id, change{fn: func(r *record, now time.Time) error {
		r.Pages = append(r.Pages, job.Page{
			Part: name, MIME: p.MIME, DPI: p.DPI, Bytes: t.info.Size, ScanSHA: t.info.SHA256, StoredAt: now,
		})
		r.NextPart, r.Changed = max(r.NextPart, n+1), now
		return nil
	}})
	if errors.Is(err, spool.ErrFull) && os.Remove(path) == nil {
		s.used.Add(-t.size)
	}
	return j, err
}

// begunPart checks that the job takes parts and returns its page key.
func (s *Spool) begunPart(ctx context.Context, id job.ID, check func(r *record) error) (*seal.PageKey, error) {
	unlock, err := s.enter(ctx, id)
	if err != nil {
		return nil, err
	}
	defer unlock()
	r, err := s.load(id)
	if err == nil {
		err = check(r)
	}
	if err != nil {
		return nil, err
	}
	key, err := s.pageKey(r)
	if err != nil {
		return nil, full(err)
	}
	return key, nil
}

// nextPage numbers a page; the job is locked. Two scans into one draft get two
// numbers; a number lost in a crash was never told to anybody.
func (s *Spool) nextPage(r *record) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := max(r.NextPart, s.live.pages[r.ID], 1)
	s.live.pages[r.ID] = n + 1
	return n
}

// placed puts a written part in its place if check still holds, and returns with
// the job locked.
func (s *Spool) placed(ctx context.Context, id job.ID, t temp, path string, check func(r *record) error) (unlock func(), err error) {
	// The bytes are here; ctx has ended only the waiting for them.
	unlock, err = s.enter(context.WithoutCancel(ctx), id)
	if err != nil {
		s.drop(t)
		return nil, err
	}
	r, err := s.load(id)
	if err == nil {
		err = check(r)
	}
	if err != nil {
		s.drop(t)
		unlock()
		return nil, err
	}
	if err := s.place(t, path); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// PutPart implements spool.Drafts. The quota holds for drafts only: what was
// promised is converted as long as the disk has room.
func (s *Spool) PutPart(ctx context.Context, id job.ID, name string, r io.Reader) (spool.PartInfo, error) {
	info, err := s.putPart(ctx, id, name, r)
	if err != nil {
		return spool.PartInfo{}, fmt.Errorf("put part: %w", err)
	}
	return info, nil
}

func (s *Spool) putPart(ctx context.Context, id job.ID, name string, r io.Reader) (spool.PartInfo, error) {
	if !partName.MatchString(name) {
		return spool.PartInfo{}, fmt.Errorf("%q is no name of a part: %w", name, spool.ErrConflict)
	}
	room := int64(1 << 62)
	writable := func(r *record) error {
		if r.head.Purging || !r.Erased.IsZero() {
			return fmt.Errorf("job %s: %w", id, spool.ErrErased)
		}
		if r.State == job.Draft {
			room = s.opt.Quota
		}
		return nil
	}
	key, err := s.begunPart(ctx, id, writable)
	if err != nil {
		return spool.PartInfo{}, err
	}
	defer key.Wipe()
	t, err := s.writeTemp(ctx, id, name, key, r, room)
	if err != nil {
		return spool.PartInfo{}, err
	}
	unlock, err := s.placed(ctx, id, t, s.partPath(id, name), writable)
	if err != nil {
		return spool.PartInfo{}, err
	}
	unlock()
	return t.info, nil
}

// OpenPart implements spool.Drafts.
func (s *Spool) OpenPart(ctx context.Context, id job.ID, name string) (io.ReadSeekCloser, int64, error) {
	if err := s.usable(ctx); err != nil {
		return nil, 0, fmt.Errorf("open part: %w", err)
	}
	if !validID(id) || !partName.MatchString(name) {
		return nil, 0, fmt.Errorf("open part %s of job %q: %w", name, id, spool.ErrNotFound)
	}
	r, err := s.load(id)
	if err != nil {
		return nil, 0, fmt.Errorf("open part: %w", err)
	}
	if r.head.Purging || !r.Erased.IsZero() {
		return nil, 0, fmt.Errorf("open part %s of job %s: %w", name, id, spool.ErrErased)
	}
	p, err := s.openFile(id, name)
	if err != nil {
		return nil, 0, fmt.Errorf("open part: %w", err)
	}
	return p, p.Size(), nil
}
