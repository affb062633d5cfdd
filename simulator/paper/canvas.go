package paper

import (
	"image"
	"math"
)

// Mode says with how many channels a page is drawn.
type Mode int

// The modes of scanning that deliver JPEG.
const (
	Gray Mode = iota
	RGB
)

// colour is a printing ink or paper tint.
type colour struct{ r, g, b uint8 }

func gray(v uint8) colour { return colour{v, v, v} }

func (c colour) luma() uint8 {
	return uint8((299*int(c.r) + 587*int(c.g) + 114*int(c.b)) / 1000)
}

var (
	pureWhite = gray(252)
	blackInk  = gray(16)
)

// canvas is a page being drawn, at its final resolution. Positions are millimetres
// from the paper's upper left corner; what lies outside is cut off.
type canvas struct {
	gray   *image.Gray // one of the two is set
	rgb    *image.RGBA
	w, h   int     // pixels
	mm     float64 // pixels per millimetre
	wide   float64 // mm
	high   float64
	glyphs map[fontKey]*face
}

func newCanvas(s Size, dpi int, mode Mode, tint colour) *canvas {
	c := &canvas{mm: float64(dpi) / 25.4, glyphs: make(map[fontKey]*face)}
	c.w, c.h = s.Pixels(dpi)
	c.wide, c.high = float64(c.w)/c.mm, float64(c.h)/c.mm
	if mode == RGB {
		c.rgb = image.NewRGBA(image.Rect(0, 0, c.w, c.h))
	} else {
		c.gray = image.NewGray(image.Rect(0, 0, c.w, c.h))
	}
	c.fillPixels(0, 0, c.w, c.h, tint)
	return c
}

func (c *canvas) image() image.Image {
	if c.rgb != nil {
		return c.rgb
	}
	return c.gray
}

// px rounds a length or position to pixels.
func (c *canvas) px(mm float64) int { return int(math.Floor(mm*c.mm + 0.5)) }

// fill paints a rectangle, at least one pixel thick.
func (c *canvas) fill(x, y, w, h float64, ink colour) {
	x0, y0 := c.px(x), c.px(y)
	c.fillPixels(x0, y0, max(c.px(x+w), x0+1), max(c.px(y+h), y0+1), ink)
}

func (c *canvas) fillPixels(x0, y0, x1, y1 int, ink colour) {
	x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, c.w), min(y1, c.h)
	if x0 >= x1 || y0 >= y1 {
		return
	}
	// One row by pixel, the others by copying it.
	if c.gray != nil {
		first := c.gray.Pix[y0*c.gray.Stride:][x0:x1]
		v := ink.luma()
		for i := range first {
			first[i] = v
		}
		for y := y0 + 1; y < y1; y++ {
			copy(c.gray.Pix[y*c.gray.Stride:][x0:x1], first)
		}
		return
	}
	first := c.rgb.Pix[y0*c.rgb.Stride:][4*x0 : 4*x1]
	for i := 0; i < len(first); i += 4 {
		first[i], first[i+1], first[i+2], first[i+3] = ink.r, ink.g, ink.b, 255
	}
	for y := y0 + 1; y < y1; y++ {
		copy(c.rgb.Pix[y*c.rgb.Stride:][4*x0:4*x1], first)
	}
}

// frame draws the outline of a rectangle with lines of t mm inside of it.
func (c *canvas) frame(x, y, w, h, t float64, ink colour) {
	c.fill(x, y, w, t, ink)
	c.fill(x, y+h-t, w, t, ink)
	c.fill(x, y, t, h, ink)
	c.fill(x+w-t, y, t, h, ink)
}

// stamp lays ink over the page as thick as the mask's alpha says, at pixel x0, y0.
func (c *canvas) stamp(m *image.Alpha, x0, y0 int, ink colour) {
	for my := range m.Rect.Dy() {
		y := y0 + my
		if y < 0 || y >= c.h {
			continue
		}
		for mx, a := range m.Pix[my*m.Stride:][:m.Rect.Dx()] {
			x := x0 + mx
			if a == 0 || x < 0 || x >= c.w {
				continue
			}
			if c.gray != nil {
				p := &c.gray.Pix[y*c.gray.Stride+x]
				*p = over(*p, ink.luma(), a)
				continue
			}
			p := c.rgb.Pix[y*c.rgb.Stride+4*x:][:3]
			p[0], p[1], p[2] = over(p[0], ink.r, a), over(p[1], ink.g, a), over(p[2], ink.b, a)
		}
	}
}

func over(under, ink, alpha uint8) uint8 {
	a := int(alpha)
	return uint8((int(under)*(255-a) + int(ink)*a + 127) / 255)
}

// pen is the mask of a round pen tip of d mm.
func (c *canvas) pen(d float64) *image.Alpha {
	r := max(d*c.mm/2, 0.5)
	n := int(math.Ceil(2*r)) + 1
	m := image.NewAlpha(image.Rect(0, 0, n, n))
	mid := float64(n-1) / 2
	for y := range n {
		for x := range n {
			edge := r + 0.5 - math.Hypot(float64(x)-mid, float64(y)-mid)
			m.Pix[y*m.Stride+x] = uint8(255 * max(0, min(1, edge)))
		}
	}
	return m
}

// line draws with a pen from one point to the other.
func (c *canvas) line(pen *image.Alpha, x0, y0, x1, y1 float64, ink colour) {
	step := max(1, float64(pen.Rect.Dx())/4)
	n := int(math.Hypot(x1-x0, y1-y0)*c.mm/step) + 1
	half := pen.Rect.Dx() / 2
	for i := range n + 1 {
		f := float64(i) / float64(n)
		c.stamp(pen, c.px(x0+(x1-x0)*f)-half, c.px(y0+(y1-y0)*f)-half, ink)
	}
}
