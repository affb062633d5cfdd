// Package deliver gets a fax document to a fax service exactly once and learns
// what became of it: the contract of a fax service, the engine that uploads,
// submits, searches and tracks, retry, back-off and the breaker.
//
// Concrete services live in child packages and pass servicetest; this package
// never imports one. It decides nothing about who may send (the authority comes
// with the job) and runs no loop of its own: flow calls it with claims.
package deliver

import (
	"context"
	"io"
	"time"

	"github.com/platen-fax/platen/agent/job"
)

// Dedupe says how a service helps to avoid a second fax.
type Dedupe string

// The ways. Native: the same key is answered with the same fax. Searchable: our
// key can be looked for. None: nothing can be asked.
const (
	DedupeNative     Dedupe = "native"
	DedupeSearchable Dedupe = "searchable"
	DedupeNone       Dedupe = "none"
)

// Format is the form in which a service takes documents.
type Format string

// The formats.
const (
	FormatTIFF Format = "tiff" // TIFF-F, T.6
	FormatPDF  Format = "pdf"
)

// Capabilities is what a service declares. servicetest fails when a declared one
// was not exercised or an undeclared one works. Zero limits mean that none is
// documented.
type Capabilities struct {
	Dedupe       Dedupe
	Formats      []Format // in order of preference
	Chunking     bool     // an upload can continue at an offset
	Cancel       bool     // a submitted fax can be withdrawn
	Webhook      bool
	Resolutions  []job.Resolution
	MaxBytes     int64
	MaxPages     int
	TrackBatch   int           // faxes per tracking request, at least 1
	Settle       time.Duration // time after which a committed fax is surely found
	SenderNumber bool          // the sending number can be chosen
	CoverPage    bool          // the service makes cover pages
}

// Document is a fax document that can be read again from any offset, with the
// same bytes every time.
type Document struct {
	Name   string // such as "fax.tif"; no personal data
	MIME   string
	Size   int64
	SHA256 string // hex
	Pages  int
	Open   func(offset int64) (io.ReadCloser, error)
}

// Fax is one try of one delivery as a service sees it.
type Fax struct {
	Key        string // job/recipient/try: goes into the field that can be searched
	To         string // E.164
	Grant      job.Grant
	Document   Document
	Resolution job.Resolution
	Since      time.Time // when the first commit with this key may have happened
}

// Status is what a service says about a fax.
type Status struct {
	State  job.DeliveryState // Submitted, Sent, DeliveryFailed, DeliveryCancelled or Unknown
	Reason job.Reason        // for DeliveryFailed
	Code   string            // the service's own words
	Pages  int               // confirmed by the recipient's machine, 0 if not told
	Cost   string
}

// Service is a fax service. Methods block until they are answered or ctx ends
// and are safe for concurrent use. Errors carry an *Error where the service's
// answer is documented; any other error of Submit counts as ambiguous.
type Service interface {
	Capabilities() Capabilities

	// Probe checks that the service answers and takes the credential, without
	// sending anything.
	Probe(ctx context.Context) error

	// Upload brings the document to the service as far as that commits nothing.
	// It may be repeated. refs and offset are what an earlier call saved; save
	// makes new ones durable and may be called many times.
	Upload(ctx context.Context, f Fax, refs map[string]string, offset int64,
		save func(refs map[string]string, offset int64) error) (map[string]string, error)

	// Submit makes the one committing request and returns the service's fax id.
	Submit(ctx context.Context, f Fax, refs map[string]string) (faxID string, err error)

	// Search looks for faxes committed with f.Key at or after f.Since. An empty
	// answer with nil error is an answer: the fax is absent. ErrNotSearchable
	// says that nothing can be asked.
	Search(ctx context.Context, f Fax) (faxIDs []string, err error)

	// Track asks for many faxes at once; ids the service does not know are
	// missing from the answer.
	Track(ctx context.Context, faxIDs []string) (map[string]Status, error)

	// Cancel withdraws a submitted fax. ErrTooLate says that the service went on.
	Cancel(ctx context.Context, faxID string) error
}
