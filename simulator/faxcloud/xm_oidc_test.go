package faxcloud_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/protocols/saml"
	"github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/idp"
)

// openID is an OpenID provider, with acme as its customer at the cloud.
type openID struct {
	*xmWorld
	idp *idp.OIDC
	url string
	web *httptest.Server
}

func openOIDC(t *testing.T, shape idp.Profile) *openID {
	t.Helper()
	c := &openID{}
	var pages http.Handler
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { pages.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	c.url, c.web = srv.URL, srv
	now := func() time.Time { return c.clock.now() }
	c.xmWorld = openXM(t, func(o *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		a.SSO = xmcloud.SSOOIDC
		o.SSO = faxcloud.AnySSO{SAML: faxcloud.NewSAMLSSO(now), OIDC: faxcloud.NewOIDCSSO(now)}
	})
	var err error
	c.idp, err = idp.NewOIDC(idp.OIDCOptions{
		Shape: shape, Base: srv.URL, Now: now, Clients: map[string]string{"fax": "Fax cloud"},
		Returns: map[string][]string{"fax": {c.srv.URL + "/" + faxcloud.PathOIDCReturn}},
		Users: []idp.User{
			{Name: "ann", Password: "company word", Display: "Ann Lee", Email: "ANN@acme.Example"},
			{Name: "none", Password: "company word", State: idp.NoEmail},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	pages = c.idp.Handler()
	err = c.XM().AddIdP("eu", "acme", faxcloud.XMIdP{
		IdentityProvider: saml.IdentityProvider{EntityID: c.idp.Issuer()},
		OIDC:             &faxcloud.OIDCClient{ClientID: "fax", HTTP: srv.Client()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// signIn opens the code's page on a phone and signs in at the company.
func (c *openID) signIn(t *testing.T, d xmcloud.DeviceCode, user string) *phone {
	t.Helper()
	p := c.phone(t).open(d.Complete)
	p.open(d.Complete + "/sso")
	if p.at.Scheme+"://"+p.at.Host != c.url {
		t.Fatalf("the phone is at %s:\n%s", p.at, p.last)
	}
	form := hidden(p.last)
	form.Set("user", user)
	form.Set("password", "company word")
	return p.post(p.at.Path, form)
}

func TestXMSignInByPhoneWithOIDC(t *testing.T) {
	for _, shape := range []idp.Profile{idp.Entra, idp.ADFS, idp.Okta} {
		t.Run(string(shape), func(t *testing.T) {
			c := openOIDC(t, shape)
			d := c.start(t)
			p := c.signIn(t, d, "ann")
			p.wants("back from the company", 200, "Ann Lee", d.Match, "Front desk")
			_, err := c.poll(t, d)
			wantCode(t, "before the confirmation", err, xmcloud.AuthorizationPending)
			p.post("/d/"+d.UserCode+"/decide", url.Values{"answer": {"yes"}})
			if a, err := c.poll(t, d); err != nil || a.User.ID != "u-ann" {
				t.Errorf("poll: %+v, %v; want Ann", a, err)
			}
			if c.XM().Hashed() != 0 {
				t.Error("a password reached the cloud")
			}
		})
	}
}

// TestXMOIDCAnswersThatAreRefused spoils the ID token in every way, and the way
// back of the browser.
func TestXMOIDCAnswersThatAreRefused(t *testing.T) {
	c := openOIDC(t, idp.Okta)
	refused := func(name string, p *phone, d xmcloud.DeviceCode) {
		t.Helper()
		if strings.Contains(p.last, `id="yes"`) {
			t.Errorf("%s came to the confirmation", name)
		}
		_, err := c.poll(t, d)
		wantCode(t, name, err, xmcloud.AuthorizationPending)
		c.clock.pass(time.Minute) // or the device would ask for too many codes
	}
	for _, lie := range idp.TokenLies() {
		if lie == idp.LieTenant {
			continue // Entra's claim; the issuer binds the tenant here
		}
		c.idp.SetKnobs(idp.Knobs{Token: lie})
		d := c.start(t)
		refused(string(lie), c.signIn(t, d, "ann"), d)
	}
	c.idp.SetKnobs(idp.Knobs{})
	d := c.start(t)
	refused("nobody's address", c.signIn(t, d, "none"), d)

	d = c.start(t)
	p := c.phone(t).open(d.Complete)
	p.open(d.Complete + "/sso")
	form := hidden(p.last)
	form.Set("cancel", "1")
	refused("a person who cancels", p.post(p.at.Path, form), d)

	// What one browser began, another brings back.
	d = c.start(t)
	p = c.phone(t).open(d.Complete)
	p.open(d.Complete + "/sso")
	state := p.at.Query().Get("state")
	other := c.phone(t).open(c.srv.URL + "/" + faxcloud.PathOIDCReturn + "?code=guess&state=" + state)
	other.wants("another browser", 403)
	refused("another browser", other, d)

	// An answer that names another provider (mix-up).
	d = c.start(t)
	p = c.phone(t).open(d.Complete)
	p.open(d.Complete + "/sso")
	state = p.at.Query().Get("state")
	p.open(c.srv.URL + "/" + faxcloud.PathOIDCReturn + "?code=guess&iss=https%3A%2F%2Fevil.example&state=" + state)
	refused("another provider", p, d)
}
