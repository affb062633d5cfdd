package faxplus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-resty/resty/v2"
)

// TokenSource returns the bearer token for one request. It may block until ctx
// ends. The client asks before every request and keeps nothing.
type TokenSource func(ctx context.Context) (string, error)

// Config is what a [Client] needs; HTTP, Commit and Token are required.
type Config struct {
	// HTTP carries uploads and reads. Its Timeout should be zero, since it would
	// cut a long upload; limits come by context.
	HTTP *http.Client
	// Commit carries [Client.Send] only. Its transport must not keep connections
	// alive, follow redirects, retry, or speak HTTP/2, because each of these can
	// send a request again or hide whether it left.
	Commit *http.Client
	// BaseURL is the root of the service without a trailing slash; empty means
	// [BaseURL].
	BaseURL string
	// User is [Self] or a member's id; empty means Self.
	User string
	// Token gives the bearer token.
	Token TokenSource
	// ClientID goes into the x-fax-clientid header, which the reference asks for
	// with OAuth2 tokens only. Empty leaves it out.
	ClientID string
	// UserAgent names the product; empty means platen.
	UserAgent string
}

// Client speaks to the service. It is safe for concurrent use and starts no
// goroutine. Every method blocks until the answer is read or ctx ends, tries
// once, and returns failures as [*Error].
type Client struct {
	cfg  Config
	root string // base URL up to and including the account
	rest *resty.Client
}

// ident is what may stand in a path segment: ids of the service are hexadecimal
// or short words.
var ident = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// New checks cfg and does no I/O.
func New(cfg Config) (*Client, error) {
	if cfg.HTTP == nil || cfg.Commit == nil || cfg.Token == nil {
		return nil, errors.New("faxplus client: HTTP, Commit and Token are required")
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = BaseURL
	}
	if cfg.User == "" {
		cfg.User = Self
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "platen"
	}
	if !ident.MatchString(cfg.User) {
		return nil, fmt.Errorf("faxplus client: user %.40q is not an id", cfg.User)
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("faxplus client: %.80q is not a base URL", cfg.BaseURL)
	}
	// resty writes into the client it is given, so it gets a copy.
	hc := *cfg.HTTP
	rest := resty.NewWithClient(&hc).
		SetRetryCount(0).
		SetRedirectPolicy(resty.RedirectPolicyFunc(noRedirect)).
		SetResponseBodyLimit(MaxAnswer).
		SetLogger(silent{})
	return &Client{
		cfg:  cfg,
		root: strings.TrimSuffix(cfg.BaseURL, "/") + "/accounts/" + cfg.User,
		rest: rest,
	}, nil
}

// noRedirect hands a redirect back as the answer: a token must not travel to a
// host nobody configured.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// header returns what every request carries.
func (c *Client) header(ctx context.Context) (map[string]string, error) {
	token, err := c.cfg.Token(ctx)
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	h := map[string]string{
		"Authorization": "Bearer " + token,
		"Accept":        "application/json",
		"User-Agent":    c.cfg.UserAgent,
	}
	if c.cfg.ClientID != "" {
		h["X-Fax-Clientid"] = c.cfg.ClientID
	}
	return h, nil
}

// call makes one JSON call without a request body and decodes the answer into
// out, which may be nil.
func (c *Client) call(ctx context.Context, op, method, path string, query url.Values, out any) error {
	h, err := c.header(ctx)
	if err != nil {
		return &Error{Op: op, Err: err}
	}
	resp, err := c.rest.R().SetContext(ctx).SetHeaders(h).
		SetQueryParamsFromValues(query).Execute(method, c.root+path)
	if errors.Is(err, resty.ErrResponseBodyTooLarge) {
		return &Error{Op: op, Err: fmt.Errorf("answer over %d bytes: %w", MaxAnswer, ErrTooLarge)}
	}
	if err != nil {
		return &Error{Op: op, Err: err}
	}
	if code := resp.StatusCode(); code != http.StatusOK && (out != nil || code != http.StatusNoContent) {
		return refusal(op, code, resp.Header(), resp.Body())
	}
	if out == nil {
		return nil
	}
	if err := decode(resp.Body(), out); err != nil {
		return &Error{Op: op, Code: resp.StatusCode(), Err: err}
	}
	return nil
}

// decode reads one JSON value of the service. Unknown fields are fine: the
// service may add some. The error wraps [ErrWire].
func decode(data []byte, out any) error {
	if err := json.Unmarshal(data, out); err != nil {
		if errors.Is(err, ErrWire) {
			return err
		}
		return fmt.Errorf("answer: %w: %w", err, ErrWire)
	}
	return nil
}

type silent struct{}

func (silent) Errorf(string, ...interface{}) {}
func (silent) Warnf(string, ...interface{})  {}
func (silent) Debugf(string, ...interface{}) {}
