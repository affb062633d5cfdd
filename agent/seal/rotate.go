package seal

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"strings"
)

// Rotate makes a new root key the current one, wraps every record key and every
// page key again under it, and forgets the old one. pageKeys yields the files of
// the live jobs' page keys; it is asked only after new page keys already use the
// new root, so a job that starts meanwhile needs no place in it, and a file that
// is gone is skipped. It returns how many files it wrapped again.
//
// After an error or a crash both roots still open everything and Rotate can be
// called again. A root key in a systemd credential is not ours to write: Rotate
// then wraps again under the credential's first line, or returns ErrRootFixed
// when that is its only one.
func (k *Keyring) Rotate(pageKeys iter.Seq2[string, error]) (int, error) {
	v := k.v
	if err := v.newRoot(); err != nil {
		return 0, fmt.Errorf("rotate: %w", err)
	}
	var n int
	again := func(path, label string) error {
		changed, err := v.rewrap(path, label)
		if changed {
			n++
		}
		return err
	}
	err := filepath.WalkDir(v.dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // destroyed meanwhile
		}
		if err != nil || e.IsDir() || filepath.Ext(path) != keyExt || strings.Contains(e.Name(), tempMark) {
			return err
		}
		return again(path, v.label(path))
	})
	if err != nil {
		return n, fmt.Errorf("rotate: %w", err)
	}
	for path, err := range pageKeys {
		if err != nil {
			return n, fmt.Errorf("rotate: list page keys: %w", err)
		}
		if err := again(path, pageLabel); err != nil {
			return n, fmt.Errorf("rotate: %w", err)
		}
	}
	if err := v.dropOldRoots(); err != nil {
		return n, fmt.Errorf("rotate: %w", err)
	}
	return n, nil
}

// newRoot puts a new root key before the present ones, on disk first.
func (v *vault) newRoot() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.roots) == 0 {
		return errors.New("keyring is closed")
	}
	if v.root.Source == SourceCredential {
		if len(v.roots) == 1 {
			return ErrRootFixed
		}
		return nil // its owner has put the new one first
	}
	r, err := newRootKey(newSecret())
	if err != nil {
		return err
	}
	roots := append([]*rootKey{r}, v.roots...)
	text := formatRoots(roots)
	defer clear(text)
	if err := replace(v.root.Path, text); err != nil {
		return err
	}
	v.roots = roots
	v.root.ID, v.root.Older = hex.EncodeToString(r.id[:]), len(roots)-1
	return nil
}

// rewrap wraps one key file under the current root.
func (v *vault) rewrap(path, label string) (changed bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	data, err := readSmall(path, rootFileLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if len(data) == keyFileSize && rootOf(v.roots[:1], data[len(keyMagic):len(keyMagic)+idSize]) != nil {
		return false, nil
	}
	key, err := unwrap(v.roots, label, data)
	if errors.Is(err, ErrKeyGone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	defer key.wipe()
	return true, v.store(path, label, key)
}

// dropOldRoots forgets all but the current root key.
func (v *vault) dropOldRoots() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.root.Source == SourceCredential {
		return nil // its owner removes the further lines
	}
	text := formatRoots(v.roots[:1])
	defer clear(text)
	if err := replace(v.root.Path, text); err != nil {
		return err
	}
	for _, r := range v.roots[1:] {
		r.key.wipe()
	}
	v.roots = v.roots[:1:1]
	v.root.Older = 0
	return nil
}
