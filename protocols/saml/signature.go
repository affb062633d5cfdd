package saml

import (
	"crypto/x509"
	"strings"
	"time"
	"unicode"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

// Algorithms of a signature. SAML Core §5.4.4 allows the two transforms only.
const (
	algEnveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
	algExclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
	algExclusivC = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"
	algInclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	algInclusi11 = "http://www.w3.org/2006/12/xml-c14n11"
)

// strength of a signature or digest algorithm: unknown ones are 0.
type strength int

const (
	weak   strength = 1 // SHA-1
	strong strength = 2
)

func methodStrength(uri string) strength {
	switch uri {
	case dsig.RSASHA256SignatureMethod, dsig.RSASHA384SignatureMethod, dsig.RSASHA512SignatureMethod,
		dsig.ECDSASHA256SignatureMethod, dsig.ECDSASHA384SignatureMethod, dsig.ECDSASHA512SignatureMethod:
		return strong
	case dsig.RSASHA1SignatureMethod, dsig.ECDSASHA1SignatureMethod:
		return weak
	}
	return 0
}

func digestStrength(uri string) strength {
	switch uri {
	case "http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmldsig-more#sha384",
		"http://www.w3.org/2001/04/xmlenc#sha512", "http://www.w3.org/2001/04/xmldsig-more#sha512":
		return strong
	case "http://www.w3.org/2000/09/xmldsig#sha1":
		return weak
	}
	return 0
}

// verify checks the enveloped signature that is a direct child of el and
// returns the element read back from the bytes that were digested, with the
// certificate whose key signed. idAttr is ID, or AssertionID for SAML 1.1.
func verify(el *etree.Element, idAttr string, idp *IdentityProvider, now time.Time) (*etree.Element, *x509.Certificate, error) {
	sig := child(el, NSSignature, "Signature")
	if sig == nil {
		return nil, nil, refuse(CodeUnsigned, "%s has no signature", el.Tag)
	}
	if err := checkSignature(sig, attr(el, idAttr), idp.AllowSHA1); err != nil {
		return nil, nil, err
	}
	candidates := idp.Certificates
	if len(idp.Fingerprints) > 0 {
		candidates = append(candidates[:len(candidates):len(candidates)], pinned(sig, idp.Fingerprints)...)
	}
	bare, err := withoutKeyInfo(el)
	if err != nil {
		return nil, nil, err
	}
	for _, cert := range candidates {
		ctx := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{cert}})
		ctx.IdAttribute = idAttr
		// Whether the certificate ran out is asked below, so that it can be told
		// from a key nobody knows.
		ctx.Clock = dsig.NewFakeClockAt(cert.NotBefore)
		out, err := ctx.Validate(bare)
		if err != nil {
			continue
		}
		if !idp.AllowExpired && (now.Before(cert.NotBefore) || now.After(cert.NotAfter)) {
			return nil, nil, refuse(CodeCertExpired, "the certificate is valid from %s to %s",
				cert.NotBefore.UTC().Format(time.DateOnly), cert.NotAfter.UTC().Format(time.DateOnly))
		}
		return out, cert, nil
	}
	return nil, nil, refuse(CodeSignature, "of %s: none of %d keys of the account made it", el.Tag, len(candidates))
}

// checkSignature wants exactly the signature that SAML Core §5.4 describes: one
// reference, to the element itself, by ID, with the two transforms.
func checkSignature(sig *etree.Element, id string, sha1 bool) error {
	var names []string
	for _, c := range sig.ChildElements() {
		if c.NamespaceURI() != NSSignature {
			return refuse(CodeShape, "a foreign element in the signature")
		}
		names = append(names, c.Tag)
	}
	switch strings.Join(names, " ") {
	case "SignedInfo SignatureValue", "SignedInfo SignatureValue KeyInfo":
	default:
		return refuse(CodeShape, "the signature holds something beside its value and key")
	}
	info := child(sig, NSSignature, "SignedInfo")
	c14n, method := child(info, NSSignature, "CanonicalizationMethod"), child(info, NSSignature, "SignatureMethod")
	ref := child(info, NSSignature, "Reference")
	if c14n == nil || method == nil || ref == nil || len(info.ChildElements()) != 3 {
		return refuse(CodeShape, "the signature does not have exactly one reference")
	}
	switch attr(c14n, "Algorithm") {
	case algExclusive, algExclusivC, algInclusive, algInclusi11:
	default:
		return refuse(CodeShape, "a canonicalisation that SAML does not use")
	}
	if id == "" || attr(ref, "URI") != "#"+id {
		return refuse(CodeShape, "the signature refers to another element")
	}
	transforms, digest := child(ref, NSSignature, "Transforms"), child(ref, NSSignature, "DigestMethod")
	if transforms == nil || digest == nil {
		return refuse(CodeShape, "the reference is not complete")
	}
	all := transforms.ChildElements()
	if len(all) != 2 || !is(all[0], NSSignature, "Transform") || !is(all[1], NSSignature, "Transform") ||
		attr(all[0], "Algorithm") != algEnveloped ||
		(attr(all[1], "Algorithm") != algExclusive && attr(all[1], "Algorithm") != algExclusivC) {
		return refuse(CodeShape, "transforms other than enveloped signature and exclusive canonicalisation")
	}
	least := strong
	if sha1 {
		least = weak
	}
	if methodStrength(attr(method, "Algorithm")) < least || digestStrength(attr(digest, "Algorithm")) < least {
		return refuse(CodeWeakAlgorithm, "the signature or digest algorithm is not accepted for this account")
	}
	return nil
}

// withoutKeyInfo returns a copy of el, complete with the prefixes in its scope,
// whose signature names no key. The signature value loses the white space with
// which some servers fold it; it is not part of what is signed.
func withoutKeyInfo(el *etree.Element) (*etree.Element, error) {
	ns, err := etreeutils.NSBuildParentContext(el)
	if err != nil {
		return nil, &Error{Code: CodeMalformed, Err: err}
	}
	bare, err := etreeutils.NSDetatch(ns, el)
	if err != nil {
		return nil, &Error{Code: CodeMalformed, Err: err}
	}
	sig := child(bare, NSSignature, "Signature")
	if sig == nil {
		return nil, refuse(CodeUnsigned, "%s has no signature", el.Tag)
	}
	if k := child(sig, NSSignature, "KeyInfo"); k != nil {
		sig.RemoveChild(k)
	}
	value := child(sig, NSSignature, "SignatureValue")
	s, ok := text(value)
	if !ok {
		return nil, refuse(CodeShape, "the signature value is not text")
	}
	value.SetText(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s))
	return bare, nil
}

// pinned returns the certificates of KeyInfo whose hash the account lists.
func pinned(sig *etree.Element, prints []Fingerprint) []*x509.Certificate {
	var out []*x509.Certificate
	info := child(sig, NSSignature, "KeyInfo")
	if info == nil {
		return nil
	}
	for _, data := range children(info, NSSignature, "X509Data") {
		for _, c := range children(data, NSSignature, "X509Certificate") {
			s, ok := text(c)
			if !ok {
				continue
			}
			certs, err := ParseCertificates([]byte(s))
			if err != nil {
				continue
			}
			for _, cert := range certs {
				for _, f := range prints {
					if f.Matches(cert) {
						out = append(out, cert)
						break
					}
				}
			}
		}
	}
	return out
}
