// Package pagefile tells what kind of file a device delivered as a page and
// whether it arrived whole, while the bytes stream past: what it is, how large
// its picture is, and which of empty, cut, unknown, too large or damaged it is
// otherwise.
//
// It looks at the framing of a file only. Decoding pictures, parsing the objects
// of a PDF and deciding which kinds a device was asked for live elsewhere.
package pagefile

import (
	"bytes"
	"errors"
)

// Errors that [Checker] returns wrapped; the text around them says where in the
// file and what was found.
var (
	// ErrEmpty means that not a single byte arrived.
	ErrEmpty = errors.New("empty file")
	// ErrTruncated means that the file began well and its end is missing.
	ErrTruncated = errors.New("file is cut")
	// ErrUnknown means that the file is of no kind listed in this package.
	ErrUnknown = errors.New("unknown kind of file")
	// ErrTooLarge means that the file exceeds the limit given to [New].
	ErrTooLarge = errors.New("file is too large")
	// ErrCorrupt means that the file contradicts the rules of its kind.
	ErrCorrupt = errors.New("damaged file")
)

// Kind is a kind of page file. The zero value is Unknown.
type Kind int

// The kinds devices deliver.
const (
	Unknown Kind = iota
	JPEG
	PDF
	TIFF
	PNG
)

// String returns the usual short name of the kind, "unknown" for any other value.
func (k Kind) String() string {
	switch k {
	case JPEG:
		return "JPEG"
	case PDF:
		return "PDF"
	case TIFF:
		return "TIFF"
	case PNG:
		return "PNG"
	default:
		return "unknown"
	}
}

// MIME returns the media type of the kind, "application/octet-stream" if unknown.
func (k Kind) MIME() string {
	switch k {
	case JPEG:
		return "image/jpeg"
	case PDF:
		return "application/pdf"
	case TIFF:
		return "image/tiff"
	case PNG:
		return "image/png"
	default:
		return "application/octet-stream"
	}
}

// HeadSize is the number of leading bytes, 1024, that always suffice for [Sniff].
// It is how far from the start of a PDF readers look for its header (ISO 32000-1,
// annex H, implementation note 13).
const HeadSize = 1024

var (
	pdfMagic = []byte("%PDF-")
	pngMagic = []byte("\x89PNG\r\n\x1a\n")
)

// Sniff tells the kind of a file from its first bytes, Unknown if they are too few
// or match nothing. It looks at no more than [HeadSize] bytes.
func Sniff(head []byte) Kind {
	head = head[:min(len(head), HeadSize)]
	switch {
	case bytes.HasPrefix(head, []byte{0xFF, 0xD8, 0xFF}):
		return JPEG
	case bytes.HasPrefix(head, pngMagic):
		return PNG
	case bytes.HasPrefix(head, []byte("II*\x00")), bytes.HasPrefix(head, []byte("MM\x00*")):
		return TIFF
	case bytes.Contains(head, pdfMagic):
		return PDF
	default:
		return Unknown
	}
}

// Info describes a file that arrived whole.
type Info struct {
	Kind  Kind
	Bytes int64 // length of the file, padding included
	// Width and Height are the picture's size in pixels and Components its number
	// of colour channels. They are 0 for PDF and TIFF; Components is 0 for PNG too.
	Width, Height, Components int
	// XDPI and YDPI are the density a JFIF header states, in pixels per inch, or 0.
	XDPI, YDPI int
}
