package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
)

// ErrDamaged is wrapped when the database file cannot be read.
var ErrDamaged = errors.New("spool database damaged")

// openDB opens the database in dir, making it first if need be. A new one is made
// under another name: bbolt does not survive a power cut that tears its very
// first write.
func openDB(dir string) (*bolt.DB, error) {
	path := filepath.Join(dir, dbFile)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		fresh := path + ".new"
		if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		db, err := openFile(fresh)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(db.Close(), os.Rename(fresh, path)); err != nil {
			return nil, err
		}
	}
	// Always, not only when the file is new: a crash may have come between
	// its renaming and this flush.
	if err := syncDir(dir); err != nil {
		return nil, err
	}
	return openFile(path)
}

func openFile(path string) (db *bolt.DB, err error) {
	// A file cut short makes bbolt read behind the end of its map.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			db, err = nil, fmt.Errorf("%s: %w: %v", filepath.Base(path), ErrDamaged, r)
		}
	}()
	db, err = bolt.Open(path, 0o600, &bolt.Options{
		Timeout: time.Second, FreelistType: bolt.FreelistMapType, NoStatistics: true,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	db.MaxBatchDelay = 500 * time.Microsecond
	return db, nil
}
