package play

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/paper"
	"github.com/platen-fax/platen/simulator/process"
	"github.com/platen-fax/platen/simulator/scenario"
)

// settleTime is how long the jobs get to come to their end once all steps are
// done, beyond the scenario's own time.
const settleTime = 10 * time.Second

// job asks the agent for one job.
func (p *player) job(ctx context.Context, id string) (process.Job, error) {
	jobs, err := p.agent.Jobs(ctx)
	if err != nil {
		return process.Job{}, err
	}
	i := slices.IndexFunc(jobs, func(j process.Job) bool { return j.ID == id })
	if i < 0 {
		return process.Job{}, never("lost: the agent does not know job %s", id)
	}
	return jobs[i], nil
}

func (p *player) expectJob(ctx context.Context, e *scenario.ExpectJob) error {
	f, err := p.fax(e.Fax)
	if err != nil {
		return err
	}
	err = until(ctx, func() (bool, string, error) {
		j, err := p.job(ctx, f.promise.Job)
		if err != nil {
			return false, "", err
		}
		var d process.Delivery
		if len(j.Deliveries) > 0 {
			d = j.Deliveries[0]
		}
		var wrong []string
		for _, c := range []struct{ what, got, want string }{
			{"state", j.State, e.State},
			{"outcome", j.Outcome, e.Outcome},
			{"delivery", d.State, e.Delivery},
			{"reason", d.Reason, e.Reason},
		} {
			if c.want != "" && c.got != c.want {
				wrong = append(wrong, fmt.Sprintf("%s is %q, want %q", c.what, c.got, c.want))
			}
		}
		why := "job: " + strings.Join(wrong, ", ")
		if len(wrong) > 0 && j.Final() {
			return false, "", never("%s", why)
		}
		return len(wrong) == 0, why, nil
	})
	if err == nil && (e.Outcome == "failed" || e.Outcome == "cancelled" || e.Delivery == "failed" || e.Delivery == "cancelled") {
		f.unsent = true
	}
	return err
}

func (p *player) expectRead(ctx context.Context, e *scenario.ExpectRead) error {
	f, err := p.fax(e.Fax)
	if err != nil {
		return err
	}
	f.unsent = false
	stacks := p.stacks
	if len(e.Stacks) > 0 {
		stacks = nil
		for _, name := range e.Stacks {
			i := slices.IndexFunc(p.stacks, func(s stack) bool { return s.name == name })
			stacks = append(stacks, p.stacks[i])
		}
	} else if len(stacks) > 1 {
		stacks = stacks[len(stacks)-1:]
	}
	want := marks(stacks)
	if len(want) != e.Pages {
		return fmt.Errorf("pages: the stacks hold %d pages and %d are expected", len(want), e.Pages)
	}
	return until(ctx, func() (bool, string, error) {
		read := Delivered(p.entriesOf(f.promise.Job))
		switch {
		case len(read) == 0:
			return false, fmt.Sprintf("lost: fax %s did not arrive", f.promise.Number), nil
		case len(read) > 1:
			return false, "", never("doubled: fax %s arrived %d times", f.promise.Number, len(read))
		case e.To != "" && read[0].To != e.To:
			return false, "", never("fax %s went to another number", f.promise.Number)
		}
		if why := Compare(read[0], want); why != "" {
			return false, "", never("%s", why)
		}
		if e.UploadedOnce && read[0].Uploaded != read[0].Bytes {
			return false, "", never("upload: %d bytes went up for a document of %d", read[0].Uploaded, read[0].Bytes)
		}
		return true, "", nil
	})
}

// Delivered keeps the faxes that were confirmed, by whichever service.
func Delivered(entries []faxcloud.Entry) []faxcloud.Entry {
	return slices.DeleteFunc(entries, func(e faxcloud.Entry) bool { return !e.Delivered() })
}

// marks lists the pages that stacks of paper give, in order.
func marks(stacks []stack) []paper.Mark {
	var out []paper.Mark
	for _, s := range stacks {
		for page := 1; page <= s.pages; page++ {
			out = append(out, paper.Mark{Batch: s.batch, Page: page, Whole: true})
			if s.twoSided {
				out = append(out, paper.Mark{Batch: s.batch, Page: page, Side: 1, Whole: true})
			}
		}
	}
	return out
}

// Pages lists the marks of a one-sided stack of n pages, in order.
func Pages(batch uint32, n int) []paper.Mark { return marks([]stack{{batch: batch, pages: n}}) }

// Compare says what is wrong with the pages of a received document, or "".
func Compare(e faxcloud.Entry, want []paper.Mark) string {
	if e.Err != "" {
		return "pages: the document cannot be read: " + e.Err
	}
	var got []paper.Mark
	for i, page := range e.Pages {
		if page.Err != "" {
			return fmt.Sprintf("pages: page %d has no mark: %s", i+1, page.Err)
		}
		got = append(got, page.Mark)
	}
	if slices.Equal(got, want) {
		return ""
	}
	for i, m := range want {
		n := 0
		for _, g := range got {
			if g.Batch == m.Batch && g.Page == m.Page && g.Side == m.Side {
				n++
			}
		}
		switch {
		case n == 0:
			return fmt.Sprintf("lost: page %d of %d is missing", i+1, len(want))
		case n > 1:
			return fmt.Sprintf("doubled: page %d of %d is there %d times", i+1, len(want), n)
		}
	}
	for i, g := range got {
		if !g.Whole || g.Rotated {
			return fmt.Sprintf("pages: page %d is cut or upside down", i+1)
		}
	}
	return fmt.Sprintf("pages: there are %d, want %d, or their order is wrong", len(got), len(want))
}

// judge says what is wrong once everything has come to its end: jobs that do
// not end, and promised faxes that did not arrive exactly once. When the steps
// went wrong there is nothing to wait for.
func (p *player) judge(ctx context.Context, wait bool) []string {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), settleTime, fmt.Errorf("%v after the last step", settleTime))
	defer cancel()
	var reasons []string
	if wait && p.agent.PID() != 0 {
		err := until(ctx, func() (bool, string, error) {
			jobs, err := p.agent.Jobs(ctx)
			for _, j := range jobs {
				if !j.Final() && j.State != "draft" {
					return false, "unfinished: a job is still " + j.State, err
				}
			}
			return err == nil, "", err
		})
		if err != nil {
			reasons = append(reasons, err.Error())
		}
	}
	if n := p.w.Fax.Doubled(); n > 0 {
		reasons = append(reasons, fmt.Sprintf("doubled: %d faxes more than the agent meant to send", n))
	}
	for _, f := range p.faxes {
		n := len(Delivered(p.entriesOf(f.promise.Job)))
		switch {
		case f.unsent && n > 0:
			reasons = append(reasons, fmt.Sprintf("fax %s arrived although it failed or was cancelled", f.promise.Number))
		case !f.unsent && n == 0:
			reasons = append(reasons, fmt.Sprintf("lost: fax %s was promised and did not arrive", f.promise.Number))
		case n > 1:
			reasons = append(reasons, fmt.Sprintf("doubled: fax %s arrived %d times", f.promise.Number, n))
		}
	}
	reasons = append(reasons, p.passwords()...)
	return append(reasons, p.leaks(ctx)...)
}
