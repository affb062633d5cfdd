package signin

import (
	"errors"

	"github.com/platen-fax/platen/agent/directory"
)

// RefusedByDirectory is what a panel says when a directory did not find somebody
// by name. That a badge is ambiguous is told apart by whoever looked for it.
func RefusedByDirectory(err error) *Refused {
	r := &Refused{Problem: DirectoryDown, Err: err} // also for what it never says
	switch {
	case errors.Is(err, directory.ErrUnknown), errors.Is(err, directory.ErrAmbiguous):
		r.Problem = PersonUnknown
	case errors.Is(err, directory.ErrDisabled):
		r.Problem = PersonDisabled
	case errors.Is(err, directory.ErrNotAllowed):
		r.Problem = NotAllowed
	case errors.Is(err, directory.ErrIncomplete):
		r.Problem = NoAddress
	}
	return r
}
