package bolt_test

import (
	"testing"

	"github.com/platen-fax/platen/agent/seal"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/agent/spool/bolt"
	"github.com/platen-fax/platen/agent/spool/spooltest"
)

func TestSpool(t *testing.T) {
	spooltest.Run(t, func(t *testing.T, c spooltest.Config) spooltest.Fixture {
		dir := t.TempDir()
		var s *bolt.Spool
		open := func() spool.Spool {
			s = open(t, dir, bolt.Options{
				Quota: c.Quota, Limits: c.Limits, Clock: c.Clock.Now, Mono: c.Clock.Mono, Reserve: 1,
			})
			return s
		}
		return spooltest.Fixture{Spool: open(), Reopen: func() spool.Spool {
			if err := s.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
			return open()
		}}
	})
}

// open opens a spool with keys of its own and closes both with the test.
func open(t testing.TB, dir string, opt bolt.Options) *bolt.Spool {
	t.Helper()
	s, err := tryOpen(dir, opt)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func tryOpen(dir string, opt bolt.Options) (*bolt.Spool, error) {
	there, err := bolt.Exists(dir)
	if err != nil {
		return nil, err
	}
	root, err := seal.Open(seal.Options{StateDir: dir, Now: opt.Clock}, there)
	if err != nil {
		return nil, err
	}
	keys, err := root.Child("spool")
	if err != nil {
		return nil, err
	}
	return bolt.Open(dir, keys, opt)
}
