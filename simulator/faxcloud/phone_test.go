package faxcloud_test

import (
	"net/http/httptest"
	"testing"

	"github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/idp"
	"github.com/platen-fax/platen/simulator/phonetest"
)

const asksWho = "Is this you at Front desk?"

// approves sees the confirmation and says yes; the number must be the panel's.
func approves(t *testing.T, w *xmWorld, ph *phonetest.Phone, d xmcloud.DeviceCode) {
	t.Helper()
	ph.Sees(asksWho, "#yes")
	for id, want := range map[string]string{"match": d.Match, "device": "Front desk", "company": "acme"} {
		if got := ph.JS(`document.getElementById("` + id + `").textContent`); got != want {
			t.Errorf("the phone shows %s %q, want %q", id, got, want)
		}
	}
	ph.Types("Yes, it is me")
	ph.Sees("You are signed in at Front desk", "main")
	if a, err := w.poll(t, d); err != nil || a.User.ID != "u-ann" {
		t.Errorf("poll: %+v, %v; want Ann", a, err)
	}
}

// company goes through the company's own page in the middle.
func companyOnPhone(t *testing.T, w *xmWorld, servers []*httptest.Server) {
	t.Helper()
	d := w.start(t)
	ph := phonetest.New(t, servers...)
	ph.Open(d.Complete)
	ph.Sees(asksWho, "#sso")
	if got := ph.JS(`document.getElementById("match").textContent`); got != d.Match {
		t.Errorf("before the sign-in the phone shows %q, the panel %q", got, d.Match)
	}
	ph.JS(`setTimeout(() => document.getElementById("sso").click()), ""`)
	ph.Sees("Sign in", "[name=password]")
	ph.Types("Sign in", "user", "ann", "password", "company word")
	approves(t, w, ph, d)
}

func TestPhoneSAMLAtTheCloud(t *testing.T) {
	c := openCompany(t, idp.Entra)
	companyOnPhone(t, c.xmWorld, []*httptest.Server{c.srv, c.web})
}

func TestPhoneOIDCAtTheCloud(t *testing.T) {
	c := openOIDC(t, idp.Entra)
	companyOnPhone(t, c.xmWorld, []*httptest.Server{c.srv, c.web})
}

// TestPhoneOwnPassword types the code by hand, signs in with the cloud's own
// password, and then says no.
func TestPhoneOwnPassword(t *testing.T) {
	w := openXM(t, nil)
	d := w.start(t)
	ph := phonetest.New(t, w.srv)
	ph.Open(d.VerificationURI)
	ph.Sees("Sign in at a device", "[name=code]")
	ph.Types("Continue", "code", "bcdf")
	ph.Sees("Sign in at a device", ".wrong")
	ph.Types("Continue", "code", d.UserCode)
	ph.Sees(asksWho, "[name=password]")
	ph.Types("Sign in", "user", "ann", "password", "not hers")
	ph.Sees(asksWho, ".wrong")
	ph.Types("Sign in", "user", "ann", "password", annsWord)
	ph.Sees(asksWho, "#no")
	ph.Types("No, it is not")
	ph.Sees("Refused", "main")
	_, err := w.poll(t, d)
	wantCode(t, "after no", err, xmcloud.AccessDenied)
}
