package seal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// tempMark is in the name of a file that is being written; a crash may leave one
// behind, and it is never read.
const tempMark = ".tmp"

// writeTemp writes data durably into a new file beside path and returns its
// name. The caller renames or removes it.
func writeTemp(path string, data []byte) (temp string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+tempMark+"*") // mode 0600
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	return f.Name(), err
}

// replace puts data durably at path. What the file held before is overwritten
// on the disk, not only unlinked: it may have been a key.
func replace(path string, data []byte) error {
	// The old content stays reachable through this handle after the rename.
	old, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		defer old.Close()
	}
	temp, err := writeTemp(path, data)
	if err != nil {
		return err
	}
	if runtime.GOOS == "windows" && old != nil {
		old.Close() // Windows does not rename over an open file
		old = nil
	}
	if err := os.Rename(temp, path); err != nil {
		os.Remove(temp)
		return err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return err
	}
	if old != nil {
		return overwrite(old)
	}
	return nil
}

// erase overwrites path, flushes it, unlinks it and flushes its directory. A
// file that is not there is already erased.
func erase(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		// A crash may have come between an unlink and its flush.
		return syncDirIfExists(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	err = overwrite(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// overwrite fills an open file with zeros in place and flushes it.
func overwrite(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(make([]byte, st.Size()), 0); err != nil {
		return err
	}
	return dataSync(f)
}

// readSmall reads a file of at most limit bytes.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: longer than %d bytes: %w", path, limit, ErrDamaged)
	}
	return data, nil
}

// makeDir creates dir (0700) and flushes the directory that names it.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDirIfExists(dir string) error {
	err := syncDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
