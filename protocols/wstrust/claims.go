package wstrust

import (
	"fmt"
	"net/mail"
	"strings"
	"time"
)

// Claims is what an assertion says about a person. Nothing of it is proven
// here: the signature is not checked.
type Claims struct {
	SAML          SAML
	ID            string
	Issuer        string // a name, often with http:// in front
	IssueInstant  time.Time
	NotBefore     time.Time // zero where the assertion sets no limit
	NotOnOrAfter  time.Time
	Audiences     []string
	Subject       string // name identifier, "" without one
	Format        string // of the name identifier
	Method        string // how the person was authenticated, "" without a statement
	Authenticated time.Time
	// Email is the address: the name identifier where its format says so or, with
	// the format left open, where it looks like one; else the e-mail claim. It is
	// "" if there is none or if the claim has several values.
	Email string
	// Name is the display name, else given name and surname, else "".
	Name string
	// UPN is the user principal name, which may look like an address and be none.
	UPN string
	// Attributes are all values by the full claim name.
	Attributes map[string][]string
}

// Names of claims that matter.
const (
	ClaimEmail     = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
	ClaimName      = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"
	ClaimGivenName = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname"
	ClaimSurname   = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname"
	ClaimUPN       = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
	ClaimDisplay   = "http://schemas.microsoft.com/identity/claims/displayname"
)

// ReadClaims reads an assertion of either version. A comment or processing
// instruction inside a name or a value is an error, because readers disagree on
// what such a value is. The error wraps [ErrWire].
func ReadClaims(assertion []byte) (*Claims, error) {
	root, err := parse(assertion)
	if err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	c := &Claims{Attributes: make(map[string][]string)}
	switch {
	case root.is(nsSAML11, "Assertion"):
		c.SAML = SAML11
		err = c.read11(root)
	case root.is(nsSAML20, "Assertion"):
		c.SAML = SAML20
		err = c.read20(root)
	default:
		return nil, wire("claims: no assertion")
	}
	if err != nil {
		return nil, err
	}
	c.name()
	return c, nil
}

func (c *Claims) read11(root *element) error {
	const ns = nsSAML11
	c.ID, c.Issuer = root.attr("", "AssertionID"), root.attr("", "Issuer")
	c.IssueInstant = instant(root.attr("", "IssueInstant"))
	c.conditions(root, ns, "AudienceRestrictionCondition")
	for _, kind := range []string{"AttributeStatement", "AuthenticationStatement"} {
		for _, statement := range root.all(ns, kind) {
			id := statement.child(ns, "Subject").child(ns, "NameIdentifier")
			if err := c.subject(id); err != nil {
				return err
			}
			if kind == "AuthenticationStatement" {
				c.Method = statement.attr("", "AuthenticationMethod")
				c.Authenticated = instant(statement.attr("", "AuthenticationInstant"))
			}
			for _, a := range statement.all(ns, "Attribute") {
				// Version 1.1 has the claim's name in two halves; some servers
				// write the whole into the second.
				name := a.attr("", "AttributeName")
				if !strings.Contains(name, "://") {
					name = strings.TrimSuffix(a.attr("", "AttributeNamespace"), "/") + "/" + name
				}
				if err := c.attribute(name, a.all(ns, "AttributeValue")); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (c *Claims) read20(root *element) error {
	const ns = nsSAML20
	issuer := root.child(ns, "Issuer")
	if issuer != nil && issuer.noise {
		return wire("claims: comment inside the issuer")
	}
	c.ID, c.Issuer = root.attr("", "ID"), issuer.value()
	c.IssueInstant = instant(root.attr("", "IssueInstant"))
	c.conditions(root, ns, "AudienceRestriction")
	if err := c.subject(root.child(ns, "Subject").child(ns, "NameID")); err != nil {
		return err
	}
	if s := root.child(ns, "AuthnStatement"); s != nil {
		c.Method = s.child(ns, "AuthnContext").child(ns, "AuthnContextClassRef").value()
		c.Authenticated = instant(s.attr("", "AuthnInstant"))
	}
	for _, statement := range root.all(ns, "AttributeStatement") {
		for _, a := range statement.all(ns, "Attribute") {
			if err := c.attribute(a.attr("", "Name"), a.all(ns, "AttributeValue")); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Claims) conditions(root *element, ns, restriction string) {
	conditions := root.child(ns, "Conditions")
	c.NotBefore = instant(conditions.attr("", "NotBefore"))
	c.NotOnOrAfter = instant(conditions.attr("", "NotOnOrAfter"))
	for _, r := range conditions.all(ns, restriction) {
		for _, a := range r.all(ns, "Audience") {
			c.Audiences = append(c.Audiences, a.value())
		}
	}
}

// subject takes the name identifier; all statements must agree on it.
func (c *Claims) subject(id *element) error {
	switch {
	case id == nil:
		return nil
	case id.noise || len(id.kids) > 0:
		return wire("claims: markup inside the name identifier")
	case c.Subject != "" && c.Subject != id.value():
		return wire("claims: two subjects")
	}
	c.Subject, c.Format = id.value(), id.attr("", "Format")
	return nil
}

func (c *Claims) attribute(name string, values []*element) error {
	for _, v := range values {
		if v.noise {
			return wire("claims: comment inside a value")
		}
		if s := v.value(); s != "" && len(v.kids) == 0 {
			c.Attributes[name] = append(c.Attributes[name], s)
		}
	}
	return nil
}

// name works out who the person is.
func (c *Claims) name() {
	c.UPN = c.one(ClaimUPN)
	given := strings.TrimSpace(c.one(ClaimGivenName) + " " + c.one(ClaimSurname))
	for _, name := range []string{c.one(ClaimDisplay), given, c.one(ClaimName)} {
		if name != "" {
			c.Name = name
			break
		}
	}
	open := c.Format == "" || strings.HasSuffix(c.Format, ":nameid-format:unspecified")
	if (open || strings.HasSuffix(c.Format, ":nameid-format:emailAddress")) && address(c.Subject) {
		c.Email = c.Subject
	} else if e := c.one(ClaimEmail); address(e) {
		c.Email = e
	}
}

// one returns the value of a claim that has one distinct value.
func (c *Claims) one(name string) string {
	v := c.Attributes[name]
	for _, other := range v {
		if other != v[0] {
			return ""
		}
	}
	if len(v) == 0 {
		return ""
	}
	return v[0]
}

// address reports whether s is a bare e-mail address.
func address(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && a.Name == ""
}
