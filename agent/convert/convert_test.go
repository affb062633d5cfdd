package convert_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/image/draw"

	"github.com/platen-fax/platen/agent/convert"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/protocols/faximage"
	"github.com/platen-fax/platen/simulator/paper"
)

// scan codes img as a JPEG that states dpi, nothing if 0.
func scan(t testing.TB, img image.Image, dpi int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	if dpi == 0 {
		return b.Bytes()
	}
	head := append([]byte{0xFF, 0xD8, 0xFF, 0xE0, 0, 16}, "JFIF\x00\x01\x02\x01"...)
	head = binary.BigEndian.AppendUint16(head, uint16(dpi))
	head = binary.BigEndian.AppendUint16(head, uint16(dpi))
	return append(append(head, 0, 0), b.Bytes()[2:]...)
}

// sheet returns white paper of w x h pixels with a black box.
func sheet(w, h int, box image.Rectangle) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = 250
	}
	draw.Draw(img, box, image.Black, image.Point{}, draw.Src)
	return img
}

// fax converts and decodes again.
func fax(t testing.TB, page []byte, opts convert.Options) (convert.PageInfo, *faximage.Bitmap) {
	t.Helper()
	var coded bytes.Buffer
	info, err := convert.Page(t.Context(), bytes.NewReader(page), &coded, opts)
	if err != nil {
		t.Fatalf("Page: %v", err)
	}
	b, err := faximage.Decode(&coded, info.Width, info.Height)
	if err != nil {
		t.Fatalf("decode what Page wrote: %v", err)
	}
	return info, b
}

// inked returns the smallest rectangle around all black pixels and their number.
func inked(b *faximage.Bitmap) (image.Rectangle, int) {
	var r image.Rectangle
	n := 0
	for y := range b.Height {
		for x := range b.Width {
			if b.Black(x, y) {
				r = r.Union(image.Rect(x, y, x+1, y+1))
				n++
			}
		}
	}
	return r, n
}

func TestGeometry(t *testing.T) {
	a4, letter := image.Pt(1240, 1754), image.Pt(1275, 1650)
	box := image.Rect(150, 300, 450, 750) // 1 to 3 by 2 to 5 inches at 150
	tests := []struct {
		name  string
		page  []byte
		opts  convert.Options
		lines int
		want  image.Rectangle
	}{
		{"A4, fine", scan(t, sheet(a4.X, a4.Y, box), 150), convert.Options{}, 2292, image.Rect(21+204, 392, 21+612, 980)},
		{"A4, standard", scan(t, sheet(a4.X, a4.Y, box), 150), convert.Options{Resolution: job.Standard}, 1146, image.Rect(21+204, 196, 21+612, 490)},
		{"A4, superfine", scan(t, sheet(a4.X, a4.Y, box), 150), convert.Options{Resolution: job.Superfine}, 4572, image.Rect(21+204, 782, 21+612, 1955)},
		{"A4, threshold", scan(t, sheet(a4.X, a4.Y, box), 150), convert.Options{Mode: convert.Threshold}, 2292, image.Rect(21+204, 392, 21+612, 980)},
		{"A4, dither", scan(t, sheet(a4.X, a4.Y, box), 150), convert.Options{Mode: convert.Dither}, 2292, image.Rect(21+204, 392, 21+612, 980)},
		{"A4 at 300", scan(t, sheet(2480, 3508, image.Rect(300, 600, 900, 1500)), 300), convert.Options{}, 2292, image.Rect(21+204, 392, 21+612, 980)},
		{"A4 at 200", scan(t, sheet(1654, 2339, image.Rect(200, 400, 600, 1000)), 200), convert.Options{}, 2292, image.Rect(20+204, 392, 20+612, 980)},
		{"A4 at 100", scan(t, sheet(827, 1169, image.Rect(100, 200, 300, 500)), 100), convert.Options{}, 2291, image.Rect(20+204, 392, 20+612, 980)},
		{"Letter loses 3 pixels a side", scan(t, sheet(letter.X, letter.Y, box), 150), convert.Options{}, 2156, image.Rect(204-3, 392, 612-3, 980)},
		{"no density, hint", scan(t, sheet(a4.X, a4.Y, box), 0), convert.Options{DPI: 150}, 2292, image.Rect(21+204, 392, 21+612, 980)},
		{"impossible density, hint", scan(t, sheet(a4.X, a4.Y, box), 80), convert.Options{DPI: 150}, 2292, image.Rect(21+204, 392, 21+612, 980)},
		{"unlikely density, hint", scan(t, sheet(1654, 2339, image.Rect(200, 400, 600, 1000)), 150), convert.Options{DPI: 200}, 2292, image.Rect(20+204, 392, 20+612, 980)},
		{"density against a wrong hint", scan(t, sheet(a4.X, a4.Y, box), 150), convert.Options{DPI: 200}, 2292, image.Rect(21+204, 392, 21+612, 980)},
		{"nothing known, A4", scan(t, sheet(a4.X, a4.Y, box), 0), convert.Options{}, 2292, image.Rect(21+204, 392, 21+612, 980)},
		{"nothing known, Letter", scan(t, sheet(letter.X, letter.Y, box), 0), convert.Options{Paper: "letter"}, 2156, image.Rect(204-3, 392, 612-3, 980)},
		{"landscape is turned", scan(t, sheet(a4.Y, a4.X, image.Rect(300, 1240-450, 750, 1240-150)), 150), convert.Options{}, 2292, image.Rect(21+204, 392, 21+612, 980)},
		{"A3 is reduced", scan(t, sheet(1754, 2480, image.Rect(150, 300, 450, 750)), 150), convert.Options{}, 2347, image.Rect(148, 284, 443, 710)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			info, b := fax(t, tt.page, tt.opts)
			if info.Width != 1728 || info.Height != tt.lines || info.Blank {
				t.Errorf("Page = %+v; want 1728x%d, not blank", info, tt.lines)
			}
			got, n := inked(b)
			for _, d := range []int{got.Min.X - tt.want.Min.X, got.Min.Y - tt.want.Min.Y, got.Max.X - tt.want.Max.X, got.Max.Y - tt.want.Max.Y} {
				if d < -1 || d > 1 {
					t.Errorf("black box at %v; want %v, give or take a pixel", got, tt.want)
					break
				}
			}
			if area := got.Dx() * got.Dy(); n != area {
				t.Errorf("%d of the box's %d pixels are black; want all", n, area)
			}
		})
	}
}

func TestResolutionsInInfo(t *testing.T) {
	page := scan(t, sheet(827, 1169, image.Rect(1, 1, 99, 99)), 100)
	for r, want := range map[job.Resolution][2]int{"": {204, 196}, job.Standard: {204, 98}, job.Fine: {204, 196}, job.Superfine: {204, 391}} {
		if info, _ := fax(t, page, convert.Options{Resolution: r}); info.XDPI != want[0] || info.YDPI != want[1] {
			t.Errorf("%q: %dx%d; want %v", r, info.XDPI, info.YDPI, want)
		}
	}
	for _, opts := range []convert.Options{{Resolution: "coarse"}, {Mode: "poster"}} {
		if _, err := convert.Page(t.Context(), bytes.NewReader(page), io.Discard, opts); err == nil || errors.Is(err, convert.ErrDocument) {
			t.Errorf("%+v: Page = %v; want an error that does not blame the page", opts, err)
		}
	}
}

func TestMarksSurvive(t *testing.T) {
	for i, class := range paper.Classes() {
		// Conversions are slow: all classes in two ways, and every way for some class.
		opts := map[int][]convert.Options{
			200: {{}, {Mode: convert.Dither, Resolution: job.Standard}},
			300: {[]convert.Options{{Resolution: job.Standard}, {Mode: convert.Dither}, {Mode: convert.Threshold}}[i%3]},
		}
		for j, dpi := range []int{200, 300} {
			s := paper.Sheet{Batch: 0xFACE0000 + uint32(i), Page: 1 + i*j, Class: class, Size: paper.Size((i + j) % 3)}
			var page bytes.Buffer
			if err := paper.EncodeJPEG(&page, s, dpi, paper.Mode((i+j)%2), 60+10*(i%4)); err != nil {
				t.Fatal(err)
			}
			for _, o := range opts[dpi] {
				t.Run(fmt.Sprint(class, " ", s.Size, " ", dpi, " ", o.Mode, o.Resolution), func(t *testing.T) {
					info, b := fax(t, page.Bytes(), o)
					img := &paper.Bits{Width: b.Width, Height: b.Height, Stride: b.Stride, Pix: b.Bits}
					want := paper.Mark{Batch: s.Batch, Page: s.Page, Whole: true}
					if got, err := paper.ReadMark(img, info.XDPI, info.YDPI); err != nil || got != want {
						t.Errorf("ReadMark = %+v, %v; want %+v", got, err, want)
					}
					if info.Blank {
						t.Error("a page with marks is said to be blank")
					}
				})
			}
		}
	}
}

func TestPencilOnShadedPaperSurvivesAuto(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 1654, 2339))
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			img.Pix[y*img.Stride+x] = uint8(110 + 120*x/img.Rect.Dx()) // 110 at the left, 230 at the right
		}
	}
	for y := 200; y < 2000; y += 100 { // lines a fifth darker than their paper, 0.5 mm
		for dy := range 4 {
			for x := 100; x < 1500; x++ {
				p := &img.Pix[(y+dy)*img.Stride+x]
				*p = uint8(int(*p) * 8 / 10)
			}
		}
	}
	_, b := fax(t, scan(t, img, 200), convert.Options{})
	for _, x := range []int{300, 800, 1300} {
		lines, was := 0, false
		for y := range b.Height {
			is := b.Black(x, y)
			if is && !was {
				lines++
			}
			was = is
		}
		if lines != 18 {
			t.Errorf("%d lines at column %d; want 18", lines, x)
		}
	}
}

func TestDitherKeepsGray(t *testing.T) {
	for _, gray := range []uint8{70, 100, 136, 170, 200} {
		img := sheet(1654, 2339, image.Rectangle{})
		draw.Draw(img, img.Rect, image.NewUniform(color.Gray{Y: gray}), image.Point{}, draw.Src)
		_, b := fax(t, scan(t, img, 200), convert.Options{Mode: convert.Dither})
		_, n := inked(b)
		got, want := float64(n)/float64(1687*b.Height), float64(224-int(gray))/(224-48)
		if got < want-0.03 || got > want+0.03 {
			t.Errorf("gray %d is %.2f black; want %.2f", gray, got, want)
		}
	}
}

func TestBlank(t *testing.T) {
	clean := sheet(1654, 2339, image.Rectangle{})
	for i := range clean.Pix {
		clean.Pix[i] -= uint8(i * 7919 % 13) // grain of paper
	}
	if info, b := fax(t, scan(t, clean, 200), convert.Options{}); !info.Blank || b.Height != 2292 {
		t.Errorf("clean page: %+v; want blank, and coded all the same", info)
	}
	draw.Draw(clean, image.Rect(300, 300, 360, 306), image.Black, image.Point{}, draw.Src) // a dash
	if info, _ := fax(t, scan(t, clean, 200), convert.Options{}); info.Blank {
		t.Error("a page with a dash of 8 mm is said to be blank")
	}
}

func TestPageRefuses(t *testing.T) {
	good := scan(t, sheet(827, 1169, image.Rect(100, 200, 300, 500)), 100)
	sized := func(w, h int) []byte {
		b := bytes.Clone(good)
		i := bytes.Index(b, []byte{0xFF, 0xC0})
		binary.BigEndian.PutUint16(b[i+5:], uint16(h))
		binary.BigEndian.PutUint16(b[i+7:], uint16(w))
		return b
	}
	tests := []struct {
		name string
		page []byte
		say  string
	}{
		{"nothing", nil, "0 bytes"},
		{"cut in the header", good[:100], "after 100 bytes"},
		{"cut in the picture", good[:len(good)/2], fmt.Sprintf("JPEG of 827x1169 pixels ends early, after %d bytes", len(good)/2)},
		{"without its end", good[:len(good)-2], "ends early"},
		{"PDF", []byte("%PDF-1.4\n%%EOF"), "PDF of 14 bytes"},
		{"error page", []byte("<html>busy"), "unknown of 10 bytes"},
		{"too wide", sized(20001, 100), "20001x100"},
		{"too many pixels", sized(20000, 20000), "20000x20000"},
		{"a strip", scan(t, image.NewGray(image.Rect(0, 0, 1, 9000)), 0), "longer than 100 inches"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := convert.Page(t.Context(), bytes.NewReader(tt.page), io.Discard, convert.Options{})
			if !errors.Is(err, convert.ErrDocument) || !strings.Contains(err.Error(), tt.say) {
				t.Errorf("Page = %v; want ErrDocument saying %q", err, tt.say)
			}
		})
	}
	if err := convert.Preview(t.Context(), bytes.NewReader(good[:len(good)/2]), io.Discard, 100); !errors.Is(err, convert.ErrDocument) {
		t.Errorf("Preview of a cut page = %v; want ErrDocument", err)
	}
}

func TestOthersAreNotBlamedOnThePage(t *testing.T) {
	good := scan(t, sheet(827, 1169, image.Rect(100, 200, 300, 500)), 100)
	broken := errors.New("disk on fire")
	for _, n := range []int{0, 50, len(good) / 2} {
		r := io.MultiReader(bytes.NewReader(good[:n]), iotest.ErrReader(broken))
		if _, err := convert.Page(t.Context(), r, io.Discard, convert.Options{}); !errors.Is(err, broken) || errors.Is(err, convert.ErrDocument) {
			t.Errorf("reader broken after %d bytes: Page = %v; want %v alone", n, err, broken)
		}
	}
	for name, opts := range map[string]convert.Options{"page": {}, "preview": {Preview: full{broken}}} {
		w := io.Discard
		if name == "page" {
			w = full{broken}
		}
		if _, err := convert.Page(t.Context(), bytes.NewReader(good), w, opts); !errors.Is(err, broken) || errors.Is(err, convert.ErrDocument) {
			t.Errorf("writer of the %s broken: Page = %v; want %v alone", name, err, broken)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	if _, err := convert.Page(ctx, bytes.NewReader(good), io.Discard, convert.Options{}); !errors.Is(err, broken) {
		t.Errorf("cancelled: Page = %v; want the cause", err)
	}
}

type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

func TestPreview(t *testing.T) {
	page := scan(t, sheet(1654, 2339, image.Rect(0, 0, 827, 2339)), 200) // left half black
	var direct, beside bytes.Buffer
	if err := convert.Preview(t.Context(), bytes.NewReader(page), &direct, 400); err != nil {
		t.Fatal(err)
	}
	fax(t, page, convert.Options{Preview: &beside, PreviewPixels: 400})
	if !bytes.Equal(direct.Bytes(), beside.Bytes()) {
		t.Error("Preview and Options.Preview differ")
	}
	img, err := jpeg.Decode(&direct)
	if err != nil {
		t.Fatal(err)
	}
	if got := img.Bounds().Size(); got.Y != 400 || got.X < 282 || got.X > 283 {
		t.Errorf("preview of %v; want 282x400", got)
	}
	if l, r := img.(*image.Gray).GrayAt(70, 200).Y, img.(*image.Gray).GrayAt(210, 200).Y; l > 20 || r < 230 {
		t.Errorf("preview is %d at the left and %d at the right; want dark and light", l, r)
	}
}

func TestColourFiles(t *testing.T) {
	rgb := image.NewRGBA(image.Rect(0, 0, 827, 1169))
	draw.Draw(rgb, rgb.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(rgb, image.Rect(100, 200, 300, 500), image.NewUniform(color.RGBA{10, 30, 120, 255}), image.Point{}, draw.Src)
	_, b := fax(t, scan(t, rgb, 100), convert.Options{})
	// Chroma is coarser than a pixel of the box's edge.
	want := image.Rect(20+204, 392, 20+612, 980)
	if got, _ := inked(b); !want.Inset(3).In(got) || !got.In(want.Inset(-3)) {
		t.Errorf("blue box at %v; want %v, give or take 3 pixels", got, want)
	}
}

// FuzzPage: whatever arrives, errors wrap ErrDocument and results decode.
func FuzzPage(f *testing.F) {
	small := scan(f, sheet(90, 120, image.Rect(10, 10, 40, 60)), 75)
	f.Add(small)
	f.Add(small[:len(small)/2])
	f.Add([]byte("%PDF-1.4"))
	f.Fuzz(func(t *testing.T, page []byte) {
		if cfg, err := jpeg.DecodeConfig(bytes.NewReader(page)); err == nil && cfg.Width*cfg.Height > 1<<18 {
			return // valid, and slow
		}
		var out bytes.Buffer
		info, err := convert.Page(t.Context(), bytes.NewReader(page), &out, convert.Options{Resolution: job.Standard})
		if err != nil {
			if !errors.Is(err, convert.ErrDocument) {
				t.Fatalf("error %v does not wrap ErrDocument", err)
			}
			return
		}
		if _, err := faximage.Decode(&out, info.Width, info.Height); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkPage(b *testing.B) {
	for _, class := range []string{paper.Text, paper.Noise} {
		b.Run(class, func(b *testing.B) {
			var page bytes.Buffer
			if err := paper.EncodeJPEG(&page, paper.Sheet{Class: class}, 300, paper.Gray, 80); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := convert.Page(b.Context(), bytes.NewReader(page.Bytes()), io.Discard, convert.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
