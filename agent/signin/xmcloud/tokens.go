package xmcloud

import (
	"context"
	"sync"

	"github.com/platen-fax/platen/agent/signin"
)

// Tokens counts who holds which token of a person. The service gives the same
// person at the same device the same token again, so a token ends only with the
// last session that has it, whichever [Cloud] began that. It is safe for
// concurrent use and keeps what it knows in memory only.
type Tokens struct {
	mu    sync.Mutex
	gates map[string]chan struct{} // by terminal; holding the element is passing it
	held  map[string]int           // authorities that hold a token
}

// NewTokens returns Tokens that nobody holds.
func NewTokens() *Tokens {
	return &Tokens{gates: make(map[string]chan struct{}), held: make(map[string]int)}
}

// enter waits until nobody gets or ends a token at a terminal: ending a session
// and beginning the next must not overlap.
func (k *Tokens) enter(ctx context.Context, t signin.Terminal) (leave func(), err error) {
	k.mu.Lock()
	gate := k.gates[t.ID]
	if gate == nil {
		gate = make(chan struct{}, 1)
		k.gates[t.ID] = gate
	}
	k.mu.Unlock()
	select {
	case gate <- struct{}{}:
		return func() { <-gate }, nil
	case <-ctx.Done():
		return nil, &signin.Refused{Problem: signin.ServiceDown, Err: ctx.Err()}
	}
}

func (k *Tokens) hold(token string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held[token]++
}

func (k *Tokens) isHeld(token string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.held[token] > 0
}

// drop reports whether nobody holds a token any more.
func (k *Tokens) drop(token string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held[token]--; k.held[token] > 0 {
		return false
	}
	delete(k.held, token)
	return true
}
