package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/platen-fax/platen/agent/seal"
)

// noise returns n bytes that are the same in every run.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(b)
	return b
}

func pageKeyFor(t testing.TB) *seal.PageKey {
	t.Helper()
	dir := t.TempDir()
	k, err := seal.Open(seal.Options{StateDir: filepath.Join(dir, "state")}, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return newPageKey(t, k, filepath.Join(dir, "page.key"))
}

const chunk = seal.ChunkSize

func TestPartRoundTrip(t *testing.T) {
	key := pageKeyFor(t)
	for _, size := range []int{0, 1, 15, 16, 17, chunk - 1, chunk, chunk + 1, 2 * chunk, 3*chunk + 777} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			plain := noise(size)
			sealed := encrypt(t, key, "page/0001", plain)
			got, err := decrypt(key, "page/0001", sealed)
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("ReaderAt: %d bytes, %v; want the %d written", len(got), err, size)
			}
			for name, r := range map[string]io.Reader{
				"whole": bytes.NewReader(sealed),
				"half":  iotest.HalfReader(bytes.NewReader(sealed)),
				"eof":   iotest.DataErrReader(bytes.NewReader(sealed)),
			} {
				got, err := io.ReadAll(seal.DecryptReader(r, key, "page/0001"))
				if err != nil || !bytes.Equal(got, plain) {
					t.Errorf("Reader %s: %d bytes, %v; want the %d written", name, len(got), err, size)
				}
			}
			// Small writes make the same part as one large one.
			var b bytes.Buffer
			w := seal.EncryptWriter(&b, key, "page/0001")
			if _, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{bytes.NewReader(plain)}, make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if got, err := decrypt(key, "page/0001", b.Bytes()); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("small writes: %d bytes, %v; want the %d written", len(got), err, size)
			}
		})
	}
}

func TestPartReadAt(t *testing.T) {
	key := pageKeyFor(t)
	plain := noise(3*chunk + 100)
	sealed := encrypt(t, key, "p", plain)
	p, err := seal.DecryptReaderAt(bytes.NewReader(sealed), int64(len(sealed)), key, "p")
	if err != nil {
		t.Fatal(err)
	}
	if p.Size() != int64(len(plain)) {
		t.Errorf("Size = %d; want %d", p.Size(), len(plain))
	}
	for _, off := range []int{3*chunk + 99, 0, chunk - 1, 2*chunk - 10, chunk, 5} {
		for _, n := range []int{0, 1, 20, chunk + 5} {
			want := plain[off:min(off+n, len(plain))]
			got := make([]byte, n)
			m, err := p.ReadAt(got, int64(off))
			if !bytes.Equal(got[:m], want) || errors.Is(err, io.EOF) != (m < n) {
				t.Errorf("ReadAt(%d bytes at %d) = %d bytes, %v; want %d", n, off, m, err, len(want))
			}
		}
	}
	if n, err := p.ReadAt(make([]byte, 1), p.Size()); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("ReadAt at the end = %d, %v; want 0, EOF", n, err)
	}
	if err := iotest.TestReader(p.Reader(), plain); err != nil {
		t.Errorf("Reader: %v", err)
	}
}

// TestPartForged cuts, extends, exchanges and alters parts.
func TestPartForged(t *testing.T) {
	key, other := pageKeyFor(t), pageKeyFor(t)
	const head, box = 21, chunk + 16
	plain := noise(2*chunk + 50)
	good := encrypt(t, key, "page/0001", plain)
	flip := func(i int) []byte { b := bytes.Clone(good); b[i] ^= 1; return b }
	swapped := bytes.Clone(good)
	copy(swapped[head:], good[head+box:head+2*box])
	copy(swapped[head+box:], good[head:head+box])
	full := encrypt(t, key, "page/0001", plain[:2*chunk])
	for _, tt := range []struct {
		name   string
		sealed []byte
		key    *seal.PageKey
		part   string
	}{
		{"another name", good, key, "page/0002"},
		{"another key", good, other, "page/0001"},
		{"nothing", nil, key, "page/0001"},
		{"head only", good[:head], key, "page/0001"},
		{"cut in the head", good[:10], key, "page/0001"},
		{"cut in the last chunk", good[:len(good)-1], key, "page/0001"},
		{"cut to a bare tag", good[:head+2*box+16], key, "page/0001"},
		{"cut inside a tag", good[:head+2*box+7], key, "page/0001"},
		{"cut between chunks", good[:head+2*box], key, "page/0001"},
		{"cut between full chunks", full[:head+box], key, "page/0001"},
		{"extended", append(bytes.Clone(good), 0), key, "page/0001"},
		{"extended by its own chunk", append(bytes.Clone(full), full[head:head+box]...), key, "page/0001"},
		{"chunks exchanged", swapped, key, "page/0001"},
		{"magic", flip(0), key, "page/0001"},
		{"salt", flip(5), key, "page/0001"},
		{"first chunk", flip(head), key, "page/0001"},
		{"tag", flip(len(good) - 1), key, "page/0001"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := decrypt(tt.key, tt.part, tt.sealed); !errors.Is(err, seal.ErrDamaged) {
				t.Errorf("ReaderAt = %d bytes, %v; want ErrDamaged", len(got), err)
			}
			got, err := io.ReadAll(seal.DecryptReader(bytes.NewReader(tt.sealed), tt.key, tt.part))
			if !errors.Is(err, seal.ErrDamaged) {
				t.Errorf("Reader = %d bytes, %v; want ErrDamaged", len(got), err)
			}
			if !bytes.HasPrefix(plain, got) {
				t.Errorf("Reader returned bytes that were never written")
			}
		})
	}
}

func TestPartErrors(t *testing.T) {
	key := pageKeyFor(t)
	full := errors.New("disk full")
	w := seal.EncryptWriter(&limited{left: chunk, err: full}, key, "p")
	_, err := w.Write(noise(4 * chunk))
	if !errors.Is(err, full) {
		t.Errorf("Write on a full disk = %v; want %v", err, full)
	}
	if err := w.Close(); !errors.Is(err, full) {
		t.Errorf("Close after it = %v; want %v, or a cut part would count as written", err, full)
	}

	w = seal.EncryptWriter(io.Discard, key, "p")
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Errorf("Close twice = %v; want nil", err)
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("Write after Close = nil; want an error")
	}

	sealed := encrypt(t, key, "p", noise(10))
	broken := errors.New("bad sector")
	r := seal.DecryptReader(io.MultiReader(bytes.NewReader(sealed), iotest.ErrReader(broken)), key, "p")
	if _, err := io.ReadAll(r); !errors.Is(err, broken) {
		t.Errorf("Reader on a bad disk = %v; want %v", err, broken)
	}
}

// limited takes left bytes and then fails.
type limited struct {
	left int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.left {
		return 0, l.err
	}
	l.left -= len(p)
	return len(p), nil
}

func FuzzDecryptReader(f *testing.F) {
	key := pageKeyFor(f)
	// Parts of several chunks are in TestPartForged; here they would only be slow.
	plain := noise(100)
	good := encrypt(f, key, "p", plain)
	f.Add(good)
	f.Add(good[:40])
	f.Add(encrypt(f, key, "p", nil))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		stream, streamErr := io.ReadAll(seal.DecryptReader(bytes.NewReader(sealed), key, "p"))
		at, atErr := decrypt(key, "p", sealed)
		if (streamErr == nil) != (atErr == nil) {
			t.Fatalf("Reader says %v, ReaderAt says %v", streamErr, atErr)
		}
		if streamErr == nil && !bytes.Equal(stream, at) {
			t.Fatal("Reader and ReaderAt differ")
		}
		for _, err := range []error{streamErr, atErr} {
			if err != nil && !errors.Is(err, seal.ErrDamaged) {
				t.Fatalf("error %v does not wrap ErrDamaged", err)
			}
		}
	})
}

func BenchmarkEncrypt(b *testing.B) {
	key := pageKeyFor(b)
	plain := noise(1 << 20)
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		w := seal.EncryptWriter(io.Discard, key, "page/0001")
		if _, err := w.Write(plain); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
