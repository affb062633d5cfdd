package bolt

import (
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/platen-fax/platen/agent/job"
)

func TestNumberCrowded(t *testing.T) {
	db, err := openDB(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := &Spool{mac: make([]byte, 32)}
	err = db.Update(func(tx *bolt.Tx) error {
		if _, err := tx.CreateBucket(bucketNumbers); err != nil {
			return err
		}
		seen := map[string]bool{}
		for present, want := range map[int]int{0: 4, crowded - 1: 4, crowded: 5} {
			for range 200 {
				n, err := s.newNumber(tx, "id", present)
				if err != nil {
					return err
				}
				// A rare collision takes the longer form too.
				if len(n) < want || len(n) > 5 || strings.Trim(n, numberAlphabet) != "" || seen[n] {
					t.Errorf("number %q with %d jobs present; want %d characters, unique", n, present, want)
				}
				seen[n] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0, 2, '{', '}', 1})
	f.Add([]byte{0, 9, 0, 0, 0, 2, '{', '}'})
	f.Add([]byte{0, 1, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, clearPart, sealed, err := split(raw)
		if err == nil && string(clearPart)+string(sealed) != string(raw) {
			t.Errorf("split(%q) = %q, %q; want all of it", raw, clearPart, sealed)
		}
	})
}

func FuzzLaneKey(f *testing.F) {
	f.Add(laneKey("01a00000-0000-7000-8000-000000000001", entry{Lane: "send/main", Recipient: 3, Due: 17}))
	f.Fuzz(func(t *testing.T, k []byte) {
		lane, rest, ok := strings.Cut(string(k), "\x00")
		if !ok {
			return
		}
		due, ref, ok := parseLaneKey([]byte(rest))
		if !ok || len(ref.Job) != idLength || nanos(due) < 0 {
			return
		}
		e := entry{Lane: lane, Recipient: ref.Recipient, Due: nanos(due)}
		if due2, ref2, ok := parseLaneKey(laneKey(ref.Job, e)[len(lane)+1:]); !ok || ref2 != ref || nanos(due2) != nanos(due) {
			t.Errorf("%v %v reads back as %v %v", due, ref, due2, ref2)
		}
	})
}

func TestValidID(t *testing.T) {
	for id, want := range map[job.ID]bool{
		"01a00000-0000-7000-8000-000000000001": true, "01A00000-0000-7000-8000-000000000001": false,
		"01a00000/0000-7000-8000-000000000001": false, "": false, "../../../../../../../../../etc/passwd": false,
	} {
		if validID(id) != want {
			t.Errorf("validID(%q) = %v; want %v", id, !want, want)
		}
	}
}
