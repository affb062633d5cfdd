// Package convert makes fax pages of scanned ones, and fax documents of fax pages:
// it decodes a page, brings it to the fax's resolution in its true size, decides
// what is black and codes the result, with a small preview beside it.
//
// The two-level coding and the file format live in protocols/faximage; where pages
// and documents are stored, and when they are made, is decided by others.
package convert

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/protocols/faximage"
)

// ErrDocument means that the page itself is the reason why it cannot be converted:
// it is cut, damaged, of another kind or too large. Trying again is of no use.
var ErrDocument = errors.New("page cannot be converted")

// Limits on the pictures that are decoded.
const (
	maxBytes  = 256 << 20
	maxSide   = 20_000      // pixels
	maxPixels = 200_000_000 // width times height
)

// Mode is how gray becomes black and white.
type Mode string

// The modes; "" is Auto.
const (
	Auto      Mode = "auto"      // black is what is darker than its surroundings: for print and handwriting
	Threshold Mode = "threshold" // black is what is darker than middle gray
	Dither    Mode = "dither"    // dots whose size follows the gray: for photographs
)

// Options say how a page becomes a fax page. The zero value works.
type Options struct {
	Resolution job.Resolution // "" is job.Fine
	Mode       Mode
	// DPI is the resolution that the scan was asked for, in pixels per inch, 0 if
	// unknown. It is believed when the page states none, or an impossible one.
	DPI int
	// Paper is "a4", "letter" or "legal", "" if unknown. Its width is believed when no
	// resolution is known at all.
	Paper string
	// Preview, if not nil, receives a small JPEG of the page as it was scanned, whose
	// longer side has PreviewPixels pixels (320 if 0).
	Preview       io.Writer
	PreviewPixels int
}

// PageInfo describes a fax page.
type PageInfo struct {
	Width, Height int // pixels; the width is 1728
	XDPI, YDPI    int // pixels per inch: 204, and 98, 196 or 391
	// Blank says that next to nothing on the page is black. The page is coded all the same.
	Blank bool
}

// Page reads a scanned page, a JPEG, from r and writes it to w as T.6 data. The paper
// keeps its true size and is centred across the fax page's width; what is up to 3 mm
// wider on each side loses its edges, a wider page is turned by 90 degrees if it then
// fits, and reduced otherwise. Errors wrap ErrDocument if the page is to blame; those
// of r, w and ctx are returned wrapped. On an error, what w received is of no use.
func Page(ctx context.Context, r io.Reader, w io.Writer, opts Options) (PageInfo, error) {
	var info PageInfo
	lines, err := linesPerInch(opts.Resolution)
	if err != nil {
		return info, err
	}
	src, err := decode(r)
	if err != nil {
		return info, err
	}
	g, err := layOut(src, opts, lines)
	if err != nil {
		return info, err
	}
	if g.turned {
		src = src.turn()
	}
	if opts.Preview != nil {
		if err := preview(ctx, src, opts.Preview, opts.PreviewPixels); err != nil {
			return info, err
		}
	}
	ink, err := newInk(opts.Mode, g)
	if err != nil {
		return info, err
	}
	info = PageInfo{Width: faxWidth, Height: g.lines, XDPI: faxDPI, YDPI: lines}
	enc := faximage.NewEncoder(w, faxWidth)
	page := writer{enc: enc, g: g, row: make([]byte, faxWidth/8)}
	sc := newScaler(src, g.paper, g.lines, g.stepX, g.stepY)
	for y := range g.lines {
		if y%64 == 0 && ctx.Err() != nil {
			return info, context.Cause(ctx)
		}
		if err := ink.add(sc.next(), page.write); err != nil {
			return info, fmt.Errorf("write fax page: %w", err)
		}
	}
	if err := ink.end(page.write); err != nil {
		return info, fmt.Errorf("write fax page: %w", err)
	}
	if err := enc.Close(); err != nil {
		return info, fmt.Errorf("write fax page: %w", err)
	}
	info.Blank = page.black < g.paper*g.lines/blankShare
	return info, nil
}

// blankShare: a page is blank with less than one black pixel in so many. A line of
// handwriting has ten times as many, the specks of a clean page a tenth.
const blankShare = 20_000

// writer places rows of paper on the fax page.
type writer struct {
	enc   *faximage.Encoder
	g     geometry
	row   []byte
	black int // pixels written
}

// write codes one row; black has a value other than 0 for each black pixel of paper.
func (p *writer) write(black []byte) error {
	clear(p.row)
	from, to := max(0, -p.g.left), min(len(black), faxWidth-p.g.left)
	for x := from; x < to; x++ {
		if black[x] != 0 {
			at := x + p.g.left
			p.row[at>>3] |= 0x80 >> (at & 7)
			p.black++
		}
	}
	return p.enc.WriteRow(p.row)
}
