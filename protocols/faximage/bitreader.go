package faximage

import (
	"encoding/binary"
	"errors"
	"io"
)

// bitReader reads bits, most significant first. After the end of its input it
// delivers zeros, which no code word consists of, and counts them as overrun.
type bitReader struct {
	r    io.Reader
	buf  []byte // bytes read and not yet in acc
	room []byte // memory of buf
	acc  uint64 // the next bits, left-aligned
	n    int    // number of them; negative after reading past the end
	err  error  // io.EOF, or why reading failed
}

func newBitReader(r io.Reader) *bitReader {
	return &bitReader{r: r, room: make([]byte, 4096)}
}

// peek returns the next n bits, 1 to 32, right-aligned.
func (b *bitReader) peek(n int) uint32 {
	if b.n < n {
		b.load()
	}
	return uint32(b.acc >> (64 - n))
}

// skip drops n bits that have been peeked.
func (b *bitReader) skip(n int) {
	b.acc <<= n
	b.n -= n
}

// overrun says why bits past the end were dropped, nil if none were.
func (b *bitReader) overrun() error {
	switch {
	case b.n >= 0:
		return nil
	case b.err != nil && !errors.Is(b.err, io.EOF):
		return b.err
	default:
		return io.ErrUnexpectedEOF
	}
}

func (b *bitReader) load() {
	if b.n < 0 {
		return
	}
	for b.n <= 56 {
		if len(b.buf) >= 8 {
			// The bits beyond whole bytes are added again next time, with equal value.
			b.acc |= binary.BigEndian.Uint64(b.buf) >> b.n
			whole := (64 - b.n) / 8
			b.buf = b.buf[whole:]
			b.n += 8 * whole
			return
		}
		if len(b.buf) == 0 {
			if b.err != nil {
				return
			}
			var n int
			n, b.err = io.ReadAtLeast(b.r, b.room, 1)
			b.buf = b.room[:n]
			continue
		}
		b.acc |= uint64(b.buf[0]) << (56 - b.n)
		b.buf = b.buf[1:]
		b.n += 8
	}
}
