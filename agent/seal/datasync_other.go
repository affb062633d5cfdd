//go:build !linux

package seal

import "os"

// dataSync flushes the content of f.
func dataSync(f *os.File) error { return f.Sync() }
