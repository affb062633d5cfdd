package signin

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/platen-fax/platen/agent/registry"
)

// Policy is how often one identity may fail, over all devices together: after
// every Tries failures nothing is tried for Pause, and with Max failures within
// Window nothing until Window after the first of them. Zero fields are the
// defaults.
type Policy struct {
	Tries  int           // default 2
	Pause  time.Duration // default 60 s
	Max    int           // default 4
	Window time.Duration // default 30 min
}

// triesKind is the kind of the counts in the registry.
const triesKind = "signin-tries"

// openTime is how long an attempt may be under way; one older than that ended
// with the process that made it, and counts as a failure.
const openTime = time.Minute

// Limits counts attempts. An attempt is counted, durably, before it leaves and
// taken back when the other side cannot have counted it, so that neither several
// devices at once nor a crash can exceed the policy. Identities stand in the
// registry as keyed hashes. Safe for concurrent use.
type Limits struct {
	r   *registry.Registry
	p   Policy
	now func() time.Time
}

// try is one attempt that failed or is under way.
type try struct {
	ID   string    `json:"id"`
	At   time.Time `json:"at"`
	Open bool      `json:"open,omitempty"`
}

// NewLimits counts in a registry. now may be nil for the system's clock; it
// should be the registry's.
func NewLimits(r *registry.Registry, p Policy, now func() time.Time) *Limits {
	p.Tries = cmp.Or(p.Tries, 2)
	p.Pause = cmp.Or(p.Pause, time.Minute)
	p.Max = cmp.Or(p.Max, 4)
	p.Window = cmp.Or(p.Window, 30*time.Minute)
	if now == nil {
		now = time.Now
	}
	return &Limits{r: r, p: p, now: now}
}

// Reserve counts one attempt of an identity, whatever its letters' case. Its
// error is a *[Refused] with TooManyTries and Until when nothing may be tried
// now, else of the registry; nothing may leave then.
//
// done settles the attempt and may be called again without effect: ok forgets
// earlier failures, and spent false takes the attempt back. An attempt that is
// never settled stays a failure.
func (l *Limits) Reserve(identity string) (done func(spent, ok bool) error, err error) {
	key, err := l.r.Hide(triesKind + "\x00" + fold(identity))
	if err != nil {
		return nil, fmt.Errorf("count an attempt: %w", err)
	}
	id := rand.Text()
	var until time.Time
	err = l.change(key, func(tries []try, now time.Time) []try {
		if until = l.until(tries); until.After(now) {
			return tries
		}
		until = time.Time{}
		return append(tries, try{ID: id, At: now, Open: true})
	})
	if err != nil {
		return nil, fmt.Errorf("count an attempt: %w", err)
	}
	if !until.IsZero() {
		return nil, &Refused{Problem: TooManyTries, Until: until}
	}
	var once sync.Once
	return func(spent, ok bool) (err error) {
		once.Do(func() { err = l.settle(key, id, spent, ok) })
		return err
	}, nil
}

func (l *Limits) settle(key, id string, spent, ok bool) error {
	err := l.change(key, func(tries []try, now time.Time) []try {
		tries = slices.DeleteFunc(tries, func(t try) bool {
			// A success says nothing about what is still under way elsewhere.
			return t.ID == id || ok && (!t.Open || now.Sub(t.At) > openTime)
		})
		if spent && !ok {
			tries = append(tries, try{ID: id, At: now})
		}
		return tries
	})
	if err != nil {
		return fmt.Errorf("settle an attempt: %w", err)
	}
	return nil
}

// change edits the tries of the last window, oldest first.
func (l *Limits) change(key string, fn func(tries []try, now time.Time) []try) error {
	var tries []try
	return l.r.Change(triesKind, key, &tries, l.p.Window, func() (bool, error) {
		now := l.now()
		tries = slices.DeleteFunc(tries, func(t try) bool { return now.Sub(t.At) >= l.p.Window })
		for i := range tries {
			if tries[i].At.After(now) {
				tries[i].At = now // the clock was set back: nobody waits longer for it
			}
		}
		tries = fn(tries, now)
		slices.SortStableFunc(tries, func(a, b try) int { return a.At.Compare(b.At) })
		return len(tries) > 0, nil
	})
}

// until returns when the next attempt may go; a time gone by means now.
func (l *Limits) until(tries []try) time.Time {
	n := len(tries)
	switch {
	case n >= l.p.Max:
		return tries[n-l.p.Max].At.Add(l.p.Window)
	case n > 0 && n%l.p.Tries == 0:
		return tries[n-1].At.Add(l.p.Pause)
	}
	return time.Time{}
}
