package faxcloud_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/paper"
)

func fixture(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func TestReadDocumentReadsForeignFiles(t *testing.T) {
	for name, pages := range map[string]int{"g4-strips.tif": 3, "g4-big-lsb.tif": 3, "g3.tif": 1} {
		t.Run(name, func(t *testing.T) {
			data := fixture(t, name)
			got, err := faxcloud.ReadDocument(bytes.NewReader(data), int64(len(data)))
			if err != nil || len(got) != pages {
				t.Fatalf("ReadDocument = %d pages, %v; want %d", len(got), err, pages)
			}
			for i, p := range got {
				want := faxcloud.PageRead{Width: 1728, Height: 2292, XDPI: 204, YDPI: 196, Mark: paper.Mark{Batch: 0xC0FFEE, Page: i + 1, Whole: true}}
				if p != want {
					t.Errorf("page %d = %+v; want %+v", i+1, p, want)
				}
			}
		})
	}
}

func TestReadDocumentRefuses(t *testing.T) {
	whole := fixture(t, "g4-strips.tif")
	loop := bytes.Clone(whole)
	first := int(loop[4]) | int(loop[5])<<8 | int(loop[6])<<16
	n := int(loop[first])
	copy(loop[first+2+12*n:], loop[4:8])
	cut := bytes.Clone(whole)
	copy(cut[40:], bytes.Repeat([]byte{0}, 400))
	tests := []struct {
		name  string
		data  []byte
		pages int
	}{
		{"empty", nil, 0},
		{"not a TIFF file", []byte("%PDF-1.7 and so on"), 0},
		{"T.4 two-dimensional", fixture(t, "g3-2d.tif"), 0},
		{"LZW", fixture(t, "lzw.tif"), 0},
		{"second half missing", whole[:len(whole)/2], 1},
		{"directory loop", loop, 1},
		{"damaged coding", cut, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := faxcloud.ReadDocument(bytes.NewReader(tt.data), int64(len(tt.data)))
			if err == nil || len(got) != tt.pages {
				t.Errorf("ReadDocument = %d pages, %v; want %d and an error", len(got), err, tt.pages)
			}
		})
	}
}

// FuzzWalk leaves the marks out: looking for them in pages of noise is slow and
// belongs to the paper's own tests.
func FuzzWalk(f *testing.F) {
	f.Add(fixture(f, "small.tif"))
	f.Add(fixture(f, "small-g3.tif"))
	f.Add([]byte("II*\x00\x08\x00\x00\x00\x01\x00\x00\x01\x03\x00\x01\x00\x00\x00\x00\x02\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		pages, err := faxcloud.Walk(bytes.NewReader(data), int64(len(data)))
		if err == nil && pages == 0 {
			t.Fatal("no pages and no error")
		}
		if err != nil && !errors.Is(err, faxcloud.ErrDocument) {
			t.Fatalf("error %v does not wrap the sentinel", err)
		}
	})
}
