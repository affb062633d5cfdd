package play

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/platen-fax/platen/simulator/person"
	"github.com/platen-fax/platen/simulator/scenario"
	"github.com/platen-fax/platen/simulator/world"
)

// signing does a step of signing in; ok is false for every other step.
func (p *player) signing(ctx context.Context, s *scenario.Step) (ok bool, err error) {
	switch {
	case s.SignIn != nil:
		return true, p.signIn(ctx, s.SignIn)
	case s.SignOut != nil:
		return true, p.who.SignOut(ctx, p.home.PanelURL(p.device(s.SignOut.Device)))
	case s.Phone != nil:
		return true, p.onPhone(ctx, s.Phone)
	case s.Badge != nil:
		return true, p.badge(ctx, s.Badge)
	case s.Launch != nil:
		return true, p.launch(ctx, s.Launch)
	case s.Company != nil:
		p.setCompany(s.Company)
		return true, nil
	case s.Person != nil:
		return true, p.setPerson(ctx, s.Person)
	case s.ExpectPassword != nil:
		return true, p.expectPassword(s.ExpectPassword)
	case s.ExpectOwner != nil:
		return true, p.expectOwner(ctx, s.ExpectOwner)
	}
	return false, nil
}

// typed remembers a secret, which nobody may find anywhere afterwards.
func (p *player) typed(secret string) string {
	if secret != "" && !slices.Contains(p.secrets, secret) {
		p.secrets = append(p.secrets, secret)
	}
	return secret
}

func (p *player) person(name string) (world.Person, error) {
	who, ok := p.w.Person(name)
	if !ok {
		return who, fmt.Errorf("there is nobody %q", name)
	}
	return who, nil
}

func (p *player) signIn(ctx context.Context, s *scenario.SignIn) error {
	who, err := p.person(s.As)
	if err != nil {
		return err
	}
	t := person.Typist{
		Name: or(s.Name, who.Email), Password: p.typed(or(s.Password, who.Password)), PIN: p.typed(s.PIN), Link: s.Link, Phone: s.Way == scenario.WayPhone,
	}
	switch {
	case s.Code != "":
		t.Code = func() (string, error) { return p.typed(s.Code), nil }
	case who.State == world.WithCode:
		t.Code = func() (string, error) { return p.code(who) }
	}
	if !s.Here {
		if err := p.who.GoToSignIn(ctx, p.home.PanelURL(p.device(s.Device))); err != nil {
			return err
		}
	}
	err = p.who.SignIn(ctx, t)
	if s.Refused == "" {
		return err
	}
	var trouble *person.TroubleError
	switch {
	case err == nil:
		return fmt.Errorf("signed in: the panel let %s in and should have said %q", s.As, s.Refused)
	case !errors.As(err, &trouble):
		return err
	case !p.who.Page().Has(s.Refused):
		return fmt.Errorf("the panel does not say %q: %w", s.Refused, err)
	}
	return nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// code is what the person's authenticator app shows, or will show next: a fax
// service takes no code twice and allows for clocks a step apart.
func (p *player) code(who world.Person) (string, error) {
	const period = 30 * time.Second
	at := time.Now().Add(-period)
	if next := p.codes[who.ID].Add(period); next.After(at) {
		at = next
	}
	if limit := time.Now().Add(period); at.After(limit) {
		return "", fmt.Errorf("%s has no further code for now", who.ID)
	}
	p.codes[who.ID] = at.Truncate(period)
	code, err := who.Code(at)
	return p.typed(code), err
}

// onPhone takes the code from the panel's present screen.
func (p *player) onPhone(ctx context.Context, s *scenario.Phone) error {
	who, err := p.person(s.As)
	if err != nil {
		return err
	}
	if !s.Again {
		if p.shown, err = p.who.Code(); err != nil {
			return err
		}
		p.typed(p.shown.Code)
	}
	c := person.Credentials{User: who.Email, Password: p.typed(or(s.Password, who.Password))}
	if who.State == world.WithCode {
		if c.Code, err = p.code(who); err != nil {
			return err
		}
	}
	phone := person.NewPhone(0, p.w.Client().Transport)
	err = phone.Scan(ctx, p.shown, true)
	if s.Again && s.Refused != "" {
		// A panel gives a code up a moment before it ends at the service.
		err = p.scanUntil(ctx, phone, s.Refused)
	}
	if err == nil && s.Do != scenario.PhoneOpen {
		err = phone.SignIn(ctx, p.shown, c, s.Do == scenario.PhoneApprove)
	}
	switch {
	case s.Refused == "":
		return err
	case err == nil:
		return fmt.Errorf("the phone did it and should have shown %q", s.Refused)
	case !errors.Is(err, person.ErrRefused) || !phone.Page().Has(s.Refused):
		return fmt.Errorf("the phone does not show %q: %w", s.Refused, err)
	}
	return nil
}

// codeEnds is how long a code may outlive what the panel says of it.
const codeEnds = 3 * time.Second

// scanUntil opens the code's page again until it says so, for a while.
func (p *player) scanUntil(ctx context.Context, phone *person.Phone, words string) error {
	end := time.Now().Add(codeEnds)
	for {
		err := phone.Scan(ctx, p.shown, true)
		if err != nil || phone.Page().Has(words) || time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(poll):
		}
	}
}

// badge holds a card to the reader, as soon as the agent listens to it.
func (p *player) badge(ctx context.Context, b *scenario.Badge) error {
	r := p.w.Station(p.device(b.Device)).Reader
	switch {
	case r == nil:
		return errors.New("there is no reader; write mode: device-login")
	case b.Unplug:
		return r.Unplug()
	case b.Replug:
		return r.Replug()
	case b.Garble:
		return r.Garble(b.Tap)
	}
	page, err := p.who.Open(ctx, p.home.PanelURL(p.device(b.Device)))
	if err != nil {
		return err
	}
	// Somebody whose badge is not noticed holds it up again. A reader that sees
	// the same badge twice at once takes it for one.
	for before := still(page); ; {
		if err := r.Tap(b.Tap); err != nil {
			return err
		}
		look, cancel := context.WithTimeout(ctx, unnoticed)
		_, err := p.who.Wait(look, func(page *person.Page) bool { return still(page) != before })
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the panel does not notice the badge: %w", err)
		}
	}
}

// launch opens the panel as the program of the device does. What the panel says
// to it is for a later step to see.
func (p *player) launch(ctx context.Context, l *scenario.Launch) error {
	device := p.device(l.Device)
	if !l.Again {
		var err error
		if p.ticket, err = p.w.LaunchToken(device, l.As, time.Duration(l.Age), l.Forged); err != nil {
			return err
		}
	}
	_, err := p.who.Open(ctx, p.home.PanelURL(device)+"launch?t="+p.typed(p.ticket))
	return err
}

// unnoticed is when somebody holds their badge up again.
const unnoticed = 2700 * time.Millisecond

// still is what stands on a screen but for what counts time.
func still(page *person.Page) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, page.Screen()+" "+page.Text())
}
