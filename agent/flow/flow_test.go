package flow

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// lanes is the part of a spool that the loops use: units by lane and due time.
type lanes struct {
	spool.Spool
	mu     sync.Mutex
	due    map[string][]time.Time
	claims map[string]int
	events chan spool.Event
}

func newLanes() *lanes {
	return &lanes{due: map[string][]time.Time{}, claims: map[string]int{}, events: make(chan spool.Event)}
}

func (l *lanes) add(lane string, due time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due[lane] = append(l.due[lane], due)
}

func (l *lanes) Claim(_ context.Context, lane string, n int, _ time.Duration) (out []*spool.Claim, next time.Time, _ error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claims[lane]++
	var rest []time.Time
	for _, due := range l.due[lane] {
		switch {
		case due.After(time.Now()):
			rest = append(rest, due)
			if next.IsZero() || due.Before(next) {
				next = due
			}
		case len(out) < n:
			out = append(out, &spool.Claim{Lane: lane, Job: &job.Job{}})
		default:
			rest = append(rest, due)
		}
	}
	l.due[lane] = rest
	return out, next, nil
}

func (l *lanes) Last(context.Context) (uint64, error) { return 0, nil }

func (l *lanes) Watch(ctx context.Context, _ uint64) iter.Seq2[spool.Event, error] {
	return func(yield func(spool.Event, error) bool) {
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-l.events:
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// TestStuckLaneDelaysNoOther hangs one service and counts what the other does.
func TestStuckLaneDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, bus := newLanes(), NewBus()
		for range 10 {
			l.add("send/stuck", time.Now())
			l.add("send/good", time.Now())
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := 0
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			Run(ctx, l, bus, []Worker{
				{Lane: "send/stuck", Parallel: 2, Do: func(ctx context.Context, _ []*spool.Claim) { <-ctx.Done() }},
				{Lane: "send/good", Do: func(context.Context, []*spool.Claim) { done++ }},
			}, nil)
		}()
		synctest.Wait()
		if done != 10 {
			t.Errorf("%d of 10 done beside a stuck service", done)
		}
		cancel()
		<-ended
	})
}

// TestWakeAndDue starts work at once when something changes, and at its time
// when nothing does.
func TestWakeAndDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, bus := newLanes(), NewBus()
		ctx, cancel := context.WithCancel(t.Context())
		var at []time.Duration
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := bus.Run(ctx, l); !errors.Is(err, context.Canceled) {
				t.Errorf("bus ended with %v", err)
			}
		})
		wg.Go(func() {
			Run(ctx, l, bus, []Worker{{Lane: "x", Do: func(context.Context, []*spool.Claim) { at = append(at, time.Since(start)) }}}, nil)
		})
		synctest.Wait()
		l.add("x", time.Now())
		l.events <- spool.Event{Seq: 1}
		synctest.Wait()
		l.add("x", start.Add(1500*time.Millisecond))
		l.events <- spool.Event{Seq: 2}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		cancel()
		wg.Wait()
		if len(at) != 2 || at[0] != 0 || at[1] != 1500*time.Millisecond {
			t.Errorf("worked at %v, want at once and at 1.5s", at)
		}
	})
}

// TestIdleCostsLittle counts how often an idle lane asks the spool.
func TestIdleCostsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		Run(ctx, l, NewBus(), []Worker{{Lane: "x"}}, nil)
		if n := l.claims["x"]; n > 125 {
			t.Errorf("%d claims in ten idle minutes", n)
		}
	})
}

// TestNotReady claims nothing while the service is down.
func TestNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes()
		l.add("x", time.Now())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		asked := 0
		Run(ctx, l, NewBus(), []Worker{{Lane: "x", Parallel: 3, Ready: func(context.Context) (bool, time.Duration) {
			asked++
			return false, time.Second
		}}}, nil)
		if l.claims["x"] != 0 || asked == 0 {
			t.Errorf("%d claims after asking %d times", l.claims["x"], asked)
		}
	})
}

// TestBusKeepsTheNewest lets a slow listener lose its oldest events only, and
// never blocks.
func TestBusKeepsTheNewest(t *testing.T) {
	b := NewBus()
	ch, unsubscribe := b.Subscribe(3)
	for i := range uint64(10) {
		b.publish(spool.Event{Seq: i + 1})
	}
	for want := uint64(8); want <= 10; want++ {
		if e := <-ch; e.Seq != want {
			t.Errorf("event %d, want %d", e.Seq, want)
		}
	}
	unsubscribe()
	b.publish(spool.Event{Seq: 11})
	select {
	case e := <-ch:
		t.Errorf("event %d after the subscription ended", e.Seq)
	default:
	}
}

// TestCalm acts on no deadline while the clock is not to be trusted.
func TestCalm(t *testing.T) {
	wall := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	mono := time.Duration(0)
	newest := wall.Add(-time.Hour)
	c := NewCalm(func() time.Time { return wall }, func() time.Time { return newest }, time.Minute, 5*time.Minute)
	c.mono = func() time.Duration { return mono }
	step := func(realTime, set time.Duration) bool {
		mono += realTime
		wall = wall.Add(realTime + set)
		ok, _ := c.Ready()
		return ok
	}
	for _, tt := range []struct {
		name      string
		pass, set time.Duration
		want      bool
	}{
		{"first look", 0, 0, true},
		{"an hour passes", time.Hour, 0, true},
		{"a little adjustment", time.Second, 30 * time.Second, true},
		{"ten days ahead", time.Second, 240 * time.Hour, false},
		{"still calm", 4 * time.Minute, 0, false},
		{"rested", 2 * time.Minute, 0, true},
		{"back again", time.Second, -240 * time.Hour, false},
		{"rested again", 6 * time.Minute, 0, true},
	} {
		if got := step(tt.pass, tt.set); got != tt.want {
			t.Errorf("%s: ready = %v, want %v", tt.name, got, tt.want)
		}
	}
	newest = wall.Add(time.Minute)
	if ok, wait := c.Ready(); ok || wait <= 0 {
		t.Errorf("behind the newest record: ready = %v, wait %v", ok, wait)
	}
	if c.Jumps() != 2 {
		t.Errorf("%d jumps, want 2", c.Jumps())
	}
}

// expiring is a spool that records what the deadlines do.
type expiring struct {
	spool.Work
	did []string
}

func (e *expiring) Release(context.Context, *spool.Claim, time.Time) error {
	e.did = append(e.did, "release")
	return nil
}

func (e *expiring) Outcome(_ context.Context, _ *spool.Claim, s job.Step) error {
	e.did = append(e.did, string(s.To))
	return nil
}

func (e *expiring) Expire(_ context.Context, _ *spool.Claim, what job.Expiry) error {
	e.did = append(e.did, string(what))
	return nil
}

// TestDeadlines carries out what job says, and gives back what moved meanwhile.
func TestDeadlines(t *testing.T) {
	now := time.Now()
	l := job.DefaultLimits()
	old := now.Add(-100 * 24 * time.Hour)
	delivery := func(s job.DeliveryState, since time.Time) *spool.Claim {
		return &spool.Claim{Ref: spool.Ref{Recipient: 1}, Job: &job.Job{
			State: job.Ready, Accepted: since,
			Deliveries: []job.Delivery{{State: s, Since: since, Submitted: since, Begun: since}},
		}}
	}
	for _, tt := range []struct {
		name string
		c    *spool.Claim
		want string
	}{
		{"old draft", &spool.Claim{Job: &job.Job{State: job.Draft, Changed: old}}, "discard"},
		{"young draft", &spool.Claim{Job: &job.Job{State: job.Draft, Changed: now}}, "release"},
		{"unclaimed intake", &spool.Claim{Job: &job.Job{State: job.WaitingOwner, Accepted: old}}, "discard"},
		{"never converted", &spool.Claim{Job: &job.Job{State: job.Captured, Accepted: old}}, "fail"},
		{"closed, pages there", &spool.Claim{Job: &job.Job{State: job.Closed, Ended: now.Add(-time.Minute)}}, "erase"},
		{"closed, erased", &spool.Claim{Job: &job.Job{State: job.Closed, Ended: old, Erased: old}}, "forget"},
		{"waiting too long", delivery(job.Waiting, old), "failed"},
		{"submitted too long", delivery(job.Submitted, old), "unknown"},
		{"nobody decided", delivery(job.NeedsDecision, old), "unknown"},
		{"doubt without answers", delivery(job.InDoubt, old), "needs-decision"},
		{"nobody signed in", delivery(job.NeedsSignIn, old), "failed"},
		{"moved meanwhile", delivery(job.Submitted, now), "release"},
	} {
		e := &expiring{}
		w := Deadlines(e, l, NewCalm(time.Now, func() time.Time { return old }, time.Minute, time.Minute), func() time.Time { return now }, nil)
		w.Do(t.Context(), []*spool.Claim{tt.c})
		if len(e.did) != 1 || e.did[0] != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, e.did, tt.want)
		}
	}
}
