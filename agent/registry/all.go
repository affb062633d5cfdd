package registry

import (
	"encoding/json"
	"errors"
	"fmt"

	bbolt "go.etcd.io/bbolt"
)

// All calls each with every living fact of a kind, in the order of the keys,
// until it returns an error, which All returns. value is the stored JSON and
// each's to keep. each must not call the registry.
func (r *Registry) All(kind string, each func(key string, value json.RawMessage) error) error {
	return r.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(kind))
		if b == nil {
			return nil
		}
		return b.ForEach(func(k, sealed []byte) error {
			e, err := r.open(kind, string(k), sealed)
			if errors.Is(err, ErrNotFound) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("all of %s: %w", kind, err)
			}
			return each(string(k), e.Value)
		})
	})
}
