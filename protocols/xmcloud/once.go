package xmcloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/platen-fax/platen/protocols/oneshot"
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
	body := oneshot.NewBody(data)
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
	whole := body.Seal()
	var e *Error
	if errors.As(err, &e) && e.Status == 0 && (!whole || oneshot.WriteFailed(err)) {
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
