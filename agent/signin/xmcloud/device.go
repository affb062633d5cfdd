package xmcloud

import (
	"context"

	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/protocols/xmcloud"
)

// StartDevice asks for a code with which somebody at a terminal signs in on the
// phone. A code that still waits there ends.
func (c *Cloud) StartDevice(ctx context.Context, t signin.Terminal) (signin.DeviceCode, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	asked := c.now() // the code's life began no earlier
	d, err := c.client.StartDevice(ctx, terminal(t))
	if err != nil {
		return signin.DeviceCode{}, c.refused(ctx, err)
	}
	return signin.DeviceCode{
		Device: d.DeviceCode, User: d.UserCode, Address: d.VerificationURI, Complete: d.Complete, Match: d.Match,
		Expires: asked.Add(d.Lifetime()), Interval: d.Every(),
	}, nil
}

// PollDevice asks once what became of a code at the terminal it was given to. wait
// says that nothing is decided and the caller may ask again after its interval;
// slower that the interval grows by 5 s first and stays so (RFC 8628 §3.5). With
// err and wait the service could not be asked this time: asking again later,
// slower, is allowed while the code lives. Identity.Ask stays false, since only the
// caller knows whether the code came with a number to compare.
func (c *Cloud) PollDevice(ctx context.Context, deviceCode string, t signin.Terminal) (id signin.Identity, wait, slower bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	leave, err := c.tokens.enter(ctx, t)
	if err != nil {
		return signin.Identity{}, true, true, err
	}
	defer leave()
	a, err := c.client.PollDevice(ctx, deviceCode, terminal(t))
	switch xmcloud.CodeOf(err) {
	case xmcloud.AuthorizationPending:
		return signin.Identity{}, true, false, nil
	case xmcloud.SlowDown:
		return signin.Identity{}, true, true, nil
	case xmcloud.InvalidGrant:
		// It was used, or is not known any more: only a new one helps.
		return signin.Identity{}, false, false, &signin.Refused{Problem: signin.CodeExpired, Support: string(xmcloud.InvalidGrant)}
	}
	if err != nil {
		r := c.refused(ctx, err)
		again := r.Problem == signin.ServiceDown || r.Problem == signin.TooManyTries
		return signin.Identity{}, again, again, r
	}
	id, err = c.identity(ctx, signin.WayPhone, a.AccessToken, a.User, t)
	return id, false, false, err
}
