package signin

import "context"

// Event is something that happens to the visits of a device from outside: it
// reaches the panels, which end and begin visits.
type Event struct {
	Device string // "" means every device
	// Tap is a badge at the device: whoever was signed in there leaves first, and
	// the same person again means just that.
	Tap *Tap
	// Person is somebody who may not sign in any more: their visits end.
	Person string
	// Power says that the device or its reader was switched off: its visits end.
	Power bool
}

// Events carries events to the panels. Safe for concurrent use.
type Events struct{ ch chan Event }

// NewEvents returns an empty queue.
func NewEvents() *Events { return &Events{ch: make(chan Event, 16)} }

// Send puts an event in. It blocks while nobody takes them, until ctx ends.
func (e *Events) Send(ctx context.Context, ev Event) error {
	select {
	case e.ch <- ev:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Receive is where one panel takes them.
func (e *Events) Receive() <-chan Event { return e.ch }
