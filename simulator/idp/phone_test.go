package idp_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/platen-fax/platen/protocols/saml"
	"github.com/platen-fax/platen/simulator/idp"
	"github.com/platen-fax/platen/simulator/phonetest"
)

// TestPhoneSAML signs in with a real browser on a phone's screen, through the
// provider's page and back to the service provider.
func TestPhoneSAML(t *testing.T) {
	s := newSite(t, idp.Entra)
	got := make(chan error, 1)
	sp := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			http.NotFound(w, r) // the browser asks for an icon
			return
		}
		post, err := saml.ReadPost(w, r)
		if err == nil {
			post.Session = "phone"
			var id *saml.Identity
			if id, err = s.v.Response(r.Context(), post); err == nil && id.Email != ann {
				err = fmt.Errorf("signed in as %q", id.Email)
			}
		}
		got <- err
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<meta name="viewport" content="width=device-width"><h1>Done</h1>`)
	}))
	defer sp.Close()
	// The provider learns the address of this service provider.
	here := sp.URL + "/acs"
	var h http.Handler
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	defer srv.Close()
	p, err := idp.NewSAML(idp.SAMLOptions{
		Profile: idp.Entra, Base: srv.URL, Users: people(), Services: map[string][]string{entity: {here}}, Now: func() time.Time { return s.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	h, s.idp, s.v.ACS = p.Handler(), p, here
	s.conf = s.metadata()
	q := s.ask()
	q.ACS = here
	at, err := q.URL(saml.Redirect{LoginHint: "ann@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	ph := phonetest.New(t, srv, sp)
	ph.Open(at)
	ph.Sees("Sign in", "[name=password]")
	if hint := ph.JS(`document.querySelector("[name=user]").value`); hint != "ann@example.com" {
		t.Errorf("the hint became %q", hint)
	}
	ph.Types("Sign in", "password", "right horse")
	ph.Sees("Done", "h1")
	select {
	case err := <-got:
		if err != nil {
			t.Errorf("the response: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("no response came")
	}
}

// TestPhoneDeviceGrant confirms a code with a real browser on a phone's screen.
func TestPhoneDeviceGrant(t *testing.T) {
	for _, shape := range []idp.Profile{idp.Entra, idp.Okta} {
		t.Run(string(shape), func(t *testing.T) {
			o := newOffice(t, shape, nil)
			a, err := o.client.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ph := phonetest.New(t, o.srv)
			ph.Open(a.QR())
			if a.Complete == "" {
				ph.Sees("Enter the code", "[name=user_code]")
				ph.Types("Next", "user_code", a.UserCode)
			}
			ph.Sees("Sign in", "[name=password]")
			ph.Types("Sign in", "user", "gil@example.com", "password", "g")
			ph.Sees("Sign in", "[name=code]")
			ph.Types("Sign in", "password", "g", "code", "246810")
			ph.Sees("Are you trying to sign in?", ".code")
			if code := ph.JS(`document.querySelector(".code").textContent`); code != a.UserCode {
				t.Errorf("the phone shows the code %q, the panel %q", code, a.UserCode)
			}
			ph.Types("Continue")
			ph.Sees("You have signed in", "main")
			token, err := o.client.Poll(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			if who, err := o.client.Verify(t.Context(), token); err != nil || who.Email != "gil@example.com" {
				t.Errorf("Verify = %+v, %v", who, err)
			}
		})
	}
}
