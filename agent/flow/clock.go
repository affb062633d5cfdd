package flow

import (
	"sync"
	"time"
)

// Calm watches the wall clock. Deadlines are wall time, and a clock that was set
// wrong must not end everybody's faxes: nothing is called late while the clock
// is behind the newest record, or for a while after it jumped. It is safe for
// concurrent use.
type Calm struct {
	wall   func() time.Time // with the offset of the wall clock
	mono   func() time.Duration
	newest func() time.Time // of the records
	jump   time.Duration    // more than this is a jump
	rest   time.Duration    // calm time after one

	mu    sync.Mutex
	delta time.Duration // wall minus monotonic at the last look
	known bool
	until time.Duration // monotonic end of the rest
	jumps int
}

// NewCalm returns a watch. newest returns the newest time stored.
func NewCalm(wall func() time.Time, newest func() time.Time, jump, rest time.Duration) *Calm {
	start := time.Now()
	return &Calm{wall: wall, mono: func() time.Duration { return time.Since(start) }, newest: newest, jump: jump, rest: rest}
}

// Ready reports whether deadlines may be acted on, and else when to ask again.
// It has to be called now and then to see a jump.
func (c *Calm) Ready() (bool, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Round strips the monotonic reading: only the wall clock is asked here.
	wall, mono := c.wall().Round(0), c.mono()
	delta := time.Duration(wall.UnixNano()) - mono
	if c.known && (delta-c.delta).Abs() > c.jump {
		c.jumps++
		c.until = mono + c.rest
	}
	c.delta, c.known = delta, true
	if behind := c.newest().Sub(wall); behind > 0 {
		return false, min(behind, c.rest)
	}
	if mono < c.until {
		return false, c.until - mono
	}
	return true, 0
}

// Jumps counts the jumps seen, for the metrics.
func (c *Calm) Jumps() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.jumps
}
