// Package serialbadge is the driver of card readers on a serial line or a USB
// virtual one. One goroutine opens, reads and closes the line; it lives from
// [Open] to [Reader.Close], finds the reader again after it was unplugged, and
// keeps other programs off the line where the system can.
//
// What the bytes mean is a profile of protocols/badge; who a badge belongs to
// is the agent's.
package serialbadge

import (
	"time"

	"github.com/platen-fax/platen/protocols/badge"
)

// Options are the choices of a reader. Device and Path are needed.
type Options struct {
	Device string // id of the device in the configuration, for errors
	// Path is the line, best by a name that stays, such as
	// /dev/serial/by-id/….
	Path    string
	Profile badge.Profile

	Baud     int    // 0 is 9600; virtual lines ignore it
	DataBits int    // 5 to 8; 0 is 8
	Parity   string // "none", "odd" or "even"; "" is "none"
	StopBits int    // 1 or 2; 0 is 1

	// ReadTimeout is how long the line is silent before an unfinished number is
	// forgotten, and how long Close may take; 200 to 500 ms, 0 is 300 ms.
	ReadTimeout time.Duration
	// Repeat is how close two reads of one badge are one tap, counted from the
	// last of them; 0 is 2.5 s.
	Repeat time.Duration
	// RetryFrom and RetryTo bound the pause before the line is opened again;
	// it doubles. 0 is 500 ms and 15 s.
	RetryFrom, RetryTo time.Duration

	Now func() time.Time // nil is time.Now
}
