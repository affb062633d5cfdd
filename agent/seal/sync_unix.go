//go:build !windows

package seal

import "os"

// syncDir flushes a directory, which makes a created, renamed or removed name
// in it durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
