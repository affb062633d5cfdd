// Package paper is the paper of the simulated world: seeded pages that look like
// what offices fax, each with a printed mark that survives scanning and fax coding
// and is read back from pixels, so that a lost, doubled, swapped, turned or cut page
// is noticed at the far end.
//
// Feeding the pages, their transfer and what devices do wrong with them live with
// the virtual devices.
package paper

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
)

// Classes of pages. The empty class is Text.
const (
	Text    = "text"    // paragraphs of print
	Form    = "form"    // ruled boxes, labels, shaded heads, a table
	Photo   = "photo"   // a large picture of continuous tone with captions
	Strokes = "strokes" // handwriting in pen and faint pencil
	Noise   = "noise"   // a bad copy: print under grain, shading and specks
	Blank   = "blank"   // nothing but the mark
)

// Classes returns all classes, in a fixed order.
func Classes() []string { return []string{Text, Form, Photo, Strokes, Noise, Blank} }

// Size is a size of paper in portrait. The zero value is A4.
type Size int

// The sizes of paper.
const (
	A4 Size = iota
	Letter
	Legal
)

// Units returns width and height in 1/300 inch, as eSCL counts.
func (s Size) Units() (width, height int) {
	switch s {
	case Letter:
		return 2550, 3300
	case Legal:
		return 2550, 4200
	default:
		return 2480, 3508
	}
}

// Pixels returns width and height in pixels at a resolution in pixels per inch.
func (s Size) Pixels(dpi int) (width, height int) {
	w, h := s.Units()
	return (w*dpi + 150) / 300, (h*dpi + 150) / 300
}

// String returns the usual name.
func (s Size) String() string {
	switch s {
	case Letter:
		return "Letter"
	case Legal:
		return "Legal"
	default:
		return "A4"
	}
}

// Sheet names one side of one sheet of paper; it determines every pixel.
type Sheet struct {
	Batch uint32 // which stack of paper, unique in a run
	Page  int    // 1 to [MaxPage], counted through the batch
	Side  int    // 0 front, 1 back, at most [MaxSide]
	Class string
	Size  Size
}

// Limits of what the mark can carry.
const (
	MaxPage = 1<<pageBits - 1
	MaxSide = 1<<sideBits - 1
)

// Check reports a sheet that cannot be printed: an unknown class or size, or a page
// or side that the mark cannot carry.
func (s Sheet) Check() error {
	switch {
	case s.Class != "" && !slices.Contains(Classes(), s.Class):
		return fmt.Errorf("paper: unknown class %q", s.Class)
	case s.Size < A4 || s.Size > Legal:
		return fmt.Errorf("paper: unknown size %d", s.Size)
	case s.Page < 0 || s.Page > MaxPage:
		return fmt.Errorf("paper: page %d, want 0 to %d", s.Page, MaxPage)
	case s.Side < 0 || s.Side > MaxSide:
		return fmt.Errorf("paper: side %d, want 0 to %d", s.Side, MaxSide)
	}
	return nil
}

// random returns the sheet's own generator; the size has no part in it.
func (s Sheet) random() *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s/%d/%d", s.Class, s.Page, s.Side)
	return rand.New(rand.NewPCG(uint64(s.Batch), h.Sum64()))
}
