// Package reader is a card reader on a serial line: a pseudo-terminal behind a
// symbolic link with a stable name, as udev gives it to a USB reader. A test or
// a scenario taps cards, garbles them, and pulls the cable.
//
// It knows bytes only. What a line of bytes means to the agent is the agent's
// configuration; the lines of common readers are those of protocols/badge. A
// pseudo-terminal ignores speed and parity and exists on Unix systems only.
package reader

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// ErrUnplugged says that the cable is out.
var ErrUnplugged = errors.New("reader is unplugged")

// writeWithin bounds a write to a line that nobody reads.
const writeWithin = 2 * time.Second

// Options are how the reader writes; the zero value ends each card with CR LF.
type Options struct {
	Before string // in front of each card, such as "\x02" or ":"
	After  string // behind each card; "" is "\r\n"
	NoEnd  bool   // nothing behind a card, whatever After says
}

// Reader is a virtual reader. Its methods are safe for concurrent use.
type Reader struct {
	link string
	opts Options

	mu     sync.Mutex
	master *os.File // nil while unplugged
	taps   int
}

// New makes a plugged-in reader whose line appears as the symbolic link path.
// What is there already is replaced only if it is a symbolic link.
func New(path string, opts Options) (*Reader, error) {
	if opts.After == "" && !opts.NoEnd {
		opts.After = "\r\n"
	}
	if st, err := os.Lstat(path); err == nil && st.Mode()&os.ModeSymlink == 0 {
		return nil, fmt.Errorf("reader: %s exists and is no symbolic link", path)
	}
	r := &Reader{link: path, opts: opts}
	if err := r.Replug(); err != nil {
		return nil, err
	}
	return r, nil
}

// Path is the stable name of the line.
func (r *Reader) Path() string { return r.link }

// Taps is how many cards were held to the reader, readable or not.
func (r *Reader) Taps() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.taps
}

// Tap holds a card to the reader: number as the reader prints it.
func (r *Reader) Tap(number string) error { return r.card(r.opts.Before + number + r.opts.After) }

// Hold leaves a card on a reader that repeats it: n times the same line.
func (r *Reader) Hold(number string, n int) error {
	return r.card(strings.Repeat(r.opts.Before+number+r.opts.After, n))
}

// Garble is a card read badly: every second byte of its number is destroyed.
func (r *Reader) Garble(number string) error {
	b := []byte(number)
	for i := 0; i < len(b); i += 2 {
		b[i] = '?'
	}
	return r.card(r.opts.Before + string(b) + r.opts.After)
}

// Cut is a card taken away too early: half of its number and no end.
func (r *Reader) Cut(number string) error { return r.card(r.opts.Before + number[:len(number)/2]) }

// Write puts any bytes on the line, at once.
func (r *Reader) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.master == nil {
		return 0, ErrUnplugged
	}
	// A terminal that cannot take a deadline blocks at most until somebody
	// reads, so that answer is of no use here.
	_ = r.master.SetWriteDeadline(time.Now().Add(writeWithin))
	n, err := r.master.Write(p)
	if err != nil {
		return n, fmt.Errorf("reader: write: %w", err)
	}
	return n, nil
}

func (r *Reader) card(line string) error {
	r.mu.Lock()
	r.taps++
	r.mu.Unlock()
	_, err := r.Write([]byte(line))
	return err
}

// Unplug pulls the cable: the link disappears, and whoever has the line open
// reads its end. Unplugging twice is no error.
func (r *Reader) Unplug() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.master == nil {
		return nil
	}
	err := errors.Join(os.Remove(r.link), r.master.Close())
	r.master = nil
	return err
}

// Replug puts the cable in: a new line under the same link. It is no error if
// it was in.
func (r *Reader) Replug() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.master != nil {
		return nil
	}
	master, slave, err := pty.Open()
	if err != nil {
		return fmt.Errorf("reader: %w", err)
	}
	// Raw, or the terminal would echo cards and wait for a line end. The slave
	// stays with its users alone, so that the last of them to leave ends its
	// exclusive use, as on real hardware.
	_, err = term.MakeRaw(int(slave.Fd()))
	err = errors.Join(err, slave.Close())
	if err == nil {
		err = relink(slave.Name(), r.link)
	}
	if err != nil {
		master.Close()
		return fmt.Errorf("reader: %w", err)
	}
	r.master = master
	return nil
}

// Close pulls the cable for good.
func (r *Reader) Close() error { return r.Unplug() }

// relink makes link point to target in one step.
func relink(target, link string) error {
	dir, err := os.MkdirTemp(filepath.Dir(link), ".reader-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fresh := filepath.Join(dir, "link")
	if err := os.Symlink(target, fresh); err != nil {
		return err
	}
	return os.Rename(fresh, link)
}
