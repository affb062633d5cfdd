package pagefile_test

import (
	"bytes"
	"errors"
	"image/jpeg"
	"testing"

	"github.com/platen-fax/platen/protocols/pagefile"
)

// FuzzChecker: every error wraps a sentinel, the answer does not depend on how the
// bytes were cut into pieces, and an accepted JPEG has the size a decoder reads.
func FuzzChecker(f *testing.F) {
	page := grayJPEG(f, 16, 16)
	f.Add(page, 3)
	f.Add(jfif(page, 1, 200, 200), 100)
	f.Add(page[:len(page)-2], 1)
	f.Add([]byte("%PDF-1.4\n%%EOF"), 4)
	f.Add(smallPNG(f), 5)
	f.Add([]byte("MM\x00*\x00\x00\x00\x08\x00\x00"), 2)
	f.Fuzz(func(t *testing.T, file []byte, size int) {
		const limit = 1 << 30 // a smaller one is reached sooner or later, by the pieces
		size = 1 + (size&0x7FFF)%2048
		info, err := check(file, limit, len(file)+1)
		info2, err2 := check(file, limit, size)
		if sentinel(t, err) != sentinel(t, err2) || err == nil && info != info2 {
			t.Fatalf("in one piece: %+v, %v; in pieces of %d: %+v, %v", info, err, size, info2, err2)
		}
		if err != nil || info.Kind != pagefile.JPEG {
			return
		}
		if cfg, err := jpeg.DecodeConfig(bytes.NewReader(file)); err == nil && (cfg.Width != info.Width || cfg.Height != info.Height) {
			t.Fatalf("Finish says %dx%d, image/jpeg %dx%d", info.Width, info.Height, cfg.Width, cfg.Height)
		}
	})
}

// sentinel names the package error that err wraps, "" for nil.
func sentinel(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	for _, s := range []error{
		pagefile.ErrEmpty, pagefile.ErrTruncated, pagefile.ErrUnknown,
		pagefile.ErrTooLarge, pagefile.ErrCorrupt,
	} {
		if errors.Is(err, s) {
			return s.Error()
		}
	}
	t.Fatalf("error %v wraps no sentinel of the package", err)
	return ""
}
