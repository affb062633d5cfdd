package flow

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/platen-fax/platen/agent/spool"
)

// Worker is one kind of work on one lane. Its goroutines are identical: claim,
// work, again.
type Worker struct {
	Lane     string
	Parallel int           // goroutines, at least 1
	Batch    int           // units per claim, at least 1
	Lease    time.Duration // of a claim
	// Ready says whether to claim at all now, and else when to ask again. nil is
	// always ready. Only one goroutine of the worker asks at a time.
	Ready func(ctx context.Context) (bool, time.Duration)
	// Do works on the claims and gives every one back. It returns early when
	// ctx ends, but not in the middle of what must not be cut.
	Do func(ctx context.Context, claims []*spool.Claim)
}

// The longest and shortest pauses of a loop. Work wakes it, so the longest only
// matters for what comes due by time alone and was not foreseen.
const (
	longPause  = 5 * time.Second
	shortPause = 20 * time.Millisecond
)

// Run works until ctx ends and then waits for the units in hand. Units are
// found at once when the bus announces a change.
func Run(ctx context.Context, s spool.Work, bus *Bus, workers []Worker, log *slog.Logger) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	var wg sync.WaitGroup
	for _, w := range workers {
		gate := &sync.Mutex{}
		for range max(w.Parallel, 1) {
			wg.Go(func() { loop(ctx, s, bus, w, gate, log) })
		}
	}
	wg.Wait()
}

// loop is one goroutine of a worker.
func loop(ctx context.Context, s spool.Work, bus *Bus, w Worker, gate *sync.Mutex, log *slog.Logger) {
	wake, unsubscribe := bus.Subscribe(1)
	defer unsubscribe()
	for ctx.Err() == nil {
		if w.Ready != nil {
			gate.Lock()
			ok, wait := w.Ready(ctx)
			gate.Unlock()
			if !ok {
				pause(ctx, nil, wait)
				continue
			}
		}
		claims, next, err := s.Claim(ctx, w.Lane, max(w.Batch, 1), w.Lease)
		if err != nil {
			if ctx.Err() == nil {
				log.Error("claim", "lane", w.Lane, "err", err)
			}
			pause(ctx, nil, longPause)
			continue
		}
		if len(claims) > 0 {
			w.Do(ctx, claims)
			continue
		}
		wait := longPause
		if !next.IsZero() {
			wait = min(wait, time.Until(next))
		}
		pause(ctx, wake, wait)
	}
}

// pause waits for a wake-up, the time or the end.
func pause(ctx context.Context, wake <-chan spool.Event, d time.Duration) {
	t := time.NewTimer(min(max(d, shortPause), longPause))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-t.C:
	}
}
