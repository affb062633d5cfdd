package bolt

import (
	"bytes"
	"crypto/rand"
	"errors"
	"math/big"
	"strings"

	bolt "go.etcd.io/bbolt"

	"github.com/platen-fax/platen/agent/job"
)

// numberAlphabet leaves out what is misread on paper or misheard on the phone
// (0 O Q D, 1 I L, 2 Z, 5 S, 8 B, 6 G, U V), and with the vowels the words.
const numberAlphabet = "34679CFHJKMNPRTWXY"

const (
	numberLength = 4
	// crowded is when four characters (104 976 numbers) are too few to find a
	// free one at once.
	crowded = 26_000
)

var errNumbers = errors.New("no free job number")

// newNumber reserves a number that no job present has.
func (s *Spool) newNumber(tx *bolt.Tx, id job.ID, present int) (string, error) {
	b := tx.Bucket(bucketNumbers)
	length := numberLength
	if present >= crowded {
		length++
	}
	for range 64 {
		n, err := randomNumber(length)
		if err != nil {
			return "", err
		}
		if k := s.blind("number", n); b.Get(k) == nil {
			return n, b.Put(k, []byte(id))
		}
		length = max(length, numberLength+1) // rare: as good as crowded
	}
	return "", errNumbers
}

func randomNumber(length int) (string, error) {
	out := make([]byte, length)
	for i := range out {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(numberAlphabet))))
		if err != nil {
			return "", err
		}
		out[i] = numberAlphabet[n.Int64()]
	}
	return string(out), nil
}

// byNumber returns the job with a number, "" if there is none.
func (s *Spool) byNumber(number string) (id job.ID, err error) {
	err = s.read(func(tx *bolt.Tx) error {
		id = job.ID(bytes.Clone(tx.Bucket(bucketNumbers).Get(s.blind("number", strings.ToUpper(number)))))
		return nil
	})
	return id, err
}

// idLength is the length of a job id, a UUID in its usual form.
const idLength = 36

// validID keeps everything but a lower-case UUID out of paths and keys.
func validID(id job.ID) bool {
	if len(id) != idLength {
		return false
	}
	for i, c := range []byte(id) {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return false
		}
	}
	return true
}
