package xmcloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-resty/resty/v2"
)

// TokenSource returns the connector's token for one request. It may block until
// ctx ends. The client asks before every request and keeps nothing.
type TokenSource func(ctx context.Context) (string, error)

// Config is what a [Client] needs. HTTP, Commit, Endpoint and Account are
// required; Token is required by every call but discovery and [Client.Login].
type Config struct {
	// HTTP carries uploads and reads. Its Timeout should be zero, since it would
	// cut a long upload; limits come by context.
	HTTP *http.Client
	// Commit carries the commit of a fax, passwords and assertions. Its transport
	// must not keep connections alive, follow redirects, retry, or speak HTTP/2,
	// because each of these can send a request again or hide whether it left.
	Commit *http.Client
	// Endpoint is the root of the account's region, https.
	Endpoint string
	// Account is the account's name in the portal, 2 to 64 letters, digits,
	// dashes, dots and underscores.
	Account string
	// Hosts are further host names that the portal may be on; the endpoint's own
	// is always allowed. A port in them counts.
	Hosts []string
	// Token gives the connector's token.
	Token TokenSource
	// Locale selects the language of messages; empty means en.
	Locale string
	// UserAgent names the product; empty means platen.
	UserAgent string
}

// Client speaks to one account in one region. It is safe for concurrent use and
// starts no goroutine. Every method blocks until the answer is read or ctx ends,
// tries once, and returns failures as [*Error].
type Client struct {
	cfg  Config
	root string // endpoint with a trailing slash
	host string
	rest *resty.Client

	mu     sync.Mutex
	portal string // base URL with a trailing slash; "" before discovery
}

var (
	account = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$`)
	ident   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
)

// New checks cfg and does no I/O.
func New(cfg Config) (*Client, error) {
	if cfg.HTTP == nil || cfg.Commit == nil {
		return nil, errors.New("xmcloud client: HTTP and Commit are required")
	}
	if !account.MatchString(cfg.Account) {
		return nil, fmt.Errorf("xmcloud client: account %.40q is not a name of at least two characters", cfg.Account)
	}
	u, err := base(cfg.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("xmcloud client: endpoint %.80q: %w", cfg.Endpoint, err)
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "platen"
	}
	if cfg.Locale == "" {
		cfg.Locale = "en"
	}
	// resty writes into the client it is given, so it gets a copy.
	hc := *cfg.HTTP
	rest := resty.NewWithClient(&hc).
		SetRetryCount(0).
		SetRedirectPolicy(resty.RedirectPolicyFunc(noRedirect)).
		SetResponseBodyLimit(MaxAnswer).
		SetLogger(silent{})
	return &Client{cfg: cfg, root: strings.TrimSuffix(u.String(), "/") + "/", host: u.Host, rest: rest}, nil
}

// AccountName returns the account's name in the portal, as configured.
func (c *Client) AccountName() string { return c.cfg.Account }

// base reads a base URL: https, a host, and nothing behind the path.
func base(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, ErrWire
	}
	if u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return nil, fmt.Errorf("not an https base URL: %w", ErrWire)
	}
	return u, nil
}

// noRedirect hands a redirect back as the answer: an expired token redirects to
// a login page, and nothing may travel to a host nobody configured.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Portal returns the base URL of the account's portal, with a trailing slash. It
// is asked for once and then remembered until [Client.Forget].
func (c *Client) Portal(ctx context.Context) (string, error) {
	const op = "host"
	c.mu.Lock()
	known := c.portal
	c.mu.Unlock()
	if known != "" {
		return known, nil
	}
	resp, err := c.rest.R().SetContext(ctx).SetHeaders(map[string]string{
		"Accept": "text/plain", "User-Agent": c.cfg.UserAgent,
	}).Get(c.root + fmt.Sprintf(PathPortalHost, c.cfg.Account))
	if err != nil {
		return "", &Error{Op: op, Err: err}
	}
	if resp.StatusCode() != http.StatusOK {
		return "", fail(op, resp.StatusCode(), resp.Header(), resp.Body())
	}
	portal, err := c.checkPortal(resp.Body())
	if err != nil {
		return "", &Error{Op: op, Status: resp.StatusCode(), Err: err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.portal = portal
	return portal, nil
}

// checkPortal reads the answer of host discovery. It is plain text of a server
// that may have been taken over: only configured hosts are believed.
func (c *Client) checkPortal(body []byte) (string, error) {
	if len(body) > 512 {
		return "", fmt.Errorf("host of %d bytes: %w", len(body), ErrTooLarge)
	}
	u, err := base(strings.TrimSpace(string(body)))
	if err != nil {
		return "", fmt.Errorf("host: %w", err)
	}
	same := func(h string) bool { return strings.EqualFold(h, u.Host) }
	if !same(c.host) && !slices.ContainsFunc(c.cfg.Hosts, same) {
		return "", fmt.Errorf("host %.80q: %w", u.Host, ErrForeignHost)
	}
	return strings.TrimSuffix(u.String(), "/") + "/", nil
}

// Forget makes the next call discover the portal again.
func (c *Client) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.portal = ""
}

// header returns what a request with the given token carries.
func (c *Client) header(token string) map[string]string {
	h := map[string]string{"Accept": "application/json", "User-Agent": c.cfg.UserAgent}
	if token != "" {
		h[HeaderToken] = token
	}
	return h
}

// connector returns the connector's own token.
func (c *Client) connector(ctx context.Context) (string, error) {
	if c.cfg.Token == nil {
		return "", errors.New("no connector token configured")
	}
	t, err := c.cfg.Token(ctx)
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	return t, nil
}

// call makes one repeatable JSON call. in may be nil; out is decoded from a 2xx
// answer unless nil.
func (c *Client) call(ctx context.Context, op, method, path, token string, query url.Values, in, out any) error {
	portal, err := c.Portal(ctx)
	if err != nil {
		return err
	}
	r := c.rest.R().SetContext(ctx).SetHeaders(c.header(token)).
		SetQueryParamsFromValues(query).SetQueryParam("locale", c.cfg.Locale)
	if in != nil {
		data, err := json.Marshal(in)
		if err == nil && len(data) > MaxRequest {
			err = ErrTooLarge
		}
		if err != nil {
			return &Error{Op: op, Err: err}
		}
		r.SetHeader("Content-Type", "application/json").SetBody(data)
	}
	resp, err := r.Execute(method, portal+path)
	if errors.Is(err, resty.ErrResponseBodyTooLarge) {
		return &Error{Op: op, Err: fmt.Errorf("answer over %d bytes: %w", MaxAnswer, ErrTooLarge)}
	}
	if err != nil {
		return &Error{Op: op, Err: err}
	}
	return settle(op, resp.StatusCode(), resp.Header(), resp.Body(), out)
}

// mine makes a call with the connector's token.
func (c *Client) mine(ctx context.Context, op, method, path string, query url.Values, in, out any) error {
	token, err := c.connector(ctx)
	if err != nil {
		return &Error{Op: op, Err: err}
	}
	return c.call(ctx, op, method, path, token, query, in, out)
}

// settle reads an answer. A refusal may come with a status of 200 and says so by
// result: false.
func settle(op string, status int, h http.Header, body []byte, out any) error {
	if status < 200 || status > 299 {
		return fail(op, status, h, body)
	}
	if out == nil && len(body) == 0 {
		return nil
	}
	var r Refusal
	// An object, since null would decode into anything.
	if err := json.Unmarshal(body, &r); err != nil || !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return &Error{Op: op, Status: status, Err: fmt.Errorf("answer: %w", ErrWire)}
	}
	if (r.Result != nil && !*r.Result) || r.OAuth != "" {
		return fail(op, status, h, body)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return &Error{Op: op, Status: status, Err: fmt.Errorf("answer: %w", ErrWire)}
	}
	return nil
}

// expiry turns seconds on the wire into a duration within a day.
func expiry(n int64, def time.Duration) time.Duration {
	if d := seconds(n); d > 0 {
		return d
	}
	return def
}

type silent struct{}

func (silent) Errorf(string, ...interface{}) {}
func (silent) Warnf(string, ...interface{})  {}
func (silent) Debugf(string, ...interface{}) {}
