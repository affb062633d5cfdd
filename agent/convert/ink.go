package convert

import "fmt"

// ink decides which pixels of a page are black. Rows go in one by one and come out,
// perhaps later, with 1 for black and 0 for white.
type ink interface {
	add(row []byte, out func(black []byte) error) error
	end(out func(black []byte) error) error
}

func newInk(m Mode, g geometry) (ink, error) {
	switch m {
	case Auto, "":
		return newAdaptive(g.paper, faxDPI/10, g.ydpi/10), nil
	case Threshold:
		return &pointwise{black: make([]byte, g.paper), limit: func(x, y int) byte { return 128 }}, nil
	case Dither:
		return &pointwise{black: make([]byte, g.paper), limit: dot}, nil
	default:
		return nil, fmt.Errorf("convert: unknown mode %q", m)
	}
}

// pointwise compares each pixel with a limit of its place.
type pointwise struct {
	black []byte
	y     int
	limit func(x, y int) byte
}

func (p *pointwise) add(row []byte, out func([]byte) error) error {
	for x, v := range row {
		p.black[x] = 0
		if v < p.limit(x, p.y) {
			p.black[x] = 1
		}
	}
	p.y++
	return out(p.black)
}

func (p *pointwise) end(func([]byte) error) error { return nil }

// dots is the order in which a tile of 8x8 pixels turns black, 63 first: two dots that
// grow from their centres, as in printers' screens. Single scattered pixels would make
// T.6 longer than the picture itself.
var dots = [8][8]byte{
	{24, 10, 12, 26, 35, 47, 49, 37},
	{8, 0, 2, 14, 45, 59, 61, 51},
	{22, 6, 4, 16, 43, 57, 63, 53},
	{30, 20, 18, 28, 33, 41, 55, 39},
	{34, 46, 48, 36, 25, 11, 13, 27},
	{44, 58, 60, 50, 9, 1, 3, 15},
	{42, 56, 62, 52, 23, 7, 5, 17},
	{32, 40, 54, 38, 31, 21, 19, 29},
}

// dot spreads the limits between what is paper and what is ink, so that neither the
// tint of paper makes dots nor black has holes.
func dot(x, y int) byte {
	const ink, paper = 48, 224
	return byte(ink + (paper-ink)*int(dots[y&7][x&7])/63)
}

// adaptive makes black what is an eighth darker than the mean around it, so that
// shaded paper stays white and pencil does not vanish. Its window is twice the given
// halves and one.
type adaptive struct {
	halfX, halfY int
	rows         [][]byte // ring of the last 2*halfY+1 rows
	added, done  int
	first        int      // oldest row still in the sums
	sums         []uint32 // of the columns inside the window
	black        []byte
}

const (
	// certainlyInk and certainlyPaper settle large black areas, which are as dark as
	// their surroundings, and the grain of white ones.
	certainlyInk   = 64
	certainlyPaper = 224
)

func newAdaptive(w, halfX, halfY int) *adaptive {
	a := &adaptive{halfX: halfX, halfY: halfY, sums: make([]uint32, w), black: make([]byte, w)}
	a.rows = make([][]byte, 2*halfY+1)
	for i := range a.rows {
		a.rows[i] = make([]byte, w)
	}
	return a
}

func (a *adaptive) add(row []byte, out func([]byte) error) error {
	a.drop(a.added - len(a.rows) + 1)
	copy(a.rows[a.added%len(a.rows)], row)
	for x, v := range row {
		a.sums[x] += uint32(v)
	}
	a.added++
	if a.added <= a.halfY {
		return nil
	}
	return a.emit(out)
}

// drop takes the rows before from out of the sums.
func (a *adaptive) drop(from int) {
	for ; a.first < from; a.first++ {
		for x, v := range a.rows[a.first%len(a.rows)] {
			a.sums[x] -= uint32(v)
		}
	}
}

func (a *adaptive) end(out func([]byte) error) error {
	for a.done < a.added {
		a.drop(a.done - a.halfY)
		if err := a.emit(out); err != nil {
			return err
		}
	}
	return nil
}

// emit decides the row in the middle of the window.
func (a *adaptive) emit(out func([]byte) error) error {
	row := a.rows[a.done%len(a.rows)]
	high := a.added - a.first
	w := len(row)
	var sum uint32 // of the window around x
	for x := range min(a.halfX, w) {
		sum += a.sums[x]
	}
	for x, v := range row {
		if in := x + a.halfX; in < w {
			sum += a.sums[in]
		}
		if gone := x - a.halfX - 1; gone >= 0 {
			sum -= a.sums[gone]
		}
		a.black[x] = 0
		switch {
		case v >= certainlyPaper:
		case v < certainlyInk:
			a.black[x] = 1
		default:
			wide := min(x+a.halfX+1, w) - max(x-a.halfX, 0)
			if uint64(v)*uint64(wide*high)*8 < uint64(sum)*7 {
				a.black[x] = 1
			}
		}
	}
	a.done++
	return out(a.black)
}
