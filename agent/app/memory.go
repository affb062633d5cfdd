package app

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/platen-fax/platen/agent/flow"
)

// quietTime is how long nothing must have happened before memory is given back.
const quietTime = 5 * time.Second

// giveBack returns to the system what only starting, or a burst of faxes, needed:
// free heap, and program pages that have not been used since. An agent beside a
// printer is idle most of the day, often on a small machine.
func giveBack(ctx context.Context, bus *flow.Bus) error {
	events, unsubscribe := bus.Subscribe(1)
	defer unsubscribe()
	quiet := time.NewTimer(quietTime)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-events:
			quiet.Reset(quietTime)
		case <-quiet.C:
			debug.FreeOSMemory()
			dropProgramPages()
		}
	}
}
