// Package xmcloud is the XM-style cloud as deliver sees it: which call an
// upload, a submission, a search, tracking and a cancellation are, whose
// authority goes along, and what answers and states mean for a delivery.
//
// The wire forms live in protocols/xmcloud; they are a contract of our own in the
// style of XM Fax, not the vendor's. When to call, retries and the breaker live
// in deliver; how a ticket is made lives in signin.
package xmcloud

import (
	"context"
	"fmt"
	"time"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/protocols/xmcloud"
)

// Options are the account and its surroundings; Endpoint, Account, Device,
// Clients and Token are required.
type Options struct {
	// ID is the service's id in the configuration, for errors.
	ID string
	// Endpoint is the root of the account's region.
	Endpoint string
	// Account is the account's name in the portal.
	Account string
	// Hosts are further names the portal may be on.
	Hosts []string
	// Device is the id this connector is enrolled under. A ticket names its own.
	Device string
	// From is a number of the account in E.164; empty leaves the choice to the
	// service.
	From string
	// Clients speak HTTPS.
	Clients deliver.Clients
	// Token gives the connector's token and is asked before every request.
	Token func(ctx context.Context) (string, error)
	// Settle is after what time a committed fax is surely found; default is the
	// contract's.
	Settle time.Duration
	// MaxBytes is the greatest document offered; default is the contract's.
	MaxBytes int64
}

// Service implements [deliver.Service].
type Service struct {
	opts   Options
	client *xmcloud.Client
}

var _ deliver.Service = (*Service)(nil)

// New makes the service and does no I/O.
func New(o Options) (*Service, error) {
	if o.Settle <= 0 {
		o.Settle = xmcloud.Settle
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = xmcloud.MaxDocument
	}
	if o.Device == "" || o.Token == nil {
		return nil, fmt.Errorf("fax service %s: device and token are required", o.ID)
	}
	client, err := xmcloud.New(xmcloud.Config{
		HTTP: o.Clients.API, Commit: o.Clients.Commit, Endpoint: o.Endpoint, Account: o.Account, Hosts: o.Hosts, Token: o.Token,
	})
	if err != nil {
		return nil, fmt.Errorf("fax service %s: %w", o.ID, err)
	}
	return &Service{opts: o, client: client}, nil
}

// Capabilities implements [deliver.Service]. The contract promises that the same
// reference is the same fax for ever, which is more than being searchable; it
// can be searched as well.
func (s *Service) Capabilities() deliver.Capabilities {
	return deliver.Capabilities{
		Dedupe:      deliver.DedupeNative,
		Formats:     []deliver.Format{deliver.FormatTIFF},
		Chunking:    true,
		Cancel:      true,
		Resolutions: []job.Resolution{job.Standard, job.Fine},
		MaxBytes:    s.opts.MaxBytes,
		MaxPages:    xmcloud.MaxPages,
		TrackBatch:  xmcloud.MaxBatch,
		Settle:      s.opts.Settle,
	}
}

// Probe implements [deliver.Service] by asking whose token this is.
func (s *Service) Probe(ctx context.Context) error {
	_, err := s.client.Account(ctx)
	return s.failed("probe", err)
}
