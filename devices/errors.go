package devices

import (
	"errors"
	"fmt"
)

// Errors that drivers return wrapped in an *[OpError]; callers use errors.Is.
var (
	ErrBusy              = errors.New("device busy")                // worth a retry soon
	ErrFeederEmpty       = errors.New("feeder empty")               // needs a person
	ErrJam               = errors.New("paper jam")                  // needs a person
	ErrCoverOpen         = errors.New("cover open")                 // needs a person
	ErrDoubleFeed        = errors.New("several sheets fed at once") // needs a person
	ErrUnreachable       = errors.New("device unreachable")         // worth a retry later
	ErrAccess            = errors.New("device refused access")      // needs IT
	ErrCancelledAtDevice = errors.New("cancelled at the device")    // a person's wish
	ErrPage              = errors.New("page damaged")               // the page must be scanned again
	ErrUnsupported       = errors.New("not supported by the device")
	ErrBadge             = errors.New("badge not readable") // a person has to hold it there again
	ErrClosed            = errors.New("closed")             // by the agent
	ErrStopped           = errors.New("device stopped")     // out of service, or it gave the job up without saying why
)

// OpError says which device and operation failed.
type OpError struct {
	Device string // id of the device in the configuration
	Op     string // "probe", "scan", "page 3"
	Err    error
}

// Error returns "device: operation: cause".
func (e *OpError) Error() string { return fmt.Sprintf("%s: %s: %v", e.Device, e.Op, e.Err) }

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }
