package wstrust_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/signin"
	company "github.com/platen-fax/platen/agent/signin/wstrust"
	"github.com/platen-fax/platen/protocols/wstrust"
	"github.com/platen-fax/platen/simulator/adfs"
)

// TestHappyWSTrust13And2005 signs Ann in over both dialects and every form of
// metadata, with both kinds of assertion, with and without a fax service that
// knows people.
func TestHappyWSTrust13And2005(t *testing.T) {
	for _, tt := range []struct {
		mex  adfs.MEX
		path string
	}{
		{adfs.MEXFull, adfs.Path13},
		{adfs.MEX13Only, adfs.Path13},
		{adfs.MEX2005Only, adfs.Path2005},
		{adfs.MEXWrapped, adfs.Path13},
		{adfs.MEXMarked, adfs.Path13},
		{adfs.MEXMissing, adfs.Path13},
	} {
		for _, version := range []wstrust.SAML{wstrust.SAML11, wstrust.SAML20} {
			for _, exchange := range []bool{false, true} {
				f := newFarm(t, func(o *adfs.Options) { o.RelyingParties[0].SAML = version })
				f.Set(adfs.Behaviour{MEX: tt.mex})
				o := company.Options{Client: f.client(t, 0), Fallback: f.web.URL + adfs.Path13, Now: f.clock.now}
				if exchange {
					o.Exchange = newCloud(t, f)
				}
				id, err := company.New(o).Try(t.Context(), f.attempt(password))
				if err != nil || id.Person.ID != annID || id.Way != signin.WayCompany || id.Ask {
					t.Errorf("metadata %q, SAML %v, exchange %t: %+v, %v; want Ann", tt.mex, version, exchange, id, err)
				}
				if !exchange && (id.Person.Name != "Ann Lee & Co" || id.Person.Email != "Ann.Lee@Example.com" || id.Authority != nil) {
					t.Errorf("metadata %q, SAML %v: person %+v", tt.mex, version, id)
				}
				f.sentOnce(t, tt.path, password)
			}
		}
	}
}

// TestPlainMEXRefusedBeforePassword: neither metadata on http nor an endpoint
// on http is asked anything.
func TestPlainMEXRefusedBeforePassword(t *testing.T) {
	f := newFarm(t, nil)
	plain := httptest.NewServer(f.Handler())
	defer plain.Close()
	a := f.attempt(password)
	a.Discovery.MEX = plain.URL + adfs.PathMEX
	_, err := f.method(t).Try(t.Context(), a)
	problem(t, "metadata on http", err, signin.CompanyUntrusted, false)
	if got := f.Requests(); len(got) != 0 {
		t.Errorf("requests over http: %+v", got)
	}
	f.Set(adfs.Behaviour{MEX: adfs.MEXPlain, Elsewhere: strings.TrimPrefix(plain.URL, "http://")})
	_, err = f.method(t).Try(t.Context(), f.attempt(password))
	problem(t, "endpoint on http", err, signin.CompanyUntrusted, false)
	f.neverSent(t)
}

// TestUnpinnedHostRefused has a second farm with the same certificate authority
// that would be glad to take the password.
func TestUnpinnedHostRefused(t *testing.T) {
	f, thief := newFarm(t, nil), newFarm(t, nil)
	a := f.attempt(password)
	a.Discovery.MEX = thief.mex()
	_, err := f.method(t).Try(t.Context(), a)
	problem(t, "discovery names another host", err, signin.CompanyUntrusted, false)

	f.Set(adfs.Behaviour{MEX: adfs.MEXForeign, Elsewhere: thief.host})
	_, err = f.method(t).Try(t.Context(), f.attempt(password))
	problem(t, "metadata names another host", err, signin.CompanyUntrusted, false)

	f.Set(adfs.Behaviour{MEX: adfs.MEXRedirect, Elsewhere: thief.host})
	_, err = f.method(t).Try(t.Context(), f.attempt(password))
	problem(t, "metadata redirects", err, signin.CompanyUntrusted, false)

	f.neverSent(t)
	if got := thief.Requests(); len(got) != 0 {
		t.Errorf("the other host got %+v", got)
	}
}

// TestUntrustedCertificateGetsNoPassword is a pinned name with a certificate
// nobody vouches for.
func TestUntrustedCertificateGetsNoPassword(t *testing.T) {
	f := newFarm(t, nil)
	c, err := wstrust.New(wstrust.Config{HTTP: &http.Client{Transport: &http.Transport{}}, AllowedHosts: []string{f.host}, Now: f.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	_, err = company.New(company.Options{Client: c}).Try(t.Context(), f.attempt(password))
	problem(t, "unknown certificate", err, signin.CompanyUntrusted, false)
	f.neverSent(t)
}

// TestConfigurationWinsOverDiscovery: what a fax service proposes is used only
// where the configuration is silent.
func TestConfigurationWinsOverDiscovery(t *testing.T) {
	f, thief := newFarm(t, nil), newFarm(t, nil)
	a := f.attempt(password)
	a.Discovery.MEX, a.Discovery.RelyingParty = thief.mex(), "urn:federation:somebody-else"
	m := company.New(company.Options{Client: f.client(t, 0), MEX: f.mex(), RelyingParty: rp, Now: f.clock.now})
	if id, err := m.Try(t.Context(), a); err != nil || id.Person.ID != annID {
		t.Errorf("Try = %+v, %v; want Ann", id, err)
	}
	f.sentOnce(t, adfs.Path13, password)
	if got := thief.Requests(); len(got) != 0 {
		t.Errorf("the other host got %+v", got)
	}
}

// TestMetadataByConvention: a pinned host is enough to find the farm.
func TestMetadataByConvention(t *testing.T) {
	f := newFarm(t, nil)
	a := f.attempt(password)
	a.Discovery.MEX = ""
	m := company.New(company.Options{Client: f.client(t, 0), Hosts: []string{f.host}, Now: f.clock.now})
	if id, err := m.Try(t.Context(), a); err != nil || id.Person.ID != annID {
		t.Errorf("Try = %+v, %v; want Ann", id, err)
	}
	f.Forget()
	for name, d := range map[string]signin.Discovery{"no relying party": {MEX: f.mex()}, "no metadata": {RelyingParty: rp}} {
		a := f.attempt(password)
		a.Discovery = d
		_, err := f.method(t).Try(t.Context(), a)
		problem(t, name, err, signin.CompanyConfig, false)
	}
	if got := f.Requests(); len(got) != 0 {
		t.Errorf("requests %+v; want none", got)
	}
}

// TestInteractiveAccountGetsNoPassword: where people sign in interactively, a
// typed password goes nowhere.
func TestInteractiveAccountGetsNoPassword(t *testing.T) {
	for kind, want := range map[signin.Account]signin.Problem{
		signin.AccountSAML: signin.PhoneOnly, signin.AccountOIDC: signin.PhoneOnly, signin.AccountOwn: signin.NoWay,
	} {
		f := newFarm(t, nil)
		a := f.attempt(password)
		a.Discovery.Account = kind
		_, err := f.method(t).Try(t.Context(), a)
		problem(t, string(kind), err, want, false)
		if got := f.Requests(); len(got) != 0 {
			t.Errorf("%s: requests %+v; want none", kind, got)
		}
		if string(a.Secret) != strings.Repeat("\x00", len(password)) {
			t.Errorf("%s: the password is still there", kind)
		}
	}
}

// TestPasswordWithXMLCharacters: passwords and names arrive as typed.
func TestPasswordWithXMLCharacters(t *testing.T) {
	for _, pass := range []string{`p&<>"'é]]>`, "пароль-密码-🔑", "  spaces  ", "</o:Password><o:Password>x", "R&amp;D", "<![CDATA[x]]>", "tab\tin"} {
		f := newFarm(t, func(o *adfs.Options) { o.Users[0].Password = pass })
		c := newCloud(t, f)
		m := company.New(company.Options{Client: f.client(t, 0), Exchange: c, Now: f.clock.now})
		if id, err := m.Try(t.Context(), f.attempt(pass)); err != nil || id.Person.ID != annID {
			t.Errorf("%q: %+v, %v; want Ann", pass, id, err)
		}
		f.sentOnce(t, adfs.Path13, pass)
		c.never(t, pass)
	}
	f := newFarm(t, nil)
	for _, pass := range []string{"", "bell\a", "zero\x00", "half\xff", strings.Repeat("x", 1025)} {
		_, err := f.method(t).Try(t.Context(), f.attempt(pass))
		problem(t, "what cannot be sent", err, signin.BadInput, false)
	}
	f.neverSent(t)
}

// TestPasswordSentOnceToPinnedHost: once, over TLS, to the farm; the fax service
// gets the assertion and never the password, which is gone by then.
func TestPasswordSentOnceToPinnedHost(t *testing.T) {
	f := newFarm(t, nil)
	c := newCloud(t, f)
	m := company.New(company.Options{Client: f.client(t, 0), Exchange: c, Now: f.clock.now})
	a := f.attempt(password)
	exchanged := 0
	var kept []byte
	c.before = func(assertion []byte) {
		exchanged++
		kept = assertion
		if string(a.Secret) != strings.Repeat("\x00", len(password)) {
			t.Error("the password is still there while the assertion is exchanged")
		}
	}
	if _, err := m.Try(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	f.sentOnce(t, adfs.Path13, password)
	c.never(t, password)
	if exchanged != 1 {
		t.Errorf("%d exchanges; want 1", exchanged)
	}
	if strings.Trim(string(kept), "\x00") != "" {
		t.Error("the assertion is still there after the attempt")
	}
}

// TestClockTenMinutesOffSpendsNothing: a device whose clock is wrong is told so
// before a password is spent.
func TestClockTenMinutesOffSpendsNothing(t *testing.T) {
	for _, off := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		f := newFarm(t, nil)
		m := company.New(company.Options{Client: f.client(t, off), Now: func() time.Time { return f.clock.now().Add(off) }})
		_, err := m.Try(t.Context(), f.attempt(password))
		problem(t, off.String(), err, signin.Clock, false)
		f.neverSent(t)
	}
	// What the farm forgives works, and the assertion's own times forgive as much.
	for _, off := range []time.Duration{4 * time.Minute, -4 * time.Minute} {
		f := newFarm(t, nil)
		m := company.New(company.Options{Client: f.client(t, off), Now: func() time.Time { return f.clock.now().Add(off) }})
		if id, err := m.Try(t.Context(), f.attempt(password)); err != nil || id.Person.ID != annID {
			t.Errorf("%v off: %+v, %v; want Ann", off, id, err)
		}
	}
}

// TestCertificateRollover: at each step of a rollover people sign in, with
// nothing to change at the agent.
func TestCertificateRollover(t *testing.T) {
	f := newFarm(t, nil)
	first := f.provider()
	first.Until = f.clock.now().Add(30 * time.Second)
	c := newCloud(t, f, first)
	agent := f.client(t, 0)
	m := company.New(company.Options{Client: agent, Exchange: c, Now: f.clock.now})
	signsIn := func(when string) {
		t.Helper()
		if id, err := m.Try(t.Context(), f.attempt(password)); err != nil || id.Person.ID != annID {
			t.Errorf("%s: %+v, %v; want Ann", when, id, err)
		}
	}
	signsIn("before")
	for _, step := range []struct {
		name  string
		roll  adfs.Rollover
		certs int
	}{{"published", adfs.RolloverPublish, 2}, {"promoted", adfs.RolloverPromote, 2}, {"retired", adfs.RolloverRetire, 1}} {
		if err := f.Roll(step.roll); err != nil {
			t.Fatal(err)
		}
		meta, err := agent.Metadata(t.Context(), f.web.URL+adfs.PathMetadata)
		if err != nil || len(meta.Signing) != step.certs {
			t.Fatalf("%s: metadata %+v, %v; want %d certificates", step.name, meta, err, step.certs)
		}
		if step.roll == adfs.RolloverPublish {
			// The fax service reads the list while both are published, and never again.
			f.clock.add(time.Minute)
			p := f.provider()
			p.Certificates, p.From = meta.Signing, f.clock.now()
			if err := c.XM().AddIdP("eu", "acme", p); err != nil {
				t.Fatal(err)
			}
		}
		signsIn(step.name)
	}
}

// TestEmailIsFolded: however the directory spells an address and the person
// types a name, it is one person.
func TestEmailIsFolded(t *testing.T) {
	for _, mail := range []string{"ann.lee@example.com", "ANN.LEE@EXAMPLE.COM", "Ann.Lee@Example.com"} {
		for _, exchange := range []bool{false, true} {
			f := newFarm(t, func(o *adfs.Options) { o.Users[0].Mail = mail })
			o := company.Options{Client: f.client(t, 0), Now: f.clock.now}
			if exchange {
				o.Exchange = newCloud(t, f)
			}
			a := f.attempt(password)
			a.Name = "ANN@Corp.Example.com"
			if id, err := company.New(o).Try(t.Context(), a); err != nil || id.Person.ID != annID {
				t.Errorf("%s, exchange %t: %+v, %v; want %s", mail, exchange, id, err, annID)
			}
		}
	}
}

// TestPersonUnknownToTheFaxService: the company knows Bob, the fax service does
// not; the password was right and counts for nothing.
func TestPersonUnknownToTheFaxService(t *testing.T) {
	f := newFarm(t, func(o *adfs.Options) { o.Users[0].Mail = "bob@example.com" })
	m := company.New(company.Options{Client: f.client(t, 0), Exchange: newCloud(t, f), Now: f.clock.now})
	_, err := m.Try(t.Context(), f.attempt(password))
	problem(t, "unknown", err, signin.PersonUnknown, false)
	f.sentOnce(t, adfs.Path13, password)
}

// broken is an exchange that fails in its own way.
type broken struct{ err error }

func (b broken) Assert(context.Context, signin.Terminal, bool, []byte) (signin.Identity, error) {
	return signin.Identity{}, b.err
}

func TestExchangeFailures(t *testing.T) {
	f := newFarm(t, nil)
	try := func(err error) error {
		_, got := company.New(company.Options{Client: f.client(t, 0), Exchange: broken{err}, Now: f.clock.now}).Try(t.Context(), f.attempt(password))
		return got
	}
	own := &signin.Refused{Problem: signin.ServiceDown, Spent: true}
	if got := try(own); !errors.Is(got, own) {
		t.Errorf("a refusal became %v", got)
	}
	cause := errors.New("something else")
	got := try(cause)
	problem(t, "another error", got, signin.Broken, false)
	if !errors.Is(got, cause) {
		t.Errorf("%v does not wrap its cause", got)
	}
}
