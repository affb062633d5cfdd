package pagefile

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// maxPadding bounds what may follow the end marker, or stand between two segments:
// devices pad pages to a block or to an even length, with zeros or white space.
const maxPadding = 4096

// JPEG markers (ITU-T T.81, table B.1).
const (
	markSOI  = 0xD8
	markEOI  = 0xD9
	markSOS  = 0xDA
	markAPP0 = 0xE0
	markTEM  = 0x01
	markRST0 = 0xD0
	markRST7 = 0xD7
)

type jpegPlace int

const (
	atStart   jpegPlace = iota // before the first byte of SOI
	atSOI                      // FF of SOI seen
	atMarker                   // between segments, an FF is due
	atCode                     // FF seen, the marker's code is due
	atLength                   // two bytes of segment length
	inSegment                  // the rest of the segment
	inScan                     // entropy-coded data
	inScanFF                   // FF seen in entropy-coded data
	atEnd                      // EOI seen, padding only
)

// jpegState walks the markers of a JPEG stream (ITU-T T.81, annex B) byte by byte.
// The zero value stands before the first byte.
type jpegState struct {
	place    jpegPlace
	marker   byte
	need     int      // bytes left of the length field or the segment
	buf      [16]byte // first bytes of the length field or the segment
	got      int      // bytes in buf
	off      int64    // bytes walked
	padding  int
	scans    int
	frame    bool
	width    int
	height   int
	comps    int
	xdpi     int
	ydpi     int
	appFirst bool // an APP0 segment has been read
}

func (s *jpegState) corrupt(format string, args ...any) error {
	return fmt.Errorf("jpeg at byte %d: %s: %w", s.off, fmt.Sprintf(format, args...), ErrCorrupt)
}

func (s *jpegState) feed(p []byte) error {
	for len(p) > 0 {
		n, err := s.step(p)
		if err != nil {
			return err
		}
		s.off += int64(n)
		p = p[n:]
	}
	return nil
}

// step consumes at least one byte of p, which is not empty.
func (s *jpegState) step(p []byte) (int, error) {
	b := p[0]
	switch s.place {
	case atStart, atSOI:
		if want := [2]byte{0xFF, markSOI}[s.place]; b != want {
			return 0, s.corrupt("byte %#02x, want %#02x of the start marker", b, want)
		}
		s.place++
	case atMarker:
		// Decoders skip stray bytes here; a bounded number is tolerated likewise.
		if b == 0xFF {
			s.place = atCode
		} else if s.padding++; s.padding > maxPadding {
			return 0, s.corrupt("no marker after %d bytes", maxPadding)
		}
	case atCode:
		return 1, s.code(b)
	case atLength:
		s.buf[s.got] = b
		if s.got++; s.got == 2 {
			length := int(binary.BigEndian.Uint16(s.buf[:]))
			if length < 2 {
				return 0, s.corrupt("segment %#02x with length %d", s.marker, length)
			}
			s.need, s.got, s.place = length-2, 0, inSegment
			if s.need == 0 {
				return 1, s.segment()
			}
		}
	case inSegment:
		n := min(s.need, len(p))
		s.got += copy(s.buf[s.got:], p[:n])
		if s.need -= n; s.need == 0 {
			return n, s.segment()
		}
		return n, nil
	case inScan:
		i := bytes.IndexByte(p, 0xFF)
		if i < 0 {
			return len(p), nil
		}
		s.place = inScanFF
		return i + 1, nil
	case inScanFF:
		switch {
		case b == 0xFF: // fill byte
		case b == 0x00, b >= markRST0 && b <= markRST7:
			s.place = inScan
		default:
			return 1, s.code(b)
		}
	case atEnd:
		if bytes.IndexByte([]byte("\x00\t\n\r \xFF"), b) < 0 {
			return 0, s.corrupt("byte %#02x after the end marker", b)
		}
		if s.padding++; s.padding > maxPadding {
			return 0, s.corrupt("more than %d bytes after the end marker", maxPadding)
		}
	}
	return 1, nil
}

// code takes the byte after an FF outside of entropy-coded data.
func (s *jpegState) code(b byte) error {
	switch {
	case b == 0xFF: // fill byte
		s.place = atCode
	case b == 0x00, b == markTEM, b >= markRST0 && b <= markRST7:
		s.place = atMarker
	case b == markSOI:
		return s.corrupt("second start marker")
	case b == markEOI:
		if !s.frame || s.scans == 0 {
			return s.corrupt("end marker before any picture data")
		}
		s.place, s.padding = atEnd, 0
	default:
		s.place, s.marker, s.got, s.padding = atLength, b, 0, 0
	}
	return nil
}

// segment acts on a complete segment whose first bytes are in buf.
func (s *jpegState) segment() error {
	s.place = atMarker
	switch {
	case s.marker == markSOS:
		if !s.frame {
			return s.corrupt("scan before the frame header")
		}
		s.scans++
		s.place = inScan
	case s.marker == markAPP0 && !s.appFirst:
		s.appFirst = true
		s.density()
	case s.marker >= 0xC0 && s.marker <= 0xCF && s.marker != 0xC4 && s.marker != 0xC8 && s.marker != 0xCC:
		// SOFn; C4 is DHT, C8 reserved, CC DAC.
		return s.frameHeader()
	}
	return nil
}

// frameHeader reads precision, lines, samples and components (T.81, B.2.2).
func (s *jpegState) frameHeader() error {
	if s.frame {
		return s.corrupt("second frame header")
	}
	if s.got < 6 {
		return s.corrupt("frame header of %d bytes", s.got)
	}
	s.height = int(binary.BigEndian.Uint16(s.buf[1:]))
	s.width = int(binary.BigEndian.Uint16(s.buf[3:]))
	s.comps = int(s.buf[5])
	if s.width < 1 || s.height < 1 || s.width > maxSide || s.height > maxSide {
		return s.corrupt("picture of %dx%d", s.width, s.height)
	}
	if s.comps < 1 || s.comps > 4 {
		return s.corrupt("picture of %d components", s.comps)
	}
	s.frame = true
	return nil
}

// density reads a JFIF header: name, version, units, X and Y density (ITU-T T.871, 10.1).
func (s *jpegState) density() {
	if s.got < 12 || string(s.buf[:5]) != "JFIF\x00" {
		return
	}
	x, y := int(binary.BigEndian.Uint16(s.buf[8:])), int(binary.BigEndian.Uint16(s.buf[10:]))
	switch s.buf[7] {
	case 1: // dots per inch
		s.xdpi, s.ydpi = x, y
	case 2: // dots per centimetre
		s.xdpi, s.ydpi = (x*254+50)/100, (y*254+50)/100
	}
	if s.xdpi == 0 || s.ydpi == 0 {
		s.xdpi, s.ydpi = 0, 0
	}
}

func (s *jpegState) finish(info Info) (Info, error) {
	info.Width, info.Height, info.Components = s.width, s.height, s.comps
	info.XDPI, info.YDPI = s.xdpi, s.ydpi
	if s.place != atEnd {
		return info, fmt.Errorf("jpeg: no end marker in %d bytes: %w", s.off, ErrTruncated)
	}
	return info, nil
}
