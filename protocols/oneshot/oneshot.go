// Package oneshot helps clients of fax services to send one request that nobody
// may repeat, and to know afterwards whether the service can have had all of it.
// It speaks no protocol; what a request means is known to the packages that use
// it.
package oneshot

import (
	"errors"
	"io"
	"net"
	"sync"
)

// WriteFailed reports whether err is a write to the connection that failed. The
// request is one HTTP/1.1 message, so a failed write means its end was not
// handed to the network.
func WriteFailed(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "write"
}

// Body is a request body that knows whether all of it was read, and that gives
// nothing more once sealed: net/http may still be reading a body after the
// request has failed. It is safe for concurrent use.
type Body struct {
	mu     sync.Mutex
	data   []byte
	sealed bool
}

// NewBody returns a body of these bytes, which it keeps.
func NewBody(data []byte) *Body { return &Body{data: data} }

// Read implements [io.Reader].
func (b *Body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.sealed:
		return 0, errSealed
	case len(b.data) == 0:
		return 0, io.EOF
	}
	n := copy(p, b.data)
	b.data = b.data[n:]
	return n, nil
}

// Close implements [io.Closer].
func (b *Body) Close() error { return nil }

// Seal ends the body and reports whether all of it had been read.
func (b *Body) Seal() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sealed = true
	return len(b.data) == 0
}

// errSealed stops a body whose request has been given up.
var errSealed = errors.New("request was given up")
