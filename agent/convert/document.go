package convert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/protocols/faximage"
)

// ErrNoPages says that a job has no page that can be sent.
var ErrNoPages = errors.New("no fax pages")

// Parts is where the pages of a job lie. Reads may start at any offset.
type Parts interface {
	OpenPart(ctx context.Context, id job.ID, name string) (io.ReadSeekCloser, int64, error)
}

// File is an assembled document: nothing of it is held in memory, and every
// Open reads the same bytes.
type File struct {
	Size   int64
	SHA256 string // hex
	Pages  int
	Open   func(offset int64) (io.ReadCloser, error)
}

// Assemble makes a TIFF-F file of the converted pages of a job, by streaming.
// It reads all of it once, for the hash. The returned Open uses ctx.
func Assemble(ctx context.Context, parts Parts, j *job.Job) (File, error) {
	var meta []faximage.PageMeta
	var names []string
	for i, p := range j.Pages {
		if p.Fax == "" {
			return File{}, fmt.Errorf("page %d of %d: %w: %s", i+1, len(j.Pages), ErrNoPages, p.Refused)
		}
		meta = append(meta, faximage.PageMeta{Width: p.Width, Height: p.Height, XDPI: p.XDPI, YDPI: p.YDPI, Size: p.FaxBytes})
		names = append(names, p.Fax)
	}
	if len(meta) == 0 {
		return File{}, ErrNoPages
	}
	size, err := faximage.Size(meta)
	if err != nil {
		return File{}, err
	}
	page := func(i int, off int64) (io.ReadCloser, error) {
		r, _, err := parts.OpenPart(ctx, j.ID, names[i])
		if err != nil {
			return nil, err
		}
		if _, err := r.Seek(off, io.SeekStart); err != nil {
			r.Close()
			return nil, err
		}
		return r, nil
	}
	f := File{Size: size, Pages: len(meta)}
	f.Open = func(offset int64) (io.ReadCloser, error) {
		r, err := faximage.NewReader(meta, page)
		if err != nil {
			return nil, err
		}
		if _, err := r.Seek(offset, io.SeekStart); err != nil {
			r.Close()
			return nil, err
		}
		return r, nil
	}
	if f.SHA256, err = hash(f); err != nil {
		return File{}, err
	}
	return f, nil
}

// hash reads the whole file.
func hash(f File) (string, error) {
	r, err := f.Open(0)
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return "", err
	}
	if n != f.Size {
		return "", fmt.Errorf("document has %d bytes, want %d", n, f.Size)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
