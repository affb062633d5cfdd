// Package registry keeps the durable facts of an agent that are not jobs:
// stopped accounts, cursors of listeners, and what must happen only once. Values
// are sealed; keys are not, so callers put nothing personal into a key.
//
// It is a small key-value store in a file of its own beside the spool. What the
// facts mean is known to their owners only.
package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/platen-fax/platen/agent/seal"
)

// ErrNotFound says that there is no such fact.
var ErrNotFound = errors.New("not in the registry")

// FileName is the registry's file in the state directory.
const FileName = "registry.db"

// Registry is safe for concurrent use. Writes are durable when they return.
type Registry struct {
	db   *bbolt.DB
	keys *seal.Keyring
	now  func() time.Time
}

// entry is a sealed value with its end.
type entry struct {
	Until time.Time       `json:"until,omitzero"` // zero: none
	Value json.RawMessage `json:"value"`
}

// Exists reports whether a state directory holds a registry.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, FileName))
	return !errors.Is(err, fs.ErrNotExist)
}

// Open opens or makes the registry in a state directory that this process owns.
// now may be nil for the system's clock.
func Open(dir string, keys *seal.Keyring, now func() time.Time) (*Registry, error) {
	if now == nil {
		now = time.Now
	}
	db, err := bbolt.Open(filepath.Join(dir, FileName), 0o600, &bbolt.Options{Timeout: 2 * time.Second})
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	return &Registry{db: db, keys: keys, now: now}, nil
}

// Close closes the file; nothing may use the registry afterwards.
func (r *Registry) Close() error { return r.db.Close() }

// Get reads the fact key of a kind into v, a pointer; ErrNotFound if there is
// none or it ended.
func (r *Registry) Get(kind, key string, v any) error {
	var sealed []byte
	err := r.db.View(func(tx *bbolt.Tx) error {
		if b := tx.Bucket([]byte(kind)); b != nil {
			sealed = append(sealed, b.Get([]byte(key))...)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", kind, key, err)
	}
	e, err := r.open(kind, key, sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(e.Value, v)
}

// Put stores a fact; ttl 0 keeps it until it is deleted.
func (r *Registry) Put(kind, key string, v any, ttl time.Duration) error {
	sealed, err := r.seal(kind, key, v, ttl)
	if err != nil {
		return err
	}
	return r.db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte(kind))
		if err != nil {
			return err
		}
		return b.Put([]byte(key), sealed)
	})
}

// Delete removes a fact; one that is not there is not an error.
func (r *Registry) Delete(kind, key string) error {
	return r.db.Update(func(tx *bbolt.Tx) error {
		if b := tx.Bucket([]byte(kind)); b != nil {
			return b.Delete([]byte(key))
		}
		return nil
	})
}

// Once reports whether this is the first call with the key within ttl. Only the
// first is true, also over a restart.
func (r *Registry) Once(kind, key string, ttl time.Duration) (first bool, err error) {
	sealed, err := r.seal(kind, key, true, ttl)
	if err != nil {
		return false, err
	}
	err = r.db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte(kind))
		if err != nil {
			return err
		}
		_, err = r.open(kind, key, b.Get([]byte(key)))
		if first = errors.Is(err, ErrNotFound); !first {
			return err
		}
		return b.Put([]byte(key), sealed)
	})
	return first && err == nil, err
}

// sweepRows bounds how much one transaction of Sweep looks at.
const sweepRows = 200

// Sweep deletes facts that ended and seals again those whose monthly key is
// about to be destroyed, so that old keys can go. It returns how many ended.
func (r *Registry) Sweep(oldest time.Time) (ended int, err error) {
	var kinds []string
	err = r.db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			kinds = append(kinds, string(name))
			return nil
		})
	})
	if err != nil {
		return 0, err
	}
	for _, kind := range kinds {
		for next := []byte(nil); ; {
			after, n, err := r.sweep(kind, next, oldest)
			ended += n
			next = after
			if err != nil {
				return ended, err
			}
			if next == nil {
				break
			}
		}
	}
	return ended, nil
}

// sweep handles up to sweepRows facts of one kind from a key on and returns the
// key to continue from, nil at the end.
func (r *Registry) sweep(kind string, from []byte, oldest time.Time) (next []byte, ended int, err error) {
	err = r.db.Update(func(tx *bbolt.Tx) error {
		next, ended = nil, 0
		b := tx.Bucket([]byte(kind))
		if b == nil {
			return nil
		}
		type row struct{ key, sealed []byte }
		var rows []row
		c := b.Cursor()
		k, v := c.First()
		if from != nil {
			k, v = c.Seek(from)
		}
		for ; k != nil; k, v = c.Next() {
			if len(rows) == sweepRows {
				next = append([]byte(nil), k...)
				break
			}
			rows = append(rows, row{append([]byte(nil), k...), append([]byte(nil), v...)})
		}
		for _, row := range rows {
			e, err := r.open(kind, string(row.key), row.sealed)
			switch {
			case errors.Is(err, ErrNotFound):
				ended++
				if err := b.Delete(row.key); err != nil {
					return err
				}
				continue
			case err != nil:
				return err
			}
			if old, err := r.keys.SealedBefore(row.sealed, oldest); err != nil || !old {
				if err != nil {
					return err
				}
				continue
			}
			again, err := r.sealEntry(kind, string(row.key), e)
			if err != nil {
				return err
			}
			if err := b.Put(row.key, again); err != nil {
				return err
			}
		}
		return nil
	})
	return next, ended, err
}

func (r *Registry) seal(kind, key string, v any, ttl time.Duration) ([]byte, error) {
	value, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", kind, key, err)
	}
	e := entry{Value: value}
	if ttl > 0 {
		e.Until = r.now().Add(ttl)
	}
	return r.sealEntry(kind, key, e)
}

func (r *Registry) sealEntry(kind, key string, e entry) ([]byte, error) {
	plain, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return r.keys.Seal("registry", []byte(kind+"\x00"+key), plain)
}

// open unseals a stored value; ErrNotFound when there is none or it ended.
func (r *Registry) open(kind, key string, sealed []byte) (entry, error) {
	if len(sealed) == 0 {
		return entry{}, ErrNotFound
	}
	plain, err := r.keys.Open("registry", []byte(kind+"\x00"+key), sealed)
	if err != nil {
		return entry{}, fmt.Errorf("%s %s: %w", kind, key, err)
	}
	var e entry
	if err := json.Unmarshal(plain, &e); err != nil {
		return entry{}, fmt.Errorf("%s %s: %w", kind, key, err)
	}
	if !e.Until.IsZero() && !r.now().Before(e.Until) {
		return entry{}, ErrNotFound
	}
	return e, nil
}
