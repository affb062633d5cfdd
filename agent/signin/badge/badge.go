// Package badge is signing in without typing a name: by a badge at a card
// reader, and by a token in which a device vouches for whom it has signed in
// itself.
//
// A badge is known to the directory, or was linked by somebody who signed in
// once in another way. Its number names a person and can be cloned, so it may
// ask for a PIN, it is never logged, and what is stored stands under keyed
// hashes. How a reader writes numbers is the business of its driver; what a
// panel shows of a tap is that of package signin.
package badge

import (
	"log/slog"
	"sync"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/registry"
	"github.com/platen-fax/platen/agent/signin"
)

// When a PIN is asked for beside a badge.
const (
	PINOff      = "off"
	PINOptional = "optional" // from those who have chosen one
	PINRequired = "required" // from everybody; who has none chooses one first
)

// Options are what badges are looked up with. Registry and Events are needed.
type Options struct {
	// Directory knows badges and people; nil: only linked badges let somebody in.
	Directory directory.Directory
	Registry  *registry.Registry
	PIN       string // PINOff, PINOptional or PINRequired; "" is PINOff
	Link      bool   // unknown badges may be linked by signing in once; links there are stay good without
	Events    *signin.Events
	Log       *slog.Logger // nil: none
}

// Badges knows whose a badge is. Safe for concurrent use.
type Badges struct {
	opts Options
	log  *slog.Logger

	linking sync.Mutex // links and the lists of them change together
	hashing sync.Mutex // one hash at a time bounds the memory
}

var _ signin.Badges = (*Badges)(nil)

// New returns the badges of an agent.
func New(o Options) *Badges {
	b := &Badges{opts: o, log: o.Log}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	return b
}

// broken is a failure of our own store.
func broken(err error) *signin.Refused { return &signin.Refused{Problem: signin.Broken, Err: err} }
