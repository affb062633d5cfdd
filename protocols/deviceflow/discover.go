package deviceflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Discover reads the provider's endpoints (RFC 8628 §4, OpenID Connect
// Discovery §4). The document must be of the configured issuer, and every
// endpoint on an allowed host. With configured endpoints it does no I/O.
func (c *Client) Discover(ctx context.Context) (Endpoints, error) {
	if c.cfg.Endpoints != nil {
		return *c.cfg.Endpoints, nil
	}
	at := c.cfg.DiscoveryURL
	if at == "" {
		at = strings.TrimSuffix(c.cfg.Issuer, "/") + "/.well-known/openid-configuration"
	}
	a, err := c.get(ctx, "discover", at)
	if err != nil {
		return Endpoints{}, err
	}
	var doc struct {
		Issuer string `json:"issuer"`
		Device string `json:"device_authorization_endpoint"`
		Token  string `json:"token_endpoint"`
		Keys   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(a.body, &doc); err != nil {
		return Endpoints{}, &Error{Op: "discover", Status: a.status, Err: fmt.Errorf("%w: %w", ErrWire, err)}
	}
	switch {
	case doc.Issuer != c.cfg.Issuer:
		// Named, because it is what the administrator has to write.
		return Endpoints{}, &Error{Op: "discover", Err: fmt.Errorf("%w: the document says %.200q, configured is %q", ErrIssuer, doc.Issuer, c.cfg.Issuer)}
	case doc.Device == "":
		return Endpoints{}, &Error{Op: "discover", Err: ErrNoDeviceGrant}
	case doc.Token == "" || doc.Keys == "":
		return Endpoints{}, &Error{Op: "discover", Err: fmt.Errorf("%w: no token endpoint or key set", ErrWire)}
	}
	e := Endpoints{DeviceAuthorization: doc.Device, Token: doc.Token, Keys: doc.Keys}
	for _, address := range []string{e.DeviceAuthorization, e.Token, e.Keys} {
		if err := c.allowed(address); err != nil {
			return Endpoints{}, &Error{Op: "discover", Err: err}
		}
	}
	return e, nil
}

// answer is a response read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (c *Client) get(ctx context.Context, op, at string) (*answer, error) {
	if err := c.allowed(at); err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, &Error{Op: op, Err: fmt.Errorf("%w: %w", ErrHost, err)}
	}
	a, err := c.do(req, op, MaxDiscovery)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, &Error{Op: op, Status: a.status, Err: ErrUnreachable}
	}
	return a, nil
}

func (c *Client) post(ctx context.Context, op, at string, form url.Values) (*answer, error) {
	if err := c.allowed(at); err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, &Error{Op: op, Err: fmt.Errorf("%w: %w", ErrHost, err)}
	}
	for k, v := range c.cfg.Header {
		req.Header[k] = v
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.do(req, op, MaxAnswer)
}

// do sends once. Its errors keep the cause but not the address, whose query
// might name somebody.
func (c *Client) do(req *http.Request, op string, most int64) (*answer, error) {
	ctx, cancel := context.WithTimeout(req.Context(), RequestTimeout)
	defer cancel()
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req.WithContext(ctx))
	if err != nil {
		return nil, &Error{Op: op, Err: fmt.Errorf("%w: %w", ErrUnreachable, cause(err))}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return nil, &Error{Op: op, Status: resp.StatusCode, Err: fmt.Errorf("%w: %w", ErrUnreachable, cause(err))}
	}
	if int64(len(body)) > most {
		return nil, &Error{Op: op, Status: resp.StatusCode, Err: ErrTooLarge}
	}
	return &answer{resp.StatusCode, resp.Header, body}, nil
}

func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// word is the form of an error code (RFC 6749 §5.2), narrower: nothing else is
// worth repeating.
var word = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// number finds Microsoft's support number in a description.
var number = regexp.MustCompile(`\b(AADSTS|MSIS)\d{3,8}\b`)

// refusal reads an OAuth error; nil if the answer is none.
func refusal(op string, a *answer) *Error {
	var doc struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(a.body, &doc) != nil || !word.MatchString(doc.Error) {
		return nil
	}
	return &Error{
		Op: op, Status: a.status, OAuth: doc.Error, Support: number.FindString(doc.Description), Err: errorOf(doc.Error),
	}
}
