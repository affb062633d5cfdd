package saml

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// Grant accepts assertions that a client hands to a token endpoint. Its methods
// are safe for concurrent use when Replays is; they start no goroutine.
//
// The strict form is RFC 7522 §3. Tokens that AD FS issues to active clients
// over WS-Trust bear no Recipient and SAML 1.1 knows none, so for them MaxAge
// and the one-time use take its place and the audience must be the relying
// party of the account; whoever uses that form must authenticate the client.
type Grant struct {
	// Audiences of which the assertion must name one: the token endpoint or our
	// entity ID in the strict form, the relying party identifier otherwise.
	Audiences []string
	// Recipient is the token endpoint. Empty selects the form for WS-Trust.
	Recipient string
	// MaxAge since the assertion was issued; zero means 5 min without a
	// Recipient and no limit with one.
	MaxAge time.Duration
	// Replays remembers what was accepted; required.
	Replays Replays
	// Skew is the tolerated difference of clocks; zero means [DefaultSkew].
	Skew time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// DecodeGrant decodes the assertion parameter: base64url without padding as RFC
// 7522 §2.1 wants, or standard base64 with padding as Microsoft's clients send.
func DecodeGrant(s string) ([]byte, error) {
	if len(s) > base64.StdEncoding.EncodedLen(MaxResponse) {
		return nil, refuse(CodeTooLarge, "%d characters", len(s))
	}
	s = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/", "\r", "", "\n", "").Replace(s), "=")
	raw, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil || len(raw) == 0 {
		return nil, &Error{Code: CodeEncoding, Detail: "the assertion is not base64", Err: err}
	}
	return raw, nil
}

// SAML20 checks a SAML 2.0 assertion. idp is the identity provider of the
// account that the client belongs to. Every failure is an [*Error].
func (g *Grant) SAML20(ctx context.Context, assertion []byte, idp *IdentityProvider) (*Identity, error) {
	root, err := g.parse(assertion, NSAssertion)
	if err != nil {
		return nil, err
	}
	if attr(root, "Version") != "2.0" {
		return nil, refuse(CodeMalformed, "not a SAML 2.0 assertion")
	}
	if err := checkIssuer(root, idp, true); err != nil {
		return nil, err
	}
	now := g.now()
	a, cert, err := verify(root, "ID", idp, now)
	if err != nil {
		return nil, err
	}
	if !is(a, NSAssertion, "Assertion") {
		return nil, refuse(CodeShape, "what is signed is not the assertion")
	}
	if err := checkIssuer(a, idp, true); err != nil {
		return nil, err
	}
	until, err := checkAssertion(a, terms{now: now, skew: g.skew(), audiences: g.Audiences, recipient: g.Recipient})
	if err != nil {
		return nil, err
	}
	if err := g.checkAge(a, now); err != nil {
		return nil, err
	}
	id, err := readIdentity(a, idp)
	if err != nil {
		return nil, err
	}
	return g.accept(ctx, id, cert, until)
}

// SAML11 checks a SAML 1.1 assertion, as AD FS issues by default. Recipient is
// not looked at.
func (g *Grant) SAML11(ctx context.Context, assertion []byte, idp *IdentityProvider) (*Identity, error) {
	root, err := g.parse(assertion, NSAssertion1)
	if err != nil {
		return nil, err
	}
	if attr(root, "MajorVersion") != "1" || attr(root, "MinorVersion") != "1" {
		return nil, refuse(CodeMalformed, "not a SAML 1.1 assertion")
	}
	if attr(root, "Issuer") != idp.EntityID {
		return nil, refuse(CodeUnknownIssuer, "the issuer is not %q", idp.EntityID)
	}
	now := g.now()
	a, cert, err := verify(root, "AssertionID", idp, now)
	if err != nil {
		return nil, err
	}
	if !is(a, NSAssertion1, "Assertion") || attr(a, "Issuer") != idp.EntityID {
		return nil, refuse(CodeShape, "what is signed is not the assertion")
	}
	until, err := checkConditions11(a, terms{now: now, skew: g.skew(), audiences: g.Audiences})
	if err != nil {
		return nil, err
	}
	if err := g.checkAge(a, now); err != nil {
		return nil, err
	}
	id, err := readIdentity11(a, idp)
	if err != nil {
		return nil, err
	}
	return g.accept(ctx, id, cert, until)
}

func (g *Grant) parse(b []byte, ns string) (*etree.Element, error) {
	root, err := parse(b, rules{max: MaxResponse})
	if err != nil {
		return nil, err
	}
	if is(root, NSAssertion, "EncryptedAssertion") {
		return nil, refuse(CodeEncrypted, "encrypted assertions are not accepted")
	}
	if !is(root, ns, "Assertion") {
		return nil, refuse(CodeMalformed, "not an assertion of this version of SAML")
	}
	n, strays := 0, 0
	walk(root, func(e *etree.Element) {
		switch {
		case is(e, NSAssertion, "Assertion"), is(e, NSAssertion1, "Assertion"):
			n++
		case is(e, NSSignature, "Signature") && e.Parent() != root:
			strays++
		}
	})
	switch {
	case n != 1:
		return nil, refuse(CodeAssertion, "%d assertions", n)
	case strays > 0:
		return nil, refuse(CodeShape, "a signature where none belongs")
	}
	return root, nil
}

func (g *Grant) now() time.Time {
	if g.Now == nil {
		return time.Now()
	}
	return g.Now()
}

func (g *Grant) skew() time.Duration {
	if g.Skew <= 0 {
		return DefaultSkew
	}
	return g.Skew
}

// checkAge keeps an assertion from lying around before its first use.
func (g *Grant) checkAge(a *etree.Element, now time.Time) error {
	limit := g.MaxAge
	if limit <= 0 {
		if g.Recipient != "" {
			return nil
		}
		limit = 5 * time.Minute
	}
	issued, ok := instant(attr(a, "IssueInstant"))
	if !ok {
		return refuse(CodeMalformed, "the assertion has no time of issue")
	}
	if now.Sub(issued) > limit+g.skew() {
		return refuse(CodeExpired, "issued more than %s ago", limit)
	}
	return nil
}

func (g *Grant) accept(ctx context.Context, id *Identity, cert *x509.Certificate, until time.Time) (*Identity, error) {
	if err := remember(ctx, g.Replays, id.Issuer, id.AssertionID, until.Add(g.skew())); err != nil {
		return nil, err
	}
	id.SignedBy = cert
	return id, nil
}

// checkConditions11 is the form of SAML 1.1: other names, the same meaning.
func checkConditions11(a *etree.Element, t terms) (time.Time, error) {
	if issued, ok := instant(attr(a, "IssueInstant")); !ok || issued.After(t.now.Add(t.skew)) {
		return time.Time{}, refuse(CodeNotYetValid, "issued in the future; compare the clocks")
	}
	cond := child(a, NSAssertion1, "Conditions")
	if cond == nil {
		return time.Time{}, refuse(CodeNoAudience, "the assertion has no conditions")
	}
	until, err := checkWindow(cond, t, CodeExpired)
	if err != nil {
		return time.Time{}, err
	}
	if until.IsZero() {
		return time.Time{}, refuse(CodeExpired, "the assertion never ends")
	}
	restricted := false
	for _, c := range cond.ChildElements() {
		switch {
		case is(c, NSAssertion1, "AudienceRestrictionCondition"):
			restricted = true
			found := false
			for _, e := range children(c, NSAssertion1, "Audience") {
				s, ok := text(e)
				for _, want := range t.audiences {
					found = found || ok && s == want
				}
			}
			if !found {
				return time.Time{}, refuse(CodeWrongAudience, "meant for others, not for %q", t.audiences)
			}
		case is(c, NSAssertion1, "DoNotCacheCondition"):
		default:
			return time.Time{}, refuse(CodeCondition, "an unknown condition %q", c.Tag)
		}
	}
	if !restricted {
		return time.Time{}, refuse(CodeNoAudience, "the assertion names no audience")
	}
	return until, nil
}

// readIdentity11 takes the person out of a verified SAML 1.1 assertion. Each
// statement repeats the subject; all must confirm by bearer and agree.
func readIdentity11(a *etree.Element, idp *IdentityProvider) (*Identity, error) {
	id := &Identity{Issuer: idp.EntityID, AssertionID: attr(a, "AssertionID"), Attributes: make(map[string][]string)}
	subjects := 0
	for _, s := range a.ChildElements() {
		if !is(s, NSAssertion1, "AttributeStatement") && !is(s, NSAssertion1, "AuthenticationStatement") {
			continue
		}
		if err := id.subject11(child(s, NSAssertion1, "Subject"), subjects == 0); err != nil {
			return nil, err
		}
		subjects++
		if s.Tag == "AuthenticationStatement" {
			at, ok := instant(attr(s, "AuthenticationInstant"))
			if !ok {
				return nil, refuse(CodeMalformed, "a time that is none")
			}
			id.AuthnInstant = at
		}
		for _, at := range children(s, NSAssertion1, "Attribute") {
			// The claim is split in two here, yet some servers write it whole.
			name := attr(at, "AttributeName")
			if ns := attr(at, "AttributeNamespace"); ns != "" && !strings.Contains(name, "://") {
				name = strings.TrimSuffix(ns, "/") + "/" + name
			}
			for _, v := range children(at, NSAssertion1, "AttributeValue") {
				if s, ok := text(v); ok {
					id.Attributes[name] = append(id.Attributes[name], s)
				}
			}
		}
	}
	if id.AuthnInstant.IsZero() || id.AssertionID == "" {
		return nil, refuse(CodeMalformed, "the assertion does not say that anybody signed in")
	}
	return id, id.address(idp.UPNIsEmail)
}

func (id *Identity) subject11(s *etree.Element, first bool) error {
	if s == nil {
		return refuse(CodeNoConfirmation, "a statement without a subject")
	}
	conf := child(s, NSAssertion1, "SubjectConfirmation")
	bearer := false
	if conf != nil {
		for _, m := range children(conf, NSAssertion1, "ConfirmationMethod") {
			v, ok := text(m)
			bearer = bearer || ok && v == ConfirmationBearer11
		}
	}
	if !bearer {
		return refuse(CodeNoConfirmation, "no bearer confirmation")
	}
	name, format := "", ""
	if n := child(s, NSAssertion1, "NameIdentifier"); n != nil {
		v, ok := text(n)
		if !ok {
			return refuse(CodeMalformed, "the name is not plain text")
		}
		name, format = v, attr(n, "Format")
	}
	if first {
		id.NameID, id.NameIDFormat = name, format
	} else if id.NameID != name {
		return refuse(CodeAmbiguous, "two statements about different people")
	}
	return nil
}
