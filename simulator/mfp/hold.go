package mfp

import (
	"context"
	"sync"
)

type holdKey struct {
	page int
	body bool
}

// hold is a place where a job waits.
type hold struct {
	reached, release chan struct{}
	once             sync.Once
}

// HoldPage stops the running or next job before the answer to its page n
// (from 1): a slow first byte. reached is closed when the machine was asked
// for the page; release lets it go on and may be called twice. The end of the
// job or of the request lets it go on too. A hold works once.
func (m *MFP) HoldPage(n int) (reached <-chan struct{}, release func()) {
	return m.hold(holdKey{page: n})
}

// HoldBody stops as HoldPage does, but in the middle of page n, when half of
// it has been sent.
func (m *MFP) HoldBody(n int) (reached <-chan struct{}, release func()) {
	return m.hold(holdKey{page: n, body: true})
}

func (m *MFP) hold(k holdKey) (<-chan struct{}, func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := &hold{reached: make(chan struct{}), release: make(chan struct{})}
	m.holds[k] = h
	return h.reached, sync.OnceFunc(func() { close(h.release) })
}

// wait stops where a hold asks for it.
func (m *MFP) wait(ctx context.Context, j *job, k holdKey) {
	m.mu.Lock()
	h := m.holds[k]
	delete(m.holds, k)
	m.mu.Unlock()
	if h == nil {
		return
	}
	h.once.Do(func() { close(h.reached) })
	select {
	case <-h.release:
	case <-j.ended:
	case <-ctx.Done():
	}
}
