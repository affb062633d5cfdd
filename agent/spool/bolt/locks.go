package bolt

import (
	"context"
	"sync"

	"github.com/platen-fax/platen/agent/job"
)

// locks serialises what is done to one job, from the look at its record until
// what follows from the commit is in memory. Different jobs do not wait for
// each other, so their commits can share a flush.
type locks struct {
	mu sync.Mutex
	m  map[job.ID]*jobLock
}

type jobLock struct {
	held  chan struct{} // one token
	users int
}

// lock waits for the job and returns the function that frees it. The only
// error is that of ctx.
func (l *locks) lock(ctx context.Context, id job.ID) (unlock func(), err error) {
	l.mu.Lock()
	if l.m == nil {
		l.m = map[job.ID]*jobLock{}
	}
	k := l.m[id]
	if k == nil {
		k = &jobLock{held: make(chan struct{}, 1)}
		l.m[id] = k
	}
	k.users++
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if k.users--; k.users == 0 {
			delete(l.m, id)
		}
	}
	select {
	case k.held <- struct{}{}:
		return func() { <-k.held; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
