package wstrust

import "strconv"

// Port is one endpoint in a metadata document.
type Port struct {
	Version Version
	URL     string
	Policy  Policy
}

// Policy is how the person proves who they are at a port.
type Policy int

// The policies that farms publish. Only the first takes a name and a password
// over TLS; UserNameMessage encrypts the message itself and sits on plain http.
const (
	UserNameMixed Policy = iota + 1
	UserNameMessage
	Windows
	Kerberos
	Certificate
	IssuedToken
)

// EncodeMEX writes a metadata document with the ports in the given order, named
// as AD FS names them.
func EncodeMEX(ports []Port) []byte {
	var policies, bindings, services writer
	used := make(map[string]int)
	for _, p := range ports {
		contract, operation, sp := "IWSTrust13Async", "Trust13IssueAsync", nsSP13
		if p.Version == Trust2005 {
			contract, operation, sp = "IWSTrustFeb2005Async", "TrustFeb2005IssueAsync", nsSP2005
		}
		name := p.Policy.binding() + "_" + contract
		used[name]++
		if n := used[name]; n > 1 {
			name += strconv.Itoa(n - 1)
		}
		policies.raw(`<wsp:Policy wsu:Id="` + name + `_policy"><wsp:ExactlyOne><wsp:All>`)
		policies.policy(p.Policy, sp, p.Version)
		policies.raw(`<wsaw:UsingAddressing/></wsp:All></wsp:ExactlyOne></wsp:Policy>`)

		bindings.raw(`<wsdl:binding name="` + name + `" type="tns:` + contract + `"><wsp:PolicyReference URI="#` + name + `_policy"/><soap12:binding transport="` + soapHTTP +
			`"/><wsdl:operation name="` + operation + `"><soap12:operation soapAction="` + p.Version.Action() +
			`" style="document"/><wsdl:input><soap12:body use="literal"/></wsdl:input><wsdl:output><soap12:body use="literal"/></wsdl:output></wsdl:operation></wsdl:binding>`)

		services.raw(`<wsdl:port name="` + name + `" binding="tns:` + name + `"><soap12:address location="`)
		services.text(p.URL)
		services.raw(`"/><wsa10:EndpointReference><wsa10:Address>`)
		services.text(p.URL)
		services.raw(`</wsa10:Address></wsa10:EndpointReference></wsdl:port>`)
	}
	var w writer
	w.raw(`<wsdl:definitions name="SecurityTokenService" targetNamespace="` + nsSTS + `" xmlns:wsdl="` + nsWSDL + `" xmlns:wsp="` + nsPolicy + `" xmlns:wsu="` + nsUtil +
		`" xmlns:soap12="` + nsSOAP12 + `" xmlns:wsa10="` + nsAddr + `" xmlns:wsaw="http://www.w3.org/2006/05/addressing/wsdl" xmlns:tns="` + nsSTS + `">`)
	w = append(w, policies...)
	for _, v := range []Version{Trust2005, Trust13} {
		contract, operation := "IWSTrust13Async", "Trust13IssueAsync"
		if v == Trust2005 {
			contract, operation = "IWSTrustFeb2005Async", "TrustFeb2005IssueAsync"
		}
		w.raw(`<wsdl:portType name="` + contract + `"><wsdl:operation name="` + operation + `"><wsdl:input wsaw:Action="` + v.dialect().action + `" message="tns:` + contract + `_` + operation +
			`_InputMessage"/><wsdl:output wsaw:Action="` + v.dialect().answer + `" message="tns:` + contract + `_` + operation + `_OutputMessage"/></wsdl:operation></wsdl:portType>`)
	}
	w = append(w, bindings...)
	w.raw(`<wsdl:service name="SecurityTokenService">`)
	w = append(w, services...)
	w.raw(`</wsdl:service></wsdl:definitions>`)
	return w
}

const nsSTS = "http://schemas.microsoft.com/ws/2008/06/identity/securitytokenservice"

// binding returns the first half of the binding's name.
func (p Policy) binding() string {
	switch p {
	case UserNameMixed, UserNameMessage:
		return "UserNameWSTrustBinding"
	case Certificate:
		return "CertificateWSTrustBinding"
	case IssuedToken:
		return "IssuedTokenWSTrustBinding"
	}
	return "CustomBinding"
}

// policy writes the assertions of one policy.
func (w *writer) policy(p Policy, sp string, v Version) {
	protection := `<sp:TransportBinding xmlns:sp="` + sp + `"><wsp:Policy><sp:TransportToken><wsp:Policy><sp:HttpsToken/></wsp:Policy></sp:TransportToken>` + suite + `</wsp:Policy></sp:TransportBinding>`
	signed := "SignedSupportingTokens"
	if v == Trust13 {
		signed = "SignedEncryptedSupportingTokens"
	}
	name := `<sp:` + signed + ` xmlns:sp="` + sp + `"><wsp:Policy><sp:UsernameToken sp:IncludeToken="` + sp + `/IncludeToken/AlwaysToRecipient"><wsp:Policy><sp:WssUsernameToken10/></wsp:Policy></sp:UsernameToken></wsp:Policy></sp:` + signed + `>`
	endorsing := func(token string) string {
		return `<sp:EndorsingSupportingTokens xmlns:sp="` + sp + `"><wsp:Policy>` + token + `</wsp:Policy></sp:EndorsingSupportingTokens>`
	}
	switch p {
	case UserNameMixed:
		w.raw(protection + name)
	case UserNameMessage:
		w.raw(`<sp:SymmetricBinding xmlns:sp="` + sp + `"><wsp:Policy><sp:ProtectionToken><wsp:Policy><sp:X509Token/></wsp:Policy></sp:ProtectionToken>` + suite + `</wsp:Policy></sp:SymmetricBinding>` + name)
	case Windows:
		w.raw(`<http:NegotiateAuthentication xmlns:http="http://schemas.microsoft.com/ws/06/2004/policy/http"/>` + protection)
	case Kerberos:
		w.raw(protection + endorsing(`<sp:KerberosToken><wsp:Policy><sp:WssGssKerberosV5ApReqToken11/></wsp:Policy></sp:KerberosToken>`))
	case Certificate:
		w.raw(protection + endorsing(`<sp:X509Token><wsp:Policy><sp:RequireThumbprintReference/><sp:WssX509V3Token10/></wsp:Policy></sp:X509Token>`))
	case IssuedToken:
		w.raw(protection + endorsing(`<sp:IssuedToken><wsp:Policy><sp:RequireInternalReference/></wsp:Policy></sp:IssuedToken>`))
	}
}

const suite = `<sp:AlgorithmSuite><wsp:Policy><sp:Basic256/></wsp:Policy></sp:AlgorithmSuite><sp:Layout><wsp:Policy><sp:Strict/></wsp:Policy></sp:Layout><sp:IncludeTimestamp/>`
