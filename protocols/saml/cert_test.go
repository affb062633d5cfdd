package saml_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/protocols/saml"
)

func makeCert(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "idp.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// bundle makes a .p7b: PKCS #7 signed data with certificates only (RFC 2315 §9).
func bundle(t *testing.T, certs ...[]byte) []byte {
	t.Helper()
	marshal := func(v any) []byte {
		b, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	set := marshal(asn1.RawValue{Tag: asn1.TagSet, IsCompound: true})
	inner := marshal(struct{ OID asn1.ObjectIdentifier }{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}})
	list := marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: bytes.Join(certs, nil)})
	body := bytes.Join([][]byte{marshal(1), set, inner, list, set}, nil)
	data := marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: body})
	return marshal(struct {
		OID     asn1.ObjectIdentifier
		Content asn1.RawValue
	}{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: data}})
}

// TestPastedCertificates gives one certificate in every form it gets pasted in.
func TestPastedCertificates(t *testing.T) {
	der, second := makeCert(t), makeCert(t)
	block := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	one := base64.StdEncoding.EncodeToString(der)
	body := strings.TrimSpace(strings.NewReplacer("-----BEGIN CERTIFICATE-----", "", "-----END CERTIFICATE-----", "").Replace(block))
	trusted, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 4}})
	if err != nil {
		t.Fatal(err)
	}
	p7 := bundle(t, der, second)
	for _, tt := range []struct {
		name, in string
		n        int
	}{
		{"PEM", block, 1},
		{"PEM with CRLF", strings.ReplaceAll(block, "\n", "\r\n"), 1},
		{"PEM on one line", strings.ReplaceAll(block, "\n", ""), 1},
		{"PEM on one line with spaces", strings.ReplaceAll(block, "\n", " "), 1},
		{"PEM with literal escapes in quotes", `"` + strings.ReplaceAll(block, "\n", `\n`) + `"`, 1},
		{"PEM with explaining text", "Here it is:\n" + block + "Regards", 1},
		{"PEM with dashes of a word processor", strings.ReplaceAll(block, "-----", "—–"), 1},
		{"PEM indented", strings.ReplaceAll(block, "\n", "\n\t  "), 1},
		{"body only", body, 1},
		{"body only on one line", one, 1},
		{"body without padding", strings.TrimRight(one, "="), 1},
		{"body in quotes", "'" + one + "'", 1},
		{"body in typographic quotes", "“" + one + "”", 1},
		{"body with guillemets", "«\u00a0" + one + "\u00a0»", 1},
		{"byte order mark", "\ufeff" + block, 1},
		{"left-to-right mark of the Windows dialog", "\u200e" + one, 1},
		{"right-to-left mark", "\u200f" + one + "\u200f", 1},
		{"zero-width and no-break spaces", one[:20] + "\u200b\u00a0\u202f" + one[20:], 1},
		{"base64 of PEM", base64.StdEncoding.EncodeToString([]byte(block)), 1},
		{"trusted", string(pem.EncodeToMemory(&pem.Block{Type: "TRUSTED CERTIFICATE", Bytes: append(bytes.Clone(der), trusted...)})), 1},
		{"X509 label", strings.ReplaceAll(block, "CERTIFICATE", "X509 CERTIFICATE"), 1},
		{"DER file", string(der), 1},
		{"PKCS 7 file", string(p7), 2},
		{"PKCS 7 as PEM", string(pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: p7})), 2},
		{"PKCS 7 base64", base64.StdEncoding.EncodeToString(p7), 2},
		{"element of a signature", "<ds:X509Certificate>\n" + body + "\n</ds:X509Certificate>", 1},
		{"element with line references", "<X509Certificate>" + strings.ReplaceAll(body, "\n", "&#13;\n") + "</X509Certificate>", 1},
		{"rollover pair", block + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: second})), 2},
		{"the same twice", block + block, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			certs, err := saml.ParseCertificates([]byte(tt.in))
			if err != nil {
				t.Fatalf("ParseCertificates: %v", err)
			}
			if len(certs) != tt.n || !bytes.Equal(certs[0].Raw, der) {
				t.Errorf("ParseCertificates = %d certificates, the first equal: %t; want %d, true",
					len(certs), bytes.Equal(certs[0].Raw, der), tt.n)
			}
		})
	}
}

// TestPastedNonsense wants a reason for everything that is no certificate.
func TestPastedNonsense(t *testing.T) {
	der := makeCert(t)
	one := base64.StdEncoding.EncodeToString(der)
	block := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", " \n\u200e", "nothing was pasted"},
		{"private key", strings.ReplaceAll(block, "CERTIFICATE", "PRIVATE KEY"), "private key"},
		{"request", strings.ReplaceAll(block, "CERTIFICATE", "CERTIFICATE REQUEST"), "signing request"},
		{"fingerprint", strings.Repeat("AB:", 19) + "AB", "fingerprint field"},
		{"cut off", one[:len(one)/2], "reading it"},
		{"no end line", block[:len(block)/2], "END line"},
		{"damaged", one[:30] + "*" + one[31:], "character 31"},
		{"other XML", "<html></html>", "no X509Certificate"},
		{"other binary", "\x30\x03\x02\x01\x05", "binary file"},
		{"too much", strings.Repeat("A", 300<<10), "larger"},
	} {
		certs, err := saml.ParseCertificates([]byte(tt.in))
		if !errors.Is(err, saml.ErrCertificate) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: ParseCertificates = %v, %v; want %q", tt.name, certs, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), one[20:60]) {
			t.Errorf("%s: the error repeats what was pasted", tt.name)
		}
	}
}

// TestPastedFingerprints gives one fingerprint in every form.
func TestPastedFingerprints(t *testing.T) {
	c, err := x509.ParseCertificate(makeCert(t))
	if err != nil {
		t.Fatal(err)
	}
	info := saml.Describe(c)
	for _, in := range []string{
		info.SHA256, info.SHA1, strings.ToLower(info.SHA1), strings.ReplaceAll(info.SHA1, ":", " "),
		strings.ReplaceAll(info.SHA256, ":", ""), "\u200e" + strings.ReplaceAll(strings.ToLower(info.SHA1), ":", " "),
		"SHA256 Fingerprint=" + info.SHA256, "sha1:" + info.SHA1, strings.ReplaceAll(info.SHA1, ":", "-"), "“" + info.SHA1 + "”",
		info.SHA256[:48] + "\r\n" + info.SHA256[48:],
	} {
		f, err := saml.ParseFingerprint(in)
		if err != nil || !f.Matches(c) {
			t.Errorf("ParseFingerprint(%q) = %v, %v; want a match", in, f, err)
		}
	}
	for _, tt := range []struct{ in, want string }{
		{"", "this has 0"},
		{info.SHA1[:50], "this has 34"},
		{info.SHA1 + ":00", "this has 42"},
		{strings.Replace(info.SHA1, info.SHA1[:1], "G", 1), "digit 1 is another"},
	} {
		if f, err := saml.ParseFingerprint(tt.in); !errors.Is(err, saml.ErrCertificate) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseFingerprint(%q) = %v, %v; want %q", tt.in, f, err, tt.want)
		}
	}
	if (saml.Fingerprint{}).Matches(c) {
		t.Error("the empty fingerprint matches")
	}
}
