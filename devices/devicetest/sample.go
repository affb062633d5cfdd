package devicetest

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"sync"
)

// SampleDPI is the resolution of a [SamplePage] in dots per inch.
const SampleDPI = 200

var samples sync.Map // page number → JPEG bytes; drawn once, never changed

// SamplePage returns an A4 gray JPEG at [SampleDPI], 1654 x 2339 pixels, with
// n thick bars down its left half so that pages can be told apart by eye and
// by [SampleNumber]; n is 0 to 40. The bytes are shared: do not change them.
func SamplePage(n int) []byte {
	if b, ok := samples.Load(n); ok {
		return b.([]byte)
	}
	img := image.NewGray(image.Rect(0, 0, 1654, 2339))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	for i := range n {
		y := barTop + i*barPitch
		draw.Draw(img, image.Rect(150, y, 800, y+barPitch/2), image.NewUniform(color.Gray{}), image.Point{}, draw.Src)
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 75}); err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
	b, _ := samples.LoadOrStore(n, buf.Bytes())
	return b.([]byte)
}

const (
	barTop   = 120
	barPitch = 54
)

// SampleNumber counts the bars of a page made by [SamplePage] and returns -1
// if data is not a JPEG.
func SampleNumber(data []byte) int {
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return -1
	}
	n := 0
	for dark, y := false, img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		g := color.GrayModel.Convert(img.At(img.Bounds().Min.X+400, y)).(color.Gray)
		if d := g.Y < 128; d != dark {
			if dark = d; d {
				n++
			}
		}
	}
	return n
}
