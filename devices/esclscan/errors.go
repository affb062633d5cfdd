package esclscan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/protocols/escl"
)

// fault makes the error of an operation: the end of ctx if that is the cause,
// else what err means in the words of package devices.
func (s *Scanner) fault(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	} else {
		err = meaning(err)
	}
	return &devices.OpError{Device: s.opt.Device, Op: op, Err: err}
}

// meaning puts the sentinel of package devices before an error that has none.
func meaning(err error) error {
	for _, known := range []error{
		devices.ErrBusy, devices.ErrFeederEmpty, devices.ErrJam, devices.ErrCoverOpen, devices.ErrDoubleFeed, devices.ErrUnreachable,
		devices.ErrAccess, devices.ErrCancelledAtDevice, devices.ErrPage, devices.ErrUnsupported, devices.ErrStopped, errClosed,
	} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", sentinel(err), err)
}

func sentinel(err error) error {
	switch code := codeOf(err); {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return devices.ErrAccess
	case code == http.StatusServiceUnavailable:
		return devices.ErrBusy
	case code >= 500:
		return devices.ErrStopped
	case code != 0, errors.Is(err, escl.ErrXML), errors.Is(err, escl.ErrTooLarge), errors.Is(err, escl.ErrLocation):
		return devices.ErrUnsupported
	default:
		return devices.ErrUnreachable
	}
}

// unreachable reports whether err means that the device did not answer.
func unreachable(err error) bool { return errors.Is(sentinel(err), devices.ErrUnreachable) }

// codeOf returns the HTTP status that err tells of, 0 if none.
func codeOf(err error) int {
	var status *escl.StatusError
	if errors.As(err, &status) {
		return status.Code
	}
	return 0
}

// unsent reports whether a request failed before the device can have got it.
func unsent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// trouble returns what the feeder complains of, nil if of nothing.
func trouble(adf string) error {
	switch adf {
	case escl.AdfJam, escl.AdfPageTooLong, "ScannerAdfDuplexPageTooShort", "ScannerAdfInputTrayFailed", "ScannerAdfInputTrayOverloaded":
		return fmt.Errorf("%w: %s", devices.ErrJam, adf)
	case escl.AdfDoorOpen, escl.AdfHatchOpen:
		return devices.ErrCoverOpen
	case escl.AdfMultipick, escl.AdfMispick:
		return devices.ErrDoubleFeed
	default:
		return nil
	}
}

// conditionOf puts a status into the words of package devices. A feeder that
// is "processing" in an idle scanner says nothing: Kyocera means empty by it.
func conditionOf(s *escl.Status) devices.Condition {
	if err := trouble(s.AdfState); err != nil {
		return conditionOfError(err)
	}
	switch s.State {
	case escl.StateProcessing:
		return devices.Busy
	case escl.StateTesting:
		return devices.WarmingUp
	case escl.StateStopped, escl.StateDown:
		return devices.Stopped
	case escl.StateIdle:
		if s.AdfState == escl.AdfEmpty {
			return devices.FeederEmpty
		}
		return devices.Ready
	default:
		return devices.Unknown
	}
}

func conditionOfError(err error) devices.Condition {
	switch {
	case errors.Is(err, devices.ErrUnreachable):
		return devices.Unreachable
	case errors.Is(err, devices.ErrAccess):
		return devices.AccessDenied
	case errors.Is(err, devices.ErrBusy):
		return devices.Busy
	case errors.Is(err, devices.ErrJam):
		return devices.FeederJam
	case errors.Is(err, devices.ErrCoverOpen):
		return devices.CoverOpen
	case errors.Is(err, devices.ErrDoubleFeed):
		return devices.DoubleFeed
	default:
		return devices.Unknown
	}
}
