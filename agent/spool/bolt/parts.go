package bolt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/platen-fax/platen/agent/crash"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/seal"
	"github.com/platen-fax/platen/agent/spool"
)

const (
	keyFile  = "key"
	tempMark = ".tmp-" // no part has a dot in its name
)

var partName = regexp.MustCompile(`^[a-z0-9]{1,16}/[a-z0-9][a-z0-9-]{0,47}$`)

func (s *Spool) jobDir(id job.ID) string { return filepath.Join(s.dir, jobsDir, string(id)) }

func (s *Spool) partPath(id job.ID, name string) string {
	return filepath.Join(s.jobDir(id), strings.Replace(name, "/", "-", 1))
}

// pageKey returns the job's page key, making it and its directory for the
// first part. The job is locked.
func (s *Spool) pageKey(r *record) (*seal.PageKey, error) {
	dir := s.jobDir(r.ID)
	path := filepath.Join(dir, keyFile)
	key, err := s.keys.LoadPageKey(path)
	if !errors.Is(err, seal.ErrKeyGone) || len(r.Pages) > 0 {
		return key, err
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	crash.Point("spool/job-dir-made")
	// A file that is there and holds no key is the rest of an erasure.
	if _, err := os.Lstat(path); err == nil {
		if err := s.keys.DestroyPageKey(path); err != nil {
			return nil, err
		}
	}
	if key, err = s.keys.NewPageKey(path); err != nil {
		return nil, err
	}
	crash.Point("spool/page-key-made")
	return key, nil
}

// temp is a part that is written but not in its place yet.
type temp struct {
	path string
	size int64 // on disk
	info spool.PartInfo
}

// writeTemp encrypts r into a flushed file beside the part it will be. The bytes
// are counted as used until drop is called or the file is in its place. room says
// how much of the quota may be used.
func (s *Spool) writeTemp(ctx context.Context, id job.ID, name string, key *seal.PageKey, r io.Reader, room int64) (t temp, err error) {
	f, err := os.CreateTemp(s.jobDir(id), "part"+tempMark+"*")
	if err != nil {
		return t, fmt.Errorf("part %s: %w", name, full(err))
	}
	t.path = f.Name()
	defer func() {
		if err != nil {
			f.Close()
			s.drop(t)
			err = fmt.Errorf("part %s: %w", name, full(err))
		}
	}()
	sum := sha256.New()
	out := &meter{w: f, s: s, room: room, written: &t.size}
	if err = out.check(); err != nil {
		return t, err
	}
	enc := seal.EncryptWriter(out, key, name)
	t.info.Size, err = io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(sum, enc)}, &until{ctx: ctx, r: r}, make([]byte, seal.ChunkSize))
	if err != nil {
		return t, err
	}
	if err = enc.Close(); err != nil {
		return t, err
	}
	crash.Point("spool/part-written")
	if err = f.Sync(); err != nil {
		return t, err
	}
	if err = f.Close(); err != nil {
		return t, err
	}
	crash.Point("spool/part-synced")
	t.info.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return t, nil
}

// drop removes a temporary file.
func (s *Spool) drop(t temp) {
	// What cannot be removed is at the next start.
	_ = os.Remove(t.path)
	s.used.Add(-t.size)
}

// place gives a written part its name, durably, and replaces an earlier one.
func (s *Spool) place(t temp, path string) error {
	var old int64
	if st, err := os.Stat(path); err == nil {
		old = st.Size()
	}
	if err := os.Rename(t.path, path); err != nil {
		s.drop(t)
		return full(err)
	}
	s.used.Add(-old)
	crash.Point("spool/part-renamed")
	return syncDir(filepath.Dir(path))
}

// meter counts what is written against the quota and the disk.
type meter struct {
	w       io.Writer
	s       *Spool
	room    int64
	written *int64
	checked int64
}

func (m *meter) Write(b []byte) (int, error) {
	if m.s.used.Load()+int64(len(b)) > m.room {
		return 0, fmt.Errorf("quota of %d MiB: %w", m.s.opt.Quota>>20, spool.ErrFull)
	}
	if *m.written-m.checked >= 1<<20 {
		m.checked = *m.written
		if err := m.check(); err != nil {
			return 0, err
		}
	}
	n, err := m.w.Write(b)
	*m.written += int64(n)
	m.s.used.Add(int64(n))
	return n, err
}

func (m *meter) check() error {
	free, err := freeSpace(m.s.dir)
	if err != nil {
		return err
	}
	if free < m.s.opt.Reserve {
		return fmt.Errorf("%d MiB free on the disk, %d MiB are kept for records: %w", free>>20, m.s.opt.Reserve>>20, spool.ErrFull)
	}
	return nil
}

// full gives the errors of a full disk the name that callers branch on.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", spool.ErrFull, err)
	}
	return err
}

// until ends a copy when ctx ends.
type until struct {
	ctx context.Context
	r   io.Reader
}

func (u *until) Read(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(b)
}

// openPart is an open part; closing it forgets its key.
type openPart struct {
	*io.SectionReader
	f   *os.File
	key *seal.PageKey
}

func (p *openPart) Close() error {
	p.key.Wipe()
	return p.f.Close()
}

// open opens a part whose job is known to have its pages.
func (s *Spool) openFile(id job.ID, name string) (*openPart, error) {
	f, err := os.Open(s.partPath(id, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("part %s of job %s: %w", name, id, spool.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	key, err := s.keys.LoadPageKey(filepath.Join(s.jobDir(id), keyFile))
	if errors.Is(err, seal.ErrKeyGone) {
		err = fmt.Errorf("%w: %w", spool.ErrErased, err)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("part %s of job %s: %w", name, id, err)
	}
	p, err := seal.DecryptReaderAt(f, st.Size(), key, name)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("job %s: %w", id, err)
	}
	return &openPart{SectionReader: p.Reader(), f: f, key: key}, nil
}

// measure reads a stored part to its end and says what it holds.
func (s *Spool) measure(id job.ID, name string) (spool.PartInfo, error) {
	p, err := s.openFile(id, name)
	if err != nil {
		return spool.PartInfo{}, err
	}
	defer p.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, p)
	if err != nil {
		return spool.PartInfo{}, fmt.Errorf("job %s: %w", id, err)
	}
	return spool.PartInfo{Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}
