package panel_test

import (
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/panel"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/signintest"
)

// TestRealReception goes the ways through the sign-in that the agent runs, so
// that the panel's forms answer what it asks.
func TestRealReception(t *testing.T) {
	a := &signintest.Authority{ServiceID: "main"}
	password := signintest.Password(ann, "right", a)
	phone := &signintest.Paired{Shown: *shown()}
	reception := signintest.NewReception(t, signin.Options{
		Fixed:   signin.Discovery{Account: signin.AccountOwn},
		Typed:   map[signin.Way]signin.Typed{signin.WayPassword: password},
		Paired:  map[signin.Way]signin.Paired{signin.WayPhone: phone},
		Domains: []string{"contoso.example"},
	})
	r := newRig(t, 1, func(o *panel.Options) {
		o.SignIn, o.Authorities = reception, signin.NewAuthorities()
		o.Devices[0].Mode = panel.ModeUserPrompt
	})
	b := r.browse("front-desk").tap("Send a fax").fill("email", "ann@elsewhere.example").tap("Next").want("code S-144")
	b.fill("email", ann.Email).tap("Next").want("Password of the fax service", "With your phone")
	b.fill("secret", "wr0ng").tap("Sign in").want("code S-101")
	b.fill("secret", "right").tap("Sign in").want("Hello, Ann Beaulieu")
	if n := len(password.Attempts()); n != 2 {
		t.Errorf("%d attempts, want 2", n)
	}
	b.sendFax("5145550199")
	b.tap("Done")
	until(t, "the authority to be given back once", func() bool {
		granted, ended := a.Counts()
		return granted == 1 && ended == 1
	})
	b.tap("Send a fax").tap("With your phone").want("K7QF-2MXD", "47").tap("New code").want("K7QF-2MXD")
	if n := phone.Started(); n != 2 {
		t.Errorf("%d codes, want 2", n)
	}
	r.clock.forward(3 * time.Minute)
	b.refresh().want("K7QF-2MXD") // as it does every other second
	phone.Act(signin.Identity{Person: ann, Ask: true}, nil)
	until(t, "the phone's answer", func() bool { return b.refresh().has("Is this you?") })
	b.tap("No").want("Somebody tapped No").tap("Back").want("Who are you?").tap("With your phone")
	phone.Act(signin.Identity{}, &signin.Refused{Problem: signin.CodeExpired})
	until(t, "the end of the code", func() bool { return b.has("code S-118") || b.refresh().has("code S-118") })
	b.tap("Back").tap("Back").want("Put your pages in the feeder")
}
