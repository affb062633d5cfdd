package saml

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Pending is a request that waits for its response.
type Pending struct {
	// ID of the request.
	ID string
	// Session names the browser session the request was made in. A response from
	// any other is refused, and so is one where this is empty.
	Session string
	// RelayState as sent; it must come back unchanged.
	RelayState string
	// Account on whose behalf was asked, and its identity provider: nobody
	// else's word counts for this request.
	Account  string
	Provider *IdentityProvider
	// Fresh wants a sign-in later than Asked.
	Fresh bool
	// Asked and Expires bound the life of the request.
	Asked, Expires time.Time
	// Used is set by the store.
	Used bool
}

// Requests remembers requests, safe for concurrent use.
type Requests interface {
	// Get returns a request, used or not, expired or not; false if unknown.
	Get(ctx context.Context, id string) (Pending, bool, error)
	// Use marks a request as answered; true for exactly one caller.
	Use(ctx context.Context, id string) (bool, error)
}

// Replays remembers accepted assertions, safe for concurrent use.
type Replays interface {
	// Add remembers an assertion of an issuer until then; true if it was not
	// known. A store that cannot remember must return an error.
	Add(ctx context.Context, issuer, id string, until time.Time) (bool, error)
}

// ErrFull says that a memory store holds as much as it may.
var ErrFull = errors.New("saml: store is full")

// Memory is [Requests] and [Replays] of one process, bounded, forgotten with it.
// The zero value is not usable.
type Memory struct {
	now func() time.Time
	max int

	mu       sync.Mutex
	requests map[string]Pending
	seen     map[[2]string]time.Time
}

// NewMemory returns stores for at most max entries each; now nil is time.Now.
func NewMemory(max int, now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{now: now, max: max, requests: make(map[string]Pending), seen: make(map[[2]string]time.Time)}
}

// keep is how long an expired request is still known, so that a late answer is
// told from an invented one.
const keep = 10 * time.Minute

// Put stores a request. It returns [ErrFull] when nothing expired makes room.
func (m *Memory) Put(p Pending) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.requests) >= m.max {
		for id, old := range m.requests {
			if m.now().After(old.Expires.Add(keep)) {
				delete(m.requests, id)
			}
		}
		if len(m.requests) >= m.max {
			return ErrFull
		}
	}
	m.requests[p.ID] = p
	return nil
}

// Get implements [Requests].
func (m *Memory) Get(_ context.Context, id string) (Pending, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.requests[id]
	return p, ok, nil
}

// Use implements [Requests].
func (m *Memory) Use(_ context.Context, id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.requests[id]
	if !ok || p.Used {
		return false, nil
	}
	p.Used = true
	m.requests[id] = p
	return true, nil
}

// Add implements [Replays].
func (m *Memory) Add(_ context.Context, issuer, id string, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := [2]string{issuer, id}
	if end, ok := m.seen[key]; ok && m.now().Before(end) {
		return false, nil
	}
	if len(m.seen) >= m.max {
		for k, end := range m.seen {
			if !m.now().Before(end) {
				delete(m.seen, k)
			}
		}
		if len(m.seen) >= m.max {
			return false, ErrFull
		}
	}
	m.seen[key] = until
	return true, nil
}
