package signin_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/registry"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/signintest"
)

// counter is Limits over a store that can be opened again, with a clock.
type counter struct {
	t   *testing.T
	dir string
	now time.Time
	reg *registry.Registry
	*signin.Limits
}

func newCounter(t *testing.T) *counter {
	c := &counter{t: t, dir: t.TempDir(), now: time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)}
	c.reopen()
	return c
}

func (c *counter) reopen() {
	c.t.Helper()
	if c.reg != nil {
		if err := c.reg.Close(); err != nil {
			c.t.Fatal(err)
		}
	}
	clock := func() time.Time { return c.now }
	c.reg = signintest.OpenRegistry(c.t, c.dir, clock)
	c.Limits = signin.NewLimits(c.reg, signin.Policy{}, clock)
}

// attempt reserves and settles; it returns when the next is allowed, zero when
// this one was.
func (c *counter) attempt(identity string, spent, ok bool) time.Time {
	c.t.Helper()
	done, err := c.Reserve(identity)
	if refused, is := errors.AsType[*signin.Refused](err); is && refused.Problem == signin.TooManyTries && !refused.Spent {
		return refused.Until
	}
	if err != nil {
		c.t.Fatal(err)
	}
	if err := done(spent, ok); err != nil {
		c.t.Fatal(err)
	}
	return time.Time{}
}

func TestLimits(t *testing.T) {
	const ann = "name:ann@contoso.example"
	type step struct {
		after     time.Duration
		spent, ok bool
		until     time.Duration // from the start; 0: the attempt goes
	}
	fail := func(after time.Duration) step { return step{after: after, spent: true} }
	refused := func(after, until time.Duration) step { return step{after: after, spent: true, until: until} }
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{"two failures, a pause, two more, then nothing until half an hour after the first", []step{
			fail(0),
			fail(time.Second),
			refused(0, 61*time.Second),
			refused(59*time.Second, 61*time.Second),
			fail(time.Second), // at 61 s
			fail(time.Second), // the fourth, at 62 s
			refused(0, 30*time.Minute),
			refused(28*time.Minute, 30*time.Minute),
			fail(58 * time.Second),                 // at 30 min: the first is forgotten
			refused(0, 30*time.Minute+time.Second), // the second not yet
		}},
		{"a success forgets", []step{fail(0), {spent: true, ok: true}, fail(0), fail(0), refused(0, time.Minute)}},
		{"what was not spent does not count", []step{{}, {}, {}, {}, {}, {}, fail(0), {}, fail(0), refused(0, time.Minute)}},
		{"a clock set back lets nobody wait longer than policy", []step{
			fail(0), fail(0), refused(-100*time.Hour, -100*time.Hour+time.Minute), fail(time.Minute),
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, restart := range []bool{false, true} {
				c := newCounter(t)
				began := c.now
				for i, s := range tt.steps {
					c.now = c.now.Add(s.after)
					if restart {
						c.reopen()
					}
					var want time.Time
					if s.until != 0 {
						want = began.Add(s.until)
					}
					if got := c.attempt(ann, s.spent, s.ok); !got.Equal(want) {
						t.Fatalf("step %d, restart %v: refused until %v, want %v", i, restart, got, want)
					}
				}
			}
		})
	}
}

// TestLimitsIdentity counts one person in any case, and others apart, without a
// name in the file.
func TestLimitsIdentity(t *testing.T) {
	c := newCounter(t)
	for _, name := range []string{"name:ann@contoso.example", " NAME:Ann@CONTOSO.example "} {
		if until := c.attempt(name, true, false); !until.IsZero() {
			t.Fatalf("%q refused until %v", name, until)
		}
	}
	if until := c.attempt("name:ANN@contoso.example", true, false); until.IsZero() {
		t.Error("a third failure in other letters went at once")
	}
	for _, other := range []string{"name:bob@contoso.example", "pin:ann@contoso.example"} {
		if until := c.attempt(other, true, false); !until.IsZero() {
			t.Errorf("%q waits until %v for somebody else's failures", other, until)
		}
	}
	raw, err := os.ReadFile(filepath.Join(c.dir, registry.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(strings.ToLower(string(raw)), "contoso") {
		t.Error("a name is readable in the registry")
	}
}

// TestLimitsUnsettled counts what was under way when the process ended, and
// keeps what is under way elsewhere at a success.
func TestLimitsUnsettled(t *testing.T) {
	c := newCounter(t)
	for range 2 {
		if _, err := c.Reserve("ann"); err != nil {
			t.Fatal(err)
		}
	}
	c.reopen()
	if until := c.attempt("ann", true, false); !until.Equal(c.now.Add(time.Minute)) {
		t.Errorf("after a crash with two under way: until %v, want the pause", until)
	}

	one, err := c.Reserve("bob")
	if err != nil {
		t.Fatal(err)
	}
	two, err := c.Reserve("bob")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second call does nothing
		if err := one(true, true); err != nil {
			t.Fatal(err)
		}
	}
	if until := c.attempt("bob", true, false); !until.IsZero() {
		t.Fatalf("one under way since the success, and refused until %v", until)
	}
	if until := c.attempt("bob", true, false); until.IsZero() {
		t.Error("what was under way at the success was forgotten")
	}
	if err := two(false, false); err != nil {
		t.Fatal(err)
	}
	if until := c.attempt("bob", true, false); !until.IsZero() {
		t.Errorf("one failure since the success, and refused until %v", until)
	}
}

// TestLimitsTogether lets many devices try at once, over two counters of the
// same store as during a change of configuration.
func TestLimitsTogether(t *testing.T) {
	c := newCounter(t)
	again := signin.NewLimits(c.reg, signin.Policy{}, func() time.Time { return c.now })
	for round, want := range []int32{2, 2, 0} {
		var went atomic.Int32
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				l := c.Limits
				if i%2 == 0 {
					l = again
				}
				done, err := l.Reserve("ann")
				if err != nil {
					return
				}
				went.Add(1)
				if err := done(true, false); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if went.Load() != want {
			t.Errorf("round %d: %d attempts went, want %d", round, went.Load(), want)
		}
		c.now = c.now.Add(time.Minute)
	}
}

// TestLimitsProperty tries at random times with random ends: of any half hour
// since the last success no more than four failures are let through.
func TestLimitsProperty(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		c := newCounter(t)
		var failures []time.Time
		for range 120 {
			c.now = c.now.Add(time.Duration(rnd.IntN(600)) * time.Second / time.Duration(1+rnd.IntN(20)))
			ok, spent := rnd.IntN(25) == 0, rnd.IntN(4) > 0
			if !c.attempt("ann", spent, ok).IsZero() {
				continue
			}
			if ok {
				failures = nil
			} else if spent {
				failures = append(failures, c.now)
			}
			if n := len(failures); n > 4 && failures[n-1].Sub(failures[n-5]) < 30*time.Minute {
				t.Fatalf("seed %d: a fifth failure at %v after %v", seed, failures[n-1], failures[n-5])
			}
		}
	}
}
