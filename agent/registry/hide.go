package registry

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	bbolt "go.etcd.io/bbolt"
)

// The one secret of Hide.
const hideKind, hideKey = "hide", "key"

// Hide returns what stands for a personal name in a key, which is not sealed: a
// keyed hash of 43 letters. The same name always gives the same; the key is made
// once, 256 random bits, and kept sealed beside the facts. Safe for concurrent
// use.
func (r *Registry) Hide(name string) (string, error) {
	key, err := r.hideKey()
	if err != nil {
		return "", fmt.Errorf("hide a name: %w", err)
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte(name))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)), nil
}

// hideKey returns the key, making it when there is none.
func (r *Registry) hideKey() ([]byte, error) {
	var key []byte
	if err := r.Get(hideKind, hideKey, &key); !errors.Is(err, ErrNotFound) {
		return key, err
	}
	fresh := make([]byte, sha256.Size)
	rand.Read(fresh) // never fails
	sealed, err := r.seal(hideKind, hideKey, fresh, 0)
	if err != nil {
		return nil, err
	}
	err = r.db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte(hideKind))
		if err != nil {
			return err
		}
		if b.Get([]byte(hideKey)) != nil {
			return nil // somebody else was first
		}
		return b.Put([]byte(hideKey), sealed)
	})
	if err != nil {
		return nil, err
	}
	err = r.Get(hideKind, hideKey, &key)
	return key, err
}
