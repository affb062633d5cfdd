// Package saml is the service provider side of SAML 2.0 browser sign-in and of
// assertions handed over as a grant (RFC 7522), with the wire forms an identity
// provider's side needs to answer: requests in the redirect binding, responses
// in the POST binding, metadata, certificates in every form people paste them,
// and the rules by which two e-mail addresses are one person.
//
// A response is accepted only after all checks of [Checks] passed, and each
// refusal is an [*Error] with a [Code] of its own. Three rules hold throughout:
//
//   - One parser. A document is scanned strictly once (no DOCTYPE, comment or
//     processing instruction, bounded in size, depth and number of tokens), then
//     read into one tree; nothing is parsed a second way.
//   - What was verified is what is read. The values come from the element that
//     goxmldsig parsed from the very bytes the digest covered, never from the
//     document that arrived.
//   - Keys come from the account's configuration. KeyInfo is thrown away before
//     a signature is checked; with fingerprints its certificate is used only
//     after its hash was found in the configuration.
//
// The validator is ours on goxmldsig and etree and not a whole library: the one
// that resolves (crewjam/saml 0.5.1) re-reads its own tree after verification,
// passes assertions without audience or confirmation, cannot bind a request to
// a browser session, has no replay cache, takes SHA-1, and its one limit of 90 s
// between question and answer refuses a person who types on a phone.
//
// Sessions, accounts, pages and the storage behind [Requests] and [Replays]
// belong to the caller, as do logs: an error carries no value of an assertion
// in its text, except what the administrator configured.
package saml

import "time"

// Namespaces of SAML 2.0, SAML 1.1 and XML signatures.
const (
	NSProtocol   = "urn:oasis:names:tc:SAML:2.0:protocol"
	NSAssertion  = "urn:oasis:names:tc:SAML:2.0:assertion"
	NSMetadata   = "urn:oasis:names:tc:SAML:2.0:metadata"
	NSAssertion1 = "urn:oasis:names:tc:SAML:1.0:assertion" // of SAML 1.1 too
	NSSignature  = "http://www.w3.org/2000/09/xmldsig#"
)

// Names that SAML Core and Bindings fix.
const (
	StatusSuccess        = "urn:oasis:names:tc:SAML:2.0:status:Success"
	FormatEmail          = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	FormatUnspecified    = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
	FormatPersistent     = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	FormatTransient      = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	BindingPOST          = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
	BindingRedirect      = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	ConfirmationBearer   = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	ConfirmationBearer11 = "urn:oasis:names:tc:SAML:1.0:cm:bearer"
)

// Claims in which identity providers send an address or a name.
const (
	ClaimEmail = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
	ClaimUPN   = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
	ClaimName  = "http://schemas.microsoft.com/identity/claims/displayname"
)

// Bounds, in bytes unless said otherwise. They are ours; SAML sets none.
const (
	// MaxResponse bounds the XML of a response or an assertion; its base64 form
	// is refused undecoded when it cannot fit.
	MaxResponse = 256 << 10
	// MaxRequest bounds the inflated XML of a request in the redirect binding.
	MaxRequest = 16 << 10
	// MaxMetadata bounds an identity provider's metadata.
	MaxMetadata = 1 << 20
	// MaxDepth bounds how deep elements may nest.
	MaxDepth = 64
	// MaxTokens bounds the number of elements and attributes of a document.
	MaxTokens = 20_000
	// MaxRelayState is the greatest RelayState (SAML Bindings §3.4.3).
	MaxRelayState = 80
)

// DefaultSkew is how far the clocks of both sides may differ.
const DefaultSkew = 3 * time.Minute
