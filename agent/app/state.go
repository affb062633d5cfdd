package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/crash"
	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/registry"
	"github.com/platen-fax/platen/agent/seal"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/agent/spool/bolt"
)

// state is what stays open while the process lives: the lock of the state
// directory, the keys, the spool and the registry.
type state struct {
	lock     *bolt.Lock
	keys     *seal.Keyring
	spool    *bolt.Spool
	facts    *seal.Keyring // of the registry's records
	registry *registry.Registry
	now      func() time.Time // the wall clock of the whole agent
}

// openState opens the state directory, or refuses to start: another agent holds
// it, or records are there and their key is not.
func openState(cfg *config.Config, log *slog.Logger) (s *state, err error) {
	s = &state{now: crash.Clock(time.Now)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	dir := cfg.Spool.Dir
	if s.lock, err = bolt.LockDir(dir); err != nil {
		return s, err
	}
	exists, err := bolt.Exists(dir)
	if err != nil {
		return s, err
	}
	exists = exists || registry.Exists(dir)
	opts := seal.Options{StateDir: dir, KeyFile: cfg.Spool.KeyFile, CredentialsDir: os.Getenv("CREDENTIALS_DIRECTORY"), Now: s.now}
	if s.keys, err = seal.Open(opts, exists); err != nil {
		return s, err
	}
	if root := s.keys.Root(); root.BesideData() {
		log.Warn("the root key lies beside the data: theft of the disk is not covered", "key", root.Path, "write", "spool.key_file")
	}
	records, err := s.keys.Child("spool")
	if err != nil {
		return s, err
	}
	s.spool, err = bolt.Open(dir, records, bolt.Options{
		Quota: cfg.Spool.QuotaMiB << 20, Limits: cfg.Limits(), Clock: s.now, Logger: log, Lock: s.lock,
	})
	if err != nil {
		return s, err
	}
	if s.facts, err = s.keys.Child("registry"); err != nil {
		return s, err
	}
	s.registry, err = registry.Open(dir, s.facts, s.now)
	return s, err
}

// dropSharedDrafts erases what lay unfinished at devices without sign-in: nobody
// can say any more whose it was.
func (s *state) dropSharedDrafts(ctx context.Context) error {
	for after := job.ID(""); ; {
		drafts, next, err := s.spool.List(ctx, spool.Filter{States: []job.State{job.Draft}}, after, 100)
		if err != nil {
			return err
		}
		for _, j := range drafts {
			if !j.Shared {
				continue
			}
			if err := s.spool.Discard(ctx, j.ID, "the agent was restarted"); err != nil && !errors.Is(err, spool.ErrConflict) {
				return err
			}
		}
		if next == "" {
			return nil
		}
		after = next
	}
}

// close closes what is open, in the opposite order.
func (s *state) close() error {
	var errs []error
	if s.registry != nil {
		errs = append(errs, s.registry.Close())
	}
	if s.spool != nil {
		errs = append(errs, s.spool.Close())
	}
	if s.keys != nil {
		s.keys.Close()
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Release())
	}
	return errors.Join(errs...)
}

// stops keeps stopped accounts in the registry.
type stops struct{ r *registry.Registry }

var _ deliver.StopStore = stops{}

// LoadStop implements [deliver.StopStore].
func (s stops) LoadStop(service string) (stop deliver.Stop, ok bool, err error) {
	err = s.r.Get("stopped-account", service, &stop)
	if errors.Is(err, registry.ErrNotFound) {
		return stop, false, nil
	}
	return stop, err == nil, err
}

// SaveStop implements [deliver.StopStore].
func (s stops) SaveStop(service string, stop deliver.Stop) error {
	return s.r.Put("stopped-account", service, stop, 0)
}

// ClearStop implements [deliver.StopStore].
func (s stops) ClearStop(service string) error { return s.r.Delete("stopped-account", service) }
