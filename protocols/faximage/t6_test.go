package faximage_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/image/ccitt"

	"github.com/platen-fax/platen/protocols/faximage"
)

// random returns a picture whose rows resemble each other as much as print does:
// runs with a mean length of about 1/density, most rows a jitter of the one above.
func random(r *rand.Rand, w, h int, density float64) *faximage.Bitmap {
	b := faximage.NewBitmap(w, h)
	for y := range h {
		switch {
		case y > 0 && r.Float64() < 0.2:
			copy(b.Row(y), b.Row(y-1))
			continue
		case y > 0 && r.Float64() < 0.5:
			dx := r.IntN(9) - 4
			for x := range w {
				b.Set(x, y, b.Black(x+dx, y-1))
			}
			continue
		}
		black := r.IntN(2) == 0
		for x := range w {
			if r.Float64() < density {
				black = !black
			}
			b.Set(x, y, black)
		}
	}
	return b
}

func encode(t testing.TB, b *faximage.Bitmap) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := faximage.Encode(&out, b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// same fails the test unless got shows the pixels of want.
func same(t testing.TB, what string, got, want *faximage.Bitmap) {
	t.Helper()
	if got.Width != want.Width || got.Height != want.Height {
		t.Fatalf("%s: %dx%d pixels; want %dx%d", what, got.Width, got.Height, want.Width, want.Height)
	}
	for y := range want.Height {
		for x := range want.Width {
			if got.Black(x, y) != want.Black(x, y) {
				t.Fatalf("%s: pixel %d,%d of %dx%d black=%v; want %v", what, x, y, want.Width, want.Height, got.Black(x, y), want.Black(x, y))
			}
		}
	}
}

func TestRandomPicturesRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 4))
	for _, density := range []float64{0, 0.002, 0.02, 0.1, 0.3, 0.5, 1} {
		for range 40 {
			w, h := 1+r.IntN(2600), 1+r.IntN(12)
			if r.IntN(4) == 0 {
				w = 1 + r.IntN(130)
			}
			b := random(r, w, h, density)
			coded := encode(t, b)
			got, err := faximage.Decode(iotest.OneByteReader(bytes.NewReader(coded)), w, h)
			if err != nil {
				t.Fatalf("density %v, %dx%d: %v", density, w, h, err)
			}
			same(t, "own decoder", got, b)

			foreign := faximage.NewBitmap(w, h)
			opts := &ccitt.Options{Invert: true}
			if _, err := io.ReadFull(ccitt.NewReader(bytes.NewReader(coded), ccitt.MSB, ccitt.Group4, w, h, opts), foreign.Bits); err != nil {
				t.Fatalf("x/image/ccitt: density %v, %dx%d: %v", density, w, h, err)
			}
			same(t, "x/image/ccitt", foreign, b)
		}
	}
}

func TestEveryRunLength(t *testing.T) {
	// A row below its complement is coded with runs only.
	const w = 5300
	for _, colour := range []bool{false, true} {
		b := faximage.NewBitmap(w, 2*2700)
		for n := range 2700 {
			for x := range w {
				b.Set(x, 2*n, (x >= n) != colour)
			}
		}
		got, err := faximage.Decode(bytes.NewReader(encode(t, b)), w, b.Height)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "runs", got, b)
		foreign := faximage.NewBitmap(w, b.Height)
		if _, err := io.ReadFull(ccitt.NewReader(bytes.NewReader(encode(t, b)), ccitt.MSB, ccitt.Group4, w, b.Height, &ccitt.Options{Invert: true}), foreign.Bits); err != nil {
			t.Fatal(err)
		}
		same(t, "x/image/ccitt", foreign, b)
	}
}

// TestVectors checks hand-coded pages in both directions.
func TestVectors(t *testing.T) {
	raw, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, block := range strings.Split(string(raw), "\n\n") {
		name, rows, code := vector(block)
		if name == "" {
			continue
		}
		count++
		t.Run(name, func(t *testing.T) {
			b := faximage.NewBitmap(len(rows[0]), len(rows))
			for y, row := range rows {
				for x, c := range row {
					b.Set(x, y, c == '#')
				}
			}
			if got := encode(t, b); !bytes.Equal(got, code) {
				t.Errorf("Encode = %08b; want %08b", got, code)
			}
			got, err := faximage.Decode(bytes.NewReader(code), b.Width, b.Height)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "Decode", got, b)
		})
	}
	if count < 6 {
		t.Errorf("%d vectors in testdata/vectors.txt; want at least 6", count)
	}
}

// vector reads "= name", rows of . and #, and lines of 0 and 1 after "code".
func vector(block string) (name string, rows []string, code []byte) {
	var bits strings.Builder
	for _, line := range strings.Split(block, "\n") {
		text, _, _ := strings.Cut(line, ";")
		text = strings.TrimSpace(text)
		switch {
		case strings.HasPrefix(text, "= "):
			name = text[2:]
		case strings.Trim(text, ".#") == "" && text != "":
			rows = append(rows, text)
		case strings.Trim(text, "01 ") == "":
			bits.WriteString(strings.ReplaceAll(text, " ", ""))
		}
	}
	s := bits.String()
	s += strings.Repeat("0", (8-len(s)%8)%8)
	for ; s != ""; s = s[8:] {
		b, _ := strconv.ParseUint(s[:8], 2, 8)
		code = append(code, byte(b))
	}
	return name, rows, code
}

// TestEmptyRuns: an encoder may code a run of no pixels inside a row. It is no change
// for the row below.
func TestEmptyRuns(t *testing.T) {
	_, _, coded := vector("001 0111 0000110111  001 0111 11  1\n 1 1 1") // white 2, black 0, white 2, black 2, V0; same again
	b, err := faximage.Decode(bytes.NewReader(coded), 8, 2)
	if err != nil {
		t.Fatal(err)
	}
	if want := []byte{0b00001100, 0b00001100}; !bytes.Equal(b.Bits, want) {
		t.Errorf("Decode = %08b; want %08b", b.Bits, want)
	}
}

func TestDecodeRefuses(t *testing.T) {
	page := encode(t, random(rand.New(rand.NewPCG(1, 2)), 300, 40, 0.2))
	bits := func(s string) []byte {
		_, _, code := vector(s)
		return code
	}
	tests := []struct {
		name          string
		coded         []byte
		width, height int
		want          error
	}{
		{"nothing", nil, 8, 1, faximage.ErrCorrupt},
		{"cut", page[:len(page)/2], 300, 40, faximage.ErrCorrupt},
		{"more rows than coded", page, 300, 41, faximage.ErrCorrupt},
		{"zeros", make([]byte, 100), 300, 40, faximage.ErrCorrupt},
		{"uncompressed mode", bits("0000001111"), 300, 1, faximage.ErrCorrupt},
		{"run beyond the row", bits("001 10011 010"), 7, 1, faximage.ErrCorrupt}, // white 8
		{"two empty runs twice", bits("001 00110101 0000110111 001 00110101 0000110111 1"), 7, 1, faximage.ErrCorrupt},
		{"change left of the row", bits("1 010 1"), 1, 2, nil},
		{"change right of the row", bits("011"), 7, 1, faximage.ErrCorrupt},
		{"endless make-up", bits(strings.Repeat("000000011111", 900)), 20000, 1, faximage.ErrCorrupt},
		{"no width", page, 0, 40, faximage.ErrUnsupported},
		{"negative height", page, 300, -1, faximage.ErrUnsupported},
		{"too wide", page, faximage.MaxWidth + 1, 1, faximage.ErrUnsupported},
		{"too many pixels", page, 20000, 10001, faximage.ErrUnsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := faximage.Decode(bytes.NewReader(tt.coded), tt.width, tt.height); !errors.Is(err, tt.want) {
				t.Errorf("Decode(%d bytes, %d, %d) = %v; want %v", len(tt.coded), tt.width, tt.height, err, tt.want)
			}
		})
	}
}

func TestErrorsOfReaderAndWriter(t *testing.T) {
	broken := errors.New("disk on fire")
	page := encode(t, random(rand.New(rand.NewPCG(1, 2)), 300, 40, 0.2))
	r := io.MultiReader(bytes.NewReader(page[:20]), iotest.ErrReader(broken))
	if _, err := faximage.Decode(r, 300, 40); !errors.Is(err, broken) || errors.Is(err, faximage.ErrCorrupt) {
		t.Errorf("Decode from a broken reader = %v; want %v", err, broken)
	}
	e := faximage.NewEncoder(failing{broken}, 300)
	for range 10 {
		_ = e.WriteRow(make([]byte, 38))
	}
	if err := e.Close(); !errors.Is(err, broken) {
		t.Errorf("Close on a broken writer = %v; want %v", err, broken)
	}
	if err := e.WriteRow(make([]byte, 38)); !errors.Is(err, broken) {
		t.Errorf("WriteRow after that = %v; want %v", err, broken)
	}
	e = faximage.NewEncoder(io.Discard, 300)
	if err := e.WriteRow(make([]byte, 37)); !errors.Is(err, io.ErrShortBuffer) {
		t.Errorf("WriteRow of 37 bytes for 300 pixels = %v; want %v", err, io.ErrShortBuffer)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// FuzzDecode: errors wrap a sentinel, what is accepted codes to a picture that
// decodes to itself, and x/image/ccitt agrees wherever both accept.
func FuzzDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(9, 9))
	for _, d := range []float64{0.01, 0.1, 0.5} {
		f.Add(encode(f, random(r, 100, 8, d)), uint16(100), uint8(8))
	}
	f.Fuzz(func(t *testing.T, coded []byte, width uint16, height uint8) {
		b, err := faximage.Decode(bytes.NewReader(coded), int(width), int(height))
		if err != nil {
			if !errors.Is(err, faximage.ErrCorrupt) && !errors.Is(err, faximage.ErrUnsupported) {
				t.Fatalf("error %v wraps no sentinel", err)
			}
			return
		}
		again, err := faximage.Decode(bytes.NewReader(encode(t, b)), b.Width, b.Height)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "round trip", again, b)
		foreign := faximage.NewBitmap(b.Width, b.Height)
		if _, err := io.ReadFull(ccitt.NewReader(bytes.NewReader(coded), ccitt.MSB, ccitt.Group4, b.Width, b.Height, &ccitt.Options{Invert: true}), foreign.Bits); err == nil {
			same(t, "x/image/ccitt", foreign, b)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	for _, density := range []float64{0.005, 0.05} {
		b.Run(fmt.Sprint(density), func(b *testing.B) {
			page := random(rand.New(rand.NewPCG(1, 1)), 1728, 2292, density)
			b.SetBytes(int64(len(page.Bits)))
			b.ReportAllocs()
			for b.Loop() {
				if err := faximage.Encode(io.Discard, page); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	page := random(rand.New(rand.NewPCG(1, 1)), 1728, 2292, 0.02)
	coded := encode(b, page)
	b.SetBytes(int64(len(page.Bits)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := faximage.Decode(bytes.NewReader(coded), page.Width, page.Height); err != nil {
			b.Fatal(err)
		}
	}
}
