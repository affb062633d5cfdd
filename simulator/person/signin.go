package person

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Screens of signing in.
const (
	ScreenEmail    = "signin-email"
	ScreenPassword = "signin-password"
	ScreenCode     = "signin-code"
	ScreenPhone    = "signin-phone"
	ScreenConfirm  = "signin-confirm"
	ScreenPIN      = "signin-pin"
	ScreenNewPIN   = "signin-new-pin"
	ScreenLink     = "signin-link"
	ScreenStuck    = "signin-stuck"
	ScreenHello    = "hello" // knows who it is
	ScreenBadge    = "badge" // waits for a badge
)

// ErrNothingToType says that the panel asks for something the person has not.
var ErrNothingToType = errors.New("the panel asks for what this person does not have")

// Typist is what a person types at a panel, as far as it is asked for.
type Typist struct {
	Name     string // e-mail address or user name
	Password string
	// Code gives what the authenticator app shows, when it is asked for; nil: the
	// person has none.
	Code func() (string, error)
	PIN  string
	Link bool // yes to linking a new badge
	// Phone asks for a code for the phone and stops there.
	Phone bool
}

// GoToSignIn opens a device's panel up to the first question of its sign-in,
// leaving one that is under way.
func (b *Browser) GoToSignIn(ctx context.Context, panel string) error {
	page, err := b.Open(ctx, panel)
	if err != nil {
		return err
	}
	if page.find("@leave") != nil && page.Screen() != ScreenHello { // one that was given up
		if _, err = b.Tap(ctx, nil, "@leave"); err != nil {
			return err
		}
	}
	if page, err = b.Tap(ctx, nil, "@begin"); err != nil {
		return err
	}
	if !signingIn(page) {
		return fmt.Errorf("the panel does not ask who it is: %w", b.trouble())
	}
	return nil
}

func signingIn(p *Page) bool { return strings.HasPrefix(p.Screen(), "signin-") }

// SignIn answers the questions of the present screens until the panel knows who
// it is, or with t.Phone until it shows a code. Whatever it says no to is a
// *TroubleError, which quotes the screen; the same question is never answered
// twice.
func (b *Browser) SignIn(ctx context.Context, t Typist) error {
	asked := map[string]bool{}
	for signingIn(b.page) {
		screen := b.page.Screen()
		if screen == ScreenPhone && t.Phone {
			return nil
		}
		if asked[screen] || screen == ScreenStuck {
			return b.trouble()
		}
		asked[screen] = true
		fields, taps, err := b.answer(screen, t)
		if err != nil {
			return err
		}
		if _, err := b.Tap(ctx, fields, taps...); err != nil {
			return err
		}
	}
	return nil
}

// answer returns what to fill in on a screen and what to tap.
func (b *Browser) answer(screen string, t Typist) (map[string]string, []string, error) {
	need := func(what, value string) error {
		if value == "" {
			return fmt.Errorf("%w: %s: %.200q", ErrNothingToType, what, b.page.Text())
		}
		return nil
	}
	const secret = "@signin/secret"
	switch screen {
	case ScreenEmail:
		if t.Phone && b.page.find("way=phone", "way=company-phone") != nil {
			return nil, []string{"way=phone", "way=company-phone"}, nil
		}
		return map[string]string{"email": t.Name}, []string{"do=email"}, need("name", t.Name)
	case ScreenPassword:
		if t.Phone {
			return nil, []string{"way=phone", "way=company-phone"}, nil
		}
		return map[string]string{"secret": t.Password}, []string{secret}, need("password", t.Password)
	case ScreenCode:
		if t.Code == nil {
			return nil, nil, need("one-time code", "")
		}
		code, err := t.Code()
		return map[string]string{"code": code}, []string{secret}, err
	case ScreenPhone:
		return nil, []string{"way=company", "way=password", "way=brokered"}, nil
	case ScreenConfirm:
		return nil, []string{"do=yes"}, nil
	case ScreenPIN:
		return map[string]string{"secret": t.PIN}, []string{secret}, need("PIN", t.PIN)
	case ScreenNewPIN:
		if t.PIN == "" {
			return nil, []string{"do=no"}, nil
		}
		return map[string]string{"secret": t.PIN, "again": t.PIN}, []string{secret}, nil
	case ScreenLink:
		return nil, []string{map[bool]string{true: "do=yes", false: "do=no"}[t.Link]}, nil
	}
	return nil, nil, b.trouble()
}

// Code reads the code for the phone from the present screen.
func (b *Browser) Code() (Shown, error) {
	s := Shown{Address: b.page.ByClass("address"), Code: b.page.ByClass("usercode"), Match: b.page.ByClass("match")}
	if s.Address == "" || s.Code == "" {
		return s, fmt.Errorf("the panel shows no code for a phone: %w", b.trouble())
	}
	return s, nil
}

// SignOut goes to the first screen of a device's panel and signs out there.
func (b *Browser) SignOut(ctx context.Context, panel string) error {
	if _, err := b.Open(ctx, panel); err != nil {
		return err
	}
	if err := b.on(ScreenHello); err != nil {
		return err
	}
	_, err := b.Tap(ctx, nil, "@leave")
	return err
}
