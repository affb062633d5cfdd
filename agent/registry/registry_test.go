package registry_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/registry"
	"github.com/platen-fax/platen/agent/seal"
)

// world is a registry that can be closed and opened again, with a clock.
type world struct {
	dir string
	now time.Time
	*registry.Registry
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), now: time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)}
	w.reopen(t)
	return w
}

func (w *world) reopen(t *testing.T) {
	t.Helper()
	if w.Registry != nil {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	clock := func() time.Time { return w.now }
	keys, err := seal.Open(seal.Options{StateDir: w.dir, Now: clock}, registry.Exists(w.dir))
	if err != nil {
		t.Fatal(err)
	}
	child, err := keys.Child("registry")
	if err != nil {
		t.Fatal(err)
	}
	if w.Registry, err = registry.Open(w.dir, child, clock); err != nil {
		t.Fatal(err)
	}
	r := w.Registry
	t.Cleanup(func() { r.Close() })
}

func TestFactsSurvive(t *testing.T) {
	w := open(t)
	if err := w.Put("stop", "main", map[string]int{"try": 3}, 0); err != nil {
		t.Fatal(err)
	}
	if err := w.Put("cursor", "fleet", uint64(77), time.Hour); err != nil {
		t.Fatal(err)
	}
	w.reopen(t)
	var stop map[string]int
	if err := w.Get("stop", "main", &stop); err != nil || stop["try"] != 3 {
		t.Errorf("Get stop = %v, %v", stop, err)
	}
	w.now = w.now.Add(2 * time.Hour)
	var cursor uint64
	if err := w.Get("cursor", "fleet", &cursor); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("Get of an ended fact = %d, %v; want ErrNotFound", cursor, err)
	}
	if err := w.Delete("stop", "main"); err != nil {
		t.Fatal(err)
	}
	if err := w.Get("stop", "main", &stop); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("Get of a deleted fact: %v, want ErrNotFound", err)
	}
}

// TestOnce lets exactly one of many callers be the first, and nobody after a
// restart.
func TestOnce(t *testing.T) {
	w := open(t)
	var firsts atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if first, err := w.Once("command", "c1", time.Hour); err != nil {
				t.Error(err)
			} else if first {
				firsts.Add(1)
			}
		})
	}
	wg.Wait()
	w.reopen(t)
	if again, err := w.Once("command", "c1", time.Hour); err != nil || again || firsts.Load() != 1 {
		t.Errorf("%d were first, and after a restart %v, %v", firsts.Load(), again, err)
	}
	w.now = w.now.Add(2 * time.Hour)
	if first, err := w.Once("command", "c1", time.Hour); err != nil || !first {
		t.Errorf("after its time: %v, %v; want first", first, err)
	}
}

// TestSweep ends what is over and carries the rest past the end of its key.
func TestSweep(t *testing.T) {
	w := open(t)
	for i := range 500 {
		if err := w.Put("seen", fmt.Sprint(i), i, time.Duration(i%2)*time.Hour); err != nil { // every other one for ever
			t.Fatal(err)
		}
	}
	w.now = w.now.AddDate(0, 6, 0)
	ended, err := w.Sweep(w.now.AddDate(0, -3, 0))
	if err != nil || ended != 250 {
		t.Fatalf("Sweep = %d, %v; want 250", ended, err)
	}
	for i := 0; i < 500; i += 2 {
		var v int
		if err := w.Get("seen", fmt.Sprint(i), &v); err != nil || v != i {
			t.Fatalf("fact %d = %d, %v after the sweep", i, v, err)
		}
	}
}

// TestSealed finds no value in the raw file.
func TestSealed(t *testing.T) {
	w := open(t)
	if err := w.Put("person", "p1", "ann@contoso.example", 0); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(w.dir, registry.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("contoso")) {
		t.Error("a value is readable in the file")
	}
}
