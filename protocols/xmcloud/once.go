package xmcloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
)

// once makes one request that must not be repeated by anybody: the commit of a
// fax, a password, an assertion. It goes through Config.Commit, without a way
// for net/http to send it again. Without an answer its error wraps [ErrNotSent]
// if the service cannot have the whole request.
func (c *Client) once(ctx context.Context, op, path, contentType string, edit func(*http.Request), data []byte, out any) error {
	portal, err := c.Portal(ctx)
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.Err != nil {
			e.Err = errors.Join(e.Err, ErrNotSent)
		}
		return err
	}
	body := &witness{data: data}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, portal+path, body)
	if err != nil {
		return &Error{Op: op, Err: errors.Join(err, ErrNotSent)}
	}
	req.ContentLength = int64(len(data))
	req.GetBody = nil // or net/http could send the request a second time
	for k, v := range c.header("") {
		req.Header.Set(k, v)
	}
	req.Header.Set("Content-Type", contentType)
	edit(req)
	hc := *c.cfg.Commit
	hc.CheckRedirect = noRedirect
	err = exchange(&hc, req, op, out)
	whole := body.seal()
	var e *Error
	if errors.As(err, &e) && e.Status == 0 && (!whole || writeFailed(err)) {
		e.Err = errors.Join(e.Err, ErrNotSent)
	}
	return err
}

// exchange makes one request without resty.
func exchange(hc *http.Client, req *http.Request, op string, out any) error {
	resp, err := hc.Do(req)
	if err != nil {
		return &Error{Op: op, Err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		// Whether the words of a refusal came whole does not change the refusal.
		return fail(op, resp.StatusCode, resp.Header, body)
	}
	if err == nil && len(body) > MaxAnswer {
		err = ErrTooLarge
	}
	if err != nil {
		return &Error{Op: op, Status: resp.StatusCode, Err: fmt.Errorf("read answer: %w", err)}
	}
	return settle(op, resp.StatusCode, resp.Header, body, out)
}

// writeFailed reports whether err is a write to the connection that failed. The
// request is one HTTP/1.1 message, so a failed write means its end was not
// handed to the network.
func writeFailed(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "write"
}

// witness is a request body that knows whether all of it was read, and that
// gives nothing more once sealed: net/http may still be reading a body after
// the request has failed.
type witness struct {
	mu     sync.Mutex
	data   []byte
	sealed bool
}

// Read implements [io.Reader].
func (w *witness) Read(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.sealed:
		return 0, errSealed
	case len(w.data) == 0:
		return 0, io.EOF
	}
	n := copy(p, w.data)
	w.data = w.data[n:]
	return n, nil
}

// Close implements [io.Closer].
func (w *witness) Close() error { return nil }

// seal ends the body and reports whether all of it had been read.
func (w *witness) seal() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sealed = true
	return len(w.data) == 0
}

// errSealed stops a body whose request has been given up.
var errSealed = errors.New("request was given up")
