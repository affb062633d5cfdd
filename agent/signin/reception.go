package signin

import (
	"context"
	"errors"
	"log/slog"
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
	// everybody.
	Discover Discoverer
	Fixed    Discovery
	Typed    map[Way]Typed  // the typed ways that are switched on
	Paired   map[Way]Paired // the ways by phone that are switched on
	Badges   Badges         // nil: badges have no PIN and cannot be linked
	People   People         // nil: everybody who signed in may send
	Domains  []string       // e-mail domains that may sign in; empty: all
	Queue    bool           // an unreachable sign-in lets a fax wait unverified
	Limits   *Limits        // required where Typed or Badges is set
	Now      func() time.Time
	Log      *slog.Logger // nil: nothing is logged
}

// Reception leads people through signing in.
type Reception struct{ opt Options }

// NewReception returns a Reception.
func NewReception(opt Options) *Reception { return &Reception{opt: opt} }

// Begin starts a sign-in.
func (r *Reception) Begin(ctx context.Context, v Visit) (View, error) { return View{}, nil }

// Look returns where a sign-in stands.
func (r *Reception) Look(id string) (View, bool) { return View{}, false }

// Answer takes one tap.
func (r *Reception) Answer(ctx context.Context, id string, a Answer) (View, error) {
	return View{}, ErrNoSignIn
}

// Drop forgets a sign-in.
func (r *Reception) Drop(id string) {}

// Take hands out the identity.
func (r *Reception) Take(id string) (Identity, error) { return Identity{}, ErrNoSignIn }

// Close ends all sign-ins.
func (r *Reception) Close() {}
