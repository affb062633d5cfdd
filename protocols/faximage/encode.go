package faximage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// flushAt is the number of coded bytes that are written on together.
const flushAt = 8 << 10

// Encoder codes rows as T.6. It is for one goroutine.
type Encoder struct {
	w     io.Writer
	width int
	codes *tables
	ref   []int32 // changes of the row above
	cur   []int32
	out   []byte
	acc   uint64 // bits not yet in out, right-aligned
	n     uint   // number of them, below 32 between codes
	err   error  // first write error, or errClosed
}

var errClosed = errors.New("fax encoder is closed")

// NewEncoder returns an encoder of rows of width pixels, 1 to [MaxWidth], into w.
// It writes in pieces of some kilobytes; w need not be buffered.
func NewEncoder(w io.Writer, width int) *Encoder {
	e := &Encoder{w: w, width: width, codes: codeTables()}
	if width < 1 || width > MaxWidth {
		e.err = fmt.Errorf("encode rows of %d pixels: %w", width, ErrUnsupported)
		return e
	}
	e.ref = guard(e.ref, width) // the row above the first is white
	return e
}

// WriteRow codes the next row, packed as in [Bitmap]; bytes beyond the width are
// ignored. It returns the first error of the underlying writer ever after.
func (e *Encoder) WriteRow(row []byte) error {
	if e.err != nil {
		return e.err
	}
	need := (e.width + 7) / 8
	if len(row) < need {
		return fmt.Errorf("encode row of %d bytes: want %d for %d pixels: %w", len(row), need, e.width, io.ErrShortBuffer)
	}
	e.cur = changes(e.cur, row[:need], e.width)
	e.row()
	e.ref, e.cur = e.cur, e.ref
	if len(e.out) >= flushAt {
		e.flush()
	}
	return e.err
}

// row codes cur against ref (T.6, 2.2). a0 starts on an imaginary white pixel left
// of the row; next and above index a1 and b1, whose parity is always a0's colour.
func (e *Encoder) row() {
	width := int32(e.width)
	cur, ref := e.cur, e.ref
	next, above := 0, 0
	for a0 := int32(-1); a0 < width; {
		for ref[above] <= a0 {
			above += 2
		}
		a1, b1, b2 := cur[next], ref[above], ref[above+1]
		switch d := a1 - b1; {
		case b2 < a1:
			e.put(passCode)
			a0 = b2
		case -3 <= d && d <= 3:
			e.put(verticalCodes[d+3])
			a0 = a1
			next++
			// The colour turns: b1 is now of the other parity, at the earliest the
			// change before the old one, because all before that lie left of a1.
			if above > 0 {
				above--
			} else {
				above++
			}
		default:
			a2 := cur[next+1]
			e.put(horizontalCode)
			e.putRun(next&1, a1-max(a0, 0))
			e.putRun(next&1^1, a2-a1)
			a0 = a2
			next += 2
		}
	}
}

func (e *Encoder) putRun(colour int, length int32) {
	codes := &e.codes.enc[colour]
	for length > maxMakeUp+63 {
		e.put(codes[63+maxMakeUp/64])
		length -= maxMakeUp
	}
	if length >= 64 {
		e.put(codes[63+length/64])
	}
	e.put(codes[length%64])
}

func (e *Encoder) put(c code) {
	e.acc = e.acc<<c.n | uint64(c.bits)
	if e.n += uint(c.n); e.n >= 32 {
		e.n -= 32
		e.out = binary.BigEndian.AppendUint32(e.out, uint32(e.acc>>e.n))
	}
}

func (e *Encoder) flush() {
	_, e.err = e.w.Write(e.out)
	e.out = e.out[:0]
}

// Close writes the end-of-block code and what is still buffered. It does not close
// the underlying writer. WriteRow and a second Close then fail.
func (e *Encoder) Close() error {
	if e.err != nil {
		return e.err
	}
	e.put(code{1, eolBits})
	e.put(code{1, eolBits})
	for e.n > 0 {
		e.out = append(e.out, byte(e.acc<<8>>e.n))
		e.n -= min(e.n, 8)
	}
	e.flush()
	if e.err != nil {
		return e.err
	}
	e.err = errClosed
	return nil
}

// Encode writes the whole bitmap to w as T.6.
func Encode(w io.Writer, b *Bitmap) error {
	e := NewEncoder(w, b.Width)
	for y := range b.Height {
		if err := e.WriteRow(b.Row(y)); err != nil {
			return err
		}
	}
	return e.Close()
}
