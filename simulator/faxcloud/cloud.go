// Package faxcloud is the far end of the simulated world: fax services that
// accept documents over their own public wire forms, demand more than the real
// ones do, go wrong on demand, and keep a ledger of every fax they committed.
//
// The ledger is the referee. It is written at the moment a fax is committed,
// before any answer, and a fax committed twice is in it twice. Every document is
// decoded with a decoder of its own (a small TIFF walk and x/image/ccitt, never
// the product's) and the printed marks of its pages are read from the pixels.
//
// One Cloud plays every service; the files named faxplus_… are the Fax.Plus
// side, those named xm_… the XM-style side with its people and policies. Ledger, rules, faults, tokens and documents are shared. Certificates,
// free ports and the world around belong to the caller.
package faxcloud

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Options configure a [Cloud]. Dir is required.
type Options struct {
	// Dir is an existing directory for the received documents.
	Dir string
	// Accounts that exist, with the numbers they own.
	Accounts []Account
	// Tokens that are good from the start.
	Tokens []Token
	// Rules decide what becomes of a fax, first match first. Without a match a
	// fax is delivered.
	Rules []Rule
	// SendTime is from the commit to the final state; default 200 ms.
	SendTime time.Duration
	// ListLag is how long a committed fax stays invisible in lists.
	ListLag time.Duration
	// HideComments leaves comments and tags out of every answer.
	HideComments bool
	// SameIDs gives a fax the same id in history and outbox. The real Fax.Plus
	// documents that they differ.
	SameIDs bool
	// MaxUpload is the greatest document in bytes; default 20 MiB.
	MaxUpload int64
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Log gets one line per refused request; nil discards.
	Log *slog.Logger
	// XM is the XM-style side.
	XM XMOptions
}

// Account is a customer of the service.
type Account struct {
	User    string   `json:"user"`
	Email   string   `json:"email,omitempty"`
	Numbers []string `json:"numbers"`
}

// Cloud plays fax services. It is safe for concurrent use. Its handlers start no
// goroutines; a held request waits until it is released, its client goes away,
// or Close.
type Cloud struct {
	now func() time.Time
	log *slog.Logger
	dir string
	max int64

	faults faults
	xm     *XM

	mu       sync.Mutex
	opts     Options // ListLag, HideComments, SameIDs and SendTime may change
	accounts map[string]Account
	tokens   map[string]*Token
	rules    []Rule
	busy     map[string]int // faxes refused as busy, by number
	files    map[string]*document
	faxes    []*fax
}

// New checks the options and creates nothing but the structure.
func New(o Options) (*Cloud, error) {
	if st, err := os.Stat(o.Dir); err != nil || !st.IsDir() {
		return nil, fmt.Errorf("fax cloud: directory %q: %w", o.Dir, errors.Join(err, os.ErrInvalid))
	}
	if o.SendTime <= 0 {
		o.SendTime = 200 * time.Millisecond
	}
	if o.MaxUpload <= 0 {
		o.MaxUpload = 20 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Cloud{
		now: o.Now, log: o.Log, dir: o.Dir, max: o.MaxUpload, opts: o,
		accounts: make(map[string]Account), tokens: make(map[string]*Token),
		busy: make(map[string]int), files: make(map[string]*document),
	}
	c.faults.init()
	for _, a := range o.Accounts {
		c.accounts[a.User] = a
	}
	for _, t := range o.Tokens {
		c.AddToken(t)
	}
	xm, err := newXM(c, o.XM)
	if err != nil {
		return nil, err
	}
	c.xm = xm
	return c, c.SetRules(o.Rules)
}

// Handler answers under the documented paths of the Fax.Plus API, /v3/….
// Requests must have come over TLS.
func (c *Cloud) Handler() http.Handler { return c.faxPlus() }

// Close releases every held request. Later held requests are not held.
func (c *Cloud) Close() { c.faults.close() }

// Serve answers on ln over TLS until ctx ends, then closes c and returns after
// the last request. HTTP/2 is off, so that a cut connection is one request's.
func (c *Cloud) Serve(ctx context.Context, ln net.Listener, config *tls.Config) error {
	return c.serve(ctx, ln, config, c.Handler())
}

// Serve answers for one region on ln over TLS until ctx ends, then closes the
// whole cloud and returns after the last request.
func (x *XM) Serve(ctx context.Context, region string, ln net.Listener, config *tls.Config) error {
	return x.c.serve(ctx, ln, config, x.RegionHandler(region))
}

func (c *Cloud) serve(ctx context.Context, ln net.Listener, config *tls.Config, h http.Handler) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 30 * time.Second,
		ReadTimeout:       10 * time.Minute,
		WriteTimeout:      10 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		TLSConfig:         config,
		TLSNextProto:      map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ErrorLog:          slog.NewLogLogger(c.log.Handler(), slog.LevelDebug),
	}
	done := make(chan error, 1)
	go func() { done <- srv.ServeTLS(ln, "", "") }()
	select {
	case err := <-done:
		c.Close()
		return fmt.Errorf("fax cloud: %w", err)
	case <-ctx.Done():
	}
	c.Close()
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

// Tune changes what may change while the cloud runs. nil leaves a value.
type Tune struct {
	SendTime     *time.Duration
	ListLag      *time.Duration
	HideComments *bool
	SameIDs      *bool
}

// Tune applies t to faxes committed before and after alike; an id that was
// already given stays.
func (c *Cloud) Tune(t Tune) {
	c.mu.Lock()
	defer c.mu.Unlock()
	set(&c.opts.SendTime, t.SendTime)
	set(&c.opts.ListLag, t.ListLag)
	set(&c.opts.HideComments, t.HideComments)
	set(&c.opts.SameIDs, t.SameIDs)
}

func set[T any](dst, src *T) {
	if src != nil {
		*dst = *src
	}
}

// randomID returns n random bytes in hexadecimal.
func randomID(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
