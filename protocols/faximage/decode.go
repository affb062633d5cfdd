package faximage

import (
	"errors"
	"fmt"
	"io"
)

// Decode reads a T.6 picture of known size from r. Input that is cut, ends before
// height rows, or holds anything but valid T.6 without extensions gives an error
// wrapping ErrCorrupt that says which row; an error of r itself is returned wrapped.
// A missing end-of-block code and bytes after it are tolerated. Sizes beyond
// [MaxWidth] and [MaxPixels] are refused with ErrUnsupported. Memory grows with the
// rows really decoded, of which a byte of input yields at most eight.
func Decode(r io.Reader, width, height int) (*Bitmap, error) {
	if err := checkSize(width, height); err != nil {
		return nil, fmt.Errorf("decode T.6: %w", err)
	}
	b := &Bitmap{Width: width, Stride: (width + 7) / 8}
	if err := decodeInto(b, r, height); err != nil {
		return nil, err
	}
	return b, nil
}

func checkSize(width, height int) error {
	if width < 1 || height < 1 || width > MaxWidth || height > MaxPixels/width {
		return fmt.Errorf("picture of %dx%d: %w", width, height, ErrUnsupported)
	}
	return nil
}

// decodeInto appends rows to b.
func decodeInto(b *Bitmap, r io.Reader, rows int) error {
	d := &decoder{bits: newBitReader(r), codes: codeTables(), width: b.Width}
	d.ref = guard(d.ref, d.width)
	blank := make([]byte, b.Stride)
	for range rows {
		if err := d.row(); err != nil {
			return fmt.Errorf("decode T.6 row %d: %w", b.Height, err)
		}
		b.Bits = append(b.Bits, blank...)
		b.Height++
		fill(b.Row(b.Height-1), d.cur, d.width)
		d.ref, d.cur = guard(d.cur, d.width), d.ref
	}
	return nil
}

// decoder holds what T.6 carries from row to row.
type decoder struct {
	bits  *bitReader
	codes *tables
	width int
	ref   []int32 // changes of the row above, with guards
	cur   []int32 // changes of this row, without
}

// row decodes one row into cur.
func (d *decoder) row() error {
	width := int32(d.width)
	d.cur = d.cur[:0]
	colour, above := white, 0
	for a0 := int32(-1); a0 < width; {
		// b1 is the first change right of a0 away from its colour (T.6, 2.2.1). The
		// search goes back first, as a row's changes may move left of those above.
		above = max(above&^1-2, 0) | colour
		for d.ref[above] <= a0 {
			above += 2
		}
		b1, b2 := d.ref[above], d.ref[above+1]
		a1 := b1
		bits := d.bits.peek(eolBits)
		switch {
		case bits>>11 == 0b1:
			d.bits.skip(1)
		case bits>>9 == 0b011:
			a1++
			d.bits.skip(3)
		case bits>>9 == 0b010:
			a1--
			d.bits.skip(3)
		case bits>>9 == 0b001:
			d.bits.skip(3)
			to, err := d.horizontal(max(a0, 0), colour)
			if err != nil {
				return err
			}
			if to <= a0 {
				return fmt.Errorf("two empty runs at %d: %w", to, ErrCorrupt)
			}
			a0 = to
			continue
		case bits>>8 == 0b0001:
			d.bits.skip(4)
			if err := d.overrun(); err != nil {
				return err
			}
			a0 = b2
			continue
		case bits>>6 == 0b000011:
			a1 += 2
			d.bits.skip(6)
		case bits>>6 == 0b000010:
			a1 -= 2
			d.bits.skip(6)
		case bits>>5 == 0b0000011:
			a1 += 3
			d.bits.skip(7)
		case bits>>5 == 0b0000010:
			a1 -= 3
			d.bits.skip(7)
		default:
			return d.badMode(bits)
		}
		if err := d.overrun(); err != nil {
			return err
		}
		if a1 <= a0 || a1 > width {
			return fmt.Errorf("change at %d after %d of %d pixels: %w", a1, a0, width, ErrCorrupt)
		}
		d.change(a1)
		a0 = a1
		colour ^= 1
	}
	return nil
}

// horizontal decodes a run of colour and one of the other from a0 and returns
// where they end.
func (d *decoder) horizontal(a0 int32, colour int) (int32, error) {
	for _, c := range [2]int{colour, colour ^ 1} {
		length, err := d.run(c)
		if err != nil {
			return 0, err
		}
		if length > int32(d.width)-a0 {
			return 0, fmt.Errorf("run of %d at %d of %d pixels: %w", length, a0, d.width, ErrCorrupt)
		}
		a0 += length
		d.change(a0)
	}
	return a0, nil
}

// change notes a change at p; two at one place are none, as after an empty run.
func (d *decoder) change(p int32) {
	if last := len(d.cur) - 1; last >= 0 && d.cur[last] == p {
		d.cur = d.cur[:last]
		return
	}
	d.cur = append(d.cur, p)
}

// run decodes make-up codes and the terminating code that ends them.
func (d *decoder) run(colour int) (int32, error) {
	var sum int32
	for {
		r := d.codes.dec[colour][d.bits.peek(longestCode)]
		if r.n == 0 {
			return 0, d.orCut(fmt.Errorf("no run code at bits %013b: %w", d.bits.peek(longestCode), ErrCorrupt))
		}
		d.bits.skip(int(r.n))
		if err := d.overrun(); err != nil {
			return 0, err
		}
		sum += int32(r.length)
		if sum > MaxWidth {
			return 0, fmt.Errorf("run of more than %d: %w", MaxWidth, ErrCorrupt)
		}
		if r.length < 64 {
			return sum, nil
		}
	}
}

func (d *decoder) badMode(bits uint32) error {
	if bits == 1 {
		return fmt.Errorf("end of block: %w", ErrCorrupt)
	}
	return d.orCut(fmt.Errorf("no mode code at bits %012b: %w", bits, ErrCorrupt))
}

// orCut prefers to say that the input ended, when an unknown code consists of the
// zeros after the end.
func (d *decoder) orCut(err error) error {
	if d.bits.n >= longestCode {
		return err
	}
	d.bits.skip(longestCode)
	if cut := d.overrun(); cut != nil {
		return cut
	}
	return err
}

func (d *decoder) overrun() error {
	err := d.bits.overrun()
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("input is cut: %w", ErrCorrupt)
	}
	return err
}
