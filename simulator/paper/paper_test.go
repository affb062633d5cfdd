package paper

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/image/draw"
)

// faxed does to a scanned page what faxing does: true scale to xdpi by ydpi, centred
// in width pixels, two levels by a fixed threshold or an ordered dither.
func faxed(src image.Image, dpi, xdpi, ydpi, width, dx, dy int, dither bool) *Bits {
	g := toGray(src)
	b := g.Bounds()
	w, h := b.Dx()*xdpi/dpi, b.Dy()*ydpi/dpi
	out := &Bits{Width: width, Height: h, Stride: (width + 7) / 8}
	out.Pix = make([]byte, out.Stride*h)
	left := (width-w)/2 + dx
	for y := max(0, dy); y < h; y++ {
		y0, y1 := (y-dy)*dpi/ydpi, (y-dy+1)*dpi/ydpi
		for x := max(0, left); x < min(width, left+w); x++ {
			x0, x1 := (x-left)*dpi/xdpi, (x-left+1)*dpi/xdpi
			sum, n := 0, 0
			for sy := y0; sy < min(max(y1, y0+1), b.Dy()); sy++ {
				for sx := x0; sx < min(max(x1, x0+1), b.Dx()); sx++ {
					sum += int(g.Pix[sy*g.Stride+sx])
					n++
				}
			}
			limit := 140
			if dither {
				limit = 16 + 32*[16]int{0, 4, 1, 5, 6, 2, 7, 3, 1, 5, 0, 4, 7, 3, 6, 2}[y%4*4+x%4]
			}
			if n > 0 && sum/n < limit {
				out.Pix[y*out.Stride+x>>3] |= 0x80 >> (x & 7)
			}
		}
	}
	return out
}

func toGray(src image.Image) *image.Gray {
	if y, ok := src.(*image.YCbCr); ok {
		return &image.Gray{Pix: y.Y, Stride: y.YStride, Rect: y.Rect}
	}
	if g, ok := src.(*image.Gray); ok {
		return g
	}
	g := image.NewGray(src.Bounds())
	draw.Draw(g, g.Rect, src, image.Point{}, draw.Src)
	return g
}

func scan(t testing.TB, s Sheet, dpi int, mode Mode, quality int) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := EncodeJPEG(&b, s, dpi, mode, quality); err != nil {
		t.Fatal(err)
	}
	img, err := jpeg.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func wantMark(t testing.TB, what string, img image.Image, xdpi, ydpi int, want Mark) {
	t.Helper()
	if got, err := ReadMark(img, xdpi, ydpi); err != nil || got != want {
		t.Errorf("%s: ReadMark = %+v, %v; want %+v", what, got, err, want)
	}
}

func TestMarkSurvivesScanningAndFaxing(t *testing.T) {
	for i, class := range Classes() {
		for j, dpi := range []int{200, 300} {
			// Every quality and size comes with every resolution and two or more classes.
			quality := []int{60, 75, 90}[(i+j)%3]
			s := Sheet{Batch: 0xC0FFEE00 + uint32(i), Page: 1 + 40*i + j, Side: i % 2, Class: class, Size: Size(i+2*j) % 3}
			mode := Mode((i/2 + j) % 2)
			t.Run(fmt.Sprintf("%s %v at %d, q%d", class, s.Size, dpi, quality), func(t *testing.T) {
				page := scan(t, s, dpi, mode, quality)
				want := Mark{Batch: s.Batch, Page: s.Page, Side: s.Side, Whole: true}
				wantMark(t, "as scanned", page, dpi, dpi, want)
				wantMark(t, "fine", faxed(page, dpi, 204, 196, 1728, 0, 0, false), 204, 196, want)
				wantMark(t, "standard, dithered, moved", faxed(page, dpi, 204, 98, 1728, 7, -5, true), 204, 98, want)
			})
		}
	}
}

func TestMarkAtEveryResolution(t *testing.T) {
	for _, dpi := range []int{75, 98, 100, 150, 204, 400, 600} {
		s := Sheet{Batch: 1<<32 - 1, Page: MaxPage, Side: MaxSide, Class: Form}
		wantMark(t, fmt.Sprint(dpi), Render(s, dpi, Gray), dpi, dpi, Mark{s.Batch, s.Page, s.Side, true, false})
	}
	s := Sheet{Batch: 0, Page: 0, Class: Text, Size: Letter}
	page := Render(s, 300, Gray)
	wantMark(t, "superfine", faxed(page, 300, 408, 391, 3456, 0, 0, false), 408, 391, Mark{Whole: true})
	stretched := faxed(page, 300, 209, 200, 1728+60, 0, 0, false)
	wantMark(t, "two percent too large", stretched, 204, 196, Mark{Whole: true})
}

func TestTurnedPage(t *testing.T) {
	s := Sheet{Batch: 77, Page: 3, Class: Text}
	page := Render(s, 150, Gray).(*image.Gray)
	slices.Reverse(page.Pix)
	wantMark(t, "turned", page, 150, 150, Mark{Batch: 77, Page: 3, Whole: true, Rotated: true})
	cut := page.SubImage(image.Rect(0, page.Rect.Dy()/3, page.Rect.Dx(), page.Rect.Dy()))
	wantMark(t, "turned and cut", cut, 150, 150, Mark{Batch: 77, Page: 3, Rotated: true})
}

func TestCutAndMergedPagesAreNotWhole(t *testing.T) {
	page := scan(t, Sheet{Batch: 9, Page: 2, Class: Photo}, 200, Gray, 80).(*image.Gray)
	w, h := page.Rect.Dx(), page.Rect.Dy()
	for _, end := range []int{h / 4, h / 2, h * 9 / 10, h * 96 / 100} {
		wantMark(t, fmt.Sprintf("cut at %d of %d", end, h), page.SubImage(image.Rect(0, 0, w, end)), 200, 200, Mark{Batch: 9, Page: 2})
	}
	wantMark(t, "upper half lost", page.SubImage(image.Rect(0, h/2, w, h)), 200, 200, Mark{Batch: 9, Page: 2})

	gray := image.NewGray(page.Rect) // as a device fills the rest of a cut page
	for i := range gray.Pix {
		gray.Pix[i] = 128
	}
	draw.Draw(gray, image.Rect(0, 0, w, h/2), page, image.Point{}, draw.Src)
	wantMark(t, "lower half gray", gray, 200, 200, Mark{Batch: 9, Page: 2})

	other := Render(Sheet{Batch: 9, Page: 3, Class: Photo}, 200, Gray)
	draw.Draw(gray, image.Rect(0, h/2, w, h), other, image.Pt(0, h/2), draw.Src)
	wantMark(t, "two pages in one", gray, 200, 200, Mark{Batch: 9, Page: 2})
}

func TestPaperSmallerThanThePicture(t *testing.T) {
	page := Render(Sheet{Batch: 5, Page: 1, Class: Strokes, Size: Letter}, 200, Gray)
	bed := image.NewGray(image.Rect(0, 0, 2400, 3400))
	for i := range bed.Pix {
		bed.Pix[i] = 255
	}
	draw.Draw(bed, page.Bounds().Add(image.Pt(300, 700)), page, image.Point{}, draw.Src)
	wantMark(t, "on a large bed", bed, 200, 200, Mark{Batch: 5, Page: 1, Whole: true})
	wantMark(t, "part of a picture", bed.SubImage(image.Rect(290, 690, 2400, 3000)), 200, 200, Mark{Batch: 5, Page: 1, Whole: true})
}

func TestNoMark(t *testing.T) {
	blank := image.NewGray(image.Rect(0, 0, 800, 1200))
	page := Render(Sheet{Batch: 5, Page: 1, Class: Noise}, 100, Gray).(*image.Gray)
	inner := page.SubImage(image.Rect(0, 120, page.Rect.Dx(), page.Rect.Dy()-120))
	for name, img := range map[string]image.Image{
		"black": blank, "content only": inner, "one pixel": image.NewGray(image.Rect(0, 0, 1, 1)),
		"wrong scale": Render(Sheet{Batch: 5, Page: 1}, 150, Gray),
	} {
		if m, err := ReadMark(img, 100, 100); !errors.Is(err, ErrNoMark) {
			t.Errorf("%s: ReadMark = %+v, %v; want ErrNoMark", name, m, err)
		}
	}
	if _, err := ReadMark(blank, 0, 100); err == nil || errors.Is(err, ErrNoMark) {
		t.Errorf("ReadMark without resolution = %v; want another error than ErrNoMark", err)
	}
}

// TestFlippedCellsAreNoticed: no page is ever taken for another. Up to four wrong cells
// never give a valid mark, and a hundred thousand random blocks do not either.
func TestFlippedCellsAreNoticed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	for range 20_000 {
		p := payload{placeTop, r.IntN(4), r.IntN(MaxPage + 1), r.Uint32()}
		c := p.cells()
		if got, ok := c.decode(); !ok || got != p {
			t.Fatalf("decode = %+v, %v; want %+v", got, ok, p)
		}
		if _, ok := c.turned().decode(); ok {
			t.Fatalf("%+v is also valid upside down", p)
		}
		flipped := c
		for _, i := range r.Perm(len(c))[:1+r.IntN(4)] {
			flipped[i] = !flipped[i]
		}
		if got, ok := flipped.decode(); ok {
			t.Fatalf("flipped cells of %+v read as %+v", p, got)
		}
	}
	for range 100_000 {
		var c cells
		for i := range c {
			c[i] = r.IntN(2) == 0
		}
		if got, ok := c.decode(); ok {
			t.Fatalf("random cells read as %+v", got)
		}
	}
}

func TestFlippedCellsOnPaper(t *testing.T) {
	s := Sheet{Batch: 0x12345678, Page: 4, Class: Blank}
	page := Render(s, 100, Gray).(*image.Gray)
	const mm = 100 / 25.4
	x, y := (markMarginX+(finderSide+1)*cellMM)*mm, markMarginY*mm
	draw.Draw(page, image.Rect(int(x), int(y), int(x+2*cellMM*mm), int(y+2*cellMM*mm)), image.Black, image.Point{}, draw.Src)
	wantMark(t, "stained top", page, 100, 100, Mark{Batch: s.Batch, Page: 4})
}

func TestRenderIsSeededAndClassesDiffer(t *testing.T) {
	seen := make(map[string]string)
	for _, class := range Classes() {
		for page := 1; page <= 2; page++ {
			s := Sheet{Batch: 3, Page: page, Class: class}
			one, two := Render(s, 100, Gray).(*image.Gray), Render(s, 100, Gray).(*image.Gray)
			if !bytes.Equal(one.Pix, two.Pix) {
				t.Errorf("%s page %d differs from itself", class, page)
			}
			// Below the marks, above the footer.
			content := string(one.Pix[150*one.Stride : 1000*one.Stride])
			name := fmt.Sprint(class, " page ", page)
			if before := seen[content]; before != "" && class != Blank {
				t.Errorf("%s looks like %s", name, before)
			}
			seen[content] = name
		}
	}
}

func TestEncodeJPEG(t *testing.T) {
	var b bytes.Buffer
	if err := EncodeJPEG(&b, Sheet{Batch: 1, Page: 1, Size: Letter}, 150, RGB, 70); err != nil {
		t.Fatal(err)
	}
	cfg, err := jpeg.DecodeConfig(bytes.NewReader(b.Bytes()))
	if err != nil || cfg.Width != 1275 || cfg.Height != 1650 {
		t.Errorf("DecodeConfig = %dx%d, %v; want 1275x1650", cfg.Width, cfg.Height, err)
	}
	if want := "\xFF\xD8\xFF\xE0\x00\x10JFIF\x00\x01\x02\x01\x00\x96\x00\x96\x00\x00\xFF"; !strings.HasPrefix(b.String(), want) {
		t.Errorf("file begins % x; want % x", b.Bytes()[:len(want)], want)
	}
	for name, s := range map[string]Sheet{
		"class": {Class: "poem"}, "size": {Size: 9}, "page": {Page: MaxPage + 1}, "side": {Side: -1},
	} {
		if err := EncodeJPEG(&b, s, 150, Gray, 70); err == nil {
			t.Errorf("EncodeJPEG with a wrong %s = nil; want an error", name)
		}
	}
	if err := EncodeJPEG(&b, Sheet{}, 1200, Gray, 70); err == nil {
		t.Error("EncodeJPEG at 1200 dpi = nil; want an error")
	}
}

func TestCache(t *testing.T) {
	size := func(page int) int64 {
		var b bytes.Buffer
		if err := EncodeJPEG(&b, Sheet{Page: page, Class: Blank}, 75, Gray, 50); err != nil {
			t.Fatal(err)
		}
		return int64(b.Len())
	}
	c := NewCache(size(1) + size(2) + size(3)/2)
	get := func(page int) *byte {
		b, err := c.JPEG(Sheet{Page: page, Class: Blank}, 75, Gray, 50)
		if err != nil || int64(len(b)) != size(page) {
			t.Fatalf("page %d: %d bytes, %v; want %d", page, len(b), err, size(page))
		}
		return &b[0]
	}
	one, two := get(1), get(2)
	if get(1) != one {
		t.Error("page 1 was drawn again; want it from the cache")
	}
	get(3) // drops page 2, the least recently used
	if get(1) != one {
		t.Error("page 1 was dropped; want page 2 dropped")
	}
	if get(2) == two {
		t.Error("page 2 is still there; want no more than the limit")
	}
	if c.size > c.max || len(c.byKey) != c.order.Len() {
		t.Errorf("%d bytes in %d of %d entries; want at most %d bytes", c.size, len(c.byKey), c.order.Len(), c.max)
	}
	if _, err := c.JPEG(Sheet{Class: "poem"}, 75, Gray, 50); err == nil {
		t.Error("JPEG of an unknown class = nil error")
	}
	tiny := NewCache(10)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, err := tiny.JPEG(Sheet{Page: i % 2, Class: Blank}, 75, Gray, 50); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if tiny.size != 0 || len(tiny.byKey) != 0 {
		t.Errorf("a cache of 10 bytes keeps %d bytes", tiny.size)
	}
}

func BenchmarkRender(b *testing.B) {
	for _, class := range Classes() {
		b.Run(class, func(b *testing.B) {
			for page := 0; b.Loop(); page++ {
				Render(Sheet{Page: page % MaxPage, Class: class}, 300, Gray)
			}
		})
	}
}

func BenchmarkReadMark(b *testing.B) {
	page := faxed(Render(Sheet{Class: Text}, 200, Gray), 200, 204, 196, 1728, 0, 0, false)
	for b.Loop() {
		if _, err := ReadMark(page, 204, 196); err != nil {
			b.Fatal(err)
		}
	}
}
