package wstrust

import "time"

// Response is what a server answers to a good request.
type Response struct {
	Version   Version
	RelatesTo string // message id of the request; "" leaves the header out
	AppliesTo string
	TokenType string
	SAML      SAML
	TokenID   string // id of the assertion, for the references to it
	// Assertion is written as it is.
	Assertion []byte
	// Created is when the message was made. The token lives from Created until
	// Expires.
	Created, Expires time.Time
}

// EncodeResponse writes an answer in the element order of AD FS.
func EncodeResponse(r Response) []byte {
	d := r.Version.dialect()
	var w writer
	w.head(d.answer, r.RelatesTo, r.Created)
	if r.Version == Trust13 {
		w.raw(`<trust:RequestSecurityTokenResponseCollection xmlns:trust="` + d.ns + `"><trust:RequestSecurityTokenResponse>`)
	} else {
		w.raw(`<trust:RequestSecurityTokenResponse xmlns:trust="` + d.ns + `">`)
	}
	w.raw(`<trust:Lifetime><wsu:Created xmlns:wsu="` + nsUtil + `">` + stamp(r.Created) + `</wsu:Created><wsu:Expires xmlns:wsu="` + nsUtil + `">` + stamp(r.Expires) +
		`</wsu:Expires></trust:Lifetime><wsp:AppliesTo xmlns:wsp="` + nsPolicy + `"><wsa:EndpointReference xmlns:wsa="` + nsAddr + `"><wsa:Address>`)
	w.text(r.AppliesTo)
	w.raw(`</wsa:Address></wsa:EndpointReference></wsp:AppliesTo><trust:RequestedSecurityToken>`)
	w = append(w, r.Assertion...)
	w.raw(`</trust:RequestedSecurityToken>`)
	valueType := "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.0#SAMLAssertionID"
	profile := TokenTypeSAML11Profile
	if r.SAML == SAML20 {
		valueType, profile = "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLID", TokenTypeSAML20Profile
	}
	for _, name := range []string{"RequestedAttachedReference", "RequestedUnattachedReference"} {
		w.raw(`<trust:` + name + `><o:SecurityTokenReference k:TokenType="` + profile +
			`" xmlns:o="` + nsSec + `" xmlns:k="http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"><o:KeyIdentifier ValueType="` + valueType + `">`)
		w.text(r.TokenID)
		w.raw(`</o:KeyIdentifier></o:SecurityTokenReference></trust:` + name + `>`)
	}
	w.raw(`<trust:TokenType>`)
	w.text(r.TokenType)
	w.raw(`</trust:TokenType><trust:RequestType>` + d.requestType + `</trust:RequestType><trust:KeyType>` + d.keyType + `</trust:KeyType></trust:RequestSecurityTokenResponse>`)
	if r.Version == Trust13 {
		w.raw(`</trust:RequestSecurityTokenResponseCollection>`)
	}
	w.raw(`</s:Body></s:Envelope>`)
	return w
}

// Namespaces of subcodes, for [Refusal].
const (
	NamespaceSecurity  = nsSec
	NamespaceTrust13   = nsTrust13
	NamespaceTrust2005 = nsTrust05
	NamespaceIdentity  = nsIdentity
	NamespaceAddress   = nsAddr
)

// Refusal is a fault as a server writes it.
type Refusal struct {
	Namespace string // of the subcode
	Subcode   string // local name; "" writes none
	Reason    string
	Lang      string // xml:lang of the reason; "" means en-US
	RelatesTo string
	Created   time.Time
	// Expired adds the detail AD FS gives with an expired password, for Username
	// and with PasswordURL unless that is empty.
	Expired     bool
	Username    string
	PasswordURL string
}

// EncodeFault writes a SOAP 1.2 fault as WCF does: the subcode's prefix is
// declared on the value itself.
func EncodeFault(r Refusal) []byte {
	var w writer
	w.head(actionFault, r.RelatesTo, r.Created)
	w.raw(`<s:Fault><s:Code><s:Value>s:Sender</s:Value>`)
	if r.Subcode != "" {
		w.raw(`<s:Subcode><s:Value xmlns:a="`)
		w.text(r.Namespace)
		w.raw(`">a:`)
		w.text(r.Subcode)
		w.raw(`</s:Value></s:Subcode>`)
	}
	lang := r.Lang
	if lang == "" {
		lang = "en-US"
	}
	w.raw(`</s:Code><s:Reason><s:Text xml:lang="`)
	w.text(lang)
	w.raw(`">`)
	w.text(r.Reason)
	w.raw(`</s:Text></s:Reason>`)
	if r.Expired {
		w.raw(`<s:Detail><UserAccountPasswordExpiredFault xmlns="` + nsIdentity + `" xmlns:i="` + nsXSI + `">`)
		if r.PasswordURL == "" {
			w.raw(`<PasswordChangeEndpoint i:nil="true"/>`)
		} else {
			w.raw(`<PasswordChangeEndpoint>`)
			w.text(r.PasswordURL)
			w.raw(`</PasswordChangeEndpoint>`)
		}
		w.raw(`<UserAccountName>`)
		w.text(r.Username)
		w.raw(`</UserAccountName></UserAccountPasswordExpiredFault></s:Detail>`)
	}
	w.raw(`</s:Fault></s:Body></s:Envelope>`)
	return w
}

// head writes an answer up to the start of its body.
func (w *writer) head(action, relatesTo string, created time.Time) {
	w.raw(`<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:a="` + nsAddr + `" xmlns:u="` + nsUtil + `"><s:Header><a:Action s:mustUnderstand="1">` + action + `</a:Action>`)
	if relatesTo != "" {
		w.raw(`<a:RelatesTo>`)
		w.text(relatesTo)
		w.raw(`</a:RelatesTo>`)
	}
	w.raw(`<o:Security s:mustUnderstand="1" xmlns:o="` + nsSec + `">`)
	w.timestamp(created, 5*time.Minute)
	w.raw(`</o:Security></s:Header><s:Body>`)
}
