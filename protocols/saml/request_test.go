package saml_test

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/protocols/saml"
)

func aRequest() saml.Request {
	return saml.Request{
		ID: saml.NewRequestID(), Issued: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC),
		Destination: "https://idp.example.com/sso?tenant=a", Issuer: "https://login.example.com/",
		ACS: "https://login.example.com/auth/saml/callback", NameIDFormat: saml.FormatEmail, ForceAuthn: true,
	}
}

// TestRedirectRoundTrip sends a signed request and reads it as the other side.
func TestRedirectRoundTrip(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	want := aRequest()
	at, err := want.URL(saml.Redirect{RelayState: "a b+c", LoginHint: "ann@x.com", Signer: key})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	got, relay, err := saml.ParseRedirect(u.Query())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" || relay != "a b+c" || u.Query().Get("login_hint") != "ann@x.com" || u.Query().Get("tenant") != "a" {
		t.Errorf("the request changed on its way: %s (relay state %q, query %v)", diff, relay, u.Query())
	}
	if err := saml.VerifyRedirect(u.RawQuery, &key.PublicKey); err != nil {
		t.Errorf("VerifyRedirect: %v", err)
	}
	wantCode(t, saml.VerifyRedirect(strings.Replace(u.RawQuery, "a+b", "a+x", 1), &key.PublicKey), saml.CodeSignature)
	wantCode(t, saml.VerifyRedirect("SAMLRequest=x", &key.PublicKey), saml.CodeUnsigned)
}

// TestRequestEntra keeps to what Entra accepts: no subject, no leading digit,
// and nothing beyond the documented attributes.
func TestRequestEntra(t *testing.T) {
	for range 50 {
		if id := saml.NewRequestID(); id[0] != '_' || len(id) != 33 {
			t.Fatalf("NewRequestID() = %q", id)
		}
	}
	doc, err := aRequest().XML()
	if err != nil {
		t.Fatal(err)
	}
	for _, not := range []string{"Subject", "RequestedAuthnContext", "ProviderName", "Scoping"} {
		if bytes.Contains(doc, []byte(not)) {
			t.Errorf("%s is in the request: %s", not, doc)
		}
	}
	bad := aRequest()
	bad.ID = "1abc"
	if _, err := bad.XML(); err == nil {
		t.Error("an ID with a leading digit was accepted")
	}
	bad = aRequest()
	if _, err := bad.URL(saml.Redirect{RelayState: strings.Repeat("x", 81)}); err == nil {
		t.Error("a relay state of 81 bytes was accepted")
	}
	bad.Destination = "http://idp.example.com/"
	if _, err := bad.URL(saml.Redirect{}); err == nil {
		t.Error("a plain http destination was accepted")
	}
}

// TestRequestBomb refuses a query that would inflate to 64 MiB.
func TestRequestBomb(t *testing.T) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	chunk := bytes.Repeat([]byte(" "), 1<<20)
	for range 64 {
		if _, err := w.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, err = saml.ParseRedirect(url.Values{"SAMLRequest": {base64.StdEncoding.EncodeToString(b.Bytes())}})
	wantCode(t, err, saml.CodeTooLarge)
}

// TestReadPost takes forms over TLS only.
func TestReadPost(t *testing.T) {
	var got saml.Post
	var gotErr error
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got, gotErr = saml.ReadPost(w, r) })
	tlsServer, plain := httptest.NewTLSServer(h), httptest.NewServer(h)
	defer tlsServer.Close()
	defer plain.Close()
	for _, tt := range []struct {
		name, url string
		form      url.Values
		get       bool
		want      saml.Code
	}{
		{"good", tlsServer.URL, url.Values{"SAMLResponse": {"x"}, "RelayState": {"r"}}, false, ""},
		{"plain", plain.URL, url.Values{"SAMLResponse": {"x"}}, false, saml.CodeTransport},
		{"get", tlsServer.URL + "?SAMLResponse=x", nil, true, saml.CodeTransport},
		{"in the query", tlsServer.URL + "?SAMLResponse=x", url.Values{"a": {"b"}}, false, saml.CodeEncoding},
		{"twice", tlsServer.URL, url.Values{"SAMLResponse": {"x", "y"}}, false, saml.CodeEncoding},
		{"5 MB", tlsServer.URL, url.Values{"SAMLResponse": {strings.Repeat("A", 5<<20)}}, false, saml.CodeTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, gotErr = saml.Post{}, errors.New("not called")
			method, body := http.MethodPost, tt.form.Encode()
			if tt.get {
				method, body = http.MethodGet, ""
			}
			req, err := http.NewRequestWithContext(t.Context(), method, tt.url, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			// The server may hang up on the large one before it has read it all.
			if resp, err := tlsServer.Client().Do(req); err == nil {
				resp.Body.Close()
			} else if tt.want != saml.CodeTooLarge {
				t.Fatal(err)
			}
			if tt.want == "" {
				if gotErr != nil || got.Response != "x" || got.RelayState != "r" {
					t.Errorf("ReadPost = %+v, %v", got, gotErr)
				}
				return
			}
			wantCode(t, gotErr, tt.want)
		})
	}
}

// TestStatusTold hands on what the identity provider said.
func TestStatusTold(t *testing.T) {
	f := google
	doc := `<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" ID="a" Version="2.0" InResponseTo="` + f.request + `"><p:Status>
		<p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Requester"><p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:RequestUnsupported"/>
		</p:StatusCode><p:StatusMessage>AADSTS75011: no</p:StatusMessage></p:Status></p:Response>`
	_, err := f.validator(t, f.provider(t)).Response(t.Context(), saml.Post{
		Response: base64.StdEncoding.EncodeToString([]byte(doc)), Session: "phone",
	})
	var e *saml.Error
	if !errors.As(err, &e) || e.Code != saml.CodeStatus || !errors.Is(err, saml.ErrRefused) ||
		e.Status != "urn:oasis:names:tc:SAML:2.0:status:RequestUnsupported" || e.Message != "AADSTS75011: no" {
		t.Errorf("Response = %+v", err)
	}
	if strings.Contains(err.Error(), "AADSTS") {
		t.Error("the error text holds words nobody verified")
	}
}

// TestMetadataRollover reads both keys and the address; comments are allowed.
func TestMetadataRollover(t *testing.T) {
	a, b := base64.StdEncoding.EncodeToString(makeCert(t)), base64.StdEncoding.EncodeToString(makeCert(t))
	key := func(use, c string) string {
		return `<KeyDescriptor` + use + `><ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + c + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>`
	}
	doc := `<?xml version="1.0"?><!-- exported --><EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"
		entityID="http://sts.example.com/adfs/services/trust" validUntil="2030-01-01T00:00:00Z"><IDPSSODescriptor>` +
		key(` use="encryption"`, a) + key(` use="signing"`, a) + key(` use="signing"`, b) + key(``, b) +
		`<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="http://sts.example.com/plain"/>
		<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://sts.example.com/adfs/ls/"/>
		</IDPSSODescriptor></EntityDescriptor>`
	m, err := saml.ParseMetadata([]byte(doc), "", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Certificates) != 2 || m.SSORedirect != "https://sts.example.com/adfs/ls/" || m.EntityID != "http://sts.example.com/adfs/services/trust" {
		t.Errorf("ParseMetadata = %d certificates, %q, %q", len(m.Certificates), m.SSORedirect, m.EntityID)
	}
	_, err = saml.ParseMetadata([]byte(doc), "", time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC))
	wantCode(t, err, saml.CodeExpired)
	_, err = saml.ParseMetadata([]byte(doc), "https://other/", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	wantCode(t, err, saml.CodeMalformed)
	if _, err := saml.ServiceMetadata("https://login.example.com/", "https://login.example.com/auth/saml/callback"); err != nil {
		t.Error(err)
	}
}

// TestMemoryBounded fills the stores: requests and replays fail closed.
func TestMemoryBounded(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := saml.NewMemory(2, func() time.Time { return now })
	ctx := context.Background()
	for _, id := range []string{"a", "b"} {
		if fresh, err := m.Add(ctx, "i", id, now.Add(time.Minute)); !fresh || err != nil {
			t.Fatalf("Add(%s) = %t, %v", id, fresh, err)
		}
		if err := m.Put(saml.Pending{ID: id, Expires: now}); err != nil {
			t.Fatal(err)
		}
	}
	if fresh, err := m.Add(ctx, "i", "a", now.Add(time.Minute)); fresh || err != nil {
		t.Errorf("a second Add = %t, %v", fresh, err)
	}
	if _, err := m.Add(ctx, "i", "c", now.Add(time.Minute)); !errors.Is(err, saml.ErrFull) {
		t.Errorf("Add to a full store: %v", err)
	}
	if err := m.Put(saml.Pending{ID: "c"}); !errors.Is(err, saml.ErrFull) {
		t.Errorf("Put to a full store: %v", err)
	}
	now = now.Add(time.Hour)
	if fresh, err := m.Add(ctx, "i", "c", now.Add(time.Minute)); !fresh || err != nil {
		t.Errorf("Add after the others ended = %t, %v", fresh, err)
	}
	if err := m.Put(saml.Pending{ID: "c"}); err != nil {
		t.Errorf("Put after the others ended: %v", err)
	}
}
