//go:build linux || windows

package serialbadge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/tarm/serial"

	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/protocols/badge"
)

// run keeps the line open until ctx ends.
func (r *Reader) run(ctx context.Context) {
	pause := r.opts.RetryFrom
	for ctx.Err() == nil {
		worked, err := r.session(ctx)
		if ctx.Err() != nil {
			return
		}
		r.box.fail(err)
		if worked {
			pause = r.opts.RetryFrom
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, r.opts.RetryTo)
	}
}

// session opens the line and reads it until it is gone. worked says that it
// was a line for at least one read, so that a port which opens and ends at
// once is tried ever less often.
func (r *Reader) session(ctx context.Context) (worked bool, err error) {
	// The link may move to another line between the two opens below.
	path, err := filepath.EvalSymlinks(r.opts.Path)
	if err != nil {
		return false, sentinel(err)
	}
	lock, err := acquire(path)
	if err != nil {
		return false, sentinel(err)
	}
	defer lock.release()
	line := r.line
	line.Name = path
	port, err := serial.OpenPort(&line)
	if err != nil {
		return false, sentinel(err)
	}
	defer port.Close()
	if err := lock.exclude(); err != nil {
		return false, sentinel(err)
	}
	// Badges held to the reader before anybody listened belong to nobody.
	if err := port.Flush(); err != nil {
		return false, sentinel(err)
	}
	r.box.ready()
	return r.read(ctx, port)
}

// read takes bytes until the line is gone or ctx ends.
func (r *Reader) read(ctx context.Context, port io.Reader) (worked bool, err error) {
	framer := r.decoder.Framer()
	buf := make([]byte, 256)
	ends := 0
	var last repeat
	for ctx.Err() == nil {
		began := time.Now()
		n, err := port.Read(buf)
		switch {
		case n > 0:
			worked, ends = true, 0
			for _, f := range framer.Feed(buf[:n]) {
				r.frame(f, &last)
			}
		case err != nil && !errors.Is(err, io.EOF):
			return worked, sentinel(err)
		case time.Since(began) >= r.opts.ReadTimeout/2:
			worked, ends = true, 0
			if f, ok := framer.Idle(); ok {
				r.frame(f, &last)
			}
		default:
			if ends++; ends == instantEnds {
				return worked, fmt.Errorf("the line ended: %w", devices.ErrUnreachable)
			}
		}
	}
	return worked, nil
}

// repeat remembers the badge that was read last.
type repeat struct {
	id string
	at time.Time
}

// frame hands one frame on as a badge, unless it is the last badge again.
func (r *Reader) frame(f badge.Frame, last *repeat) {
	now := r.opts.Now()
	id, err := r.decoder.Decode(f)
	if err != nil {
		r.box.misread(now, err)
		return
	}
	again := last.id == id && now.Sub(last.at) < r.opts.Repeat
	*last = repeat{id, now}
	if !again {
		r.box.tap(devices.Badge{Raw: f.Text, ID: id, At: now})
	}
}

// sentinel makes an error of package devices of one of the system's.
func sentinel(err error) error {
	kind := devices.ErrUnreachable
	switch {
	case errors.Is(err, devices.ErrUnreachable), errors.Is(err, devices.ErrBusy), errors.Is(err, devices.ErrUnsupported):
		return err
	case errors.Is(err, fs.ErrPermission):
		kind = devices.ErrAccess
	case errors.Is(err, errInUse):
		kind = devices.ErrBusy
	case errors.Is(err, errNotSerial), errors.Is(err, serial.ErrBadSize), errors.Is(err, serial.ErrBadParity),
		errors.Is(err, serial.ErrBadStopBits), err.Error() == "Unrecognized baud rate": // has no name of its own
		kind = devices.ErrUnsupported
	}
	return fmt.Errorf("%w: %w", kind, err)
}
