package paper

import (
	"fmt"
	"image"
	"image/draw"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// fontKey is a font at a size in points.
type fontKey struct {
	bold   bool
	points float64
}

// face holds the rasterised printable ASCII characters of a font at one size.
type face struct {
	glyph [95]glyph
}

type glyph struct {
	mask    *image.Alpha // nil for a space
	dx, dy  int          // of the mask from the pen position
	advance int          // pixels
}

var fonts = sync.OnceValue(func() [2]*opentype.Font {
	var f [2]*opentype.Font
	for i, ttf := range [][]byte{goregular.TTF, gobold.TTF} {
		parsed, err := opentype.Parse(ttf)
		if err != nil {
			panic(fmt.Sprintf("paper: built-in font: %v", err))
		}
		f[i] = parsed
	}
	return f
})

func (c *canvas) face(k fontKey) *face {
	if f, ok := c.glyphs[k]; ok {
		return f
	}
	fontFile := fonts()[0]
	if k.bold {
		fontFile = fonts()[1]
	}
	otf, err := opentype.NewFace(fontFile, &opentype.FaceOptions{Size: k.points, DPI: c.mm * 25.4, Hinting: font.HintingNone})
	if err != nil {
		panic(fmt.Sprintf("paper: built-in font at %v points: %v", k.points, err))
	}
	f := new(face)
	for i := range f.glyph {
		box, mask, at, advance, ok := otf.Glyph(fixed.P(0, 0), rune(' '+i))
		if !ok {
			continue
		}
		g := &f.glyph[i]
		g.advance, g.dx, g.dy = advance.Round(), box.Min.X, box.Min.Y
		if !box.Empty() {
			// The mask is the face's own buffer and changes with the next character.
			g.mask = image.NewAlpha(image.Rect(0, 0, box.Dx(), box.Dy()))
			draw.Draw(g.mask, g.mask.Rect, mask, at, draw.Src)
		}
	}
	c.glyphs[k] = f
	return f
}

// text prints s with its baseline at y and returns where it ends, in mm.
func (c *canvas) text(x, y float64, k fontKey, ink colour, s string) float64 {
	f := c.face(k)
	px, py := c.px(x), c.px(y)
	for _, r := range s {
		if r < ' ' || r > '~' {
			r = '?'
		}
		g := &f.glyph[r-' ']
		if g.mask != nil {
			c.stamp(g.mask, px+g.dx, py+g.dy, ink)
		}
		px += g.advance
	}
	return float64(px) / c.mm
}

// width returns the width of s in mm.
func (c *canvas) width(k fontKey, s string) float64 {
	f := c.face(k)
	n := 0
	for _, r := range s {
		if r >= ' ' && r <= '~' {
			n += f.glyph[r-' '].advance
		}
	}
	return float64(n) / c.mm
}
