package spooltest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

var togetherTests = []test{
	{name: "no fence twice, no unit twice", run: func(w *world) {
		const jobs, workers = 20, 6
		for range jobs {
			w.ready("+14165550100", "+14165550101")
		}
		var mu sync.Mutex
		fences, holder := map[uint64]bool{}, map[spool.Ref]int{}
		var wg sync.WaitGroup
		for n := range workers {
			wg.Go(func() {
				for {
					cs, _, err := w.Claim(w.Context(), job.SendLane("main"), 3, time.Hour)
					if err != nil {
						w.Errorf("Claim: %v", err)
					}
					if len(cs) == 0 {
						return
					}
					mu.Lock()
					for _, c := range cs {
						if fences[c.Fence] {
							w.Errorf("fence %d was handed out twice", c.Fence)
						}
						if other, taken := holder[c.Ref]; taken {
							w.Errorf("%s is claimed by %d and %d", c.Ref, other, n)
						}
						fences[c.Fence], holder[c.Ref] = true, n
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(holder) != 2*jobs {
			w.Errorf("%d units claimed; want %d", len(holder), 2*jobs)
		}
	}},
	{name: "one of many wins each move", run: func(w *world) {
		// Every writer tries the same chain of tries on one delivery through
		// whatever claim it gets. Each successful step must be one event, and
		// the tries must count up without a gap: as if they came one by one.
		j := w.ready("+14165550100")
		ref := spool.Ref{Job: j.ID, Recipient: 1}
		const writers, rounds = 4, 6
		var wg sync.WaitGroup
		var mu sync.Mutex
		steps := 0
		for range writers {
			wg.Go(func() {
				for range rounds {
					cs, _, err := w.Claim(w.Context(), job.SendLane("main"), 1, time.Hour)
					if err != nil {
						w.Errorf("Claim: %v", err)
						return
					}
					for _, c := range cs {
						err := w.Outcome(w.Context(), c, job.Step{To: job.Waiting, Cause: job.CauseBroken})
						switch {
						case err == nil:
							mu.Lock()
							steps++
							mu.Unlock()
						case !errors.Is(err, spool.ErrFenced):
							w.Errorf("Outcome: %v", err)
						}
					}
					// Progress in Waiting is refused whoever holds what.
					if err := w.Decide(w.Context(), ref, spool.VerdictSent, "x"); !errors.Is(err, spool.ErrConflict) {
						w.Errorf("Decide = %v", err)
					}
				}
			})
		}
		wg.Wait()
		d := w.get(j.ID).Delivery(1)
		if d.Failures != steps || steps == 0 {
			w.Errorf("%d steps were acknowledged, %d are stored", steps, d.Failures)
		}
	}},
	{name: "cancel against submit: exactly one wins", run: func(w *world) {
		for range 15 {
			j := w.ready("+14165550100")
			c := w.to(j, job.Uploading)
			submit := make(chan error, 1)
			go func() { submit <- w.BeginSubmit(w.Context(), c, "c0ffee", time.Second) }()
			w.ok(w.Cancel(w.Context(), c.Ref), "Cancel")
			err := <-submit
			switch d := w.get(j.ID).Delivery(1); {
			case err == nil && d.State == job.Submitting && d.Cancel:
			case errors.Is(err, spool.ErrFenced) && d.State == job.DeliveryCancelled:
			default:
				w.Errorf("BeginSubmit = %v and the delivery is %s", err, d.State)
			}
		}
	}},
	{name: "the double tap on Send", run: func(w *world) {
		j := w.drafted(2)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				number := "+14165550100"
				if i%2 == 1 {
					number = "+14165550199"
				}
				_, err := w.Accept(w.Context(), j.ID, terms(number))
				won := w.get(j.ID).Deliveries[0].Recipient.Number
				if (won == number) != (err == nil) || (err != nil && !errors.Is(err, spool.ErrConflict)) {
					w.Errorf("Accept(%s) = %v while %s was promised", number, err, won)
				}
			})
		}
		wg.Wait()
		if got := len(w.get(j.ID).Deliveries); got != 1 {
			w.Errorf("%d deliveries; want 1", got)
		}
	}},
	{name: "discard against a scan under way", run: func(w *world) {
		for i := range 5 {
			j := w.drafted(1)
			added := make(chan error, 1)
			go func() {
				_, err := w.AddPage(w.Context(), j.ID, job.Page{}, bytes.NewReader(pageBytes(fmt.Sprint(i), 300_000)))
				added <- err
			}()
			w.ok(w.Discard(w.Context(), j.ID, "race"), "Discard")
			if err := <-added; err != nil && !errors.Is(err, spool.ErrConflict) && !errors.Is(err, spool.ErrErased) {
				w.Logf("AddPage = %v", err)
			}
			if got := w.get(j.ID); got.State != job.Discarded || got.Erased.IsZero() {
				w.Errorf("job is %s, erased %v", got.State, got.Erased)
			}
		}
		u, err := w.Usage(w.Context())
		w.ok(err, "Usage")
		if u.Used != 0 {
			w.Errorf("%d bytes are left", u.Used)
		}
	}},
	{name: "many jobs at once arrive whole", run: func(w *world) {
		var wg sync.WaitGroup
		ids := make([]job.ID, 12)
		for i := range ids {
			ids[i] = w.newID()
			wg.Go(func() {
				ctx := w.Context()
				_, err := w.Draft(ctx, &job.Job{ID: ids[i], Device: "front-desk"})
				for n := range 3 {
					if err == nil {
						_, err = w.AddPage(ctx, ids[i], job.Page{}, bytes.NewReader(pageBytes(fmt.Sprint(ids[i], n), 30_000)))
					}
				}
				if err == nil {
					_, err = w.Accept(ctx, ids[i], terms("+14165550100"))
				}
				if err != nil {
					w.Errorf("job %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		w.crash()
		for _, id := range ids {
			j := w.get(id)
			if j.State != job.Captured || len(j.Pages) != 3 {
				w.Errorf("job is %s with %d pages", j.State, len(j.Pages))
			}
			for n, p := range j.Pages {
				b, err := w.part(id, p.Part)
				if err != nil || !bytes.Equal(b, pageBytes(fmt.Sprint(id, n), 30_000)) {
					w.Errorf("%s: %v; want page %d", p.Part, err, n)
				}
			}
		}
	}},
}
