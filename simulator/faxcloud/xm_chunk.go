package faxcloud

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// chunk answers PUT of a piece of a document.
func (x *XM) chunk(w http.ResponseWriter, r *http.Request, k xmCall) {
	off, n, total, err := xmcloud.ParseRange(r.Header.Get("Content-Range"))
	if err != nil || n != r.ContentLength || r.URL.RawQuery != "" || r.Header.Get("Content-Type") != "application/octet-stream" {
		x.refuse(w, r, xmcloud.Error{Status: http.StatusBadRequest, Code: xmcloud.BadRequest})
		return
	}
	if n > x.opts.ChunkMax {
		x.refuse(w, r, xmcloud.Error{Status: http.StatusRequestEntityTooLarge, Code: xmcloud.TooLarge})
		return
	}
	x.mu.Lock()
	f := x.mine(k, r.PathValue("id"))
	if f != nil {
		f.offered += n
	}
	var e *xmcloud.Error
	switch {
	case f == nil:
		e = refused(http.StatusNotFound, xmcloud.NotFound)
	case total != f.req.Document.Size:
		e = refused(http.StatusBadRequest, xmcloud.BadRequest)
	case off != f.offset:
		e = refused(http.StatusConflict, xmcloud.WrongOffset)
		e.Offset = f.offset
	}
	x.mu.Unlock()
	if e != nil {
		x.refuse(w, r, *e)
		return
	}
	// Several requests for the same piece write the same bytes to the same place;
	// the first one that is whole moves the offset.
	if err := writeAt(f.path, r.Body, off, n); err != nil {
		x.refuse(w, r, xmcloud.Error{Status: http.StatusBadRequest, Code: xmcloud.BadRequest})
		return
	}
	if x.strike(k, Body, w, r) {
		return
	}
	shown, e := x.extend(f, off, n)
	if x.strike(k, Effect, w, r) {
		return
	}
	if e != nil {
		x.refuse(w, r, *e)
		return
	}
	x.answer(w, http.StatusOK, xmcloud.FaxAnswer{Result: true, Fax: shown})
}

// extend moves the offset behind a piece that arrived whole. The last one
// completes the document, which must be the announced one.
func (x *XM) extend(f *xmFax, off, n int64) (xmcloud.Fax, *xmcloud.Error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if f.offset != off || !x.alive(f) {
		e := refused(http.StatusConflict, xmcloud.WrongOffset)
		e.Offset = f.offset
		return xmcloud.Fax{}, e
	}
	if off+n == f.req.Document.Size {
		sum, err := hashFile(f.path)
		if err != nil || sum != f.req.Document.SHA256 {
			f.offset = 0
			return xmcloud.Fax{}, refused(http.StatusUnprocessableEntity, xmcloud.BadDocument)
		}
		f.doc = &document{
			user: f.account.ID, ref: f.id, path: f.path, mime: xmcloud.TypeTIFF, sha256: sum, size: f.req.Document.Size,
		}
	}
	f.offset = off + n
	return x.shown(f), nil
}

// writeAt writes exactly n bytes of r.
func writeAt(path string, r io.Reader, off, n int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	got, err := io.Copy(io.NewOffsetWriter(f, off), io.LimitReader(r, n))
	if err == nil && got != n {
		err = fmt.Errorf("%d of %d bytes", got, n)
	}
	return errors.Join(err, f.Close())
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
