package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

const pageLabel = "page"

// PageKey encrypts the parts of one job. It is safe for concurrent use until it
// is wiped.
type PageKey struct {
	key secret
	// id tells keys apart in logs: the last two elements of its path.
	id string
}

// NewPageKey makes a page key and its file, which is durable on return. An
// existing file is an error that wraps fs.ErrExist.
func (k *Keyring) NewPageKey(path string) (*PageKey, error) {
	p := &PageKey{key: *newSecret()}
	k.v.mu.Lock()
	defer k.v.mu.Unlock()
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("new page key %s: %w", path, fs.ErrExist)
	}
	if err := k.v.store(path, pageLabel, &p.key); err != nil {
		return nil, fmt.Errorf("new page key: %w", err)
	}
	return p.named(path), nil
}

// LoadPageKey reads a page key. Errors wrap ErrKeyGone when it was destroyed or
// its file is not there, else ErrWrongKey or ErrDamaged.
func (k *Keyring) LoadPageKey(path string) (*PageKey, error) {
	k.v.mu.RLock()
	defer k.v.mu.RUnlock()
	data, err := readSmall(path, rootFileLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("page key %s: no file: %w", path, ErrKeyGone)
	}
	if err != nil {
		return nil, fmt.Errorf("page key: %w", err)
	}
	key, err := unwrap(k.v.roots, pageLabel, data)
	if err != nil {
		return nil, fmt.Errorf("page key %s: %w", path, err)
	}
	defer key.wipe()
	return (&PageKey{key: *key}).named(path), nil
}

// DestroyPageKey erases the file of a page key: the parts it encrypted cannot
// be read again. A file that is not there is already destroyed, so the call can
// be repeated after a crash. The memory of loaded copies is the caller's to
// wipe.
func (k *Keyring) DestroyPageKey(path string) error {
	k.v.mu.RLock()
	defer k.v.mu.RUnlock()
	if err := erase(path); err != nil {
		return fmt.Errorf("destroy page key: %w", err)
	}
	// A crash while the key was made or re-wrapped left a copy.
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("destroy page key: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(path)+tempMark) {
			if err := erase(filepath.Join(filepath.Dir(path), e.Name())); err != nil {
				return fmt.Errorf("destroy page key: %w", err)
			}
		}
	}
	return nil
}

// Wipe forgets the key in memory. Nothing may use it afterwards.
func (p *PageKey) Wipe() { p.key.wipe() }

func (p *PageKey) named(path string) *PageKey {
	p.id = filepath.Base(filepath.Dir(path)) + "/" + filepath.Base(path)
	return p
}

// String names the key by its file.
func (p *PageKey) String() string { return "page key " + p.id }

// Format implements fmt.Formatter; no verb prints the key.
func (p *PageKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(p.String())) }

// LogValue implements [slog.LogValuer]; the key never reaches a log.
func (p *PageKey) LogValue() slog.Value { return slog.StringValue(p.String()) }
