//go:build !windows

package bolt

import (
	"errors"
	"os"
	"syscall"
)

// lockFile takes the lock on f, or returns errHeld.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errHeld
	}
	return os.NewSyscallError("flock", err)
}
