package deliver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// margin is what must be left of a lease after the committing request's
// deadline, so that a worker that was frozen cannot post after its takeover.
const margin = 2 * time.Second

// errStopped is the doubt about a request whose worker did not live to see the
// answer.
var errStopped = errors.New("the agent stopped during the request")

// Send takes one claimed delivery of the send lane as far as the service allows
// and gives the claim back. It blocks for the whole upload and submission.
func (e *Engine) Send(ctx context.Context, c *spool.Claim) {
	d := c.Delivery()
	if d.State == job.Submitting {
		// The worker that posted this died; nobody knows what the service did.
		e.doubt(ctx, c, errStopped)
		return
	}
	if d.Cancel {
		e.record(ctx, c, job.Step{To: job.DeliveryCancelled, Cause: job.CauseCancel})
		return
	}
	if g, ok := c.Job.GrantFor(e.id); !ok || !g.Valid(e.now()) {
		e.noGrant(ctx, c, ok)
		return
	}
	if d.State == job.Waiting {
		if err := e.spool.Advance(ctx, c, job.Step{To: job.Uploading, Cause: job.CauseStart, At: e.now()}); err != nil {
			e.release(ctx, c, e.now().Add(e.policy.RetryMin))
			return
		}
	}
	doc, err := e.docs.Document(ctx, c.Job, e.service.Capabilities().Formats[0])
	switch {
	case errors.Is(err, ErrDocument):
		e.log.Error("document", "job", c.Ref, "err", err)
		e.record(ctx, c, job.Step{To: job.DeliveryFailed, Cause: job.CauseRefused, Reason: job.ReasonDocumentRejected})
		return
	case err != nil:
		e.broken(ctx, c, err)
		return
	}
	if why := e.over(doc); why != "" {
		e.record(ctx, c, job.Step{To: job.DeliveryFailed, Cause: job.CauseRefused, Reason: job.ReasonTooLarge, Code: why})
		return
	}
	if refs, ok := e.upload(ctx, c, e.fax(c, doc)); ok {
		e.submit(ctx, c, e.fax(c, doc), refs)
	}
}

// over names the limit of the service that a document exceeds, or "".
func (e *Engine) over(doc Document) string {
	caps := e.service.Capabilities()
	switch {
	case caps.MaxBytes > 0 && doc.Size > caps.MaxBytes:
		return fmt.Sprintf("%d of %d bytes", doc.Size, caps.MaxBytes)
	case caps.MaxPages > 0 && doc.Pages > caps.MaxPages:
		return fmt.Sprintf("%d of %d pages", doc.Pages, caps.MaxPages)
	}
	return ""
}

// noGrant handles a delivery without usable authority. One without any was
// accepted by mistake and can never be sent here.
func (e *Engine) noGrant(ctx context.Context, c *spool.Claim, has bool) {
	if !has {
		e.record(ctx, c, job.Step{To: job.DeliveryFailed, Cause: job.CauseRefused, Reason: job.ReasonAuth, Code: "no grant"})
		return
	}
	e.record(ctx, c, job.Step{To: job.NeedsSignIn, Cause: job.CauseGrant, Reason: job.ReasonAuth})
}

// upload brings the document to the service; ok is false when the claim was
// given back.
func (e *Engine) upload(ctx context.Context, c *spool.Claim, f Fax) (refs map[string]string, ok bool) {
	d := c.Delivery()
	held, done := e.hold(ctx, c)
	refs, err := e.service.Upload(held, f, d.Refs, d.Offset, func(refs map[string]string, offset int64) error {
		return e.spool.Progress(held, c, refs, offset)
	})
	lost := context.Cause(held)
	done()
	switch {
	case err == nil:
		e.breaker.Good()
		return refs, true
	case errors.Is(lost, spool.ErrFenced) || errors.Is(err, spool.ErrFenced):
		return nil, false // somebody else decides: cancelled, or taken over
	case ctx.Err() != nil:
		e.release(ctx, c, e.now()) // stopping: another run goes on from here
		return nil, false
	}
	e.log.Warn("upload", "job", c.Ref, "err", err)
	switch verdict(err) {
	case Unauthorized:
		e.unauthorized(ctx, c, err, job.CauseBroken)
	case Refused:
		e.record(ctx, c, job.Step{To: job.DeliveryFailed, Cause: job.CauseRefused, Reason: reason(err), Code: code(err)})
	default:
		e.down(err)
		e.broken(ctx, c, err)
	}
	return nil, false
}

// broken puts an unfinished upload off.
func (e *Engine) broken(ctx context.Context, c *spool.Claim, err error) {
	due := e.now().Add(e.backoff(c.Delivery().Failures, err))
	e.record(ctx, c, job.Step{To: job.Waiting, Cause: job.CauseBroken, Due: due, Reason: reason(err), Code: code(err)})
}

// unauthorized stops a refused account, or asks the person to sign in again.
// The service answered no, so nothing was taken and the key stays.
func (e *Engine) unauthorized(ctx context.Context, c *spool.Claim, err error, cause job.Cause) {
	var se *Error
	stored := errors.As(err, &se) && se.Stored
	if g, _ := c.Job.GrantFor(e.id); g.Kind == job.GrantTicket && !stored {
		e.record(ctx, c, job.Step{To: job.NeedsSignIn, Cause: job.CauseGrant, Reason: job.ReasonAuth, Code: code(err)})
		return
	}
	e.stopAccount(err)
	e.record(ctx, c, job.Step{To: job.Waiting, Cause: cause, Due: e.now(), Reason: job.ReasonAuth, Code: code(err)})
}

// submit makes the committing request. From the durable intent to the recorded
// answer it does not listen to ctx: an agent that is asked to stop finishes it.
func (e *Engine) submit(ctx context.Context, c *spool.Claim, f Fax, refs map[string]string) {
	need := e.policy.SubmitTimeout + margin
	if err := e.spool.Extend(ctx, c, need+e.policy.Lease); err != nil {
		e.release(ctx, c, e.now())
		return
	}
	if err := e.spool.BeginSubmit(ctx, c, f.Document.SHA256, need); err != nil {
		if !errors.Is(err, spool.ErrFenced) {
			e.log.Warn("intent was not stored", "job", c.Ref, "err", err)
			e.release(ctx, c, e.now())
		}
		return
	}
	f.Since = c.Delivery().Begun
	post, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.policy.SubmitTimeout)
	id, err := e.service.Submit(post, f, refs)
	cancel()
	if err == nil {
		e.breaker.Good()
		e.record(ctx, c, job.Step{To: job.Submitted, Cause: job.CauseAccepted, FaxID: id, Due: e.now().Add(e.policy.Poll)})
		return
	}
	e.log.Warn("submit", "job", c.Ref, "err", err)
	switch verdict(err) {
	case NotTaken:
		e.down(err)
		due := e.now().Add(e.backoff(c.Delivery().Failures, err))
		e.record(ctx, c, job.Step{To: job.Waiting, Cause: job.CauseNotTaken, Due: due, Reason: reason(err), Code: code(err)})
	case Unauthorized:
		e.unauthorized(ctx, c, err, job.CauseNotTaken)
	case Refused:
		e.record(ctx, c, job.Step{To: job.DeliveryFailed, Cause: job.CauseRefused, Reason: reason(err), Code: code(err)})
	default:
		e.down(err)
		e.doubt(ctx, c, err)
	}
}

// doubt records that nobody knows whether the service took the fax. The first
// search comes one settle after the deadline of the request.
func (e *Engine) doubt(ctx context.Context, c *spool.Claim, err error) {
	due := c.Delivery().Begun.Add(e.policy.SubmitTimeout + e.settle())
	if e.service.Capabilities().Dedupe == DedupeNone {
		due = e.now()
	}
	e.record(ctx, c, job.Step{To: job.InDoubt, Cause: job.CauseAmbiguous, Due: due, Reason: job.ReasonUnknown, Code: code(err)})
}

// settle is the time after which a committed fax is surely found.
func (e *Engine) settle() time.Duration {
	return max(e.policy.Settle, e.service.Capabilities().Settle)
}
