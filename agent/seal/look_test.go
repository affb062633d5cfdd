package seal_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/platen-fax/platen/agent/seal"
)

func TestLookChangesNothing(t *testing.T) {
	dir := t.TempDir()
	opts := seal.Options{StateDir: dir}
	root, fresh, err := seal.Look(opts)
	if err != nil || !fresh || !root.BesideData() {
		t.Errorf("Look at nothing = %+v, %v, %v; want a fresh one beside the data", root, fresh, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("Look left %v, %v", left, err)
	}
	keys, err := seal.Open(opts, false)
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	if root, fresh, err = seal.Look(opts); err != nil || fresh || root != keys.Root() {
		t.Errorf("Look = %+v, %v, %v; want %+v", root, fresh, err, keys.Root())
	}
}

func TestLookFindsWhatOpenWouldRefuse(t *testing.T) {
	dir := t.TempDir()
	opts := seal.Options{StateDir: dir}
	keys, err := seal.Open(opts, false)
	if err != nil {
		t.Fatal(err)
	}
	keys.Close()
	other := filepath.Join(t.TempDir(), "other.key")
	if err := os.WriteFile(other, []byte(strings.Repeat("ab", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := seal.Look(seal.Options{StateDir: dir, KeyFile: other}); err == nil {
		t.Error("Look took a key that opens nothing")
	}
	if err := os.Remove(keys.Root().Path); err != nil {
		t.Fatal(err)
	}
	if _, _, err := seal.Look(opts); !errors.Is(err, seal.ErrKeyMissing) {
		t.Errorf("Look without the key = %v; want ErrKeyMissing", err)
	}
}
