package saml

import (
	"context"
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// Identity is a person as an identity provider vouched for them.
type Identity struct {
	// Account is the account of the request that was answered.
	Account string
	// Request is the ID of that request; empty for a grant.
	Request string
	// Issuer is the identity provider.
	Issuer string
	// Email is the address as sent, EmailKey its [FoldEmail].
	Email, EmailKey string
	// Name is how to greet the person; may be empty.
	Name string
	// NameID and its format, as sent.
	NameID, NameIDFormat string
	// Attributes are all claims by full name.
	Attributes map[string][]string
	// AssertionID is unique per issuer; SessionIndex serves a later logout.
	AssertionID, SessionIndex string
	// AuthnInstant is when the person last proved who they are.
	AuthnInstant time.Time
	// SignedBy is the certificate whose key signed, to be stored where only a
	// fingerprint was configured.
	SignedBy *x509.Certificate
}

// terms are what an assertion has to meet.
type terms struct {
	now       time.Time
	skew      time.Duration
	audiences []string // any of these
	recipient string   // empty: not looked at (tokens of WS-Trust have none)
	request   string   // empty: no request was made
}

// checkAssertion runs the checks 11 to 13 on a verified assertion and returns
// when it can no longer be used.
func checkAssertion(a *etree.Element, t terms) (time.Time, error) {
	issued, ok := instant(attr(a, "IssueInstant"))
	if !ok {
		return time.Time{}, refuse(CodeMalformed, "the assertion has no time of issue")
	}
	if issued.After(t.now.Add(t.skew)) {
		return time.Time{}, refuse(CodeNotYetValid, "issued in the future; compare the clocks")
	}
	cond := child(a, NSAssertion, "Conditions")
	if cond == nil {
		return time.Time{}, refuse(CodeNoAudience, "the assertion has no conditions")
	}
	until, err := checkConditions(cond, t)
	if err != nil {
		return time.Time{}, err
	}
	confirmed, err := checkSubject(a, t)
	if err != nil {
		return time.Time{}, err
	}
	if until.IsZero() {
		until = confirmed
	}
	if until.IsZero() {
		return time.Time{}, refuse(CodeConfirmation, "the assertion never ends")
	}
	return until, nil
}

// checkConditions returns the end of validity, zero if there is none.
func checkConditions(cond *etree.Element, t terms) (time.Time, error) {
	until, err := checkWindow(cond, t, CodeExpired)
	if err != nil {
		return time.Time{}, err
	}
	restricted := false
	for _, c := range cond.ChildElements() {
		switch {
		case is(c, NSAssertion, "AudienceRestriction"):
			// Several restrictions must each hold (SAML Core §2.5.1.4).
			restricted = true
			found := false
			for _, a := range children(c, NSAssertion, "Audience") {
				s, ok := text(a)
				found = found || ok && slices.Contains(t.audiences, s)
			}
			if !found {
				return time.Time{}, refuse(CodeWrongAudience, "meant for others, not for %q", t.audiences)
			}
		case is(c, NSAssertion, "OneTimeUse"), is(c, NSAssertion, "ProxyRestriction"):
			// Every assertion is used once here, and none is passed on.
		default:
			return time.Time{}, refuse(CodeCondition, "an unknown condition %q", c.Tag)
		}
	}
	if !restricted {
		return time.Time{}, refuse(CodeNoAudience, "the assertion names no audience")
	}
	return until, nil
}

// checkWindow reads NotBefore and NotOnOrAfter; either may be absent.
func checkWindow(e *etree.Element, t terms, late Code) (until time.Time, err error) {
	if s := attr(e, "NotBefore"); s != "" {
		from, ok := instant(s)
		if !ok {
			return time.Time{}, refuse(CodeMalformed, "a time that is none")
		}
		if t.now.Add(t.skew).Before(from) {
			return time.Time{}, refuse(CodeNotYetValid, "valid from %s on; compare the clocks", from.Format(time.RFC3339))
		}
	}
	if s := attr(e, "NotOnOrAfter"); s != "" {
		var ok bool
		if until, ok = instant(s); !ok {
			return time.Time{}, refuse(CodeMalformed, "a time that is none")
		}
		if !t.now.Add(-t.skew).Before(until) {
			return time.Time{}, refuse(late, "ended at %s; compare the clocks", until.Format(time.RFC3339))
		}
	}
	return until, nil
}

// checkSubject wants at least one bearer confirmation that holds; a foreign one
// beside it does no harm. It returns the end of the longest; the error is that
// of the last bearer one.
func checkSubject(a *etree.Element, t terms) (time.Time, error) {
	subject := child(a, NSAssertion, "Subject")
	if subject == nil {
		return time.Time{}, refuse(CodeNoConfirmation, "the assertion has no subject")
	}
	err := refuse(CodeNoConfirmation, "no bearer confirmation")
	held, last := false, time.Time{}
	for _, c := range children(subject, NSAssertion, "SubjectConfirmation") {
		if attr(c, "Method") != ConfirmationBearer {
			continue
		}
		data := child(c, NSAssertion, "SubjectConfirmationData")
		if data == nil {
			if t.recipient == "" {
				held = true
				continue
			}
			err = refuse(CodeConfirmation, "a confirmation without data")
			continue
		}
		until, e := checkConfirmation(data, t)
		if e != nil {
			err = e
			continue
		}
		held = true
		if until.After(last) {
			last = until
		}
	}
	if !held {
		return time.Time{}, err
	}
	return last, nil
}

func checkConfirmation(data *etree.Element, t terms) (time.Time, *Error) {
	if t.recipient != "" && attr(data, "Recipient") != t.recipient {
		return time.Time{}, refuse(CodeWrongRecipient, "a confirmation for another endpoint than %q", t.recipient)
	}
	if attr(data, "InResponseTo") != t.request && (t.request != "" || t.recipient != "") {
		return time.Time{}, refuse(CodeWrongInResponseTo, "a confirmation of another request")
	}
	if attr(data, "NotBefore") != "" && t.recipient != "" {
		return time.Time{}, refuse(CodeConfirmation, "a bearer confirmation must not have NotBefore")
	}
	s := attr(data, "NotOnOrAfter")
	if s == "" {
		if t.recipient == "" {
			return time.Time{}, nil
		}
		return time.Time{}, refuse(CodeConfirmation, "a bearer confirmation must have NotOnOrAfter")
	}
	until, ok := instant(s)
	if !ok {
		return time.Time{}, refuse(CodeMalformed, "a time that is none")
	}
	if !t.now.Add(-t.skew).Before(until) {
		return time.Time{}, refuse(CodeConfirmExpired, "ended at %s; compare the clocks", until.Format(time.RFC3339))
	}
	return until, nil
}

// instant reads an xs:dateTime, which SAML wants in UTC; a time without zone is
// refused because it could be any.
func instant(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(s))
	if err != nil || t.Year() < 2000 || t.Year() > 9000 {
		return time.Time{}, false
	}
	return t.UTC(), true
}

// readIdentity takes the person out of a verified SAML 2.0 assertion.
func readIdentity(a *etree.Element, idp *IdentityProvider) (*Identity, error) {
	id := &Identity{Issuer: idp.EntityID, AssertionID: attr(a, "ID"), Attributes: make(map[string][]string)}
	if id.AssertionID == "" {
		return nil, refuse(CodeMalformed, "the assertion has no ID")
	}
	statements := children(a, NSAssertion, "AuthnStatement")
	if len(statements) == 0 {
		return nil, refuse(CodeMalformed, "the assertion does not say that anybody signed in")
	}
	for _, s := range statements {
		at, ok := instant(attr(s, "AuthnInstant"))
		if !ok {
			return nil, refuse(CodeMalformed, "a time that is none")
		}
		if at.After(id.AuthnInstant) {
			id.AuthnInstant, id.SessionIndex = at, attr(s, "SessionIndex")
		}
	}
	for _, s := range children(a, NSAssertion, "AttributeStatement") {
		for _, at := range children(s, NSAssertion, "Attribute") {
			for _, v := range children(at, NSAssertion, "AttributeValue") {
				if s, ok := text(v); ok {
					id.Attributes[attr(at, "Name")] = append(id.Attributes[attr(at, "Name")], s)
				}
			}
		}
	}
	if n := child(child(a, NSAssertion, "Subject"), NSAssertion, "NameID"); n != nil {
		s, ok := text(n)
		if !ok {
			return nil, refuse(CodeMalformed, "the name is not plain text")
		}
		id.NameID, id.NameIDFormat = s, attr(n, "Format")
	}
	return id, id.address(idp.UPNIsEmail)
}

// emailClaims are the names under which an address comes, the first present
// one counts.
var emailClaims = []string{
	ClaimEmail, "urn:oid:0.9.2342.19200300.100.1.3", "email", "mail", "emailaddress", "emailAddress", "Email", "User.email",
}

// nameClaims are the names under which a person's name comes.
var nameClaims = []string{
	ClaimName, "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", "urn:oid:2.16.840.1.113730.3.1.241", "displayName", "name",
}

// address chooses the e-mail: a NameID that says it is one, or one of no format
// that looks like one, else a claim, else the UPN if the account wants that.
func (id *Identity) address(upn bool) error {
	for _, c := range nameClaims {
		if v := id.Attributes[c]; len(v) > 0 && v[0] != "" && !strings.Contains(v[0], "@") {
			id.Name = v[0]
			break
		}
	}
	take := func(s string) error {
		key, err := FoldEmail(s)
		if err != nil {
			return &Error{Code: CodeBadEmail, Err: err}
		}
		id.Email, id.EmailKey = s, key
		return nil
	}
	switch id.NameIDFormat {
	case FormatEmail:
		return take(id.NameID)
	case FormatUnspecified, "":
		if strings.Contains(id.NameID, "@") && take(id.NameID) == nil {
			return nil
		}
	}
	claims := emailClaims
	if upn {
		claims = append(claims[:len(claims):len(claims)], ClaimUPN)
	}
	for _, c := range claims {
		values := slices.DeleteFunc(slices.Clone(id.Attributes[c]), func(s string) bool { return s == "" })
		if len(values) == 0 {
			continue
		}
		for _, other := range values[1:] {
			if !SameEmail(other, values[0]) {
				return refuse(CodeAmbiguous, "several addresses in one claim")
			}
		}
		return take(values[0])
	}
	return refuse(CodeNoEmail, "neither the name nor a claim is an address")
}

// remember uses an assertion up; it fails closed.
func remember(ctx context.Context, r Replays, issuer, id string, until time.Time) error {
	switch fresh, err := r.Add(ctx, issuer, id, until); {
	case err != nil:
		return &Error{Code: CodeStorage, Err: err}
	case !fresh:
		return refuse(CodeReplayed, "the assertion was used before")
	}
	return nil
}
