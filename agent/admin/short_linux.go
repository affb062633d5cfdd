package admin

import (
	"fmt"
	"os"
	"path/filepath"
)

// maxSocketName is what fits into a socket address (sun_path, unix(7)).
const maxSocketName = 107

// short returns a name of the socket that fits into a socket address, and a
// function to call when it was used. A deep directory is named by its open
// descriptor.
func short(path string) (name string, done func(), err error) {
	if len(path) <= maxSocketName {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), func() { dir.Close() }, nil
}
