// Package faximage is the form of a fax document: two-level pictures, their T.6
// (MMR, "Group 4") coding after ITU-T T.6 with the run codes of ITU-T T.4, and the
// multi-page TIFF-F file that fax services take (RFC 2306, and RFC 3949 for its
// coding with T.6).
//
// Scaling, thresholding and everything else that makes a two-level picture out of a
// scanned page live elsewhere, as do the older codings T.4 one- and two-dimensional.
package faximage

import "errors"

// Errors of this package, always wrapped with what was read and where.
var (
	// ErrCorrupt means that foreign bytes contradict T.6 or TIFF, or are cut.
	ErrCorrupt = errors.New("damaged fax image")
	// ErrUnsupported means a valid TIFF page whose coding this package does not read.
	ErrUnsupported = errors.New("unsupported fax image")
	// ErrPages means that page metadata cannot be written as a TIFF-F file.
	ErrPages = errors.New("pages cannot be written")
	// ErrPageSize means that a page's data is shorter or longer than its metadata says.
	ErrPageSize = errors.New("page data does not have the announced size")
)

// Limits on pictures, far above fax: they bound the memory that foreign bytes can ask for.
const (
	// MaxWidth is the largest width in pixels, 33 inches at 600 dpi.
	MaxWidth = 20000
	// MaxPixels bounds width times height; such a [Bitmap] has 25 MB.
	MaxPixels = 200_000_000
)
