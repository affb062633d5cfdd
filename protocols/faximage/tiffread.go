package faximage

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// Compression values of TIFF that this package names.
const (
	compressionNone = 1
	compressionT6   = 4
)

// Bounds on what foreign files make [ReadPages] read and keep.
const (
	maxReadPages = 5000
	maxEntries   = 512
	maxStrips    = 1 << 17 // of all pages together
)

// Strip is a piece of a page's data: where it lies in the file and how long it is.
type Strip struct {
	Offset, Size int64
}

// TIFFPage is one directory of a TIFF file. Fields whose tag is absent have TIFF's
// default, or 0 if there is none.
type TIFFPage struct {
	Width, Height int // pixels
	XDPI, YDPI    int // pixels per inch, rounded; 0 if not stated in a unit
	Compression   int // 4 is T.6
	Photometric   int // 0 = min is white, 1 = min is black
	FillOrder     int // 1 = most significant bit first, 2 = least
	BitsPerSample int
	Samples       int // per pixel
	SubfileType   int
	Page, Pages   int // the PageNumber tag: counted from 0, and how many (0 = unknown)
	RowsPerStrip  int
	Strips        []Strip // all inside the file
}

// ReadPages walks the directories of a TIFF file of either byte order and returns its
// pages in file order, at least one. Files that are cut, loop, or point outside
// themselves give an error wrapping ErrCorrupt. At most 5000 pages are accepted.
func ReadPages(r io.ReaderAt, size int64) ([]TIFFPage, error) {
	t := &tiffFile{r: r, size: size, strips: maxStrips}
	head, err := t.at(0, 8)
	if err != nil {
		return nil, err
	}
	switch string(head[:4]) {
	case "II*\x00":
		t.order = binary.LittleEndian
	case "MM\x00*":
		t.order = binary.BigEndian
	default:
		return nil, fmt.Errorf("tiff: header % x: %w", head[:4], ErrCorrupt)
	}
	var pages []TIFFPage
	seen := make(map[int64]bool)
	for off := int64(t.order.Uint32(head[4:])); off != 0; {
		if seen[off] {
			return nil, fmt.Errorf("tiff: directory at %d comes again after page %d: %w", off, len(pages), ErrCorrupt)
		}
		seen[off] = true
		if len(pages) == maxReadPages {
			return nil, fmt.Errorf("tiff: more than %d pages: %w", maxReadPages, ErrCorrupt)
		}
		page, next, err := t.page(off)
		if err != nil {
			return nil, fmt.Errorf("tiff: page %d, directory at %d: %w", len(pages)+1, off, err)
		}
		pages = append(pages, page)
		off = next
	}
	if len(pages) == 0 {
		return nil, fmt.Errorf("tiff: no page: %w", ErrCorrupt)
	}
	return pages, nil
}

type tiffFile struct {
	r      io.ReaderAt
	size   int64
	order  binary.ByteOrder
	strips int // how many more may be read
}

// at reads n bytes at off, all inside the file.
func (t *tiffFile) at(off, n int64) ([]byte, error) {
	if off < 0 || n > t.size || off > t.size-n {
		return nil, fmt.Errorf("bytes %d+%d beyond the file's %d: %w", off, n, t.size, ErrCorrupt)
	}
	b := make([]byte, n)
	if m, err := t.r.ReadAt(b, off); m < len(b) {
		return nil, fmt.Errorf("read %d bytes at %d: %w", n, off, err)
	}
	return b, nil
}

// field is a directory entry.
type field struct {
	tag, kind uint16
	count     int64
	value     [4]byte // the value, or its offset
}

func (t *tiffFile) page(off int64) (TIFFPage, int64, error) {
	p := TIFFPage{Compression: compressionNone, FillOrder: 1, BitsPerSample: 1, Samples: 1}
	raw, err := t.at(off, 2)
	if err != nil {
		return p, 0, err
	}
	n := int64(t.order.Uint16(raw))
	if n > maxEntries {
		return p, 0, fmt.Errorf("%d entries: %w", n, ErrCorrupt)
	}
	if raw, err = t.at(off+2, 12*n+4); err != nil {
		return p, 0, err
	}
	var offsets, sizes field
	var xres, yres float64
	unit := int64(2)
	for ; len(raw) > 4; raw = raw[12:] {
		f := field{tag: t.order.Uint16(raw), kind: t.order.Uint16(raw[2:]), count: int64(t.order.Uint32(raw[4:]))}
		copy(f.value[:], raw[8:12])
		switch f.tag {
		case tagWidth:
			p.Width, err = t.one(f)
		case tagHeight:
			p.Height, err = t.one(f)
		case tagBitsPerSample:
			p.BitsPerSample, err = t.one(f)
		case tagCompression:
			p.Compression, err = t.one(f)
		case tagPhotometric:
			p.Photometric, err = t.one(f)
		case tagFillOrder:
			p.FillOrder, err = t.one(f)
		case tagSamplesPerPixel:
			p.Samples, err = t.one(f)
		case tagRowsPerStrip:
			p.RowsPerStrip, err = t.one(f)
		case tagSubfileType:
			p.SubfileType, err = t.one(f)
		case tagPageNumber:
			var v []int64
			if v, err = t.values(f, 2); err == nil && len(v) == 2 {
				p.Page, p.Pages = int(v[0]), int(v[1])
			}
		case tagXResolution:
			xres, err = t.rational(f)
		case tagYResolution:
			yres, err = t.rational(f)
		case tagResolutionUnit:
			var u int
			u, err = t.one(f)
			unit = int64(u)
		case tagStripOffsets:
			offsets = f
		case tagStripByteCounts:
			sizes = f
		}
		if err != nil {
			return p, 0, fmt.Errorf("tag %d: %w", f.tag, err)
		}
	}
	p.XDPI, p.YDPI = dpi(xres, unit), dpi(yres, unit)
	if p.Strips, err = t.stripList(offsets, sizes); err != nil {
		return p, 0, err
	}
	return p, int64(t.order.Uint32(raw)), nil
}

func dpi(res float64, unit int64) int {
	switch unit {
	case 2: // inch
	case 3: // centimetre
		res *= 2.54
	default:
		res = 0
	}
	if !(res >= 0 && res <= 1<<20) {
		return 0
	}
	return int(res + 0.5)
}

func (t *tiffFile) stripList(offsets, sizes field) ([]Strip, error) {
	if offsets.count != sizes.count {
		return nil, fmt.Errorf("%d strips with %d sizes: %w", offsets.count, sizes.count, ErrCorrupt)
	}
	if offsets.count == 0 {
		return nil, nil // tiles, or nothing: Decode refuses
	}
	if t.strips -= int(min(offsets.count, maxStrips+1)); t.strips < 0 {
		return nil, fmt.Errorf("more than %d strips: %w", maxStrips, ErrCorrupt)
	}
	at, err := t.values(offsets, maxStrips)
	if err != nil {
		return nil, fmt.Errorf("strip offsets: %w", err)
	}
	n, err := t.values(sizes, maxStrips)
	if err != nil {
		return nil, fmt.Errorf("strip sizes: %w", err)
	}
	strips := make([]Strip, len(at))
	for i := range strips {
		if at[i] > t.size || n[i] > t.size-at[i] {
			return nil, fmt.Errorf("strip %d at %d+%d beyond the file's %d: %w", i, at[i], n[i], t.size, ErrCorrupt)
		}
		strips[i] = Strip{Offset: at[i], Size: n[i]}
	}
	return strips, nil
}

// values returns the integers of f, at most limit.
func (t *tiffFile) values(f field, limit int64) ([]int64, error) {
	var width int64
	switch f.kind {
	case typeByte:
		width = 1
	case typeShort:
		width = 2
	case typeLong:
		width = 4
	default:
		return nil, fmt.Errorf("field type %d is no integer: %w", f.kind, ErrCorrupt)
	}
	if f.count < 1 || f.count > limit {
		return nil, fmt.Errorf("%d values: %w", f.count, ErrCorrupt)
	}
	raw := f.value[:]
	if f.count*width > 4 {
		var err error
		if raw, err = t.at(int64(t.order.Uint32(raw)), f.count*width); err != nil {
			return nil, err
		}
	}
	out := make([]int64, f.count)
	for i := range out {
		switch b := raw[int64(i)*width:]; width {
		case 1:
			out[i] = int64(b[0])
		case 2:
			out[i] = int64(t.order.Uint16(b))
		case 4:
			out[i] = int64(t.order.Uint32(b))
		}
	}
	return out, nil
}

// one returns the first of f's few integers.
func (t *tiffFile) one(f field) (int, error) {
	v, err := t.values(f, 64)
	if err != nil {
		return 0, err
	}
	return int(min(v[0], 1<<31-1)), nil
}

func (t *tiffFile) rational(f field) (float64, error) {
	if f.kind != typeRational || f.count != 1 {
		return 0, fmt.Errorf("%d values of type %d: %w", f.count, f.kind, ErrCorrupt)
	}
	raw, err := t.at(int64(t.order.Uint32(f.value[:])), 8)
	if err != nil {
		return 0, err
	}
	num, den := t.order.Uint32(raw), t.order.Uint32(raw[4:])
	if den == 0 {
		return 0, nil
	}
	return float64(num) / float64(den), nil
}

// Decode reads the picture of a two-level T.6 page from the file it came from.
// Other codings give an error wrapping ErrUnsupported, damaged data ErrCorrupt.
func (p *TIFFPage) Decode(r io.ReaderAt) (*Bitmap, error) {
	switch {
	case p.Compression != compressionT6, p.BitsPerSample != 1, p.Samples != 1,
		p.Photometric != 0 && p.Photometric != 1, p.FillOrder != 1 && p.FillOrder != 2, len(p.Strips) == 0:
		return nil, fmt.Errorf("tiff: compression %d, %d samples of %d bits, photometric %d, fill order %d, %d strips: %w",
			p.Compression, p.Samples, p.BitsPerSample, p.Photometric, p.FillOrder, len(p.Strips), ErrUnsupported)
	}
	if err := checkSize(p.Width, p.Height); err != nil {
		return nil, fmt.Errorf("tiff: %w", err)
	}
	b := &Bitmap{Width: p.Width, Stride: (p.Width + 7) / 8}
	for i, s := range p.Strips {
		rows := p.Height - b.Height
		if p.RowsPerStrip > 0 && i < len(p.Strips)-1 {
			rows = min(rows, p.RowsPerStrip)
		}
		var data io.Reader = io.NewSectionReader(r, s.Offset, s.Size)
		if p.FillOrder == 2 {
			data = mirror{data}
		}
		if err := decodeInto(b, data, rows); err != nil {
			return nil, fmt.Errorf("tiff: strip %d: %w", i, err)
		}
	}
	if p.Photometric == 1 {
		// T.6 codes "black"; in such a file that colour is shown white.
		for i := range b.Bits {
			b.Bits[i] = ^b.Bits[i]
		}
	}
	return b, nil
}

// mirror reverses the bits of each byte.
type mirror struct{ r io.Reader }

func (m mirror) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	for i, b := range p[:n] {
		p[i] = bits.Reverse8(b)
	}
	return n, err
}
