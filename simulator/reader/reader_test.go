package reader_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tarm/serial"

	"github.com/platen-fax/platen/simulator/reader"
)

func open(t *testing.T, opts reader.Options) (*reader.Reader, *serial.Port) {
	t.Helper()
	r, err := reader.New(filepath.Join(t.TempDir(), "by-id-reader"), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	p, err := serial.OpenPort(&serial.Config{Name: r.Path(), Baud: 9600, ReadTimeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return r, p
}

// read takes n bytes from the port.
func read(t *testing.T, p io.Reader, n int) string {
	t.Helper()
	var got []byte
	buf := make([]byte, 64)
	for end := time.Now().Add(20 * time.Second); len(got) < n; {
		k, err := p.Read(buf)
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if got = append(got, buf[:k]...); time.Now().After(end) {
			t.Fatalf("read %q; want %d bytes", got, n)
		}
	}
	return string(got)
}

func TestWhatEachCardSends(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts reader.Options
		do   func(*reader.Reader) error
		want string
	}{
		{"tap", reader.Options{}, func(r *reader.Reader) error { return r.Tap("946EBD28") }, "946EBD28\r\n"},
		{"stx", reader.Options{Before: "\x02", After: "\x03"}, func(r *reader.Reader) error { return r.Tap("12") }, "\x0212\x03"},
		{"no end", reader.Options{NoEnd: true}, func(r *reader.Reader) error { return r.Tap("12") }, "12"},
		{"hold", reader.Options{After: "\r"}, func(r *reader.Reader) error { return r.Hold("12", 3) }, "12\r12\r12\r"},
		{"garble", reader.Options{}, func(r *reader.Reader) error { return r.Garble("1234") }, "?2?4\r\n"},
		{"cut", reader.Options{}, func(r *reader.Reader) error { return r.Cut("1234") }, "12"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, p := open(t, tt.opts)
			if err := tt.do(r); err != nil {
				t.Fatal(err)
			}
			if got := read(t, p, len(tt.want)); got != tt.want || r.Taps() != 1 {
				t.Errorf("line is %q after %d taps; want %q after 1", got, r.Taps(), tt.want)
			}
		})
	}
}

func TestUnplugAndReplug(t *testing.T) {
	r, p := open(t, reader.Options{})
	for range 2 {
		if err := r.Unplug(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat(r.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("link after Unplug: %v; want none", err)
	}
	if err := r.Tap("12"); !errors.Is(err, reader.ErrUnplugged) {
		t.Errorf("Tap = %v; want ErrUnplugged", err)
	}
	if n, err := p.Read(make([]byte, 8)); n != 0 || err == nil {
		t.Errorf("Read after Unplug = %d, %v; want the end of the line", n, err)
	}
	for range 2 {
		if err := r.Replug(); err != nil {
			t.Fatal(err)
		}
	}
	again, err := serial.OpenPort(&serial.Config{Name: r.Path(), Baud: 9600, ReadTimeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := r.Tap("12"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, again, 4); got != "12\r\n" {
		t.Errorf("line after Replug is %q", got)
	}
}

func TestNewLeavesFilesAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.New(path, reader.Options{}); err == nil {
		t.Error("New over a file succeeded")
	}
}
