package seal_test

import (
	"bytes"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/platen-fax/platen/agent/seal"
)

func encrypt(t testing.TB, key *seal.PageKey, name string, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := seal.EncryptWriter(&b, key, name)
	if _, err := w.Write(plain); err != nil {
		t.Fatalf("Write: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return b.Bytes()
}

func decrypt(key *seal.PageKey, name string, sealed []byte) ([]byte, error) {
	p, err := seal.DecryptReaderAt(bytes.NewReader(sealed), int64(len(sealed)), key, name)
	if err != nil {
		return nil, err
	}
	out := make([]byte, p.Size())
	_, err = p.ReadAt(out, 0)
	return out, err
}

func newPageKey(t testing.TB, k *seal.Keyring, path string) *seal.PageKey {
	t.Helper()
	p, err := k.NewPageKey(path)
	if err != nil {
		t.Fatalf("NewPageKey: %v", err)
	}
	return p
}

func TestPageKeyLife(t *testing.T) {
	dir := t.TempDir()
	opts := seal.Options{StateDir: filepath.Join(dir, "state")}
	k := open(t, opts, false)
	path := filepath.Join(dir, "page.key")
	part := encrypt(t, newPageKey(t, k, path), "page/0001", []byte("a page"))

	if _, err := k.NewPageKey(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second NewPageKey = %v; want fs.ErrExist", err)
	}
	loaded, err := open(t, opts, true).LoadPageKey(path)
	if err != nil {
		t.Fatalf("LoadPageKey: %v", err)
	}
	if got, err := decrypt(loaded, "page/0001", part); string(got) != "a page" {
		t.Errorf("decrypt = %q, %v; want %q", got, err, "a page")
	}
	other := open(t, seal.Options{StateDir: filepath.Join(dir, "other")}, false)
	if _, err := other.LoadPageKey(path); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("LoadPageKey under another root = %v; want ErrWrongKey", err)
	}

	write(t, path+".tmp77", "left by a crash")
	held, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := k.DestroyPageKey(path); err != nil {
		t.Fatalf("DestroyPageKey: %v", err)
	}
	left := make([]byte, 256)
	n, _ := held.Read(left)
	if n == 0 || len(bytes.Trim(left[:n], "\x00")) != 0 {
		t.Errorf("the destroyed key's block holds %x; want zeros", left[:n])
	}
	if files, _ := filepath.Glob(path + "*"); len(files) != 0 {
		t.Errorf("after DestroyPageKey there is %v; want nothing", files)
	}
	if _, err := k.LoadPageKey(path); !errors.Is(err, seal.ErrKeyGone) {
		t.Errorf("LoadPageKey after destruction = %v; want ErrKeyGone", err)
	}
	if err := k.DestroyPageKey(path); err != nil {
		t.Errorf("second DestroyPageKey = %v; want nil", err)
	}
	// A power cut after the overwrite and before the unlink.
	write(t, path, strings.Repeat("\x00", n))
	if _, err := k.LoadPageKey(path); !errors.Is(err, seal.ErrKeyGone) {
		t.Errorf("LoadPageKey of an overwritten file = %v; want ErrKeyGone", err)
	}
}

func TestPageKeyDamaged(t *testing.T) {
	dir := t.TempDir()
	k := open(t, seal.Options{StateDir: filepath.Join(dir, "state")}, false)
	path := filepath.Join(dir, "page.key")
	newPageKey(t, k, path)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x80
		write(t, path, string(bad))
		if _, err := k.LoadPageKey(path); !errors.Is(err, seal.ErrDamaged) && !errors.Is(err, seal.ErrWrongKey) {
			t.Errorf("LoadPageKey with byte %d altered = %v; want ErrDamaged or ErrWrongKey", i, err)
		}
	}
	// The file of a record key is no page key.
	mustSeal(t, k, "x")
	record, err := os.ReadFile(recordKeyFiles(t, filepath.Join(dir, "state"))[0])
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(record))
	if _, err := k.LoadPageKey(path); !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("LoadPageKey of a record key = %v; want ErrDamaged", err)
	}
}

func list(paths ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, p := range paths {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func TestRotate(t *testing.T) {
	dir := t.TempDir()
	state, keyFile := filepath.Join(dir, "state"), filepath.Join(dir, "root")
	opts := seal.Options{StateDir: state, KeyFile: keyFile}
	k := open(t, opts, false)
	child, err := k.Child("registry")
	if err != nil {
		t.Fatal(err)
	}
	record, fact := mustSeal(t, k, "record"), mustSeal(t, child, "fact")
	live, gone := filepath.Join(dir, "live.key"), filepath.Join(dir, "gone.key")
	part := encrypt(t, newPageKey(t, k, live), "page/0001", []byte("a page"))
	newPageKey(t, k, gone)
	if err := k.DestroyPageKey(gone); err != nil {
		t.Fatal(err)
	}
	oldRoot, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	oldID := k.Root().ID

	n, err := k.Rotate(list(live, gone))
	if n != 4 || err != nil { // ring, record key, the child's record key, live
		t.Fatalf("Rotate = %d, %v; want 4", n, err)
	}
	if r := k.Root(); r.ID == oldID || r.Older != 0 {
		t.Errorf("root after Rotate = %+v; want a new id and no older key", r)
	}
	for path, text := range snapshot(t, dir) {
		if strings.Contains(text, strings.TrimSpace(string(oldRoot))) {
			t.Errorf("%s still holds the old root key", path)
		}
	}
	if _, err := os.Stat(gone); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Rotate revived a destroyed page key: %v", err)
	}
	again := open(t, opts, true)
	childAgain, err := again.Child("registry")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open("job", []byte("4F7K"), record); string(got) != "record" {
		t.Errorf("record after Rotate = %q, %v", got, err)
	}
	if got, err := childAgain.Open("job", []byte("4F7K"), fact); string(got) != "fact" {
		t.Errorf("child's record after Rotate = %q, %v", got, err)
	}
	key, err := again.LoadPageKey(live)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decrypt(key, "page/0001", part); string(got) != "a page" {
		t.Errorf("part after Rotate = %q, %v", got, err)
	}
	// The old root key alone opens nothing any more.
	write(t, keyFile, string(oldRoot))
	if _, err := seal.Open(opts, true); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("Open with the old root = %v; want ErrWrongKey", err)
	}
}

func TestRotateInterrupted(t *testing.T) {
	dir := t.TempDir()
	opts := seal.Options{StateDir: filepath.Join(dir, "state")}
	k := open(t, opts, false)
	path := filepath.Join(dir, "page.key")
	newPageKey(t, k, path)
	cut := errors.New("power cut")
	_, err := k.Rotate(func(yield func(string, error) bool) { yield("", cut) })
	if !errors.Is(err, cut) {
		t.Fatalf("Rotate = %v; want %v", err, cut)
	}
	again := open(t, opts, true)
	if r := again.Root(); r.Older != 1 {
		t.Errorf("root after an interrupted Rotate = %+v; want one older key", r)
	}
	if _, err := again.LoadPageKey(path); err != nil {
		t.Errorf("LoadPageKey after an interrupted Rotate: %v", err)
	}
	if _, err := again.Rotate(list(path)); err != nil {
		t.Fatalf("Rotate again: %v", err)
	}
	last := open(t, opts, true)
	if _, err := last.LoadPageKey(path); err != nil || last.Root().Older != 0 {
		t.Errorf("after the second Rotate: %v, %+v; want a page key and no older root", err, last.Root())
	}
}

func TestRotateCredential(t *testing.T) {
	dir := t.TempDir()
	cred := filepath.Join(dir, "creds", seal.CredentialName)
	oldKey, newKey := strings.Repeat("11", 32), strings.Repeat("22", 32)
	write(t, cred, oldKey+"\n")
	opts := seal.Options{StateDir: filepath.Join(dir, "state"), CredentialsDir: filepath.Dir(cred)}
	k := open(t, opts, false)
	record := mustSeal(t, k, "record")
	if _, err := k.Rotate(list()); !errors.Is(err, seal.ErrRootFixed) {
		t.Fatalf("Rotate with one line = %v; want ErrRootFixed", err)
	}
	write(t, cred, newKey+"\n"+oldKey+"\n")
	if n, err := open(t, opts, true).Rotate(list()); n != 2 || err != nil {
		t.Fatalf("Rotate with two lines = %d, %v; want 2", n, err)
	}
	write(t, cred, newKey+"\n")
	if got, err := open(t, opts, true).Open("job", []byte("4F7K"), record); string(got) != "record" {
		t.Errorf("record under the new credential = %q, %v", got, err)
	}
}

func TestConcurrentUse(t *testing.T) {
	dir := t.TempDir()
	k := open(t, seal.Options{StateDir: filepath.Join(dir, "state")}, false)
	paths := make([]string, 8)
	done := make(chan error, len(paths))
	for i := range paths {
		paths[i] = filepath.Join(dir, string(rune('a'+i))+".key")
		go func() {
			_, err := k.NewPageKey(paths[i])
			if err == nil {
				_, err = k.Seal("job", nil, []byte("x"))
			}
			if err == nil && i%2 == 1 {
				err = k.DestroyPageKey(paths[i])
			}
			done <- err
		}()
	}
	_, rotateErr := k.Rotate(list(paths...))
	for range paths {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if rotateErr != nil {
		t.Fatalf("Rotate: %v", rotateErr)
	}
	if n := len(recordKeyFiles(t, filepath.Join(dir, "state"))); n != 1 {
		t.Errorf("%d record keys; want 1", n)
	}
	for i, path := range paths {
		_, err := k.LoadPageKey(path)
		if i%2 == 1 && !errors.Is(err, seal.ErrKeyGone) {
			t.Errorf("destroyed page key %d = %v; want ErrKeyGone", i, err)
		}
		if i%2 == 0 && err != nil {
			t.Errorf("page key %d = %v", i, err)
		}
	}
}
