package faxcloud_test

import (
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/protocols/saml"
	"github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/idp"
)

// company is an identity provider, with acme as its customer at the cloud.
type company struct {
	*xmWorld
	idp *idp.SAML
	url string
	web *httptest.Server
}

func openCompany(t *testing.T, p idp.Profile) *company {
	t.Helper()
	return openCompanyOf(t, p, xmcloud.SSOSAML2)
}

func openCompanyOf(t *testing.T, p idp.Profile, sso xmcloud.SSO) *company {
	t.Helper()
	c := &company{}
	var pages http.Handler
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { pages.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	c.url, c.web = srv.URL, srv
	now := func() time.Time { return c.clock.now() }
	c.xmWorld = openXM(t, func(o *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		a.SSO, o.SSO = sso, faxcloud.AnySSO{SAML: faxcloud.NewSAMLSSO(now), OIDC: faxcloud.NewOIDCSSO(now)}
	})
	base := c.srv.URL + "/"
	var err error
	c.idp, err = idp.NewSAML(idp.SAMLOptions{
		Profile: p, Base: srv.URL, Now: now, Services: map[string][]string{base: {base + faxcloud.PathSAMLReturn}},
		Users: []idp.User{
			{Name: "ann", Password: "company word", Display: "Ann Lee", Email: "ANN@acme.Example"},
			{Name: "victim", Password: "z", Email: "bob@acme.example"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	pages = c.idp.Handler()
	resp, err := srv.Client().Get(c.idp.MetadataURL())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	m, err := saml.ParseMetadata(data, c.idp.Issuer(), begin)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.XM().AddIdP("eu", "acme", faxcloud.XMIdP{IdentityProvider: *m.Provider()}); err != nil {
		t.Fatal(err)
	}
	return c
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)"`)

func hidden(page string) url.Values {
	v := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(page, -1) {
		v.Set(m[1], html.UnescapeString(m[2]))
	}
	return v
}

// atCompany signs Ann in at her company's page and stops before the way back.
func (c *company) atCompany(t *testing.T, d xmcloud.DeviceCode) (*phone, url.Values) {
	t.Helper()
	p := c.phone(t).open(d.Complete)
	p.open(d.Complete + "/sso")
	if p.at.Scheme+"://"+p.at.Host != c.url {
		t.Fatalf("the phone is at %s:\n%s", p.at, p.last)
	}
	form := hidden(p.last)
	form.Set("user", "ann")
	form.Set("password", "company word")
	p.post(c.idp.SSO(), form)
	return p, hidden(p.last)
}

func TestXMSignInByPhoneWithSAML(t *testing.T) {
	for _, profile := range idp.Profiles() {
		t.Run(string(profile), func(t *testing.T) {
			c := openCompany(t, profile)
			d := c.start(t)
			p, form := c.atCompany(t, d)
			p.post(c.srv.URL+"/"+faxcloud.PathSAMLReturn, form)
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
			p.post(c.srv.URL+"/"+faxcloud.PathSAMLReturn, form)
			p.wants("the response again", 403)
		})
	}
}

// TestXMSignInByPhoneWithWSTrust is an AD FS that speaks WS-Trust to agents and
// SAML to browsers.
func TestXMSignInByPhoneWithWSTrust(t *testing.T) {
	c := openCompanyOf(t, idp.ADFS, xmcloud.SSOWSTrust)
	d := c.start(t)
	p, form := c.atCompany(t, d)
	p.post(c.srv.URL+"/"+faxcloud.PathSAMLReturn, form)
	p.wants("back from the company", 200, "Ann Lee", d.Match)
	p.post("/d/"+d.UserCode+"/decide", url.Values{"answer": {"yes"}})
	if a, err := c.poll(t, d); err != nil || a.User.ID != "u-ann" {
		t.Errorf("poll: %+v, %v; want Ann", a, err)
	}
}

func TestXMSAMLAttacksEndNowhere(t *testing.T) {
	c := openCompany(t, idp.Okta)
	for _, attack := range idp.Attacks() {
		first := idp.Attack("")
		if attack == idp.ReplayAssertion {
			first = attack // its first use is honest
		}
		for i, a := range []idp.Attack{first, attack} {
			if err := c.idp.SetAttack(a, "bob@acme.example"); err != nil {
				t.Fatal(err)
			}
			c.clock.pass(time.Minute) // or the device would ask for too many codes
			d := c.start(t)
			p, form := c.atCompany(t, d)
			p.post(c.srv.URL+"/"+faxcloud.PathSAMLReturn, form)
			if got := strings.Contains(p.last, `id="yes"`); got != (i == 0) {
				t.Errorf("%s, response %d: came to the confirmation %v; the honest one must, the other must not", attack, i+1, got)
			}
			_, err := c.poll(t, d)
			wantCode(t, string(attack), err, xmcloud.AuthorizationPending)
		}
	}
}

func TestXMSAMLResponseFromAnotherBrowser(t *testing.T) {
	c := openCompany(t, idp.Entra)
	d := c.start(t)
	_, form := c.atCompany(t, d)
	other := c.phone(t).open(d.Complete)
	other.post(c.srv.URL+"/"+faxcloud.PathSAMLReturn, form)
	other.wants("another browser", 403, "start again")
}
