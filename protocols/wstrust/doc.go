// Package wstrust speaks the part of WS-Trust that AD FS and its likes offer to
// active clients: the metadata document (MEX), the request for a security token
// with a name and a password (RST, versions 1.3 and February 2005), its answers
// (RSTR, RSTRC, SOAP 1.2 faults), what a SAML 1.1 or 2.0 assertion says, and the
// signing certificates in the federation metadata. Both sides are here: the
// client and the wire forms a server needs.
//
// A password leaves through [Client.Issue] only: once per call, over https, to
// a host the administrator named, after the clocks were compared. Signatures
// are not checked here; whoever accepts an assertion must. Attempt limits,
// sessions and what a person reads belong to the callers.
package wstrust

// Version is the dialect of WS-Trust an endpoint speaks.
type Version int

// The dialects. AD FS offers both; an endpoint speaks exactly one.
const (
	Trust13   Version = iota + 1 // WS-Trust 1.3 (OASIS, 200512)
	Trust2005                    // WS-Trust of February 2005
)

// String returns "1.3", "2005" or "unknown".
func (v Version) String() string {
	switch v {
	case Trust13:
		return "1.3"
	case Trust2005:
		return "2005"
	}
	return "unknown"
}

// SAML is the version of an assertion. It is told by the namespace of the
// element, since TokenType and prefixes differ between servers.
type SAML int

// The versions of assertions that services accept.
const (
	SAML11 SAML = iota + 1
	SAML20
)

// String returns "1.1", "2.0" or "unknown".
func (s SAML) String() string {
	switch s {
	case SAML11:
		return "1.1"
	case SAML20:
		return "2.0"
	}
	return "unknown"
}

// Token types as requests and answers name them. The short forms are what AD FS
// writes, the others come from the WSS SAML Token Profile 1.1.
const (
	TokenTypeSAML11        = "urn:oasis:names:tc:SAML:1.0:assertion"
	TokenTypeSAML20        = "urn:oasis:names:tc:SAML:2.0:assertion"
	TokenTypeSAML11Profile = "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV1.1"
	TokenTypeSAML20Profile = "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV2.0"
)

// samlOf returns the version a token type names, or 0.
func samlOf(tokenType string) SAML {
	switch tokenType {
	case TokenTypeSAML11, TokenTypeSAML11Profile:
		return SAML11
	case TokenTypeSAML20, TokenTypeSAML20Profile:
		return SAML20
	}
	return 0
}

// ContentType is the media type of requests and answers.
const ContentType = "application/soap+xml; charset=utf-8"

// Limits on what is read from a server, in bytes. Real metadata documents have
// 40 to 55 kB, real answers under 20 kB.
const (
	MaxMEX      = 1 << 20
	MaxResponse = 256 << 10
	MaxMetadata = 1 << 20
)

const (
	nsSOAP     = "http://www.w3.org/2003/05/soap-envelope"
	nsAddr     = "http://www.w3.org/2005/08/addressing"
	nsUtil     = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	nsSec      = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	nsPolicy   = "http://schemas.xmlsoap.org/ws/2004/09/policy"
	nsWSDL     = "http://schemas.xmlsoap.org/wsdl/"
	nsSOAP12   = "http://schemas.xmlsoap.org/wsdl/soap12/"
	nsSP13     = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702"
	nsSP2005   = "http://schemas.xmlsoap.org/ws/2005/07/securitypolicy"
	nsTrust13  = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
	nsTrust05  = "http://schemas.xmlsoap.org/ws/2005/02/trust"
	nsIdentity = "http://schemas.microsoft.com/ws/2009/12/identityserver/"
	nsDSig     = "http://www.w3.org/2000/09/xmldsig#"
	nsExcC14N  = "http://www.w3.org/2001/10/xml-exc-c14n#"
	nsXSI      = "http://www.w3.org/2001/XMLSchema-instance"
	nsMetadata = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsSAML11   = TokenTypeSAML11
	nsSAML20   = TokenTypeSAML20

	soapHTTP    = "http://schemas.xmlsoap.org/soap/http"
	actionFault = nsAddr + "/soap/fault"
	anonymous   = nsAddr + "/anonymous"
)

// dialect is what differs between the versions.
type dialect struct {
	ns, action, answer, keyType, requestType string
}

func (v Version) dialect() dialect {
	if v == Trust2005 {
		return dialect{
			ns: nsTrust05, action: nsTrust05 + "/RST/Issue", answer: nsTrust05 + "/RSTR/Issue",
			keyType: "http://schemas.xmlsoap.org/ws/2005/05/identity/NoProofKey", requestType: nsTrust05 + "/Issue",
		}
	}
	return dialect{
		ns: nsTrust13, action: nsTrust13 + "/RST/Issue", answer: nsTrust13 + "/RSTRC/IssueFinal",
		keyType: nsTrust13 + "/Bearer", requestType: nsTrust13 + "/Issue",
	}
}

// Action returns the WS-Addressing action of a request in this dialect, which
// is also its SOAPAction.
func (v Version) Action() string { return v.dialect().action }

// KeyType returns the key type that asks for a bearer token.
func (v Version) KeyType() string { return v.dialect().keyType }

// RequestType returns the request type that asks for a new token.
func (v Version) RequestType() string { return v.dialect().requestType }
