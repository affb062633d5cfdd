package faximage

import (
	"encoding/binary"
	"fmt"
	"math"
)

// PageMeta is what a TIFF-F file says about a page, and all that must be known of
// every page before the file's first byte is written.
type PageMeta struct {
	Width, Height int   // pixels, 1 to [MaxWidth], together at most [MaxPixels]
	XDPI, YDPI    int   // pixels per inch, for fax 204 by 98, 196 or 391
	Size          int64 // bytes of T.6 data
}

// TIFF 6.0 tags used here, in the order directories hold them.
const (
	tagSubfileType     = 254
	tagWidth           = 256
	tagHeight          = 257
	tagBitsPerSample   = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagFillOrder       = 266
	tagStripOffsets    = 273
	tagOrientation     = 274
	tagSamplesPerPixel = 277
	tagRowsPerStrip    = 278
	tagStripByteCounts = 279
	tagXResolution     = 282
	tagYResolution     = 283
	tagT6Options       = 293
	tagResolutionUnit  = 296
	tagPageNumber      = 297
	tagSoftware        = 305
)

// TIFF 6.0 field types.
const (
	typeByte     = 1
	typeASCII    = 2
	typeShort    = 3
	typeLong     = 4
	typeRational = 5
)

// software is the value of the Software tag: constant, so that equal pages make equal
// files.
const software = "Platen\x00\x00"

// The file is laid out as header, software, all directories with their resolutions,
// then the strips, each at an even offset; so every offset follows from the metadata.
const (
	headerSize  = 8
	softwareAt  = headerSize
	directories = softwareAt + len(software)
	entries     = 18
	ifdSize     = 2 + 12*entries + 4
	pageSize    = ifdSize + 2*8 // a directory and two rationals
	// maxPages is what the PageNumber tag can count.
	maxPages = math.MaxUint16
)

// layout returns the offset of each page's strip and, last, the file's size.
func layout(pages []PageMeta) ([]int64, error) {
	if len(pages) < 1 || len(pages) > maxPages {
		return nil, fmt.Errorf("%d pages, want 1 to %d: %w", len(pages), maxPages, ErrPages)
	}
	offsets := make([]int64, 0, len(pages)+1)
	at := int64(directories + pageSize*len(pages))
	for i, p := range pages {
		if err := checkSize(p.Width, p.Height); err != nil {
			return nil, fmt.Errorf("page %d: %w: %w", i+1, err, ErrPages)
		}
		if p.XDPI < 1 || p.YDPI < 1 || p.XDPI > math.MaxUint16 || p.YDPI > math.MaxUint16 {
			return nil, fmt.Errorf("page %d: %dx%d pixels per inch: %w", i+1, p.XDPI, p.YDPI, ErrPages)
		}
		if p.Size < 1 || p.Size > math.MaxUint32 {
			return nil, fmt.Errorf("page %d: %d bytes: %w", i+1, p.Size, ErrPages)
		}
		offsets = append(offsets, at)
		at += p.Size + p.Size&1
		if at > math.MaxUint32 {
			return nil, fmt.Errorf("page %d lies beyond the 4 GiB of a TIFF file: %w", i+1, ErrPages)
		}
	}
	return append(offsets, at), nil
}

// Size returns the length in bytes of the file that [Write] makes of pages, or an
// error wrapping ErrPages.
func Size(pages []PageMeta) (int64, error) {
	offsets, err := layout(pages)
	if err != nil {
		return 0, err
	}
	return offsets[len(pages)], nil
}

// appendHeader appends what precedes the directories.
func appendHeader(b []byte) []byte {
	b = append(b, 'I', 'I', 42, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(directories))
	return append(b, software...)
}

// appendDirectory appends page i's directory and its resolutions (RFC 2306, 3.2 to
// 3.4, with Compression 4 as RFC 3949 has it).
func appendDirectory(b []byte, pages []PageMeta, i int, strip int64) []byte {
	p := pages[i]
	at := uint32(directories + pageSize*i)
	le := binary.LittleEndian
	entry := func(tag, kind uint16, count, value uint32) {
		b = le.AppendUint16(b, tag)
		b = le.AppendUint16(b, kind)
		b = le.AppendUint32(b, count)
		b = le.AppendUint32(b, value)
	}
	b = le.AppendUint16(b, entries)
	entry(tagSubfileType, typeLong, 1, 2) // a page of a multi-page file
	entry(tagWidth, typeLong, 1, uint32(p.Width))
	entry(tagHeight, typeLong, 1, uint32(p.Height))
	entry(tagBitsPerSample, typeShort, 1, 1)
	entry(tagCompression, typeShort, 1, compressionT6)
	entry(tagPhotometric, typeShort, 1, 0) // min is white
	entry(tagFillOrder, typeShort, 1, 1)   // most significant bit first
	entry(tagStripOffsets, typeLong, 1, uint32(strip))
	entry(tagOrientation, typeShort, 1, 1)
	entry(tagSamplesPerPixel, typeShort, 1, 1)
	entry(tagRowsPerStrip, typeLong, 1, uint32(p.Height))
	entry(tagStripByteCounts, typeLong, 1, uint32(p.Size))
	entry(tagXResolution, typeRational, 1, at+ifdSize)
	entry(tagYResolution, typeRational, 1, at+ifdSize+8)
	entry(tagT6Options, typeLong, 1, 0)
	entry(tagResolutionUnit, typeShort, 1, 2) // inch
	entry(tagPageNumber, typeShort, 2, uint32(i)|uint32(len(pages))<<16)
	entry(tagSoftware, typeASCII, uint32(len("Platen")+1), softwareAt)
	next := uint32(0)
	if i+1 < len(pages) {
		next = at + pageSize
	}
	b = le.AppendUint32(b, next)
	for _, dpi := range []int{p.XDPI, p.YDPI} {
		b = le.AppendUint32(b, uint32(dpi))
		b = le.AppendUint32(b, 1)
	}
	return b
}
