package devices

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
