package adfs

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"

	"github.com/beevik/etree"

	"github.com/platen-fax/platen/protocols/wstrust"
)

// metadata answers with the signed federation metadata, which during a rollover
// lists two signing certificates per role.
func (s *STS) metadata(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	k := s.signing
	var keys strings.Builder
	for _, key := range s.keys {
		keys.WriteString(`<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` +
			base64.StdEncoding.EncodeToString(key.cert.Raw) + `</X509Certificate></X509Data></KeyInfo></KeyDescriptor>`)
	}
	s.mu.Unlock()
	base := "https://" + esc(s.host(r)) + "/adfs/ls/"
	const role = `<RoleDescriptor xsi:type="fed:%TYPE" protocolSupportEnumeration="http://docs.oasis-open.org/wsfed/federation/200706" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:fed="http://docs.oasis-open.org/wsfed/federation/200706">`
	const address = `<EndpointReference xmlns="http://www.w3.org/2005/08/addressing"><Address>%URL</Address></EndpointReference>`
	passive := strings.ReplaceAll(`<fed:PassiveRequestorEndpoint>`+address+`</fed:PassiveRequestorEndpoint>`, "%URL", base)
	active := strings.ReplaceAll(`<fed:SecurityTokenServiceEndpoint>`+address+`</fed:SecurityTokenServiceEndpoint>`, "%URL", "https://"+esc(s.host(r))+Path2005)
	text := `<EntityDescriptor ID="` + newID() + `" entityID="` + esc(s.issuer(r)) + `" xmlns="urn:oasis:names:tc:SAML:2.0:metadata">` +
		strings.Replace(role, "%TYPE", "ApplicationServiceType", 1) + passive + `</RoleDescriptor>` +
		strings.Replace(role, "%TYPE", "SecurityTokenServiceType", 1) + keys.String() + active + passive + `</RoleDescriptor>` +
		`<SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="` + base + `" index="0"/></SPSSODescriptor>` +
		`<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` + keys.String() +
		`<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="` + base + `"/><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="` + base + `"/></IDPSSODescriptor></EntityDescriptor>`
	doc := etree.NewDocument()
	err := doc.ReadFromString(text)
	if err == nil {
		err = k.sign(doc.Root(), wstrust.SAML20, false)
	}
	var out string
	if err == nil {
		out, err = doc.WriteToString()
	}
	if err != nil {
		http.Error(w, "metadata", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/samlmetadata+xml")
	_, _ = io.WriteString(w, out)
}
