package faximage_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/protocols/faximage"
)

// document is three pages of different size with their coded data.
type document struct {
	bitmaps []*faximage.Bitmap
	coded   [][]byte
	pages   []faximage.PageMeta
}

func newDocument(t testing.TB) *document {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 49))
	d := new(document)
	d.add(t, random(r, 1728, 229, 0.02), 204, 196)
	d.add(t, random(r, 1728, 114, 0.05), 204, 98)
	d.add(t, random(r, 1731, 77, 0.01), 408, 391) // a width that is no whole number of bytes
	return d
}

func (d *document) add(t testing.TB, b *faximage.Bitmap, xdpi, ydpi int) {
	coded := encode(t, b)
	d.bitmaps = append(d.bitmaps, b)
	d.coded = append(d.coded, coded)
	d.pages = append(d.pages, faximage.PageMeta{Width: b.Width, Height: b.Height, XDPI: xdpi, YDPI: ydpi, Size: int64(len(coded))})
}

func (d *document) open(i int) (io.ReadCloser, error) {
	return io.NopCloser(iotest.HalfReader(bytes.NewReader(d.coded[i]))), nil
}

func (d *document) openAt(i int, off int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(d.coded[i][off:])), nil
}

func (d *document) file(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := faximage.Write(&out, d.pages, d.open); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestWriteThenReadPages(t *testing.T) {
	d := newDocument(t)
	file := d.file(t)
	if n, err := faximage.Size(d.pages); err != nil || n != int64(len(file)) {
		t.Errorf("Size = %d, %v; want %d as written", n, err, len(file))
	}
	if again := d.file(t); !bytes.Equal(again, file) {
		t.Error("the same pages made another file")
	}
	pages, err := faximage.ReadPages(bytes.NewReader(file), int64(len(file)))
	if err != nil || len(pages) != 3 {
		t.Fatalf("ReadPages = %d pages, %v; want 3", len(pages), err)
	}
	for i, p := range pages {
		b, err := p.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatalf("page %d: %v", i+1, err)
		}
		same(t, "page", b, d.bitmaps[i])
		want := faximage.TIFFPage{
			Width: d.pages[i].Width, Height: d.pages[i].Height, XDPI: d.pages[i].XDPI, YDPI: d.pages[i].YDPI,
			Compression: 4, FillOrder: 1, BitsPerSample: 1, Samples: 1, SubfileType: 2, Page: i, Pages: 3,
			RowsPerStrip: d.pages[i].Height, Strips: p.Strips,
		}
		if diff := cmp.Diff(want, p); diff != "" {
			t.Errorf("page %d (-want +got):\n%s", i+1, diff)
		}
		if len(p.Strips) != 1 || p.Strips[0].Offset%2 != 0 || p.Strips[0].Size != d.pages[i].Size {
			t.Errorf("page %d strips = %v; want one of %d bytes at an even offset", i+1, p.Strips, d.pages[i].Size)
		}
	}
}

func TestReaderFromEveryOffset(t *testing.T) {
	d := newDocument(t)
	file := d.file(t)
	r, err := faximage.NewReader(d.pages, d.openAt)
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(r, file); err != nil {
		t.Error(err)
	}
	for off := 0; off <= len(file); off += 1 + off/97 {
		if _, err := r.Seek(int64(off), io.SeekStart); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(rest, file[off:]) {
			t.Fatalf("from byte %d: %d bytes, %v; want the %d the whole file has there", off, len(rest), err, len(file)-off)
		}
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("Seek(-1) = nil; want an error")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestPagesAreOpenedOneAtATime(t *testing.T) {
	d := newDocument(t)
	open, opened := 0, 0
	err := faximage.Write(io.Discard, d.pages, func(i int) (io.ReadCloser, error) {
		if open != 0 {
			t.Errorf("page %d opened while %d pages are open", i, open)
		}
		open++
		opened++
		return closer{bytes.NewReader(d.coded[i]), func() { open-- }}, nil
	})
	if err != nil || open != 0 || opened != 3 {
		t.Errorf("Write = %v with %d of %d pages left open; want all 3 opened and closed", err, open, opened)
	}
}

type closer struct {
	io.Reader
	closed func()
}

func (c closer) Close() error { c.closed(); return nil }

func TestWriteRefuses(t *testing.T) {
	good := faximage.PageMeta{Width: 1728, Height: 10, XDPI: 204, YDPI: 196, Size: 100}
	with := func(change func(*faximage.PageMeta)) []faximage.PageMeta {
		bad := good
		change(&bad)
		return []faximage.PageMeta{good, bad}
	}
	for _, tt := range []struct {
		name  string
		pages []faximage.PageMeta
	}{
		{"no page", nil},
		{"no width", with(func(p *faximage.PageMeta) { p.Width = 0 })},
		{"no height", with(func(p *faximage.PageMeta) { p.Height = 0 })},
		{"no resolution", with(func(p *faximage.PageMeta) { p.YDPI = 0 })},
		{"no data", with(func(p *faximage.PageMeta) { p.Size = 0 })},
		{"more than 4 GiB", with(func(p *faximage.PageMeta) { p.Size = 1<<32 - 200 })},
		{"more pages than can be counted", slices.Repeat([]faximage.PageMeta{good}, 65536)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := faximage.Size(tt.pages); !errors.Is(err, faximage.ErrPages) {
				t.Errorf("Size = %v; want ErrPages", err)
			}
			if err := faximage.Write(io.Discard, tt.pages, nil); !errors.Is(err, faximage.ErrPages) {
				t.Errorf("Write = %v; want ErrPages", err)
			}
		})
	}
}

func TestWriteNoticesWrongData(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, tt := range []struct {
		name string
		open func(d *document) (io.ReadCloser, error)
		want error
	}{
		{"shorter", func(d *document) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(d.coded[1][:50])), nil
		}, faximage.ErrPageSize},
		{"longer", func(d *document) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(append(d.coded[1], 0))), nil
		}, faximage.ErrPageSize},
		{"cannot be opened", func(*document) (io.ReadCloser, error) { return nil, broken }, broken},
		{"cannot be read", func(*document) (io.ReadCloser, error) {
			return io.NopCloser(iotest.ErrReader(broken)), nil
		}, broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDocument(t)
			err := faximage.Write(io.Discard, d.pages, func(i int) (io.ReadCloser, error) {
				if i == 1 {
					return tt.open(d)
				}
				return d.open(i)
			})
			if !errors.Is(err, tt.want) {
				t.Errorf("Write = %v; want %v", err, tt.want)
			}
		})
	}
}

func TestReadPagesRefuses(t *testing.T) {
	file := newDocument(t).file(t)
	patch := func(at int, b ...byte) []byte {
		f := bytes.Clone(file)
		copy(f[at:], b)
		return f
	}
	const first, next = 16, 16 + 2 + 18*12 // the first directory and its link
	for _, tt := range []struct {
		name string
		file []byte
	}{
		{"nothing", nil},
		{"header only", file[:8]},
		{"not a tiff", []byte("%PDF-1.4 and more")},
		{"no page", patch(4, 0, 0, 0, 0)},
		{"cut in the directories", file[:600]},
		{"cut in the last strip", file[:len(file)-3]},
		{"directory linked to itself", patch(next, first, 0, 0, 0)},
		{"directory beyond the end", patch(next, 0xFF, 0xFF, 0xFF, 0x7F)},
		{"too many entries", patch(first, 0xFF, 0xFF)},
		{"width as text", patch(first+2+12+2, 2)},
		{"a million strips", patch(first+2+7*12+4, 0, 0, 0x10, 0)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := faximage.ReadPages(bytes.NewReader(tt.file), int64(len(tt.file))); !errors.Is(err, faximage.ErrCorrupt) {
				t.Errorf("ReadPages = %v; want ErrCorrupt", err)
			}
		})
	}
	t.Run("other coding", func(t *testing.T) {
		f := patch(first+2+4*12+8, 7) // Compression JPEG
		pages, err := faximage.ReadPages(bytes.NewReader(f), int64(len(f)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pages[0].Decode(bytes.NewReader(f)); !errors.Is(err, faximage.ErrUnsupported) {
			t.Errorf("Decode = %v; want ErrUnsupported", err)
		}
	})
}

// FuzzReadPages: errors wrap a sentinel and strips lie inside the file.
func FuzzReadPages(f *testing.F) {
	d := new(document)
	d.add(f, random(rand.New(rand.NewPCG(3, 4)), 60, 20, 0.1), 204, 196)
	d.add(f, random(rand.New(rand.NewPCG(3, 4)), 61, 10, 0.1), 204, 98)
	f.Add(d.file(f))
	f.Add([]byte("MM\x00*\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		r := bytes.NewReader(file)
		pages, err := faximage.ReadPages(r, int64(len(file)))
		if err != nil {
			if !errors.Is(err, faximage.ErrCorrupt) {
				t.Fatalf("error %v does not wrap ErrCorrupt", err)
			}
			return
		}
		for _, p := range pages[:min(3, len(pages))] {
			for _, s := range p.Strips {
				if s.Offset < 0 || s.Size < 0 || s.Offset+s.Size > int64(len(file)) {
					t.Fatalf("strip %v outside of %d bytes", s, len(file))
				}
			}
			if _, err := p.Decode(r); err != nil && !errors.Is(err, faximage.ErrCorrupt) && !errors.Is(err, faximage.ErrUnsupported) {
				t.Fatalf("error %v wraps no sentinel", err)
			}
		}
	})
}
