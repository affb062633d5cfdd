package wstrust

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Limits on the difference between our clock and the server's. AD FS accepts 5
// minutes; beyond that a password would be spent for nothing.
const (
	WarnSkew = 2 * time.Minute
	MaxSkew  = 5 * time.Minute
)

// Config is what a [Client] needs; HTTP and AllowedHosts are required.
type Config struct {
	// HTTP gives the transport, which must be a *http.Transport (or nil for the
	// default one) that leaves TLS to net/http. The client works on a copy that
	// keeps no connection alive and speaks no HTTP/2. Redirects are not followed
	// and cookies not used, whatever HTTP says.
	HTTP *http.Client
	// AllowedHosts are the servers a password may go to; see [ParseHosts].
	AllowedHosts []string
	// Now is the clock; nil for the system's.
	Now func() time.Time
	// Timeout bounds one call; 0 means 20 s.
	Timeout time.Duration
}

// Client asks security token services for tokens. It is safe for concurrent use
// and starts no goroutine. Every method makes each request once, blocks until
// the answer is read, the time limit or the end of ctx, and returns failures as
// [*Error].
type Client struct {
	// Used without a http.Client, which would add redirects and cookies.
	transport *http.Transport
	hosts     Hosts
	now       func() time.Time
	timeout   time.Duration
}

// New checks cfg and does no I/O.
func New(cfg Config) (*Client, error) {
	if cfg.HTTP == nil || len(cfg.AllowedHosts) == 0 {
		return nil, errors.New("wstrust client: HTTP and AllowedHosts are required")
	}
	hosts, err := ParseHosts(cfg.AllowedHosts)
	if err != nil {
		return nil, err
	}
	base := cfg.HTTP.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	t, ok := base.(*http.Transport)
	if !ok {
		// What an unknown transport does with a request nobody can promise.
		return nil, fmt.Errorf("wstrust client: transport is %T, not *http.Transport", base)
	}
	t = t.Clone()
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{}
	}
	if t.TLSClientConfig.InsecureSkipVerify {
		return nil, errors.New("wstrust client: transport does not verify certificates")
	}
	if t.DialTLSContext != nil || t.DialTLS != nil { //nolint:staticcheck // the deprecated hook still works, so it has to be looked at
		return nil, errors.New("wstrust client: transport makes its own TLS connections")
	}
	t.DisableKeepAlives = true
	t.DisableCompression = true
	t.ForceAttemptHTTP2 = false
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	// Clone brings h2 along, and a server that offers it would be taken at its
	// word.
	t.TLSClientConfig.NextProtos = []string{"http/1.1"}
	t.MaxResponseHeaderBytes = 64 << 10
	c := &Client{transport: t, hosts: hosts, now: cfg.Now, timeout: cfg.Timeout}
	if c.now == nil {
		c.now = time.Now
	}
	if c.timeout <= 0 {
		c.timeout = 20 * time.Second
	}
	return c, nil
}

// Site is where a farm is found.
type Site struct {
	// MEX is the address of its metadata, by convention
	// https://HOST/adfs/services/trust/mex.
	MEX string
	// Fallback is a password endpoint to use when there is no metadata document;
	// its path tells the version (see [VersionOf]). "" for none. It does not
	// replace a document that offers nothing usable.
	Fallback string
}

// Route is the way to a token, found without spending a password.
type Route struct {
	Endpoint
	// Listed says that the metadata names the endpoint; else it is the fallback.
	Listed bool
	// Skew is how far the server's clock is ahead of ours, within about a second.
	Skew time.Duration
	// Measured says that the server told its time; else Skew is 0.
	Measured bool
}

// Discover finds the endpoint of a site and compares the clocks. It sends no
// secret. The skew is reported, not judged; [Client.Issue] judges it.
func (c *Client) Discover(ctx context.Context, site Site) (Route, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r, err := c.discover(ctx, site)
	if err != nil {
		return Route{}, &Error{Op: "discover", Err: err}
	}
	return r, nil
}

func (c *Client) discover(ctx context.Context, site Site) (Route, error) {
	if _, err := c.hosts.Check(site.MEX); err != nil {
		return Route{}, fmt.Errorf("mex: %w", err)
	}
	a, err := c.get(ctx, site.MEX, MaxMEX)
	if err == nil {
		var offered []Endpoint
		if offered, err = DecodeMEX(a.body); err == nil {
			e, err := Select(offered, c.hosts)
			if err != nil {
				return Route{}, err
			}
			return Route{Endpoint: e, Listed: true, Skew: a.skew, Measured: a.measured}, nil
		}
	}
	v := VersionOf(site.Fallback)
	if site.Fallback == "" || ctx.Err() != nil {
		return Route{}, err
	}
	if _, bad := c.hosts.Check(site.Fallback); bad != nil || v == 0 {
		return Route{}, fmt.Errorf("fallback: %w", errors.Join(bad, err))
	}
	// The endpoint answers a GET with some error and with its time. Only what a
	// POST would meet as well ends it here, before a password is spent.
	a, err = c.get(ctx, site.Fallback, MaxMEX)
	if a.status == 0 || a.status == http.StatusServiceUnavailable || errors.Is(err, ErrRedirect) {
		return Route{}, fmt.Errorf("fallback: %w", err)
	}
	return Route{Endpoint: Endpoint{URL: site.Fallback, Version: v}, Skew: a.skew, Measured: a.measured}, nil
}

// Issue asks for a token over a route. It takes over req.Password and wipes it,
// also on error. Before a byte of it leaves, the address must be https on an
// allowed host and the clocks must not differ by more than [MaxSkew]. There is
// one request and no second try, whatever happens.
func (c *Client) Issue(ctx context.Context, r Route, req Request) (*Token, error) {
	defer Wipe(req.Password)
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	t, sent, err := c.issue(ctx, r, req)
	if err != nil {
		return nil, &Error{Op: "issue", Sent: sent, Err: err}
	}
	return t, nil
}

func (c *Client) issue(ctx context.Context, r Route, req Request) (t *Token, sent bool, err error) {
	if _, err := c.hosts.Check(r.URL); err != nil {
		return nil, false, err
	}
	if r.Version != Trust13 && r.Version != Trust2005 {
		return nil, false, fmt.Errorf("endpoint of unknown version: %w", ErrNoEndpoint)
	}
	if r.Skew.Abs() > MaxSkew {
		return nil, false, fmt.Errorf("by %v: %w", r.Skew, ErrClock)
	}
	env := Envelope{To: r.URL, MessageID: newID(), Created: c.now()}
	message, err := EncodeRequest(r.Version, req, env)
	if err != nil {
		return nil, false, err
	}
	body := &once{rest: message}
	defer func() {
		body.end()
		Wipe(message)
	}()
	hr, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, nil)
	if err != nil {
		return nil, false, wire("address is not a plain URL")
	}
	// Without GetBody net/http cannot send it a second time.
	hr.Body, hr.ContentLength = body, int64(len(message))
	hr.Header.Set("Content-Type", ContentType)
	hr.Header.Set("SOAPAction", r.Version.Action())
	a, err := c.do(hr, MaxResponse)
	sent = body.begun()
	if err != nil && a.status == 0 {
		return nil, sent, err
	}
	if err == nil {
		t, err = DecodeResponse(a.body, Expect{Version: r.Version, Prefer: samlOf(req.TokenType), RelatesTo: env.MessageID})
	}
	var fault *Fault
	switch {
	case errors.As(err, &fault):
		fault.Status = a.status
		fault.RetryAfter = retryAfter(a.header, c.now())
		fault.settleClock(a, r)
	case a.status != http.StatusOK:
		err = statusFault(a.status, a.header, c.now())
	}
	if err != nil {
		return nil, sent, err
	}
	return t, sent, nil
}

// settleClock decides about InvalidSecurity, which AD FS says of a clock and of
// a few mistakes alike: with clocks that agree it was a mistake.
func (f *Fault) settleClock(a answer, r Route) {
	if f.Verdict != VerdictClock {
		return
	}
	skew, known := a.skew, a.measured
	if !known {
		skew, known = r.Skew, r.Measured
	}
	if known && skew.Abs() <= WarnSkew {
		f.Verdict = VerdictConfig
	}
}

// Metadata fetches the federation metadata, by convention at
// https://HOST/FederationMetadata/2007-06/FederationMetadata.xml of an allowed
// host, whose certificate is what vouches for it.
func (c *Client) Metadata(ctx context.Context, address string) (*Metadata, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if _, err := c.hosts.Check(address); err != nil {
		return nil, &Error{Op: "metadata", Err: err}
	}
	a, err := c.get(ctx, address, MaxMetadata)
	if err != nil {
		return nil, &Error{Op: "metadata", Err: err}
	}
	m, err := DecodeMetadata(a.body)
	if err != nil {
		return nil, &Error{Op: "metadata", Err: err}
	}
	return m, nil
}

// answer is what came back. status is 0 if no answer came at all.
type answer struct {
	status   int
	header   http.Header
	body     []byte
	skew     time.Duration
	measured bool
}

// get fetches a document; any status but 200 is an error, with the status in
// the answer.
func (c *Client) get(ctx context.Context, address string, limit int64) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return answer{}, wire("address is not a plain URL")
	}
	req.Header.Set("Accept", "application/soap+xml, application/xml, text/xml")
	a, err := c.do(req, limit)
	if err == nil && a.status != http.StatusOK {
		err = statusFault(a.status, a.header, c.now())
	}
	return a, err
}

// do makes one request and reads the answer up to the limit.
func (c *Client) do(req *http.Request, limit int64) (answer, error) {
	before := c.now()
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return answer{}, &broken{err}
	}
	defer resp.Body.Close()
	after := c.now()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		// The header has whole seconds, so it is half a second behind on average.
		a.skew = date.Add(time.Second / 2).Sub(before.Add(after.Sub(before) / 2)).Round(time.Second)
		a.measured = true
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
	// A server that is hung up on may end its answer in order, and the rest still
	// reaches us while the connection closes.
	if late := req.Context().Err(); late != nil {
		err = late
	}
	switch {
	case err != nil:
		return answer{}, &broken{err}
	case int64(len(a.body)) > limit:
		return answer{status: a.status, header: a.header, skew: a.skew, measured: a.measured}, fmt.Errorf("over %d bytes: %w", limit, ErrTooLarge)
	}
	return a, nil
}

// newID returns a fresh message id, a UUID of version 4.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
