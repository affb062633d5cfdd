package pagefile_test

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"testing"

	"github.com/platen-fax/platen/protocols/pagefile"
)

// grayJPEG returns a page-like gray JPEG; image/jpeg writes no JFIF header.
func grayJPEG(t testing.TB, w, h int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = byte(i * 7)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// jfif puts a JFIF header after the start marker of file.
func jfif(file []byte, unit byte, x, y int) []byte {
	app := []byte{
		0xFF, 0xE0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 2, unit,
		byte(x >> 8), byte(x), byte(y >> 8), byte(y), 0, 0,
	}
	return join(file[:2], app, file[2:])
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func patchSOF(file []byte, w, h int) []byte {
	f := bytes.Clone(file)
	i := bytes.Index(f, []byte{0xFF, 0xC0})
	copy(f[i+5:], []byte{byte(h >> 8), byte(h), byte(w >> 8), byte(w)})
	return f
}

func smallPNG(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 30, 20))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestChecker(t *testing.T) {
	page := grayJPEG(t, 40, 24)
	eoi := len(page) - 2
	pdf := []byte("%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\nstartxref\n9\n%%EOF\n")
	tiff := []byte("II*\x00\x08\x00\x00\x00\x01\x00\x00\x01\x03\x00\x01\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00")
	exif := join(page[:2], []byte{0xFF, 0xE1, 0, 10, 'E', 'x', 'i', 'f', 0, 0, 0xFF, 0xD9}, page[2:])
	whole := func(k pagefile.Kind, b []byte) pagefile.Info {
		return pagefile.Info{Kind: k, Bytes: int64(len(b))}
	}
	gray := func(b []byte, xdpi, ydpi int) pagefile.Info {
		i := whole(pagefile.JPEG, b)
		i.Width, i.Height, i.Components, i.XDPI, i.YDPI = 40, 24, 1, xdpi, ydpi
		return i
	}
	pngInfo := whole(pagefile.PNG, smallPNG(t))
	pngInfo.Width, pngInfo.Height = 30, 20

	tests := []struct {
		name string
		file []byte
		max  int64
		want pagefile.Info
		err  error
	}{
		{name: "nothing", err: pagefile.ErrEmpty},
		{name: "jpeg", file: page, want: gray(page, 0, 0)},
		{name: "jpeg of exactly the limit", file: page, max: int64(len(page)), want: gray(page, 0, 0)},
		{name: "jpeg a byte above the limit", file: page, max: int64(len(page)) - 1, err: pagefile.ErrTooLarge},
		{name: "jpeg with dots per inch", file: jfif(page, 1, 300, 150), want: gray(jfif(page, 1, 300, 150), 300, 150)},
		{name: "jpeg with dots per cm", file: jfif(page, 2, 118, 79), want: gray(jfif(page, 2, 118, 79), 300, 201)},
		{name: "jpeg with aspect ratio only", file: jfif(page, 0, 1, 1), want: gray(jfif(page, 0, 1, 1), 0, 0)},
		{name: "jpeg with half a density", file: jfif(page, 1, 300, 0), want: gray(jfif(page, 1, 300, 0), 0, 0)},
		{name: "jpeg whose exif data holds an end marker", file: exif, want: gray(exif, 0, 0)},
		{
			name: "jpeg padded with zeros", file: join(page, make([]byte, 512)),
			want: gray(join(page, make([]byte, 512)), 0, 0),
		},
		{name: "jpeg padded with a line end", file: join(page, []byte("\r\n")), want: gray(join(page, []byte("\r\n")), 0, 0)},
		{name: "jpeg padded without end", file: join(page, make([]byte, 5000)), err: pagefile.ErrCorrupt},
		{name: "jpeg and more", file: join(page, []byte("--boundary")), err: pagefile.ErrCorrupt},
		{name: "jpeg without end marker", file: page[:eoi], err: pagefile.ErrTruncated},
		{name: "jpeg with half an end marker", file: page[:eoi+1], err: pagefile.ErrTruncated},
		{name: "jpeg cut in the picture", file: page[:len(page)*2/3], err: pagefile.ErrTruncated},
		{name: "jpeg cut in a header", file: page[:30], err: pagefile.ErrTruncated},
		{name: "jpeg cut after two bytes", file: page[:2], err: pagefile.ErrTruncated},
		{name: "jpeg cut and zero-filled", file: join(page[:eoi], make([]byte, 700)), err: pagefile.ErrTruncated},
		{name: "jpeg without picture", file: []byte{0xFF, 0xD8, 0xFF, 0xD9}, err: pagefile.ErrCorrupt},
		{name: "jpeg of height 0", file: patchSOF(page, 40, 0), err: pagefile.ErrCorrupt},
		{name: "jpeg of width 0", file: patchSOF(page, 0, 24), err: pagefile.ErrCorrupt},
		{name: "jpeg of width 20001", file: patchSOF(page, 20001, 24), err: pagefile.ErrCorrupt},
		{name: "jpeg segment of length 1", file: join(page[:2], []byte{0xFF, 0xE1, 0, 1}, page[2:]), err: pagefile.ErrCorrupt},
		{name: "jpeg in jpeg", file: join(page[:2], page), err: pagefile.ErrCorrupt},
		{name: "pdf", file: pdf, want: whole(pagefile.PDF, pdf)},
		{name: "pdf after a job header", file: join([]byte("\x1B%-12345X@PJL\n"), pdf), want: whole(pagefile.PDF, join([]byte("\x1B%-12345X@PJL\n"), pdf))},
		{name: "pdf padded", file: join(pdf, make([]byte, 1000)), want: whole(pagefile.PDF, join(pdf, make([]byte, 1000)))},
		{name: "pdf cut", file: pdf[:len(pdf)-4], err: pagefile.ErrTruncated},
		{name: "pdf whose end mark is too early", file: join(pdf, make([]byte, 2100)), err: pagefile.ErrTruncated},
		{name: "pdf header too late", file: join(bytes.Repeat([]byte(" "), 1022), pdf), err: pagefile.ErrUnknown},
		{name: "pdf cut in the header", file: []byte("%PD"), err: pagefile.ErrTruncated},
		{name: "png", file: smallPNG(t), want: pngInfo},
		{name: "png cut", file: smallPNG(t)[:50], err: pagefile.ErrTruncated},
		{name: "tiff", file: tiff, want: whole(pagefile.TIFF, tiff)},
		{name: "tiff cut before its directory", file: tiff[:20], err: pagefile.ErrTruncated},
		{name: "error page", file: []byte("<html><body>503 busy</body></html>"), err: pagefile.ErrUnknown},
		{name: "long error page", file: []byte(strings.Repeat("<p>busy</p>", 900)), err: pagefile.ErrUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, size := range []int{1 << 20, 1, 7, 1000} {
				info, err := check(tt.file, tt.max, size)
				if !errors.Is(err, tt.err) || err == nil && info != tt.want {
					t.Errorf("in pieces of %d: Finish() = %+v, %v; want %+v, %v", size, info, err, tt.want, tt.err)
				}
			}
		})
	}
}

// check feeds file in pieces of size bytes.
func check(file []byte, maxBytes int64, size int) (pagefile.Info, error) {
	c := pagefile.New(maxBytes)
	for len(file) > 0 {
		n := min(size, len(file))
		if _, err := c.Write(file[:n]); err != nil {
			break
		}
		file = file[n:]
	}
	return c.Finish()
}

func TestWriteStopsEarly(t *testing.T) {
	c := pagefile.New(0)
	n, err := io.Copy(c, io.LimitReader(endless{}, 1<<30))
	if !errors.Is(err, pagefile.ErrUnknown) || n > 1<<20 {
		t.Errorf("Copy = %d, %v; want ErrUnknown within the first MiB", n, err)
	}
	if _, err := c.Write([]byte("%PDF-")); !errors.Is(err, pagefile.ErrUnknown) {
		t.Errorf("Write after an error = %v; want the same error again", err)
	}
}

func TestBoundedMemory(t *testing.T) {
	c := pagefile.New(0)
	piece := make([]byte, 1500)
	if _, err := c.Write([]byte("%PDF-1.7\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(make([]byte, 10*len(piece))); err != nil {
		t.Fatal(err)
	}
	for range 4 { // buffers reach their final size
		if _, err := c.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(1000, func() { _, _ = c.Write(piece) }); n != 0 {
		t.Errorf("Write allocates %v times; want 0", n)
	}
}

func TestSniff(t *testing.T) {
	for _, tt := range []struct {
		head string
		want pagefile.Kind
	}{
		{"", pagefile.Unknown},
		{"\xFF\xD8", pagefile.Unknown},
		{"\xFF\xD8\xFF\xE1", pagefile.JPEG},
		{"\x89PNG\r\n\x1a\n", pagefile.PNG},
		{"MM\x00*\x00\x00\x00\x08", pagefile.TIFF},
		{"II*\x00", pagefile.TIFF},
		{"\xEF\xBB\xBF%PDF-1.7", pagefile.PDF},
		{strings.Repeat(" ", 1019) + "%PDF-", pagefile.PDF},
		{strings.Repeat(" ", 1020) + "%PDF-", pagefile.Unknown},
	} {
		if got := pagefile.Sniff([]byte(tt.head)); got != tt.want {
			t.Errorf("Sniff(%.20q, %d bytes) = %v; want %v", tt.head, len(tt.head), got, tt.want)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
