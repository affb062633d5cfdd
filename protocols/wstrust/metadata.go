package wstrust

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
)

// Metadata is what a federation metadata document says about signatures.
type Metadata struct {
	// EntityID is the issuer's name in assertions.
	EntityID string
	// Signing holds the certificates an assertion may be signed with, without
	// duplicates, in document order. During a rollover there are two.
	Signing []*x509.Certificate
}

// DecodeMetadata reads an EntityDescriptor. It trusts the way the document came
// and does not check its signature. Certificates that cannot be read are left
// out; a document without any is an error. The error wraps [ErrWire].
func DecodeMetadata(data []byte) (*Metadata, error) {
	root, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	entity := root.find(nsMetadata, "EntityDescriptor")
	m := &Metadata{EntityID: entity.attr("", "entityID")}
	if m.EntityID == "" {
		return nil, wire("metadata: no entity in it")
	}
	seen := make(map[[sha256.Size]byte]bool)
	for _, role := range entity.kids {
		if !issues(role) {
			continue
		}
		for _, key := range role.all(nsMetadata, "KeyDescriptor") {
			if use := key.attr("", "use"); use != "signing" && use != "" {
				continue
			}
			for _, data := range key.child(nsDSig, "KeyInfo").all(nsDSig, "X509Data") {
				for _, c := range data.all(nsDSig, "X509Certificate") {
					cert := certificate(c.value())
					if cert != nil && !seen[sha256.Sum256(cert.Raw)] {
						seen[sha256.Sum256(cert.Raw)] = true
						m.Signing = append(m.Signing, cert)
					}
				}
			}
		}
	}
	if len(m.Signing) == 0 {
		return nil, wire("metadata: no signing certificate")
	}
	return m, nil
}

// issues reports whether a role issues assertions: the identity provider, or
// the security token service under any prefix.
func issues(role *element) bool {
	if role.is(nsMetadata, "IDPSSODescriptor") {
		return true
	}
	_, kind, ok := strings.Cut(role.attr(nsXSI, "type"), ":")
	return role.is(nsMetadata, "RoleDescriptor") && ok && kind == "SecurityTokenServiceType"
}

func certificate(text string) *x509.Certificate {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return cert
}
