// Package bolt is the embedded spool: records in one bbolt file, pages as
// encrypted files beside it, for one process on one machine.
//
//	DIR/lock            held by the running process, names its pid
//	DIR/spool.db        records, lanes, events; values are sealed
//	DIR/jobs/ID/key     the job's page key
//	DIR/jobs/ID/page-0001, fax-0001, …   parts, encrypted under it
//
// A nil return means flushed: parts by fsync, rename, fsync of the directory,
// records by a committed bbolt transaction. On Windows, which has no flush of a
// directory, a power cut may undo the newest rename; kill -9 never does.
//
// What does not live here: what a move means (agent/job, agent/spool), how a key
// is kept (agent/seal), and when something is due to be expired (agent/flow).
package bolt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/seal"
	"github.com/platen-fax/platen/agent/spool"
)

// Options configures Open. The zero value works.
type Options struct {
	// Quota bounds the bytes of all parts; 0 is 2 GiB. Scanned pages are refused
	// from 7/8 of it on, so that what was promised can still be converted. Records
	// come on top: writing one never fails for lack of quota.
	Quota int64
	// Reserve is the free space on the file system below which nothing but
	// records is written; 0 is 16 MiB.
	Reserve int64
	// Limits are the deadlines; the zero value is job.DefaultLimits.
	Limits job.Limits
	// Clock is the wall clock, time.Now by default.
	Clock func() time.Time
	// Mono is the clock that leases end by, time.Now by default; only
	// differences of its readings count.
	Mono func() time.Time
	// Logger hears of what was cleaned up after a crash; nil is silence.
	Logger *slog.Logger
	// Events is how many events are kept, 20 000 by default, and EventsAge for
	// how long, 30 days by default.
	Events    int
	EventsAge time.Duration
	// Lock is the lock of the directory if the caller already holds it; Open
	// takes and Close releases one otherwise.
	Lock *Lock
}

func (o Options) withDefaults() Options {
	if o.Quota == 0 {
		o.Quota = 2 << 30
	}
	if o.Reserve == 0 {
		o.Reserve = 16 << 20
	}
	if o.Limits == (job.Limits{}) {
		o.Limits = job.DefaultLimits()
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Mono == nil {
		o.Mono = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Events == 0 {
		o.Events = 20_000
	}
	if o.EventsAge == 0 {
		o.EventsAge = 30 * 24 * time.Hour
	}
	return o
}

// rows is how many rows one read transaction copies at most: a reader that
// holds on stalls every writer that has to grow the map.
const rows = 200

// Spool implements spool.Spool. All methods may be called from any goroutine.
type Spool struct {
	dir  string
	db   *bolt.DB
	keys *seal.Keyring
	opt  Options
	lock *Lock // nil when the caller's

	mac     []byte        // key of the blind indexes
	fence   atomic.Uint64 // run number in the upper half
	writers atomic.Int64
	used    atomic.Int64 // bytes of parts, with those being written
	broken  atomic.Pointer[error]

	locks locks
	mu    sync.Mutex // guards what follows; never held during a disk operation
	live  live
}

var _ spool.Spool = (*Spool)(nil)

// Exists reports whether a spool was ever opened in the directory, which is
// what seal.Open wants to know.
func Exists(dir string) (bool, error) {
	st, err := os.Stat(filepath.Join(dir, dbFile))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && st.Size() > 0, err
}

const (
	dbFile  = "spool.db"
	jobsDir = "jobs"
)

// Open opens the spool in the state directory dir, making it if need be, and
// finishes what a crash interrupted. keys must belong to the spool alone,
// because Sweep destroys the months it no longer needs: a seal.Keyring.Child.
// A directory in use is an error wrapping ErrLocked, records of a newer program
// one wrapping ErrSchema.
func Open(dir string, keys *seal.Keyring, opt Options) (*Spool, error) {
	s := &Spool{dir: dir, keys: keys, opt: opt.withDefaults()}
	s.live.init()
	if err := s.open(); err != nil {
		if s.db != nil {
			s.db.Close()
		}
		if s.lock != nil {
			err = errors.Join(err, s.lock.Release())
		}
		return nil, fmt.Errorf("open spool %s: %w", dir, err)
	}
	return s, nil
}

func (s *Spool) open() error {
	if err := makeDir(s.dir); err != nil {
		return err
	}
	if s.opt.Lock == nil {
		l, err := LockDir(s.dir)
		if err != nil {
			return err
		}
		s.lock = l
	}
	if err := makeDir(filepath.Join(s.dir, jobsDir)); err != nil {
		return err
	}
	db, err := openDB(s.dir)
	if err != nil {
		return err
	}
	s.db = db
	if err := s.begin(); err != nil {
		return err
	}
	purging, err := s.count()
	if err != nil {
		return err
	}
	return s.recover(purging)
}

// Close ends the spool. Readers of parts stay usable; everything else returns
// ErrUnavailable.
func (s *Spool) Close() error {
	closed := fmt.Errorf("spool is closed: %w", spool.ErrUnavailable)
	if !s.broken.CompareAndSwap(nil, &closed) && errors.Is(*s.broken.Load(), errClosedTwice) {
		return nil
	}
	twice := errors.Join(errClosedTwice, closed)
	s.broken.Store(&twice)
	s.mu.Lock()
	s.live.wake()
	s.mu.Unlock()
	err := s.db.Close()
	if s.lock != nil {
		err = errors.Join(err, s.lock.Release())
	}
	if err != nil {
		return fmt.Errorf("close spool: %w", err)
	}
	return nil
}

var errClosedTwice = errors.New("closed")

// usable returns why the spool cannot be used, if so.
func (s *Spool) usable(ctx context.Context) error {
	if err := s.broken.Load(); err != nil {
		return *err
	}
	return ctx.Err()
}

// now is the wall time that goes into records.
func (s *Spool) now() time.Time { return s.opt.Clock().UTC().Round(0) }

// Newest returns the newest wall time that was ever recorded. While the wall
// clock is behind it, deadlines are not to be acted on.
func (s *Spool) Newest() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live.newest
}
