package faxcloud_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/platen-fax/platen/protocols/saml"
	"github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/faxcloud"
)

// signer is an identity provider with a key.
type signer struct {
	issuer string
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate
}

var begin = time.Date(2026, 9, 24, 6, 43, 4, 0, time.UTC)

func newSigner(t *testing.T) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ADFS Signing"},
		NotBefore: begin.Add(-24 * time.Hour), NotAfter: begin.Add(90 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{issuer: "http://sts.acme.example/adfs/services/trust", key: key, cert: cert}
}

func (s *signer) provider() faxcloud.XMIdP {
	return faxcloud.XMIdP{IdentityProvider: saml.IdentityProvider{EntityID: s.issuer, Certificates: []*x509.Certificate{s.cert}}}
}

// claim is what an assertion says; zero fields are as an AD FS would fill them.
type claim struct {
	id, email, audience, issuer string
	at                          time.Time // of issue
	life                        time.Duration
	recipient                   string
}

const (
	form11 = `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:1.0:assertion" MajorVersion="1" MinorVersion="1" AssertionID="%[1]s" Issuer="%[2]s" IssueInstant="%[3]s"><saml:Conditions NotBefore="%[3]s" NotOnOrAfter="%[4]s"><saml:AudienceRestrictionCondition><saml:Audience>%[5]s</saml:Audience></saml:AudienceRestrictionCondition></saml:Conditions><saml:AttributeStatement><saml:Subject><saml:SubjectConfirmation><saml:ConfirmationMethod>urn:oasis:names:tc:SAML:1.0:cm:bearer</saml:ConfirmationMethod></saml:SubjectConfirmation></saml:Subject><saml:Attribute AttributeName="emailaddress" AttributeNamespace="http://schemas.xmlsoap.org/ws/2005/05/identity/claims"><saml:AttributeValue>%[6]s</saml:AttributeValue></saml:Attribute></saml:AttributeStatement><saml:AuthenticationStatement AuthenticationMethod="urn:oasis:names:tc:SAML:1.0:am:password" AuthenticationInstant="%[3]s"><saml:Subject><saml:SubjectConfirmation><saml:ConfirmationMethod>urn:oasis:names:tc:SAML:1.0:cm:bearer</saml:ConfirmationMethod></saml:SubjectConfirmation></saml:Subject></saml:AuthenticationStatement></saml:Assertion>`
	form20 = `<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="%[1]s" IssueInstant="%[3]s" Version="2.0"><Issuer>%[2]s</Issuer><Subject><NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">%[6]s</NameID><SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><SubjectConfirmationData NotOnOrAfter="%[4]s"%[7]s/></SubjectConfirmation></Subject><Conditions NotBefore="%[3]s" NotOnOrAfter="%[4]s"><AudienceRestriction><Audience>%[5]s</Audience></AudienceRestriction></Conditions><AuthnStatement AuthnInstant="%[3]s"><AuthnContext><AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</AuthnContextClassRef></AuthnContext></AuthnStatement></Assertion>`
)

var serial int

// sign writes and signs an assertion for a grant.
func (s *signer) sign(t *testing.T, grant string, c claim) []byte {
	t.Helper()
	serial++
	def := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	def(&c.id, fmt.Sprintf("_assertion-%d", serial))
	def(&c.email, "ann@acme.EXAMPLE")
	def(&c.audience, "https://fax.example/acme/")
	def(&c.issuer, s.issuer)
	if c.at.IsZero() {
		c.at = begin
	}
	if c.life == 0 {
		c.life = time.Hour
	}
	form, attr, recipient := form11, "AssertionID", ""
	if grant == xmcloud.GrantSAML2 {
		form, attr = form20, "ID"
	}
	if c.recipient != "" {
		recipient = ` Recipient="` + c.recipient + `"`
	}
	const layout = "2006-01-02T15:04:05.000Z"
	text := fmt.Sprintf(form, c.id, c.issuer, c.at.Format(layout), c.at.Add(c.life).Format(layout), c.audience, c.email, recipient)
	doc := etree.NewDocument()
	if err := doc.ReadFromString(text); err != nil {
		t.Fatal(err)
	}
	ctx, err := dsig.NewSigningContext(s.key, [][]byte{s.cert.Raw})
	if err != nil {
		t.Fatal(err)
	}
	ctx.IdAttribute = attr
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if err := ctx.SetSignatureMethod("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"); err != nil {
		t.Fatal(err)
	}
	signed, err := ctx.SignEnveloped(doc.Root())
	if err != nil {
		t.Fatal(err)
	}
	doc.SetRoot(signed)
	out, err := doc.WriteToBytes()
	if err == nil && form == form20 { // the signature stands second in this version
		doc = etree.NewDocument() // the tree of the signer is not one
		if err = doc.ReadFromBytes(out); err == nil {
			root := doc.Root()
			root.InsertChildAt(1, root.RemoveChildAt(len(root.Child)-1))
			out, err = doc.WriteToBytes()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// federated is acme with AD FS.
func federated(s *signer) func(*faxcloud.XMOptions, *faxcloud.XMAccount) {
	return func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		wsTrust(a)
		a.IdPs = []faxcloud.XMIdP{s.provider()}
	}
}

func (w *xmWorld) assert(t *testing.T, grant string, raw []byte) (xmcloud.AccessToken, error) {
	t.Helper()
	return w.api.Assert(t.Context(), grant, raw, frontDesk)
}

func TestXMAssertionBecomesAToken(t *testing.T) {
	s := newSigner(t)
	for _, grant := range []string{xmcloud.GrantSAML11, xmcloud.GrantSAML2} {
		w := openXM(t, federated(s))
		a, err := w.assert(t, grant, s.sign(t, grant, claim{}))
		if err != nil || a.User.ID != "u-ann" || a.ExpiresIn != 900 || a.TokenType != xmcloud.TokenType {
			t.Fatalf("%s: %+v, %v; want Ann for 900 s", grant, a, err)
		}
		if _, err := w.api.Ticket(t.Context(), a.AccessToken, ticketFor(w, toN)); err != nil {
			t.Errorf("%s: the token is not good: %v", grant, err)
		}
	}
}

// TestXMAssertionWithARecipient is the strict form of RFC 7522.
func TestXMAssertionWithARecipient(t *testing.T) {
	s := newSigner(t)
	w := openXM(t, func(o *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		federated(s)(o, a)
		a.SSO = xmcloud.SSOSAML2
	})
	endpoint := w.srv.URL + "/" + xmcloud.PathToken
	if _, err := w.assert(t, xmcloud.GrantSAML2, s.sign(t, xmcloud.GrantSAML2, claim{audience: endpoint, recipient: endpoint})); err != nil {
		t.Errorf("addressed to the endpoint: %v", err)
	}
	_, err := w.assert(t, xmcloud.GrantSAML2, s.sign(t, xmcloud.GrantSAML2, claim{audience: endpoint, recipient: "https://elsewhere.example/"}))
	wantCode(t, "addressed elsewhere", err, xmcloud.WrongRecipient)
	_, err = w.assert(t, xmcloud.GrantSAML11, s.sign(t, xmcloud.GrantSAML11, claim{audience: endpoint}))
	wantCode(t, "a version without recipient", err, xmcloud.WrongRecipient)
}

func TestXMAssertionsThatAreRefused(t *testing.T) {
	s, other := newSigner(t), newSigner(t)
	grants := map[string]string{"1.1": xmcloud.GrantSAML11, "2.0": xmcloud.GrantSAML2}
	for version, grant := range grants {
		for name, tt := range map[string]struct {
			raw  []byte
			want xmcloud.Code
		}{
			"another key":                {other.sign(t, grant, claim{}), xmcloud.BadSignature},
			"changed after signing":      {[]byte(strings.Replace(string(s.sign(t, grant, claim{})), "ann@acme", "bob@acme", 1)), xmcloud.BadSignature},
			"another issuer":             {s.sign(t, grant, claim{issuer: "http://sts.evil.example/"}), xmcloud.UnknownIssuer},
			"another audience":           {s.sign(t, grant, claim{audience: "https://fax.example/other/"}), xmcloud.WrongAudience},
			"ended":                      {s.sign(t, grant, claim{at: begin.Add(-10 * time.Minute), life: 5 * time.Minute}), xmcloud.AssertionOld},
			"old, though not ended":      {s.sign(t, grant, claim{at: begin.Add(-10 * time.Minute)}), xmcloud.AssertionOld},
			"from the future":            {s.sign(t, grant, claim{at: begin.Add(5 * time.Minute)}), xmcloud.NotYetValid},
			"no address":                 {s.sign(t, grant, claim{email: "ann"}), xmcloud.NoEmail},
			"nobody":                     {s.sign(t, grant, claim{email: "nobody@acme.example"}), xmcloud.UserUnknown},
			"not activated":              {s.sign(t, grant, claim{email: "new@acme.example"}), xmcloud.NotActivated},
			"disabled":                   {s.sign(t, grant, claim{email: "off@acme.example"}), xmcloud.UserInactive},
			"no right to send":           {s.sign(t, grant, claim{email: "mute@acme.example"}), xmcloud.UserNotAllowed},
			"a comment in the address":   {[]byte(strings.Replace(string(s.sign(t, grant, claim{})), "@acme", "<!-- -->@acme", 1)), xmcloud.BadAssertion},
			"a document type":            {append([]byte("<!DOCTYPE a>"), s.sign(t, grant, claim{})...), xmcloud.BadAssertion},
			"two roots":                  {append(s.sign(t, grant, claim{}), "<a/>"...), xmcloud.BadAssertion},
			"no XML":                     {[]byte("assertion"), xmcloud.BadAssertion},
			"without its signature":      {unsigned(t, s.sign(t, grant, claim{})), xmcloud.BadSignature},
			"the other version of grant": {s.sign(t, grants[map[string]string{"1.1": "2.0", "2.0": "1.1"}[version]], claim{}), xmcloud.BadAssertion},
		} {
			t.Run(version+" "+name, func(t *testing.T) {
				w := openXM(t, federated(s))
				_, err := w.assert(t, grant, tt.raw)
				wantCode(t, name, err, tt.want)
				if n := w.XM().Sessions(); n != 0 {
					t.Errorf("%d sessions", n)
				}
			})
		}
	}
}

// unsigned takes the signature out.
func unsigned(t *testing.T, raw []byte) []byte {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(raw); err != nil {
		t.Fatal(err)
	}
	doc.Root().RemoveChild(doc.Root().SelectElement("Signature"))
	out, err := doc.WriteToBytes()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestXMAssertionIsGoodOnce(t *testing.T) {
	s := newSigner(t)
	w := openXM(t, federated(s))
	raw := s.sign(t, xmcloud.GrantSAML11, claim{})
	if _, err := w.assert(t, xmcloud.GrantSAML11, raw); err != nil {
		t.Fatal(err)
	}
	_, err := w.assert(t, xmcloud.GrantSAML11, raw)
	wantCode(t, "again", err, xmcloud.Replayed)
}

func TestXMAssertionsNeedSSO(t *testing.T) {
	s := newSigner(t)
	w := openXM(t, func(o *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		federated(s)(o, a)
		a.SSO = xmcloud.SSONone
	})
	_, err := w.assert(t, xmcloud.GrantSAML11, s.sign(t, xmcloud.GrantSAML11, claim{}))
	wantCode(t, "no SSO", err, xmcloud.SSODisabled)
}

func TestXMSSOAsksForNoOneTimeCode(t *testing.T) {
	s := newSigner(t)
	w := openXM(t, func(o *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		federated(s)(o, a)
		a.Policy.OTP = "mandatory"
	})
	if _, err := w.assert(t, xmcloud.GrantSAML11, s.sign(t, xmcloud.GrantSAML11, claim{})); err != nil {
		t.Errorf("mandatory one-time codes reach SSO: %v", err)
	}
}

// TestXMStrictCaseProviders has a provider that is fussy about case: what it
// sends is compared without, by the cloud.
func TestXMStrictCaseProviders(t *testing.T) {
	s := newSigner(t)
	w := openXM(t, federated(s))
	for _, email := range []string{"Ann@Acme.example", "ANN@ACME.EXAMPLE", "ann@acme.example"} {
		a, err := w.assert(t, xmcloud.GrantSAML11, s.sign(t, xmcloud.GrantSAML11, claim{email: email}))
		if err != nil || a.User.Email != "Ann@Acme.example" {
			t.Errorf("%s: %+v, %v; want Ann, spelled as the account has her", email, a.User, err)
		}
	}
}

func TestXMProvidersHandOverByDate(t *testing.T) {
	old, next := newSigner(t), newSigner(t)
	next.issuer = "https://sso.acme.example/metadata"
	w := openXM(t, func(o *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		wsTrust(a)
		was, is := old.provider(), next.provider()
		was.Until, is.From = begin.Add(24*time.Hour), begin.Add(12*time.Hour)
		a.IdPs = []faxcloud.XMIdP{was, is}
	})
	for _, tt := range []struct {
		at        time.Duration
		old, next bool
	}{{0, true, false}, {18 * time.Hour, true, true}, {36 * time.Hour, false, true}} {
		w.clock.pass(begin.Add(tt.at).Sub(w.clock.now()))
		for s, ok := range map[*signer]bool{old: tt.old, next: tt.next} {
			_, err := w.assert(t, xmcloud.GrantSAML11, s.sign(t, xmcloud.GrantSAML11, claim{at: w.clock.now()}))
			if (err == nil) != ok {
				t.Errorf("%s after %v: %v; want accepted %v", s.issuer, tt.at, err, ok)
			}
		}
	}
}

func TestXMAutomaticUsers(t *testing.T) {
	s := newSigner(t)
	for _, jit := range []bool{false, true} {
		w := openXM(t, func(o *faxcloud.XMOptions, a *faxcloud.XMAccount) {
			federated(s)(o, a)
			a.Policy.JIT = jit
		})
		_, err := w.assert(t, xmcloud.GrantSAML11, s.sign(t, xmcloud.GrantSAML11, claim{email: "Fresh@acme.example"}))
		if (err == nil) != jit {
			t.Errorf("JIT %v: %v", jit, err)
		}
		_, err = w.assert(t, xmcloud.GrantSAML11, s.sign(t, xmcloud.GrantSAML11, claim{email: "x@elsewhere.example"}))
		wantCode(t, "a foreign domain", err, xmcloud.UserUnknown)
	}
}

func TestXMTokenEndpointWantsItsClient(t *testing.T) {
	s := newSigner(t)
	w := openXM(t, federated(s))
	raw := s.sign(t, xmcloud.GrantSAML11, claim{})
	for name, api := range map[string]*xmcloud.Client{"unknown connector": w.as(t, "acme", "SERVICE|no"), "no connector": w.as(t, "acme", "")} {
		_, err := api.Assert(t.Context(), xmcloud.GrantSAML11, raw, frontDesk)
		wantCode(t, name, err, xmcloud.InvalidClient)
	}
	_, err := w.api.Assert(t.Context(), xmcloud.GrantSAML11, raw, xmcloud.Terminal{ID: "copy-room", Name: "Copy room"})
	wantCode(t, "a device of another connector", err, xmcloud.DeviceNotListed)
	if _, err := w.api.Assert(t.Context(), xmcloud.GrantSAML11, raw, frontDesk); err != nil {
		t.Errorf("after the refusals the assertion is still unused: %v", err)
	}
}

// TestXMTokenEndpointTakesNoPassword refuses what a widespread client library
// does: user name and password beside the assertion.
func TestXMTokenEndpointTakesNoPassword(t *testing.T) {
	s := newSigner(t)
	w := openXM(t, federated(s))
	form := url.Values{
		"grant_type": {xmcloud.GrantSAML11}, "assertion": {"x"}, "device_id": {frontDesk.ID}, "device_name": {frontDesk.Name},
		"username": {"ann@acme.example"}, "password": {"typed"},
	}
	for field, want := range map[string]string{"": "invalid_request", "grant_type": "unsupported_grant_type"} {
		v := url.Values{}
		for name, values := range form {
			v[name] = values
		}
		if field != "" {
			v.Del("username")
			v.Del("password")
			v.Set(field, "password")
		}
		req, err := http.NewRequest(http.MethodPost, w.srv.URL+"/"+xmcloud.PathToken, strings.NewReader(v.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth("acme", url.QueryEscape(connector))
		resp, err := w.srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 400 || !strings.Contains(string(body), `"error":"`+want+`"`) {
			t.Errorf("%q: %d %s; want %s", field, resp.StatusCode, body, want)
		}
	}
}
