// Package signintest has the other sides of a sign-in for tests: methods that do
// what the test says and remember what they were asked, and a Reception with its
// own store. It holds no test of its own.
package signintest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/registry"
	"github.com/platen-fax/platen/agent/seal"
	"github.com/platen-fax/platen/agent/signin"
)

// NewReception returns a Reception that is closed with the test. Where opt has no
// Limits, it counts in a registry of its own, by the default policy.
func NewReception(t testing.TB, opt signin.Options) *signin.Reception {
	t.Helper()
	if opt.Limits == nil {
		opt.Limits = signin.NewLimits(OpenRegistry(t, t.TempDir(), opt.Now), signin.Policy{}, opt.Now)
	}
	r := signin.NewReception(opt)
	t.Cleanup(r.Close)
	return r
}

// OpenRegistry opens or makes the registry in a directory. It is closed with the
// test, or before, to be opened again.
func OpenRegistry(t testing.TB, dir string, now func() time.Time) *registry.Registry {
	t.Helper()
	keys, err := seal.Open(seal.Options{StateDir: dir, Now: now}, registry.Exists(dir))
	if err != nil {
		t.Fatal(err)
	}
	child, err := keys.Child("registry")
	if err != nil {
		t.Fatal(err)
	}
	r, err := registry.Open(dir, child, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close() // twice is harmless
		keys.Close()
	})
	return r
}

// Discover is a [signin.Discoverer] made of a function.
type Discover func(ctx context.Context, email string) (signin.Discovery, error)

// Discover implements [signin.Discoverer].
func (d Discover) Discover(ctx context.Context, email string) (signin.Discovery, error) {
	return d(ctx, email)
}

// Typed is a [signin.Typed] that answers with Do.
type Typed struct {
	Do func(ctx context.Context, a signin.Attempt) (signin.Identity, error)

	mu   sync.Mutex
	seen []signin.Attempt
}

// Try implements [signin.Typed]. It remembers a copy of the attempt.
func (m *Typed) Try(ctx context.Context, a signin.Attempt) (signin.Identity, error) {
	kept := a
	kept.Secret = slices.Clone(a.Secret)
	m.mu.Lock()
	m.seen = append(m.seen, kept)
	m.mu.Unlock()
	return m.Do(ctx, a)
}

// Attempts returns what was tried, oldest first.
func (m *Typed) Attempts() []signin.Attempt {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.seen)
}

// Password returns a method that lets one person in with one password and
// refuses everybody else alike.
func Password(p job.Person, password string, a signin.Authority) *Typed {
	return &Typed{Do: func(_ context.Context, try signin.Attempt) (signin.Identity, error) {
		if try.Name != p.Email || string(try.Secret) != password {
			return signin.Identity{}, &signin.Refused{Problem: signin.BadCredentials, Spent: true}
		}
		return signin.Identity{Person: p, Authority: a}, nil
	}}
}

// Paired is a [signin.Paired] whose codes the test answers with Act.
type Paired struct {
	Shown signin.Shown // of every code
	Err   error        // of Start; nil: it gives a code

	mu   sync.Mutex
	open []*pairing
}

// Start implements [signin.Paired].
func (m *Paired) Start(context.Context, signin.Terminal, string) (signin.Pairing, error) {
	if m.Err != nil {
		return nil, m.Err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p := &pairing{shown: m.Shown, acted: make(chan func() (signin.Identity, error), 1)}
	m.open = append(m.open, p)
	return p, nil
}

// Started counts the codes that were asked for.
func (m *Paired) Started() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.open)
}

// Act lets the phone of the newest code act: with err nil the person signed in.
// It may be called once for each code.
func (m *Paired) Act(id signin.Identity, err error) {
	m.ActWith(func() (signin.Identity, error) { return id, err })
}

// ActWith is Act with what is made only if somebody still waits for it.
func (m *Paired) ActWith(fn func() (signin.Identity, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.open[len(m.open)-1]
	p.done = true
	p.acted <- fn
}

// Acted reports whether the newest code's phone has acted.
func (m *Paired) Acted() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.open[len(m.open)-1].done
}

type pairing struct {
	shown signin.Shown
	acted chan func() (signin.Identity, error)
	done  bool
}

func (p *pairing) Shown() signin.Shown { return p.shown }

func (p *pairing) Wait(ctx context.Context) (signin.Identity, error) {
	select {
	case fn := <-p.acted:
		return fn()
	case <-ctx.Done():
		return signin.Identity{}, ctx.Err()
	}
}

// Authority is a [signin.Authority] that counts.
type Authority struct {
	ServiceID string
	Err       error // of Grant; nil: it gives a ticket

	mu            sync.Mutex
	granted, ends int
}

// Service implements [signin.Authority].
func (a *Authority) Service() string { return a.ServiceID }

// Grant implements [signin.Authority].
func (a *Authority) Grant(context.Context, signin.Terms) (job.Grant, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.granted++
	if a.Err != nil {
		return job.Grant{}, a.Err
	}
	return job.Grant{Kind: job.GrantTicket, Service: a.ServiceID, Account: a.ServiceID, Ticket: []byte("ticket")}, nil
}

// End implements [signin.Authority].
func (a *Authority) End(context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ends++
	return nil
}

// Counts returns how often Grant and End were called.
func (a *Authority) Counts() (granted, ended int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.granted, a.ends
}
