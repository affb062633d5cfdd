// Package esclscan drives scanners that speak eSCL: it implements
// [devices.Scanner] with a client that survives what field reports tell of
// real machines.
//
// The rules it goes by: what to ask for is the intersection of wish and
// announcement, never assumed; whether there is paper is decided by starting
// the job, since feeder sensors lie; a 404 is the end of a batch only when the
// device's status does not contradict; every page is checked byte by byte; a
// job is always deleted. The wire forms are in protocols/escl, which machine
// needs which [Quirks] is somebody else's data, and who may use the device is
// agreed in agent/capture.
package esclscan

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/protocols/escl"
)

// Time limits of single requests; those of the page itself are in [Options].
const (
	queryTimeout  = 20 * time.Second // capabilities and status
	createTimeout = 30 * time.Second
	deleteTimeout = 10 * time.Second
	capsAge       = 24 * time.Hour // how long capabilities are believed
)

// Quirks are peculiarities of a model, as values from its profile. The zero
// value suits most machines.
type Quirks struct {
	HostLocalhost    bool          // serves only requests for "Host: localhost" (HP LaserJet M630, M578)
	HostPort         bool          // wants the port named in Host even if it is the default (Epson)
	PausePages       time.Duration // longest pause before asking for the next page; half the time of the last one if shorter (Brother: 1 s)
	RetryGone        bool          // 404 and 410 mean "not yet" (Xerox B205, B215, WorkCentre 3345)
	SkipCleanup      bool          // must not be sent DELETE for a job that ended well (Xerox B205, B215)
	CheckFeederFirst bool          // raises a jam if started with an empty feeder, and reports the feeder truly (Canon MF410)
	MaxDPI           int           // largest resolution that works, in dots per inch; 0 believes the announcement (Canon iR2625: 300)
}

// Options of a scanner. The zero value works.
type Options struct {
	Device string // id for errors; "" uses the URL's host
	// HTTPClient must have no Timeout, which would cut long pages. Nil makes
	// one that verifies certificates against the system's roots.
	HTTPClient *http.Client
	Quirks     Quirks
	// MaxPageBytes is the largest page taken; 0 is 64 MiB.
	MaxPageBytes int64
	// FirstByte is how long a device may take to begin a page; 0 is 3 minutes.
	FirstByte time.Duration
	// Stall is how long a page may stand still while it arrives; 0 is 1 minute.
	Stall time.Duration
	// BusyWait is how long a device that says busy is asked again; 0 is 1 minute.
	BusyWait time.Duration
	// Wait pauses between attempts and returns early with the context's error.
	// Nil waits by the clock.
	Wait func(ctx context.Context, d time.Duration) error
}

// Scanner is one device. It implements [devices.Scanner] and runs one job at a
// time: a second one is refused as busy, because some devices accept it and
// mix the pages.
type Scanner struct {
	client *escl.Client
	opt    Options

	mu       sync.Mutex // protects the rest
	caps     *escl.Capabilities
	capsTime time.Time
	running  bool
}

var _ devices.Scanner = (*Scanner)(nil)

// New returns a scanner for the eSCL root at rawURL, as
// "https://10.0.0.20/eSCL". It does no I/O.
func New(rawURL string, o Options) (*Scanner, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, err
	}
	if o.Device == "" {
		o.Device = u.Host
	}
	if o.HTTPClient == nil {
		o.HTTPClient = newHTTPClient()
	}
	if o.MaxPageBytes <= 0 {
		o.MaxPageBytes = 64 << 20
	}
	if o.FirstByte <= 0 {
		o.FirstByte = 3 * time.Minute
	}
	if o.BusyWait <= 0 {
		o.BusyWait = time.Minute
	}
	if o.Stall <= 0 {
		o.Stall = time.Minute
	}
	if o.Wait == nil {
		o.Wait = sleep
	}
	client, err := escl.NewClient(o.HTTPClient, rawURL, hostHeader(u, o.Quirks))
	if err != nil {
		return nil, err
	}
	return &Scanner{client: client, opt: o}, nil
}

// hostHeader returns what to send as Host, "" for the usual.
func hostHeader(u *url.URL, q Quirks) string {
	switch {
	case q.HostLocalhost:
		return "localhost"
	case q.HostPort && u.Port() == "" && u.Scheme == "https":
		return net.JoinHostPort(u.Hostname(), "443")
	case q.HostPort && u.Port() == "":
		return net.JoinHostPort(u.Hostname(), "80")
	default:
		return ""
	}
}

// newHTTPClient limits everything but the length of an answer.
func newHTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // pages are compressed already
	}}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Probe implements [devices.Scanner]. If the device says what it can do but
// not how it is, the condition is unknown and there is no error.
func (s *Scanner) Probe(ctx context.Context) (devices.Info, error) {
	caps, err := s.fetchCaps(ctx)
	if err != nil {
		err = s.fault(ctx, "probe", err)
		return devices.Info{Condition: conditionOfError(err)}, err
	}
	info := devices.Info{
		MakeModel: caps.MakeAndModel,
		Serial:    caps.SerialNumber,
		UUID:      strings.TrimPrefix(strings.ToLower(caps.UUID), "urn:uuid:"),
		Duplex:    caps.CanDuplex(),
	}
	if caps.HasFeeder() {
		info.Sources = append(info.Sources, devices.Feeder)
	}
	if caps.Platen != nil {
		info.Sources = append(info.Sources, devices.Platen)
	}
	status, err := s.status(ctx)
	if err != nil {
		err = s.fault(ctx, "probe", err)
		info.Condition = conditionOfError(err)
		if errors.Is(err, devices.ErrUnreachable) || ctx.Err() != nil {
			return info, err
		}
		return info, nil
	}
	info.Condition = conditionOf(status)
	return info, nil
}

// status asks for the scanner status within its time limit.
func (s *Scanner) status(ctx context.Context) (*escl.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	return s.client.Status(ctx)
}

// fetchCaps asks for the capabilities and keeps them.
func (s *Scanner) fetchCaps(ctx context.Context) (*escl.Capabilities, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	caps, err := s.client.Capabilities(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.caps, s.capsTime = caps, time.Now()
	return caps, nil
}

// knownCaps returns the capabilities if they are fresh, else nil.
func (s *Scanner) knownCaps() *escl.Capabilities {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.capsTime) > capsAge {
		return nil
	}
	return s.caps
}

// forgetCaps makes the next job ask again.
func (s *Scanner) forgetCaps() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.caps = nil
}

// begin takes the device for a job; end gives it back.
func (s *Scanner) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		return false
	}
	s.running = true
	return true
}

func (s *Scanner) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
}
