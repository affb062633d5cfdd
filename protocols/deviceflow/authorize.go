package deviceflow

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Authorization is what a server answered to the authorization request.
type Authorization struct {
	// UserCode is to be typed, as the server spelled it.
	UserCode string
	// VerificationURI is the address to type; Complete holds the code as well
	// and is empty at Entra.
	VerificationURI, Complete string
	// Message is the server's own text in the language asked for; may be empty.
	Message string
	// Issued is when the answer came, Expires when the code ends, by our clock.
	Issued, Expires time.Time
	// Interval is the least pause between polls.
	Interval time.Duration
	// Fields are all members of the answer, for servers that add some. They
	// contain the device code: not for logs.
	Fields map[string]json.RawMessage

	device    string
	endpoints Endpoints
}

// QR returns the address for a QR code: the complete one where there is one.
// The code must be shown beside it in either case, so that people compare.
func (a *Authorization) QR() string {
	if a.Complete != "" {
		return a.Complete
	}
	return a.VerificationURI
}

// Start discovers the endpoints and asks for a code. It makes one attempt.
func (c *Client) Start(ctx context.Context) (*Authorization, error) {
	e, err := c.Discover(ctx)
	if err != nil {
		return nil, err
	}
	form := url.Values{}
	for k, v := range c.cfg.Extra {
		form[k] = v
	}
	form.Set("client_id", c.cfg.ClientID)
	if len(c.cfg.Scopes) > 0 {
		form.Set("scope", strings.Join(c.cfg.Scopes, " "))
	}
	if c.cfg.Resource != "" {
		form.Set("resource", c.cfg.Resource)
	}
	at := e.DeviceAuthorization
	if c.cfg.Language != "" {
		sep := "?"
		if strings.Contains(at, "?") {
			sep = "&"
		}
		at += sep + "mkt=" + url.QueryEscape(c.cfg.Language)
	}
	a, err := c.post(ctx, "authorize", at, form)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		if r := refusal("authorize", a); r != nil {
			return nil, r
		}
		return nil, &Error{Op: "authorize", Status: a.status, Err: ErrUnreachable}
	}
	auth, err := ParseAuthorization(a.body, c.cfg.Now())
	if err != nil {
		return nil, &Error{Op: "authorize", Status: a.status, Err: err}
	}
	auth.endpoints = e
	return auth, nil
}

// seconds is a number that some servers write as a string.
type seconds time.Duration

// UnmarshalJSON reads whole or broken seconds.
func (s *seconds) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	if err != nil || !(f >= 0 && f <= 1e7) {
		return fmt.Errorf("%.20q is not a number of seconds", b)
	}
	*s = seconds(f * float64(time.Second))
	return nil
}

// ParseAuthorization reads an authorization answer (RFC 8628 §3.2) that came at
// now. Errors wrap [ErrWire].
func ParseAuthorization(body []byte, now time.Time) (*Authorization, error) {
	var doc struct {
		Device    string  `json:"device_code"`
		User      string  `json:"user_code"`
		URI       string  `json:"verification_uri"`
		URL       string  `json:"verification_url"` // of drafts, still met
		Complete  string  `json:"verification_uri_complete"`
		ExpiresIn seconds `json:"expires_in"`
		Interval  seconds `json:"interval"`
		Message   string  `json:"message"`
	}
	a := &Authorization{Issued: now}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWire, err)
	}
	if err := json.Unmarshal(body, &a.Fields); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWire, err)
	}
	if doc.URI == "" {
		doc.URI = doc.URL
	}
	life := min(time.Duration(doc.ExpiresIn), MaxLife)
	switch {
	case doc.Device == "" || len(doc.Device) > 8<<10:
		return nil, fmt.Errorf("%w: no usable device code", ErrWire)
	case !showable(doc.User, 40):
		return nil, fmt.Errorf("%w: no user code that can be shown", ErrWire)
	case life < time.Second:
		return nil, fmt.Errorf("%w: a code that lives for no time", ErrWire)
	case !forPhone(doc.URI):
		return nil, fmt.Errorf("%w: no https address for the phone", ErrWire)
	}
	a.device, a.UserCode, a.VerificationURI = doc.Device, doc.User, doc.URI
	if forPhone(doc.Complete) {
		a.Complete = doc.Complete
	}
	if showable(doc.Message, 1000) {
		a.Message = doc.Message
	}
	a.Expires = now.Add(life)
	a.Interval = DefaultInterval
	if doc.Interval > 0 {
		a.Interval = min(max(time.Duration(doc.Interval), time.Second), MaxInterval)
	}
	return a, nil
}

// showable wants a text without characters that a panel would not print.
func showable(s string, most int) bool {
	if s == "" || len(s) > most {
		return false
	}
	for _, r := range s {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) && r != '\n' && r != '\r' {
			return false
		}
	}
	return true
}

// forPhone wants an https address short enough for a QR code. Its host is not
// compared: Entra's own is microsoft.com, and only the phone goes there.
func forPhone(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && len(s) <= 500 && showable(s, 500)
}
