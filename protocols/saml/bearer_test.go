package saml_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/platen-fax/platen/protocols/saml"
)

const (
	sts   = "http://sts.example.com/adfs/services/trust"
	party = "https://login.example.com/"
	token = "https://login.example.com/oauth/token"
)

var grantTime = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

// signer is an identity provider's key; sign puts the signature where AD FS
// puts it: second in 2.0, last in 1.1.
type signer struct {
	t    *testing.T
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: grantTime.AddDate(-1, 0, 0), NotAfter: grantTime.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{t, key, cert}
}

func (s *signer) sign(doc, id string, hash crypto.Hash) []byte {
	s.t.Helper()
	d := etree.NewDocument()
	if err := d.ReadFromString(doc); err != nil {
		s.t.Fatal(err)
	}
	ctx, err := dsig.NewSigningContext(s.key, [][]byte{s.cert.Raw})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx.Hash, ctx.IdAttribute, ctx.Prefix = hash, id, ""
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	sig, err := ctx.ConstructSignature(d.Root(), true)
	if err != nil {
		s.t.Fatal(err)
	}
	if id == "ID" {
		d.Root().InsertChildAt(1, sig)
	} else {
		d.Root().AddChild(sig)
	}
	b, err := d.WriteToBytes()
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// saml20 is in the default namespace, as Microsoft's token stack writes it.
func saml20(edit ...string) string {
	return strings.NewReplacer(edit...).Replace(fmt.Sprintf(`<Assertion ID="_a1" IssueInstant="2026-05-04T08:59:50.000Z" Version="2.0" xmlns=%q><Issuer>%s</Issuer>`+
		`<Subject><NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified">EXAMPLE\ann</NameID>`+
		`<SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><SubjectConfirmationData NotOnOrAfter="2026-05-04T09:05:00Z" Recipient=%q/></SubjectConfirmation></Subject>`+
		`<Conditions NotBefore="2026-05-04T08:59:50Z" NotOnOrAfter="2026-05-04T09:59:50Z"><AudienceRestriction><Audience>%s</Audience></AudienceRestriction></Conditions>`+
		`<AttributeStatement><Attribute Name=%q><AttributeValue>Ann@Example.com</AttributeValue></Attribute></AttributeStatement>`+
		`<AuthnStatement AuthnInstant="2026-05-04T08:59:50Z"><AuthnContext/></AuthnStatement></Assertion>`,
		saml.NSAssertion, sts, token, party, saml.ClaimEmail))
}

// saml11 has the form AD FS issues by default.
func saml11(edit ...string) string {
	subject := `<saml:Subject><saml:NameIdentifier>ann</saml:NameIdentifier><saml:SubjectConfirmation><saml:ConfirmationMethod>urn:oasis:names:tc:SAML:1.0:cm:bearer</saml:ConfirmationMethod></saml:SubjectConfirmation></saml:Subject>`
	return strings.NewReplacer(edit...).Replace(fmt.Sprintf(`<saml:Assertion MajorVersion="1" MinorVersion="1" AssertionID="_a1" Issuer=%q IssueInstant="2026-05-04T08:59:50.000Z" xmlns:saml=%q>`+
		`<saml:Conditions NotBefore="2026-05-04T08:59:50Z" NotOnOrAfter="2026-05-04T09:59:50Z"><saml:AudienceRestrictionCondition><saml:Audience>%s</saml:Audience></saml:AudienceRestrictionCondition></saml:Conditions>`+
		`<saml:AttributeStatement>%s<saml:Attribute AttributeName="emailaddress" AttributeNamespace="http://schemas.xmlsoap.org/ws/2005/05/identity/claims"><saml:AttributeValue>Ann@Example.com</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>`+
		`<saml:AuthenticationStatement AuthenticationMethod="urn:oasis:names:tc:SAML:1.0:am:password" AuthenticationInstant="2026-05-04T08:59:50Z">%s</saml:AuthenticationStatement></saml:Assertion>`,
		sts, saml.NSAssertion1, party, subject, subject))
}

func newGrant(recipient string) *saml.Grant {
	now := func() time.Time { return grantTime }
	return &saml.Grant{Audiences: []string{party}, Recipient: recipient, Replays: saml.NewMemory(10, now), Now: now}
}

// TestBearerGrants checks assertions of both versions against RFC 7522 §3 and
// the looser form for tokens out of WS-Trust.
func TestBearerGrants(t *testing.T) {
	s, other := newSigner(t), newSigner(t)
	const email = "ann@example.com"
	for _, tt := range []struct {
		name      string
		doc       string
		v11       bool
		recipient string
		hash      crypto.Hash
		by        *signer
		sha1      bool
		want      saml.Code
	}{
		{name: "2.0 strict", doc: saml20(), recipient: token},
		{name: "2.0 out of WS-Trust", doc: saml20(` Recipient="`+token+`"`, "", ` NotOnOrAfter="2026-05-04T09:05:00Z"`, "")},
		{name: "2.0 without recipient, strict", doc: saml20(` Recipient="`+token+`"`, ""), recipient: token, want: saml.CodeWrongRecipient},
		{name: "2.0 for another endpoint", doc: saml20(token, token+"2"), recipient: token, want: saml.CodeWrongRecipient},
		{name: "2.0 holder of key", doc: saml20("cm:bearer", "cm:holder-of-key"), recipient: token, want: saml.CodeNoConfirmation},
		{name: "2.0 other audience", doc: saml20(party+"</Audience>", "https://x/</Audience>"), recipient: token, want: saml.CodeWrongAudience},
		{name: "2.0 without slash", doc: saml20(party+"</Audience>", strings.TrimSuffix(party, "/")+"</Audience>"), recipient: token, want: saml.CodeWrongAudience},
		{name: "2.0 other issuer", doc: saml20(sts, sts+"2"), recipient: token, want: saml.CodeUnknownIssuer},
		{name: "2.0 https issuer is another name", doc: saml20(sts, strings.Replace(sts, "http:", "https:", 1)), recipient: token, want: saml.CodeUnknownIssuer},
		{name: "2.0 other key", doc: saml20(), recipient: token, by: other, want: saml.CodeSignature},
		{name: "2.0 SHA-1", doc: saml20(), recipient: token, hash: crypto.SHA1, want: saml.CodeWeakAlgorithm},
		{name: "2.0 unknown condition", doc: saml20("<AudienceRestriction>", "<Odd/><AudienceRestriction>"), recipient: token, want: saml.CodeCondition},
		{name: "2.0 two addresses", doc: saml20("</AttributeValue>", "</AttributeValue><AttributeValue>boss@example.com</AttributeValue>"), recipient: token, want: saml.CodeAmbiguous},
		{name: "1.1", v11: true, doc: saml11()},
		{name: "1.1 full claim name", v11: true, doc: saml11(`"emailaddress"`, `"`+saml.ClaimEmail+`"`)},
		{name: "1.1 SHA-1 allowed", v11: true, doc: saml11(), hash: crypto.SHA1, sha1: true},
		{name: "1.1 SHA-1", v11: true, doc: saml11(), hash: crypto.SHA1, want: saml.CodeWeakAlgorithm},
		{name: "1.1 other key", v11: true, doc: saml11(), by: other, want: saml.CodeSignature},
		{name: "1.1 other issuer", v11: true, doc: saml11(sts, sts+"2"), want: saml.CodeUnknownIssuer},
		{name: "1.1 other audience", v11: true, doc: saml11(party+"<", "https://x/<"), want: saml.CodeWrongAudience},
		{name: "1.1 no bearer", v11: true, doc: saml11("cm:bearer", "cm:artifact"), want: saml.CodeNoConfirmation},
		{name: "1.1 too old", v11: true, doc: saml11(`IssueInstant="2026-05-04T08:59:50`, `IssueInstant="2026-05-04T08:50:00`), want: saml.CodeExpired},
		{name: "1.1 ended", v11: true, doc: saml11("T09:59:50Z", "T08:00:00Z"), want: saml.CodeExpired},
		{name: "1.1 from the future", v11: true, doc: saml11("T08:59:50Z", "T09:30:00Z"), want: saml.CodeNotYetValid},
		{name: "1.1 no address", v11: true, doc: saml11(`"emailaddress"`, `"upn"`), want: saml.CodeNoEmail},
		{name: "1.1 no audience", v11: true, doc: saml11("AudienceRestrictionCondition", "DoNotCacheCondition"), want: saml.CodeNoAudience},
		{name: "2.0 where 1.1 was said", v11: true, doc: saml20(), want: saml.CodeMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			by, id := s, "ID"
			if tt.by != nil {
				by = tt.by
			}
			if tt.v11 {
				id = "AssertionID"
			}
			if tt.hash == 0 {
				tt.hash = crypto.SHA256
			}
			doc := by.sign(tt.doc, id, tt.hash)
			g, idp := newGrant(tt.recipient), &saml.IdentityProvider{EntityID: sts, Certificates: []*x509.Certificate{s.cert}, AllowSHA1: tt.sha1}
			check := g.SAML20
			if tt.v11 {
				check = g.SAML11
			}
			who, err := check(t.Context(), doc, idp)
			if tt.want != "" {
				wantCode(t, err, tt.want)
				return
			}
			if err != nil || who.EmailKey != email || !who.SignedBy.Equal(s.cert) {
				t.Fatalf("accepted %+v, %v; want %s", who, err, email)
			}
			_, err = check(t.Context(), doc, idp)
			wantCode(t, err, saml.CodeReplayed)
			_, err = check(t.Context(), bytes.Replace(doc, []byte("Ann@"), []byte("Eve@"), 1), idp)
			wantCode(t, err, saml.CodeSignature)
		})
	}
}

// TestDecodeGrant takes both alphabets, with and without padding.
func TestDecodeGrant(t *testing.T) {
	raw := []byte{0xfb, 0xff, 0xfe, 0x01}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if got, err := saml.DecodeGrant(enc.EncodeToString(raw)); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("DecodeGrant(%q) = %x, %v", enc.EncodeToString(raw), got, err)
		}
	}
	_, err := saml.DecodeGrant("a*b")
	wantCode(t, err, saml.CodeEncoding)
	_, err = saml.DecodeGrant(strings.Repeat("A", 1<<20))
	wantCode(t, err, saml.CodeTooLarge)
}
