package faxcloud

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// Names of the two SAML versions. The one that ends in 1.0 is 1.1's.
const (
	nsSAML11 = "urn:oasis:names:tc:SAML:1.0:assertion"
	nsSAML20 = "urn:oasis:names:tc:SAML:2.0:assertion"

	bearer11 = "urn:oasis:names:tc:SAML:1.0:cm:bearer"
	bearer20 = "urn:oasis:names:tc:SAML:2.0:cm:bearer"

	claimEmail = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
)

const maxDepth = 64

// parseAssertion reads exactly one assertion of the version its grant is for. A
// document with anything that could make two readers see two things is refused:
// a document type, comments, processing instructions, text around the root, or
// another assertion inside.
func parseAssertion(grant string, raw []byte) (*etree.Element, string, xmcloud.Code) {
	if !plainXML(raw) {
		return nil, "", xmcloud.BadAssertion
	}
	doc := etree.NewDocument()
	if doc.ReadFromBytes(raw) != nil || doc.Root() == nil {
		return nil, "", xmcloud.BadAssertion
	}
	root, ns := doc.Root(), nsSAML20
	if grant == xmcloud.GrantSAML11 {
		ns = nsSAML11
	}
	inner := 0
	walk(root, func(e *etree.Element) {
		if e.Tag == "Assertion" || e.Tag == "EncryptedAssertion" {
			inner++
		}
	})
	if root.Tag != "Assertion" || root.NamespaceURI() != ns || inner != 1 {
		return nil, "", xmcloud.BadAssertion
	}
	return root, ns, ""
}

// plainXML looks at the tokens, because tree builders forgive what they must not.
func plainXML(raw []byte) bool {
	dec := xml.NewDecoder(bytes.NewReader(raw))
	depth, roots := 0, 0
	for first := true; ; first = false {
		t, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			return depth == 0 && roots == 1
		}
		if err != nil {
			return false
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth++; depth == 1 {
				roots++
			}
			if depth > maxDepth || roots > 1 {
				return false
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && len(bytes.TrimSpace(t)) > 0 {
				return false
			}
		case xml.ProcInst:
			if !first || t.Target != "xml" {
				return false
			}
		default: // comments and directives
			return false
		}
	}
}

// walk calls fn for e and everything below it.
func walk(e *etree.Element, fn func(*etree.Element)) {
	fn(e)
	for _, c := range e.ChildElements() {
		walk(c, fn)
	}
}

func children(e *etree.Element, ns, tag string) []*etree.Element {
	if e == nil {
		return nil
	}
	var out []*etree.Element
	for _, c := range e.ChildElements() {
		if c.Tag == tag && c.NamespaceURI() == ns {
			out = append(out, c)
		}
	}
	return out
}

// child returns the only child of a name, nil for none or several.
func child(e *etree.Element, ns, tag string) *etree.Element {
	if all := children(e, ns, tag); len(all) == 1 {
		return all[0]
	}
	return nil
}

func text(e *etree.Element) string {
	if e == nil {
		return ""
	}
	return strings.TrimSpace(e.Text())
}

func attr(e *etree.Element, name string) string {
	if e == nil {
		return ""
	}
	return e.SelectAttrValue(name, "")
}

// when reads a time; what is no time is the zero one.
func when(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

func readIssuer(root *etree.Element, ns string) string {
	if ns == nsSAML11 {
		return attr(root, "Issuer")
	}
	return text(child(root, ns, "Issuer"))
}

// readClaims reads a verified assertion. ok is false when something that must be
// there once is not.
func readClaims(root *etree.Element, ns string) (c claims, ok bool) {
	c.issuer, c.issued = readIssuer(root, ns), when(attr(root, "IssueInstant"))
	cond := child(root, ns, "Conditions")
	c.from, c.until = when(attr(cond, "NotBefore")), when(attr(cond, "NotOnOrAfter"))
	if cond == nil {
		return c, false
	}
	if ns == nsSAML11 {
		c.id = attr(root, "AssertionID")
		readClaims11(root, cond, &c)
	} else {
		c.id = attr(root, "ID")
		readClaims20(root, cond, &c)
	}
	return c, c.id != "" && len(c.audiences) > 0
}

func readClaims11(root, cond *etree.Element, c *claims) {
	for _, r := range children(cond, nsSAML11, "AudienceRestrictionCondition") {
		for _, a := range children(r, nsSAML11, "Audience") {
			c.audiences = append(c.audiences, text(a))
		}
	}
	var named []string
	for _, st := range children(root, nsSAML11, "AuthenticationStatement") {
		c.signIn = when(attr(st, "AuthenticationInstant"))
	}
	for _, st := range root.ChildElements() {
		subject := child(st, nsSAML11, "Subject")
		for _, m := range children(child(subject, nsSAML11, "SubjectConfirmation"), nsSAML11, "ConfirmationMethod") {
			if text(m) == bearer11 {
				c.recipients = append(c.recipients, "") // this version has none
			}
		}
		if n := child(subject, nsSAML11, "NameIdentifier"); n != nil {
			if mail, ok := address(attr(n, "Format"), text(n)); ok {
				named = append(named, mail)
			}
		}
		for _, a := range children(st, nsSAML11, "Attribute") {
			name := attr(a, "AttributeName")
			if name == claimEmail || attr(a, "AttributeNamespace")+"/"+name == claimEmail {
				for _, v := range children(a, nsSAML11, "AttributeValue") {
					c.emails = append(c.emails, text(v))
				}
			}
		}
	}
	c.choose(named)
}

func readClaims20(root, cond *etree.Element, c *claims) {
	for _, r := range children(cond, nsSAML20, "AudienceRestriction") {
		for _, a := range children(r, nsSAML20, "Audience") {
			c.audiences = append(c.audiences, text(a))
		}
	}
	for _, st := range children(root, nsSAML20, "AuthnStatement") {
		c.signIn = when(attr(st, "AuthnInstant"))
	}
	subject := child(root, nsSAML20, "Subject")
	for _, conf := range children(subject, nsSAML20, "SubjectConfirmation") {
		if attr(conf, "Method") != bearer20 {
			continue
		}
		data := child(conf, nsSAML20, "SubjectConfirmationData")
		c.recipients = append(c.recipients, attr(data, "Recipient"))
		if end := when(attr(data, "NotOnOrAfter")); !end.IsZero() && (c.until.IsZero() || end.Before(c.until)) {
			c.until = end
		}
	}
	var named []string
	if n := child(subject, nsSAML20, "NameID"); n != nil {
		if mail, ok := address(attr(n, "Format"), text(n)); ok {
			named = append(named, mail)
		}
	}
	for _, st := range children(root, nsSAML20, "AttributeStatement") {
		for _, a := range children(st, nsSAML20, "Attribute") {
			if attr(a, "Name") == claimEmail {
				for _, v := range children(a, nsSAML20, "AttributeValue") {
					c.emails = append(c.emails, text(v))
				}
			}
		}
	}
	c.choose(named)
}

// choose keeps one address: the claim, or without one what the subject is named.
// Several different ones stay several, which nobody accepts.
func (c *claims) choose(named []string) {
	if len(c.emails) == 0 {
		c.emails = named
	}
	slices.Sort(c.emails)
	c.emails = slices.Compact(c.emails)
}
