package faxcloud

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/platen-fax/platen/simulator/paper"
)

// PageRead is what was read from one page of a document.
type PageRead struct {
	Width  int `json:"width"`
	Height int `json:"height"`
	// XDPI and YDPI are as the document says.
	XDPI int `json:"xdpi"`
	YDPI int `json:"ydpi"`
	// Mark is what is printed on the page; Err says why none was read.
	Mark paper.Mark `json:"mark"`
	Err  string     `json:"err,omitempty"`
}

// document is one received file. Its fields do not change.
type document struct {
	user, ref, path string
	mime            string
	sha256          string
	size            int64

	once   sync.Once
	result reading
}

type reading struct {
	pages []PageRead
	err   error
}

func (r reading) problem() string {
	if r.err == nil {
		return ""
	}
	return r.err.Error()
}

// read decodes the document and reads its marks, once.
func (d *document) read() reading {
	d.once.Do(func() { d.result.pages, d.result.err = readFile(d.path, d.size) })
	return d.result
}

func readFile(path string, size int64) ([]PageRead, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("received document: %w", err)
	}
	defer f.Close()
	return ReadDocument(f, size)
}

// ReadDocument decodes a TIFF fax document of the given size page by page and
// reads the marks. The pages before a damaged one are returned with the error.
// A page without a readable mark is no error of the document.
func ReadDocument(r io.ReaderAt, size int64) ([]PageRead, error) {
	t, err := openTIFF(r, size)
	if err != nil {
		return nil, err
	}
	var pages []PageRead
	for {
		bits, x, y, err := t.page()
		if errors.Is(err, io.EOF) {
			return pages, nil
		}
		if err != nil {
			return pages, fmt.Errorf("page %d: %w", len(pages)+1, err)
		}
		p := PageRead{Width: bits.Width, Height: bits.Height, XDPI: x, YDPI: y}
		if p.Mark, err = paper.ReadMark(bits, x, y); err != nil {
			p.Err = err.Error()
		}
		pages = append(pages, p)
	}
}
