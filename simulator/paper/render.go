package paper

import (
	"fmt"
	"image"
	"math/rand/v2"
)

// Content lies between the bands that the marks need.
const (
	contentX   = 18.0 // mm from the left and the right
	contentTop = 34.0 // mm from the top
	contentEnd = 34.0 // mm from the bottom
)

// Render draws the sheet as a scanner sees it at dpi pixels per inch, 75 to 600, as
// *image.Gray or *image.RGBA. The same sheet gives the same pixels for ever. A sheet
// that does not pass [Sheet.Check] or a resolution out of range is a programmer's
// error and panics.
func Render(s Sheet, dpi int, mode Mode) image.Image {
	if err := s.Check(); err != nil {
		panic(err)
	}
	if dpi < 75 || dpi > 600 {
		panic(fmt.Sprintf("paper: %d pixels per inch, want 75 to 600", dpi))
	}
	r := s.random()
	tint := colour{246, 245, 241}
	if s.Class == Noise {
		tint = gray(232)
	}
	c := newCanvas(s.Size, dpi, mode, tint)
	switch s.Class {
	case Form:
		drawForm(c, r)
	case Photo:
		drawPhoto(c, r)
	case Strokes:
		drawStrokes(c, r)
	case Noise:
		drawText(c, r)
		c.spoil(r)
	case Blank:
	default:
		drawText(c, r)
	}
	drawFooter(c, s)
	for _, at := range []place{placeTop, placeBottom} {
		x, y := markMarginX, markMarginY
		if at == placeBottom {
			x, y = c.wide-markMarginX-markWide, c.high-markMarginY-markHigh
		}
		drawMark(c, x, y, payload{at, s.Side, s.Page, s.Batch}.cells())
	}
	return c.image()
}

// drawFooter prints for people what the mark says.
func drawFooter(c *canvas, s Sheet) {
	if s.Class == Blank {
		return
	}
	face := fontKey{points: 9}
	c.text(contentX, c.high-14, face, gray(40), fmt.Sprintf("Batch %08x   page %d   side %d", s.Batch, s.Page, s.Side))
	c.text(c.wide-contentX-60, 18, face, gray(40), fmt.Sprintf("Page %d", s.Page))
}

// words are what office faxes talk about.
var words = [...]string{
	"the", "of", "and", "to", "in", "we", "your", "for", "with", "is", "please", "order", "delivery", "invoice",
	"contract", "patient", "number", "amount", "date", "signed", "copy", "attached", "confirm", "received", "payment",
	"department", "insurance", "office", "account", "request", "regarding", "according", "schedule", "terms", "quantity",
	"unit", "price", "total", "within", "days", "our", "letter", "reference", "completed", "authorization", "statement",
	"material", "transport", "agreement", "property", "physician", "records", "release", "purchase", "supply", "quote",
}

func sentence(r *rand.Rand) []string {
	s := make([]string, 6+r.IntN(12))
	for i := range s {
		s[i] = words[r.IntN(len(words))]
		if r.IntN(24) == 0 {
			s[i] = fmt.Sprintf("%d.%02d", r.IntN(9000), r.IntN(100))
		}
	}
	if b := []byte(s[0]); b[0] >= 'a' {
		b[0] -= 'a' - 'A'
		s[0] = string(b)
	}
	s[len(s)-1] += "."
	return s
}

// paragraph sets sentences into lines and returns the next baseline.
func paragraph(c *canvas, r *rand.Rand, x, y, wide, leading float64, face fontKey, sentences int) float64 {
	space := c.width(face, " ")
	at := x
	for range sentences {
		for _, word := range sentence(r) {
			w := c.width(face, word)
			if at+w > x+wide {
				at = x
				y += leading
			}
			if y > c.high-contentEnd {
				return y
			}
			at = c.text(at, y, face, gray(34), word) + space
		}
	}
	return y + leading
}

func drawText(c *canvas, r *rand.Rand) {
	wide := c.wide - 2*contentX
	y := contentTop + 6
	c.text(contentX, y, fontKey{true, 16}, gray(24), fmt.Sprintf("Reference %06d", r.IntN(1_000_000)))
	y += 12
	body := fontKey{points: 10.5}
	for y < c.high-contentEnd {
		if r.IntN(5) == 0 {
			y += 2
			c.text(contentX, y, fontKey{true, 11}, gray(24), words[r.IntN(len(words))]+" and "+words[r.IntN(len(words))])
			y += 6
		}
		y = paragraph(c, r, contentX, y, wide, 4.8, body, 3+r.IntN(4)) + 3
	}
}
