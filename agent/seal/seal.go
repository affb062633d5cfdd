// Package seal keeps the keys of an agent and encrypts what it stores: record
// values in databases, and the parts (scanned pages, previews, fax pages) that
// lie beside them as files.
//
// One root key wraps everything else. Record values are sealed under monthly
// record keys and pages under one page key per job, each wrapped key in a file
// of its own, because a key that lived inside a database file would stay
// readable in its free pages after it was deleted. Erasing is therefore
// destroying a small file: overwrite, flush, unlink, flush the directory.
// Flash and copy-on-write disks may keep the overwritten block; there the
// promise needs [Keyring.Rotate] with a root key that is not on that disk.
//
// The cipher is AES-256-GCM of the standard library with random nonces, under
// keys derived with HKDF-SHA256 for each purpose and each part. It was chosen
// over XChaCha20-Poly1305 because it needs no module, runs on the AES
// instructions of amd64 and arm64, and stays inside the Go FIPS 140-3 module. A
// random 96-bit nonce is safe for 2^32 messages under one key (NIST SP
// 800-38D §8.3); a monthly key of one purpose is far from that, and a part has a
// key of its own.
//
// What does not live here: who may see what, when something is erased, and the
// layout of the spool. The package logs nothing.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Errors callers branch on with errors.Is.
var (
	// ErrKeyMissing says that sealed data exists and the root key does not, or
	// that the directory of record keys is lost. The agent must not start: a
	// new key would hide the loss.
	ErrKeyMissing = errors.New("root key missing")
	// ErrWrongKey says that a key file was wrapped by a root key that is not
	// the one at hand, as after restoring a backup of only one of the two.
	ErrWrongKey = errors.New("wrapped by another root key")
	// ErrKeyGone says that the key of a record or a part was destroyed, which
	// is how data is erased here. It is final.
	ErrKeyGone = errors.New("key destroyed")
	// ErrDamaged says that sealed bytes were cut, altered, exchanged or never
	// ours.
	ErrDamaged = errors.New("sealed data damaged")
	// ErrRootFixed says that the root key cannot be replaced by the agent
	// because a systemd credential holds it; the text says what to do.
	ErrRootFixed = errors.New("the root key is a systemd credential, which only its owner can replace: " +
		"put the new key on its first line and keep the old one on its second, restart, rotate again")
)

const (
	keySize   = 32 // AES-256
	idSize    = 8
	nonceSize = 12 // what cipher.NewGCM uses
	tagSize   = 16
)

// secret is one key in memory. Its bytes never leave through fmt or slog.
type secret [keySize]byte

func newSecret() *secret {
	var s secret
	// crypto/rand.Read never returns an error; it stops the program instead.
	_, _ = rand.Read(s[:])
	return &s
}

func (s *secret) wipe() { clear(s[:]) }

// derive returns the AEAD of the key that HKDF makes of s for one use.
func (s *secret) derive(salt []byte, info string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, s[:], salt, info, keySize)
	if err != nil {
		return nil, fmt.Errorf("derive %s: %w", info, err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive %s: %w", info, err)
	}
	return cipher.NewGCM(block)
}

// randomNonce appends a fresh nonce to dst.
func randomNonce(dst []byte) []byte {
	var nonce [nonceSize]byte
	_, _ = rand.Read(nonce[:])
	return append(dst, nonce[:]...)
}
