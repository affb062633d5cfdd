package bolt_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/seal"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/agent/spool/bolt"
	"github.com/platen-fax/platen/agent/spool/spooltest"
)

func TestOpenLocked(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, bolt.Options{})
	_, err := tryOpen(dir, bolt.Options{})
	if !errors.Is(err, bolt.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
		t.Errorf("second Open = %v; want ErrLocked naming process %d", err, os.Getpid())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := bolt.LockDir(dir)
	if err != nil {
		t.Fatalf("LockDir after Close: %v", err)
	}
	t.Cleanup(func() {
		if err := l.Release(); err != nil {
			t.Error(err)
		}
	})
	s = open(t, dir, bolt.Options{Lock: l})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.LockDir(dir); !errors.Is(err, bolt.ErrLocked) {
		t.Errorf("Close released a lock that is its caller's: %v", err)
	}
}

// TestOpenRefuses pins what the spool must not start on, and that it leaves the
// directory free and as it was.
func TestOpenRefuses(t *testing.T) {
	put := func(bucket, key string, value []byte) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			db, err := bbolt.Open(filepath.Join(dir, "spool.db"), 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucket)).Put([]byte(key), value) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	id := string(loadID(0, 0))
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  error
	}{
		{"a newer database", put("meta", "schema", []byte{0, job.Schema + 1}), bolt.ErrSchema},
		{"a newer record", put("jobs", id, []byte{0, job.Schema + 1, 0, 0, 0, 2, '{', '}'}), bolt.ErrSchema},
		{"a database cut short", func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, "spool.db"), 8192); err != nil {
				t.Fatal(err)
			}
		}, bolt.ErrDamaged},
		{"records without their keys", func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "keys")); err != nil {
				t.Fatal(err)
			}
		}, seal.ErrKeyMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, bolt.Options{})
			if _, err := s.Draft(t.Context(), &job.Job{ID: loadID(0, 1)}); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			tt.spoil(t, dir)
			if _, err := tryOpen(dir, bolt.Options{}); !errors.Is(err, tt.want) {
				t.Errorf("Open = %v; want %v", err, tt.want)
			}
			l, err := bolt.LockDir(dir)
			if err != nil {
				t.Fatalf("the directory stays locked: %v", err)
			}
			if err := l.Release(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestOtherLimits opens a spool with other deadlines than it was written under.
func TestOtherLimits(t *testing.T) {
	dir, clock := t.TempDir(), spooltest.NewClock()
	opt := bolt.Options{Clock: clock.Now, Mono: clock.Mono}
	s := open(t, dir, opt)
	const jobs = 450 // more than two reads
	for n := range jobs {
		if _, err := s.Draft(t.Context(), &job.Job{ID: benchID(n)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	opt.Limits = job.DefaultLimits()
	opt.Limits.DraftKeep = time.Second
	clock.Advance(2 * time.Second)
	s = open(t, dir, opt)
	cs, _, err := s.Claim(t.Context(), job.LaneDeadline, 1000, time.Minute)
	if err != nil || len(cs) != jobs {
		t.Errorf("%d drafts are due, %v; want all %d", len(cs), err, jobs)
	}
	if err := s.Verify(); err != nil {
		t.Error(err)
	}
	list, next, err := s.List(t.Context(), spool.Filter{}, "", 0)
	if err != nil || len(list) != 200 || next != benchID(199) {
		t.Errorf("List = %d jobs, next %q, %v; want 200", len(list), next, err)
	}
}

func TestEventsAreTrimmed(t *testing.T) {
	clock := spooltest.NewClock()
	s := open(t, t.TempDir(), bolt.Options{Clock: clock.Now, Mono: clock.Mono, Events: 10, EventsAge: time.Hour})
	for n := range 25 {
		if _, err := s.Draft(t.Context(), &job.Job{ID: benchID(n)}); err != nil {
			t.Fatal(err)
		}
	}
	count := func() (first, n uint64) {
		last, err := s.Last(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range s.Watch(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; first == 0 {
				first = e.Seq
			}
			if e.Seq == last {
				break
			}
		}
		return first, n
	}
	if first, n := count(); first != 16 || n != 10 {
		t.Errorf("%d events from %d are kept; want 10 from 16", n, first)
	}
	clock.Advance(2 * time.Hour)
	if _, err := s.Draft(t.Context(), &job.Job{ID: benchID(99)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if first, n := count(); first != 26 || n != 1 {
		t.Errorf("%d events from %d are kept after an hour; want the newest", n, first)
	}
}

// TestRotate wraps the keys of living jobs again and reads their pages.
func TestRotate(t *testing.T) {
	dir := t.TempDir()
	root, err := seal.Open(seal.Options{StateDir: dir}, false)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := root.Child("spool")
	if err != nil {
		t.Fatal(err)
	}
	s, err := bolt.Open(dir, keys, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		id := benchID(n)
		if _, err := s.Draft(t.Context(), &job.Job{ID: id}); err != nil {
			t.Fatal(err)
		}
		if n == 2 {
			break // no page, no key
		}
		if _, err := s.AddPage(t.Context(), id, job.Page{}, strings.NewReader("page of "+string(id))); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := root.Rotate(s.PageKeys()); err != nil || n < 3 {
		t.Fatalf("Rotate = %d, %v; want two page keys and a record key at least", n, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, bolt.Options{})
	for n := range 2 {
		r, size, err := s.OpenPart(t.Context(), benchID(n), "page/0001")
		if err != nil || size != int64(len("page of ")+36) {
			t.Fatalf("OpenPart after Rotate = %d bytes, %v", size, err)
		}
		r.Close()
	}
}
