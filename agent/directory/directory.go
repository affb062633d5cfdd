// Package directory says who a badge or a name belongs to: the contract, its
// errors, and the one way in which e-mail addresses are compared. Where people
// are looked up is the business of the packages below it, one per source.
//
// A directory finds people and checks no passwords; what a person may do with
// a session is decided in package signin.
package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/platen-fax/platen/agent/job"
)

// Errors of a look-up, found wrapped in a *[LookupError]; callers use
// errors.Is. Only ErrUnavailable is worth a retry.
var (
	ErrUnknown     = errors.New("not in the directory")
	ErrAmbiguous   = errors.New("more than one person") // refused: any choice could be the wrong one
	ErrDisabled    = errors.New("disabled in the directory")
	ErrNotAllowed  = errors.New("not allowed to send")
	ErrIncomplete  = errors.New("no e-mail address in the directory")
	ErrUnavailable = errors.New("directory unavailable")
)

// Directory finds people. Methods may be called from several goroutines and
// end in bounded time even if ctx does not. The person's ID is the folded
// e-mail address, so that a person is the same whichever way they sign in.
type Directory interface {
	// ByBadge finds the owner of a badge number as the badge reader reports
	// it: digits and A to F.
	ByBadge(ctx context.Context, id string) (job.Person, error)

	// ByName finds a person by login name or e-mail address, in any case.
	ByName(ctx context.Context, name string) (job.Person, error)

	// Check looks whether the directory can answer, for doctor. Its error
	// tells IT what is wrong, with file and line or the server.
	Check(ctx context.Context) error
}

// LookupError says where a look-up failed. It does not say for whom.
type LookupError struct {
	Source string // id of the directory in the configuration
	By     string // "badge" or "name"
	Err    error
}

// Error returns "source: by badge: cause".
func (e *LookupError) Error() string { return fmt.Sprintf("%s: by %s: %v", e.Source, e.By, e.Err) }

// Unwrap returns the cause.
func (e *LookupError) Unwrap() error { return e.Err }

// Fold returns the form in which e-mail addresses and login names are
// compared: without spaces around, in lower case.
func Fold(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// FoldBadge returns the form in which badge numbers are compared. Leading
// zeros count: a profile that keeps them means them.
func FoldBadge(id string) string { return strings.ToUpper(strings.TrimSpace(id)) }

// NewPerson makes the person of an e-mail address and a name for display. An
// address without text on both sides of its @ is [ErrIncomplete].
func NewPerson(email, name string) (job.Person, error) {
	email = strings.TrimSpace(email)
	if at := strings.LastIndexByte(email, '@'); at < 1 || at == len(email)-1 {
		return job.Person{}, ErrIncomplete
	}
	return job.Person{ID: Fold(email), Name: strings.TrimSpace(name), Email: email}, nil
}
