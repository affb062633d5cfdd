package flow

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// Deadlines returns the worker that ends what lasted too long: drafts, unclaimed
// intakes, deliveries without an outcome, pages and records past retention. What
// is done and when is written in job; this only carries it out, while the clock
// is calm.
func Deadlines(s spool.Work, l job.Limits, calm *Calm, now func() time.Time, log *slog.Logger) Worker {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return Worker{
		Lane: job.LaneDeadline, Batch: 50, Lease: 30 * time.Second,
		Ready: func(context.Context) (bool, time.Duration) { return calm.Ready() },
		Do: func(ctx context.Context, claims []*spool.Claim) {
			for _, c := range claims {
				if err := expire(ctx, s, c, l, now()); err != nil && !errors.Is(err, spool.ErrFenced) {
					log.Error("deadline", "job", c.Ref, "err", err)
				}
			}
		},
	}
}

// expire carries out one deadline. A unit that moved meanwhile is given back.
func expire(ctx context.Context, s spool.Work, c *spool.Claim, l job.Limits, now time.Time) error {
	if d := c.Delivery(); d != nil {
		step, ok := d.Expired(c.Job, l, now)
		if !ok {
			return s.Release(ctx, c, time.Time{})
		}
		return s.Outcome(ctx, c, step)
	}
	at, what := c.Job.Deadline(l)
	if what == job.ExpireNothing || now.Before(at) {
		return s.Release(ctx, c, time.Time{})
	}
	return s.Expire(ctx, c, what)
}
