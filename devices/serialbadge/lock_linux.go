package serialbadge

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

var (
	errInUse     = errors.New("another program uses the line")
	errNotSerial = errors.New("not a serial line")
)

// lock is exclusive use of a line: an advisory lock that serial programs
// respect, and the terminal's own refusal of further opens, which only root
// passes.
type lock struct{ f *os.File }

// acquire locks the line at path without waiting.
func acquire(path string) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.EBUSY) {
		return nil, fmt.Errorf("%w: %w", errInUse, err)
	}
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return nil, err
	}
	return &lock{f}, nil
}

func lockFile(f *os.File) error {
	if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
		return fmt.Errorf("%w: %w", errNotSerial, err)
	}
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errInUse
	}
	return err
}

// exclude refuses further opens. It comes after the line's own open.
func (l *lock) exclude() error {
	if err := unix.IoctlSetInt(int(l.f.Fd()), unix.TIOCEXCL, 0); err != nil {
		return fmt.Errorf("exclusive use: %w", err)
	}
	return nil
}

// release ends the exclusive use. On a line that is gone nothing is left to
// release, so errors say nothing.
func (l *lock) release() {
	_ = unix.IoctlSetInt(int(l.f.Fd()), unix.TIOCNXCL, 0)
	l.f.Close()
}
