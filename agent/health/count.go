package health

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// Run counts what happens in the spool from now on, until ctx ends, whose error
// it returns. It blocks. Counters begin at 0 with every start of the agent.
func (h *Health) Run(ctx context.Context) error {
	cursor, err := h.opts.Spool.Last(ctx)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	drafts := map[job.ID]int{} // pages seen so far
	for e, err := range h.opts.Spool.Watch(ctx, cursor) {
		if err != nil {
			return fmt.Errorf("health: %w", err)
		}
		switch e.Kind {
		case spool.EventPage:
			h.countPages(drafts, e)
		case spool.EventJob:
			if e.State != job.Draft {
				delete(drafts, e.Ref.Job)
			}
			if err := h.countJob(ctx, e); err != nil && ctx.Err() == nil {
				h.opts.Log.Warn("health: a job was not counted", "job", e.Ref.Job, "err", err)
			}
		case spool.EventDelivery:
			h.countDelivery(e)
		}
	}
	return ctx.Err()
}

func (h *Health) inc(format string, args ...any) {
	h.set.GetOrCreateCounter(fmt.Sprintf(format, args...)).Inc()
}

// countPages counts a page when the draft has more than before; converting and
// moving pages are told by the same event.
func (h *Health) countPages(drafts map[job.ID]int, e spool.Event) {
	if e.State != job.Draft {
		return
	}
	if n := e.Pages - drafts[e.Ref.Job]; n > 0 {
		h.set.GetOrCreateCounter(fmt.Sprintf("platen_pages_scanned_total{device=%q}", e.Device)).Add(n)
	}
	drafts[e.Ref.Job] = e.Pages
}

func (h *Health) countJob(ctx context.Context, e spool.Event) error {
	switch e.State {
	case job.Captured:
		h.inc("platen_jobs_accepted_total{device=%q}", e.Device)
		h.set.GetOrCreateCounter("platen_pages_accepted_total").Add(e.Pages)
	case job.Ready:
		j, err := h.opts.Spool.Get(ctx, e.Ref.Job)
		if err != nil {
			return ignoreGone(err)
		}
		// A person's retry makes a job ready again without converting anything.
		if first := j.Deliveries; len(first) > 0 && first[0].Try == 1 && first[0].Restarted.IsZero() {
			h.inc("platen_conversions_total{result=\"ok\"}")
		}
	case job.Closed:
		j, err := h.opts.Spool.Get(ctx, e.Ref.Job)
		if err != nil {
			return ignoreGone(err)
		}
		if o := j.Outcome(); o != job.OutcomeNone {
			h.inc("platen_jobs_final_total{result=%q}", o)
			h.set.GetOrCreateSummary("platen_job_seconds").Update(j.Ended.Sub(j.Accepted).Seconds())
		}
	case job.Failed:
		h.inc("platen_conversions_total{result=\"failed\"}")
		h.inc("platen_jobs_final_total{result=\"failed\"}")
	case job.Cancelled, job.Discarded:
		h.inc("platen_jobs_final_total{result=%q}", e.State)
	}
	return nil
}

func ignoreGone(err error) error {
	if errors.Is(err, spool.ErrNotFound) {
		return nil
	}
	return err
}

func (h *Health) countDelivery(e spool.Event) {
	if e.Delivery == job.Pending {
		return
	}
	h.inc("platen_delivery_moves_total{service=%q,state=%q}", e.Service, e.Delivery)
	switch {
	case e.Delivery == job.DeliveryFailed:
		h.inc("platen_delivery_failures_total{service=%q,reason=%q}", e.Service, e.Reason)
	case e.Delivery == job.Waiting && e.Reason != job.ReasonNone:
		h.inc("platen_delivery_retries_total{service=%q,reason=%q}", e.Service, e.Reason)
	}
}

// SignIn counts what became of one attempt to sign in: "ok" or the problem.
func (h *Health) SignIn(way, result string) {
	h.inc("platen_signin_total{way=%q,result=%q}", way, result)
}

// RoundTripper returns next with every request to a fax service counted and
// timed until its answer begins. It changes nothing about the request.
func (h *Health) RoundTripper(service string, next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		began := time.Now()
		resp, err := next.RoundTrip(req)
		result := "error"
		if err == nil {
			result = fmt.Sprintf("%dxx", resp.StatusCode/100)
		}
		h.inc("platen_service_requests_total{service=%q,result=%q}", service, result)
		h.set.GetOrCreateSummary(fmt.Sprintf("platen_service_request_seconds{service=%q}", service)).UpdateDuration(began)
		return resp, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
