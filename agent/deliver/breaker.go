package deliver

import (
	"sync"
	"time"
)

// Breaker keeps an outage of a fax service from costing a request per job: once
// enough requests in a row failed it is open, nothing is sent, and one probe per
// interval asks whether the service is back. It is safe for concurrent use.
type Breaker struct {
	after    int           // failures in a row that open it
	interval time.Duration // between probes
	now      func() time.Time

	mu     sync.Mutex
	failed int
	opened time.Time // zero: closed
	next   time.Time // earliest next probe
}

// NewBreaker returns a closed breaker. now needs a monotonic reading.
func NewBreaker(after int, interval time.Duration, now func() time.Time) *Breaker {
	return &Breaker{after: max(after, 1), interval: interval, now: now}
}

// Good records an answered request and closes the breaker.
func (b *Breaker) Good() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed, b.opened = 0, time.Time{}
}

// Bad records a request that found the service down.
func (b *Breaker) Bad() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed++
	if b.failed >= b.after && b.opened.IsZero() {
		b.opened = b.now()
		b.next = b.opened.Add(b.interval)
	}
}

// Open reports since when nothing is sent; the zero time while it is closed.
func (b *Breaker) Open() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opened
}

// Probe reports whether the caller shall probe now, and else how long to wait
// for the next turn. Only one caller per interval is told to probe.
func (b *Breaker) Probe() (now bool, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.now()
	if t.Before(b.next) {
		return false, b.next.Sub(t)
	}
	b.next = t.Add(b.interval)
	return true, 0
}
