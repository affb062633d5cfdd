//go:build crashpoints

package crash

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Enabled reports whether this binary was built with the tag crashpoints.
const Enabled = true

// hits counts the passes by the one point that EnvPoint names. A process has
// one such point, so one counter for the process is what is meant.
var hits atomic.Int64

// Point kills the process at once if EnvPoint names it and it was passed often
// enough; no deferred call runs and nothing is flushed. It may be called from any
// goroutine.
func Point(name string) {
	want, nth, counted := strings.Cut(os.Getenv(EnvPoint), ":")
	if want != name {
		return
	}
	n := int64(1)
	if counted {
		var err error
		if n, err = strconv.ParseInt(nth, 10, 64); err != nil {
			panic("crash: " + EnvPoint + ": " + err.Error())
		}
	}
	if hits.Add(1) != n {
		return
	}
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		panic("crash: kill: " + err.Error())
	}
	select {} // the signal is on its way
}

// Clock returns a wall clock that is now plus the offset in the file that
// EnvClock names.
func Clock(now func() time.Time) func() time.Time {
	path := os.Getenv(EnvClock)
	if path == "" {
		return now
	}
	return func() time.Time {
		text, err := os.ReadFile(path)
		if err != nil {
			return now()
		}
		d, err := time.ParseDuration(strings.TrimSpace(string(text)))
		if err != nil {
			return now()
		}
		// Round(0) drops the monotonic reading, which has no offset.
		return now().Round(0).Add(d)
	}
}
