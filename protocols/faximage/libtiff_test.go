package faximage_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/platen-fax/platen/protocols/faximage"
)

// tool runs one of libtiff's tools and fails the test if it is missing, ends with an
// error or prints a warning.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: apt-get install libtiff-tools", name)
	}
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil || problems.Len() > 0 {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, problems.String())
	}
	return out.String()
}

func TestLibtiffReadsOurs(t *testing.T) {
	d := newDocument(t)
	dir := t.TempDir()
	ours, plain := filepath.Join(dir, "ours.tif"), filepath.Join(dir, "plain.tif")
	if err := os.WriteFile(ours, d.file(t), 0o600); err != nil {
		t.Fatal(err)
	}
	info := tool(t, "tiffinfo", ours)
	for _, want := range []string{
		"Subfile Type: multi-page document (2 = 0x2)", "Image Width: 1728 Image Length: 229",
		"Resolution: 204, 196 pixels/inch", "Resolution: 204, 98 pixels/inch", "Resolution: 408, 391 pixels/inch",
		"Compression Scheme: CCITT Group 4", "Photometric Interpretation: min-is-white", "FillOrder: msb-to-lsb",
		"Rows/Strip: 114", "Page Number: 0-3", "Page Number: 2-3", "Software: Platen",
	} {
		if !strings.Contains(info, want) {
			t.Errorf("tiffinfo does not say %q; it says\n%s", want, info)
		}
	}

	tool(t, "tiffcp", "-c", "none", ours, plain)
	file := read(t, plain)
	pages, err := faximage.ReadPages(bytes.NewReader(file), int64(len(file)))
	if err != nil || len(pages) != 3 {
		t.Fatalf("ReadPages(tiffcp's file) = %d pages, %v; want 3", len(pages), err)
	}
	for i, p := range pages {
		if p.Compression != 1 || p.Photometric != 0 {
			t.Fatalf("tiffcp's page %d has compression %d, photometric %d; want 1, 0", i+1, p.Compression, p.Photometric)
		}
		got := &faximage.Bitmap{Width: p.Width, Height: p.Height, Stride: (p.Width + 7) / 8}
		for _, s := range p.Strips {
			got.Bits = append(got.Bits, file[s.Offset:][:s.Size]...)
		}
		same(t, "libtiff's pixels of page "+strconv.Itoa(i+1), got, d.bitmaps[i])
	}
}

func TestWeReadLibtiffs(t *testing.T) {
	d := newDocument(t)
	dir := t.TempDir()
	ours := filepath.Join(dir, "ours.tif")
	if err := os.WriteFile(ours, d.file(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		args  []string
		order string
		fill  int
		one   bool // a single strip, whose data then has to equal ours
	}{
		{"little-endian, many strips", []string{"-L", "-r", "16", "-f", "msb2lsb"}, "II", 1, false},
		{"big-endian", []string{"-B", "-r", "5000", "-f", "msb2lsb"}, "MM", 1, true},
		{"little-endian, last bit first", []string{"-L", "-r", "5000", "-f", "lsb2msb"}, "II", 2, false},
		{"big-endian, last bit first, many strips", []string{"-B", "-r", "50", "-f", "lsb2msb"}, "MM", 2, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			theirs := filepath.Join(t.TempDir(), "theirs.tif")
			tool(t, "tiffcp", append(tt.args, "-c", "g4", ours, theirs)...)
			file := read(t, theirs)
			if got := string(file[:2]); got != tt.order {
				t.Fatalf("tiffcp wrote byte order %q; want %q", got, tt.order)
			}
			pages, err := faximage.ReadPages(bytes.NewReader(file), int64(len(file)))
			if err != nil || len(pages) != 3 {
				t.Fatalf("ReadPages = %d pages, %v; want 3", len(pages), err)
			}
			for i, p := range pages {
				if p.FillOrder != tt.fill || p.XDPI != d.pages[i].XDPI || p.YDPI != d.pages[i].YDPI {
					t.Errorf("page %d: fill order %d, %dx%d dpi; want %d, %dx%d", i+1, p.FillOrder, p.XDPI, p.YDPI, tt.fill, d.pages[i].XDPI, d.pages[i].YDPI)
				}
				b, err := p.Decode(bytes.NewReader(file))
				if err != nil {
					t.Fatalf("page %d: %v", i+1, err)
				}
				same(t, "page "+strconv.Itoa(i+1), b, d.bitmaps[i])
				if s := p.Strips[0]; tt.one && !bytes.Equal(file[s.Offset:][:s.Size], d.coded[i]) {
					t.Errorf("page %d: libtiff codes it in %d bytes, we in %d, or otherwise", i+1, s.Size, len(d.coded[i]))
				}
			}
		})
	}
	t.Run("min is black", func(t *testing.T) {
		other := filepath.Join(t.TempDir(), "other.tif")
		if err := os.WriteFile(other, d.file(t), 0o600); err != nil {
			t.Fatal(err)
		}
		tool(t, "tiffset", "-s", "262", "1", other)
		file := read(t, other)
		pages, err := faximage.ReadPages(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		b, err := pages[0].Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if got, was := b.Black(0, 0), d.bitmaps[0].Black(0, 0); got == was {
			t.Errorf("pixel 0,0 black=%v with photometric 1 and %v with 0; want opposites", got, was)
		}
	})
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
