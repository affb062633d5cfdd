package panel

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/platen-fax/platen/agent/signin"
)

// The modes of a device, as the configuration names them.
const (
	ModeShared      = "shared-account" // nobody signs in
	ModeDeviceLogin = "device-login"   // a badge, or the device itself, says who it is
	ModeUserPrompt  = "user-prompt"    // the panel asks
)

// personal reports whether people sign in at the device.
func (d *Device) personal() bool { return d.Mode == ModeDeviceLogin || d.Mode == ModeUserPrompt }

// person reports whether somebody signed in.
func (v *visit) person() bool { return v.open && !v.s.Shared && v.s.Person.ID != "" }

// mayFax reports whether this visit knows enough of who it is: at a device
// where people sign in that is a person, or somebody whom policy lets send
// unverified.
func (v *visit) mayFax() bool { return !v.dev.personal() || v.person() || v.open && v.s.Claimed != "" }

// private reports whether nobody on the way can read what is typed: https, or
// both ends on this machine. A tunnel that ends here makes the peer loopback
// but not the name it was asked for.
func private(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback() && loopbackName(r.Host)
}

func loopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return a.Unmap().IsLoopback()
	}
	return strings.EqualFold(strings.TrimSuffix(host, "."), "localhost")
}

// initials are those of the first and the last name, else the first letter of
// the address.
func initials(s signin.Session) string {
	var out []rune
	for _, word := range strings.Fields(s.Person.Name) {
		if c, _ := utf8.DecodeRuneInString(word); unicode.IsLetter(c) {
			out = append(out, unicode.ToUpper(c))
		}
	}
	switch {
	case len(out) > 1:
		return string(out[0]) + string(out[len(out)-1])
	case len(out) == 1:
		return string(out)
	}
	for _, c := range s.Person.Email {
		return string(unicode.ToUpper(c))
	}
	return "?"
}

// maskEmail leaves enough of an address to know one's own by.
func maskEmail(email string) string {
	name, domain, ok := strings.Cut(email, "@")
	if !ok || name == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(name)
	if size == len(name) {
		return string(first) + "…@" + domain
	}
	last, _ := utf8.DecodeLastRuneInString(name)
	if utf8.RuneCountInString(name) < 4 {
		return string(first) + "…@" + domain
	}
	return string(first) + "…" + string(last) + "@" + domain
}

// phoneLeft is how long a visit that waits for a phone lives: until the code
// ends. ok is false for every other one.
func (p *Panel) phoneLeft(s signin.Session) (left time.Duration, ok bool) {
	if p.opt.SignIn == nil || s.Shared || s.Person.ID != "" {
		return 0, false
	}
	view, ok := p.opt.SignIn.Look(s.Token)
	if !ok || view.Stage != signin.StagePhone || view.Shown == nil {
		return 0, false
	}
	return view.Shown.Expires.Sub(p.opt.Clock()), true
}

// awaitsPhone notes that a page still shows the code, so that the person has
// time for what comes after it.
func (p *Panel) awaitsPhone(ctx context.Context, s signin.Session) error {
	if left, ok := p.phoneLeft(s); !ok || left <= 0 {
		return nil
	}
	_, err := p.opt.Sessions.Update(ctx, s.Token, true, nil)
	return err
}
