package pagefile

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// tailSize is how much of the end of a file is kept; a PDF's end mark lies within
// its last 1024 bytes, and some devices pad the file to a block afterwards.
const tailSize = 2048

// maxSide is the largest believable picture side in pixels: 33 inches at 600 dpi.
const maxSide = 20000

// Checker checks one page file as its bytes are written to it, and keeps less than
// 8 KiB whatever the file's length. It is for one goroutine and one file.
type Checker struct {
	max  int64 // 0 or less: no limit
	n    int64
	kind Kind
	head []byte // bytes not yet attributed to a kind, later the first HeadSize bytes
	tail []byte // the last tailSize bytes, perhaps a few more
	jpeg jpegState
	err  error // first problem found, sticky
}

// New returns a checker that refuses files above maxBytes; 0 or less means no limit.
func New(maxBytes int64) *Checker {
	return &Checker{max: maxBytes}
}

// Write takes the next bytes of the file. It fails as soon as no further byte could
// make the file acceptable, wrapping ErrTooLarge, ErrUnknown or ErrCorrupt, and then
// returns the same error for ever. p is not retained.
func (c *Checker) Write(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.max > 0 && int64(len(p)) > c.max-c.n {
		c.err = fmt.Errorf("more than %d bytes: %w", c.max, ErrTooLarge)
		return 0, c.err
	}
	c.n += int64(len(p))
	c.keepTail(p)

	sniffed := len(c.head)
	if room := HeadSize - len(c.head); room > 0 {
		c.head = append(c.head, p[:min(room, len(p))]...)
	}
	if c.kind == Unknown {
		c.kind = Sniff(c.head)
		switch {
		case c.kind == JPEG:
			// The bytes sniffed in earlier calls have not been seen by the JPEG machine.
			c.err = c.jpeg.feed(c.head[:sniffed])
		case c.kind == Unknown && len(c.head) == HeadSize:
			c.err = fmt.Errorf("no known header in the first %d bytes: %w", HeadSize, ErrUnknown)
		}
	}
	if c.kind == JPEG && c.err == nil {
		c.err = c.jpeg.feed(p)
	}
	if c.err != nil {
		return 0, c.err
	}
	return len(p), nil
}

func (c *Checker) keepTail(p []byte) {
	if len(p) >= tailSize {
		c.tail = append(c.tail[:0], p[len(p)-tailSize:]...)
		return
	}
	if len(c.tail)+len(p) > 2*tailSize {
		keep := copy(c.tail, c.tail[len(c.tail)-tailSize:])
		c.tail = c.tail[:keep]
	}
	c.tail = append(c.tail, p...)
}

// Finish says that the file has ended and returns what it is. The error wraps one
// of this package's sentinels; Info's Kind and Bytes are then still filled as far as
// they were known.
func (c *Checker) Finish() (Info, error) {
	info := Info{Kind: c.kind, Bytes: c.n}
	if c.err != nil {
		return info, c.err
	}
	if c.n == 0 {
		return info, ErrEmpty
	}
	switch c.kind {
	case JPEG:
		return c.jpeg.finish(info)
	case PDF:
		tail := c.tail[max(0, len(c.tail)-tailSize):]
		if !bytes.Contains(tail, []byte("%%EOF")) {
			return info, fmt.Errorf("pdf: no end mark in the last %d of %d bytes: %w", len(tail), c.n, ErrTruncated)
		}
		return info, nil
	case PNG:
		return c.finishPNG(info)
	case TIFF:
		return c.finishTIFF(info)
	default:
		return info, c.unknown()
	}
}

// unknown tells a file of a known kind cut inside its first bytes from a foreign one.
func (c *Checker) unknown() error {
	for _, magic := range []string{"\xFF\xD8\xFF", string(pngMagic), "II*\x00", "MM\x00*", string(pdfMagic)} {
		if len(c.head) < len(magic) && magic[:len(c.head)] == string(c.head) {
			return fmt.Errorf("%d bytes end inside the header: %w", c.n, ErrTruncated)
		}
	}
	return fmt.Errorf("no known header in %d bytes: %w", c.n, ErrUnknown)
}

func (c *Checker) finishPNG(info Info) (Info, error) {
	// PNG (ISO/IEC 15948): signature, then IHDR with width and height at offset 16.
	const headerEnd = 33
	if len(c.head) < headerEnd {
		return info, fmt.Errorf("png: %d bytes end inside the header: %w", c.n, ErrTruncated)
	}
	w, h := binary.BigEndian.Uint32(c.head[16:]), binary.BigEndian.Uint32(c.head[20:])
	if string(c.head[12:16]) != "IHDR" || w < 1 || h < 1 || w > maxSide || h > maxSide {
		return info, fmt.Errorf("png: picture of %dx%d: %w", w, h, ErrCorrupt)
	}
	info.Width, info.Height = int(w), int(h)
	if !bytes.Contains(c.tail[max(0, len(c.tail)-tailSize):], []byte("IEND\xAE\x42\x60\x82")) {
		return info, fmt.Errorf("png: no end chunk in %d bytes: %w", c.n, ErrTruncated)
	}
	return info, nil
}

func (c *Checker) finishTIFF(info Info) (Info, error) {
	if len(c.head) < 8 {
		return info, fmt.Errorf("tiff: %d bytes end inside the header: %w", c.n, ErrTruncated)
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if c.head[0] == 'M' {
		order = binary.BigEndian
	}
	first := int64(order.Uint32(c.head[4:]))
	if first < 8 {
		return info, fmt.Errorf("tiff: first directory at byte %d: %w", first, ErrCorrupt)
	}
	// A directory is never shorter than a count, one entry and the next offset.
	if first+18 > c.n {
		return info, fmt.Errorf("tiff: first directory at byte %d of %d: %w", first, c.n, ErrTruncated)
	}
	return info, nil
}
