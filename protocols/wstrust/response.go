package wstrust

import (
	"fmt"
	"time"
)

// Token is what a server issued. Printing it shows no assertion.
type Token struct {
	// SAML is the version, by the namespace of the assertion.
	SAML SAML
	// Type is the token type as the server named it; "" where it did not.
	Type string
	// Assertion is the element as it stood in the answer, byte for byte, so that
	// its signature holds. Only namespace declarations are added, and only those
	// it uses and had from outside.
	Assertion []byte `json:"-"`
	// Created and Expires are the lifetime the answer names; zero without one.
	Created, Expires time.Time
}

// String implements fmt.Stringer without the assertion.
func (t Token) String() string {
	return fmt.Sprintf("wstrust.Token{SAML %s, %d bytes}", t.SAML, len(t.Assertion))
}

// GoString implements fmt.GoStringer without the assertion.
func (t Token) GoString() string { return t.String() }

// Expect is what an answer has to fit.
type Expect struct {
	Version Version
	// Prefer is the SAML version to take where several tokens came; 0 for the
	// first.
	Prefer SAML
	// RelatesTo is the id of our message. An answer that names another one is
	// refused; one that names none is accepted, as not every server does.
	RelatesTo string
}

// DecodeResponse reads the answer to a request: a collection in version 1.3, a
// single response in 2005. A fault, whatever it came with, is a [*Fault]; other
// errors wrap [ErrWire] or [ErrEncrypted]. An answer in the shape of the other
// version is not a token and not a refusal either, but [ErrWire].
func DecodeResponse(data []byte, want Expect) (*Token, error) {
	root, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("response: %w", err)
	}
	return responseIn(root, data, want)
}

func responseIn(root *element, data []byte, want Expect) (*Token, error) {
	if f := faultIn(root); f != nil {
		return nil, f
	}
	if !root.is(nsSOAP, "Envelope") {
		return nil, wire("response: no SOAP 1.2 envelope")
	}
	if id := root.child(nsSOAP, "Header").child(nsAddr, "RelatesTo").value(); id != "" && want.RelatesTo != "" && id != want.RelatesTo {
		return nil, wire("response: answers another message")
	}
	ns, parent := want.Version.dialect().ns, root.child(nsSOAP, "Body")
	if want.Version == Trust13 {
		parent = parent.child(ns, "RequestSecurityTokenResponseCollection")
	}
	responses := parent.all(ns, "RequestSecurityTokenResponse")
	var best *Token
	encrypted := false
	for _, r := range responses {
		t, sealed := tokenIn(r, ns, data)
		encrypted = encrypted || sealed
		// Among several, one without a type cannot be chosen by type.
		if t == nil || t.Type == "" && len(responses) > 1 {
			continue
		}
		if best == nil || want.Prefer != 0 && best.SAML != want.Prefer && t.SAML == want.Prefer {
			best = t
		}
	}
	switch {
	case best != nil:
		return best, nil
	case encrypted:
		return nil, fmt.Errorf("response: %w", ErrEncrypted)
	}
	return nil, wire("response: no assertion in %d responses of version %s", len(responses), want.Version)
}

// tokenIn returns the token of one response, nil without a usable one; sealed
// says that there is an encrypted one.
func tokenIn(r *element, ns string, data []byte) (t *Token, sealed bool) {
	requested := r.child(ns, "RequestedSecurityToken")
	if requested == nil || len(requested.kids) != 1 {
		return nil, false
	}
	assertion := requested.kids[0]
	t = &Token{Type: r.child(ns, "TokenType").value()}
	switch {
	case assertion.is(nsSAML11, "Assertion"):
		t.SAML = SAML11
	case assertion.is(nsSAML20, "Assertion"):
		t.SAML = SAML20
	default:
		return nil, assertion.local == "EncryptedAssertion" || assertion.local == "EncryptedData"
	}
	var ok bool
	if t.Assertion, ok = cut(data, assertion); !ok {
		return nil, false
	}
	life := r.child(ns, "Lifetime")
	t.Created = instant(life.child(nsUtil, "Created").value())
	t.Expires = instant(life.child(nsUtil, "Expires").value())
	return t, false
}
