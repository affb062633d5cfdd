package deliver

import (
	"errors"
	"fmt"
	"time"

	"github.com/platen-fax/platen/agent/job"
)

// Errors of a Service beside *Error.
var (
	ErrNotSearchable = errors.New("service cannot be searched")
	ErrTooLate       = errors.New("fax can no longer be withdrawn")
)

// Verdict says what a failed request means for the fax.
type Verdict string

// The verdicts.
const (
	// NotTaken: the service provably did not take the request; the same may be
	// tried again later.
	NotTaken Verdict = "not-taken"
	// Refused: a documented answer says no, and asking again will not help.
	Refused Verdict = "refused"
	// Unauthorized: 401 or 403. The credential must not be tried again.
	Unauthorized Verdict = "unauthorized"
	// Ambiguous: nobody can know. The default for anything else in Submit.
	Ambiguous Verdict = "ambiguous"
)

// Error is a failed request to a fax service.
type Error struct {
	Service    string // id of the service, may be empty
	Op         string // "upload", "submit", "search", "track", "cancel" or "probe"
	Verdict    Verdict
	Reason     job.Reason
	Code       string        // the service's own code or HTTP status, no personal data
	RetryAfter time.Duration // as asked by the service; 0: not told
	Stored     bool          // Unauthorized is about the stored credential, not the person's ticket
	Err        error
}

// Error says what failed and how sure that is.
func (e *Error) Error() string {
	s := e.Op + ": " + string(e.Verdict)
	if e.Service != "" {
		s = e.Service + ": " + s
	}
	if e.Code != "" {
		s += " (" + e.Code + ")"
	}
	if e.Err != nil {
		s = fmt.Sprintf("%s: %v", s, e.Err)
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
