// Package admin is the local socket of a running agent: what a person at the
// command line may see and ask for, as JSON over HTTP. Whoever may open the
// socket may do everything; its file is the only lock.
//
// Numbers leave this package masked. The commands that people type are in its
// child cli.
package admin

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// ErrNoService says that there is no fax service of that id.
var ErrNoService = errors.New("no such fax service")

// Spool is what is needed of the spool.
type Spool interface {
	spool.People
	Get(ctx context.Context, id job.ID) (*job.Job, error)
	List(ctx context.Context, f spool.Filter, after job.ID, limit int) (jobs []*job.Job, next job.ID, err error)
}

// Services tells how the fax services stand.
type Services interface {
	// Services returns every configured fax service.
	Services(ctx context.Context) ([]Service, error)
	// Resume lets a stopped account be used again, or fails with ErrNoService.
	Resume(ctx context.Context, id string) error
}

// Service is a fax service as IT sees it.
type Service struct {
	ID           string               `json:"id"`
	Kind         string               `json:"kind"`
	Open         time.Time            `json:"open,omitzero"` // since when its breaker is open
	Stopped      *deliver.Stop        `json:"stopped,omitempty"`
	Capabilities deliver.Capabilities `json:"capabilities"`
}

// Options are the parts to steer. Spool is needed; a nil one of the others is
// answered with "not available".
type Options struct {
	Version  string
	Spool    Spool
	Services Services
	Reload   func(ctx context.Context) error // reads the configuration again
	Log      *slog.Logger
}

// Server answers at the socket. It is safe for concurrent use.
type Server struct{ opts Options }

// New returns a server that does not listen yet.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{opts: o}
}
