package paper

import (
	"image"
	"image/color"
)

// Bits is a two-level picture as fax and one-bit scans hold it: rows of Stride bytes,
// most significant bit leftmost, 1 = black. It implements [image.Image].
type Bits struct {
	Width, Height int
	Stride        int
	Pix           []byte
}

// ColorModel implements [image.Image].
func (*Bits) ColorModel() color.Model { return color.GrayModel }

// Bounds implements [image.Image].
func (b *Bits) Bounds() image.Rectangle { return image.Rect(0, 0, b.Width, b.Height) }

// At implements [image.Image]; outside of the picture it is white.
func (b *Bits) At(x, y int) color.Color {
	if image.Pt(x, y).In(b.Bounds()) && b.Pix[y*b.Stride+x>>3]&(0x80>>(x&7)) != 0 {
		return color.Gray{}
	}
	return color.Gray{Y: 255}
}
