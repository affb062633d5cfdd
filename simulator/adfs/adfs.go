// Package adfs is an AD FS farm in memory: the metadata document, the two
// usernamemixed endpoints of WS-Trust, and the federation metadata, with people
// in every state a directory knows and with the moods of real farms and of
// hostile ones.
//
// It writes down every request and every password with the host, the path and
// whether TLS was there, so that a test can say: once, over https, to the pinned
// host. The assertions are real: RSA-SHA256 (SHA-1 on request) over exclusive
// canonical XML, with certificates that roll over. OAuth and the browser flows
// of AD FS are not here.
package adfs

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/platen-fax/platen/protocols/wstrust"
)

// Paths of a farm.
const (
	PathMEX      = "/adfs/services/trust/mex"
	Path13       = "/adfs/services/trust/13/usernamemixed"
	Path2005     = "/adfs/services/trust/2005/usernamemixed"
	PathMetadata = "/FederationMetadata/2007-06/FederationMetadata.xml"
)

// Options configure an [STS].
type Options struct {
	// Host is the farm's name, host or host:port; empty takes it from each
	// request, which suits free ports.
	Host string
	// Users and RelyingParties that exist from the start.
	Users          []User
	RelyingParties []RelyingParty
	// LockAfter is how many wrong passwords lock an account, and LockFor how long
	// after the last one (the extranet lockout). 0 locks nobody; the default of
	// LockFor is 30 minutes.
	LockAfter int
	LockFor   time.Duration
	// AlternateLogin accepts the e-mail address as a user name.
	AlternateLogin bool
	// Key is the first signing key, RSA; nil makes one, which takes a moment.
	Key *rsa.PrivateKey
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Log gets one line per request, without names or passwords; nil discards.
	Log *slog.Logger
}

// RelyingParty is a service the farm issues tokens for.
type RelyingParty struct {
	// ID is its identifier, compared to the letter.
	ID string
	// SAML is the version issued where the request names none; 0 means 1.1.
	SAML wstrust.SAML
	// NameID says what the name identifier is.
	NameID NameID
}

// NameID is the claim rule for the name identifier.
type NameID int

// The rules. NameIDNone is a farm where nobody set one up.
const (
	NameIDEmail NameID = iota
	NameIDUPN
	NameIDNone
)

// STS plays a farm. It is safe for concurrent use and starts no goroutine but
// in Serve.
type STS struct {
	opts   Options
	closed chan struct{}
	once   sync.Once

	mu        sync.Mutex
	users     []*account
	parties   map[string]RelyingParty
	behaviour Behaviour
	keys      []*key // published
	signing   *key
	requests  []Request
}

// New makes the farm and its first signing certificate.
func New(o Options) (*STS, error) {
	if o.LockFor <= 0 {
		o.LockFor = 30 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &STS{opts: o, closed: make(chan struct{}), parties: make(map[string]RelyingParty)}
	for _, u := range o.Users {
		s.SetUser(u)
	}
	for _, p := range o.RelyingParties {
		s.parties[p.ID] = p
	}
	k, err := newKey(o.Key, 1, o.Now())
	if err != nil {
		return nil, err
	}
	s.keys, s.signing = []*key{k}, k
	return s, nil
}

// Handler answers under the paths of a farm. Over plain http there is nothing to
// find, but what arrives is written down.
func (s *STS) Handler() http.Handler { return http.HandlerFunc(s.serve) }

func (s *STS) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	b := s.behaviour
	s.mu.Unlock()
	w.Header().Set("Server", "Microsoft-HTTPAPI/2.0")
	if b.NoDate {
		w.Header()["Date"] = nil
	} else {
		w.Header().Set("Date", s.now(b).UTC().Format(http.TimeFormat))
	}
	rec := Request{At: s.opts.Now(), Method: r.Method, Host: r.Host, Path: r.URL.Path, TLS: r.TLS != nil, Proto: r.Proto}
	var answer http.HandlerFunc
	switch {
	case r.Method == http.MethodPost:
		answer = s.post(b, r, &rec)
	case r.TLS == nil:
		answer, rec.Result = http.NotFound, "plain http"
	case r.URL.Path == PathMEX:
		answer, rec.Result = s.mex(b, r), "mex"
	case r.URL.Path == PathMetadata:
		answer, rec.Result = s.metadata, "metadata"
	case r.URL.Path == Path13 || r.URL.Path == Path2005:
		answer, rec.Result = s.probe(b, r), "probe"
	default:
		answer, rec.Result = http.NotFound, "not found"
	}
	// Written down before the answer: a client that has it can be asked about.
	s.mu.Lock()
	s.requests = append(s.requests, rec)
	s.mu.Unlock()
	s.opts.Log.Debug("adfs request", "method", r.Method, "path", r.URL.Path, "tls", rec.TLS, "result", rec.Result)
	answer(w, r)
}

// now is the farm's clock.
func (s *STS) now(b Behaviour) time.Time { return s.opts.Now().Add(b.Ahead) }

// host is the farm's name as a request sees it.
func (s *STS) host(r *http.Request) string {
	if s.opts.Host != "" {
		return s.opts.Host
	}
	return r.Host
}

// issuer is the farm's name in assertions: a name, hence http.
func (s *STS) issuer(r *http.Request) string {
	return "http://" + s.host(r) + "/adfs/services/trust"
}

// Issuer returns the farm's name in assertions when it is reached as host.
func (s *STS) Issuer(host string) string { return s.issuer(&http.Request{Host: host}) }

// Close releases every request that is held back. Serve calls it at its end.
func (s *STS) Close() { s.once.Do(func() { close(s.closed) }) }

// Serve answers on ln over TLS until ctx ends, and returns after the last
// request.
func (s *STS) Serve(ctx context.Context, ln net.Listener, config *tls.Config) error {
	srv := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      10 * time.Minute, // answers may be held back
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		TLSConfig:         config,
		ErrorLog:          slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelDebug),
	}
	done := make(chan error, 1)
	go func() { done <- srv.ServeTLS(ln, "", "") }()
	select {
	case err := <-done:
		s.Close()
		return fmt.Errorf("adfs: %w", err)
	case <-ctx.Done():
	}
	s.Close()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := srv.Shutdown(stop)
	if err != nil {
		err = errors.Join(err, srv.Close())
	}
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// endpoint returns the version an endpoint's path speaks, or 0.
func endpoint(path string) wstrust.Version {
	switch {
	case strings.EqualFold(path, Path13):
		return wstrust.Trust13
	case strings.EqualFold(path, Path2005):
		return wstrust.Trust2005
	}
	return 0
}
