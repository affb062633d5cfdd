package seal

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

// A sealed record:
//
//	version(1) key-id(8) nonce(12) AES-256-GCM(value)(n+16)
//
// version and key-id are bound as additional data before the caller's.
const recordVersion = 1

const recordHead = 1 + idSize

// Overhead is how many bytes a sealed record is longer than its value.
const Overhead = recordHead + nonceSize + tagSize

// recordKey is the key of one month.
type recordKey struct {
	id    [idSize]byte
	month time.Time // its first instant, UTC
	path  string

	mu    sync.Mutex
	key   *secret                // nil once destroyed
	aeads map[string]cipher.AEAD // by purpose
}

func (r *recordKey) ends() time.Time { return r.month.AddDate(0, 1, 0) }

func (r *recordKey) aead(purpose string) (cipher.AEAD, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a, ok := r.aeads[purpose]; ok {
		return a, nil
	}
	if r.key == nil {
		return nil, fmt.Errorf("record key %s: %w", hex.EncodeToString(r.id[:]), ErrKeyGone)
	}
	a, err := r.key.derive(nil, "platen record 1 "+purpose)
	if err != nil {
		return nil, err
	}
	if r.aeads == nil {
		r.aeads = map[string]cipher.AEAD{}
	}
	r.aeads[purpose] = a
	return a, nil
}

func (r *recordKey) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.key != nil {
		r.key.wipe()
	}
	r.key, r.aeads = nil, nil
}

// Seal encrypts plaintext under the key of the current month. Open needs the
// same purpose (a constant word of the caller, such as "job") and the same aad,
// which binds the value to its place, such as its database key. The first call
// of a month writes a key file.
func (k *Keyring) Seal(purpose string, aad, plaintext []byte) ([]byte, error) {
	rk, err := k.current()
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", purpose, err)
	}
	a, err := rk.aead(purpose)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", purpose, err)
	}
	out := make([]byte, 0, Overhead+len(plaintext))
	out = append(out, recordVersion)
	out = append(out, rk.id[:]...)
	head := bytes.Clone(out)
	out = randomNonce(out)
	return a.Seal(out, out[recordHead:], plaintext, append(head, aad...)), nil
}

// Open decrypts what Seal returned. Errors wrap ErrKeyGone when the month's key
// was destroyed and ErrDamaged for everything else.
func (k *Keyring) Open(purpose string, aad, sealed []byte) ([]byte, error) {
	rk, err := k.keyOf(sealed)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", purpose, err)
	}
	a, err := rk.aead(purpose)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", purpose, err)
	}
	head, rest := sealed[:recordHead], sealed[recordHead:]
	plain, err := a.Open(nil, rest[:nonceSize], rest[nonceSize:], append(bytes.Clone(head), aad...))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", purpose, ErrDamaged)
	}
	return plain, nil
}

// SealedBefore says whether DestroyBefore(t) would make this record unreadable;
// a record that must live on is opened and sealed again first. Errors as Open.
func (k *Keyring) SealedBefore(sealed []byte, t time.Time) (bool, error) {
	rk, err := k.keyOf(sealed)
	if err != nil {
		return false, err
	}
	return !rk.ends().After(t), nil
}

// DestroyBefore destroys the record keys of every month that ended at or before
// t and returns how many. What was sealed under them is unreadable for ever, in
// backups and free database pages too. After an error the rest still exists and
// the call can be repeated.
func (k *Keyring) DestroyBefore(t time.Time) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.v.mu.RLock()
	defer k.v.mu.RUnlock()
	var n int
	var errs []error
	for id, rk := range k.keys {
		if rk.ends().After(t) {
			continue
		}
		if err := erase(rk.path); err != nil {
			errs = append(errs, err)
			continue
		}
		rk.forget()
		delete(k.keys, id)
		n++
	}
	return n, errors.Join(errs...)
}

// keyOf finds the key that a sealed record names.
func (k *Keyring) keyOf(sealed []byte) (*recordKey, error) {
	if len(sealed) < Overhead || sealed[0] != recordVersion {
		return nil, fmt.Errorf("not a sealed record: %w", ErrDamaged)
	}
	id := [idSize]byte(sealed[1:recordHead])
	k.mu.Lock()
	defer k.mu.Unlock()
	rk, ok := k.keys[id]
	if !ok {
		return nil, fmt.Errorf("record key %s: %w", hex.EncodeToString(id[:]), ErrKeyGone)
	}
	return rk, nil
}

// current returns the key of this month, making it on first use.
func (k *Keyring) current() (*recordKey, error) {
	now := k.now().UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, rk := range k.keys {
		if rk.month.Equal(month) {
			return rk, nil
		}
	}
	rk := &recordKey{month: month, key: newSecret()}
	_, _ = rand.Read(rk.id[:])
	rk.path = filepath.Join(k.dir, month.Format("2006-01")+"-"+hex.EncodeToString(rk.id[:])+keyExt)
	k.v.mu.Lock()
	defer k.v.mu.Unlock()
	if err := k.v.store(rk.path, k.v.label(rk.path), rk.key); err != nil {
		return nil, err
	}
	k.keys[rk.id] = rk
	return rk, nil
}

// store wraps key under the current root into a file. v.mu is held for writing.
func (v *vault) store(path, label string, key *secret) error {
	if len(v.roots) == 0 {
		return errors.New("keyring is closed")
	}
	data, err := v.roots[0].wrap(label, key)
	if err != nil {
		return err
	}
	return replace(path, data)
}
