package esclscan

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/protocols/escl"
)

// look reads the status and finds the job in it. The status of a device that
// does not answer is asked for a few times more, because what the end of a
// batch means hangs on it.
func (p *pages) look(ctx context.Context) (s *escl.Status, job escl.JobInfo, listed bool, err error) {
	for try := 0; ; try++ {
		s, err = p.s.status(ctx)
		if err == nil {
			job, listed = s.Job(p.job)
			return s, job, listed, nil
		}
		if !unsent(err) || try == dialTries {
			return nil, job, false, err
		}
		if err := p.s.opt.Wait(ctx, pause); err != nil {
			return nil, job, false, err
		}
	}
}

// complaint is the reason that a status gives for a job that went wrong: what
// a person did, what the feeder says, what the job says. Nil if it gives none.
func (p *pages) complaint(s *escl.Status, job escl.JobInfo) error {
	if job.State == escl.JobCanceled || slices.Contains(job.Reasons, escl.ReasonCanceledAtDevice) {
		// Nobody but this driver can cancel over the network, and it did not.
		return devices.ErrCancelledAtDevice
	}
	if slices.Contains(job.Reasons, escl.ReasonAuthFailed) {
		return devices.ErrAccess
	}
	if p.want.InputSource == escl.SourceFeeder {
		if why := trouble(s.AdfState); why != nil {
			return why
		}
	}
	if job.State == escl.JobAborted || s.State == escl.StateStopped || s.State == escl.StateDown {
		return fmt.Errorf("%w: scanner %s, job %s %q", devices.ErrStopped, s.State, job.State, job.Reasons)
	}
	return nil
}

// over asks whether a job whose next page is not ready has gone wrong.
func (p *pages) over(ctx context.Context) error {
	s, err := p.s.status(ctx)
	if err != nil {
		return nil // 503 alone says "wait"
	}
	job, _ := s.Job(p.job)
	return p.complaint(s, job)
}

// reason returns why a page or a request went wrong, as far as the device
// tells, else err.
func (p *pages) reason(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errStall) {
		return context.Cause(ctx)
	}
	// A stalled page has ended the context; its reason is worth asking for.
	s, job, _, lookErr := p.look(context.WithoutCancel(ctx))
	if lookErr != nil {
		if unreachable(lookErr) {
			return fmt.Errorf("%w: %w", devices.ErrUnreachable, lookErr)
		}
		return err
	}
	if why := p.complaint(s, job); why != nil && !errors.Is(why, devices.ErrStopped) {
		return fmt.Errorf("%w: %w", why, err)
	}
	return err
}

// ended decides what 404, 410 or 409 for a page means: the end of
// the batch (errEnd), another error for its failure, nil for "ask again". last says
// that there has been enough asking.
//
//	job canceled, feeder in trouble, job aborted  its error
//	job completed                                 the end
//	job alive                                     ask again; a sensor may see an empty feeder
//	                                              while the last sheets are still on their way
//	job not listed, feeder not loaded, idle       the end
//	otherwise                                     ask again
//
// After enough asking a feeder that is not loaded is the end, and paper left
// in it means that the device stopped.
func (p *pages) ended(ctx context.Context, code int, last bool) error {
	s, job, listed, err := p.look(ctx)
	if err != nil {
		switch {
		case ctx.Err() != nil || unreachable(err):
			return err
		case code == http.StatusNotFound:
			return p.end(false) // a device without status: 404 is all it says
		default:
			return fmt.Errorf("%w: status %d for page %d", devices.ErrStopped, code, p.n+1)
		}
	}
	feeder := p.want.InputSource == escl.SourceFeeder
	empty := feeder && s.AdfState == escl.AdfEmpty
	if why := p.complaint(s, job); why != nil {
		// An empty feeder is a failed job to many devices, and not all of them
		// say why.
		gaveUp := job.State == escl.JobAborted && errors.Is(why, devices.ErrStopped)
		if gaveUp && feeder && p.n == 0 && (code == http.StatusNotFound || s.AdfState != escl.AdfLoaded) {
			return devices.ErrFeederEmpty
		}
		return why
	}
	alive := listed && job.State != escl.JobCompleted
	switch {
	case listed && !alive:
		return p.end(false)
	case p.n == 0 && empty && !p.s.opt.Quirks.RetryGone:
		return devices.ErrFeederEmpty
	case !listed && s.State == escl.StateIdle && s.AdfState != escl.AdfLoaded:
		return p.end(false)
	case last:
		return p.end(s.AdfState == escl.AdfLoaded)
	default:
		return nil
	}
}

// end is the end of a batch without a complaint. Without a single page it is
// none, and neither with paper left.
func (p *pages) end(paperLeft bool) error {
	feeder := p.want.InputSource == escl.SourceFeeder
	switch {
	case p.n == 0 && feeder && !paperLeft:
		return devices.ErrFeederEmpty
	case p.n == 0, feeder && paperLeft:
		return fmt.Errorf("%w: no page %d", devices.ErrStopped, p.n+1)
	default:
		return errEnd
	}
}
