package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/seal"
)

// calendar is a wall clock that tests set.
type calendar struct{ t time.Time }

func (c *calendar) now() time.Time { return c.t }

func november() *calendar {
	return &calendar{time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)}
}

func open(t *testing.T, opts seal.Options, recordsExist bool) *seal.Keyring {
	t.Helper()
	k, err := seal.Open(opts, recordsExist)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(k.Close)
	return k
}

func mustSeal(t *testing.T, k *seal.Keyring, value string) []byte {
	t.Helper()
	sealed, err := k.Seal("job", []byte("4F7K"), []byte(value))
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	return sealed
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestRecordRoundTrip(t *testing.T) {
	opts := seal.Options{StateDir: filepath.Join(t.TempDir(), "state")}
	sealed := mustSeal(t, open(t, opts, false), "to Dr. Roy")
	if bytes.Contains(sealed, []byte("Roy")) {
		t.Errorf("sealed record %q shows its value", sealed)
	}
	if got, want := len(sealed), len("to Dr. Roy")+seal.Overhead; got != want {
		t.Errorf("sealed record has %d bytes; want %d", got, want)
	}

	again := open(t, opts, true)
	for _, tt := range []struct {
		name, purpose, aad string
		want               error
	}{
		{"same place", "job", "4F7K", nil},
		{"another purpose", "grant", "4F7K", seal.ErrDamaged},
		{"another record", "job", "4F7L", seal.ErrDamaged},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := again.Open(tt.purpose, []byte(tt.aad), sealed)
			if !errors.Is(err, tt.want) {
				t.Fatalf("Open(%s, %s) = %q, %v; want %v", tt.purpose, tt.aad, got, err, tt.want)
			}
			if tt.want == nil && string(got) != "to Dr. Roy" {
				t.Errorf("Open = %q; want %q", got, "to Dr. Roy")
			}
		})
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if got, err := again.Open("job", []byte("4F7K"), bad); !errors.Is(err, seal.ErrDamaged) && !errors.Is(err, seal.ErrKeyGone) {
			t.Errorf("Open with byte %d altered = %q, %v; want ErrDamaged or ErrKeyGone", i, got, err)
		}
	}
}

func TestRootSources(t *testing.T) {
	const hexA = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	const b64A = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	rawA := make([]byte, 32)
	for i := range rawA {
		rawA[i] = byte(i)
	}
	dir := t.TempDir()
	creds := filepath.Join(dir, "creds")
	write(t, filepath.Join(creds, seal.CredentialName), hexA+"\n")
	for name, text := range map[string]string{
		"hex": hexA, "base64": "# made by IT\r\n" + b64A + "\r\n", "raw": string(rawA), "bom": "\xef\xbb\xbf" + hexA,
	} {
		write(t, filepath.Join(dir, name), text)
	}
	var first string
	for _, tt := range []struct {
		name   string
		opts   seal.Options
		source seal.Source
		beside bool
	}{
		{"credential wins", seal.Options{CredentialsDir: creds, KeyFile: filepath.Join(dir, "none")}, seal.SourceCredential, false},
		{"hex file", seal.Options{KeyFile: filepath.Join(dir, "hex")}, seal.SourceFile, false},
		{"no such credential", seal.Options{CredentialsDir: dir, KeyFile: filepath.Join(dir, "base64")}, seal.SourceFile, false},
		{"raw file", seal.Options{KeyFile: filepath.Join(dir, "raw")}, seal.SourceFile, false},
		{"byte order mark", seal.Options{KeyFile: filepath.Join(dir, "bom")}, seal.SourceFile, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.opts.StateDir = filepath.Join(t.TempDir(), "state")
			r := open(t, tt.opts, false).Root()
			if r.Source != tt.source || r.BesideData() != tt.beside {
				t.Errorf("Root = %+v; want source %s, beside data %t", r, tt.source, tt.beside)
			}
			if first == "" {
				first = r.ID
			}
			if r.ID != first {
				t.Errorf("root id = %s; want %s as from the other forms of the same key", r.ID, first)
			}
		})
	}
}

func TestGeneratedRoot(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	for _, keyFile := range []string{"", filepath.Join(state, "sub", "..", "root.key")} {
		r := open(t, seal.Options{StateDir: state, KeyFile: keyFile}, false).Root()
		if r.Source != seal.SourceGenerated || !r.BesideData() || r.Exposed {
			t.Errorf("root of key file %q = %+v; want generated, beside the data, not exposed", keyFile, r)
		}
		st, err := os.Stat(r.Path)
		if err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("generated key file: %v, %v; want mode 0600", st, err)
		}
		if err := os.RemoveAll(filepath.Join(state, "keys")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(state, "platen.key"), 0o640); err != nil {
		t.Fatal(err)
	}
	if r := open(t, seal.Options{StateDir: state}, false).Root(); !r.Exposed {
		t.Errorf("root of a 0640 file = %+v; want exposed", r)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, state string)
		want  error
	}{
		{"root key lost", func(t *testing.T, state string) { remove(t, filepath.Join(state, "platen.key")) }, seal.ErrKeyMissing},
		{"record keys lost", func(t *testing.T, state string) { remove(t, filepath.Join(state, "keys")) }, seal.ErrKeyMissing},
		{"another root key", func(t *testing.T, state string) {
			write(t, filepath.Join(state, "platen.key"), strings.Repeat("ab", 32))
		}, seal.ErrWrongKey},
		{"root key file cut", func(t *testing.T, state string) { write(t, filepath.Join(state, "platen.key"), "ab") }, seal.ErrDamaged},
		{"root key file empty", func(t *testing.T, state string) { write(t, filepath.Join(state, "platen.key"), "") }, seal.ErrDamaged},
		{"root key file huge", func(t *testing.T, state string) {
			write(t, filepath.Join(state, "platen.key"), strings.Repeat("#\n", 5000))
		}, seal.ErrDamaged},
		{"record key cut", func(t *testing.T, state string) {
			write(t, recordKeyFiles(t, state)[0], "PLTK")
		}, seal.ErrDamaged},
		{"record keys exchanged", func(t *testing.T, state string) {
			files := recordKeyFiles(t, state)
			if err := os.Rename(files[0], files[1]); err != nil {
				t.Fatal(err)
			}
		}, seal.ErrDamaged},
		{"record key renamed", func(t *testing.T, state string) {
			if err := os.Rename(recordKeyFiles(t, state)[0], filepath.Join(state, "keys", "x.key")); err != nil {
				t.Fatal(err)
			}
		}, seal.ErrDamaged},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cal := november()
			opts := seal.Options{StateDir: filepath.Join(t.TempDir(), "state"), Now: cal.now}
			k := open(t, opts, false)
			mustSeal(t, k, "x")
			cal.t = cal.t.AddDate(0, 1, 0)
			mustSeal(t, k, "y")
			tt.spoil(t, opts.StateDir)
			if _, err := seal.Open(opts, true); !errors.Is(err, tt.want) {
				t.Errorf("Open = %v; want %v", err, tt.want)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func recordKeyFiles(t *testing.T, state string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(state, "keys", "20*.key"))
	if err != nil || len(files) == 0 {
		t.Fatalf("record keys: %v, %v", files, err)
	}
	return files
}

func TestNoSecondRootAfterLoss(t *testing.T) {
	opts := seal.Options{StateDir: filepath.Join(t.TempDir(), "state")}
	open(t, opts, false)
	remove(t, filepath.Join(opts.StateDir, "platen.key"))
	// The caller sees no records, but record keys say there were some.
	if _, err := seal.Open(opts, false); !errors.Is(err, seal.ErrKeyMissing) {
		t.Errorf("Open = %v; want ErrKeyMissing", err)
	}
	if _, err := os.Stat(filepath.Join(opts.StateDir, "platen.key")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open left a new root key: %v", err)
	}
}

func TestDestroyBefore(t *testing.T) {
	cal := november()
	opts := seal.Options{StateDir: filepath.Join(t.TempDir(), "state"), Now: cal.now}
	k := open(t, opts, false)
	child, err := k.Child("registry")
	if err != nil {
		t.Fatal(err)
	}
	fact := mustSeal(t, child, "fact")
	nov := mustSeal(t, k, "november")
	cal.t = cal.t.AddDate(0, 1, 0)
	dec := mustSeal(t, k, "december")
	if n := len(recordKeyFiles(t, opts.StateDir)); n != 2 {
		t.Fatalf("%d record keys after two months; want 2", n)
	}
	lastDay := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC).Add(-time.Nanosecond)
	if n, err := k.DestroyBefore(lastDay); n != 0 || err != nil {
		t.Fatalf("DestroyBefore(%v) = %d, %v; want 0", lastDay, n, err)
	}
	end := lastDay.Add(time.Nanosecond)
	for sealed, want := range map[*[]byte]bool{&nov: true, &dec: false} {
		if got, err := k.SealedBefore(*sealed, end); got != want || err != nil {
			t.Errorf("SealedBefore = %t, %v; want %t", got, err, want)
		}
	}
	keyFile := recordKeyFiles(t, opts.StateDir)[0]
	held, err := os.Open(keyFile) // sees the bytes that stay on the disk
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if n, err := k.DestroyBefore(end); n != 1 || err != nil {
		t.Fatalf("DestroyBefore(%v) = %d, %v; want 1", end, n, err)
	}
	left := make([]byte, 256)
	n, _ := held.Read(left)
	if n == 0 || len(bytes.Trim(left[:n], "\x00")) != 0 {
		t.Errorf("the destroyed key's block holds %x; want zeros", left[:n])
	}
	for name, ring := range map[string]*seal.Keyring{"same": k, "reopened": open(t, opts, true)} {
		if _, err := ring.Open("job", []byte("4F7K"), nov); !errors.Is(err, seal.ErrKeyGone) {
			t.Errorf("%s: Open of november = %v; want ErrKeyGone", name, err)
		}
		if got, err := ring.Open("job", []byte("4F7K"), dec); string(got) != "december" {
			t.Errorf("%s: Open of december = %q, %v", name, got, err)
		}
	}
	if got, err := child.Open("job", []byte("4F7K"), fact); string(got) != "fact" {
		t.Errorf("the child's record of november = %q, %v; want it untouched", got, err)
	}
}

func TestNothingPrintsAKey(t *testing.T) {
	dir := t.TempDir()
	keyFile := filepath.Join(dir, "root")
	write(t, keyFile, strings.Repeat("5a", 32)) // 0x5a = 90 = 'Z'
	k := open(t, seal.Options{StateDir: filepath.Join(dir, "state"), KeyFile: keyFile}, false)
	p, err := k.NewPageKey(filepath.Join(dir, "page.key"))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("keys", "ring", k, "page", p)
	out := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%d", "%x", "%s"} {
		out += fmt.Sprintf(verb+verb, k, p)
	}
	for _, leak := range []string{"5a5a", "90 90", "ZZ", "0x5a"} {
		if strings.Contains(out, leak) {
			t.Errorf("output %q shows %q of the key", out, leak)
		}
	}
	if strings.Count(out, "page key") != 7 || strings.Count(out, "keyring") != 7 {
		t.Errorf("output %q; want 7 names of each", out)
	}
}

func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	k, err := seal.Open(seal.Options{StateDir: dir}, false)
	if err != nil {
		f.Fatal(err)
	}
	good, err := k.Seal("job", nil, []byte("value"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		plain, err := k.Open("job", nil, sealed)
		switch {
		case err == nil && !bytes.Equal(sealed, good):
			t.Fatalf("Open of forged %x = %q", sealed, plain)
		case err != nil && !errors.Is(err, seal.ErrDamaged) && !errors.Is(err, seal.ErrKeyGone):
			t.Fatalf("Open error %v wraps no sentinel", err)
		}
	})
}

// FuzzRootFile opens a state directory with any root key file.
func FuzzRootFile(f *testing.F) {
	f.Add([]byte(strings.Repeat("ab", 32)))
	f.Add([]byte("# c\n" + strings.Repeat("A", 43) + "=\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "root")
		write(t, path, string(data))
		k, err := seal.Open(seal.Options{StateDir: filepath.Join(dir, "s"), KeyFile: path}, false)
		if err != nil {
			if !errors.Is(err, seal.ErrDamaged) {
				t.Fatalf("error %v does not wrap ErrDamaged", err)
			}
			return
		}
		k.Close()
	})
}

// snapshot reads every file below dir.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	m := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		m[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}
