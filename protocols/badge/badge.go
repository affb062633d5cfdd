// Package badge reads what card readers send over a serial line: it cuts the
// stream into frames, checks them, and turns a frame into the card number that
// a directory knows, by a chain of conversions that is data.
//
// One card has many numbers: the same four bytes are printed as hexadecimal or
// decimal, in either byte or bit order, with or without leading zeros, and
// readers of one building differ. So a [Profile] says what one kind of reader
// does, and [Profile.Explain] shows every step to a person who looks for the
// right one. Opening a line, timing and repeated reads belong to the driver.
package badge

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Errors of this package; callers use errors.Is.
var (
	ErrFrame    = errors.New("not a frame")       // too long, or cut
	ErrChecksum = errors.New("checksum is wrong") // the line garbled the number
	ErrFormat   = errors.New("not a card number") // a step could not read what it was given
	ErrProfile  = errors.New("bad badge profile") // the profile itself cannot work
)

// Limits of a card number, in characters. A reader answers configuration
// commands on the same line, so anything else is not a card.
const (
	minPayload = 4
	maxID      = 32
)

// Profile says how one kind of reader writes a card number. The zero value
// takes a bare line of hexadecimal digits as it is. A Profile is a value and
// may be used from any goroutine.
type Profile struct {
	Name    string
	About   string // one line for people
	Framing Framing
	Steps   []string // see [ParseStep]; run in order
}

// Line is one step of a conversion, for people.
type Line struct {
	Step  string // "received", "frame", a step of the profile, or "card number"
	Value string // what it made, quoted where it may hold control bytes
}

// Explanation is the whole way from bytes to a card number.
type Explanation struct {
	Lines []Line
	ID    string // "" with Err
	Err   error
}

// Decoder runs a profile whose steps have been checked. It holds no state and
// is safe for concurrent use.
type Decoder struct {
	framing Framing
	steps   []Step
}

// Compile checks the profile. Errors wrap [ErrProfile] and name the step.
func (p Profile) Compile() (*Decoder, error) {
	if err := p.Framing.check(); err != nil {
		return nil, err
	}
	d := &Decoder{framing: p.Framing}
	for _, text := range p.Steps {
		s, err := ParseStep(text)
		if err != nil {
			return nil, err
		}
		d.steps = append(d.steps, s)
	}
	return d, nil
}

// Framer returns a fresh framer for the decoder's framing.
func (d *Decoder) Framer() *Framer { return NewFramer(d.framing) }

// Decode turns one frame, as a [Framer] cut it, into the card number: 1 to 32
// digits and letters A to F, upper case. Errors wrap [ErrChecksum] or
// [ErrFormat] and do not repeat the number.
func (d *Decoder) Decode(f Frame) (string, error) {
	return d.run(f, func(string, string) {})
}

// Explain runs raw through the profile and tells every step. raw may lack its
// line end and may use the spellings of [Unescape]. Of several frames the
// first is taken.
func (p Profile) Explain(raw string) Explanation {
	var e Explanation
	note := func(step, value string) { e.Lines = append(e.Lines, Line{step, value}) }
	d, err := p.Compile()
	if err != nil {
		e.Err = err
		return e
	}
	raw = Unescape(raw)
	note("received", fmt.Sprintf("%q", raw))
	frame, ok := d.firstFrame(raw)
	if !ok {
		e.Err = fmt.Errorf("%w: no frame in %d bytes", ErrFrame, len(raw))
		return e
	}
	note("frame", fmt.Sprintf("%q", frame.Text))
	e.ID, e.Err = d.run(frame, note)
	return e
}

// firstFrame cuts the first frame out of a recording, ending it if need be.
func (d *Decoder) firstFrame(raw string) (Frame, bool) {
	f := d.Framer()
	frames := f.Feed([]byte(raw))
	if len(frames) == 0 {
		frames = f.Feed([]byte{'\r'}) // typed by hand, or cut from a log
	}
	if len(frames) == 0 {
		if last, ok := f.Idle(); ok {
			return last, true
		}
		return Frame{}, false
	}
	return frames[0], true
}

// run checks the frame and applies the steps, telling each.
func (d *Decoder) run(f Frame, note func(step, value string)) (string, error) {
	if f.Err != nil {
		return "", f.Err
	}
	text, err := d.framing.payload(f)
	if err != nil {
		return "", err
	}
	if text != f.Text {
		note("payload", fmt.Sprintf("%q", text))
	}
	if len(text) < minPayload {
		return "", fmt.Errorf("%w: %d characters, want at least %d", ErrFormat, len(text), minPayload)
	}
	v := value{text: text}
	for _, s := range d.steps {
		if v, err = s.run(v); err != nil {
			return "", fmt.Errorf("step %s: %w", s.text, err)
		}
		note(s.text, v.String())
	}
	if v.number {
		return "", fmt.Errorf("%w: the chain ends with a number, write to-dec or to-hex last", ErrProfile)
	}
	id := strings.ToUpper(v.text)
	if !idPattern.MatchString(id) {
		return "", fmt.Errorf("%w: want 1 to %d digits or letters A to F", ErrFormat, maxID)
	}
	if strings.Trim(id, "0") == "" {
		return "", fmt.Errorf("%w: all zeros, as readers send for a failed read", ErrFormat)
	}
	note("card number", id)
	return id, nil
}

var idPattern = regexp.MustCompile(`^[0-9A-F]{1,32}$`)
