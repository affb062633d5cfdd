package saml

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxCertificates bounds a pasted text or uploaded file, in bytes.
const MaxCertificates = 256 << 10

// ErrCertificate is wrapped by every refusal of [ParseCertificates] and
// [ParseFingerprint]; the text says what to paste instead and never repeats
// what was pasted.
var ErrCertificate = errors.New("not a certificate")

// ParseCertificates reads an identity provider's signing certificates in any
// form in which people hand them over: PEM with or without armour, on one line,
// with CRLF, literal \n, quotes of any kind, a byte order mark or the invisible
// marks that the Windows certificate dialog adds, TRUSTED CERTIFICATE, DER,
// PKCS #7 (.p7b) as DER or PEM, the X509Certificate element of a signature, or
// metadata as a whole. Each certificate is returned once, in the order given.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	if len(data) > MaxCertificates {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrCertificate, MaxCertificates)
	}
	certs, err := parseCertificates(data, 0)
	if err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	for _, c := range certs {
		if !holds(out, c) {
			out = append(out, c)
		}
	}
	return out, nil
}

func holds(list []*x509.Certificate, c *x509.Certificate) bool {
	for _, o := range list {
		if o.Equal(c) {
			return true
		}
	}
	return false
}

// armour matches one armoured block after cleaning; white space is gone by
// then, also between the words of a label. Word processors join hyphens into
// dashes, so their number is not counted.
var armour = regexp.MustCompile(`-+BEGIN([A-Z0-9]+?)-+([^-]*)-+END([A-Z0-9]+?)-`)

// element matches a certificate element of a signature or of metadata.
var element = regexp.MustCompile(`(?s)<(?:[\w.-]+:)?X509Certificate(?:\s[^>]*)?>(.*?)</(?:[\w.-]+:)?X509Certificate\s*>`)

func parseCertificates(data []byte, nested int) ([]*x509.Certificate, error) {
	if certs, err := fromDER(data); err == nil {
		return certs, nil
	} else if len(data) > 0 && data[0] == 0x30 && !printable(data) {
		return nil, fmt.Errorf("%w: a binary file that is neither a certificate nor PKCS #7: %w", ErrCertificate, err)
	}
	text, err := clean(data)
	if err != nil {
		return nil, err
	}
	switch {
	case text == "":
		return nil, fmt.Errorf("%w: nothing was pasted", ErrCertificate)
	case strings.Contains(text, "PRIVATEKEY"):
		return nil, fmt.Errorf("%w: this is a private key; it must stay where it is. Paste the certificate", ErrCertificate)
	case strings.Contains(text, "CERTIFICATEREQUEST"):
		return nil, fmt.Errorf("%w: this is a signing request; paste the certificate", ErrCertificate)
	case strings.HasPrefix(text, "<"):
		return fromXML(data)
	case strings.Contains(text, "-BEGIN"):
		return fromArmour(text)
	}
	return fromBase64(text, nested)
}

func printable(b []byte) bool {
	for _, c := range b {
		if c != '\n' && c != '\r' && c != '\t' && (c < 0x20 || c == 0x7f) {
			return false
		}
	}
	return true
}

// clean takes away everything that copying adds: white space of any alphabet,
// invisible marks, quotes, literal escapes; typographic dashes become hyphens.
func clean(data []byte) (string, error) {
	data = bytes.TrimPrefix(data, bom)
	if !utf8.Valid(data) {
		return "", fmt.Errorf("%w: neither text nor a certificate file", ErrCertificate)
	}
	s := strings.NewReplacer(`\r`, "", `\n`, "", `\t`, "").Replace(string(data))
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Zs, r):
			return -1
		case unicode.In(r, unicode.Pi, unicode.Pf), strings.ContainsRune("\"'`„‚", r):
			return -1
		case unicode.Is(unicode.Pd, r):
			return '-'
		}
		return r
	}, s), nil
}

func fromArmour(text string) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for _, m := range armour.FindAllStringSubmatch(text, -1) {
		if m[1] != m[3] {
			return nil, fmt.Errorf("%w: it begins as %s and ends as %s", ErrCertificate, m[1], m[3])
		}
		der, err := decode64(m[2])
		if err != nil {
			return nil, err
		}
		if m[1] == "TRUSTEDCERTIFICATE" {
			der = firstElement(der)
		}
		certs, err := fromDER(der)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
		}
		out = append(out, certs...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: the END line is missing; copy the text to its end", ErrCertificate)
	}
	return out, nil
}

// firstElement cuts the trust settings that OpenSSL appends.
func firstElement(der []byte) []byte {
	var v asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &v); err == nil {
		return der[:len(der)-len(rest)]
	}
	return der
}

func fromXML(data []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for _, m := range element.FindAllSubmatch(data, -1) {
		text, err := clean([]byte(html.UnescapeString(string(m[1]))))
		if err != nil {
			return nil, err
		}
		certs, err := fromBase64(text, 1)
		if err != nil {
			return nil, err
		}
		out = append(out, certs...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: there is no X509Certificate in this XML", ErrCertificate)
	}
	return out, nil
}

func fromBase64(text string, nested int) ([]*x509.Certificate, error) {
	if n := len(text); n == 40 || n == 64 || n == 59 || n == 95 {
		if _, err := ParseFingerprint(text); err == nil {
			return nil, fmt.Errorf("%w: this is a fingerprint; it belongs in the fingerprint field", ErrCertificate)
		}
	}
	der, err := decode64(text)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(der, []byte("-----BEGIN")) && nested == 0 {
		return parseCertificates(der, 1)
	}
	certs, err := fromDER(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	return certs, nil
}

// decode64 is strict in its alphabet and tolerant of lost padding.
func decode64(text string) ([]byte, error) {
	bare := strings.TrimRight(text, "=")
	der, err := base64.RawStdEncoding.Strict().DecodeString(bare)
	var at base64.CorruptInputError
	switch {
	case errors.As(err, &at) && int64(at) < int64(len(bare)):
		return nil, fmt.Errorf("%w: character %d is not base64; the text is damaged or cut off", ErrCertificate, int64(at)+1)
	case err != nil:
		return nil, fmt.Errorf("%w: the base64 text is cut off", ErrCertificate)
	}
	return der, nil
}

// fromDER reads one certificate, or the certificates of a PKCS #7 bundle.
func fromDER(der []byte) ([]*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(der)
	if err == nil {
		return []*x509.Certificate{cert}, nil
	}
	if certs, err := fromPKCS7(der); err == nil && len(certs) > 0 {
		return certs, nil
	}
	return nil, fmt.Errorf("reading it: %w", err)
}

// signedData is the beginning of RFC 2315 §9.1, up to the certificates; what
// follows may be there or not.
type signedData struct {
	Version          int
	DigestAlgorithms asn1.RawValue
	ContentInfo      asn1.RawValue
	Certificates     asn1.RawValue
}

func fromPKCS7(der []byte) ([]*x509.Certificate, error) {
	var info struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue
	}
	if rest, err := asn1.Unmarshal(der, &info); err != nil || len(rest) > 0 {
		return nil, errors.New("not PKCS #7")
	}
	if !info.Type.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}) {
		return nil, errors.New("PKCS #7 of another type")
	}
	var data signedData
	if _, err := asn1.Unmarshal(info.Content.Bytes, &data); err != nil {
		return nil, fmt.Errorf("PKCS #7: %w", err)
	}
	return x509.ParseCertificates(data.Certificates.Bytes)
}

// hexText returns the digits of a fingerprint without what people and programs
// put around and between them.
func hexText(s string) (string, error) {
	text, err := clean([]byte(s))
	if err != nil {
		return "", err
	}
	text = strings.ToLower(text)
	// OpenSSL and ssh print a label first.
	if i := strings.LastIndexByte(text, '='); i >= 0 && i < len(text)-1 {
		text = text[i+1:]
	}
	for _, label := range []string{"sha256", "sha-256", "sha1", "sha-1", "thumbprint", "fingerprint"} {
		text = strings.TrimPrefix(strings.TrimPrefix(text, label), ":")
	}
	text = strings.Map(func(r rune) rune {
		if strings.ContainsRune(":-.,;", r) {
			return -1
		}
		return r
	}, text)
	if i := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) }); i >= 0 {
		return "", fmt.Errorf("%w: a fingerprint has the digits 0-9 and a-f only; digit %d is another", ErrCertificate, i+1)
	}
	return text, nil
}

// Fingerprint is the hash of a certificate, 20 bytes for SHA-1 or 32 for
// SHA-256. The zero value matches nothing.
type Fingerprint struct{ sum string }

// ParseFingerprint reads 40 (SHA-1, as the AD FS console shows) or 64 (SHA-256)
// hexadecimal digits, with any case, spaces, colons, invisible marks and a
// label such as "SHA256 Fingerprint=".
func ParseFingerprint(s string) (Fingerprint, error) {
	digits, err := hexText(s)
	if err != nil {
		return Fingerprint{}, err
	}
	if n := len(digits); n != 40 && n != 64 {
		return Fingerprint{}, fmt.Errorf("%w: a fingerprint has 40 (SHA-1) or 64 (SHA-256) digits, this has %d", ErrCertificate, n)
	}
	sum, err := hex.DecodeString(digits)
	if err != nil {
		return Fingerprint{}, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	return Fingerprint{string(sum)}, nil
}
