package saml

import (
	"crypto/x509"
	"net/url"
	"time"

	"github.com/beevik/etree"
)

// Metadata is what an identity provider publishes about itself.
type Metadata struct {
	EntityID string
	// SSORedirect and SSOPost are its endpoints; either may be empty.
	SSORedirect, SSOPost string
	// Certificates that may sign; two or more during a rollover.
	Certificates []*x509.Certificate
	// WantsSigned says that it takes signed requests only.
	WantsSigned bool
	// ValidUntil is zero when not given.
	ValidUntil time.Time
}

// ParseMetadata reads an identity provider's metadata, up to [MaxMetadata]
// bytes. Where the document describes several, entityID picks one; it may be
// empty for a document with one. The signature of the metadata is not checked:
// trust comes from the https address it was fetched from or from the person who
// pasted it. Failures are [*Error]; metadata past its end is refused as expired.
func ParseMetadata(data []byte, entityID string, now time.Time) (Metadata, error) {
	root, err := parse(data, rules{max: MaxMetadata, comments: true})
	if err != nil {
		return Metadata{}, err
	}
	var found []*etree.Element
	walk(root, func(e *etree.Element) {
		if is(e, NSMetadata, "EntityDescriptor") && child(e, NSMetadata, "IDPSSODescriptor") != nil &&
			(entityID == "" || attr(e, "entityID") == entityID) {
			found = append(found, e)
		}
	})
	if len(found) != 1 {
		return Metadata{}, refuse(CodeMalformed, "%d identity providers in the metadata, not the one wanted", len(found))
	}
	entity := found[0]
	idp := child(entity, NSMetadata, "IDPSSODescriptor")
	m := Metadata{EntityID: attr(entity, "entityID"), WantsSigned: attr(idp, "WantAuthnRequestsSigned") == "true"}
	if m.EntityID == "" {
		return Metadata{}, refuse(CodeMalformed, "metadata without an entity ID")
	}
	for _, e := range []*etree.Element{root, entity, idp} {
		s := attr(e, "validUntil")
		if s == "" {
			continue
		}
		t, ok := instant(s)
		if !ok {
			return Metadata{}, refuse(CodeMalformed, "a time that is none")
		}
		if m.ValidUntil.IsZero() || t.Before(m.ValidUntil) {
			m.ValidUntil = t
		}
	}
	if !m.ValidUntil.IsZero() && !now.Before(m.ValidUntil) {
		return Metadata{}, refuse(CodeExpired, "the metadata ended at %s", m.ValidUntil.Format(time.RFC3339))
	}
	for _, s := range children(idp, NSMetadata, "SingleSignOnService") {
		at := attr(s, "Location")
		u, err := url.Parse(at)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			continue
		}
		switch {
		case attr(s, "Binding") == BindingRedirect && m.SSORedirect == "":
			m.SSORedirect = at
		case attr(s, "Binding") == BindingPOST && m.SSOPost == "":
			m.SSOPost = at
		}
	}
	if m.SSORedirect == "" && m.SSOPost == "" {
		return Metadata{}, refuse(CodeMalformed, "no sign-on address over https in the metadata")
	}
	return m, m.readKeys(idp)
}

func (m *Metadata) readKeys(idp *etree.Element) error {
	for _, k := range children(idp, NSMetadata, "KeyDescriptor") {
		if use := attr(k, "use"); use != "" && use != "signing" {
			continue
		}
		info := child(k, NSSignature, "KeyInfo")
		if info == nil {
			continue
		}
		for _, data := range children(info, NSSignature, "X509Data") {
			for _, c := range children(data, NSSignature, "X509Certificate") {
				s, ok := text(c)
				if !ok {
					return refuse(CodeMalformed, "a certificate that is not text")
				}
				certs, err := ParseCertificates([]byte(s))
				if err != nil {
					return &Error{Code: CodeMalformed, Err: err}
				}
				for _, cert := range certs {
					if !holds(m.Certificates, cert) {
						m.Certificates = append(m.Certificates, cert)
					}
				}
			}
		}
	}
	if len(m.Certificates) == 0 {
		return refuse(CodeMalformed, "no signing certificate in the metadata")
	}
	return nil
}

// Provider returns the settings of an account from metadata.
func (m Metadata) Provider() *IdentityProvider {
	return &IdentityProvider{EntityID: m.EntityID, SSO: m.SSORedirect, Certificates: m.Certificates}
}

// ServiceMetadata returns the metadata of a service provider, for
// administrators who enter it at their identity provider by address.
func ServiceMetadata(entityID, acs string) ([]byte, error) {
	e := etree.NewElement("md:EntityDescriptor")
	e.CreateAttr("xmlns:md", NSMetadata)
	e.CreateAttr("entityID", entityID)
	sp := e.CreateElement("md:SPSSODescriptor")
	sp.CreateAttr("protocolSupportEnumeration", NSProtocol)
	sp.CreateAttr("WantAssertionsSigned", "true")
	sp.CreateElement("md:NameIDFormat").SetText(FormatEmail)
	a := sp.CreateElement("md:AssertionConsumerService")
	a.CreateAttr("Binding", BindingPOST)
	a.CreateAttr("Location", acs)
	a.CreateAttr("index", "0")
	a.CreateAttr("isDefault", "true")
	return etree.NewDocumentWithRoot(e).WriteToBytes()
}
