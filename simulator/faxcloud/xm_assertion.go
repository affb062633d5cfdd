package faxcloud

import (
	"context"
	"strings"
	"time"

	"github.com/platen-fax/platen/protocols/saml"
	"github.com/platen-fax/platen/protocols/xmcloud"
)

// Bounds of assertions.
const (
	loginAge    = 15 * time.Minute // since the person proved who they are
	keepReplays = 10000            // assertions remembered per account
)

// foldEmail brings an address into the form in which addresses are compared.
func foldEmail(s string) (string, bool) {
	fold, err := saml.FoldEmail(strings.TrimSpace(s))
	return fold, err == nil
}

// assertion checks an assertion for an account and finds the person: by RFC 7522
// §3, or for accounts that sign in over WS-Trust by the profile wstrust-bearer
// of the contract. endpoint is the token endpoint's URL. It returns why not, or
// "". x.mu is held.
func (x *XM) assertion(ctx context.Context, a *xmAccount, grant string, raw []byte, endpoint string) (*xmUser, xmcloud.Code) {
	if a.SSO == xmcloud.SSONone {
		return nil, xmcloud.SSODisabled
	}
	now := x.c.now()
	g := saml.Grant{Audiences: []string{endpoint}, Recipient: endpoint, Replays: a.replays, Now: x.c.now}
	if a.SSO == xmcloud.SSOWSTrust {
		g.Audiences, g.Recipient = []string{a.WSTrust.RPIdentifier}, ""
	}
	check := g.SAML20
	if grant == xmcloud.GrantSAML11 {
		if g.Recipient != "" {
			return nil, xmcloud.WrongRecipient // this version names none
		}
		check = g.SAML11
	}
	for _, p := range a.IdPs {
		if !p.valid(now) {
			continue
		}
		id, err := check(ctx, raw, &p.IdentityProvider)
		switch code := saml.CodeOf(err); {
		case code == saml.CodeUnknownIssuer:
			continue
		case err != nil:
			return nil, refusalOf(code)
		case now.Sub(id.AuthnInstant) > loginAge:
			return nil, xmcloud.AssertionOld
		}
		return x.person(a, id.Email)
	}
	return nil, xmcloud.UnknownIssuer
}

// refusalOf is the contract's word for a refused assertion.
func refusalOf(c saml.Code) xmcloud.Code {
	switch c {
	case saml.CodeUnsigned, saml.CodeSignature, saml.CodeShape, saml.CodeWeakAlgorithm:
		return xmcloud.BadSignature
	case saml.CodeCertExpired:
		return xmcloud.CertificateOld
	case saml.CodeNoAudience, saml.CodeWrongAudience:
		return xmcloud.WrongAudience
	case saml.CodeWrongRecipient:
		return xmcloud.WrongRecipient
	case saml.CodeExpired, saml.CodeConfirmExpired, saml.CodeStale:
		return xmcloud.AssertionOld
	case saml.CodeNotYetValid:
		return xmcloud.NotYetValid
	case saml.CodeReplayed:
		return xmcloud.Replayed
	case saml.CodeNoEmail, saml.CodeBadEmail, saml.CodeAmbiguous:
		return xmcloud.NoEmail
	}
	return xmcloud.BadAssertion
}

// person finds who an identity provider of the account vouches for, and adds
// somebody of its domains where the account wants that. x.mu is held.
func (x *XM) person(a *xmAccount, email string) (*xmUser, xmcloud.Code) {
	fold, ok := foldEmail(email)
	if !ok {
		return nil, xmcloud.NoEmail
	}
	u := a.named(fold)
	domain := fold[strings.LastIndexByte(fold, '@')+1:]
	if u == nil && a.Policy.JIT && a.owns(domain) {
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
