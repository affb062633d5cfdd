//go:build !linux && !windows

package admin

import "fmt"

// short refuses a name that does not fit into a socket address.
func short(path string) (name string, done func(), err error) {
	if len(path) > 103 {
		return "", nil, fmt.Errorf("longer than 103 bytes, set admin.socket to a shorter one")
	}
	return path, func() {}, nil
}
