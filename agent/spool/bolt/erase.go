package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/platen-fax/platen/agent/crash"
	"github.com/platen-fax/platen/agent/job"
)

// jobDirs lists the directories of jobs.
func (s *Spool) jobDirs() ([]job.ID, error) {
	all, err := os.ReadDir(filepath.Join(s.dir, jobsDir))
	if err != nil {
		return nil, err
	}
	var ids []job.ID
	for _, e := range all {
		if e.IsDir() && validID(job.ID(e.Name())) {
			ids = append(ids, job.ID(e.Name()))
		}
	}
	return ids, nil
}

// erase destroys the page key of a job and removes its directory, durably. It
// may be repeated. The job is locked, or nobody else is there yet.
func (s *Spool) erase(id job.ID) error {
	dir := s.jobDir(id)
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		// An earlier try may have stopped before this flush.
		return syncDir(filepath.Join(s.dir, jobsDir))
	}
	if err != nil {
		return fmt.Errorf("erase job %s: %w", id, err)
	}
	// The key first: from here on the parts are noise, whatever becomes of them.
	if err := s.keys.DestroyPageKey(filepath.Join(dir, keyFile)); err != nil {
		return fmt.Errorf("erase job %s: %w", id, err)
	}
	crash.Point("spool/key-destroyed")
	// Somebody may be about to store a page and find that the job is no more;
	// his temporary file is removed at the second look.
	for try := 0; ; try++ {
		if err := s.removeParts(dir, files); err != nil {
			return fmt.Errorf("erase job %s: %w", id, err)
		}
		err := os.Remove(dir)
		if err == nil {
			break
		}
		if files, _ = os.ReadDir(dir); len(files) == 0 || try == 10 {
			return fmt.Errorf("erase job %s: %w", id, err)
		}
	}
	crash.Point("spool/parts-removed")
	if err := syncDir(filepath.Join(s.dir, jobsDir)); err != nil {
		return fmt.Errorf("erase job %s: %w", id, err)
	}
	return nil
}

// removeParts unlinks every part.
func (s *Spool) removeParts(dir string, files []fs.DirEntry) error {
	for _, f := range files {
		if f.Name() == keyFile {
			continue
		}
		var size int64
		if st, err := f.Info(); err == nil {
			size = st.Size()
		}
		err := os.Remove(filepath.Join(dir, f.Name()))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return err
		}
		// A temporary file is accounted for by whoever writes it.
		if !strings.Contains(f.Name(), tempMark) {
			s.used.Add(-size)
		}
	}
	return nil
}

// tidy removes from a job's directory what a crash left: temporary files and
// scanned pages that the record does not name. It returns the bytes that stay.
func (s *Spool) tidy(r *record) (size int64, err error) {
	dir := s.jobDir(r.ID)
	files, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		name := f.Name()
		if strings.HasPrefix(name, keyFile+".") { // a key that was being written
			if err := s.keys.DestroyPageKey(filepath.Join(dir, name)); err != nil {
				return 0, err
			}
			continue
		}
		part := strings.Replace(name, "-", "/", 1)
		loose := strings.HasPrefix(name, "page-") &&
			!slices.ContainsFunc(r.Pages, func(p job.Page) bool { return p.Part == part })
		if loose || strings.HasPrefix(name, "part"+tempMark) {
			s.opt.Logger.Info("removing a part that was never stored", "job", r.ID, "file", name)
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return 0, err
			}
			continue
		}
		if st, err := f.Info(); err == nil && name != keyFile {
			size += st.Size()
		}
	}
	return size, nil
}
