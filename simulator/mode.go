package main

import (
	"context"
	"fmt"

	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/idp"
	"github.com/platen-fax/platen/simulator/person"
	"github.com/platen-fax/platen/simulator/world"
)

// modeSAML is user-prompt in a company that has SAML.
const modeSAML = "saml"

// demoModes are the ways the demo tells.
func demoModes() []string { return append(world.Modes(), modeSAML) }

// who signs in.
const demoPerson = "ann"

// modeWorld is the world of whoever asks for a mode and nothing more.
func modeWorld(mode string) world.Options {
	o := officeWorld()
	if mode == world.ModeShared {
		return o
	}
	o.Mode, o.Service = mode, faxcloud.XMCloud
	switch mode {
	case world.ModePrompt:
		o.Company.Account = world.AccountWSTrust
	case modeSAML:
		o.Mode = world.ModePrompt
		o.Company.Account, o.Company.Provider = world.AccountSAML, idp.Entra
	}
	return o
}

// signIn makes the person known at the panel, in the way of the mode.
func (d *demonstration) signIn(ctx context.Context, b *person.Browser, panel string) error {
	if d.result.Mode == world.ModeShared {
		return nil
	}
	ann, ok := d.w.Person(demoPerson)
	if !ok {
		return fmt.Errorf("there is nobody %q", demoPerson)
	}
	var err error
	switch d.result.Mode {
	case world.ModeBadge:
		err = d.byBadge(ctx, b, panel, ann)
	case modeSAML:
		err = d.byPhone(ctx, b, panel, ann)
	default:
		err = d.byPassword(ctx, b, panel, ann)
	}
	if err != nil {
		return err
	}
	if b.Page().Screen() != person.ScreenHello {
		return fmt.Errorf("the panel does not know who it is: %.200q", b.Page().Text())
	}
	d.sayf("panel    knows who it is: %s", b.Page().Line("hello"))
	return nil
}

func (d *demonstration) byBadge(ctx context.Context, b *person.Browser, panel string, p world.Person) error {
	if _, err := b.Open(ctx, panel); err != nil {
		return err
	}
	d.sayf("panel    says: %s", b.Page().Line("badge"))
	if err := d.w.Stations[0].Reader.Tap(p.Badges[0]); err != nil {
		return err
	}
	d.sayf("person   holds badge %s to the reader; the directory knows whose it is", p.Badges[0])
	_, err := b.Wait(ctx, func(page *person.Page) bool { return page.Screen() != person.ScreenBadge })
	return err
}

func (d *demonstration) byPassword(ctx context.Context, b *person.Browser, panel string, p world.Person) error {
	if err := b.GoToSignIn(ctx, panel); err != nil {
		return err
	}
	d.sayf("person   types %s and the company's password", p.Email)
	if err := b.SignIn(ctx, person.Typist{Name: p.Email, Password: p.Password}); err != nil {
		return err
	}
	at, cloud := d.w.Passwords(world.AtADFS), d.w.Passwords(world.AtCloud)
	if len(at) != 1 || !at[0].Pinned || len(cloud) != 0 {
		return fmt.Errorf("the password arrived %d times at the company and %d times at the fax service", len(at), len(cloud))
	}
	d.sayf("company  AD FS at %s got the password, once and over TLS; the fax service got an assertion", at[0].Host)
	return nil
}

func (d *demonstration) byPhone(ctx context.Context, b *person.Browser, panel string, p world.Person) error {
	if err := b.GoToSignIn(ctx, panel); err != nil {
		return err
	}
	if err := b.SignIn(ctx, person.Typist{Phone: true}); err != nil {
		return err
	}
	shown, err := b.Code()
	if err != nil {
		return err
	}
	d.sayf("panel    shows a QR code, and %s with code %s, and the number %s", shown.Address, shown.Code, shown.Match)
	phone := person.NewPhone(0, d.w.Client().Transport)
	if err := phone.Scan(ctx, shown, true); err != nil {
		return err
	}
	if err := phone.SignIn(ctx, shown, person.Credentials{User: p.Email, Password: p.Password}, true); err != nil {
		return err
	}
	d.sayf("phone    opens it, sees the number %s, signs in at the company and taps yes", shown.Match)
	_, err = b.Wait(ctx, func(page *person.Page) bool { return page.Screen() != person.ScreenPhone })
	return err
}

// owned checks whose fax the far end took it for.
func (d *demonstration) owned(e faxcloud.Entry) error {
	if d.result.Mode == world.ModeShared {
		return nil
	}
	p, _ := d.w.Person(demoPerson)
	if e.Owner != p.OwnerID() {
		return fmt.Errorf("the fax is of %q at the far end, and not of %s", e.Owner, p.Name)
	}
	d.sayf("service  knows whose fax it is: %s", p.Name)
	return nil
}

// inviteToSignIn says what to try about signing in.
func (d *demonstration) inviteToSignIn(device string) string {
	if d.result.Mode == world.ModeShared {
		return ""
	}
	control := d.w.ControlURL()
	out := "\nPeople:\n\n"
	for _, p := range d.w.People() {
		out += fmt.Sprintf("  %-8s  %s  password  %s\n", p.Name, p.Email, p.Password)
		if d.result.Mode == world.ModeBadge {
			out += fmt.Sprintf("            curl -X POST %s/mfps/%s/tap -d '{\"card\":%q}'\n", control, device, p.Badges[0])
		}
	}
	switch d.result.Mode {
	case world.ModePrompt:
		out += fmt.Sprintf("\n  AD FS in the clear   curl -X PUT %[1]s/adfs/behaviour -d '{\"MEX\":\"http-only\"}'\n  where passwords went curl %[1]s/passwords\n", control)
	case modeSAML:
		out += fmt.Sprintf("\nThe phone's pages are signed by this world's authority: %s\n", d.w.CAFile())
	}
	return out
}
