package seal

import (
	"bytes"
	"encoding/hex"
	"fmt"
)

// A key file holds one wrapped key:
//
//	magic(5) root-id(8) nonce(12) AES-256-GCM(key)(32+16)
//
// The label, what the key is for, is bound as additional data.
const keyMagic = "PLTK\x01"

const keyFileSize = len(keyMagic) + idSize + nonceSize + keySize + tagSize

// wrap returns the content of a key file.
func (r *rootKey) wrap(label string, key *secret) ([]byte, error) {
	aead, err := r.key.derive(nil, "platen wrap 1")
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, keyFileSize)
	out = append(out, keyMagic...)
	out = append(out, r.id[:]...)
	head := out
	out = randomNonce(out)
	nonce := out[len(head):]
	return aead.Seal(out, nonce, key[:], wrapData(head, label)), nil
}

// unwrap returns the key in the content of a key file. Errors wrap ErrKeyGone,
// ErrWrongKey or ErrDamaged.
func unwrap(roots []*rootKey, label string, file []byte) (*secret, error) {
	if len(file) > 0 && len(bytes.Trim(file, "\x00")) == 0 {
		return nil, fmt.Errorf("overwritten: %w", ErrKeyGone)
	}
	if len(file) != keyFileSize || string(file[:len(keyMagic)]) != keyMagic {
		return nil, fmt.Errorf("not a key file: %w", ErrDamaged)
	}
	head := file[:len(keyMagic)+idSize]
	id := head[len(keyMagic):]
	root := rootOf(roots, id)
	if root == nil {
		return nil, fmt.Errorf("root key %s: %w", hex.EncodeToString(id), ErrWrongKey)
	}
	aead, err := root.key.derive(nil, "platen wrap 1")
	if err != nil {
		return nil, err
	}
	rest := file[len(head):]
	plain, err := aead.Open(nil, rest[:nonceSize], rest[nonceSize:], wrapData(head, label))
	if err != nil {
		return nil, fmt.Errorf("key file: %w", ErrDamaged)
	}
	defer clear(plain)
	var s secret
	copy(s[:], plain)
	return &s, nil
}

func rootOf(roots []*rootKey, id []byte) *rootKey {
	for _, r := range roots {
		if bytes.Equal(r.id[:], id) {
			return r
		}
	}
	return nil
}

func wrapData(head []byte, label string) []byte {
	return append(bytes.Clone(head), label...)
}
