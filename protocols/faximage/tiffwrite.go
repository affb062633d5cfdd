package faximage

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// Write writes pages as one TIFF-F file to w. open is called once per page, in order,
// for its T.6 data, of which never more than one is open; it is closed again. A page
// with less or more data than its metadata says gives an error wrapping ErrPageSize.
// Equal pages give equal bytes.
func Write(w io.Writer, pages []PageMeta, open func(i int) (io.ReadCloser, error)) error {
	r, err := NewReader(pages, func(i int, off int64) (io.ReadCloser, error) { return open(i) })
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, r.Close())
}

// Reader delivers the bytes that [Write] writes, from any offset, so that an upload
// can go on where it broke off. It holds one directory at most in memory, and one
// page open. It is for one goroutine; it implements [io.ReadSeekCloser].
type Reader struct {
	pages   []PageMeta
	open    func(i int, off int64) (io.ReadCloser, error)
	offsets []int64 // of the strips, then the size of the file
	pos     int64

	page   int           // whose data body delivers
	body   io.ReadCloser // nil if none is open
	bodyAt int64         // file offset of body's next byte

	head   []byte // the header or directory at headAt
	headAt int64
}

// NewReader returns a reader at offset 0. open gives page i's T.6 data from offset off
// of that data on; the reader closes it. Metadata that makes no file gives an error
// wrapping ErrPages. pages is not to be changed while the reader is used.
func NewReader(pages []PageMeta, open func(i int, off int64) (io.ReadCloser, error)) (*Reader, error) {
	offsets, err := layout(pages)
	if err != nil {
		return nil, err
	}
	return &Reader{pages: pages, open: open, offsets: offsets}, nil
}

// Size returns the length of the file in bytes.
func (r *Reader) Size() int64 { return r.offsets[len(r.pages)] }

// Seek implements [io.Seeker]. Offsets before the start are refused; reading from
// beyond the end gives io.EOF.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.pos
	case io.SeekEnd:
		offset += r.Size()
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return r.pos, fmt.Errorf("seek to byte %d of a fax file: invalid offset", offset)
	}
	r.pos = offset
	return offset, nil
}

// Close closes the page that is open, if any. Reading on would open it again.
func (r *Reader) Close() error {
	if r.body == nil {
		return nil
	}
	err := r.body.Close()
	r.body = nil
	return err
}

// Read implements [io.Reader]. Errors of open and of the page data are returned
// wrapped with the page's number; ErrPageSize tells data of a wrong length.
func (r *Reader) Read(p []byte) (int, error) {
	if r.pos >= r.Size() {
		if err := r.Close(); err != nil {
			return 0, err
		}
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if r.pos < r.offsets[0] {
		n := copy(p, r.headFrom(r.pos))
		r.pos += int64(n)
		return n, nil
	}
	i, found := slices.BinarySearch(r.offsets, r.pos)
	if !found {
		i--
	}
	n, err := r.readPage(p, i)
	r.pos += int64(n)
	if err != nil {
		return n, fmt.Errorf("fax page %d: %w", i+1, err)
	}
	return n, nil
}

// headFrom returns bytes of the header or of one directory from pos on.
func (r *Reader) headFrom(pos int64) []byte {
	if len(r.head) == 0 || pos < r.headAt || pos >= r.headAt+int64(len(r.head)) {
		if pos < int64(directories) {
			r.head, r.headAt = appendHeader(r.head[:0]), 0
		} else {
			i := int(pos-int64(directories)) / pageSize
			r.head, r.headAt = appendDirectory(r.head[:0], r.pages, i, r.offsets[i]), int64(directories+pageSize*i)
		}
	}
	return r.head[pos-r.headAt:]
}

func (r *Reader) readPage(p []byte, i int) (int, error) {
	end := r.offsets[i] + r.pages[i].Size
	if r.pos == end { // the byte that makes the next offset even
		p[0] = 0
		return 1, nil
	}
	if r.body == nil || r.page != i || r.bodyAt != r.pos {
		if err := r.Close(); err != nil {
			return 0, err
		}
		body, err := r.open(i, r.pos-r.offsets[i])
		if err != nil {
			return 0, err
		}
		r.body, r.page, r.bodyAt = body, i, r.pos
	}
	n, err := io.ReadAtLeast(r.body, p[:min(int64(len(p)), end-r.pos)], 1)
	r.bodyAt += int64(n)
	if r.bodyAt < end {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%d of %d bytes: %w", r.bodyAt-r.offsets[i], r.pages[i].Size, ErrPageSize)
		}
		return n, err
	}
	// Data that goes on would be sent cut, with nobody noticing.
	var extra [1]byte
	switch more, err := io.ReadFull(r.body, extra[:]); {
	case more > 0:
		return n, fmt.Errorf("more than %d bytes: %w", r.pages[i].Size, ErrPageSize)
	case !errors.Is(err, io.EOF):
		return n, err
	}
	return n, r.Close()
}
