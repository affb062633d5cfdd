package faxplus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/platen-fax/platen/protocols/oneshot"
)

// Send commits one fax to exactly one recipient and returns the outbox id of
// that recipient.
//
// This is the one request that must not be repeated blindly, so it goes through
// Config.Commit, without a way for net/http to send it again, and its error
// says what is known:
//
//   - it wraps [ErrNotSent]: the service cannot have the whole request;
//   - Code is 4xx: the service refused it;
//   - anything else, a 2xx whose body cannot be read included: the fax may exist.
//
// An id that is missing from a readable 2xx answer gives "" and no error: the
// fax exists, and can be found by its comment.
func (c *Client) Send(ctx context.Context, r SendRequest) (string, error) {
	const op = "send"
	if len(r.To) != 1 {
		return "", &Error{Op: op, Err: fmt.Errorf("%d recipients instead of one: %w", len(r.To), ErrNotSent)}
	}
	r.ReturnIDs = true
	if r.Comment.Tags == nil {
		r.Comment.Tags = []string{}
	}
	data, err := json.Marshal(r)
	if err == nil && len(data) > MaxRequest {
		err = ErrTooLarge
	}
	var h map[string]string
	if err == nil {
		h, err = c.header(ctx)
	}
	if err != nil {
		return "", &Error{Op: op, Err: errors.Join(err, ErrNotSent)}
	}
	body := oneshot.NewBody(data)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.root+"/outbox", body)
	if err != nil {
		return "", &Error{Op: op, Err: errors.Join(err, ErrNotSent)}
	}
	req.ContentLength = int64(len(data))
	req.GetBody = nil // or net/http could send the request a second time
	for k, v := range h {
		req.Header.Set(k, v)
	}
	req.Header.Set("Content-Type", "application/json")
	hc := *c.cfg.Commit
	hc.CheckRedirect = noRedirect

	var out SendResponse
	err = exchange(&hc, req, op, http.StatusCreated, &out)
	whole := body.Seal()
	var e *Error
	if errors.As(err, &e) && e.Code == 0 && (!whole || oneshot.WriteFailed(err)) {
		e.Err = errors.Join(e.Err, ErrNotSent)
	}
	if err != nil {
		return "", err
	}
	return out.IDs[r.To[0]], nil
}
