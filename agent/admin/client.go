package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// Client asks a running agent. Its methods block until the agent answered or
// ctx ended, and fail with ErrNotRunning or an *Error. It is safe for
// concurrent use.
type Client struct {
	path string
	http *http.Client
}

// answerLimit bounds an answer: a full page of jobs with many recipients.
const answerLimit = 64 << 20

// NewClient returns a client of the socket at path. It does not connect yet.
func NewClient(path string) *Client {
	return &Client{path: path, http: &http.Client{
		Timeout: 60 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, path) },
		},
	}}
}

// call makes one request; in and out may be nil.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://platen"+path, body)
	if err != nil {
		return err
	}
	if method != http.MethodGet {
		req.Header.Set("Content-Type", "application/json")
	}
	if secret := secretOf(c.path); secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	resp, err := c.http.Do(req)
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	if err != nil {
		return fmt.Errorf("ask the agent: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return fmt.Errorf("ask the agent: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		e := &Error{}
		if json.Unmarshal(b, e) != nil || e.Text == "" {
			return fmt.Errorf("ask the agent: answer %s", resp.Status)
		}
		return e
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("ask the agent: %w", err)
	}
	return nil
}

// Version returns the version of the running agent.
func (c *Client) Version(ctx context.Context) (string, error) {
	var v versionAnswer
	err := c.call(ctx, http.MethodGet, "/v1/version", nil, &v)
	return v.Version, err
}

// Jobs returns up to limit jobs, newest first; 0 is all of them.
func (c *Client) Jobs(ctx context.Context, device string, states []job.State, limit int) ([]Job, error) {
	jobs, after := []Job{}, job.ID("")
	for {
		n := listLimit
		if limit > 0 {
			n = min(n, limit-len(jobs))
		}
		q := url.Values{"limit": {strconv.Itoa(n)}, "after": {string(after)}, "device": {device}}
		for _, s := range states {
			q.Add("state", string(s))
		}
		var page jobPage
		if err := c.call(ctx, http.MethodGet, "/v1/jobs?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		jobs = append(jobs, page.Jobs...)
		if after = page.Next; after == "" || limit > 0 && len(jobs) >= limit {
			return jobs, nil
		}
	}
}

func jobPath(name, verb string) string {
	return strings.TrimSuffix("/v1/jobs/"+url.PathEscape(name)+"/"+verb, "/")
}

// Job returns one job by its id or the number that people read.
func (c *Client) Job(ctx context.Context, name string) (j Job, err error) {
	err = c.call(ctx, http.MethodGet, jobPath(name, ""), nil, &j)
	return j, err
}

// Cancel asks to cancel a recipient, or all with 0, and returns the job as it
// is then.
func (c *Client) Cancel(ctx context.Context, name string, recipient int) (j Job, err error) {
	err = c.call(ctx, http.MethodPost, jobPath(name, "cancel"), wish{Recipient: recipient}, &j)
	return j, err
}

// Retry starts a new try of a failed recipient, or of all with 0.
func (c *Client) Retry(ctx context.Context, name string, recipient int) (j Job, err error) {
	err = c.call(ctx, http.MethodPost, jobPath(name, "retry"), wish{Recipient: recipient}, &j)
	return j, err
}

// Decide records what a person found out about a recipient; 0 is the only one.
func (c *Client) Decide(ctx context.Context, name string, recipient int, v spool.Verdict, by string) (j Job, err error) {
	err = c.call(ctx, http.MethodPost, jobPath(name, "decide"), wish{Recipient: recipient, Verdict: v, By: by}, &j)
	return j, err
}

// Services returns every configured fax service.
func (c *Client) Services(ctx context.Context) (s []Service, err error) {
	err = c.call(ctx, http.MethodGet, "/v1/services", nil, &s)
	return s, err
}

// Resume lets a stopped account be used again.
func (c *Client) Resume(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, "/v1/services/"+url.PathEscape(id)+"/resume", nil, nil)
}

// Reload makes the agent read its configuration again.
func (c *Client) Reload(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/v1/reload", nil, nil)
}
