//go:build linux || windows

package serialbadge

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/platen-fax/platen/devices"
)

// queueMax bounds the taps that wait; the oldest are forgotten first.
const queueMax = 8

// event is one badge, or one that could not be read.
type event struct {
	badge devices.Badge
	err   error
}

// mailbox hands taps from the line's goroutine to those who wait.
type mailbox struct {
	device string
	now    func() time.Time

	mu      sync.Mutex
	queue   []event
	opened  bool  // the line was tried at all
	trouble error // the present one
	untold  bool
	closed  bool
	changed chan struct{} // closed and replaced with every change
}

func newMailbox(device string, now func() time.Time) *mailbox {
	return &mailbox{device: device, now: now, changed: make(chan struct{})}
}

// do changes the box and wakes those who wait.
func (m *mailbox) do(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *mailbox) tap(b devices.Badge) { m.put(event{badge: b}) }

func (m *mailbox) misread(at time.Time, err error) {
	m.put(event{badge: devices.Badge{At: at}, err: m.wrap(fmt.Errorf("%w: %w", devices.ErrBadge, err))})
}

func (m *mailbox) put(e event) {
	m.do(func() {
		if m.queue = append(m.queue, e); len(m.queue) > queueMax {
			m.queue = m.queue[1:]
		}
	})
}

// ready ends a trouble.
func (m *mailbox) ready() { m.do(func() { m.opened, m.trouble, m.untold = true, nil, false }) }

// fail records a trouble. The same kind again, as of every attempt to open a
// missing line, is not told again.
func (m *mailbox) fail(err error) {
	m.do(func() {
		if !m.opened || devices.ConditionOf(m.trouble) != devices.ConditionOf(err) {
			m.untold = true
		}
		m.opened, m.trouble = true, m.wrap(err)
	})
}

func (m *mailbox) close() { m.do(func() { m.closed = true }) }

func (m *mailbox) wrap(err error) error {
	return &devices.OpError{Device: m.device, Op: "read badge", Err: err}
}

// read waits for the next event.
func (m *mailbox) read(ctx context.Context) (devices.Badge, error) {
	for {
		if err := ctx.Err(); err != nil {
			return devices.Badge{}, m.wrap(err)
		}
		e, ok, changed := m.take()
		if ok {
			if e.err != nil {
				return devices.Badge{}, e.err
			}
			return e.badge, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// take returns the next event that is not stale, or what to wait for.
func (m *mailbox) take() (event, bool, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return event{err: m.wrap(devices.ErrClosed)}, true, nil
	case m.untold:
		m.untold = false
		return event{err: m.trouble}, true, nil
	}
	for len(m.queue) > 0 {
		e := m.queue[0]
		m.queue = m.queue[1:]
		if m.now().Sub(e.badge.At) < fresh {
			return e, true, nil
		}
	}
	return event{}, false, m.changed
}

func (m *mailbox) condition() devices.Condition {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return devices.Stopped
	case !m.opened:
		return devices.Unknown
	}
	return devices.ConditionOf(m.trouble)
}
