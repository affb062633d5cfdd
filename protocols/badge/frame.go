package badge

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Control bytes of a serial line.
const (
	stx = 0x02
	etx = 0x03
)

// Checksum is how a reader protects a frame.
type Checksum string

// The checksums in use.
const (
	NoChecksum  Checksum = ""
	SumChecksum Checksum = "sum" // last two hexadecimal digits: two's complement of the sum of the bytes before
	XORChecksum Checksum = "xor" // last two hexadecimal digits: exclusive or of the bytes before
	LRCChecksum Checksum = "lrc" // one byte after ETX: exclusive or of all from behind STX to ETX
)

// Framing is how a reader marks a frame. Every CR, LF and ETX ends one and STX
// begins one, whatever the profile says, because readers are set up either
// way; empty frames do not count. The zero value is a bare line.
type Framing struct {
	Prefix   string   // cut off the front where it is there, such as ":"
	Suffix   string   // cut off the end where it is there
	STX      bool     // bytes outside STX … ETX are noise
	Idle     bool     // the reader sends no end at all: a pause is the end
	Checksum Checksum // what is wrong is refused
	Max      int      // longest frame in bytes; 0 is 128, at most 1024
}

const (
	defaultMax = 128
	limitMax   = 1024
)

func (f Framing) check() error {
	switch f.Checksum {
	case NoChecksum, SumChecksum, XORChecksum:
	case LRCChecksum:
		if !f.STX {
			return fmt.Errorf("%w: checksum lrc needs stx framing", ErrProfile)
		}
	default:
		return fmt.Errorf("%w: checksum %q: want sum, xor or lrc", ErrProfile, string(f.Checksum))
	}
	if f.Max < 0 || f.Max > limitMax {
		return fmt.Errorf("%w: longest frame %d: want 0 to %d", ErrProfile, f.Max, limitMax)
	}
	return nil
}

// payload checks a frame and cuts prefix, suffix and checksum off.
func (f Framing) payload(frame Frame) (string, error) {
	text := strings.TrimSuffix(strings.TrimPrefix(frame.Text, f.Prefix), f.Suffix)
	switch f.Checksum {
	case SumChecksum, XORChecksum:
		b, err := hex.DecodeString(text)
		if err != nil || len(b) < 2 {
			return "", fmt.Errorf("%w: want pairs of hexadecimal digits ending in a checksum", ErrFormat)
		}
		var sum, xor byte
		for _, x := range b[:len(b)-1] {
			sum, xor = sum+x, xor^x
		}
		want := -sum
		if f.Checksum == XORChecksum {
			want = xor
		}
		if b[len(b)-1] != want {
			return "", ErrChecksum
		}
		return text[:len(text)-2], nil
	case LRCChecksum:
		want := byte(etx)
		for _, x := range []byte(frame.Text) {
			want ^= x
		}
		if frame.lrc != want {
			return "", ErrChecksum
		}
	}
	return text, nil
}

// Frame is one line of a reader without its ends.
type Frame struct {
	Text string
	Err  error // wraps [ErrFrame]; Text is empty then

	lrc byte // the byte behind ETX, where the framing has one
}

// Framer cuts a stream of bytes into frames. It holds at most one frame and is
// for one goroutine.
type Framer struct {
	framing Framing
	buf     []byte
	max     int
	open    bool // between STX and ETX
	over    bool // the frame is too long; wait for its end
	lrcNext bool // the next byte is the checksum of buf
}

// NewFramer returns a framer with nothing in it.
func NewFramer(f Framing) *Framer {
	m := f.Max
	if m <= 0 || m > limitMax {
		m = defaultMax
	}
	return &Framer{framing: f, max: m}
}

// Feed takes the next bytes and returns the frames that they complete, in
// order. A frame longer than the limit is returned once as an error.
func (f *Framer) Feed(p []byte) []Frame {
	var done []Frame
	for _, b := range p {
		if fr, ok := f.feed(b); ok {
			done = append(done, fr)
		}
	}
	return done
}

// feed takes one byte.
func (f *Framer) feed(b byte) (Frame, bool) {
	if f.lrcNext {
		f.lrcNext = false
		fr := Frame{Text: string(f.buf), lrc: b}
		f.Reset()
		return fr, true
	}
	switch b {
	case stx:
		f.Reset() // whatever came before was cut off
		f.open = true
		return Frame{}, false
	case etx, '\r', '\n':
		if f.framing.Checksum == LRCChecksum && b == etx && f.open && !f.over {
			f.lrcNext = true
			return Frame{}, false
		}
		return f.end(b)
	}
	if f.over || f.framing.STX && !f.open {
		return Frame{}, false
	}
	if len(f.buf) == f.max {
		f.buf, f.over = f.buf[:0], true
		return Frame{}, false
	}
	f.buf = append(f.buf, b)
	return Frame{}, false
}

// end closes the present frame.
func (f *Framer) end(by byte) (Frame, bool) {
	if f.framing.STX && by != etx {
		// Some readers write CR LF before ETX, which belong to no number.
		return Frame{}, false
	}
	fr, ok := f.take()
	f.Reset()
	return fr, ok
}

// take is what the framer holds, as a frame.
func (f *Framer) take() (Frame, bool) {
	switch {
	case f.over:
		return Frame{Err: fmt.Errorf("%w: longer than %d bytes", ErrFrame, f.max)}, true
	case len(f.buf) == 0:
		return Frame{}, false
	}
	return Frame{Text: string(f.buf)}, true
}

// Idle tells the framer that the line has been silent for longer than a
// reader pauses within a number. A frame that is not complete is forgotten,
// unless the framing ends frames by a pause.
func (f *Framer) Idle() (Frame, bool) {
	defer f.Reset()
	if !f.framing.Idle {
		return Frame{}, false
	}
	return f.take()
}

// Partial reports whether bytes of an unfinished frame are held.
func (f *Framer) Partial() bool { return len(f.buf) > 0 || f.open || f.over }

// Reset forgets what is held.
func (f *Framer) Reset() {
	f.buf, f.open, f.over, f.lrcNext = f.buf[:0], false, false, false
}
