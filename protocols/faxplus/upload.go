package faxplus

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"regexp"
)

// File is a document to upload.
type File struct {
	// Name is shown by the service: letters, digits, dot, dash and underscore,
	// at most 100, with an extension that fits the type.
	Name string
	// Type is the media type, [TypeTIFF] or [TypePDF].
	Type string
	// Size is the exact number of bytes Open(0) will give.
	Size int64
	// Open returns the document from byte off. It is called once per upload with
	// off 0: this service has no way to continue a broken upload.
	Open func(off int64) (io.ReadCloser, error)
}

var fileName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$`)

// expectContinueFrom is the size from which a client asks before it sends the
// document, so that a refused token costs no upload; curl does it from here.
const expectContinueFrom = 1 << 20

// Upload sends a document and returns the path the service gave it. The body is
// streamed with an exact Content-Length and never held in memory. An upload has
// no effect a recipient could see, so it may be repeated.
func (c *Client) Upload(ctx context.Context, f File) (string, error) {
	const op = "upload"
	if !fileName.MatchString(f.Name) || f.Size <= 0 || (f.Type != TypeTIFF && f.Type != TypePDF) {
		return "", &Error{Op: op, Err: fmt.Errorf("file of %d bytes and type %.40q: %w", f.Size, f.Type, ErrWire)}
	}
	h, err := c.header(ctx)
	if err != nil {
		return "", &Error{Op: op, Err: err}
	}
	head, tail, contentType, err := frame(f)
	if err != nil {
		return "", &Error{Op: op, Err: err}
	}
	doc, err := f.Open(0)
	if err != nil {
		return "", &Error{Op: op, Err: fmt.Errorf("open document: %w", err)}
	}
	defer doc.Close()
	// The limit keeps a document that grew from pushing the tail out of the
	// declared length; net/http reports one that shrank.
	body := io.MultiReader(bytes.NewReader(head), io.LimitReader(doc, f.Size), bytes.NewReader(tail))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.root+"/files", body)
	if err != nil {
		return "", &Error{Op: op, Err: err}
	}
	req.ContentLength = int64(len(head)) + f.Size + int64(len(tail))
	for k, v := range h {
		req.Header.Set(k, v)
	}
	req.Header.Set("Content-Type", contentType)
	if f.Size >= expectContinueFrom {
		req.Header.Set("Expect", "100-continue")
	}
	hc := *c.cfg.HTTP
	hc.CheckRedirect = noRedirect
	var out FilePath
	if err := exchange(&hc, req, op, http.StatusOK, &out); err != nil {
		return "", err
	}
	if out.Path == "" {
		return "", &Error{Op: op, Code: http.StatusOK, Err: fmt.Errorf("answer without a path: %w", ErrWire)}
	}
	return out.Path, nil
}

// frame returns what stands before and after the document in the multipart body.
func frame(f File) (head, tail []byte, contentType string, err error) {
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	part := textproto.MIMEHeader{}
	part.Set("Content-Disposition", fmt.Sprintf(`form-data; name="%s"; filename="%s"`, UploadPart, f.Name))
	part.Set("Content-Type", f.Type)
	if _, err := w.CreatePart(part); err != nil {
		return nil, nil, "", err
	}
	n := buf.Len()
	if err := w.Close(); err != nil {
		return nil, nil, "", err
	}
	return buf.Bytes()[:n:n], buf.Bytes()[n:], w.FormDataContentType(), nil
}

// exchange makes one request without resty and decodes an answer of the wanted
// or any other 2xx code but 204 and up.
func exchange(hc *http.Client, req *http.Request, op string, want int, out any) error {
	resp, err := hc.Do(req)
	if err != nil {
		return &Error{Op: op, Err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	if resp.StatusCode != want && resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		// Whether the words of a refusal came whole does not change the refusal.
		return refusal(op, resp.StatusCode, resp.Header, body)
	}
	if err == nil && len(body) > MaxAnswer {
		err = ErrTooLarge
	}
	if err == nil {
		err = decode(body, out)
	}
	if err != nil {
		return &Error{Op: op, Code: resp.StatusCode, Err: fmt.Errorf("read answer: %w", err)}
	}
	return nil
}
