package deviceflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Token is the answer to the poll that succeeded. It holds secrets: not for
// logs, and not to be kept longer than needed.
type Token struct {
	// ID is the raw ID token, empty at servers that are no OpenID provider.
	ID string
	// Access is the access token and Type its type.
	Access, Type string
	// Expires is when Access ends, zero if unsaid.
	Expires time.Time
	// Fields are all members of the answer but a refresh token.
	Fields map[string]json.RawMessage

	endpoints Endpoints
	served    time.Time // the Date header
}

// pace is when to ask next (RFC 8628 §3.5).
type pace struct {
	interval time.Duration // as agreed with the server; only grows
	back     int           // doublings since the last answer
}

func (p *pace) next() time.Duration {
	d := p.interval
	for range p.back {
		if d *= 2; d >= MaxInterval {
			return max(p.interval, MaxInterval)
		}
	}
	return d
}

// Poll asks until the person acted, the code ran out or ctx ended. It waits one
// interval before the first request and after each; slow_down lengthens the
// interval for good, and an answer that never came, a 5xx or a 429 doubles it
// until the next real answer. It returns [ErrExpired] at the end of the code's
// life without another request, and ctx's error when ctx ends.
func (c *Client) Poll(ctx context.Context, a *Authorization) (*Token, error) {
	form := url.Values{}
	for k, v := range c.cfg.TokenExtra {
		form[k] = v
	}
	form.Set("grant_type", GrantType)
	form.Set("device_code", a.device)
	form.Set("client_id", c.cfg.ClientID)
	p := pace{interval: a.Interval}
	var least time.Duration // asked for by Retry-After
	for {
		d := max(p.next(), least)
		least = 0
		left := a.Expires.Sub(c.cfg.Now())
		if err := c.cfg.Wait(ctx, max(min(d, left), 0)); err != nil {
			return nil, err
		}
		if d >= left {
			return nil, &Error{Op: "poll", Err: ErrExpired}
		}
		ans, err := c.post(ctx, "poll", a.endpoints.Token, form)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if errors.Is(err, ErrUnreachable) {
			p.back++
			continue
		}
		if err != nil {
			return nil, err
		}
		if ans.status == http.StatusOK {
			t, err := ParseToken(ans.body, c.cfg.Now())
			if err != nil {
				return nil, &Error{Op: "poll", Status: ans.status, Err: err}
			}
			t.endpoints = a.endpoints
			t.served, _ = http.ParseTime(ans.header.Get("Date"))
			return t, nil
		}
		r := refusal("poll", ans)
		switch {
		case ans.status >= 500 || ans.status == http.StatusTooManyRequests && (r == nil || r.OAuth != "slow_down"):
			p.back++
			least = retryAfter(ans.header)
		case r == nil:
			return nil, &Error{Op: "poll", Status: ans.status, Err: ErrWire}
		case r.OAuth == "authorization_pending":
			p.back = 0
		case r.OAuth == "slow_down":
			p.back = 0
			p.interval += SlowDown
		default:
			return nil, r
		}
	}
}

func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, MaxInterval)
}

// ParseToken reads a token answer (RFC 6749 §5.1) that came at now and drops a
// refresh token. Errors wrap [ErrWire].
func ParseToken(body []byte, now time.Time) (*Token, error) {
	var doc struct {
		ID        string  `json:"id_token"`
		Access    string  `json:"access_token"`
		Type      string  `json:"token_type"`
		ExpiresIn seconds `json:"expires_in"`
	}
	t := &Token{}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWire, err)
	}
	if err := json.Unmarshal(body, &t.Fields); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWire, err)
	}
	delete(t.Fields, "refresh_token")
	if doc.ID == "" && doc.Access == "" {
		return nil, fmt.Errorf("%w: no token in the answer", ErrWire)
	}
	t.ID, t.Access, t.Type = doc.ID, doc.Access, doc.Type
	if doc.ExpiresIn > 0 {
		t.Expires = now.Add(time.Duration(doc.ExpiresIn))
	}
	return t, nil
}
