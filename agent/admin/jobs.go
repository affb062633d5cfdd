package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// listLimit is the most a spool lists at once.
const listLimit = 200

func (s *Server) list(r *http.Request) (any, error) {
	q := r.URL.Query()
	f := spool.Filter{Device: q.Get("device"), Newest: true}
	for _, st := range q["state"] {
		f.States = append(f.States, job.State(st))
	}
	limit := listLimit
	if n := q.Get("limit"); n != "" {
		var err error
		if limit, err = strconv.Atoi(n); err != nil || limit < 1 || limit > listLimit {
			return nil, &Error{CodeInvalid, fmt.Sprintf("limit: want 1 to %d", listLimit)}
		}
	}
	jobs, next, err := s.opts.Spool.List(r.Context(), f, job.ID(q.Get("after")), limit)
	if err != nil {
		return nil, err
	}
	page := jobPage{Jobs: make([]Job, len(jobs)), Next: next}
	for i, j := range jobs {
		page.Jobs[i] = view(j)
	}
	return page, nil
}

func (s *Server) show(r *http.Request) (any, error) {
	j, err := s.find(r.Context(), r.PathValue("job"))
	if err != nil {
		return nil, err
	}
	return view(j), nil
}

// ask performs a wish on a job and answers with the job afterwards.
func (s *Server) ask(r *http.Request, verb string, do func(ctx context.Context, j *job.Job, w wish) error) (any, error) {
	var w wish
	if err := decode(r, &w); err != nil {
		return nil, err
	}
	ctx := r.Context()
	j, err := s.find(ctx, r.PathValue("job"))
	if err != nil {
		return nil, err
	}
	if w.Recipient < 0 || w.Recipient > len(j.Deliveries) {
		return nil, &Error{CodeInvalid, fmt.Sprintf("fax %s has %d recipients, not %d", j.Number, len(j.Deliveries), w.Recipient)}
	}
	if err := do(ctx, j, w); err != nil {
		return nil, err
	}
	s.opts.Log.Info("asked for at the command line", "what", verb, "job", j.ID, "recipient", w.Recipient)
	if j, err = s.opts.Spool.Get(ctx, j.ID); err != nil {
		return nil, err
	}
	return view(j), nil
}

func (s *Server) cancel(r *http.Request) (any, error) {
	return s.ask(r, "cancel", func(ctx context.Context, j *job.Job, w wish) error {
		err := s.opts.Spool.Cancel(ctx, spool.Ref{Job: j.ID, Recipient: w.Recipient})
		if errors.Is(err, spool.ErrConflict) {
			return &Error{CodeConflict, fmt.Sprintf("fax %s cannot be cancelled: %s", j.Number, standing(j, w.Recipient))}
		}
		return err
	})
}

func (s *Server) retry(r *http.Request) (any, error) {
	return s.ask(r, "retry", func(ctx context.Context, j *job.Job, w wish) error {
		err := s.opts.Spool.Retry(ctx, spool.Ref{Job: j.ID, Recipient: w.Recipient})
		if errors.Is(err, spool.ErrConflict) {
			return &Error{CodeConflict, fmt.Sprintf("fax %s has nothing to retry, only what failed is: %s", j.Number, standing(j, w.Recipient))}
		}
		return err
	})
}

func (s *Server) decide(r *http.Request) (any, error) {
	return s.ask(r, "decide", func(ctx context.Context, j *job.Job, w wish) error {
		switch w.Verdict {
		case spool.VerdictSent, spool.VerdictAgain, spool.VerdictUnknown:
		default:
			return &Error{CodeInvalid, fmt.Sprintf("verdict %q: want sent, again or unknown", w.Verdict)}
		}
		by := strings.TrimSpace(w.By)
		if by == "" || len(by) > 64 || strings.ContainsFunc(by, unicode.IsControl) {
			return &Error{CodeInvalid, "by: want the name of who decides, at most 64 bytes"}
		}
		if w.Recipient == 0 {
			if len(j.Deliveries) != 1 {
				return &Error{CodeInvalid, fmt.Sprintf("fax %s has %d recipients, say which: %s/1 …", j.Number, len(j.Deliveries), j.Number)}
			}
			w.Recipient = 1
		}
		err := s.opts.Spool.Decide(ctx, spool.Ref{Job: j.ID, Recipient: w.Recipient}, w.Verdict, "command line: "+by)
		if errors.Is(err, spool.ErrConflict) {
			return &Error{CodeConflict, fmt.Sprintf("fax %s needs no decision: %s", j.Number, standing(j, w.Recipient))}
		}
		return err
	})
}

// standing says in a few words where a job or one of its deliveries is.
func standing(j *job.Job, recipient int) string {
	if recipient > 0 {
		return fmt.Sprintf("recipient %d is %s", recipient, j.Deliveries[recipient-1].State)
	}
	if len(j.Deliveries) == 1 && (j.State == job.Ready || j.State == job.Closed) {
		return "it is " + string(j.Deliveries[0].State)
	}
	if o := j.Outcome(); o != job.OutcomeNone {
		return "it is " + string(o)
	}
	return "it is " + string(j.State)
}
