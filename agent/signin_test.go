package main

import (
	"bytes"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/platen-fax/platen/agent/doctor"
	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/person"
	"github.com/platen-fax/platen/simulator/world"
)

// TestSignInByPassword signs in with the cloud's own password, stays signed in
// over a reload, and sends a fax that is the person's own at the cloud.
func TestSignInByPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t, world.Options{Service: faxcloud.XMCloud, Mode: world.ModePrompt}, "")
	b, ann := s.browser(), s.who("ann")
	s.must(b, "open", b.GoToSignIn(t.Context(), s.agent.PanelURL(station)))
	s.must(b, "sign in", b.SignIn(t.Context(), person.Typist{Name: ann.Email, Password: ann.Password}))
	s.hello(b, ann.Name)

	s.reload <- syscall.SIGHUP
	s.until("the configuration is loaded again", func() bool { return strings.Contains(s.log.String(), "configuration reloaded") })
	if _, err := b.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.hello(b, ann.Name)

	_, err := b.Tap(t.Context(), nil, "Send a fax")
	s.must(b, "begin", err)
	s.must(b, "dial", b.Dial(t.Context(), "+15145550123"))
	s.must(b, "scan", b.Scan(t.Context()))
	s.must(b, "check", b.Check(t.Context()))
	_, err = b.Send(t.Context())
	s.must(b, "send", err)
	s.until("the fax is Ann's at the cloud", func() bool {
		l := s.Fax.Ledger()
		return len(l) == 1 && l[0].Owner == ann.OwnerID()
	})
	s.doctor(doctor.LegService)
	if n := strings.Count(s.log.String(), `msg="signed in" device=`+station+` way=password`); n != 1 || strings.Count(s.log.String(), `msg="signed in"`) != 1 {
		t.Errorf("the sign-in was logged %d times with its device and way; want once and nothing else", n)
	}
	if said := s.log.String(); strings.Contains(said, ann.Password) || strings.Contains(said, ann.Email) {
		t.Error("the log names the person or the password")
	}
}

// TestSignOutAfterAReload: the cloud gives Ann the same token again at the same
// device. Signing out of the visit from before a reload leaves it to the one that
// began after it, which sends with it.
func TestSignOutAfterAReload(t *testing.T) {
	t.Parallel()
	s := newSite(t, world.Options{Service: faxcloud.XMCloud, Mode: world.ModePrompt}, "")
	ann := s.who("ann")
	in := func() *person.Browser {
		b := s.browser()
		s.must(b, "open", b.GoToSignIn(t.Context(), s.agent.PanelURL(station)))
		s.must(b, "sign in", b.SignIn(t.Context(), person.Typist{Name: ann.Email, Password: ann.Password}))
		s.hello(b, ann.Name)
		return b
	}
	before := in()
	s.reload <- syscall.SIGHUP
	s.until("the configuration is loaded again", func() bool { return strings.Contains(s.log.String(), "configuration reloaded") })
	after := in()
	s.must(before, "sign out", before.SignOut(t.Context(), s.agent.PanelURL(station)))
	s.reload <- syscall.SIGHUP // waits for what goes on behind the sign-out
	s.until("the configuration is loaded once more", func() bool { return strings.Count(s.log.String(), "configuration reloaded") == 2 })
	if n := s.Fax.XM().Sessions(); n != 1 {
		t.Errorf("Ann has %d tokens at the cloud, want the one that her second visit needs", n)
	}

	_, err := after.Tap(t.Context(), nil, "Send a fax")
	s.must(after, "begin", err)
	s.must(after, "dial", after.Dial(t.Context(), "+15145550123"))
	s.must(after, "scan", after.Scan(t.Context()))
	s.must(after, "check", after.Check(t.Context()))
	_, err = after.Send(t.Context())
	s.must(after, "send", err)
	s.must(after, "sign out", after.SignOut(t.Context(), s.agent.PanelURL(station)))
	s.until("the token has ended with the last visit", func() bool { return s.Fax.XM().Sessions() == 0 })
}

// TestSignInAtTheCompany signs in with the company's password, which its AD FS
// alone gets to see, once.
func TestSignInAtTheCompany(t *testing.T) {
	t.Parallel()
	s := newSite(t, world.Options{Service: faxcloud.XMCloud, Mode: world.ModePrompt, Company: world.Company{Account: world.AccountWSTrust}},
		"sign_in: {domains: [example.com]}")
	b, ann := s.browser(), s.who("ann")
	s.must(b, "open", b.GoToSignIn(t.Context(), s.agent.PanelURL(station)))
	s.must(b, "sign in", b.SignIn(t.Context(), person.Typist{Name: ann.Email, Password: ann.Password}))
	s.hello(b, ann.Name)
	if at := s.Passwords(world.AtADFS); len(at) != 1 || !at[0].TLS || !at[0].Pinned {
		t.Errorf("passwords at AD FS: %+v; want one, over TLS, at the pinned host", at)
	}
	if at := s.Passwords(world.AtCloud); len(at) != 0 {
		t.Errorf("the cloud saw passwords: %+v", at)
	}
	s.doctor(doctor.LegSignIn, doctor.LegCompany)
	resp, err := http.Get(s.agent.Panel + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`platen_signin_total{way="company",result="ok"} 1`, "platen_sessions 1"} {
		if !strings.Contains(body.String(), want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

// TestSignInOnThePhone signs in at the company's provider by the cloud's page.
func TestSignInOnThePhone(t *testing.T) {
	t.Parallel()
	s := newSite(t, world.Options{Service: faxcloud.XMCloud, Mode: world.ModePrompt, Company: world.Company{Account: world.AccountSAML}}, "")
	b, ann := s.browser(), s.who("ann")
	s.must(b, "open", b.GoToSignIn(t.Context(), s.agent.PanelURL(station)))
	s.must(b, "ask for a code", b.SignIn(t.Context(), person.Typist{Name: ann.Email, Phone: true}))
	s.onPhone(b, ann)
	s.hello(b, ann.Name)
}

// TestSignInAtTheProvider asks the company's provider itself, with a fax service
// that knows no people.
func TestSignInAtTheProvider(t *testing.T) {
	t.Parallel()
	s := newSite(t, world.Options{Mode: world.ModePrompt, Company: world.Company{Account: world.AccountOIDC}}, "")
	b := s.browser()
	s.must(b, "open", b.GoToSignIn(t.Context(), s.agent.PanelURL(station)))
	s.must(b, "ask for a code", b.SignIn(t.Context(), person.Typist{Name: s.who("ann").Email, Phone: true}))
	s.onPhone(b, s.who("ann"))
	if p := b.Page(); p.Screen() != person.ScreenConfirm || !p.Has(s.who("ann").Name) {
		t.Fatalf("screen %s: %.300s; want the question whether it is Ann", p.Screen(), p.Text())
	}
	s.must(b, "say yes", b.SignIn(t.Context(), person.Typist{}))
	s.hello(b, s.who("ann").Name)
	s.doctor(doctor.LegProvider)
}

// TestSignInAtTheCompanyForAnyService: the assertion says who it is where the fax
// service knows no people.
func TestSignInAtTheCompanyForAnyService(t *testing.T) {
	t.Parallel()
	s := newSite(t, world.Options{Mode: world.ModePrompt, Company: world.Company{Account: world.AccountWSTrust}}, "")
	b, ann := s.browser(), s.who("ann")
	s.must(b, "open", b.GoToSignIn(t.Context(), s.agent.PanelURL(station)))
	s.must(b, "sign in", b.SignIn(t.Context(), person.Typist{Name: ann.Email, Password: ann.Password}))
	s.hello(b, ann.Name)
}

// TestOnlyKnownPeople: whoever signs in must be in the directory, and may be
// forbidden there.
func TestOnlyKnownPeople(t *testing.T) {
	t.Parallel()
	no := false
	s := newSite(t, world.Options{Service: faxcloud.XMCloud, Mode: world.ModePrompt, Company: world.Company{
		Directory: world.DirectoryCSV, People: []world.Person{{ID: "ann", Name: "Ann Lee"}, {ID: "bob", Name: "Bob Roy", MaySend: &no}},
	}}, "sign_in: {known_only: true}")
	for id, in := range map[string]bool{"ann": true, "bob": false} {
		b, who := s.browser(), s.who(id)
		s.must(b, "open", b.GoToSignIn(t.Context(), s.agent.PanelURL(station)))
		err := b.SignIn(t.Context(), person.Typist{Name: who.Email, Password: who.Password})
		if got := err == nil && b.Page().Screen() == person.ScreenHello; got != in {
			t.Errorf("%s is in: %v (%v), want %v; on the screen: %.300s", id, got, err, in, b.Page().Text())
		}
	}
}
