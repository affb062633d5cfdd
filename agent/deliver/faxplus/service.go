// Package faxplus is the fax service Fax.Plus as deliver sees it: which call an
// upload, a submission, a search, tracking and a cancellation are, and what the
// service's answers and states mean for a delivery.
//
// The wire forms live in protocols/faxplus; when to call, retries and the
// breaker live in deliver.
package faxplus

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/protocols/faxplus"
)

// Options are the account and its surroundings; Clients and Token are required.
type Options struct {
	// ID is the service's id in the configuration, for errors.
	ID string
	// BaseURL is the root of the service; empty means the documented one.
	BaseURL string
	// User is a member's id; empty means the account of the token.
	User string
	// From is a number of the account in E.164; empty sends as a member without
	// a number.
	From string
	// ClientID is for OAuth2 tokens only.
	ClientID string
	// Clients speak HTTPS.
	Clients deliver.Clients
	// Token gives the bearer token and is asked before every request.
	Token func(ctx context.Context) (string, error)
	// Settle is after what time a committed fax is surely listed; default 2 min,
	// which is assumed: the service documents nothing.
	Settle time.Duration
	// MaxBytes is the greatest document offered; default is
	// [faxplus.AssumedMaxUpload].
	MaxBytes int64
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Service implements [deliver.Service].
type Service struct {
	opts   Options
	client *faxplus.Client
	shown  atomic.Int32 // what is known about our key in lists: untold, seen, hidden
}

var _ deliver.Service = (*Service)(nil)

// What lists have shown of our keys so far.
const (
	untold int32 = iota // no fax of ours was listed yet
	seen                // the last one was listed with its key
	hidden              // the last one was listed without any comment
)

// New makes the service and does no I/O.
func New(o Options) (*Service, error) {
	if o.Settle <= 0 {
		o.Settle = 2 * time.Minute
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = faxplus.AssumedMaxUpload
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.From == "" {
		o.From = faxplus.NoNumber
	}
	client, err := faxplus.New(faxplus.Config{
		HTTP: o.Clients.API, Commit: o.Clients.Commit, BaseURL: o.BaseURL, User: o.User, ClientID: o.ClientID, Token: o.Token,
	})
	if err != nil {
		return nil, fmt.Errorf("fax service %s: %w", o.ID, err)
	}
	return &Service{opts: o, client: client}, nil
}

// trackBatch is how many faxes one tracking request asks for. The calls are
// lists, so the number is ours; it bounds what one broken answer delays.
const trackBatch = 100

// Capabilities implements [deliver.Service]. The service documents that the
// outbox shows the comment we search for. When a fax of ours is listed without
// it, the capability is withdrawn until one is listed with it.
func (s *Service) Capabilities() deliver.Capabilities {
	dedupe := deliver.DedupeSearchable
	if s.shown.Load() == hidden {
		dedupe = deliver.DedupeNone
	}
	return deliver.Capabilities{
		Dedupe:      dedupe,
		Formats:     []deliver.Format{deliver.FormatTIFF},
		Cancel:      true,
		Resolutions: []job.Resolution{job.Standard, job.Fine},
		MaxBytes:    s.opts.MaxBytes,
		TrackBatch:  trackBatch,
		Settle:      s.opts.Settle,
	}
}

// Probe implements [deliver.Service] by reading the outbox, which needs what
// tracking needs.
func (s *Service) Probe(ctx context.Context) error {
	_, err := s.client.Outbox(ctx)
	return s.failed("probe", err)
}
