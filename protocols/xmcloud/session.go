package xmcloud

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Discover asks how people with an address of this domain sign in. The answer
// does not depend on who the person is.
func (c *Client) Discover(ctx context.Context, email string) (SignIn, error) {
	const op = "discover"
	var s SignIn
	at := strings.LastIndexByte(email, '@')
	if at < 1 || at == len(email)-1 || len(email) > 254 {
		return s, &Error{Op: op, Err: fmt.Errorf("address of %d bytes: %w", len(email), ErrWire)}
	}
	err := c.call(ctx, op, http.MethodGet, PathDiscover, "", url.Values{"email": {email}}, nil, &s)
	return s, err
}

// Login turns a password into a user's token. It is one attempt: whether it
// failed or not, the service may have counted it.
func (c *Client) Login(ctx context.Context, l Login) (UserToken, error) {
	const op = "user_token"
	var out UserToken
	l.Account = c.cfg.Account
	data, err := appendLogin(make([]byte, 0, 1024), l)
	defer clear(data[:cap(data)])
	if err != nil {
		return out, &Error{Op: op, Err: fmt.Errorf("%w: %w", err, ErrNotSent)}
	}
	err = c.once(ctx, op, PathUserToken, "application/json", func(*http.Request) {}, data, &out)
	if err == nil && !strings.HasPrefix(out.Token, UserPrefix) {
		err = &Error{Op: op, Status: http.StatusOK, Err: fmt.Errorf("answer without a user's token: %w", ErrWire)}
	}
	return out, err
}

// basic authenticates the connector at the token endpoint (RFC 6749 §2.3.1): the
// account is the client id, the connector's token the secret.
func (c *Client) basic(ctx context.Context) (func(*http.Request), error) {
	token, err := c.connector(ctx)
	if err != nil {
		return nil, err
	}
	return func(r *http.Request) {
		r.SetBasicAuth(url.QueryEscape(c.cfg.Account), url.QueryEscape(token))
	}, nil
}

const formType = "application/x-www-form-urlencoded"

// form posts to an OAuth endpoint.
func (c *Client) form(ctx context.Context, op, path string, v url.Values, out any) error {
	auth, err := c.basic(ctx)
	if err != nil {
		return &Error{Op: op, Err: fmt.Errorf("%w: %w", err, ErrNotSent)}
	}
	data := []byte(v.Encode())
	if len(data) > MaxForm {
		return &Error{Op: op, Err: fmt.Errorf("form of %d bytes: %w: %w", len(data), ErrTooLarge, ErrNotSent)}
	}
	return c.once(ctx, op, path, formType, auth, data, out)
}

func terminal(v url.Values, t Terminal) url.Values {
	v.Set("device_id", t.ID)
	v.Set("device_name", t.Name)
	if t.Location != "" {
		v.Set("device_location", t.Location)
	}
	return v
}

// Assert turns a signed assertion, byte for byte as issued, into a user's token.
// grant is [GrantSAML2] or [GrantSAML11]. No password goes along.
func (c *Client) Assert(ctx context.Context, grant string, assertion []byte, t Terminal) (AccessToken, error) {
	const op = "token"
	var out AccessToken
	if (grant != GrantSAML2 && grant != GrantSAML11) || len(assertion) == 0 || len(assertion) > MaxAssertion {
		return out, &Error{Op: op, Err: fmt.Errorf("assertion of %d bytes for grant %.60q: %w: %w", len(assertion), grant, ErrWire, ErrNotSent)}
	}
	v := terminal(url.Values{
		"grant_type": {grant}, "assertion": {base64.RawURLEncoding.EncodeToString(assertion)},
	}, t)
	err := c.form(ctx, op, PathToken, v, &out)
	return out, checkAccess(op, out, err)
}

// StartDevice begins a sign-in by phone at a terminal; a code that is still
// waiting there ends.
func (c *Client) StartDevice(ctx context.Context, t Terminal) (DeviceCode, error) {
	const op = "device"
	var out DeviceCode
	err := c.form(ctx, op, PathDeviceAuth, terminal(url.Values{}, t), &out)
	if err != nil {
		return out, err
	}
	code, ok := FoldCode(out.UserCode)
	if !ok || out.DeviceCode == "" || out.ExpiresIn <= 0 {
		return DeviceCode{}, &Error{Op: op, Status: http.StatusOK, Err: fmt.Errorf("answer without codes: %w", ErrWire)}
	}
	out.UserCode = code
	// Both are shown to people or become a QR code: they must lead to the portal.
	portal, err := c.Portal(ctx)
	if err != nil {
		return DeviceCode{}, err
	}
	for _, u := range []string{out.VerificationURI, out.Complete} {
		if !strings.HasPrefix(u, portal) {
			return DeviceCode{}, &Error{Op: op, Status: http.StatusOK, Err: fmt.Errorf("verification page: %w", ErrForeignHost)}
		}
	}
	return out, nil
}

// Every returns how long to wait between two questions, at least a second.
func (d DeviceCode) Every() time.Duration { return expiry(d.Interval, 5*time.Second) }

// Lifetime returns how long the codes are good for.
func (d DeviceCode) Lifetime() time.Duration { return expiry(d.ExpiresIn, 0) }

// PollDevice asks once whether the person has confirmed. While nothing is
// decided the error's code is [AuthorizationPending] or [SlowDown]; after
// SlowDown every later wait is 5 s longer (RFC 8628 §3.5).
func (c *Client) PollDevice(ctx context.Context, deviceCode string, t Terminal) (AccessToken, error) {
	const op = "token"
	var out AccessToken
	err := c.form(ctx, op, PathToken, terminal(url.Values{"grant_type": {GrantDevice}, "device_code": {deviceCode}}, t), &out)
	return out, checkAccess(op, out, err)
}

func checkAccess(op string, a AccessToken, err error) error {
	if err == nil && (!strings.HasPrefix(a.AccessToken, UserPrefix) || a.User.ID == "") {
		return &Error{Op: op, Status: http.StatusOK, Err: fmt.Errorf("answer without a user's token: %w", ErrWire)}
	}
	return err
}

// EndToken ends a user's token. One that has ended already is no error.
func (c *Client) EndToken(ctx context.Context, token string) error {
	err := c.call(ctx, "end", http.MethodDelete, PathUserToken, token, nil, nil, nil)
	switch CodeOf(err) {
	case InvalidToken, TokenExpired, UserInactive:
		return nil
	}
	return err
}

// Ticket turns a user's session into authority for one job.
func (c *Client) Ticket(ctx context.Context, token string, r TicketRequest) (TicketAnswer, error) {
	const op = "ticket"
	var out TicketAnswer
	err := c.call(ctx, op, http.MethodPost, PathTickets, token, nil, r, &out)
	if err == nil && (out.Ticket == "" || out.Until.IsZero()) {
		err = &Error{Op: op, Status: http.StatusOK, Err: fmt.Errorf("answer without a ticket: %w", ErrWire)}
	}
	return out, err
}
