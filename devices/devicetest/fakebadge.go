package devicetest

import (
	"context"
	"sync"
	"time"

	"github.com/platen-fax/platen/devices"
)

// repeatWithin is how close two taps of one badge are one, and how long a tap
// waits for somebody.
const repeatWithin = 2500 * time.Millisecond

// FakeBadges is a [devices.BadgeReader] in memory with a clock that only
// [FakeBadges.Advance] moves. All methods may be called from any goroutine.
type FakeBadges struct {
	mu      sync.Mutex
	id      string
	now     time.Time
	queue   []tap
	last    string
	lastAt  time.Time
	trouble error // the present one
	untold  bool
	closed  bool
	changed chan struct{}
}

// tap is a badge, or the reason why it could not be read.
type tap struct {
	badge devices.Badge
	err   error
}

var _ devices.BadgeReader = (*FakeBadges)(nil)

// NewFakeBadges returns a plugged-in reader of the device with the given id.
func NewFakeBadges(id string) *FakeBadges {
	return &FakeBadges{id: id, now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC), changed: make(chan struct{})}
}

// do changes the fake under its lock and wakes those who wait.
func (f *FakeBadges) do(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	close(f.changed)
	f.changed = make(chan struct{})
}

// Tap holds a badge to the reader.
func (f *FakeBadges) Tap(id string) {
	f.do(func() {
		repeated := f.last == id && f.now.Sub(f.lastAt) < repeatWithin
		f.last, f.lastAt = id, f.now
		if !repeated && f.trouble == nil {
			f.queue = append(f.queue, tap{badge: devices.Badge{Raw: id, ID: id, At: f.now}})
		}
	})
}

// Garble holds a badge to the reader that cannot be read.
func (f *FakeBadges) Garble() {
	f.do(func() {
		err := &devices.OpError{Device: f.id, Op: "read badge", Err: devices.ErrBadge}
		f.queue = append(f.queue, tap{badge: devices.Badge{At: f.now}, err: err})
	})
}

// Unplug pulls the cable.
func (f *FakeBadges) Unplug() { f.Fail(devices.ErrUnreachable) }

// Fail gives the reader a trouble until Replug: one of the sentinels that
// ReadBadge promises.
func (f *FakeBadges) Fail(err error) {
	f.do(func() { f.trouble, f.untold = &devices.OpError{Device: f.id, Op: "read badge", Err: err}, true })
}

// Replug ends the trouble.
func (f *FakeBadges) Replug() { f.do(func() { f.trouble, f.untold = nil, false }) }

// Advance moves the fake's clock.
func (f *FakeBadges) Advance(d time.Duration) { f.do(func() { f.now = f.now.Add(d) }) }

// ReadBadge implements [devices.BadgeReader].
func (f *FakeBadges) ReadBadge(ctx context.Context) (devices.Badge, error) {
	for {
		b, err, ok, changed := f.take()
		if ok {
			return b, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return devices.Badge{}, &devices.OpError{Device: f.id, Op: "read badge", Err: ctx.Err()}
		}
	}
}

func (f *FakeBadges) take() (b devices.Badge, err error, ok bool, changed <-chan struct{}) { //nolint:staticcheck // the error is a value here, not the outcome
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return b, &devices.OpError{Device: f.id, Op: "read badge", Err: devices.ErrClosed}, true, nil
	}
	if f.untold {
		f.untold = false
		return b, f.trouble, true, nil
	}
	for len(f.queue) > 0 {
		next := f.queue[0]
		f.queue = f.queue[1:]
		if f.now.Sub(next.badge.At) < repeatWithin {
			return next.badge, next.err, true, nil
		}
	}
	return b, nil, false, f.changed
}

// Condition implements [devices.BadgeReader].
func (f *FakeBadges) Condition() devices.Condition {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return devices.Stopped
	}
	return devices.ConditionOf(f.trouble)
}

// Close implements [devices.BadgeReader].
func (f *FakeBadges) Close() error {
	f.do(func() { f.closed = true })
	return nil
}
