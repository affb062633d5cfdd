package convert

import (
	"fmt"

	"github.com/platen-fax/platen/agent/job"
)

// The fax page across (ITU-T T.4): 1728 pixels at 204 per inch.
const (
	faxWidth = 1728
	faxDPI   = 204
)

// linesPerInch is the fax page's resolution down.
func linesPerInch(r job.Resolution) (int, error) {
	switch r {
	case job.Standard:
		return 98, nil
	case job.Fine, "":
		return 196, nil
	case job.Superfine:
		return 391, nil
	default:
		return 0, fmt.Errorf("convert: unknown fax resolution %q", r)
	}
}

// maxInches is the longest page; it bounds the work that a strip of one pixel makes.
const maxInches = 100

// spare is how many pixels a paper may be wider than the fax page, 3 mm a side; it
// loses them. Letter is 6 wider.
const spare = 48

// geometry says where the paper comes to lie. Steps are source pixels per fax pixel
// in units of 1/65536.
type geometry struct {
	paper, lines int // the paper in fax pixels
	left         int // where its left edge lies, negative if it is cut off
	stepX, stepY int64
	ydpi         int
	turned       bool // by 90 degrees
}

// layOut finds the paper's true size and its place. lines is per inch.
func layOut(src *luma, opts Options, lines int) (geometry, error) {
	xdpi, ydpi := trueResolution(src, opts)
	w, h := src.w, src.h
	g := geometry{ydpi: lines}
	wide := func(pixels, dpi int) int { return (pixels*faxDPI + dpi/2) / dpi }
	if wide(w, xdpi) > faxWidth+spare && wide(h, ydpi) <= faxWidth+spare {
		g.turned = true
		w, h, xdpi, ydpi = h, w, ydpi, xdpi
	}
	g.paper = wide(w, xdpi)
	const one = 1 << 16
	g.stepX, g.stepY = int64(xdpi)*one/faxDPI, int64(ydpi)*one/int64(lines)
	if g.paper > faxWidth+spare {
		// Reduced alike in both directions.
		g.stepY = g.stepY * int64(w) * faxDPI / (int64(xdpi) * faxWidth)
		g.stepX = int64(w) * one / faxWidth
		g.paper = faxWidth
	}
	g.paper = max(g.paper, 1)
	g.lines = max(1, int((int64(h)*one+g.stepY/2)/g.stepY))
	if g.lines > maxInches*lines {
		return g, fmt.Errorf("page of %dx%d pixels is longer than %d inches: %w", src.w, src.h, maxInches, ErrDocument)
	}
	g.left = (faxWidth - g.paper) / 2
	if g.paper > faxWidth {
		g.left = -((g.paper - faxWidth) / 2)
	}
	return g, nil
}

// trueResolution returns the source's pixels per inch: what the file states if that
// makes a paper that exists, else what was asked of the scanner, else what makes the
// picture as wide as the paper.
func trueResolution(src *luma, opts Options) (x, y int) {
	candidates := [][2]int{{src.xdpi, src.ydpi}, {opts.DPI, opts.DPI}}
	for _, fits := range []func(w, h, xdpi, ydpi int) bool{usual, possible} {
		for _, d := range candidates {
			if fits(src.w, src.h, d[0], d[1]) {
				return d[0], d[1]
			}
		}
	}
	short := min(src.w, src.h)
	inches := 2480 // A4 in 1/300 inch
	if opts.Paper == "letter" || opts.Paper == "legal" {
		inches = 2550
	}
	dpi := max(1, short*300/inches)
	return dpi, dpi
}

// possible says whether there is paper of this size, 1 to 13 by 1 to 40 inches, at a
// resolution that scanners deliver.
func possible(w, h, xdpi, ydpi int) bool {
	if xdpi < 75 || ydpi < 75 || xdpi > 2400 || ydpi > 2400 {
		return false
	}
	// 1/100 inch
	w, h = w*100/xdpi, h*100/ydpi
	return min(w, h) >= 100 && min(w, h) <= 1300 && max(w, h) <= 4000
}

// usual says whether one side is that of A4 or Letter, within 0.12 inch. A scanner
// that states 150 for a scan of 200 is found out by it.
func usual(w, h, xdpi, ydpi int) bool {
	if !possible(w, h, xdpi, ydpi) {
		return false
	}
	short := min(w*100/xdpi, h*100/ydpi)
	return short >= 815 && short <= 862
}
