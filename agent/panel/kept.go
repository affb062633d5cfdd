package panel

import (
	"sync"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
)

// keptForms holds what was typed for the drafts that people left, in memory only
// and no longer than the drafts themselves.
type keptForms struct {
	now func() time.Time

	mu   sync.Mutex
	kept map[job.ID]keptForm
}

type keptForm struct {
	form signin.Form
	at   time.Time
}

func newKeptForms(now func() time.Time) *keptForms {
	return &keptForms{now: now, kept: make(map[job.ID]keptForm)}
}

func (k *keptForms) put(draft job.ID, f signin.Form) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	for id, old := range k.kept {
		if now.Sub(old.at) > draftKept() {
			delete(k.kept, id)
		}
	}
	k.kept[draft] = keptForm{f, now}
}

func (k *keptForms) take(draft job.ID) (signin.Form, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f, ok := k.kept[draft]
	delete(k.kept, draft)
	return f.form, ok
}

func (k *keptForms) drop(draft job.ID) { k.take(draft) }
