package faxcloud

import (
	"crypto/x509"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	"github.com/jonboulle/clockwork"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// Tolerances of assertions.
const (
	assertionSkew = 3 * time.Minute
	assertionAge  = 5 * time.Minute  // since its issue, and since the person signed in
	loginAge      = 15 * time.Minute // since the person signed in
)

// claims is what was read from the bytes that were verified, and from nothing
// else.
type claims struct {
	id, issuer     string
	issued, signIn time.Time
	from, until    time.Time
	audiences      []string
	recipients     []string // of bearer confirmations; "" where there is none
	emails         []string
}

// assertion checks an assertion for an account and finds the person: RFC 7522 §3
// and, for assertions of WS-Trust, which carry no recipient, the profile
// wstrust-bearer of the contract. endpoint is the token endpoint's URL, "" where
// only that profile will do. It returns why not, or "". x.mu is held.
func (x *XM) assertion(a *xmAccount, grant string, raw []byte, endpoint string) (*xmUser, xmcloud.Code) {
	if a.SSO == xmcloud.SSONone {
		return nil, xmcloud.SSODisabled
	}
	now := x.c.now()
	root, ns, code := parseAssertion(grant, raw)
	if code != "" {
		return nil, code
	}
	issuer := readIssuer(root, ns)
	i := slices.IndexFunc(a.IdPs, func(p XMIdP) bool {
		return p.Issuer == issuer && (p.From.IsZero() || !now.Before(p.From)) && (p.Until.IsZero() || now.Before(p.Until))
	})
	if i < 0 {
		return nil, xmcloud.UnknownIssuer
	}
	verified, code := verify(root, ns, a.IdPs[i], now)
	if code != "" {
		return nil, code
	}
	c, ok := readClaims(verified, ns)
	if !ok || c.issuer != issuer {
		return nil, xmcloud.BadAssertion
	}
	if code := x.fits(c, a, endpoint, now); code != "" {
		return nil, code
	}
	return x.claimed(c, a)
}

// fits checks audience, recipient, times and single use.
func (x *XM) fits(c claims, a *xmAccount, endpoint string, now time.Time) xmcloud.Code {
	addressed := endpoint != "" && slices.Contains(c.recipients, endpoint)
	rp := a.WSTrust.RPIdentifier
	switch {
	case len(c.recipients) == 0:
		return xmcloud.BadAssertion // no bearer confirmation
	case !addressed && !slices.Contains(c.recipients, ""):
		return xmcloud.WrongRecipient
	case addressed && !slices.Contains(c.audiences, endpoint) && (rp == "" || !slices.Contains(c.audiences, rp)),
		!addressed && (rp == "" || !slices.Contains(c.audiences, rp)):
		return xmcloud.WrongAudience
	case c.until.IsZero() || c.issued.IsZero():
		return xmcloud.BadAssertion
	case now.Add(assertionSkew).Before(c.from) || now.Add(assertionSkew).Before(c.issued):
		return xmcloud.NotYetValid
	case !now.Before(c.until.Add(assertionSkew)),
		!addressed && now.Sub(c.issued) > assertionAge,
		!c.signIn.IsZero() && now.Sub(c.signIn) > loginAge:
		return xmcloud.AssertionOld
	}
	for id, until := range x.replay {
		if now.After(until) {
			delete(x.replay, id)
		}
	}
	key := a.Region + " " + c.issuer + " " + c.id
	if _, seen := x.replay[key]; seen {
		return xmcloud.Replayed
	}
	x.replay[key] = c.until.Add(2 * assertionSkew)
	return ""
}

// claimed finds the person of a checked assertion, and makes one where the
// account wants that.
func (x *XM) claimed(c claims, a *xmAccount) (*xmUser, xmcloud.Code) {
	if len(c.emails) != 1 {
		return nil, xmcloud.NoEmail
	}
	return x.person(a, c.emails[0])
}

// person finds who an identity provider of the account vouches for. x.mu is held.
func (x *XM) person(a *xmAccount, email string) (*xmUser, xmcloud.Code) {
	fold, ok := FoldEmail(email)
	if !ok {
		return nil, xmcloud.NoEmail
	}
	u := a.named(fold)
	domain := fold[strings.LastIndexByte(fold, '@')+1:]
	if u == nil && a.Policy.JIT && slices.ContainsFunc(a.Domains, func(d string) bool { return strings.EqualFold(d, domain) }) {
		name := strings.Map(func(r rune) rune {
			if userName.MatchString(string(r)) {
				return r
			}
			return '_'
		}, fold)
		if x.addUser(a, XMUser{Name: name, Email: email}) == nil {
			u = a.named(fold)
		}
	}
	if u == nil {
		return nil, xmcloud.UserUnknown
	}
	return u, u.may()
}

// verify checks the one signature with the account's own certificates and
// returns the element that was verified.
func verify(root *etree.Element, ns string, p XMIdP, now time.Time) (*etree.Element, xmcloud.Code) {
	var sigs int
	walk(root, func(e *etree.Element) {
		if e.Tag == "Signature" && e.NamespaceURI() == dsig.Namespace {
			sigs++
		}
	})
	sig := child(root, dsig.Namespace, "Signature")
	if sigs != 1 || sig == nil || !allowed(sig, p.AllowSHA1) {
		return nil, xmcloud.BadSignature
	}
	expired := true
	for _, cert := range p.Certs {
		if now.After(cert.NotAfter) || now.Before(cert.NotBefore) {
			continue
		}
		expired = false
		ctx := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{cert}})
		ctx.Clock = dsig.NewFakeClock(clockwork.NewFakeClockAt(now))
		ctx.IdAttribute = "ID"
		if ns == nsSAML11 {
			ctx.IdAttribute = "AssertionID"
		}
		if e, err := ctx.Validate(root); err == nil {
			return e, ""
		}
	}
	if expired {
		return nil, xmcloud.CertificateOld
	}
	return nil, xmcloud.BadSignature
}

// Algorithms of signatures that are taken.
var (
	strong = []string{
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
		"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
		"http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmldsig-more#sha384", "http://www.w3.org/2001/04/xmlenc#sha512",
	}
	weak = []string{"http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2000/09/xmldsig#sha1"}
)

// allowed looks at every algorithm a signature names for signing and digesting.
func allowed(sig *etree.Element, sha1 bool) bool {
	ok, seen := true, 0
	walk(sig, func(e *etree.Element) {
		if e.Tag != "SignatureMethod" && e.Tag != "DigestMethod" {
			return
		}
		seen++
		alg := e.SelectAttrValue("Algorithm", "")
		ok = ok && (slices.Contains(strong, alg) || (sha1 && slices.Contains(weak, alg)))
	})
	return ok && seen == 2
}

// address takes a name for an address only where the format says so, or leaves it
// open and it is one.
func address(format, value string) (string, bool) {
	switch {
	case strings.HasSuffix(format, ":nameid-format:emailAddress"):
		return value, true
	case format == "" || strings.HasSuffix(format, ":nameid-format:unspecified"):
		p, err := mail.ParseAddress(value)
		if err == nil && p.Address == value {
			return value, true
		}
	}
	return "", false
}
