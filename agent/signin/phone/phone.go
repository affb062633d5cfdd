// Package phone signs people in on their own phone: the panel shows an address,
// a code and a QR code, and this package waits for the outcome by the OAuth 2.0
// device authorization grant (RFC 8628).
//
// There are two ways. At the fax service, which asks the company in the phone's
// browser and shows there which device it is for; and at the company's own
// OpenID provider, with the agent checking the ID token itself. What does not
// live here: their wire forms (protocols/deviceflow, the fax service's client),
// drawing QR codes, and how long a panel waits for a person.
package phone

import (
	"context"
	"time"

	"github.com/platen-fax/platen/agent/signin"
)

// MaxLife is how long a code is shown and asked about at the most, whatever the
// server says. Entra announces 900 s, and people report codes that fail after
// about 300 (Microsoft Q&A, question 981553); and a code that is left on a
// panel is for the next person who comes by.
const MaxLife = 5 * time.Minute

// startTime bounds the request for a code and whatever has to be found out
// before, since somebody waits for it. pollTime bounds one question.
const (
	startTime = 15 * time.Second
	pollTime  = 15 * time.Second
)

// Times of RFC 8628 §3.5, and a bound of ours for the back-off.
const (
	defaultInterval = 5 * time.Second
	leastInterval   = time.Second
	slowDown        = 5 * time.Second
	maxBackoff      = time.Minute
)

// pace is when to ask next.
type pace struct {
	interval time.Duration // as agreed with the server; only grows
	back     int           // doublings since the last answer
}

func newPace(interval time.Duration) pace {
	if interval <= 0 {
		interval = defaultInterval
	}
	return pace{interval: max(interval, leastInterval)}
}

func (p *pace) next() time.Duration {
	d := p.interval
	for range p.back {
		if d *= 2; d >= maxBackoff {
			return max(p.interval, maxBackoff)
		}
	}
	return d
}

// pause waits until d passed or ctx ended.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// pairing has what both ways share.
type pairing struct {
	shown signin.Shown
	wait  func(ctx context.Context) (signin.Identity, error)
}

// Shown implements [signin.Pairing].
func (p *pairing) Shown() signin.Shown { return p.shown }

// Wait implements [signin.Pairing].
func (p *pairing) Wait(ctx context.Context) (signin.Identity, error) { return p.wait(ctx) }
