package registry

import (
	"encoding/json"
	"errors"
	"time"

	bbolt "go.etcd.io/bbolt"
)

// Change reads a fact into v, a pointer, lets fn change it there and stores it
// again, all in one step: two changes of the same fact never miss each other. v
// stays as it is where there is no such fact; ttl is as for Put, and with keep
// false the fact is deleted. An error of fn changes nothing and comes back as it
// is. fn must not use the registry.
func (r *Registry) Change(kind, key string, v any, ttl time.Duration, fn func() (keep bool, err error)) error {
	return r.db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte(kind))
		if err != nil {
			return err
		}
		e, err := r.open(kind, key, b.Get([]byte(key)))
		if err == nil {
			err = json.Unmarshal(e.Value, v)
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		keep, err := fn()
		if err != nil {
			return err
		}
		if !keep {
			return b.Delete([]byte(key))
		}
		sealed, err := r.seal(kind, key, v, ttl)
		if err != nil {
			return err
		}
		return b.Put([]byte(key), sealed)
	})
}
