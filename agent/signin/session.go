// Package signin knows who stands at a device: the way into a session, the
// sessions of the panels, and the authority a session gives to a job.
//
// [Reception] leads a person through signing in: what is asked next, which ways
// are offered ([Order]), how often one identity may fail ([Limits]). How one way
// works on the wire is known to the packages below only, one for each. A session
// lives in memory and holds no secret: what a person typed to sign in is gone
// before it exists. The credential it came with, if any, is kept in
// [Authorities]. Sessions is an interface so that several agents can share them
// one day; how a fax is sent with a grant is not known here.
package signin

import (
	"context"
	"errors"
	"time"

	"github.com/platen-fax/platen/agent/job"
)

// ErrNoSession says that a token names no living session.
var ErrNoSession = errors.New("no such session")

// Session is one visit at one device. It is a value: changing a copy changes
// nothing, see Sessions.Update.
type Session struct {
	Token   string     // 32 random bytes in base64url; the cookie's value
	CSRF    string     // must come with every POST
	Device  string     // id of the device whose panel this is
	Shared  bool       // nobody signs in at this device
	Person  job.Person // zero where Shared
	Way     Way        // how Person signed in; "" where Shared
	Claimed string     // address typed by somebody unverified; the visit is Shared then
	Lang    string     // "en", "fr"; "" until chosen
	Sharp   bool       // black-on-white pages were asked for
	Draft   job.ID     // the document being scanned; "" before
	Form    Form
	Jobs    []job.ID // accepted in this session, oldest first
	Opened  []job.ID // found by their job number in this session
	Started time.Time
	Touched time.Time // last tap
	Ends    time.Time // when the visit ends unless there is another tap; zero: after the idle time
}

// Form is what was entered so far and not yet promised.
type Form struct {
	Typed      string          // the number as it stands in the field
	Recipients []job.Recipient // those confirmed with Next or "+ another"
	Confirmed  bool            // an unknown but possible number was confirmed
	Options    job.Options
	Duplex     bool
	Source     string // "", "feeder" or "platen"
}

// Sessions keeps the visits. All methods are safe for concurrent use.
type Sessions interface {
	// Start begins a visit and returns it with fresh tokens.
	Start(ctx context.Context, device string, shared bool, p job.Person) (Session, error)
	// Get returns a copy, or ErrNoSession.
	Get(ctx context.Context, token string) (Session, error)
	// Update changes a visit in place and returns the changed copy. fn runs
	// under a lock and must not block; a tap also renews Touched.
	Update(ctx context.Context, token string, tap bool, fn func(*Session)) (Session, error)
	// End forgets a visit; an unknown token is not an error.
	End(ctx context.Context, token string) error
	// Idle returns the tokens of visits not touched since t.
	Idle(ctx context.Context, t time.Time) ([]Session, error)
}
