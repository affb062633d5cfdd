package xmcloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Account asks whose token the connector has.
func (c *Client) Account(ctx context.Context) (AccountAnswer, error) {
	var a AccountAnswer
	err := c.mine(ctx, "account", http.MethodGet, PathAccount, nil, nil, &a)
	return a, err
}

// Create announces a fax, or finds the one that has its reference already,
// whatever its state. It commits nothing and may be repeated.
func (c *Client) Create(ctx context.Context, r CreateRequest) (Fax, error) {
	var a FaxAnswer
	err := c.mine(ctx, "create", http.MethodPost, PathFaxes, nil, r, &a)
	return a.Fax, checkFax("create", a, err)
}

// Chunk sends n bytes of the document of a fax, which begin at off of total, and
// returns the fax with its new offset. The body is streamed with its exact
// length. It may be repeated; when the service holds another number of bytes
// than off the error's code is [WrongOffset] and its Offset says how many.
func (c *Client) Chunk(ctx context.Context, id string, body io.Reader, off, n, total int64) (Fax, error) {
	const op = "upload"
	if !ident.MatchString(id) || off < 0 || n <= 0 || off+n > total || n > MaxChunk {
		return Fax{}, &Error{Op: op, Err: fmt.Errorf("%d bytes at %d of %d: %w", n, off, total, ErrWire)}
	}
	token, err := c.connector(ctx)
	if err != nil {
		return Fax{}, &Error{Op: op, Err: err}
	}
	portal, err := c.Portal(ctx)
	if err != nil {
		return Fax{}, err
	}
	// The limit keeps a document that grew inside the declared length; net/http
	// reports one that shrank.
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, portal+PathFaxes+"/"+id+"/document", io.LimitReader(body, n))
	if err != nil {
		return Fax{}, &Error{Op: op, Err: err}
	}
	req.ContentLength = n
	for k, v := range c.header(token) {
		req.Header.Set(k, v)
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, total))
	hc := *c.cfg.HTTP
	hc.CheckRedirect = noRedirect
	var a FaxAnswer
	err = exchange(&hc, req, op, &a)
	if err == nil && a.Fax.Offset != off+n {
		return Fax{}, &Error{Op: op, Status: http.StatusOK, Err: fmt.Errorf("offset %d after %d bytes at %d: %w", a.Fax.Offset, n, off, ErrWire)}
	}
	return a.Fax, checkFax(op, a, err)
}

// Commit makes a created fax a fax.
//
// This is the one request that decides whether a recipient gets something. It
// goes through Config.Commit, and its error says what is known:
//
//   - it wraps [ErrNotSent]: the service cannot have the whole request;
//   - it has a Code of this contract: the service refused it;
//   - anything else: the fax may have been committed. Committing it again is
//     safe, because the service answers with the same fax.
func (c *Client) Commit(ctx context.Context, id string, r CommitRequest) (Fax, error) {
	const op = "commit"
	if !ident.MatchString(id) {
		return Fax{}, &Error{Op: op, Err: fmt.Errorf("id %.40q: %w: %w", id, ErrWire, ErrNotSent)}
	}
	token, err := c.connector(ctx)
	var data []byte
	if err == nil {
		data, err = json.Marshal(r)
	}
	if err == nil && len(data) > MaxCommit {
		err = ErrTooLarge
	}
	if err != nil {
		return Fax{}, &Error{Op: op, Err: errors.Join(err, ErrNotSent)}
	}
	var a FaxAnswer
	err = c.once(ctx, op, PathFaxes+"/"+id+"/commit", "application/json", func(r *http.Request) {
		r.Header.Set(HeaderToken, token)
	}, data, &a)
	return a.Fax, checkFax(op, a, err)
}

func checkFax(op string, a FaxAnswer, err error) error {
	if err == nil && !ident.MatchString(a.Fax.ID) {
		return &Error{Op: op, Status: http.StatusOK, Err: fmt.Errorf("answer without a fax: %w", ErrWire)}
	}
	return err
}

// Status asks about up to [MaxBatch] faxes; those the service does not know are
// missing from the answer.
func (c *Client) Status(ctx context.Context, ids []string) ([]Fax, error) {
	const op = "status"
	var known []string
	for _, id := range ids {
		if ident.MatchString(id) {
			known = append(known, id)
		}
	}
	if len(known) == 0 {
		return nil, nil
	}
	if len(known) > MaxBatch {
		return nil, &Error{Op: op, Err: fmt.Errorf("%d faxes: %w", len(known), ErrTooLarge)}
	}
	var l FaxList
	err := c.mine(ctx, op, http.MethodGet, PathFaxes, url.Values{"ids": {strings.Join(known, ",")}}, nil, &l)
	return l.Faxes, err
}

// Search looks for committed faxes by the sender's reference.
func (c *Client) Search(ctx context.Context, reference string) ([]Fax, error) {
	var l FaxList
	err := c.mine(ctx, "search", http.MethodGet, PathFaxes, url.Values{"reference": {reference}}, nil, &l)
	return l.Faxes, err
}

// Cancel withdraws a fax. Code [TooLate] says that it goes on.
func (c *Client) Cancel(ctx context.Context, id string) (Fax, error) {
	const op = "cancel"
	if !ident.MatchString(id) {
		return Fax{}, &Error{Op: op, Status: http.StatusNotFound, Code: NotFound}
	}
	var a FaxAnswer
	err := c.mine(ctx, op, http.MethodDelete, PathFaxes+"/"+id, nil, nil, &a)
	return a.Fax, checkFax(op, a, err)
}
