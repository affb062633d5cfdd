package deliver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// Documents gives the engine the document of a job in a form that the service
// takes. The same job, format and resolution give the same bytes every time.
// ErrDocument says that there never will be one.
type Documents interface {
	Document(ctx context.Context, j *job.Job, f Format) (Document, error)
}

// ErrDocument says that a job has no sendable document.
var ErrDocument = errors.New("no sendable document")

// Policy is how long to wait for what. Zero values get the defaults.
type Policy struct {
	SubmitTimeout time.Duration // of the committing request; default 60 s
	Settle        time.Duration // least time between doubt and a search, and between searches; default 2 min
	Poll          time.Duration // between two questions about a submitted fax; default 15 s
	LatePoll      time.Duration // and about one given up; default 15 min
	LateNews      time.Duration // how long one given up is asked for; default 72 h
	RetryMin      time.Duration // first back-off; default 5 s
	RetryMax      time.Duration // longest back-off; default 15 min
	LineRetry     time.Duration // before dialling again after busy, no answer or a dropped line; default 3 min
	LineTries     int           // tries in all for those reasons; default 3
	Lease         time.Duration // of a claim, renewed while work goes on; default 30 s
}

// withDefaults fills the zero fields.
func (p Policy) withDefaults() Policy {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&p.SubmitTimeout, time.Minute)
	def(&p.Settle, 2*time.Minute)
	def(&p.Poll, 15*time.Second)
	def(&p.LatePoll, 15*time.Minute)
	def(&p.LateNews, 72*time.Hour)
	def(&p.RetryMin, 5*time.Second)
	def(&p.RetryMax, 15*time.Minute)
	def(&p.LineRetry, 3*time.Minute)
	def(&p.Lease, 30*time.Second)
	if p.LineTries <= 0 {
		p.LineTries = 3
	}
	return p
}

// Options of an Engine. Only Now and Log may be nil.
type Options struct {
	Spool     spool.Work
	Documents Documents
	Service   Service
	ID        string // of the service in the configuration
	Account   *Account
	Breaker   *Breaker
	Policy    Policy
	Now       func() time.Time // wall time with a monotonic reading
	Log       *slog.Logger
}

// Engine works for one fax service. Its methods are called with claims of that
// service's lanes, from as many goroutines as there may be requests in flight.
type Engine struct {
	spool   spool.Work
	docs    Documents
	service Service
	id      string
	account *Account
	breaker *Breaker
	policy  Policy
	now     func() time.Time
	log     *slog.Logger
}

// New returns an engine. It does no I/O.
func New(o Options) *Engine {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Engine{
		spool: o.Spool, docs: o.Documents, service: o.Service, id: o.ID, account: o.Account, breaker: o.Breaker,
		policy: o.Policy.withDefaults(), now: o.Now, log: o.Log.With("service", o.ID),
	}
}

// Lease is how long a claim for this engine should last.
func (e *Engine) Lease() time.Duration { return e.policy.Lease }

// TrackLease is how long a claim for Track should last: a batch of searches is
// made one by one and not renewed meanwhile.
func (e *Engine) TrackLease() time.Duration {
	return time.Duration(e.Batch())*e.policy.SubmitTimeout + e.policy.Lease
}

// MayAsk reports whether the service may be asked about faxes: not while its
// account is stopped.
func (e *Engine) MayAsk(ctx context.Context) (bool, time.Duration) {
	return e.account.Stopped(ctx) == nil, e.policy.RetryMin
}

// Batch is how many deliveries Track likes at once.
func (e *Engine) Batch() int { return max(e.service.Capabilities().TrackBatch, 1) }

// Ready reports whether anything may be sent now, and if not, when to ask again.
// While the breaker is open it makes the one probe of the interval.
func (e *Engine) Ready(ctx context.Context) (bool, time.Duration) {
	if e.account.Stopped(ctx) != nil {
		return false, e.policy.RetryMin
	}
	if e.breaker.Open().IsZero() {
		return true, 0
	}
	probe, wait := e.breaker.Probe()
	if !probe {
		return false, wait
	}
	ctx, cancel := context.WithTimeout(ctx, e.policy.SubmitTimeout)
	defer cancel()
	err := e.service.Probe(ctx)
	if err == nil {
		e.breaker.Good()
		e.log.Info("fax service is back")
		return true, 0
	}
	if verdict(err) == Unauthorized {
		e.stopAccount(err)
	}
	_, wait = e.breaker.Probe()
	return false, wait
}

// stopAccount makes a refused stored credential rest.
func (e *Engine) stopAccount(err error) {
	e.log.Error("fax service refused the account; it rests until its credential changes or it is resumed", "err", err)
	if err := e.account.Refused(e.now(), code(err)); err != nil {
		e.log.Error("stop of the account could not be stored", "err", err)
	}
}

// backoff is the wait before try n+1 after n failures: exponential with full
// jitter above the half, never shorter than the service asked for.
func (e *Engine) backoff(failures int, err error) time.Duration {
	d := e.policy.RetryMin << min(failures, 20)
	if d <= 0 || d > e.policy.RetryMax {
		d = e.policy.RetryMax
	}
	d = d/2 + rand.N(d/2+1)
	var se *Error
	if errors.As(err, &se) && se.RetryAfter > d {
		d = se.RetryAfter
	}
	return d
}

// verdict classifies an error; what carries no *Error is ambiguous unless the
// request was provably not written.
func verdict(err error) Verdict {
	var se *Error
	switch {
	case errors.As(err, &se):
		return se.Verdict
	case errors.Is(err, ErrNotWritten):
		return NotTaken
	}
	return Ambiguous
}

// reason and code of an error, for the record.
func reason(err error) job.Reason {
	var se *Error
	if errors.As(err, &se) && se.Reason != job.ReasonNone {
		return se.Reason
	}
	return job.ReasonService
}

func code(err error) string {
	var se *Error
	if errors.As(err, &se) {
		return se.Code
	}
	return ""
}

// fax is the present try of a claimed delivery as the service sees it.
func (e *Engine) fax(c *spool.Claim, doc Document) Fax {
	d := c.Delivery()
	g, _ := c.Job.GrantFor(e.id)
	return Fax{
		Key: job.Key(c.Ref.Job, c.Recipient, d.Try), To: d.Recipient.Number, Grant: g,
		Document: doc, Resolution: c.Job.Options.Resolution, Since: d.Begun,
	}
}

// down counts a failed request towards the breaker, unless the service only
// asked for patience.
func (e *Engine) down(err error) {
	var se *Error
	if !errors.As(err, &se) || se.RetryAfter == 0 {
		e.breaker.Bad()
	}
}

// record makes a step that must not be lost because somebody stops the agent:
// it outlives ctx.
func (e *Engine) record(ctx context.Context, c *spool.Claim, s job.Step) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.policy.Lease)
	defer cancel()
	s.At = e.now()
	from := c.Delivery().State
	if err := e.spool.Outcome(ctx, c, s); err != nil {
		// Fenced: somebody else decides now. Anything else: the lease runs out and
		// the delivery is found again in the state it was in.
		e.log.Warn("step was not recorded", "job", c.Ref, "from", from, "to", s.To, "err", err)
		return
	}
	e.log.Info("delivery", "job", c.Ref, "from", from, "to", s.To, "cause", s.Cause, "reason", s.Reason)
}

// release gives a claim back without a move.
func (e *Engine) release(ctx context.Context, c *spool.Claim, due time.Time) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.policy.Lease)
	defer cancel()
	if err := e.spool.Release(ctx, c, due); err != nil && !errors.Is(err, spool.ErrFenced) {
		e.log.Warn("claim was not released", "job", c.Ref, "err", err)
	}
}

// hold keeps a claim alive while work goes on. The returned context ends when
// the claim is lost; done stops the renewing and waits for it.
func (e *Engine) hold(ctx context.Context, c *spool.Claim) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	quit, ended := make(chan struct{}), make(chan struct{})
	own := *c // a copy, because the worker uses its own claim meanwhile
	go func() {
		defer close(ended)
		tick := time.NewTicker(e.policy.Lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := e.spool.Extend(ctx, &own, e.policy.Lease); err != nil {
					cancel(fmt.Errorf("claim of %s: %w", own.Ref, err))
					return
				}
			}
		}
	}()
	return ctx, func() { close(quit); <-ended; cancel(nil) }
}
