package phone

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/platen-fax/platen/agent/signin"
)

// Cloud is a fax service that signs people in on their phone. Each call makes
// one request; failures are *[signin.Refused]. Safe for concurrent use.
type Cloud interface {
	// StartDevice asks for a code for a device; one that is still waiting there
	// ends.
	StartDevice(ctx context.Context, t signin.Terminal) (signin.DeviceCode, error)
	// PollDevice asks what became of it. wait says that nothing is decided yet,
	// and slower that this was asked too soon (RFC 8628's slow_down). With err as
	// well, wait says that it could not be asked this time.
	PollDevice(ctx context.Context, deviceCode string, t signin.Terminal) (id signin.Identity, wait, slower bool, err error)
}

// CloudOptions of a [CloudMethod]. Cloud is required.
type CloudOptions struct {
	Cloud Cloud
	// Now is the clock, and Wait pauses until d passed or ctx ended, with its
	// error. nil means the real ones.
	Now  func() time.Time
	Wait func(ctx context.Context, d time.Duration) error
}

// CloudMethod is the way [signin.WayPhone].
type CloudMethod struct{ o CloudOptions }

var _ signin.Paired = (*CloudMethod)(nil)

// NewCloud returns the method and does no I/O. It panics without a Cloud, which
// is an error of the program.
func NewCloud(o CloudOptions) *CloudMethod {
	if o.Cloud == nil {
		panic("signin/phone: no cloud")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == nil {
		o.Wait = pause
	}
	return &CloudMethod{o: o}
}

// Start implements [signin.Paired]. The language is the phone's business.
func (m *CloudMethod) Start(ctx context.Context, t signin.Terminal, _ string) (signin.Pairing, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	code, err := m.o.Cloud.StartDevice(ctx, t)
	if err != nil {
		return nil, refusal(err)
	}
	if code.Device == "" || code.User == "" || !https(code.Address) || (code.Complete != "" && !https(code.Complete)) {
		return nil, &signin.Refused{Problem: signin.Broken, Err: errors.New("a code that cannot be shown")}
	}
	now := m.o.Now()
	if !now.Before(code.Expires) {
		return nil, &signin.Refused{Problem: signin.Broken, Err: errors.New("a code that has ended already")}
	}
	if last := now.Add(MaxLife); code.Expires.After(last) {
		code.Expires = last
	}
	qr := code.Complete
	if qr == "" {
		qr = code.Address
	}
	return &pairing{
		shown: signin.Shown{Address: code.Address, Code: code.User, QR: qr, Match: code.Match, Expires: code.Expires},
		wait:  func(ctx context.Context) (signin.Identity, error) { return m.wait(ctx, code, t) },
	}, nil
}

// wait polls until something is decided. It waits one interval before the first
// question and after each; slow_down lengthens the interval for good, and a
// service that cannot be reached doubles it until the next answer. No question
// is asked once the code has ended.
func (m *CloudMethod) wait(ctx context.Context, code signin.DeviceCode, t signin.Terminal) (signin.Identity, error) {
	p := newPace(code.Interval)
	var down error // the last answer was none
	for {
		d, left := p.next(), code.Expires.Sub(m.o.Now())
		if err := m.o.Wait(ctx, max(min(d, left), 0)); err != nil {
			return signin.Identity{}, err
		}
		if d >= left {
			if down != nil {
				return signin.Identity{}, down
			}
			return signin.Identity{}, &signin.Refused{Problem: signin.CodeExpired}
		}
		id, wait, slower, err := m.poll(ctx, code.Device, t)
		switch {
		case ctx.Err() != nil:
			giveBack(ctx, id)
			return signin.Identity{}, ctx.Err()
		case err != nil && wait:
			p.back++
			down = err
			continue
		case err != nil:
			return signin.Identity{}, err
		}
		p.back, down = 0, nil
		if slower {
			p.interval += slowDown
		}
		if wait || slower {
			continue
		}
		id.Way = signin.WayPhone
		// The page on the phone names the device and shows the same number. Without
		// that number a picture of the QR code could have come from anywhere.
		id.Ask = code.Match == ""
		return id, nil
	}
}

// giveBack ends what was given to somebody nobody waits for any more. There is
// no better moment for a failure: the credential ends by itself without use.
func giveBack(ctx context.Context, id signin.Identity) {
	if id.Authority != nil {
		_ = id.Authority.End(context.WithoutCancel(ctx))
	}
}

// poll asks once. Being down and being asked too much are no outcome.
func (m *CloudMethod) poll(ctx context.Context, device string, t signin.Terminal) (signin.Identity, bool, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, pollTime)
	defer cancel()
	id, wait, slower, err := m.o.Cloud.PollDevice(ctx, device, t)
	if err == nil {
		return id, wait, slower, nil
	}
	err = refusal(err)
	switch signin.ProblemOf(err) {
	case signin.ServiceDown, signin.TooManyTries:
		wait = true
	}
	return signin.Identity{}, wait, false, err
}

// refusal makes every error a refusal.
func refusal(err error) error {
	if _, ok := errors.AsType[*signin.Refused](err); ok {
		return err
	}
	return &signin.Refused{Problem: signin.Broken, Err: fmt.Errorf("signing in by phone: %w", err)}
}

// https wants an address a phone can be sent to.
func https(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil
}
