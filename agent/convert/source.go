package convert

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"

	"github.com/platen-fax/platen/protocols/pagefile"
)

// luma is the brightness of a decoded page, 0 black to 255 white.
type luma struct {
	pix        []byte
	stride     int
	w, h       int
	xdpi, ydpi int // as the file states, 0 if it does not
}

func (l *luma) row(y int) []byte { return l.pix[y*l.stride:][:l.w] }

// turn returns the page turned clockwise by 90 degrees.
func (l *luma) turn() *luma {
	t := &luma{pix: make([]byte, l.w*l.h), stride: l.h, w: l.h, h: l.w, xdpi: l.ydpi, ydpi: l.xdpi}
	for y := range l.h {
		at := l.h - 1 - y
		for _, v := range l.row(y) {
			t.pix[at] = v
			at += t.stride
		}
	}
	return t
}

// source counts what is read and remembers an error that is not the page's fault.
type source struct {
	r    io.Reader
	n    int64
	end  bool
	fail error
}

func (s *source) Read(p []byte) (int, error) {
	if s.n >= maxBytes {
		return 0, fmt.Errorf("more than %d MiB", maxBytes>>20)
	}
	n, err := s.r.Read(p)
	s.n += int64(n)
	switch {
	case errors.Is(err, io.EOF):
		s.end = true
	case err != nil:
		s.fail = err
	}
	return n, err
}

// blame wraps err with the reason: reading failed, or the page is bad.
func (s *source) blame(what string, err error) error {
	if s.fail != nil {
		return fmt.Errorf("read page: %w", s.fail)
	}
	if s.end {
		return fmt.Errorf("%s ends early, after %d bytes: %w: %w", what, s.n, err, ErrDocument)
	}
	return fmt.Errorf("%s, before byte %d: %w: %w", what, s.n, err, ErrDocument)
}

// decode reads a JPEG.
func decode(r io.Reader) (*luma, error) {
	src := &source{r: r}
	// The size is judged before memory is taken for the picture.
	var head bytes.Buffer
	cfg, err := jpeg.DecodeConfig(io.TeeReader(src, &head))
	if err != nil {
		if src.n == 0 && src.fail == nil {
			return nil, fmt.Errorf("page of 0 bytes: %w", ErrDocument)
		}
		if kind := pagefile.Sniff(head.Bytes()); kind != pagefile.JPEG && src.fail == nil {
			return nil, fmt.Errorf("%s of %d bytes or more instead of a JPEG: %w", kind, src.n, ErrDocument)
		}
		return nil, src.blame("JPEG header", err)
	}
	if cfg.Width < 1 || cfg.Height < 1 || cfg.Width > maxSide || cfg.Height > maxSide || cfg.Width*cfg.Height > maxPixels {
		return nil, fmt.Errorf("JPEG of %dx%d pixels, want 1 to %d each and %d million together: %w",
			cfg.Width, cfg.Height, maxSide, maxPixels/1_000_000, ErrDocument)
	}
	check := pagefile.New(0)
	_, _ = check.Write(head.Bytes()) // for the density alone; the decoder judges the rest
	info, _ := check.Finish()
	img, err := jpeg.Decode(io.MultiReader(&head, src))
	if err != nil {
		return nil, src.blame(fmt.Sprintf("JPEG of %dx%d pixels", cfg.Width, cfg.Height), err)
	}
	l := lumaOf(img)
	l.xdpi, l.ydpi = info.XDPI, info.YDPI
	return l, nil
}

func lumaOf(img image.Image) *luma {
	b := img.Bounds()
	l := &luma{w: b.Dx(), h: b.Dy()}
	switch img := img.(type) {
	case *image.Gray:
		l.pix, l.stride = img.Pix, img.Stride
	case *image.YCbCr:
		l.pix, l.stride = img.Y, img.YStride
	default: // RGB and CMYK files are rare
		l.pix, l.stride = make([]byte, l.w*l.h), l.w
		for y := range l.h {
			row := l.row(y)
			for x := range row {
				row[x] = color.GrayModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.Gray).Y
			}
		}
	}
	return l
}
