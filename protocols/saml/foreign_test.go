package saml_test

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/protocols/saml"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// foreign is one genuine response and the service provider it was made for.
type foreign struct {
	response, metadata string
	entity, acs        string
	request            string
	at                 time.Time
	sha1               bool
}

var (
	google = foreign{
		"google.b64", "google-metadata.xml", "https://29ee6d2e.ngrok.io/saml/metadata", "https://29ee6d2e.ngrok.io/saml/acs",
		"id-fd419a5ab0472645427f8e07d87a3a5dd0b2e9a6", time.Date(2016, 1, 5, 16, 55, 39, 0, time.UTC), false,
	}
	onelogin = foreign{
		"onelogin.b64", "onelogin-metadata.xml", "https://29ee6d2e.ngrok.io/saml/metadata", "https://29ee6d2e.ngrok.io/saml/acs",
		"id-d40c15c104b52691eccf0a2a5c8a15595be75423", time.Date(2016, 1, 5, 17, 53, 12, 0, time.UTC), true,
	}
	secureworks = foreign{
		"secureworks-both-signed.xml", "secureworks-metadata.xml",
		"https://preview.docrocket-ross.test.octolabs.io/saml/metadata", "https://preview.docrocket-ross.test.octolabs.io/saml/acs",
		"id-3992f74e652d89c3cf1efd6c7e472abaac9bc917", time.Date(2017, 4, 21, 13, 12, 51, 0, time.UTC), true,
	}
)

// encoded returns the response in the form a browser posts.
func (f foreign) encoded(t testing.TB) string {
	b := read(t, f.response)
	if strings.HasSuffix(f.response, ".xml") {
		return base64.StdEncoding.EncodeToString(b)
	}
	return string(b)
}

func (f foreign) provider(t testing.TB) *saml.IdentityProvider {
	t.Helper()
	m, err := saml.ParseMetadata(read(t, f.metadata), "", f.at)
	if err != nil {
		t.Fatalf("ParseMetadata(%s): %v", f.metadata, err)
	}
	p := m.Provider()
	p.AllowSHA1 = f.sha1
	return p
}

// validator knows one request, made in the session "phone".
func (f foreign) validator(t *testing.T, idp *saml.IdentityProvider) *saml.Validator {
	t.Helper()
	now := func() time.Time { return f.at }
	mem := saml.NewMemory(10, now)
	err := mem.Put(saml.Pending{
		ID: f.request, Session: "phone", Account: "acme", Provider: idp, Asked: f.at.Add(-time.Minute), Expires: f.at.Add(time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &saml.Validator{EntityID: f.entity, ACS: f.acs, Requests: mem, Replays: mem, Now: now}
}

func wantCode(t *testing.T, err error, want saml.Code) {
	t.Helper()
	if got := saml.CodeOf(err); got != want {
		t.Errorf("refused with %q (%v), want %q", got, err, want)
	}
}

// TestGenuineResponses reads responses that servers of others signed.
func TestGenuineResponses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		f     foreign
		email string
	}{
		{"google", google, "ross@octolabs.io"},
		{"onelogin", onelogin, "ross@kndr.org"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := tt.f.validator(t, tt.f.provider(t))
			id, err := v.Response(t.Context(), saml.Post{Response: tt.f.encoded(t), Session: "phone"})
			if err != nil {
				t.Fatalf("Response: %v", err)
			}
			if id.Email != tt.email || id.Account != "acme" || id.SignedBy == nil {
				t.Errorf("Response = %q of %q, signed by %v; want %q of acme", id.Email, id.Account, id.SignedBy, tt.email)
			}
			_, err = v.Response(t.Context(), saml.Post{Response: tt.f.encoded(t), Session: "phone"})
			wantCode(t, err, saml.CodeRequestUsed)
		})
	}
}

// TestGenuineResponseChanged turns each accepted fact of a genuine response
// into a wrong one and wants its own code.
func TestGenuineResponseChanged(t *testing.T) {
	base := google
	other := secureworks.provider(t)
	edit := func(from, to string) func(t *testing.T, s string) string {
		return func(t *testing.T, s string) string {
			t.Helper()
			raw, err := base64.StdEncoding.DecodeString(s)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(raw), from) {
				t.Fatalf("%q is not in the response", from)
			}
			return base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(raw), from, to, 1)))
		}
	}
	for _, tt := range []struct {
		name  string
		setup func(*foreign, *saml.IdentityProvider, *saml.Validator)
		post  func(*saml.Post)
		edit  func(*testing.T, string) string
		want  saml.Code
	}{
		{name: "address changed", edit: edit("ross@octolabs.io", "boss@octolabs.io"), want: saml.CodeSignature},
		{name: "comment in the name", edit: edit("ross@octolabs.io", "ross@<!-- c -->octolabs.io"), want: saml.CodeComment},
		{name: "instruction in the name", edit: edit("ross@octolabs.io", "ross@<?x y?>octolabs.io"), want: saml.CodeComment},
		{name: "doctype", edit: edit("<saml2p:Response", "<!DOCTYPE x><saml2p:Response"), want: saml.CodeDoctype},
		{name: "entity", edit: edit("ross@octolabs.io", "&x;"), want: saml.CodeMalformed},
		{name: "second root", edit: edit("</saml2p:Response>", "</saml2p:Response><x/>"), want: saml.CodeMalformed},
		{name: "text behind", edit: edit("</saml2p:Response>", "</saml2p:Response>x"), want: saml.CodeMalformed},
		{name: "text before", edit: edit("<saml2p:Response", "x<saml2p:Response"), want: saml.CodeMalformed},
		{name: "unknown prefix", edit: edit("<saml2:Subject>", "<saml2:Subject x:y='z'>"), want: saml.CodeMalformed},
		{name: "attribute twice", edit: edit(` Version="2.0"`, ` Version="2.0" Version="2.0"`), want: saml.CodeDuplicate},
		{name: "cut off", edit: edit("</saml2p:Response>", ""), want: saml.CodeMalformed},
		{name: "not base64", edit: func(_ *testing.T, s string) string { return "%" + s }, want: saml.CodeEncoding},
		{name: "too large", edit: func(*testing.T, string) string { return strings.Repeat("A", 5<<20) }, want: saml.CodeTooLarge},
		{
			name: "too deep", want: saml.CodeTooDeep,
			edit: func(*testing.T, string) string {
				return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("<a>", 70) + strings.Repeat("</a>", 70)))
			},
		},
		{name: "other browser", post: func(p *saml.Post) { p.Session = "laptop" }, want: saml.CodeRequestSession},
		{name: "no browser", post: func(p *saml.Post) { p.Session = "" }, want: saml.CodeRequestSession},
		{name: "other relay state", post: func(p *saml.Post) { p.RelayState = "x" }, want: saml.CodeRequestSession},
		{name: "other request", setup: func(f *foreign, _ *saml.IdentityProvider, _ *saml.Validator) { f.request = "id-x" }, want: saml.CodeRequestUnknown},
		{name: "other tenant", setup: func(_ *foreign, p *saml.IdentityProvider, _ *saml.Validator) { p.EntityID = other.EntityID }, want: saml.CodeUnknownIssuer},
		{name: "other key", setup: func(_ *foreign, p *saml.IdentityProvider, _ *saml.Validator) { p.Certificates = other.Certificates }, want: saml.CodeSignature},
		{name: "no key", setup: func(_ *foreign, p *saml.IdentityProvider, _ *saml.Validator) { p.Certificates = nil }, want: saml.CodeSignature},
		{name: "other service", setup: func(_ *foreign, _ *saml.IdentityProvider, v *saml.Validator) { v.EntityID = "https://x/" }, want: saml.CodeWrongAudience},
		{name: "other endpoint", setup: func(_ *foreign, _ *saml.IdentityProvider, v *saml.Validator) { v.ACS = "https://x/" }, want: saml.CodeDestination},
		{name: "clock ahead", setup: func(f *foreign, _ *saml.IdentityProvider, v *saml.Validator) {
			v.Now = func() time.Time { return f.at.Add(9 * time.Minute) }
			late(v, f)
		}, want: saml.CodeExpired},
		{name: "clock behind", setup: func(f *foreign, _ *saml.IdentityProvider, v *saml.Validator) {
			v.Now = func() time.Time { return f.at.Add(-9 * time.Minute) }
		}, want: saml.CodeNotYetValid},
		{name: "request ran out", setup: func(f *foreign, _ *saml.IdentityProvider, v *saml.Validator) {
			v.Now = func() time.Time { return f.at.Add(2 * time.Minute) }
		}, want: saml.CodeRequestExpired},
		{name: "certificate ran out", setup: func(f *foreign, _ *saml.IdentityProvider, v *saml.Validator) {
			v.Now = func() time.Time { return f.at.AddDate(10, 0, 0) }
			late(v, f)
		}, want: saml.CodeCertExpired},
		{name: "fresh sign-in was asked", setup: func(f *foreign, _ *saml.IdentityProvider, v *saml.Validator) {
			v.Requests = onePending{saml.Pending{
				ID: f.request, Session: "phone", Provider: f.provider(t), Fresh: true,
				Asked: f.at.Add(time.Hour), Expires: f.at.Add(2 * time.Hour),
			}}
		}, want: saml.CodeStale},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, idp := base, base.provider(t)
			if tt.name == "other request" {
				tt.setup(&f, idp, nil)
			}
			v := f.validator(t, idp)
			if tt.setup != nil {
				tt.setup(&f, idp, v)
			}
			p := saml.Post{Response: base.encoded(t), Session: "phone"}
			if tt.edit != nil {
				p.Response = tt.edit(t, p.Response)
			}
			if tt.post != nil {
				tt.post(&p)
			}
			_, err := v.Response(t.Context(), p)
			wantCode(t, err, tt.want)
		})
	}
}

// onePending is a store with one request that never runs out.
type onePending struct{ saml.Pending }

func (o onePending) Get(_ context.Context, id string) (saml.Pending, bool, error) {
	return o.Pending, id == o.ID, nil
}
func (o onePending) Use(context.Context, string) (bool, error) { return true, nil }

// late lets the request live on, so that something else has to refuse.
func late(v *saml.Validator, f *foreign) {
	p, _, _ := v.Requests.Get(context.Background(), f.request)
	p.Expires = f.at.AddDate(20, 0, 0)
	v.Requests = onePending{p}
}

// TestForbiddenConfirmation reads a response whose signatures hold and whose
// confirmation breaks the profile.
func TestForbiddenConfirmation(t *testing.T) {
	for _, name := range []string{"secureworks-both-signed.xml", "secureworks-assertion-signed.xml"} {
		f := secureworks
		f.response = name
		v := f.validator(t, f.provider(t))
		_, err := v.Response(t.Context(), saml.Post{Response: f.encoded(t), Session: "phone"})
		wantCode(t, err, saml.CodeConfirmation)
	}
}

// TestSHA1NeedsConsent refuses the genuine SHA-1 response unless the account
// allows it.
func TestSHA1NeedsConsent(t *testing.T) {
	idp := onelogin.provider(t)
	idp.AllowSHA1 = false
	_, err := onelogin.validator(t, idp).Response(t.Context(), saml.Post{Response: onelogin.encoded(t), Session: "phone"})
	wantCode(t, err, saml.CodeWeakAlgorithm)
}

// TestForeignWrapping refuses the published wrapping attacks, although their
// keys are trusted here and SHA-1 is allowed.
func TestForeignWrapping(t *testing.T) {
	for i := 1; i <= 9; i++ {
		name := "xsw" + string(rune('0'+i)) + ".b64"
		f := onelogin
		f.response = name
		if i >= 3 {
			f.request, f.at = "ONELOGIN_4fee3b046395c4e751011e97f8900b5273d56685", time.Date(2014, 7, 17, 14, 30, 0, 0, time.UTC)
			f.acs, f.entity = "http://sp.example.com/demo1/index.php?acs", "http://sp.example.com/demo1/metadata.php"
		}
		idp := onelogin.provider(t)
		if i >= 3 {
			doc, err := base64.StdEncoding.DecodeString(f.encoded(t))
			if err != nil {
				t.Fatal(err)
			}
			idp.EntityID = "http://idp.example.com/metadata.php"
			if idp.Certificates, err = saml.ParseCertificates(doc); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		_, err := f.validator(t, idp).Response(t.Context(), saml.Post{Response: f.encoded(t), Session: "phone"})
		if got := saml.CodeOf(err); got != saml.CodeAssertion && got != saml.CodeDuplicate {
			t.Errorf("%s: refused with %q (%v)", name, got, err)
		}
	}
}

// TestFingerprint verifies with a certificate out of the message, after its hash.
func TestFingerprint(t *testing.T) {
	good := google.provider(t)
	info := saml.Describe(good.Certificates[0])
	for _, print := range []string{info.SHA1, info.SHA256} {
		f, err := saml.ParseFingerprint(print)
		if err != nil {
			t.Fatal(err)
		}
		idp := &saml.IdentityProvider{EntityID: good.EntityID, Fingerprints: []saml.Fingerprint{f}}
		id, err := google.validator(t, idp).Response(t.Context(), saml.Post{Response: google.encoded(t), Session: "phone"})
		if err != nil {
			t.Errorf("with %s: %v", print, err)
			continue
		}
		if !id.SignedBy.Equal(good.Certificates[0]) {
			t.Errorf("with %s: another certificate came back", print)
		}
	}
	wrong, err := saml.ParseFingerprint(strings.Repeat("ab", 32))
	if err != nil {
		t.Fatal(err)
	}
	idp := &saml.IdentityProvider{EntityID: good.EntityID, Fingerprints: []saml.Fingerprint{wrong}}
	_, err = google.validator(t, idp).Response(t.Context(), saml.Post{Response: google.encoded(t), Session: "phone"})
	wantCode(t, err, saml.CodeSignature)
}
