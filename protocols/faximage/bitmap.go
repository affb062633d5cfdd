package faximage

import (
	"encoding/binary"
	"math/bits"
)

// Bitmap is a two-level picture of packed rows: the leftmost pixel is the most
// significant bit of a row's first byte, and 1 is black. Row y is
// Bits[y*Stride:][:(Width+7)/8]; bits beyond Width have no meaning.
type Bitmap struct {
	Width, Height int // pixels
	Stride        int // bytes from one row to the next
	Bits          []byte
}

// NewBitmap returns a white bitmap of width x height pixels with the smallest stride.
func NewBitmap(width, height int) *Bitmap {
	stride := (width + 7) / 8
	return &Bitmap{Width: width, Height: height, Stride: stride, Bits: make([]byte, stride*height)}
}

// Row returns row y, sharing its memory.
func (b *Bitmap) Row(y int) []byte {
	return b.Bits[y*b.Stride:][:(b.Width+7)/8]
}

// Black reports whether the pixel is black; pixels outside of the picture are white.
func (b *Bitmap) Black(x, y int) bool {
	if x < 0 || y < 0 || x >= b.Width || y >= b.Height {
		return false
	}
	return b.Bits[y*b.Stride+x>>3]&(0x80>>(x&7)) != 0
}

// Set makes a pixel inside the picture black or white.
func (b *Bitmap) Set(x, y int, black bool) {
	if black {
		b.Bits[y*b.Stride+x>>3] |= 0x80 >> (x & 7)
	} else {
		b.Bits[y*b.Stride+x>>3] &^= 0x80 >> (x & 7)
	}
}

// guards is the number of changes at the row's width that follow the real ones, so
// that looking for b1 and b2 needs no bounds.
const guards = 4

// changes appends to dst[:0] the changing elements of a row (T.6, 2.2.1): the
// positions whose colour differs from their left neighbour's, the first of them
// turning black, followed by guards.
func changes(dst []int32, row []byte, width int) []int32 {
	dst = dst[:0]
	var last uint64 // the pixel left of the word, in the top bit
	for at := 0; at < width; at += 64 {
		var w uint64
		if i := at / 8; i+8 <= len(row) {
			w = binary.BigEndian.Uint64(row[i:])
		} else {
			for j, b := range row[i:] {
				w |= uint64(b) << (56 - 8*j)
			}
		}
		if left := width - at; left < 64 {
			w &^= ^uint64(0) >> left
		}
		for x := w ^ (w>>1 | last); x != 0; {
			n := bits.LeadingZeros64(x)
			if at+n < width { // the masked rest may have made a change at width
				dst = append(dst, int32(at+n))
			}
			x &^= 1 << 63 >> n
		}
		last = w << 63
	}
	return guard(dst, width)
}

func guard(dst []int32, width int) []int32 {
	for range guards {
		dst = append(dst, int32(width))
	}
	return dst
}

// fill makes black the runs between changes of an all-white row.
func fill(row []byte, ch []int32, width int) {
	for i := 0; i < len(ch) && int(ch[i]) < width; i += 2 {
		from, to := int(ch[i]), width
		if i+1 < len(ch) {
			to = int(ch[i+1])
		}
		first, last := from>>3, (to-1)>>3
		head, tail := byte(0xFF)>>(from&7), byte(0xFF)<<(7-(to-1)&7)
		if first == last {
			row[first] |= head & tail
			continue
		}
		row[first] |= head
		for j := first + 1; j < last; j++ {
			row[j] = 0xFF
		}
		row[last] |= tail
	}
}
