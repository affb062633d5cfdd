package idp

import (
	"crypto"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/platen-fax/platen/protocols/saml"
)

// draft is everything a response says; attacks change some of it.
type draft struct {
	id, assertionID           string
	issuer                    string
	destination, inResponseTo string
	recipient, confirms       string // of the confirmation; confirms is its InResponseTo
	audience                  string // empty leaves the restriction out
	noConfirmation            bool
	name, format              string
	email, upn, display       string
	issued                    time.Time
	from, until, confirmUntil time.Time
	signResponse, signAssert  bool
	hash                      crypto.Hash
	key                       *key
}

const stamp = "2006-01-02T15:04:05.000Z"

// draft fills in what an honest response of the profile says.
func (s *SAML) draft(q saml.Request, u User) draft {
	now := s.o.Now().Add(s.shift).UTC()
	d := draft{
		id: "_" + token(16), assertionID: "_" + token(16), issuer: s.issuer,
		destination: s.acs(q), recipient: s.acs(q), inResponseTo: q.ID, confirms: q.ID, audience: q.Issuer,
		name: u.Email, format: s.m.nameFormat, email: u.Email, upn: u.UPN, display: u.Display,
		issued: now, from: now.Add(-s.m.before), until: now.Add(s.m.after), confirmUntil: now.Add(s.m.confirm),
		signResponse: s.m.signResponse, signAssert: s.m.signAssertion, hash: crypto.SHA256, key: s.keys[len(s.keys)-1],
	}
	if s.m.nameFormat == saml.FormatPersistent {
		d.name = "opaque-" + u.Name
	}
	return d
}

func tag(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + ":" + name
}

func element(prefix, ns, name string) *etree.Element {
	e := etree.NewElement(tag(prefix, name))
	if prefix == "" {
		e.CreateAttr("xmlns", ns)
	} else {
		e.CreateAttr("xmlns:"+prefix, ns)
	}
	return e
}

// assertion builds and, if the draft says so, signs.
func (s *SAML) assertion(d draft) (*etree.Element, error) {
	p := s.m.prefix
	a := element(p, saml.NSAssertion, "Assertion")
	a.CreateAttr("ID", d.assertionID)
	a.CreateAttr("IssueInstant", d.issued.Format(stamp))
	a.CreateAttr("Version", "2.0")
	a.CreateElement(tag(p, "Issuer")).SetText(d.issuer)
	subject := a.CreateElement(tag(p, "Subject"))
	if d.name != "" {
		n := subject.CreateElement(tag(p, "NameID"))
		n.CreateAttr("Format", d.format)
		n.SetText(d.name)
	}
	if !d.noConfirmation {
		c := subject.CreateElement(tag(p, "SubjectConfirmation"))
		c.CreateAttr("Method", saml.ConfirmationBearer)
		data := c.CreateElement(tag(p, "SubjectConfirmationData"))
		if d.confirms != "" {
			data.CreateAttr("InResponseTo", d.confirms)
		}
		data.CreateAttr("NotOnOrAfter", d.confirmUntil.Format(stamp))
		data.CreateAttr("Recipient", d.recipient)
	}
	cond := a.CreateElement(tag(p, "Conditions"))
	cond.CreateAttr("NotBefore", d.from.Format(stamp))
	cond.CreateAttr("NotOnOrAfter", d.until.Format(stamp))
	if d.audience != "" {
		cond.CreateElement(tag(p, "AudienceRestriction")).CreateElement(tag(p, "Audience")).SetText(d.audience)
	}
	claims := [][2]string{{s.m.emailClaim, d.email}, {s.m.nameClaim, d.display}, {saml.ClaimUPN, d.upn}}
	statement := a.CreateElement(tag(p, "AttributeStatement"))
	for _, c := range claims {
		if c[1] == "" {
			continue
		}
		at := statement.CreateElement(tag(p, "Attribute"))
		at.CreateAttr("Name", c[0])
		at.CreateElement(tag(p, "AttributeValue")).SetText(c[1])
	}
	authn := a.CreateElement(tag(p, "AuthnStatement"))
	authn.CreateAttr("AuthnInstant", d.issued.Format(stamp))
	authn.CreateAttr("SessionIndex", d.assertionID)
	authn.CreateElement(tag(p, "AuthnContext")).CreateElement(tag(p, "AuthnContextClassRef")).
		SetText("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport")
	if d.signAssert {
		return a, sign(a, d.key, d.hash)
	}
	return a, nil
}

// response wraps assertions; a signature covers all of them.
func (s *SAML) response(d draft, assertions ...*etree.Element) (*etree.Element, error) {
	p := s.m.protocolPrefix
	r := element(p, saml.NSProtocol, "Response")
	r.CreateAttr("ID", d.id)
	r.CreateAttr("Version", "2.0")
	r.CreateAttr("IssueInstant", d.issued.Format(stamp))
	r.CreateAttr("Destination", d.destination)
	if d.inResponseTo != "" {
		r.CreateAttr("InResponseTo", d.inResponseTo)
	}
	issuer := element(s.m.prefix, saml.NSAssertion, "Issuer")
	issuer.SetText(d.issuer)
	r.AddChild(issuer)
	r.CreateElement(tag(p, "Status")).CreateElement(tag(p, "StatusCode")).CreateAttr("Value", saml.StatusSuccess)
	for _, a := range assertions {
		r.AddChild(a)
	}
	if d.signResponse {
		return r, sign(r, d.key, d.hash)
	}
	return r, nil
}

// sign puts an enveloped signature behind the issuer, where the schema wants it.
func sign(e *etree.Element, k *key, hash crypto.Hash) error {
	var certs [][]byte
	if k.cert != nil {
		certs = [][]byte{k.cert.Raw}
	}
	ctx, err := dsig.NewSigningContext(k.private, certs)
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	ctx.Hash, ctx.Canonicalizer = hash, dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	sig, err := ctx.ConstructSignature(e, true)
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	e.InsertChildAt(1, sig)
	return nil
}

// honest builds, signs and writes what a draft says.
func (s *SAML) honest(d draft) ([]byte, error) {
	a, err := s.assertion(d)
	if err != nil {
		return nil, err
	}
	r, err := s.response(d, a)
	if err != nil {
		return nil, err
	}
	return write(r)
}

func write(root *etree.Element) ([]byte, error) {
	return etree.NewDocumentWithRoot(root).WriteToBytes()
}

// refusal is a response without an assertion, in the form of the field.
func (s *SAML) refusal(q saml.Request, code, nested, message string) string {
	p := s.m.protocolPrefix
	r := element(p, saml.NSProtocol, "Response")
	r.CreateAttr("ID", "_"+token(16))
	r.CreateAttr("Version", "2.0")
	r.CreateAttr("IssueInstant", s.o.Now().UTC().Format(stamp))
	r.CreateAttr("Destination", s.acs(q))
	r.CreateAttr("InResponseTo", q.ID)
	status := r.CreateElement(tag(p, "Status"))
	outer := status.CreateElement(tag(p, "StatusCode"))
	outer.CreateAttr("Value", code)
	outer.CreateElement(tag(p, "StatusCode")).CreateAttr("Value", nested)
	status.CreateElement(tag(p, "StatusMessage")).SetText(message)
	raw, err := write(r)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(raw)
}
