package signin

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/platen-fax/platen/agent/job"
)

// ErrNoSignIn says that no sign-in of this visit is under way, or none that is
// done where that is asked for.
var ErrNoSignIn = errors.New("no such sign-in")

// Badges is what a sign-in asks about badges and their PINs. Safe for concurrent
// use; failures are *[Refused].
type Badges interface {
	// CheckPIN compares the PIN typed for a badge: BadPIN, or PINNeeded where the
	// person has none. Tries are counted by the caller.
	CheckPIN(ctx context.Context, person job.Person, pin []byte) error
	// SetPIN makes a PIN the person's; BadInput for one that is not 4 to 8 digits
	// or too easy.
	SetPIN(ctx context.Context, person job.Person, pin []byte) error
	// NeedsPIN says whether policy wants a PIN typed and whether the person has
	// one.
	NeedsPIN(ctx context.Context, person job.Person) (ask, set bool, err error)
	// Link makes the badge that a tap's Link stands for the person's.
	Link(ctx context.Context, link string, person job.Person) error
}

// People says who of those that signed in may send from devices. Safe for
// concurrent use.
type People interface {
	// Allowed returns the person as the directory knows them. Failures are
	// *[Refused]: NotAllowed, PersonUnknown, PersonDisabled, NoAddress,
	// DirectoryDown.
	Allowed(ctx context.Context, p job.Person) (job.Person, error)
}

// Options are what a Reception works with.
type Options struct {
	// Discover finds out how an e-mail address signs in; with nil it is Fixed for
	// everybody. It is asked with a user name too, and says EmailNeeded where that
	// is no use.
	Discover Discoverer
	Fixed    Discovery
	Typed    map[Way]Typed    // the typed ways that are switched on
	Paired   map[Way]Paired   // the ways by phone that are switched on
	Badges   Badges           // nil: badges have no PIN and cannot be linked
	People   People           // nil: everybody who signed in may send
	Domains  []string         // e-mail domains that may sign in; empty: all
	Queue    bool             // an unreachable sign-in lets a fax wait unverified
	Limits   *Limits          // required where Typed or Badges is set
	Now      func() time.Time // nil: the system's clock
	Log      *slog.Logger     // nil: nothing is logged
}

// How long the steps of a sign-in may take. One Answer stays below 18 s.
const (
	answerTime   = 18 * time.Second
	attemptTime  = 13 * time.Second // one typed attempt
	discoverTime = 8 * time.Second
	pairTime     = 8 * time.Second // asking for a code to show
	lookTime     = 4 * time.Second // directory and badges
)

// forgotten is how long a sign-in lives that nobody answers or drops.
const forgotten = 30 * time.Minute

// Reception leads people through signing in: one for a running machine, one
// sign-in for each visit. What is typed goes to one method, once for each tap;
// a password outlives its Answer only while a one-time code for it is asked
// for, at most 60 s. Safe for concurrent use.
type Reception struct {
	opt Options
	now func() time.Time
	log *slog.Logger

	mu     sync.Mutex
	open   map[string]*signIn
	rev    int // of the newest view of all visits, so that no old form fits a new sign-in
	closed bool
	wg     sync.WaitGroup // turns, pairings, and authorities being given back
}

// NewReception returns a Reception without sign-ins.
func NewReception(opt Options) *Reception {
	r := &Reception{opt: opt, now: opt.Now, log: opt.Log, open: make(map[string]*signIn)}
	if r.now == nil {
		r.now = time.Now
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.rev = rand.IntN(1 << 30) // visits outlive a Reception: the next one's numbers are others
	return r
}

// Begin starts the sign-in of a visit in place of an earlier one. It may ask the
// directory or for a phone's code, which takes up to 18 s. Its errors are of a
// broken store, or [ErrNoSignIn] after Close.
func (r *Reception) Begin(ctx context.Context, v Visit) (View, error) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return View{}, ErrNoSignIn
	}
	for id, s := range r.open {
		if id == v.ID || r.now().Sub(s.touched) > forgotten {
			r.drop(id, s)
		}
	}
	s := &signIn{visit: v}
	r.open[v.ID] = s
	ctx = r.take(ctx, s)
	r.mu.Unlock()
	view, err := r.start(ctx, s)
	return r.leave(s, view, err)
}

// Look returns where the sign-in of a visit stands; false when there is none.
func (r *Reception) Look(id string) (View, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.open[id]
	if s == nil || s.view.Stage == "" {
		return View{}, false
	}
	return s.view, true
}

// Answer takes one tap and returns what is asked next. It wipes a.Secret. An
// answer to an older view changes nothing; one that comes while another is being
// worked on changes nothing either, waits for that one, and returns what it
// brought. A typed attempt is finished, and counted, even if ctx ends; it takes
// up to 18 s. Errors are [ErrNoSignIn], or of a broken store.
func (r *Reception) Answer(ctx context.Context, id string, a Answer) (View, error) {
	defer Wipe(a.Secret)
	r.mu.Lock()
	s := r.open[id]
	if s == nil {
		r.mu.Unlock()
		return View{}, ErrNoSignIn
	}
	if busy := s.busy; busy != nil {
		r.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
		}
		if v, ok := r.Look(id); ok {
			return v, nil
		}
		return View{}, ErrNoSignIn
	}
	if a.Rev != s.view.Rev {
		defer r.mu.Unlock()
		return s.view, nil
	}
	ctx = r.take(ctx, s)
	r.mu.Unlock()
	view, err := r.answer(ctx, s, a)
	return r.leave(s, view, err)
}

// Drop forgets the sign-in of a visit: what was typed is wiped, a pairing is
// cancelled, an authority that nobody took is given back. It does not block; no
// sign-in is no error.
func (r *Reception) Drop(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.open[id]; s != nil {
		r.drop(id, s)
	}
}

// Take hands out the identity of a sign-in that is done, once: the sign-in is
// forgotten, and its authority is the caller's to end. [ErrNoSignIn] otherwise.
func (r *Reception) Take(id string) (Identity, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.open[id]
	if s == nil || s.busy != nil || s.view.Stage != StageDone {
		return Identity{}, ErrNoSignIn
	}
	identity := s.id
	s.id = Identity{}
	r.drop(id, s)
	return identity, nil
}

// Close drops all sign-ins and waits until nothing of them is under way; it takes
// bounded time. Nothing begins afterwards.
func (r *Reception) Close() {
	r.mu.Lock()
	r.closed = true
	for id, s := range r.open {
		r.drop(id, s)
	}
	r.mu.Unlock()
	r.wg.Wait()
}
