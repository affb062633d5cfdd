package bolt

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrLocked is wrapped when another process uses the state directory.
var ErrLocked = errors.New("state directory is in use")

// Lock is the exclusive right to a state directory. The operating system ends
// it with the process, however that ends.
type Lock struct{ f *os.File }

// LockDir takes the lock of a state directory, making the directory if need
// be. It does not wait: a directory in use is ErrLocked, with the holder's pid.
// Take it before opening the keys in the same directory.
func LockDir(dir string) (*Lock, error) {
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if err := lockFile(f); err != nil {
		defer f.Close()
		if !errors.Is(err, errHeld) {
			return nil, fmt.Errorf("lock %s: %w", dir, err)
		}
		text, _ := io.ReadAll(io.LimitReader(f, 32))
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			return nil, fmt.Errorf("lock %s: %w by process %d", dir, ErrLocked, pid)
		}
		return nil, fmt.Errorf("lock %s: %w by another process", dir, ErrLocked)
	}
	// The pid is for people only; failing to write it locks all the same.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return &Lock{f: f}, nil
}

// Release gives the directory free.
func (l *Lock) Release() error { return l.f.Close() }

var errHeld = errors.New("held")
