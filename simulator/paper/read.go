package paper

import (
	"errors"
	"fmt"
	"image"
)

// ErrNoMark means that no mark with a right checksum is in the picture.
var ErrNoMark = errors.New("no page mark found")

// Mark is what was read from a page.
type Mark struct {
	Batch uint32
	Page  int
	Side  int
	// Whole says that the marks at the top and at the bottom were both read, lie in
	// this order (the other one if Rotated) and agree. A page cut at its end, or
	// merged from two, is not whole.
	Whole bool
	// Rotated says that the page lies upside down.
	Rotated bool
}

// found is one mark and where it lies.
type found struct {
	payload
	turned bool
	y      int // boxes from the top
}

// bandMM is how much of the page's top and bottom is searched first.
const bandMM = 40

// ReadMark finds and reads the marks of a scanned or faxed page of xdpi by ydpi
// pixels per inch, 75 to 1200. It wants the paper in its true size within three
// percent, not skewed, upright or upside down, anywhere in the picture; gray, colour,
// thresholded or dithered. [*Bits] is read fast, other two-level images slower. Without
// any readable mark it returns ErrNoMark, wrapped.
func ReadMark(img image.Image, xdpi, ydpi int) (Mark, error) {
	if xdpi < 75 || ydpi < 75 || xdpi > 1200 || ydpi > 1200 {
		return Mark{}, fmt.Errorf("read page mark: %dx%d pixels per inch, want 75 to 1200", xdpi, ydpi)
	}
	b := img.Bounds()
	if b.Dx() < 1 || b.Dy() < 1 || b.Dx() > 30000 || b.Dy() > 60000 {
		return Mark{}, fmt.Errorf("read page mark: picture of %dx%d pixels", b.Dx(), b.Dy())
	}
	m := newBoxes(img, xdpi, ydpi)
	band := min(m.h, bandMM*boxesPerMM)
	m.load(0, band)
	m.load(m.h-band, m.h)
	marks := append(m.search(0, band), m.search(m.h-band, m.h)...)
	if mark, ok := judge(marks); ok && mark.Whole {
		return mark, nil
	}
	// The paper may be smaller than the picture, or lie elsewhere in it.
	m.load(0, m.h)
	mark, ok := judge(m.search(0, m.h))
	if !ok {
		return Mark{}, fmt.Errorf("read %dx%d pixels at %dx%d per inch: %w", b.Dx(), b.Dy(), xdpi, ydpi, ErrNoMark)
	}
	return mark, nil
}

// judge makes one statement of all marks found; the topmost says which page it is.
func judge(marks []found) (Mark, bool) {
	if len(marks) == 0 {
		return Mark{}, false
	}
	first, last := marks[0], marks[0]
	agree := true
	for _, f := range marks {
		if f.y < first.y {
			first = f
		}
		if f.y > last.y {
			last = f
		}
		agree = agree && f.batch == first.batch && f.page == first.page && f.side == first.side && f.turned == first.turned
	}
	top, bottom := placeTop, placeBottom
	if first.turned {
		top, bottom = bottom, top
	}
	return Mark{
		Batch: first.batch, Page: first.page, Side: first.side, Rotated: first.turned,
		Whole: agree && first.place == top && last.place == bottom,
	}, true
}
