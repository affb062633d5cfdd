package deliver

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// ErrNotWritten is wrapped by the error of a committing request whose body of
// declared length was not fully handed to the connection, so that the service
// cannot have taken it.
var ErrNotWritten = errors.New("request was not fully written")

// Clients are the two ways of talking to a fax service over HTTPS.
type Clients struct {
	// API may be used for everything that can be repeated.
	API *http.Client
	// Commit sends the one request that must not be repeated unseen: a fresh
	// connection for every request, HTTP/1.1, no redirects, no GetBody and no
	// retries. (net/http posts a request again by itself when a kept connection
	// breaks and the request looks repeatable to it.)
	Commit *http.Client
}

// ClientOptions are the surroundings of a service's clients. Zero values work.
type ClientOptions struct {
	Proxy       *url.URL       // for outbound requests; nil: direct
	Roots       *x509.CertPool // nil: the system's
	DialTimeout time.Duration  // of TCP and of the TLS handshake; default 10 s
	HeaderTime  time.Duration  // from the end of a request to its answer; default 60 s
}

// NewClients returns clients that speak TLS 1.2 or later.
func NewClients(o ClientOptions) Clients {
	if o.DialTimeout <= 0 {
		o.DialTimeout = 10 * time.Second
	}
	if o.HeaderTime <= 0 {
		o.HeaderTime = 60 * time.Second
	}
	base := func() *http.Transport {
		t := &http.Transport{
			DialContext:           (&net.Dialer{Timeout: o.DialTimeout}).DialContext,
			TLSClientConfig:       &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:   o.DialTimeout,
			ResponseHeaderTimeout: o.HeaderTime,
			MaxIdleConnsPerHost:   4,
			IdleConnTimeout:       60 * time.Second,
			ExpectContinueTimeout: time.Second, // a refused credential or size costs no upload
			WriteBufferSize:       64 << 10,
		}
		if o.Proxy != nil {
			t.Proxy = http.ProxyURL(o.Proxy)
		}
		return t
	}
	commit := base()
	commit.DisableKeepAlives = true
	commit.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{} // no HTTP/2
	return Clients{
		API:    &http.Client{Transport: base(), CheckRedirect: noRedirect},
		Commit: &http.Client{Transport: &commitTransport{next: commit}, CheckRedirect: noRedirect},
	}
}

// CloseIdle closes connections that nobody uses.
func (c Clients) CloseIdle() {
	c.API.CloseIdleConnections()
	c.Commit.CloseIdleConnections()
}

// noRedirect hands a redirect back as the answer: a credential and a document
// go to the configured host only.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// commitTransport tells apart a request the service cannot have taken from one
// nobody can know about.
type commitTransport struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t *commitTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.ContentLength < 0 {
		return nil, fmt.Errorf("commit without a declared length: %w", ErrNotWritten)
	}
	req = req.Clone(req.Context())
	req.GetBody = nil
	body := &countedBody{ReadCloser: req.Body}
	if req.Body != nil {
		req.Body = body
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil && req.ContentLength > 0 && body.seal() < req.ContentLength {
		return nil, fmt.Errorf("%w: %w", ErrNotWritten, err)
	}
	return resp, err
}

// countedBody counts what the transport took; what it did not take it cannot
// have written.
type countedBody struct {
	io.ReadCloser
	mu     sync.Mutex
	n      int64
	sealed bool
}

// Read implements [io.Reader].
func (b *countedBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sealed {
		return 0, ErrNotWritten
	}
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	return n, err
}

// seal ends the body and returns how much of it was taken. Without it the count
// would prove nothing: net/http may go on reading after RoundTrip has failed.
func (b *countedBody) seal() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sealed = true
	return b.n
}
