package signin

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

// endTime bounds giving one credential back.
const endTime = 5 * time.Second

// Authorities keeps the authority of each visit, found by the visit's token. It
// lives as long as the process: what it holds is never stored. Safe for
// concurrent use.
type Authorities struct {
	mu     sync.Mutex
	closed bool
	held   map[[sha256.Size]byte]Authority
}

// NewAuthorities returns an empty store.
func NewAuthorities() *Authorities {
	return &Authorities{held: make(map[[sha256.Size]byte]Authority)}
}

// Put keeps the authority of a visit; nil keeps nothing. An earlier one of the
// same visit, or any after Close, is ended first, which takes bounded time.
func (s *Authorities) Put(token string, a Authority) {
	if a == nil {
		return
	}
	s.mu.Lock()
	key := sha256.Sum256([]byte(token))
	old := s.held[key]
	if s.closed {
		old = a
	} else {
		s.held[key] = a
	}
	s.mu.Unlock()
	if old != nil {
		_ = end(context.Background(), old) // nobody is left who could do more about it
	}
}

// Get returns the authority of a visit, nil where it has none.
func (s *Authorities) Get(token string) Authority {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[sha256.Sum256([]byte(token))]
}

// End forgets the authority of a visit and gives its credential back, in bounded
// time. It is forgotten whatever comes back; a visit without one is no error.
func (s *Authorities) End(ctx context.Context, token string) error {
	key := sha256.Sum256([]byte(token))
	s.mu.Lock()
	a := s.held[key]
	delete(s.held, key)
	s.mu.Unlock()
	if a == nil {
		return nil
	}
	return end(ctx, a)
}

// Close ends all of them at once, in bounded time. Nothing is kept afterwards.
func (s *Authorities) Close(ctx context.Context) error {
	s.mu.Lock()
	held := s.held
	s.held, s.closed = make(map[[sha256.Size]byte]Authority), true
	s.mu.Unlock()
	errs := make(chan error, len(held))
	for _, a := range held {
		go func() { errs <- end(ctx, a) }()
	}
	var all []error
	for range held {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

// end gives one credential back.
func end(ctx context.Context, a Authority) error {
	// Whoever signs out closes the page: the request's end must not keep the
	// credential alive.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	return a.End(ctx)
}
