// Package crash holds the kill points and the wall-clock offset that soak,
// crash and clock tests steer a real process with. Everything in it is compiled
// to nothing unless the build tag crashpoints is set, which no release sets.
//
// What does not live here: which points there are. A point is the string
// literal of a Point call, so a test finds them all by reading the source.
package crash

// Environment variables that steer a process built with the tag crashpoints.
const (
	// EnvPoint is "NAME" or "NAME:N": the process kills itself, as kill -9
	// does, when it comes by the point NAME for the first or the Nth time.
	EnvPoint = "PLATEN_CRASH_POINT"
	// EnvClock names a file holding a duration such as "-90m" that is added to
	// the wall clock. It is read at every look at the clock; no file is no
	// offset.
	EnvClock = "PLATEN_CLOCK_OFFSET_FILE"
)
