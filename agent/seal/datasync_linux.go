package seal

import (
	"errors"
	"os"
	"syscall"
)

// dataSync flushes the content of f without waiting for its times.
func dataSync(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
