package badge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/registry"
	"github.com/platen-fax/platen/agent/signin"
)

// Limits of a launch token.
const (
	// LaunchLife is the longest time from iat to exp.
	LaunchLife = time.Minute
	// LaunchLeeway is how far the clocks of device and agent may differ.
	LaunchLeeway = 30 * time.Second
	// LaunchKeySize is how many bytes a device's key has at least.
	LaunchKeySize = 32

	launchMax = 4 << 10 // bytes of a token
	nameMax   = 320     // bytes of sub and jti: no address is longer
	// launchMemory is how long a used token is remembered: much longer than one
	// is good, in case the clock is set back.
	launchMemory = time.Hour
)

// LaunchOptions are what launch tokens are checked with; all but Now are needed.
type LaunchOptions struct {
	// Key reads the key that a device signs with, anew for every token.
	Key       func(ctx context.Context, device string) (string, error)
	Directory directory.Directory
	Registry  *registry.Registry
	Now       func() time.Time // nil: the system's clock
}

// Launch checks the tokens with which devices vouch for people. A token is a
// JWT (RFC 7519) signed with HS256 and the key that only this device and the
// agent have. Its claims, all needed: sub, the login name or e-mail address;
// aud, the device's id and nothing else; iat and exp, at most [LaunchLife]
// apart; jti, never used before. Safe for concurrent use.
type Launch struct{ opts LaunchOptions }

// NewLaunch returns a checker of launch tokens.
func NewLaunch(o LaunchOptions) *Launch {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Launch{o}
}

// Person returns whom a device vouches for. A token is used up by this, also
// when the directory then refuses the person. Failures are *[signin.Refused]:
// LaunchBad, or what the directory says.
func (l *Launch) Person(ctx context.Context, device, token string) (job.Person, error) {
	key, err := l.opts.Key(ctx, device)
	if err != nil {
		return job.Person{}, bad(fmt.Errorf("key of the device: %w", err))
	}
	c, err := l.claims(device, key, token)
	if err != nil {
		return job.Person{}, bad(err)
	}
	used, err := l.opts.Registry.Hide("launch " + device + " " + c.ID)
	if err != nil {
		return job.Person{}, broken(err)
	}
	first, err := l.opts.Registry.Once(kindLaunch, used, launchMemory)
	switch {
	case err != nil:
		return job.Person{}, broken(err)
	case !first:
		return job.Person{}, bad(errors.New("used before"))
	}
	p, err := l.opts.Directory.ByName(ctx, c.Subject)
	if err != nil {
		return job.Person{}, signin.RefusedByDirectory(err)
	}
	return p, nil
}

// claims verifies a token. Its errors do not repeat what the token holds.
func (l *Launch) claims(device, key, token string) (c jwt.Claims, err error) {
	if len(key) < LaunchKeySize {
		return c, fmt.Errorf("key has %d bytes, want at least %d", len(key), LaunchKeySize)
	}
	if len(token) > launchMax {
		return c, fmt.Errorf("longer than %d bytes", launchMax)
	}
	t, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return c, errors.New("not a token signed with HS256")
	}
	if err := t.Claims([]byte(key), &c); err != nil {
		return c, errors.New("not signed with the device's key")
	}
	switch {
	case device == "" || len(c.Audience) != 1 || c.Audience[0] != device:
		return c, errors.New("aud is not this device")
	case c.Subject == "" || len(c.Subject) > nameMax:
		return c, errors.New("sub is missing or too long")
	case c.ID == "" || len(c.ID) > nameMax:
		return c, errors.New("jti is missing or too long")
	case c.IssuedAt == nil || c.Expiry == nil:
		return c, errors.New("iat or exp is missing")
	}
	life := c.Expiry.Time().Sub(c.IssuedAt.Time())
	if life <= 0 || life > LaunchLife {
		return c, fmt.Errorf("good for %v from iat to exp, want more than none and at most %v", life, LaunchLife)
	}
	if err := c.ValidateWithLeeway(jwt.Expected{Time: l.opts.Now()}, LaunchLeeway); err != nil {
		return c, fmt.Errorf("%w; or the clocks differ", err)
	}
	return c, nil
}

func bad(err error) *signin.Refused {
	return &signin.Refused{Problem: signin.LaunchBad, Err: fmt.Errorf("launch token: %w", err)}
}
