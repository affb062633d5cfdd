package faxcloud

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"golang.org/x/image/ccitt"

	"github.com/platen-fax/platen/simulator/paper"
)

// errDocument says that a received document is not a readable fax document.
var errDocument = errors.New("document cannot be read")

// Bounds of what is accepted as a fax document.
const (
	maxPages  = 2000
	maxPixels = 20 << 20 // A3 in the finest fax resolution
	maxStrips = 1 << 15
	maxTags   = 256
)

// Tags of TIFF 6.0 and RFC 2306 that matter here.
const (
	tagWidth = 256 + iota
	tagLength
	tagBits
	tagCompression
	tagPhotometric = 262
	tagFillOrder   = 266
	tagOffsets     = 273
	tagSamples     = 277
	tagRows        = 278
	tagCounts      = 279
	tagXRes        = 282
	tagYRes        = 283
	tagT4Options   = 292
	tagUnit        = 296
)

// tiff walks the pages of a TIFF file.
type tiff struct {
	r     io.ReaderAt
	size  int64
	order binary.ByteOrder
	next  int64
	seen  map[int64]bool
	limit int // pixels of a page
}

// openTIFF reads the header.
func openTIFF(r io.ReaderAt, size int64) (*tiff, error) {
	head := make([]byte, 8)
	if _, err := r.ReadAt(head, 0); err != nil {
		return nil, fmt.Errorf("header: %w", errDocument)
	}
	t := &tiff{r: r, size: size, seen: make(map[int64]bool), limit: maxPixels}
	switch string(head[:4]) {
	case "II*\x00":
		t.order = binary.LittleEndian
	case "MM\x00*":
		t.order = binary.BigEndian
	default:
		return nil, fmt.Errorf("not a TIFF file: %w", errDocument)
	}
	t.next = int64(t.order.Uint32(head[4:]))
	return t, nil
}

// page returns the next page, or io.EOF after the last.
func (t *tiff) page() (*paper.Bits, int, int, error) {
	if t.next == 0 && len(t.seen) > 0 {
		return nil, 0, 0, io.EOF
	}
	if t.seen[t.next] || len(t.seen) == maxPages {
		return nil, 0, 0, fmt.Errorf("page directory at %d comes again: %w", t.next, errDocument)
	}
	t.seen[t.next] = true
	tags, err := t.directory()
	if err != nil {
		return nil, 0, 0, err
	}
	bits, err := t.decode(tags)
	if err != nil {
		return nil, 0, 0, err
	}
	x, y := t.dpi(tags, tagXRes), t.dpi(tags, tagYRes)
	if x == 0 || y == 0 {
		return nil, 0, 0, fmt.Errorf("no resolution: %w", errDocument)
	}
	return bits, x, y, nil
}

// directory reads the tags at t.next as numbers and moves t.next on. Rationals
// keep their two numbers.
func (t *tiff) directory() (map[int][]uint32, error) {
	buf := make([]byte, 2)
	if _, err := t.r.ReadAt(buf, t.next); err != nil {
		return nil, fmt.Errorf("page directory at %d: %w", t.next, errDocument)
	}
	n := int(t.order.Uint16(buf))
	if n == 0 || n > maxTags {
		return nil, fmt.Errorf("page directory of %d tags: %w", n, errDocument)
	}
	buf = make([]byte, n*12+4)
	if _, err := t.r.ReadAt(buf, t.next+2); err != nil {
		return nil, fmt.Errorf("page directory at %d: %w", t.next, errDocument)
	}
	tags := make(map[int][]uint32, n)
	for e := buf; len(e) >= 16; e = e[12:] {
		v, err := t.values(e[:12])
		if err != nil {
			return nil, err
		}
		tags[int(t.order.Uint16(e))] = v
	}
	t.next = int64(t.order.Uint32(buf[n*12:]))
	return tags, nil
}

// values reads the numbers of one 12-byte entry; types that hold none give nil.
func (t *tiff) values(e []byte) ([]uint32, error) {
	var width int
	per := 1
	switch t.order.Uint16(e[2:]) {
	case 1:
		width = 1
	case 3:
		width = 2
	case 4:
		width = 4
	case 5:
		width, per = 4, 2
	default:
		return nil, nil
	}
	n := int64(t.order.Uint32(e[4:])) * int64(per)
	if n == 0 || n > maxStrips {
		return nil, fmt.Errorf("tag %d with %d values: %w", t.order.Uint16(e), n, errDocument)
	}
	data := e[8:12]
	if bytes := n * int64(width); bytes > 4 {
		data = make([]byte, bytes)
		if _, err := t.r.ReadAt(data, int64(t.order.Uint32(e[8:]))); err != nil {
			return nil, fmt.Errorf("tag %d: %w", t.order.Uint16(e), errDocument)
		}
	}
	out := make([]uint32, n)
	for i := range out {
		switch width {
		case 1:
			out[i] = uint32(data[i])
		case 2:
			out[i] = uint32(t.order.Uint16(data[2*i:]))
		case 4:
			out[i] = t.order.Uint32(data[4*i:])
		}
	}
	return out, nil
}

// one returns the first value of a tag, or def.
func one(tags map[int][]uint32, tag int, def uint32) uint32 {
	if v := tags[tag]; len(v) > 0 {
		return v[0]
	}
	return def
}

// dpi returns a resolution in whole pixels per inch, 0 if there is none.
func (t *tiff) dpi(tags map[int][]uint32, tag int) int {
	v := tags[tag]
	if len(v) < 2 || v[1] == 0 {
		return 0
	}
	d := float64(v[0]) / float64(v[1])
	if one(tags, tagUnit, 2) == 3 {
		d *= 2.54
	}
	if d < 1 || d > 5000 {
		return 0
	}
	return int(math.Round(d))
}

// decode reads the picture of a page.
func (t *tiff) decode(tags map[int][]uint32) (*paper.Bits, error) {
	w, h := int(one(tags, tagWidth, 0)), int(one(tags, tagLength, 0))
	if w < 1 || h < 1 || w > t.limit || h > t.limit/w {
		return nil, fmt.Errorf("page of %dx%d pixels: %w", w, h, errDocument)
	}
	if one(tags, tagBits, 1) != 1 || one(tags, tagSamples, 1) != 1 {
		return nil, fmt.Errorf("page is not two-level: %w", errDocument)
	}
	format, opts := ccitt.Group4, &ccitt.Options{Invert: one(tags, tagPhotometric, 0) == 0}
	switch c := one(tags, tagCompression, 1); {
	case c == 4:
	case c == 3 && one(tags, tagT4Options, 0)&1 == 0:
		format, opts.Align = ccitt.Group3, one(tags, tagT4Options, 0)&4 != 0
	default:
		return nil, fmt.Errorf("compression %d: %w", c, errDocument)
	}
	order := ccitt.MSB
	if one(tags, tagFillOrder, 1) == 2 {
		order = ccitt.LSB
	}
	rows := int(min(one(tags, tagRows, uint32(h)), uint32(h)))
	offsets, counts := tags[tagOffsets], tags[tagCounts]
	if rows < 1 || len(offsets) != (h+rows-1)/rows || len(counts) != len(offsets) {
		return nil, fmt.Errorf("%d strips of %d rows for %d: %w", len(offsets), rows, h, errDocument)
	}
	b := &paper.Bits{Width: w, Height: h, Stride: (w + 7) / 8}
	b.Pix = make([]byte, b.Stride*h)
	for i, y := 0, 0; y < h; i, y = i+1, y+rows {
		n := min(rows, h-y)
		if int64(offsets[i])+int64(counts[i]) > t.size || int64(n) > 8*int64(counts[i]) {
			return nil, fmt.Errorf("strip %d of %d bytes for %d rows: %w", i, counts[i], n, errDocument)
		}
		strip := io.NewSectionReader(t.r, int64(offsets[i]), int64(counts[i]))
		if _, err := io.ReadFull(ccitt.NewReader(strip, order, format, w, n, opts), b.Pix[y*b.Stride:(y+n)*b.Stride]); err != nil {
			return nil, fmt.Errorf("strip %d: %w: %w", i, errDocument, err)
		}
	}
	return b, nil
}
