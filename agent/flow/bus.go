// Package flow makes the machine turn: the worker loops over the spool's lanes,
// the deadlines, retention, and the Bus that lets others watch.
//
// The loops know when to work, not how: converting and delivering are functions
// handed in. Listeners of the Bus never call back into it.
package flow

import (
	"context"
	"sync"

	"github.com/platen-fax/platen/agent/spool"
)

// Bus fans the spool's events out to listeners that may come and go. It is fed
// by Spool.Watch only, so nobody can announce what is not durable. A listener
// that falls behind loses its oldest events: it asks the spool for the state,
// events only say that it changed. Whoever must not miss one keeps a cursor and
// uses Spool.Watch itself.
type Bus struct {
	mu   sync.Mutex
	subs map[chan spool.Event]struct{}
}

// NewBus returns a bus without listeners.
func NewBus() *Bus { return &Bus{subs: make(map[chan spool.Event]struct{})} }

// Run feeds the bus from the spool, from the present on, until ctx ends. It
// blocks.
func (b *Bus) Run(ctx context.Context, s spool.Spool) error {
	cursor, err := s.Last(ctx)
	if err != nil {
		return err
	}
	for e, err := range s.Watch(ctx, cursor) {
		if err != nil {
			return err
		}
		b.publish(e)
	}
	return ctx.Err()
}

// publish never blocks.
func (b *Bus) publish(e spool.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for ch := range b.subs {
		for {
			select {
			case ch <- e:
			default:
				select {
				case <-ch: // the oldest makes room
				default:
				}
				continue
			}
			break
		}
	}
}

// Subscribe returns a channel of the events from now on, holding up to size of
// them, and a function that ends the subscription. The channel is never closed.
func (b *Bus) Subscribe(size int) (<-chan spool.Event, func()) {
	ch := make(chan spool.Event, max(size, 1))
	b.mu.Lock()
	b.subs[ch] = struct{}{}
	b.mu.Unlock()
	return ch, func() {
		b.mu.Lock()
		delete(b.subs, ch)
		b.mu.Unlock()
	}
}
