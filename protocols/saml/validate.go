package saml

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// IdentityProvider is what one account configured about its identity provider.
type IdentityProvider struct {
	// EntityID is the exact issuer. It is a name, also where it looks like a URL.
	EntityID string
	// SSO is the https address of its redirect binding.
	SSO string
	// Certificates may each have signed. During a rollover there are two.
	Certificates []*x509.Certificate
	// Fingerprints stand for certificates that are not known yet.
	Fingerprints []Fingerprint
	// AllowSHA1 accepts RSA-SHA1 and SHA-1 digests, for old farms only.
	AllowSHA1 bool
	// AllowExpired accepts a listed certificate outside of its validity.
	AllowExpired bool
	// UPNIsEmail takes the UPN claim where there is no e-mail claim.
	UPNIsEmail bool
}

// Validator accepts responses for one service provider. Its methods are safe
// for concurrent use when Requests and Replays are; they start no goroutine and
// block only in these two.
type Validator struct {
	// EntityID is our name, byte for byte as identity providers have it.
	EntityID string
	// ACS is the https address responses are posted to.
	ACS string
	// Requests remembers what was asked; required.
	Requests Requests
	// Replays remembers what was accepted; required.
	Replays Replays
	// Skew is the tolerated difference of clocks; zero means [DefaultSkew].
	Skew time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Post is a response as it came from a browser.
type Post struct {
	// Response is the value of the field SAMLResponse.
	Response string
	// RelayState is the value of the field RelayState.
	RelayState string
	// Session names the browser session it came from; set by the caller, from
	// a cookie and never from the form.
	Session string
}

// ReadPost takes a response out of a request: a POST over TLS with a form body
// of bounded size. It reads the body to its end or the bound.
func ReadPost(w http.ResponseWriter, r *http.Request) (Post, error) {
	if r.Method != http.MethodPost || r.TLS == nil {
		return Post{}, refuse(CodeTransport, "only a POST over TLS is accepted")
	}
	r.Body = http.MaxBytesReader(w, r.Body, 2*MaxResponse)
	if err := r.ParseForm(); err != nil {
		if strings.Contains(err.Error(), "too large") {
			return Post{}, &Error{Code: CodeTooLarge, Err: err}
		}
		return Post{}, &Error{Code: CodeEncoding, Err: err}
	}
	if len(r.PostForm["SAMLResponse"]) != 1 || len(r.PostForm["RelayState"]) > 1 {
		return Post{}, refuse(CodeEncoding, "not exactly one response in the form")
	}
	return Post{Response: r.PostForm.Get("SAMLResponse"), RelayState: r.PostForm.Get("RelayState")}, nil
}

// Response checks a posted response against the request it answers and returns
// who signed in. The request is used up only by success. Every failure is an
// [*Error].
func (v *Validator) Response(ctx context.Context, p Post) (*Identity, error) {
	raw, err := decodeResponse(p.Response)
	if err != nil {
		return nil, err
	}
	root, err := parse(raw, rules{max: MaxResponse})
	if err != nil {
		return nil, err
	}
	if !is(root, NSProtocol, "Response") || attr(root, "Version") != "2.0" {
		return nil, refuse(CodeMalformed, "not a SAML 2.0 response")
	}
	now := v.now()

	pending, err := v.pending(ctx, attr(root, "InResponseTo"), p, now)
	if err != nil {
		return nil, err
	}
	idp := pending.Provider

	// A refusal by the identity provider bears no assertion, and whether it is
	// signed makes no difference to us.
	if err := checkStatus(root); err != nil {
		return nil, err
	}
	if err := checkPlaces(root); err != nil {
		return nil, err
	}
	if err := checkIssuer(root, idp, false); err != nil {
		return nil, err
	}
	assertion, cert, err := v.verified(root, idp, now)
	if err != nil {
		return nil, err
	}

	// From here on only the verified element is looked at.
	if err := checkIssuer(assertion, idp, true); err != nil {
		return nil, err
	}
	terms := terms{now: now, skew: v.skew(), audiences: []string{v.EntityID}, recipient: v.ACS, request: pending.ID}
	until, err := checkAssertion(assertion, terms)
	if err != nil {
		return nil, err
	}
	id, err := readIdentity(assertion, idp)
	if err != nil {
		return nil, err
	}
	if pending.Fresh && id.AuthnInstant.Before(pending.Asked.Add(-v.skew())) {
		return nil, refuse(CodeStale, "the person signed in before the request was made")
	}
	if err := remember(ctx, v.Replays, idp.EntityID, id.AssertionID, until.Add(v.skew())); err != nil {
		return nil, err
	}
	switch ok, err := v.Requests.Use(ctx, pending.ID); {
	case err != nil:
		return nil, &Error{Code: CodeStorage, Err: err}
	case !ok:
		return nil, refuse(CodeRequestUsed, "the request was answered meanwhile")
	}
	id.Account, id.Request, id.SignedBy = pending.Account, pending.ID, cert
	return id, nil
}

func (v *Validator) now() time.Time {
	if v.Now == nil {
		return time.Now()
	}
	return v.Now()
}

func (v *Validator) skew() time.Duration {
	if v.Skew <= 0 {
		return DefaultSkew
	}
	return v.Skew
}

// decodeResponse is strict about size before it decodes; the POST binding knows
// no compression, so nothing here can inflate.
func decodeResponse(s string) ([]byte, error) {
	if len(s) > base64.StdEncoding.EncodedLen(MaxResponse)+MaxResponse/32 {
		return nil, refuse(CodeTooLarge, "%d characters", len(s))
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
			return -1
		}
		return r
	}, s))
	if err != nil || len(raw) == 0 {
		return nil, &Error{Code: CodeEncoding, Detail: "the response is not base64", Err: err}
	}
	return raw, nil
}

// pending finds the request of this browser session. The account comes from
// there and from nowhere else: not from the audience, which all accounts share,
// and not from the address of the person.
func (v *Validator) pending(ctx context.Context, id string, p Post, now time.Time) (Pending, error) {
	if id == "" {
		return Pending{}, refuse(CodeRequestUnknown, "the response answers no request")
	}
	q, ok, err := v.Requests.Get(ctx, id)
	switch {
	case err != nil:
		return Pending{}, &Error{Code: CodeStorage, Err: err}
	case !ok:
		return Pending{}, refuse(CodeRequestUnknown, "the response answers a request that was never made")
	case q.Session == "" || q.Session != p.Session || q.RelayState != p.RelayState:
		return Pending{}, refuse(CodeRequestSession, "the request was made for another browser session")
	case q.Used:
		return Pending{}, refuse(CodeRequestUsed, "the request was answered before")
	case !now.Before(q.Expires):
		return Pending{}, refuse(CodeRequestExpired, "the request ran out")
	case q.Provider == nil || q.Provider.EntityID == "":
		return Pending{}, &Error{Code: CodeStorage, Err: fmt.Errorf("request without an identity provider")}
	}
	return q, nil
}

func checkStatus(root *etree.Element) error {
	status := child(root, NSProtocol, "Status")
	code := (*etree.Element)(nil)
	if status != nil {
		code = child(status, NSProtocol, "StatusCode")
	}
	if code == nil {
		return refuse(CodeMalformed, "no status")
	}
	if attr(code, "Value") == StatusSuccess {
		return nil
	}
	e := refuse(CodeStatus, "the identity provider refused")
	for ; code != nil; code = child(code, NSProtocol, "StatusCode") {
		e.Status = attr(code, "Value")
	}
	e.Message, _ = text(child(status, NSProtocol, "StatusMessage"))
	return e
}

// checkPlaces wants one assertion in the whole document, directly below the
// response, and signatures nowhere but directly below these two. Wrapping
// attacks need a second assertion or a signature elsewhere.
func checkPlaces(root *etree.Element) error {
	var assertions, strays, encrypted int
	walk(root, func(e *etree.Element) {
		switch ns := e.NamespaceURI(); {
		case e.Tag == "EncryptedAssertion" && ns == NSAssertion:
			encrypted++
		case e.Tag == "Assertion" && (ns == NSAssertion || ns == NSAssertion1):
			assertions++
		case e.Tag == "Signature" && ns == NSSignature:
			up := e.Parent()
			if up != root && (!is(up, NSAssertion, "Assertion") || up.Parent() != root) {
				strays++
			}
		}
	})
	switch {
	case encrypted > 0:
		return refuse(CodeEncrypted, "encrypted assertions are not accepted; switch encryption off for this application")
	case assertions != 1 || child(root, NSAssertion, "Assertion") == nil:
		return refuse(CodeAssertion, "%d assertions, not one directly in the response", assertions)
	case strays > 0:
		return refuse(CodeShape, "a signature where none belongs")
	}
	return nil
}

// checkIssuer compares byte for byte; a response may leave its issuer out.
func checkIssuer(e *etree.Element, idp *IdentityProvider, must bool) error {
	all := children(e, NSAssertion, "Issuer")
	if len(all) == 0 && !must {
		return nil
	}
	if len(all) == 1 {
		if s, ok := text(all[0]); ok && s == idp.EntityID {
			return nil
		}
	}
	return refuse(CodeUnknownIssuer, "the issuer of the %s is not %q", e.Tag, idp.EntityID)
}

// verified returns the assertion out of signed bytes. A signed response is
// checked as a whole and its destination then must be there (SAML Bindings
// §3.5.5.2). When both are signed, both signatures must hold.
func (v *Validator) verified(root *etree.Element, idp *IdentityProvider, now time.Time) (*etree.Element, *x509.Certificate, error) {
	var response, assertion *etree.Element
	var cert *x509.Certificate
	var err error
	inner := child(root, NSAssertion, "Assertion")
	if len(children(root, NSSignature, "Signature")) > 0 {
		if response, cert, err = verify(root, "ID", idp, now); err != nil {
			return nil, nil, err
		}
		if !is(response, NSProtocol, "Response") {
			return nil, nil, refuse(CodeShape, "what is signed is not the response")
		}
		assertion = child(response, NSAssertion, "Assertion")
	}
	if len(children(inner, NSSignature, "Signature")) > 0 {
		if assertion, cert, err = verify(inner, "ID", idp, now); err != nil {
			return nil, nil, err
		}
	}
	if assertion == nil {
		return nil, nil, refuse(CodeUnsigned, "neither the response nor the assertion is signed")
	}
	if !is(assertion, NSAssertion, "Assertion") || attr(assertion, "Version") != "2.0" {
		return nil, nil, refuse(CodeShape, "what is signed is not a SAML 2.0 assertion")
	}
	from, must := root, false
	if response != nil {
		from, must = response, true
	}
	if d := attr(from, "Destination"); d != v.ACS && (d != "" || must) {
		return nil, nil, refuse(CodeDestination, "the response is addressed to another endpoint than %q", v.ACS)
	}
	return assertion, cert, nil
}
