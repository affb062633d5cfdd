package bolt

import (
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// live is what is kept in memory only: leases, which die with the process by
// intent, and counts, which are made again at every start.
type live struct {
	leases  map[spool.Ref]unitLease
	holds   map[hold]time.Time   // put off in a lane, wall time
	touched map[job.ID]time.Time // newer than the record's Changed
	named   map[string]namedLease
	pages   map[job.ID]int // next number of a page, where above the record's

	jobs       map[job.State]int
	deliveries map[job.DeliveryState]int
	promised   map[job.ID]time.Time // when accepted
	present    int                  // jobs

	newest time.Time     // wall time of the newest record
	news   chan struct{} // closed when events were added
}

type unitLease struct {
	fence   uint64
	expires time.Time // of Options.Mono
}

type namedLease struct {
	holder  string
	fence   uint64
	expires time.Time
}

type hold struct {
	lane string
	ref  spool.Ref
}

func (l *live) init() {
	*l = live{
		leases: map[spool.Ref]unitLease{}, holds: map[hold]time.Time{}, touched: map[job.ID]time.Time{},
		named: map[string]namedLease{}, pages: map[job.ID]int{}, jobs: map[job.State]int{}, deliveries: map[job.DeliveryState]int{},
		promised: map[job.ID]time.Time{}, news: make(chan struct{}),
	}
}

// wake tells everybody in Watch to look again.
func (l *live) wake() {
	close(l.news)
	l.news = make(chan struct{})
}

// count moves one job from its old head to its new one; nil is not there.
func (l *live) count(old, now *head) {
	if old != nil {
		l.add(old, -1)
	}
	if now != nil {
		l.add(now, 1)
	}
}

func (l *live) add(h *head, n int) {
	l.present += n
	bump(l.jobs, h.State, n)
	for _, d := range h.Deliveries {
		bump(l.deliveries, d, n)
	}
}

func bump[K comparable](m map[K]int, k K, n int) {
	if m[k] += n; m[k] == 0 {
		delete(m, k)
	}
}

// promise notes or forgets a promised job.
func (l *live) promise(j *job.Job) {
	if j.State.Promised() {
		l.promised[j.ID] = j.Accepted
	} else {
		delete(l.promised, j.ID)
	}
	if j.State != job.Draft {
		delete(l.pages, j.ID)
		delete(l.touched, j.ID)
	}
}

// forget drops everything known about a job that is no more.
func (l *live) forget(id job.ID) {
	delete(l.promised, id)
	delete(l.touched, id)
	delete(l.pages, id)
	for r := range l.leases {
		if r.Job == id {
			delete(l.leases, r)
		}
	}
	for h := range l.holds {
		if h.ref.Job == id {
			delete(l.holds, h)
		}
	}
}

// revoke ends the leases of the units that somebody else than their holder
// moved, so that the holder's next call is refused.
func (l *live) revoke(before, after *job.Job, actor *spool.Claim) {
	drop := func(r spool.Ref) {
		if actor == nil || actor.Ref != r {
			delete(l.leases, r)
		}
	}
	if before.Options != after.Options || (before.State != after.State && after.State.Final()) {
		drop(spool.Ref{Job: after.ID})
	}
	for i := range before.Deliveries {
		b, a := &before.Deliveries[i], after.Delivery(i+1)
		if a == nil || b.State != a.State || b.Try != a.Try || b.Service != a.Service {
			drop(spool.Ref{Job: after.ID, Recipient: i + 1})
		}
	}
}
