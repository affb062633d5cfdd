package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// CredentialName is the systemd credential that holds the root key, as in
// LoadCredentialEncrypted=platen.key.
const CredentialName = "platen.key"

// Source says where the root key came from.
type Source string

// The sources of a root key, in the order they are tried.
const (
	SourceCredential Source = "systemd-credential"
	SourceFile       Source = "key-file"
	// SourceGenerated is a key that the agent made and keeps in the state
	// directory, beside what it protects: whoever takes the disk has both.
	SourceGenerated Source = "generated"
)

// Root describes the root key without holding it.
type Root struct {
	ID     string // 16 hex digits derived from the key; safe to show
	Source Source
	Path   string // the file it was read from
	// Older counts the further keys of the file. Above zero a rotation was
	// prepared or interrupted: rotate to finish it.
	Older int
	// Exposed says that others than its owner may read the file. Always false
	// on Windows, which has no such bits.
	Exposed bool
}

// BesideData says that theft of the disk takes the key together with the data;
// doctor and console must say so in words.
func (r Root) BesideData() bool { return r.Source == SourceGenerated }

// rootKey is one root key in memory: wrap encrypts other keys.
type rootKey struct {
	key secret
	id  [idSize]byte
}

func newRootKey(s *secret) (*rootKey, error) {
	id, err := hkdf.Key(sha256.New, s[:], nil, "platen root id 1", idSize)
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	k := &rootKey{key: *s}
	copy(k.id[:], id)
	return k, nil
}

// rootFileLimit bounds a root key file: a few keys and nothing else.
const rootFileLimit = 4096

// parseRoots reads the keys of a root key file: one per line as 64 hex digits or
// base64 of 32 bytes, the first is current, the others still unwrap. A file of
// exactly 32 bytes is one raw key. Empty lines and # comments are skipped.
func parseRoots(data []byte) ([]*rootKey, error) {
	if len(data) == keySize {
		k, err := newRootKey((*secret)(data))
		return []*rootKey{k}, err
	}
	var keys []*rootKey
	for n, line := range strings.Split(string(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		raw, err := hex.DecodeString(line)
		if err != nil {
			raw, err = base64.StdEncoding.DecodeString(line)
		}
		if err != nil || len(raw) != keySize {
			return nil, fmt.Errorf("line %d: want 64 hex digits or base64 of 32 bytes, as `openssl rand -hex 32` prints: %w", n+1, ErrDamaged)
		}
		k, err := newRootKey((*secret)(raw))
		clear(raw)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("no key in it: %w", ErrDamaged)
	}
	return keys, nil
}

// formatRoots is the inverse of parseRoots.
func formatRoots(keys []*rootKey) []byte {
	var b bytes.Buffer
	for _, k := range keys {
		b.WriteString(hex.EncodeToString(k.key[:]))
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// findRoots returns the root keys, generating one only where mayGenerate.
func findRoots(opts Options, mayGenerate bool) (Root, []*rootKey, error) {
	if opts.CredentialsDir != "" {
		path := filepath.Join(opts.CredentialsDir, CredentialName)
		root, keys, err := readRoots(path, SourceCredential)
		if !errors.Is(err, fs.ErrNotExist) {
			return root, keys, err
		}
	}
	path, source := rootPlace(opts)
	root, keys, err := readRoots(path, source)
	if !errors.Is(err, fs.ErrNotExist) {
		return root, keys, err
	}
	if !mayGenerate {
		return Root{}, nil, fmt.Errorf("sealed data exists but neither a systemd credential %s nor %s: %w", CredentialName, path, ErrKeyMissing)
	}
	k, err := newRootKey(newSecret())
	if err != nil {
		return Root{}, nil, err
	}
	text := formatRoots([]*rootKey{k})
	defer clear(text)
	if err := replace(path, text); err != nil {
		return Root{}, nil, fmt.Errorf("generate root key: %w", err)
	}
	return readRoots(path, source)
}

func readRoots(path string, source Source) (Root, []*rootKey, error) {
	data, err := readSmall(path, rootFileLimit)
	if err != nil {
		return Root{}, nil, fmt.Errorf("root key: %w", err)
	}
	defer clear(data)
	keys, err := parseRoots(data)
	if err != nil {
		return Root{}, nil, fmt.Errorf("root key %s: %w", path, err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return Root{}, nil, fmt.Errorf("root key: %w", err)
	}
	return Root{
		ID: hex.EncodeToString(keys[0].id[:]), Source: source, Path: path, Older: len(keys) - 1,
		Exposed: runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0,
	}, keys, nil
}

// inside says whether path lies in dir, by name.
func inside(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}
