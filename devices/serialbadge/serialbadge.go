//go:build linux || windows

package serialbadge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tarm/serial"

	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/protocols/badge"
)

// fresh is how long a tap waits for somebody.
const fresh = 2500 * time.Millisecond

// instantEnds is how many reads in a row must end at once before the line is
// taken for gone: a timeout and a hang-up look the same but for the time.
const instantEnds = 3

// Reader is an open reader, a [devices.BadgeReader].
type Reader struct {
	opts    Options
	decoder *badge.Decoder
	line    serial.Config
	box     *mailbox
	stop    context.CancelFunc
	done    chan struct{}
}

var _ devices.BadgeReader = (*Reader)(nil)

// Open checks the options and starts the reader's goroutine; it does not wait
// for the line. A reader that is not there yet is no error.
func Open(opts Options) (*Reader, error) {
	if opts.Path == "" {
		return nil, errors.New("serialbadge: no path")
	}
	line, err := config(&opts)
	if err != nil {
		return nil, fmt.Errorf("serialbadge: %w", err)
	}
	decoder, err := opts.Profile.Compile()
	if err != nil {
		return nil, fmt.Errorf("serialbadge: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &Reader{
		opts: opts, decoder: decoder, line: line, stop: stop,
		box: newMailbox(opts.Device, opts.Now), done: make(chan struct{}),
	}
	go func() {
		defer close(r.done)
		r.run(ctx)
	}()
	return r, nil
}

// config fills the defaults and makes the line's settings.
func config(o *Options) (serial.Config, error) {
	or := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	or(&o.ReadTimeout, 300*time.Millisecond)
	or(&o.Repeat, 2500*time.Millisecond)
	or(&o.RetryFrom, 500*time.Millisecond)
	or(&o.RetryTo, max(15*time.Second, o.RetryFrom))
	if o.Now == nil {
		o.Now = time.Now
	}
	c := serial.Config{
		Name: o.Path, Baud: o.Baud, ReadTimeout: o.ReadTimeout,
		Size: byte(o.DataBits), Parity: serial.ParityNone, StopBits: serial.StopBits(o.StopBits),
	}
	if c.Baud == 0 {
		c.Baud = 9600
	}
	switch o.Parity {
	case "", "none":
	case "odd":
		c.Parity = serial.ParityOdd
	case "even":
		c.Parity = serial.ParityEven
	default:
		return c, fmt.Errorf("parity %q: want none, odd or even", o.Parity)
	}
	switch {
	case o.ReadTimeout < 200*time.Millisecond || o.ReadTimeout > 500*time.Millisecond:
		return c, fmt.Errorf("read timeout %v: want 200 to 500 ms", o.ReadTimeout)
	case o.DataBits != 0 && (o.DataBits < 5 || o.DataBits > 8):
		return c, fmt.Errorf("%d data bits: want 5 to 8", o.DataBits)
	case o.StopBits < 0 || o.StopBits > 2:
		return c, fmt.Errorf("%d stop bits: want 1 or 2", o.StopBits)
	case o.Repeat < 0 || o.RetryFrom < 0 || o.RetryTo < o.RetryFrom:
		return c, errors.New("a pause is negative, or the longest retry shorter than the first")
	}
	return c, nil
}

// ReadBadge implements [devices.BadgeReader].
func (r *Reader) ReadBadge(ctx context.Context) (devices.Badge, error) { return r.box.read(ctx) }

// Condition implements [devices.BadgeReader].
func (r *Reader) Condition() devices.Condition { return r.box.condition() }

// Close implements [devices.BadgeReader]. It takes up to the read timeout.
func (r *Reader) Close() error {
	r.stop()
	<-r.done
	r.box.close()
	return nil
}
