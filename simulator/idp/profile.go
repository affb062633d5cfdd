package idp

import (
	"fmt"
	"time"

	"github.com/platen-fax/platen/protocols/saml"
)

// Profile says whose manner a SAML provider has.
type Profile string

// The profiles. What differs: which parts are signed, how long they last, the
// form of the issuer, the name identifier and the claims.
const (
	Entra      Profile = "entra"       // assertion signed, 70 min, no leeway before, issuer under sts.windows.net
	ADFS       Profile = "adfs"        // assertion signed, 60 min, issuer an http:// name
	Okta       Profile = "okta"        // both signed, 5 min
	F5         Profile = "f5"          // response signed only, address as a name without format
	StrictCase Profile = "strict-case" // minds case, sends addresses as the directory spells them
)

// Profiles lists all of them.
func Profiles() []Profile { return []Profile{Entra, ADFS, Okta, F5, StrictCase} }

// tenant is the directory id that Entra shows in its addresses.
const tenant = "5f0c9d3e-6a3b-4f57-9c0e-2a1f4d7b8c90"

// manner is what a profile means.
type manner struct {
	path                        string // of single sign-on
	metadata                    string
	issuer                      string // %s is the host
	signResponse, signAssertion bool
	before, after, confirm      time.Duration
	nameFormat                  string
	emailClaim, nameClaim       string
	prefix, protocolPrefix      string // of SAML elements; empty is the default namespace
	entra                       bool   // refuses what Entra refuses
	strict                      bool
}

func mannerOf(p Profile) (manner, error) {
	switch p {
	case Entra:
		return manner{
			path: "/" + tenant + "/saml2", metadata: "/" + tenant + "/federationmetadata/2007-06/federationmetadata.xml",
			issuer: "https://sts.windows.net/" + tenant + "/", signAssertion: true,
			after: 70 * time.Minute, confirm: 5 * time.Minute, nameFormat: saml.FormatEmail,
			emailClaim: saml.ClaimEmail, nameClaim: saml.ClaimName, protocolPrefix: "samlp", entra: true,
		}, nil
	case ADFS:
		return manner{
			path: "/adfs/ls/", metadata: "/FederationMetadata/2007-06/FederationMetadata.xml",
			issuer: "http://%s/adfs/services/trust", signAssertion: true,
			after: time.Hour, confirm: 5 * time.Minute, nameFormat: saml.FormatEmail,
			emailClaim: saml.ClaimEmail, nameClaim: "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", protocolPrefix: "samlp",
		}, nil
	case Okta:
		return manner{
			path: "/app/platen/exk1simulated/sso/saml", metadata: "/app/exk1simulated/sso/saml/metadata",
			issuer: "http://www.okta.com/exk1simulated", signResponse: true, signAssertion: true,
			before: 5 * time.Minute, after: 5 * time.Minute, confirm: 5 * time.Minute, nameFormat: saml.FormatEmail,
			emailClaim: "email", nameClaim: "displayName", prefix: "saml2", protocolPrefix: "saml2p",
		}, nil
	case F5:
		return manner{
			path: "/saml/idp/profile/redirectorpost/sso", metadata: "/saml/idp/metadata",
			issuer: "https://%s/idp", signResponse: true,
			before: time.Minute, after: 10 * time.Minute, confirm: 10 * time.Minute, nameFormat: saml.FormatUnspecified,
			emailClaim: "mail", nameClaim: "displayName", prefix: "saml2", protocolPrefix: "saml2p",
		}, nil
	case StrictCase:
		return manner{
			path: "/sso/redirect", metadata: "/metadata",
			issuer: "https://%s/Strict", signAssertion: true,
			before: 2 * time.Minute, after: 8 * time.Minute, confirm: 8 * time.Minute, nameFormat: saml.FormatPersistent,
			emailClaim: "urn:oid:0.9.2342.19200300.100.1.3", nameClaim: "urn:oid:2.16.840.1.113730.3.1.241",
			prefix: "saml", protocolPrefix: "samlp", strict: true,
		}, nil
	}
	return manner{}, fmt.Errorf("identity provider: no profile %q", p)
}
