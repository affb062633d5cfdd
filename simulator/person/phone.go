package person

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Shown is what a panel shows to somebody who wants to sign in by phone.
type Shown struct {
	Address string // to type
	Code    string // to type there
	QR      string // address behind the QR code; "" where there is none
	Match   string // number that the phone has to show as well; "" where there is none
}

// Credentials are what somebody types into a page of their phone.
type Credentials struct {
	User, Password string
	Code           string // of the authenticator app
}

// Errors of a phone.
var (
	ErrMatch   = errors.New("the phone does not show what the panel shows")
	ErrRefused = errors.New("refused on the phone")
)

// Phone is a browser with which somebody signs in for a panel: it opens the
// panel's code, signs in at whatever page comes, and confirms or denies. It runs
// no scripts, so that every page has to work without.
type Phone struct{ b *Browser }

// NewPhone returns a phone without history. transport must trust the sites.
func NewPhone(timeout time.Duration, transport http.RoundTripper) *Phone {
	return &Phone{b: New(timeout, transport)}
}

// Page returns the page shown last, or nil.
func (p *Phone) Page() *Page { return p.b.Page() }

// Scan opens the QR code, or types the address and the code where there is
// none or typed says so.
func (p *Phone) Scan(ctx context.Context, s Shown, typed bool) error {
	if s.QR != "" && !typed {
		if _, err := p.b.Open(ctx, s.QR); err != nil {
			return err
		}
		if !p.b.Page().Field("code") && !p.b.Page().Field("user_code") {
			return nil
		}
	} else if _, err := p.b.Open(ctx, s.Address); err != nil {
		return err
	}
	for _, field := range []string{"code", "user_code"} {
		if p.b.Page().Field(field) {
			_, err := p.b.Tap(ctx, map[string]string{field: s.Code}, "Continue", "Next")
			return err
		}
	}
	return fmt.Errorf("phone: nowhere to type the code: %.300q", p.b.Page().Text())
}

// steps bounds how many pages one sign-in may have.
const steps = 12

// SignIn goes on from the page of the code through the sign-in pages to the
// question whether it is right, compares what the panel shows, and answers it:
// yes confirms, no denies. The error wraps ErrMatch or ErrRefused where a page
// is the reason; the page stays for reading.
func (p *Phone) SignIn(ctx context.Context, s Shown, c Credentials, yes bool) error {
	tried := false
	for range steps {
		page := p.b.Page()
		var err error
		switch {
		case page.ByID("match") != "" && page.ByID("match") != s.Match:
			return fmt.Errorf("phone: %w: %q, not %q", ErrMatch, page.ByID("match"), s.Match)
		case page.find("answer=yes") != nil: // the fax service asks
			return p.decide(ctx, map[bool]string{true: "answer=yes", false: "answer=no"}[yes], yes)
		case page.Hidden("confirm") != "": // an OpenID provider asks
			if !page.Has(s.Code) {
				return fmt.Errorf("phone: %w: the code", ErrMatch)
			}
			return p.decide(ctx, map[bool]string{true: "Continue", false: "No, cancel"}[yes], yes)
		case page.Hidden("SAMLResponse") != "": // the way back, which scripts would take
			_, err = p.b.Tap(ctx, nil, page.Taps()...)
		case tried && (page.Field("password") || page.ByID("sso") != ""): // asked once more
			return fmt.Errorf("phone: %w: %.300q", ErrRefused, page.Text())
		case page.Field("password"):
			tried = true
			err = p.enter(ctx, page, c)
		case page.ByID("sso") != "":
			_, err = p.b.Tap(ctx, nil, page.ByID("sso"))
		default:
			return fmt.Errorf("phone: %w: %.300q", ErrRefused, page.Text())
		}
		if err != nil {
			return err
		}
	}
	return errors.New("phone: the sign-in goes on and on")
}

// enter fills in a sign-in page.
func (p *Phone) enter(ctx context.Context, page *Page, c Credentials) error {
	fields := map[string]string{"user": c.User, "password": c.Password}
	for _, code := range []string{"otp", "code"} {
		if page.Field(code) && c.Code != "" {
			fields[code] = c.Code
		}
	}
	_, err := p.b.Tap(ctx, fields, "Sign in")
	return err
}

func (p *Phone) decide(ctx context.Context, tap string, yes bool) error {
	page, err := p.b.Tap(ctx, nil, tap)
	if err != nil {
		return err
	}
	said := strings.ToLower(page.Text())
	for _, word := range map[bool][]string{true: {"you are signed in", "you have signed in"}, false: {"refused", "declined"}}[yes] {
		if strings.Contains(said, word) {
			return nil
		}
	}
	return fmt.Errorf("phone: %w: %.300q", ErrRefused, page.Text())
}
