package devices

import (
	"context"
	"log/slog"
	"time"
)

// BadgeReader is a card reader beside a device. Methods may be called from
// several goroutines; a tap goes to one of the waiting callers. Errors are
// *[OpError]s as for [Scanner].
type BadgeReader interface {
	// ReadBadge waits for the next tap, however long that takes. The same badge
	// lying on the reader, or sent twice, is one tap. A tap that nobody waited
	// for is forgotten within seconds: it must not sign in the next person.
	//
	// A badge that was presented and could not be read is [ErrBadge]. A reader
	// that cannot be used is told once, as [ErrUnreachable], [ErrAccess],
	// [ErrBusy] (another program has it) or [ErrUnsupported]; calls after that
	// wait, and the reader comes back by itself. After Close it is [ErrClosed].
	ReadBadge(ctx context.Context) (Badge, error)

	// Condition says without waiting how the reader is: Ready, Unreachable,
	// AccessDenied, Busy, Stopped (it is not what the configuration says, or
	// was closed), or Unknown before the first attempt.
	Condition() Condition

	// Close lets go of the reader and ends waiting calls, in bounded time. It
	// may be called twice.
	Close() error
}

// Badge is one tap. The number of a badge identifies a person and can be
// cloned, so it prints as "badge" wherever it is formatted or logged.
type Badge struct {
	Raw string    `json:"-"` // as the reader sent it, for setting up
	ID  string    `json:"-"` // as the directory knows it: digits and A to F, upper case
	At  time.Time // when it was read
}

// String hides the number.
func (Badge) String() string { return "badge" }

// GoString hides the number from %#v.
func (Badge) GoString() string { return "devices.Badge{…}" }

// LogValue implements [slog.LogValuer]; the number never reaches a log.
func (Badge) LogValue() slog.Value { return slog.StringValue("badge") }
