package adfs

import (
	"crypto"
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/platen-fax/platen/protocols/wstrust"
)

// claims is what goes into an assertion.
type claims struct {
	id, issuer, audience string
	user                 User
	nameID               NameID
	now                  time.Time
	sha1                 bool
}

const claimNS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"

// attributes are the claims of a person under their short names.
func (c claims) attributes() [][2]string {
	all := [][2]string{
		{"emailaddress", c.user.Mail},
		{"upn", c.user.UPN},
		{"givenname", c.user.Given},
		{"surname", c.user.Surname},
		{"name", strings.TrimSpace(c.user.Given + " " + c.user.Surname)},
	}
	var set [][2]string
	for _, a := range all {
		if a[1] != "" {
			set = append(set, a)
		}
	}
	return set
}

// name returns the name identifier and its format; "" for none.
func (c claims) name() (value, format string) {
	switch {
	case c.nameID == NameIDEmail && c.user.Mail != "":
		return c.user.Mail, "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	case c.nameID == NameIDUPN:
		return c.user.UPN, "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
	}
	return "", ""
}

// assertion makes and signs an assertion.
func (k *key) assertion(c claims, v wstrust.SAML) ([]byte, error) {
	text := c.saml11()
	if v == wstrust.SAML20 {
		text = c.saml20()
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromString(text); err != nil {
		return nil, fmt.Errorf("adfs: assertion: %w", err)
	}
	if err := k.sign(doc.Root(), v, c.sha1); err != nil {
		return nil, err
	}
	return doc.WriteToBytes()
}

// sign puts an enveloped signature where the Microsoft stack puts it: last in
// version 1.1, after the issuer in 2.0 and in metadata.
func (k *key) sign(root *etree.Element, v wstrust.SAML, sha1 bool) error {
	ctx, err := dsig.NewSigningContext(k.private, [][]byte{k.cert.Raw})
	if err != nil {
		return fmt.Errorf("adfs: sign: %w", err)
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	ctx.Prefix = ""
	if v == wstrust.SAML11 {
		ctx.IdAttribute, ctx.Prefix = "AssertionID", "ds"
	}
	if sha1 {
		ctx.Hash = crypto.SHA1
	}
	sig, err := ctx.ConstructSignature(root, true)
	if err != nil {
		return fmt.Errorf("adfs: sign: %w", err)
	}
	if v == wstrust.SAML11 {
		// KeyInfo is not signed, and AD FS writes it without a prefix.
		if info := sig.SelectElement("ds:KeyInfo"); info != nil {
			info.CreateAttr("xmlns", dsig.Namespace)
			for _, e := range append(info.FindElements(".//*"), info) {
				e.Space = ""
			}
		}
		root.AddChild(sig)
		return nil
	}
	at := 0
	if issuer := root.SelectElement("Issuer"); issuer != nil {
		at = issuer.Index() + 1
	}
	root.InsertChildAt(at, sig)
	return nil
}

func (c claims) saml11() string {
	subject := `<saml:Subject>`
	if name, format := c.name(); name != "" {
		subject += `<saml:NameIdentifier Format="` + format + `">` + esc(name) + `</saml:NameIdentifier>`
	}
	subject += `<saml:SubjectConfirmation><saml:ConfirmationMethod>urn:oasis:names:tc:SAML:1.0:cm:bearer</saml:ConfirmationMethod></saml:SubjectConfirmation></saml:Subject>`
	var attrs strings.Builder
	for _, a := range c.attributes() {
		fmt.Fprintf(&attrs, `<saml:Attribute AttributeName="%s" AttributeNamespace="%s"><saml:AttributeValue>%s</saml:AttributeValue></saml:Attribute>`, a[0], claimNS, esc(a[1]))
	}
	return fmt.Sprintf(`<saml:Assertion MajorVersion="1" MinorVersion="1" AssertionID="%s" Issuer="%s" IssueInstant="%s" xmlns:saml="%s">`+
		`<saml:Conditions NotBefore="%[3]s" NotOnOrAfter="%[5]s"><saml:AudienceRestrictionCondition><saml:Audience>%[6]s</saml:Audience></saml:AudienceRestrictionCondition></saml:Conditions>`+
		`<saml:AttributeStatement>%[7]s%[8]s</saml:AttributeStatement>`+
		`<saml:AuthenticationStatement AuthenticationMethod="urn:oasis:names:tc:SAML:1.0:am:password" AuthenticationInstant="%[3]s">%[7]s</saml:AuthenticationStatement></saml:Assertion>`,
		c.id, esc(c.issuer), stamp(c.now), wstrust.TokenTypeSAML11, stamp(c.now.Add(time.Hour)), esc(c.audience), subject, attrs.String())
}

func (c claims) saml20() string {
	subject := `<Subject>`
	if name, format := c.name(); name != "" {
		subject += `<NameID Format="` + format + `">` + esc(name) + `</NameID>`
	}
	// Over WS-Trust nobody knows where the token will go: no Recipient.
	subject += `<SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><SubjectConfirmationData NotOnOrAfter="` + stamp(c.now.Add(5*time.Minute)) + `"/></SubjectConfirmation></Subject>`
	var attrs strings.Builder
	for _, a := range c.attributes() {
		fmt.Fprintf(&attrs, `<Attribute Name="%s/%s"><AttributeValue>%s</AttributeValue></Attribute>`, claimNS, a[0], esc(a[1]))
	}
	return fmt.Sprintf(`<Assertion ID="%s" IssueInstant="%s" Version="2.0" xmlns="%s"><Issuer>%s</Issuer>%s`+
		`<Conditions NotBefore="%[2]s" NotOnOrAfter="%[6]s"><AudienceRestriction><Audience>%[7]s</Audience></AudienceRestriction></Conditions>`+
		`<AttributeStatement>%[8]s</AttributeStatement>`+
		`<AuthnStatement AuthnInstant="%[2]s"><AuthnContext><AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</AuthnContextClassRef></AuthnContext></AuthnStatement></Assertion>`,
		c.id, stamp(c.now), wstrust.TokenTypeSAML20, esc(c.issuer), subject, stamp(c.now.Add(time.Hour)), esc(c.audience), attrs.String())
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func esc(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder never fails
	return b.String()
}
