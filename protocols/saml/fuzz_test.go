package saml_test

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/platen-fax/platen/protocols/saml"
)

// FuzzResponse wants every foreign response refused with a code, or accepted as
// the one person the genuine response is about.
func FuzzResponse(f *testing.F) {
	for _, name := range []foreign{google, onelogin, secureworks} {
		b := []byte(name.encoded(f))
		raw, err := base64.StdEncoding.DecodeString(string(b))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte("<a><![CDATA[x]]></a>"))
	providers := []*saml.IdentityProvider{google.provider(f), onelogin.provider(f)}
	f.Fuzz(func(t *testing.T, doc []byte) {
		for i, src := range []foreign{google, onelogin} {
			v := src.validator(t, providers[i])
			id, err := v.Response(t.Context(), saml.Post{Response: base64.StdEncoding.EncodeToString(doc), Session: "phone"})
			if err != nil {
				if !errors.Is(err, saml.ErrRefused) || saml.CodeOf(err) == "" {
					t.Fatalf("%v is not a refusal with a code", err)
				}
				continue
			}
			if id.Email != "ross@octolabs.io" && id.Email != "ross@kndr.org" {
				t.Fatalf("accepted as %q", id.Email)
			}
		}
	})
}

// FuzzCertificates wants ErrCertificate or certificates that survive PEM.
func FuzzCertificates(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"))
	f.Add([]byte("30 82 0a"))
	f.Add([]byte("<X509Certificate>AA==</X509Certificate>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		certs, err := saml.ParseCertificates(b)
		if err != nil && !errors.Is(err, saml.ErrCertificate) {
			t.Fatalf("%v does not wrap ErrCertificate", err)
		}
		for _, c := range certs {
			again, err := saml.ParseCertificates([]byte(base64.StdEncoding.EncodeToString(c.Raw)))
			if err != nil || !again[0].Equal(c) {
				t.Fatalf("a certificate did not come back: %v", err)
			}
		}
		if _, err := saml.ParseFingerprint(string(b)); err != nil && !errors.Is(err, saml.ErrCertificate) {
			t.Fatalf("%v does not wrap ErrCertificate", err)
		}
	})
}

// FuzzMetadata wants a code for everything it refuses.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="a"><IDPSSODescriptor/></EntityDescriptor>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := saml.ParseMetadata(b, "", time.Time{}); err != nil && !errors.Is(err, saml.ErrRefused) {
			t.Fatalf("%v is not a refusal", err)
		}
	})
}
