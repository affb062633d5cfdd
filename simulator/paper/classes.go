package paper

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
)

func drawForm(c *canvas, r *rand.Rand) {
	wide := c.wide - 2*contentX
	y := contentTop
	c.fill(contentX, y, wide, 10, colour{28, 60, 110})
	c.text(contentX+3, y+7, fontKey{true, 14}, pureWhite, "APPLICATION / ORDER FORM")
	y += 14
	label, entry := fontKey{points: 7}, fontKey{points: 11}
	for range 5 { // boxes to fill in
		for x, cols := contentX, 2+r.IntN(2); cols > 0; cols-- {
			w := (contentX + wide - x) / float64(cols)
			c.frame(x, y, w, 11, 0.3, gray(60))
			c.text(x+1.5, y+3.2, label, gray(70), words[r.IntN(len(words))]+" "+words[r.IntN(len(words))])
			if r.IntN(4) > 0 {
				c.text(x+3, y+9, entry, colour{20, 24, 90}, fmt.Sprintf("%s %d", words[r.IntN(len(words))], r.IntN(10000)))
			}
			x += w
		}
		y += 11
	}
	y += 6
	for i := range 8 { // boxes to tick
		x := contentX + float64(i%4)*wide/4
		c.frame(x, y, 4, 4, 0.4, gray(40))
		if r.IntN(2) == 0 {
			pen := c.pen(0.5)
			c.line(pen, x+0.7, y+0.7, x+3.3, y+3.3, colour{20, 24, 90})
			c.line(pen, x+3.3, y+0.7, x+0.7, y+3.3, colour{20, 24, 90})
		}
		c.text(x+6, y+3.4, fontKey{points: 9}, gray(34), words[r.IntN(len(words))])
		if i == 3 {
			y += 8
		}
	}
	y += 12
	c.fill(contentX, y, wide, 7, colour{222, 226, 232})
	for row := 0; y < c.high-contentEnd-30; row++ {
		c.frame(contentX, y, wide, 7, 0.25, gray(80))
		for col := range 5 {
			x := contentX + float64(col)*wide/5
			c.fill(x, y, 0.25, 7, gray(80))
			s := words[r.IntN(len(words))]
			if col > 1 && row > 0 {
				s = fmt.Sprintf("%d.%02d", r.IntN(5000), r.IntN(100))
			}
			c.text(x+1.5, y+5, fontKey{bold: row == 0, points: 9}, gray(34), s)
		}
		y += 7
	}
	c.fill(contentX, c.high-contentEnd, 70, 0.3, gray(40))
	scribble(c, r, contentX+5, c.high-contentEnd-3, 50, 5, c.pen(0.5), colour{30, 30, 120})
}

// scribble writes a line of letter-like loops of wide mm.
func scribble(c *canvas, r *rand.Rand, x, y, wide, high float64, pen *image.Alpha, ink colour) {
	px, py := x, y
	phase := r.Float64() * 6
	tall := high
	for t := 0.0; t < wide; t += 0.35 {
		if r.IntN(12) == 0 {
			tall = high * (0.4 + 0.9*r.Float64())
		}
		a := phase + 2.6*t/high*2
		nx := x + t + 0.35*high*math.Sin(a)
		ny := y - tall*0.5*(1-math.Cos(a*0.97)) + 0.3*r.Float64()
		if t > 0 && r.IntN(30) > 0 { // sometimes the pen is lifted
			c.line(pen, px, py, nx, ny, ink)
		}
		px, py = nx, ny
	}
}

func drawStrokes(c *canvas, r *rand.Rand) {
	pen, pencil := c.pen(0.55), c.pen(0.35)
	for y := contentTop + 12; y < c.high-contentEnd; y += 11 {
		c.fill(contentX, y+2, c.wide-2*contentX, 0.15, colour{200, 210, 225}) // ruled paper
		tip, ink := pen, colour{24, 30, 96}
		if r.IntN(3) == 0 {
			tip, ink = pencil, gray(uint8(110+r.IntN(40)))
		}
		for x := contentX + 2; x < c.wide-contentX-30; {
			w := 12 + 22*r.Float64()
			scribble(c, r, x, y, w, 4+1.5*r.Float64(), tip, ink)
			x += w + 7
		}
	}
	for range 3 { // arrows and underlines
		x, y := contentX+r.Float64()*100, contentTop+20+r.Float64()*(c.high-contentTop-contentEnd-40)
		c.line(pencil, x, y, x+40*r.Float64(), y+6*r.Float64(), gray(120))
	}
}

// lattice is smooth noise: random values bilinearly joined.
type lattice struct {
	w, h int
	v    []int32 // 0 to 255
}

func newLattice(r *rand.Rand, w, h int) lattice {
	l := lattice{w, h, make([]int32, w*h)}
	for i := range l.v {
		l.v[i] = int32(r.IntN(256))
	}
	return l
}

// row fills out with the lattice's values along its row at f (0 to 1).
func (l lattice) row(out []int32, f float64) {
	at := int(f * float64(l.h-1) * 256)
	y, fy := at>>8, int32(at&255)
	if y >= l.h-1 {
		y, fy = l.h-2, 255
	}
	step := (l.w - 1) << 16 / len(out)
	pos := 0
	for i := range out {
		x, fx := pos>>16, int32(pos>>8&255)
		a, b := l.v[y*l.w+x:], l.v[(y+1)*l.w+x:]
		upper := a[0]*(256-fx) + a[1]*fx
		lower := b[0]*(256-fx) + b[1]*fx
		out[i] = (upper>>8*(256-fy) + lower>>8*fy) >> 8
		pos += step
	}
}

func drawPhoto(c *canvas, r *rand.Rand) {
	x, y, wide, high := contentX, contentTop+4, c.wide-2*contentX, 120.0
	x0, y0, x1, y1 := c.px(x), c.px(y), c.px(x+wide), c.px(y+high)
	coarse, fine := newLattice(r, 7, 6), newLattice(r, 60, 50)
	big, small := make([]int32, x1-x0), make([]int32, x1-x0)
	for py := y0; py < y1; py++ {
		f := float64(py-y0) / float64(y1-y0)
		coarse.row(big, f)
		fine.row(small, f)
		sky := int32(60 * (1 - f))
		for i := range big {
			v := max(0, min(255, (big[i]*3+small[i])/4+sky-15))
			if c.gray != nil {
				c.gray.Pix[py*c.gray.Stride+x0+i] = uint8(v)
				continue
			}
			p := c.rgb.Pix[py*c.rgb.Stride+4*(x0+i):][:3]
			p[0], p[1], p[2] = uint8(min(255, v+small[i]/8)), uint8(v), uint8(max(0, min(255, v-big[i]/8+sky/2)))
		}
	}
	c.frame(x, y, wide, high, 0.4, gray(30))
	y += high + 8
	for y < c.high-contentEnd {
		y = paragraph(c, r, x, y, wide, 4.6, fontKey{points: 9.5}, 4) + 2
	}
}

// spoil makes the page a bad copy: darker to one edge, grainy, specked.
func (c *canvas) spoil(r *rand.Rand) {
	grain := make([]int8, 1<<14)
	for i := range grain {
		grain[i] = int8(r.IntN(23) - 11)
	}
	shade := 24 * r.Float64()
	add := func(pix []uint8, stride, channels int) {
		for y := range c.h {
			row := pix[y*stride:][:c.w*channels]
			g := r.IntN(len(grain) - 1)
			fall := int(shade * float64(y) / float64(c.h))
			for i := range row {
				v := int(row[i]) - fall + int(grain[(g+i/channels)&(1<<14-1)])
				row[i] = uint8(max(0, min(255, v)))
			}
		}
	}
	if c.gray != nil {
		add(c.gray.Pix, c.gray.Stride, 1)
	} else {
		add(c.rgb.Pix, c.rgb.Stride, 4)
		for i := 3; i < len(c.rgb.Pix); i += 4 {
			c.rgb.Pix[i] = 255
		}
	}
	for range 400 {
		d := 0.15 + 0.35*r.Float64()
		c.fill(r.Float64()*c.wide, r.Float64()*c.high, d, d, gray(uint8(40+r.IntN(80))))
	}
}
