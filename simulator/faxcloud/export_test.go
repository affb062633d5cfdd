package faxcloud

import (
	"errors"
	"io"
)

// ErrDocument is the sentinel of documents that cannot be read.
var ErrDocument = errDocument

// Walk decodes every page and counts them. Pages are kept small, so that a fuzzer
// gets to try more than a few.
func Walk(r io.ReaderAt, size int64) (int, error) {
	t, err := openTIFF(r, size)
	if err != nil {
		return 0, err
	}
	t.limit = 1 << 15
	for n := 0; ; n++ {
		if _, _, _, err := t.page(); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
}

// Hashed counts the passwords that were compared.
func (x *XM) Hashed() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.hashed
}
