package bolt

import (
	"context"
	"fmt"
	"time"

	"github.com/platen-fax/platen/agent/spool"
)

// Lease implements spool.Leases.
func (s *Spool) Lease(ctx context.Context, name, holder string, ttl time.Duration) (*spool.Lease, error) {
	if err := s.usable(ctx); err != nil {
		return nil, fmt.Errorf("lease %s: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opt.Mono()
	if l, ok := s.live.named[name]; ok && now.Before(l.expires) {
		return nil, fmt.Errorf("lease %s: held by %s: %w", name, l.holder, spool.ErrConflict)
	}
	fence := s.fence.Add(1)
	s.live.named[name] = namedLease{holder: holder, fence: fence, expires: now.Add(ttl)}
	return &spool.Lease{
		Name: name, Fence: fence,
		Renew:   func(ctx context.Context, ttl time.Duration) error { return s.renew(ctx, name, fence, ttl) },
		Release: func() { s.unlease(name, fence) },
	}, nil
}

func (s *Spool) renew(ctx context.Context, name string, fence uint64, ttl time.Duration) error {
	if err := s.usable(ctx); err != nil {
		return fmt.Errorf("renew %s: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.live.named[name]
	// Expired is lost: the name was free for others to take meanwhile.
	if now := s.opt.Mono(); !ok || l.fence != fence || !now.Before(l.expires) {
		return fmt.Errorf("renew %s: %w", name, spool.ErrFenced)
	}
	l.expires = s.opt.Mono().Add(ttl)
	s.live.named[name] = l
	return nil
}

func (s *Spool) unlease(name string, fence uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live.named[name].fence == fence {
		delete(s.live.named, name)
	}
}

// Holder implements spool.Leases.
func (s *Spool) Holder(_ context.Context, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.live.named[name]; ok && s.opt.Mono().Before(l.expires) {
		return l.holder
	}
	return ""
}
