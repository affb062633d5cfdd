package deliver

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/platen-fax/platen/agent/job"
)

// Stop is why and since when a service account is not used.
type Stop struct {
	Since      time.Time  `json:"since"`
	Reason     job.Reason `json:"reason"`
	Code       string     `json:"code"`
	Credential string     `json:"credential"` // fingerprint of the refused one
}

// StopStore keeps stops over a restart.
type StopStore interface {
	LoadStop(service string) (s Stop, ok bool, err error)
	SaveStop(service string, s Stop) error
	ClearStop(service string) error
}

// Account guards one stored credential: it is used until the service refuses it
// once, and then not again until it was changed or somebody resumes it. This is
// what keeps a wrong password in a file from locking the account for everybody.
// It is safe for concurrent use.
type Account struct {
	service     string
	store       StopStore
	fingerprint func() string // of the present credential, without revealing it

	mu   sync.Mutex
	stop *Stop
}

// NewAccount loads what is known about the account of a service.
func NewAccount(service string, store StopStore, fingerprint func() string) (*Account, error) {
	a := &Account{service: service, store: store, fingerprint: fingerprint}
	s, ok, err := store.LoadStop(service)
	if err != nil {
		return nil, fmt.Errorf("account of %s: %w", service, err)
	}
	if ok {
		a.stop = &s
	}
	return a, nil
}

// Stopped returns why the account is not used, or nil. A changed credential ends
// the stop.
func (a *Account) Stopped(_ context.Context) *Stop {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stop != nil && a.stop.Credential != a.fingerprint() {
		if err := a.store.ClearStop(a.service); err == nil {
			a.stop = nil
		}
	}
	if a.stop == nil {
		return nil
	}
	s := *a.stop
	return &s
}

// Refused records that the service refused the credential. It is durable when
// nil is returned; in memory it counts at once.
func (a *Account) Refused(now time.Time, code string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stop != nil {
		return nil
	}
	a.stop = &Stop{Since: now, Reason: job.ReasonAuth, Code: code, Credential: a.fingerprint()}
	return a.store.SaveStop(a.service, *a.stop)
}

// Resume lets the account be used again.
func (a *Account) Resume(_ context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.store.ClearStop(a.service); err != nil {
		return err
	}
	a.stop = nil
	return nil
}
