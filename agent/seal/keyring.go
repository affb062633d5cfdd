package seal

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Options says where keys live. StateDir is required.
type Options struct {
	// StateDir is the state directory. Record keys live in its directory keys,
	// a generated root key in its file platen.key.
	StateDir string
	// KeyFile holds the root key, outside StateDir to be worth anything.
	KeyFile string
	// CredentialsDir is the value of $CREDENTIALS_DIRECTORY. A root key found
	// there wins over KeyFile.
	CredentialsDir string
	// Now is the wall clock, time.Now by default. It picks the monthly key.
	Now func() time.Time
}

// Keyring seals records and hands out page keys. It is safe for concurrent use
// by one process; two processes must not open the same state directory.
type Keyring struct {
	v    *vault
	name string // "" or the child's name
	dir  string
	now  func() time.Time

	mu   sync.Mutex
	keys map[[idSize]byte]*recordKey
}

// vault holds what a keyring and its children share.
type vault struct {
	// mu is held for writing while key files are re-wrapped or come into
	// being, so that a rotation misses none and revives none that was destroyed.
	mu    sync.RWMutex
	roots []*rootKey // current first
	root  Root
	dir   string
}

const (
	ringLabel = "ring"
	ringFile  = "ring.key"
	keyExt    = ".key"
)

// Open loads the root key and every record key. recordsExist tells it that
// sealed records are there: then nothing is generated and a missing key is
// ErrKeyMissing, a foreign one ErrWrongKey; the agent must not start on either.
func Open(opts Options, recordsExist bool) (*Keyring, error) {
	if opts.StateDir == "" {
		return nil, errors.New("open keys: no state directory")
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	dir := filepath.Join(opts.StateDir, "keys")
	ringPath := filepath.Join(dir, ringFile)
	ringData, err := readSmall(ringPath, rootFileLimit)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	// The ring file is written right after the first root key. It tells a new
	// state directory from one that lost its root or its record keys.
	ringExists := err == nil
	if recordsExist && !ringExists {
		return nil, fmt.Errorf("open keys: sealed records exist but %s does not: %w", ringPath, ErrKeyMissing)
	}
	if err := makeDir(opts.StateDir); err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	root, roots, err := findRoots(opts, !ringExists)
	if err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	if ringExists {
		if _, err := unwrap(roots, ringLabel, ringData); err != nil {
			return nil, fmt.Errorf("open keys: %s does not open with root key %s from %s: %w", ringPath, root.ID, root.Path, err)
		}
	} else {
		data, err := roots[0].wrap(ringLabel, newSecret())
		if err == nil {
			err = replace(ringPath, data)
		}
		if err != nil {
			return nil, fmt.Errorf("open keys: %w", err)
		}
	}
	return load(&vault{roots: roots, root: root, dir: dir}, "", dir, opts.Now)
}

var childName = regexp.MustCompile(`^[a-z][a-z0-9]{0,30}$`)

// Child returns a keyring with monthly record keys of its own under the same
// root key, for records with another retention: DestroyBefore of one leaves the
// other alone. name is a lower-case word. Open a child once.
func (k *Keyring) Child(name string) (*Keyring, error) {
	if !childName.MatchString(name) || k.name != "" {
		return nil, fmt.Errorf("child keyring %q: not a name", name)
	}
	dir := filepath.Join(k.dir, name)
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("child keyring %s: %w", name, err)
	}
	return load(k.v, name, dir, k.now)
}

func load(v *vault, name, dir string, now func() time.Time) (*Keyring, error) {
	k := &Keyring{v: v, name: name, dir: dir, now: now, keys: map[[idSize]byte]*recordKey{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case strings.Contains(e.Name(), tempMark): // of a crash; never in use
			if err := erase(path); err != nil {
				return nil, fmt.Errorf("open keys: %w", err)
			}
		case e.IsDir() || filepath.Ext(e.Name()) != keyExt || e.Name() == ringFile:
		default:
			rk, err := v.readRecordKey(path)
			if errors.Is(err, ErrKeyGone) { // destroyed, and the unlink was lost
				if err := erase(path); err != nil {
					return nil, fmt.Errorf("open keys: %w", err)
				}
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("open keys: %w", err)
			}
			k.keys[rk.id] = rk
		}
	}
	return k, nil
}

// Root describes the root key in use.
func (k *Keyring) Root() Root {
	k.v.mu.RLock()
	defer k.v.mu.RUnlock()
	return k.v.root
}

// Close forgets the keys of this keyring; the root key is forgotten with the
// keyring that Open returned. Nothing may use it, its children or its parts
// afterwards.
func (k *Keyring) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, rk := range k.keys {
		rk.forget()
	}
	clear(k.keys)
	if k.name == "" {
		k.v.mu.Lock()
		defer k.v.mu.Unlock()
		for _, r := range k.v.roots {
			r.key.wipe()
		}
		k.v.roots = nil
	}
}

// String names the keyring by its root key's id.
func (k *Keyring) String() string { return "keyring " + k.Root().ID }

// Format implements fmt.Formatter; no verb prints a key.
func (k *Keyring) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue implements [slog.LogValuer]; keys never reach a log.
func (k *Keyring) LogValue() slog.Value { return slog.StringValue(k.String()) }

// label names a key file inside the directory of keys; it is bound to the key,
// so that files cannot be exchanged.
func (v *vault) label(path string) string {
	rel, err := filepath.Rel(v.dir, path)
	if err != nil {
		rel = filepath.Base(path)
	}
	rel = filepath.ToSlash(rel)
	if rel == ringFile {
		return ringLabel
	}
	return "record " + strings.TrimSuffix(rel, keyExt)
}

var recordFile = regexp.MustCompile(`^(\d{4}-\d{2})-([0-9a-f]{16})\.key$`)

func (v *vault) readRecordKey(path string) (*recordKey, error) {
	m := recordFile.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return nil, fmt.Errorf("%s: not the name of a record key: %w", path, ErrDamaged)
	}
	month, err := time.Parse("2006-01", m[1])
	if err != nil {
		return nil, fmt.Errorf("%s: not the name of a record key: %w", path, ErrDamaged)
	}
	data, err := readSmall(path, rootFileLimit)
	if err != nil {
		return nil, err
	}
	v.mu.RLock()
	key, err := unwrap(v.roots, v.label(path), data)
	v.mu.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	rk := &recordKey{month: month, key: key, path: path}
	if _, err := hex.Decode(rk.id[:], []byte(m[2])); err != nil {
		return nil, fmt.Errorf("%s: %w", path, ErrDamaged)
	}
	return rk, nil
}
