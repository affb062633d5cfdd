// Package spool is the contract of the state of record: where drafts, pages,
// jobs and deliveries live, and the only place that decides who may act on one.
//
// Every method is one durable, atomic transition: when it returns nil the change
// survives kill -9 and power loss. An error wrapping ErrUnavailable means that
// nobody knows, and the same call with the same id is repeated. Implementations
// live in child packages and pass spooltest; nothing here opens a file.
package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/platen-fax/platen/agent/job"
)

// Errors that callers branch on.
var (
	ErrFenced      = errors.New("claim was taken over")          // stop at once, touch nothing
	ErrNotFound    = errors.New("not in the spool")              // final: it is not there
	ErrConflict    = errors.New("conflicts with what is stored") // same id, other content or state
	ErrUnavailable = errors.New("outcome unknown")               // repeat the same call
	ErrFull        = errors.New("spool is full")                 // quota or disk; nothing was stored
	ErrErased      = errors.New("pages are erased")
)

// Ref names a unit of work: a job as a whole (Recipient 0) or one delivery.
type Ref struct {
	Job       job.ID
	Recipient int // from 1; 0 is the job itself
}

// String returns "job" or "job/recipient".
func (r Ref) String() string {
	if r.Recipient == 0 {
		return string(r.Job)
	}
	return fmt.Sprintf("%s/%d", r.Job, r.Recipient)
}

// Claim is the exclusive right to act on one unit until the lease ends. Methods
// that take a *Claim refuse with ErrFenced once somebody else claimed the unit,
// and on success bring Job and Expires up to date. A Claim belongs to one
// goroutine.
type Claim struct {
	Ref
	Lane    string
	Fence   uint64
	Expires time.Time // of this process's monotonic clock
	Job     *job.Job  // a copy; changing it changes nothing
}

// Delivery returns the claimed delivery, or nil when the job itself is claimed.
func (c *Claim) Delivery() *job.Delivery { return c.Job.Delivery(c.Recipient) }

// Terms is what is promised when a draft is accepted.
type Terms struct {
	Recipients []job.Recipient // none: the job waits for its owner
	Route      []string        // fax services in order; at least one when there are recipients
	Grants     []job.Grant
	NotBefore  time.Time
	Owner      job.Person // kept from the draft when zero
}

// PartInfo describes a stored part.
type PartInfo struct {
	Size   int64
	SHA256 string // hex, of the clear bytes
}

// Converted is the fate of one page: the fax data stored under Page.Fax, or the
// reason in Page.Refused.
type Converted struct {
	Part string   // the page as scanned
	Page job.Page // Fax, Preview, Width, Height, XDPI, YDPI or Refused are taken over
}

// Verdict is a person's word on a delivery nobody can be sure about.
type Verdict string

// The verdicts.
const (
	VerdictSent    Verdict = "sent"
	VerdictAgain   Verdict = "again"
	VerdictUnknown Verdict = "unknown"
)

// EventKind says what an Event is about.
type EventKind string

// The kinds of events.
const (
	EventPage     EventKind = "page"     // a page was stored, dropped, moved or converted
	EventJob      EventKind = "job"      // the job's state changed
	EventDelivery EventKind = "delivery" // a delivery's state, try or service changed
	EventCancel   EventKind = "cancel"   // somebody asked to cancel, or the service refused to
	EventErased   EventKind = "erased"   // the pages were destroyed
)

// Event is one durable change, in the order in which it happened. It holds no
// personal data; who may know more asks Get.
type Event struct {
	Seq      uint64
	At       time.Time
	Kind     EventKind
	Ref      Ref
	Device   string
	State    job.State         // of the job after the change
	Delivery job.DeliveryState // of the delivery after the change, for EventDelivery
	Try      int
	Service  string
	Reason   job.Reason
	Pages    int // of the job after the change
}

// Filter selects jobs; zero fields select everything.
type Filter struct {
	Device string
	Owner  string // person id
	Number string // the job number people read
	States []job.State
	Newest bool // newest first; otherwise oldest first
}

// Usage is how full the spool is, in bytes.
type Usage struct {
	Used, Quota int64
	Free        int64 // of the file system
}

// Totals counts what is stored, for metrics and health.
type Totals struct {
	Jobs       map[job.State]int
	Deliveries map[job.DeliveryState]int
	Oldest     time.Time // Accepted of the oldest promised job; zero: none
}

// Spool is the state of record. All methods are safe for concurrent use. Calls
// that write may block for a disk flush; ctx ends only the waiting.
type Spool interface {
	Drafts
	Work
	People

	// Get returns a copy of a job, or ErrNotFound.
	Get(ctx context.Context, id job.ID) (*job.Job, error)
	// List returns up to limit jobs (at most 200) after the job named by after,
	// and the id to continue from, "" at the end.
	List(ctx context.Context, f Filter, after job.ID, limit int) (jobs []*job.Job, next job.ID, err error)
	// Watch yields events with a sequence above cursor, first the stored ones,
	// then new ones as they happen, until ctx ends or the loop stops. A cursor
	// older than the oldest kept event starts at the oldest. No transaction is
	// held while the loop body runs.
	Watch(ctx context.Context, cursor uint64) iter.Seq2[Event, error]
	// Last returns the sequence of the newest event.
	Last(ctx context.Context) (uint64, error)
	// Usage and Totals are cheap enough for every scrape.
	Usage(ctx context.Context) (Usage, error)
	Totals(ctx context.Context) (Totals, error)
	// Newest returns the newest wall time ever recorded. While the wall clock is
	// behind it, no deadline may be acted on. It does not block.
	Newest() time.Time
	Leases
	Close() error
}

// Drafts is the way from the first page to the promise.
type Drafts interface {
	// Draft creates a draft, or returns the stored job of the same id unchanged.
	// ID, Device, Shared, Owner, Options and Created are taken from j; Number is
	// chosen here and unique among the jobs present.
	Draft(ctx context.Context, j *job.Job) (*job.Job, error)
	// AddPage stores a scanned page and appends it to the draft (or to any job
	// still in Draft). It is durable when nil is returned; an error from r, or a
	// full spool, leaves the draft as it was. MIME and DPI are taken from p.
	AddPage(ctx context.Context, id job.ID, p job.Page, r io.Reader) (*job.Job, error)
	// PutPart stores bytes under a name such as "fax/0001" without changing the
	// job; the same name again replaces it.
	PutPart(ctx context.Context, id job.ID, name string, r io.Reader) (PartInfo, error)
	// OpenPart opens a stored part for reading at any offset.
	OpenPart(ctx context.Context, id job.ID, name string) (io.ReadSeekCloser, int64, error)
	// Reorder sets the order of a draft's pages by part name; Drop removes one.
	Reorder(ctx context.Context, id job.ID, parts []string) error
	Drop(ctx context.Context, id job.ID, part string) error
	// SetOptions changes what the person chose; pages already converted for
	// other options are converted again. Touch only renews Changed. Both are for
	// drafts; Touch may be called often and need not be durable.
	SetOptions(ctx context.Context, id job.ID, o job.Options) error
	Touch(ctx context.Context, id job.ID) error
	// Accept is the promise. It may be repeated: the same terms return the same
	// job and always write (so that the answer covers the earlier write too);
	// other terms are ErrConflict. A job waiting for its owner is accepted a
	// second time with recipients.
	Accept(ctx context.Context, id job.ID, t Terms) (*job.Job, error)
	// Discard ends a draft or an unclaimed intake and erases its pages.
	Discard(ctx context.Context, id job.ID, why string) error
}

// Work is what the worker loops use.
type Work interface {
	// Claim takes up to n due units of a lane, oldest due first, and says when
	// the next one is due (zero: none known). It never blocks waiting for work.
	// The unit of another run's lease is free at once.
	Claim(ctx context.Context, lane string, n int, lease time.Duration) (claims []*Claim, next time.Time, err error)
	// Extend renews the lease.
	Extend(ctx context.Context, c *Claim, lease time.Duration) error
	// Release gives the unit back without a move, to be due again at due. The
	// zero time means no work is due any more (late news). For a unit claimed in
	// LaneDeadline, or a job, due is ignored: its time follows from its state.
	Release(ctx context.Context, c *Claim, due time.Time) error
	// Progress stores what the service already holds of an upload.
	Progress(ctx context.Context, c *Claim, refs map[string]string, offset int64) error
	// Searched stores the count of in-doubt searches.
	Searched(ctx context.Context, c *Claim, s job.Searches) error
	// Advance makes a step and keeps the claim; Outcome makes it and releases.
	// A step into another lane is visible there at once.
	Advance(ctx context.Context, c *Claim, s job.Step) error
	Outcome(ctx context.Context, c *Claim, s job.Step) error
	// BeginSubmit is Advance to Submitting: the intent is durable when it
	// returns. It refuses with ErrFenced unless the lease outlasts need.
	BeginSubmit(ctx context.Context, c *Claim, document string, need time.Duration) error
	// Commit settles converted pages of a claimed job. When the job is captured
	// and every page is settled it becomes ready and its deliveries waiting, or
	// failed when a page was refused. The claim is released.
	Commit(ctx context.Context, c *Claim, pages []Converted) error
	// Expire performs what Job.Deadline says for a claimed job, or for a claimed
	// delivery with ExpireDelivery the step of Delivery.Expired; ErrConflict when
	// the stored deadline has not come or says otherwise. It releases the claim.
	Expire(ctx context.Context, c *Claim, what job.Expiry) error
	// Purge destroys the page key and the pages of an ended job.
	Purge(ctx context.Context, id job.ID) error
	// SetDelivery applies news that came unasked, by the service's own fax id.
	// News with a sequence not above the last is ignored (applied false).
	SetDelivery(ctx context.Context, service, faxID string, seq uint64, s job.Step) (applied bool, err error)
}

// People is what persons ask for, at the panel or the command line.
type People interface {
	// Cancel asks to cancel a delivery (or, with Recipient 0, all of the job).
	// The wish is durable; before the service has the fax it takes effect at once.
	Cancel(ctx context.Context, ref Ref) error
	// Decide records a person's word on a delivery that needs a decision.
	Decide(ctx context.Context, ref Ref, v Verdict, by string) error
	// CheckNow asks the fax service once more for a delivery that needs a
	// decision; ErrConflict for any other.
	CheckNow(ctx context.Context, ref Ref) error
	// Retry starts a new try of a failed delivery (Recipient 0: of all failed
	// ones) while the pages exist, else ErrErased.
	Retry(ctx context.Context, ref Ref) error
	// Regrant replaces the authority of a job and wakes deliveries that wait for
	// it. The grants must belong to the same owner.
	Regrant(ctx context.Context, id job.ID, grants []job.Grant) error
}

// Leases are named exclusive rights, such as that to use a device. The embedded
// spool keeps them in memory, because its directory is locked to one process.
type Leases interface {
	// Lease takes the name, or fails with ErrConflict while somebody holds it.
	Lease(ctx context.Context, name, holder string, ttl time.Duration) (*Lease, error)
	// Holder returns who holds the name, or "".
	Holder(ctx context.Context, name string) string
}

// Lease is a held name. Renew and Release may be called from any goroutine;
// Renew returns ErrFenced once it was lost.
type Lease struct {
	Name    string
	Fence   uint64
	Renew   func(ctx context.Context, ttl time.Duration) error
	Release func()
}
