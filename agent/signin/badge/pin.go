package badge

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"

	"golang.org/x/crypto/argon2"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/registry"
	"github.com/platen-fax/platen/agent/signin"
)

// Length of a PIN in digits.
const (
	pinMin = 4
	pinMax = 8
)

// Cost of new hashes, the smallest that OWASP's password storage cheat sheet
// gives for Argon2id: 7 MiB and 5 passes. They fit beside the agent on a box of
// 64 MiB, one hash at a time, and should take about a second on a slow ARM core
// (measured: 90 ms in plain Go on amd64). A PIN has few digits, so the hash is
// the last of three locks, behind the sealed registry and the pause after wrong
// ones.
const (
	costMemory = 7 << 10 // KiB
	costPasses = 5
	saltSize   = 16
	hashSize   = 32
)

// hashed is a stored PIN with the cost it was hashed at, so that the cost can
// change.
type hashed struct {
	Salt   []byte `json:"salt"`
	Hash   []byte `json:"hash"`
	Memory uint32 `json:"memory"` // KiB
	Passes uint32 `json:"passes"`
}

var errWeak = errors.New("PIN is too easy to guess")

// SetPIN implements [signin.Badges]. A PIN is 4 to 8 digits and neither a
// repetition like 1111 or 1212 nor a run like 1234 or 8765; any other is a
// *[signin.Refused] with BadInput. It blocks for the time of a hash.
func (b *Badges) SetPIN(_ context.Context, person job.Person, pin []byte) error {
	if person.ID == "" {
		return broken(errNobody)
	}
	if err := checkPIN(pin); err != nil {
		return &signin.Refused{Problem: signin.BadInput, Err: err}
	}
	if weak(pin) {
		return &signin.Refused{Problem: signin.BadInput, Err: errWeak}
	}
	h := hashed{Salt: make([]byte, saltSize), Memory: costMemory, Passes: costPasses}
	rand.Read(h.Salt) // never fails
	h.Hash = b.hash(pin, h)
	key, err := b.pinKey(person)
	if err != nil {
		return broken(err)
	}
	if err := b.opts.Registry.Put(kindPIN, key, h, 0); err != nil {
		return broken(err)
	}
	return nil
}

// CheckPIN implements [signin.Badges]. Failures are *[signin.Refused]: BadPIN,
// which is Spent, BadInput for what cannot be one, PINNeeded where there is
// none. It blocks for the time of a hash; counting failures is the caller's.
func (b *Badges) CheckPIN(_ context.Context, person job.Person, pin []byte) error {
	h, set, err := b.pin(person)
	switch {
	case err != nil:
		return broken(err)
	case !set:
		return &signin.Refused{Problem: signin.PINNeeded}
	}
	if err := checkPIN(pin); err != nil {
		return &signin.Refused{Problem: signin.BadInput, Err: err}
	}
	if subtle.ConstantTimeCompare(b.hash(pin, h), h.Hash) != 1 {
		return &signin.Refused{Problem: signin.BadPIN, Spent: true}
	}
	return nil
}

// NeedsPIN implements [signin.Badges].
func (b *Badges) NeedsPIN(_ context.Context, person job.Person) (ask, set bool, err error) {
	if _, set, err = b.pin(person); err != nil {
		return false, false, err
	}
	switch b.opts.PIN {
	case "", PINOff:
		return false, set, nil
	case PINOptional:
		return set, set, nil
	default:
		return true, set, nil
	}
}

func (b *Badges) pin(person job.Person) (h hashed, set bool, err error) {
	if person.ID == "" {
		return h, false, errNobody
	}
	key, err := b.pinKey(person)
	if err != nil {
		return h, false, err
	}
	if err = b.opts.Registry.Get(kindPIN, key, &h); errors.Is(err, registry.ErrNotFound) {
		return h, false, nil
	}
	if err == nil && (len(h.Hash) != hashSize || h.Passes == 0) {
		err = errors.New("stored PIN makes no sense") // an empty hash would be equal to nothing at all
	}
	return h, err == nil, err
}

func (b *Badges) pinKey(person job.Person) (string, error) {
	return b.opts.Registry.Hide("pin " + person.ID)
}

func (b *Badges) hash(pin []byte, h hashed) []byte {
	b.hashing.Lock()
	defer b.hashing.Unlock()
	return argon2.IDKey(pin, h.Salt, h.Passes, h.Memory, 1, hashSize)
}

// checkPIN says what is wrong with the form of a PIN.
func checkPIN(pin []byte) error {
	if len(pin) < pinMin || len(pin) > pinMax {
		return fmt.Errorf("PIN has %d characters, want %d to %d", len(pin), pinMin, pinMax)
	}
	for _, c := range pin {
		if c < '0' || c > '9' {
			return errors.New("PIN holds something else than digits")
		}
	}
	return nil
}

// weak reports whether a PIN is what people try first: one or two digits over
// and over, or a run up or down, over 9 and 0 as well.
func weak(pin []byte) bool {
	same, up, down := true, true, true
	for i := 1; i < len(pin); i++ {
		step := (int(pin[i]) - int(pin[i-1]) + 10) % 10
		up, down = up && step == 1, down && step == 9
		if i >= 2 {
			same = same && pin[i] == pin[i-2]
		}
	}
	return same || up || down
}
