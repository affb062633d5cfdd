package wstrust

import (
	"io"
	"sync"
)

// once is a request body that can be read to its end once. After end nothing
// reads it any more, so that its memory can be wiped while net/http may still
// hold it. What net/http and TLS copied into their own buffers cannot be wiped.
type once struct {
	mu    sync.Mutex
	rest  []byte
	read  bool
	ended bool
}

// Read implements io.Reader.
func (o *once) Read(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended || len(o.rest) == 0 {
		return 0, io.EOF
	}
	// The transport reads only once a connection stands, for https after the
	// server proved its name.
	o.read = true
	n := copy(p, o.rest)
	o.rest = o.rest[n:]
	return n, nil
}

// Close implements io.Closer. The bytes stay the caller's.
func (o *once) Close() error { return nil }

// begun reports whether anything was read.
func (o *once) begun() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.read
}

// end makes every later Read return io.EOF.
func (o *once) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended, o.rest = true, nil
}
