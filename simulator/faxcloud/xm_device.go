package faxcloud

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// pairing is one sign-in by phone: a code at a device that waits for a person.
type pairing struct {
	region    *xmRegion
	account   *xmAccount
	terminal  xmcloud.Terminal
	device    string // the device code
	user      string // the user code
	match     string
	begun     time.Time
	until     time.Time
	interval  time.Duration
	polled    time.Time
	state     pairingState
	who       *xmUser
	visits    map[string]*visit // by browser
	cancelled bool
}

type pairingState int

const (
	waiting pairingState = iota
	approved
	denied
	spent
)

// Limits of sign-ins by phone.
const (
	startsPerMinute = 10 // per device
	missesPerMinute = 20 // wrong codes typed, per region's cloud
	firstInterval   = 5 * time.Second
	slowDown        = 5 * time.Second
	keepPairings    = 200
)

// deviceAuth answers the device authorization endpoint. A device has one code at
// a time: a new one ends the one before.
func (x *XM) deviceAuth(w http.ResponseWriter, r *http.Request, k xmCall) {
	_, t, e := x.oauthForm(r, k)
	if e != nil {
		e.Op = "device"
		x.refuse(w, r, *e)
		return
	}
	if x.strike(k, Body, w, r) {
		return
	}
	p, e := x.pair(k, t)
	if e != nil {
		e.Op = "device"
		x.refuse(w, r, *e)
		return
	}
	if x.strike(k, Effect, w, r) {
		return
	}
	base := x.base(k, r)
	x.answer(w, http.StatusOK, xmcloud.DeviceCode{
		DeviceCode: p.device, UserCode: p.user, VerificationURI: base + xmcloud.PathVerify,
		Complete: base + xmcloud.PathVerifyCode + p.user, ExpiresIn: int64(p.until.Sub(p.begun) / time.Second),
		Interval: int64(p.interval / time.Second), Match: p.match,
	})
}

func (x *XM) pair(k xmCall, t xmcloud.Terminal) (*pairing, *xmcloud.Error) {
	now := x.c.now()
	x.mu.Lock()
	defer x.mu.Unlock()
	recent := 0
	for _, p := range x.pairings {
		if p.account == k.account && p.terminal.ID == t.ID {
			p.cancelled = p.cancelled || p.state == waiting
			if now.Sub(p.begun) < time.Minute {
				recent++
			}
		}
	}
	if recent >= startsPerMinute {
		e := refused(http.StatusTooManyRequests, xmcloud.RateLimited)
		e.RetryAfter = time.Minute
		return nil, e
	}
	p := &pairing{
		region: k.region, account: k.account, terminal: t, device: randomID(32), user: userCode(), match: fmt.Sprint(10 + below(90)),
		begun: now, until: now.Add(x.opts.CodeTTL), interval: x.opts.PollEvery, visits: make(map[string]*visit),
	}
	x.pairings = append(x.pairings, p)
	if len(x.pairings) > keepPairings {
		x.pairings = slices.Delete(x.pairings, 0, len(x.pairings)-keepPairings)
	}
	return p, nil
}

func below(n int64) int64 {
	v, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		panic(err) // never fails
	}
	return v.Int64()
}

func userCode() string {
	b := make([]byte, 8)
	for i := range b {
		b[i] = xmcloud.CodeLetters[below(int64(len(xmcloud.CodeLetters)))]
	}
	code, _ := xmcloud.FoldCode(string(b))
	return code
}

// deviceGrant answers a poll (RFC 8628 §3.4 and §3.5).
func (x *XM) deviceGrant(k xmCall, v url.Values, t xmcloud.Terminal) (xmcloud.AccessToken, *xmcloud.Error) {
	no := func(code xmcloud.Code) (xmcloud.AccessToken, *xmcloud.Error) {
		return xmcloud.AccessToken{}, refused(http.StatusBadRequest, code)
	}
	now := x.c.now()
	x.mu.Lock()
	defer x.mu.Unlock()
	i := slices.IndexFunc(x.pairings, func(p *pairing) bool {
		return subtle.ConstantTimeCompare([]byte(p.device), []byte(v.Get("device_code"))) == 1
	})
	if i < 0 || x.pairings[i].account != k.account || x.pairings[i].terminal.ID != t.ID {
		return no(xmcloud.InvalidGrant)
	}
	p := x.pairings[i]
	early := !p.polled.IsZero() && now.Sub(p.polled) < p.interval
	p.polled = now
	switch {
	case p.state == spent:
		return no(xmcloud.InvalidGrant)
	case p.state == denied:
		return no(xmcloud.AccessDenied)
	case p.cancelled || (p.state == waiting && !now.Before(p.until)):
		return no(xmcloud.ExpiredToken)
	case early:
		p.interval += slowDown
		return no(xmcloud.SlowDown)
	case p.state == waiting:
		return no(xmcloud.AuthorizationPending)
	}
	p.state = spent
	if why := p.who.may(); why != "" {
		return no(why)
	}
	return x.access(k, p.who, p.terminal), nil
}

// byCode finds a pairing of a region by its user code, with a limit on guesses.
// x.mu is held.
func (x *XM) byCode(region *xmRegion, typed string) (p *pairing, limited bool) {
	now := x.c.now()
	x.codeMiss = slices.DeleteFunc(x.codeMiss, func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	if len(x.codeMiss) >= missesPerMinute {
		return nil, true
	}
	if code, ok := xmcloud.FoldCode(typed); ok {
		for _, p := range x.pairings {
			if p.region == region && p.user == code {
				return p, false
			}
		}
	}
	x.codeMiss = append(x.codeMiss, now)
	return nil, false
}
