package devices

import "errors"

// Condition is how a device feels, in the words shared by all drivers.
type Condition string

// Conditions of a device. What a device says about its feeder is for display:
// many report it wrongly, so a scan is decided by starting it.
const (
	Ready        Condition = "ready"
	Busy         Condition = "busy"
	WarmingUp    Condition = "warming-up"
	FeederEmpty  Condition = "feeder-empty"
	FeederJam    Condition = "feeder-jam"
	CoverOpen    Condition = "cover-open"
	DoubleFeed   Condition = "double-feed"
	Stopped      Condition = "stopped"
	AccessDenied Condition = "access-denied"
	Asleep       Condition = "asleep"
	Unreachable  Condition = "unreachable"
	Unknown      Condition = "unknown"
)

// ConditionOf is the condition that an error of a badge reader stands for;
// Ready for nil.
func ConditionOf(err error) Condition {
	switch {
	case err == nil:
		return Ready
	case errors.Is(err, ErrUnreachable):
		return Unreachable
	case errors.Is(err, ErrAccess):
		return AccessDenied
	case errors.Is(err, ErrBusy):
		return Busy
	case errors.Is(err, ErrUnsupported), errors.Is(err, ErrClosed):
		return Stopped
	default:
		return Unknown
	}
}
