package bolt

import (
	"bytes"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/platen-fax/platen/agent/job"
)

// Verify computes every index again and compares it with what is stored.
func (s *Spool) Verify() error {
	want := map[string]map[string][]byte{"lanes": {}, "numbers": {}, "faxes": {}}
	err := s.eachRecord(func(id job.ID, raw []byte) error {
		r, err := s.decode(id, raw)
		if err != nil {
			return err
		}
		for _, e := range entries(r.Job, s.opt.Limits) {
			want["lanes"][string(laneKey(id, e))] = []byte{}
		}
		want["numbers"][string(s.blind("number", r.Number))] = []byte(id)
		for k, ref := range s.faxKeys(r.Job) {
			want["faxes"][k] = ref
		}
		if r.head.Purging {
			return fmt.Errorf("job %s: an erasure was left unfinished", id)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var errs []error
	return errors.Join(s.read(func(tx *bolt.Tx) error {
		for name, rows := range want {
			n := 0
			err := tx.Bucket([]byte(name)).ForEach(func(k, v []byte) error {
				n++
				if w, ok := rows[string(k)]; !ok || !bytes.Equal(w, v) {
					errs = append(errs, fmt.Errorf("%s: row %q is wrong or too many", name, k))
				}
				return nil
			})
			if err != nil {
				return err
			}
			if n < len(rows) {
				errs = append(errs, fmt.Errorf("%s: %d rows of %d", name, n, len(rows)))
			}
		}
		for err := range tx.Check() {
			errs = append(errs, err)
		}
		return nil
	}), errors.Join(errs...))
}
