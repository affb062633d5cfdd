package saml

import (
	"crypto/sha1" // the fingerprint that consoles print; nothing is signed with it here
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"strings"
	"time"
)

// SHA1 says whether the fingerprint is of the weak kind, to be replaced by the
// certificate at the first sign-in.
func (f Fingerprint) SHA1() bool { return len(f.sum) == sha1.Size }

// String returns upper-case digits in pairs with colons.
func (f Fingerprint) String() string { return pairs([]byte(f.sum)) }

// Matches says whether c has the fingerprint.
func (f Fingerprint) Matches(c *x509.Certificate) bool {
	var sum []byte
	switch len(f.sum) {
	case sha1.Size:
		s := sha1.Sum(c.Raw)
		sum = s[:]
	case sha256.Size:
		s := sha256.Sum256(c.Raw)
		sum = s[:]
	default:
		return false
	}
	return subtle.ConstantTimeCompare(sum, []byte(f.sum)) == 1
}

func pairs(b []byte) string {
	parts := make([]string, len(b))
	for i, c := range b {
		parts[i] = strings.ToUpper(hex.EncodeToString([]byte{c}))
	}
	return strings.Join(parts, ":")
}

// CertificateInfo is what to show back to whoever pasted a certificate.
type CertificateInfo struct {
	Subject             string
	NotBefore, NotAfter time.Time
	SHA1, SHA256        string // upper case, in pairs with colons
}

// Describe returns what identifies c to a person.
func Describe(c *x509.Certificate) CertificateInfo {
	s1, s256 := sha1.Sum(c.Raw), sha256.Sum256(c.Raw)
	return CertificateInfo{
		Subject: c.Subject.String(), NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		SHA1: pairs(s1[:]), SHA256: pairs(s256[:]),
	}
}
