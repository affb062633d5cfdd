package wstrust_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/protocols/wstrust"
)

const messageID = "urn:uuid:11111111-2222-4333-8444-555555555555"

func TestResponses(t *testing.T) {
	created := time.Date(2026, 10, 5, 8, 15, 30, 110e6, time.UTC)
	for _, tt := range []struct {
		file    string
		version wstrust.Version
		prefer  wstrust.SAML
		saml    wstrust.SAML
		typ, id string
	}{
		{"13-saml11.xml", wstrust.Trust13, 0, wstrust.SAML11, wstrust.TokenTypeSAML11, "0011"},
		{"13-saml11-profile.xml", wstrust.Trust13, wstrust.SAML11, wstrust.SAML11, wstrust.TokenTypeSAML11Profile, "0011"},
		{"13-no-relates.xml", wstrust.Trust13, 0, wstrust.SAML11, wstrust.TokenTypeSAML11, "0011"},
		{"2005-saml11.xml", wstrust.Trust2005, 0, wstrust.SAML11, wstrust.TokenTypeSAML11, "0011"},
		{"2005-indented.xml", wstrust.Trust2005, 0, wstrust.SAML11, wstrust.TokenTypeSAML11, "0011"},
		{"13-saml20.xml", wstrust.Trust13, wstrust.SAML20, wstrust.SAML20, wstrust.TokenTypeSAML20, "0020"},
		{"13-saml20.xml", wstrust.Trust13, wstrust.SAML11, wstrust.SAML20, wstrust.TokenTypeSAML20, "0020"},
		{"2005-saml20.xml", wstrust.Trust2005, 0, wstrust.SAML20, wstrust.TokenTypeSAML20Profile, "0020"},
		{"13-several.xml", wstrust.Trust13, 0, wstrust.SAML11, wstrust.TokenTypeSAML11, "0011"},
		{"13-several.xml", wstrust.Trust13, wstrust.SAML11, wstrust.SAML11, wstrust.TokenTypeSAML11, "0011"},
		{"13-several.xml", wstrust.Trust13, wstrust.SAML20, wstrust.SAML20, wstrust.TokenTypeSAML20, "0020"},
		{"13-no-type.xml", wstrust.Trust13, 0, wstrust.SAML11, "", "0011"},
	} {
		t.Run(tt.file+" prefer "+tt.prefer.String(), func(t *testing.T) {
			data := fixture(t, "rstr/"+tt.file)
			got, err := wstrust.DecodeResponse(data, wstrust.Expect{Version: tt.version, Prefer: tt.prefer, RelatesTo: messageID})
			if err != nil {
				t.Fatal(err)
			}
			if got.SAML != tt.saml || got.Type != tt.typ || !got.Created.Equal(created) || !got.Expires.Equal(created.Add(time.Hour)) {
				t.Errorf("got SAML %s, type %q, %v to %v", got.SAML, got.Type, got.Created, got.Expires)
			}
			if !bytes.Contains(data, got.Assertion) || !bytes.HasPrefix(got.Assertion, []byte("<")) || !bytes.HasSuffix(got.Assertion, []byte("Assertion>")) {
				t.Errorf("assertion is not cut from the answer: %q", got.Assertion)
			}
			c, err := wstrust.ReadClaims(got.Assertion)
			if err != nil || !strings.HasSuffix(c.ID, tt.id) {
				t.Errorf("ReadClaims = %+v, %v; want id …%s", c, err, tt.id)
			}
		})
	}
}

func TestAssertionKeepsOuterNamespaces(t *testing.T) {
	for _, tt := range []struct{ file, head, from, email string }{
		{
			"13-outer-namespaces.xml",
			`<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:1.0:assertion" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema" MajorVersion="1"`,
			` MajorVersion="1"`, "ann@example.com",
		},
		{"13-outer-default.xml", `<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="`, ` ID="`, "Ann.Lee@example.com"},
	} {
		data := fixture(t, "rstr/"+tt.file)
		got, err := wstrust.DecodeResponse(data, wstrust.Expect{Version: wstrust.Trust13})
		if err != nil {
			t.Fatalf("%s: %v", tt.file, err)
		}
		if !strings.HasPrefix(string(got.Assertion), tt.head) {
			t.Errorf("%s: assertion starts %.200q; want %q", tt.file, got.Assertion, tt.head)
		}
		if rest := got.Assertion[bytes.Index(got.Assertion, []byte(tt.from)):]; !bytes.Contains(data, rest) {
			t.Errorf("%s: the rest changed: %q", tt.file, rest)
		}
		if c, err := wstrust.ReadClaims(got.Assertion); err != nil || c.Email != tt.email {
			t.Errorf("%s: ReadClaims = %+v, %v; want %s", tt.file, c, err, tt.email)
		}
	}
}

func TestResponsesRefused(t *testing.T) {
	good := fixture(t, "rstr/13-saml11.xml")
	undeclared := bytes.Replace(good, []byte("<saml:Audience>"), []byte("<other:Audience/><saml:Audience>"), 1)
	for _, tt := range []struct {
		name    string
		data    []byte
		version wstrust.Version
		id      string
		want    error
	}{
		{"1.3 without collection", fixture(t, "rstr/13-without-collection.xml"), wstrust.Trust13, "", wstrust.ErrWire},
		{"2005 with collection", fixture(t, "rstr/2005-collection.xml"), wstrust.Trust2005, "", wstrust.ErrWire},
		{"other version", good, wstrust.Trust2005, "", wstrust.ErrWire},
		{"empty collection", fixture(t, "rstr/13-empty.xml"), wstrust.Trust13, "", wstrust.ErrWire},
		{"encrypted", fixture(t, "rstr/13-encrypted.xml"), wstrust.Trust13, "", wstrust.ErrEncrypted},
		{"answer to another message", good, wstrust.Trust13, "urn:uuid:0", wstrust.ErrWire},
		{"undeclared prefix inside", undeclared, wstrust.Trust13, "", wstrust.ErrWire},
		{"page", fixture(t, "mex/page.html"), wstrust.Trust13, "", wstrust.ErrWire},
		{"nothing", nil, wstrust.Trust13, "", wstrust.ErrWire},
	} {
		if got, err := wstrust.DecodeResponse(tt.data, wstrust.Expect{Version: tt.version, RelatesTo: tt.id}); !errors.Is(err, tt.want) || got != nil {
			t.Errorf("%s: DecodeResponse = %v, %v; want %v", tt.name, got, err, tt.want)
		}
	}
}

func TestClaims(t *testing.T) {
	token := func(file string) []byte {
		tok, err := wstrust.DecodeResponse(fixture(t, "rstr/"+file), wstrust.Expect{Version: wstrust.Trust13})
		if err != nil {
			t.Fatal(err)
		}
		return tok.Assertion
	}
	got, err := wstrust.ReadClaims(token("13-saml11.xml"))
	if err != nil {
		t.Fatal(err)
	}
	at := func(ms int) time.Time { return time.Date(2026, 10, 5, 8, 15, 30, ms*1e6, time.UTC) }
	want := &wstrust.Claims{
		SAML: wstrust.SAML11, ID: "_0a1b2c3d-0000-4000-8000-000000000011", Issuer: "http://sts.example.com/adfs/services/trust",
		IssueInstant: at(125), NotBefore: at(110), NotOnOrAfter: at(110).Add(time.Hour), Authenticated: at(63),
		Audiences: []string{"https://login.fax.example/"}, Subject: "bXlJbW11dGFibGVJZA==",
		Format: "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", Method: "urn:oasis:names:tc:SAML:1.0:am:password",
		Email: "Ann.Lee@example.com", Name: "Ann Lee & Co <1>", UPN: "alee@corp.example.com",
		Attributes: map[string][]string{wstrust.ClaimEmail: {"Ann.Lee@example.com"}, wstrust.ClaimName: {"Ann Lee & Co <1>"}, wstrust.ClaimUPN: {"alee@corp.example.com"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("SAML 1.1 (-want +got):\n%s", d)
	}
	got, err = wstrust.ReadClaims(token("13-saml20.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if got.SAML != wstrust.SAML20 || got.Email != "Ann.Lee@example.com" || got.Name != "Ann Łee" || got.Issuer != want.Issuer || len(got.Audiences) != 1 ||
		!got.NotOnOrAfter.Equal(want.NotOnOrAfter) || !got.Authenticated.Equal(want.Authenticated) || !strings.Contains(got.Method, "PasswordProtectedTransport") {
		t.Errorf("SAML 2.0: %+v", got)
	}
}

func TestClaimsEmail(t *testing.T) {
	const head = `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:1.0:assertion"><saml:AttributeStatement><saml:Subject><saml:NameIdentifier Format="urn:oasis:names:tc:SAML:1.1:nameid-format:`
	value := func(vs ...string) string {
		s := `<saml:Attribute AttributeName="emailaddress" AttributeNamespace="http://schemas.xmlsoap.org/ws/2005/05/identity/claims">`
		for _, v := range vs {
			s += `<saml:AttributeValue>` + v + `</saml:AttributeValue>`
		}
		return s + `</saml:Attribute>`
	}
	for _, tt := range []struct {
		name, format, id, claims, want string
		bad                            bool
	}{
		{"format says so", "emailAddress", "ann@x.example", value("other@x.example"), "ann@x.example", false},
		{"open and looks like one", "unspecified", "ann@x.example", "", "ann@x.example", false},
		{"open and does not", "unspecified", "CORP\\ann", value("ann@x.example"), "ann@x.example", false},
		{"another format", "persistent", "ann@x.example", "", "", false},
		{"several values", "persistent", "x", value("a@x.example", "b@x.example"), "", false},
		{"same value twice", "persistent", "x", value("a@x.example", "a@x.example"), "a@x.example", false},
		{"display name is none", "emailAddress", "Ann &lt;ann@x.example&gt;", "", "", false},
		{"comment in the name", "emailAddress", "ann@x.example<!-- c -->.evil.example", "", "", true},
		{"instruction in the name", "emailAddress", "ann@x.example<?p i?>.evil.example", "", "", true},
		{"comment in a value", "persistent", "x", value("ann@x.example<!-- c -->.evil.example"), "", true},
	} {
		doc := head + tt.format + `">` + tt.id + `</saml:NameIdentifier></saml:Subject>` + tt.claims + `</saml:AttributeStatement></saml:Assertion>`
		c, err := wstrust.ReadClaims([]byte(doc))
		if tt.bad != errors.Is(err, wstrust.ErrWire) || !tt.bad && (err != nil || c.Email != tt.want) {
			t.Errorf("%s: ReadClaims = %+v, %v; want %q, error %v", tt.name, c, err, tt.want, tt.bad)
		}
	}
}

func TestMetadata(t *testing.T) {
	m, err := wstrust.DecodeMetadata(fixture(t, "metadata.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range m.Signing {
		names = append(names, c.Subject.CommonName)
	}
	want := []string{"ADFS Signing - sts.example.com", "ADFS Signing - sts.example.com (next)"}
	if d := cmp.Diff(want, names); d != "" || m.EntityID != "http://sts.example.com/adfs/services/trust" {
		t.Errorf("entity %q, certificates (-want +got):\n%s", m.EntityID, d)
	}
	for _, bad := range []string{"", "<a/>", `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x"/>`} {
		if _, err := wstrust.DecodeMetadata([]byte(bad)); !errors.Is(err, wstrust.ErrWire) {
			t.Errorf("DecodeMetadata(%q) = %v; want ErrWire", bad, err)
		}
	}
}
