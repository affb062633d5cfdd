//go:build linux || darwin

package doctor

import (
	"os"

	"golang.org/x/sys/unix"
)

// freeSpace returns the bytes an ordinary user may still write in dir.
func freeSpace(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, os.NewSyscallError("statfs", err)
	}
	return int64(uint64(st.Bavail) * uint64(st.Bsize)), nil
}
