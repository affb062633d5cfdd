package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"sync"
	"time"

	"github.com/platen-fax/platen/agent/job"
)

// Memory keeps sessions in this process. They are found by the hash of their
// token, so that looking one up takes the same time for every wrong token.
type Memory struct {
	now func() time.Time

	mu   sync.Mutex
	open map[[sha256.Size]byte]*Session
}

var _ Sessions = (*Memory)(nil)

// NewMemory returns an empty store. now may be nil for the system's clock.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{now: now, open: make(map[[sha256.Size]byte]*Session)}
}

// Start implements [Sessions].
func (m *Memory) Start(_ context.Context, device string, shared bool, p job.Person) (Session, error) {
	now := m.now()
	s := Session{Token: token(), CSRF: token(), Device: device, Shared: shared, Person: p, Started: now, Touched: now}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open[sha256.Sum256([]byte(s.Token))] = &s
	return s.clone(), nil
}

// Get implements [Sessions].
func (m *Memory) Get(_ context.Context, token string) (Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.open[sha256.Sum256([]byte(token))]
	if !ok {
		return Session{}, ErrNoSession
	}
	return s.clone(), nil
}

// Update implements [Sessions].
func (m *Memory) Update(_ context.Context, token string, tap bool, fn func(*Session)) (Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.open[sha256.Sum256([]byte(token))]
	if !ok {
		return Session{}, ErrNoSession
	}
	if fn != nil {
		fn(s)
	}
	if tap {
		s.Touched = m.now()
	}
	return s.clone(), nil
}

// End implements [Sessions].
func (m *Memory) End(_ context.Context, token string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.open, sha256.Sum256([]byte(token)))
	return nil
}

// Idle implements [Sessions].
func (m *Memory) Idle(_ context.Context, t time.Time) ([]Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var idle []Session
	for _, s := range m.open {
		if s.Touched.Before(t) {
			idle = append(idle, s.clone())
		}
	}
	return idle, nil
}

func (s *Session) clone() Session {
	c := *s
	c.Jobs = slices.Clone(s.Jobs)
	c.Opened = slices.Clone(s.Opened)
	c.Form.Recipients = slices.Clone(s.Form.Recipients)
	return c
}

// token returns 256 random bits as text.
func token() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
