package escl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Client speaks to one device. It sets no time limits: each call lasts as long
// as its context and the http.Client allow. It may be used from several
// goroutines.
//
// No error wraps io.EOF. Every request uses a connection of its own, and none is repeated behind the
// caller's back: NextDocument takes a page out of the device, so a GET that
// net/http silently sends again on a stale connection would lose a page.
type Client struct {
	http *http.Client
	base *url.URL
	host string
}

// NewClient returns a client for the eSCL root at base, as
// "https://10.0.0.20/eSCL". host, if not empty, replaces the Host header; some
// firmware serves only "localhost" or wants the port named. It does no I/O.
func NewClient(h *http.Client, base, host string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("escl: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("escl: %q is not an http or https URL", base)
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	u.RawQuery, u.Fragment = "", ""
	return &Client{http: h, base: u, host: host}, nil
}

// Capabilities asks what the device can do. A status other than 200 is a
// *[StatusError].
func (c *Client) Capabilities(ctx context.Context) (*Capabilities, error) {
	resp, err := c.do(ctx, OpCapabilities, http.MethodGet, c.base.Path+"/ScannerCapabilities", nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return DecodeCapabilities(resp.Body)
}

// Status asks how the device is. A status other than 200 is a *[StatusError].
func (c *Client) Status(ctx context.Context) (*Status, error) {
	resp, err := c.do(ctx, OpStatus, http.MethodGet, c.base.Path+"/ScannerStatus", nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return DecodeStatus(resp.Body)
}

// CreateJob starts a job and returns its path on the device. The body of the
// answer is not read: it says nothing, and some firmware breaks the connection
// in the middle of it. A status other than 2xx is a *[StatusError]; an answer
// that does not tell where the job is wraps [ErrLocation], and the job may
// exist then.
func (c *Client) CreateJob(ctx context.Context, s *ScanSettings) (job string, err error) {
	resp, err := c.do(ctx, OpCreateJob, http.MethodPost, c.base.Path+"/ScanJobs", s.Encode())
	if err != nil {
		return "", err
	}
	resp.Body.Close()
	return JobPath(c.base.Path, resp.Header.Get("Location"))
}

// NextDocument asks for the next page of a job. The caller closes body; ctx
// covers reading it. contentType is what the device claims. A status other
// than 200 is a *[StatusError]; 404 is the usual end of a job.
func (c *Client) NextDocument(ctx context.Context, job string) (body io.ReadCloser, contentType string, err error) {
	resp, err := c.do(ctx, OpNextDocument, http.MethodGet, job+"/NextDocument", nil)
	if err != nil {
		return nil, "", err
	}
	return resp.Body, resp.Header.Get("Content-Type"), nil
}

// Delete cancels a job or cleans up after it. A status other than 2xx is a
// *[StatusError]; 404 is usual for a job that has ended.
func (c *Client) Delete(ctx context.Context, job string) error {
	resp, err := c.do(ctx, OpDelete, http.MethodDelete, job, nil)
	if err != nil {
		return err
	}
	resp.Body.Close()
	return nil
}

// do sends one request and returns the answer to a success; any other answer
// is closed and becomes a StatusError.
func (c *Client) do(ctx context.Context, op Op, method, path string, body []byte) (*http.Response, error) {
	u := *c.base
	u.Path, u.RawPath = plain(path), path
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("escl %s: %w", op, err)
	}
	// A body without GetBody, even an empty one, is what keeps net/http from
	// repeating the request.
	req.Body = io.NopCloser(bytes.NewReader(body))
	req.ContentLength = int64(len(body))
	req.Close = true
	req.Host = c.host
	if body != nil {
		req.Header.Set("Content-Type", ContentType)
	}
	resp, err := c.http.Do(req)
	if errors.Is(err, io.EOF) {
		// net/http says io.EOF when the connection ends instead of an answer;
		// passed on, a caller could take it for the end of its pages.
		return nil, fmt.Errorf("escl %s: no answer: %w", op, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return nil, fmt.Errorf("escl %s: %w", op, err)
	}
	ok := resp.StatusCode == http.StatusOK
	if method != http.MethodGet {
		ok = resp.StatusCode/100 == 2
	}
	if !ok {
		resp.Body.Close()
		return nil, &StatusError{Op: op, Code: resp.StatusCode}
	}
	return resp, nil
}
