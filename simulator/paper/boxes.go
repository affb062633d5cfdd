package paper

import "image"

// boxesPerMM is how finely marks are looked for: in boxes of half a millimetre, which
// make dithering and single pixels' noise vanish and every resolution look alike.
const boxesPerMM = 2

const cellBoxes = cellMM * boxesPerMM

// boxes is a picture reduced to the mean brightness of its boxes.
type boxes struct {
	img  image.Image
	w, h int
	xs   []int // pixel edges of the columns, w+1
	ys   []int
	mean []uint8
	have []bool // rows loaded
	sums []int32
}

func edges(from, to, dpi int) []int {
	var e []int
	for i := 0; ; i++ {
		p := from + i*dpi*10/(254*boxesPerMM)
		if p > to {
			return e
		}
		e = append(e, p)
	}
}

func newBoxes(img image.Image, xdpi, ydpi int) *boxes {
	b := img.Bounds()
	m := &boxes{img: img, xs: edges(b.Min.X, b.Max.X, xdpi), ys: edges(b.Min.Y, b.Max.Y, ydpi)}
	m.w, m.h = len(m.xs)-1, len(m.ys)-1
	m.mean = make([]uint8, m.w*m.h)
	m.have = make([]bool, m.h)
	m.sums = make([]int32, m.w)
	return m
}

// load computes the rows from y0 to y1 that are not there yet.
func (m *boxes) load(y0, y1 int) {
	for y := y0; y < y1; y++ {
		if m.have[y] {
			continue
		}
		m.have[y] = true
		clear(m.sums)
		for py := m.ys[y]; py < m.ys[y+1]; py++ {
			m.addRow(py)
		}
		high := m.ys[y+1] - m.ys[y]
		for x := range m.w {
			m.mean[y*m.w+x] = uint8(m.sums[x] / int32(high*(m.xs[x+1]-m.xs[x])))
		}
	}
}

// addRow adds the brightness of pixel row py to the sums of its boxes.
func (m *boxes) addRow(py int) {
	switch img := m.img.(type) {
	case *Bits:
		m.addBits(img, py)
	case *image.Gray:
		m.addBytes(img.Pix[(py-img.Rect.Min.Y)*img.Stride:], img.Rect.Min.X)
	case *image.YCbCr:
		m.addBytes(img.Y[(py-img.Rect.Min.Y)*img.YStride:], img.Rect.Min.X)
	default:
		for x := range m.w {
			for px := m.xs[x]; px < m.xs[x+1]; px++ {
				r, g, b, _ := img.At(px, py).RGBA()
				m.sums[x] += int32((299*r + 587*g + 114*b) / 1000 >> 8)
			}
		}
	}
}

func (m *boxes) addBytes(row []byte, left int) {
	for x := range m.w {
		var s int32
		for _, v := range row[m.xs[x]-left : m.xs[x+1]-left] {
			s += int32(v)
		}
		m.sums[x] += s
	}
}

func (m *boxes) addBits(img *Bits, py int) {
	row := img.Pix[py*img.Stride:]
	for x := range m.w {
		white := int32(0)
		for px := m.xs[x]; px < m.xs[x+1]; px++ {
			white += int32(^row[px>>3] >> (7 - px&7) & 1)
		}
		m.sums[x] += 255 * white
	}
}

func (m *boxes) dark(x, y int) bool { return m.mean[y*m.w+x] < 128 }

// search returns the marks whose rows lie in y0 to y1, which must be loaded.
func (m *boxes) search(y0, y1 int) []found {
	centres := m.finders(y0, y1)
	var out []found
	for _, a := range centres {
		for _, b := range centres {
			dx, dy := b.x-a.x, b.y-a.y
			const step = finderStep * cellBoxes
			if dx < step*0.96 || dx > step*1.04 || dy < -cellBoxes || dy > cellBoxes {
				continue
			}
			c, ok := m.sample(a, b, y0, y1)
			if !ok {
				continue
			}
			if p, ok := c.decode(); ok {
				out = append(out, found{p, false, int(a.y)})
			} else if p, ok := c.turned().decode(); ok {
				out = append(out, found{p, true, int(a.y)})
			}
		}
	}
	return out
}

// point is a position in boxes.
type point struct{ x, y float64 }

// sample reads the data cells between two finders' centres by the mean of the 3x3
// boxes around each cell's centre.
func (m *boxes) sample(a, b point, y0, y1 int) (cells, bool) {
	var c cells
	ux, uy := (b.x-a.x)/finderStep, (b.y-a.y)/finderStep
	for i := range c {
		col := float64(i%dataCols) + finderSide/2 + 2
		row := float64(i/dataCols - dataRows/2)
		x, y := int(a.x+col*ux), int(a.y+col*uy+row*cellBoxes)
		if x < 1 || y < y0+1 || x >= m.w-1 || y >= y1-1 {
			return c, false
		}
		total := 0
		for j := y - 1; j <= y+1; j++ {
			for _, v := range m.mean[j*m.w+x-1:][:3] {
				total += int(v)
			}
		}
		c[i] = total < 9*128
	}
	return c, true
}

// finders returns the centres of what looks like a finder pattern across and down.
func (m *boxes) finders(y0, y1 int) []point {
	var out []point
	for y := y0; y < y1; y++ {
		// ends of the last five runs, the newest last, beginning with a dark one
		var runs [6]int
		for x := 1; x <= m.w; x++ {
			if x < m.w && m.dark(x, y) == m.dark(x-1, y) {
				continue
			}
			copy(runs[:], runs[1:])
			runs[5] = x
			if !m.dark(x-1, y) || !ratio(runs) {
				continue
			}
			cx := float64(runs[0]+runs[5]) / 2
			if p, ok := m.down(cx, y, y0, y1); ok && !near(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// ratio reports whether the runs between six edges are as 1:1:3:1:1 cells.
func ratio(edge [6]int) bool {
	for i := range 5 {
		want := float64(cellBoxes)
		if i == 2 {
			want = 3 * cellBoxes
		}
		if n := float64(edge[i+1] - edge[i]); n < want-2.5 || n > want+2.5 {
			return false
		}
	}
	return true
}

// down checks the pattern in the column through x, starting in its core at row y, and
// returns the exact centre.
func (m *boxes) down(x float64, y, y0, y1 int) (point, bool) {
	col := int(x)
	var edge [6]int
	up, lo := y, y
	for i := range 3 {
		for want := i%2 == 0; up >= y0 && m.dark(col, up) == want; up-- {
		}
		for want := i%2 == 0; lo < y1 && m.dark(col, lo) == want; lo++ {
		}
		edge[2-i], edge[3+i] = up+1, lo
	}
	if !m.dark(col, y) || !ratio(edge) {
		return point{}, false
	}
	return point{x, float64(edge[0]+edge[5]) / 2}, true
}

func near(list []point, p point) bool {
	for _, q := range list {
		if dx, dy := p.x-q.x, p.y-q.y; dx*dx+dy*dy < cellBoxes*cellBoxes {
			return true
		}
	}
	return false
}
