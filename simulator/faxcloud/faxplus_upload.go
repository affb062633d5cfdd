package faxcloud

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/platen-fax/platen/protocols/faxplus"
)

// framing is what multipart may add around a document.
const framing = 4 << 10

// upload takes a document: POST /accounts/{user}/files.
func (c *Cloud) upload(w http.ResponseWriter, r *http.Request, k call) {
	if !c.declared(w, r, c.max+framing) {
		return
	}
	for name, v := range r.URL.Query() {
		if name != "format" || len(v) != 1 || (v[0] != "pdf" && v[0] != "tiff") {
			c.refuse(w, r, http.StatusBadRequest, "unexpected_parameter", name)
			return
		}
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data;") {
		c.refuse(w, r, http.StatusUnsupportedMediaType, "unsupported_media_type", "")
		return
	}
	up, err := faxplus.ParseUpload(r.Header.Get("Content-Type"), r.Body)
	if err != nil {
		c.refuse(w, r, http.StatusBadRequest, "bad_upload", err.Error())
		return
	}
	if !fits(up.Name, up.Type) {
		c.refuse(w, r, http.StatusUnsupportedMediaType, "unsupported_file", up.Type+" "+path.Ext(up.Name))
		return
	}
	doc, err := c.receive(up, k.user)
	switch {
	case errors.Is(err, faxplus.ErrTooLarge):
		c.refuse(w, r, http.StatusRequestEntityTooLarge, "too_large", "")
		return
	case err != nil:
		c.refuse(w, r, http.StatusBadRequest, "bad_upload", err.Error())
		return
	}
	if c.strike(k.fault, Body, w, r) {
		_ = os.Remove(doc.path) // it never was
		return
	}
	c.mu.Lock()
	c.files[doc.ref] = doc
	c.mu.Unlock()
	if c.strike(k.fault, Effect, w, r) {
		return
	}
	c.answer(w, http.StatusOK, faxplus.FilePath{Path: doc.ref})
}

// fits reports whether a name's extension goes with a type that is taken.
func fits(name, mime string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".tif", ".tiff":
		return mime == faxplus.TypeTIFF
	case ".pdf":
		return mime == faxplus.TypePDF
	}
	return false
}

// receive writes an uploaded document to the directory. The name of the sender
// is not used for anything.
func (c *Cloud) receive(up *faxplus.Upload, user string) (*document, error) {
	id := randomID(16)
	ext := ".tif"
	if up.Type == faxplus.TypePDF {
		ext = ".pdf"
	}
	d := &document{user: user, ref: "/transient-" + id, path: filepath.Join(c.dir, id+ext), mime: up.Type}
	f, err := os.OpenFile(d.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	d.size, err = up.WriteTo(&limited{io.MultiWriter(f, sum), c.max})
	err = errors.Join(err, f.Close())
	if err == nil && d.size == 0 {
		err = errors.New("empty document")
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(d.path))
	}
	d.sha256 = hex.EncodeToString(sum.Sum(nil))
	return d, nil
}

// limited refuses to write more than left bytes.
type limited struct {
	w    io.Writer
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	if int64(len(p)) > l.left {
		return 0, faxplus.ErrTooLarge
	}
	l.left -= int64(len(p))
	return l.w.Write(p)
}
