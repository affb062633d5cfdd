package registry_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/registry"
)

// TestHide gives a name one hash for ever, another in every registry, and none
// that can be computed without the key.
func TestHide(t *testing.T) {
	w := open(t)
	hashes := make([]string, 8)
	var wg sync.WaitGroup
	for i := range hashes {
		wg.Go(func() {
			var err error
			if hashes[i], err = w.Hide("ann@contoso.example"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w.now = w.now.AddDate(0, 6, 0)
	if _, err := w.Sweep(w.now.AddDate(0, -3, 0)); err != nil {
		t.Fatal(err)
	}
	w.reopen(t)
	again, err := w.Hide("ann@contoso.example")
	if err != nil || len(again) != 43 {
		t.Fatalf("Hide = %q, %v; want 43 letters", again, err)
	}
	for _, h := range hashes {
		if h != again {
			t.Errorf("one name has the hashes %q and %q", h, again)
		}
	}
	if other, err := w.Hide("bob@contoso.example"); err != nil || other == again {
		t.Errorf("another name: %q, %v", other, err)
	}
	if elsewhere, err := open(t).Hide("ann@contoso.example"); err != nil || elsewhere == again {
		t.Errorf("another registry: %q, %v; want another hash", elsewhere, err)
	}
	if err := w.Put("seen", again, true, 0); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(w.dir, registry.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("contoso")) || !bytes.Contains(raw, []byte(again)) {
		t.Error("the file should show the hash and not the name")
	}
}

// TestChange misses no change, and makes none with an error.
func TestChange(t *testing.T) {
	w := open(t)
	add := func(to *int) error {
		return w.Change("n", "k", to, time.Hour, func() (bool, error) { *to++; return true, nil })
	}
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			var n int
			if err := add(&n); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	stop := errors.New("stop")
	var n int
	if err := w.Change("n", "k", &n, 0, func() (bool, error) { n = 99; return true, stop }); !errors.Is(err, stop) {
		t.Errorf("Change = %v, want the error of the function", err)
	}
	if err := w.Get("n", "k", &n); err != nil || n != 30 {
		t.Errorf("%d, %v after 30 changes", n, err)
	}
	w.now = w.now.Add(2 * time.Hour)
	n = 0
	if err := add(&n); err != nil || n != 1 {
		t.Errorf("%d, %v; want a fresh start after its time", n, err)
	}
	if err := w.Change("n", "k", &n, 0, func() (bool, error) { return false, nil }); err != nil {
		t.Fatal(err)
	}
	if err := w.Get("n", "k", &n); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("Get after a change that keeps nothing: %v", err)
	}
}
