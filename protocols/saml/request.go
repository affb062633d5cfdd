package saml

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// Request is an AuthnRequest. The fields are those that identity providers
// act on; Entra ignores or refuses all others.
type Request struct {
	// ID begins with a letter or underscore; see [NewRequestID].
	ID string
	// Issued is rounded to milliseconds.
	Issued time.Time
	// Destination is the identity provider's redirect endpoint.
	Destination string
	// Issuer is our entity ID, ACS where the response shall be posted.
	Issuer, ACS string
	// NameIDFormat is what we ask for; empty leaves the policy out.
	NameIDFormat string
	// ForceAuthn asks for a fresh sign-in.
	ForceAuthn bool
	// HasSubject is set by [ParseRedirect] only: Entra refuses a Subject.
	HasSubject bool
}

// NewRequestID returns an unguessable ID of 128 bits. It begins with an
// underscore because an ID must not begin with a digit.
func NewRequestID() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return "_" + hex.EncodeToString(b)
}

// Redirect is what goes with a request into the address.
type Redirect struct {
	// RelayState comes back with the response; at most [MaxRelayState] bytes.
	RelayState string
	// LoginHint spares the person typing the address; SAML itself has no place
	// for it that Entra would accept.
	LoginHint string
	// Signer signs the query with RSA-SHA256; nil leaves it unsigned.
	Signer crypto.Signer
}

// algRSA256 is the only signature we make over a query.
const algRSA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"

// XML returns the request as a document.
func (q Request) XML() ([]byte, error) {
	if q.ID == "" || q.ID[0] >= '0' && q.ID[0] <= '9' {
		return nil, errors.New("saml request: an ID that does not begin with a digit is required")
	}
	e := etree.NewElement("samlp:AuthnRequest")
	e.CreateAttr("xmlns:samlp", NSProtocol)
	e.CreateAttr("ID", q.ID)
	e.CreateAttr("Version", "2.0")
	e.CreateAttr("IssueInstant", q.Issued.UTC().Format("2006-01-02T15:04:05.000Z"))
	e.CreateAttr("Destination", q.Destination)
	e.CreateAttr("AssertionConsumerServiceURL", q.ACS)
	e.CreateAttr("ProtocolBinding", BindingPOST)
	if q.ForceAuthn {
		e.CreateAttr("ForceAuthn", "true")
	}
	issuer := e.CreateElement("saml:Issuer")
	issuer.CreateAttr("xmlns:saml", NSAssertion)
	issuer.SetText(q.Issuer)
	if q.NameIDFormat != "" {
		e.CreateElement("samlp:NameIDPolicy").CreateAttr("Format", q.NameIDFormat)
	}
	doc := etree.NewDocumentWithRoot(e)
	// Identity providers want no entities but the five of XML in attributes.
	doc.WriteSettings.CanonicalAttrVal = true
	return doc.WriteToBytes()
}

// URL returns the address to send the browser to, in the redirect binding (SAML
// Bindings §3.4). A query that Destination already has stays in front.
func (q Request) URL(r Redirect) (string, error) {
	if len(r.RelayState) > MaxRelayState {
		return "", fmt.Errorf("saml request: a relay state of %d bytes, at most %d", len(r.RelayState), MaxRelayState)
	}
	to, err := url.Parse(q.Destination)
	if err != nil || to.Scheme != "https" || to.Host == "" {
		return "", fmt.Errorf("saml request: %q is not an https address", q.Destination)
	}
	doc, err := q.XML()
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return "", fmt.Errorf("saml request: %w", err)
	}
	if _, err := w.Write(doc); err != nil {
		return "", fmt.Errorf("saml request: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("saml request: %w", err)
	}
	// The signature covers these parameters in this order, in these bytes.
	query := "SAMLRequest=" + url.QueryEscape(base64.StdEncoding.EncodeToString(b.Bytes()))
	if r.RelayState != "" {
		query += "&RelayState=" + url.QueryEscape(r.RelayState)
	}
	if r.Signer != nil {
		query += "&SigAlg=" + url.QueryEscape(algRSA256)
		if _, ok := r.Signer.Public().(*rsa.PublicKey); !ok {
			return "", errors.New("saml request: only RSA keys sign requests")
		}
		sum := sha256.Sum256([]byte(query))
		sig, err := r.Signer.Sign(rand.Reader, sum[:], crypto.SHA256)
		if err != nil {
			return "", fmt.Errorf("saml request: %w", err)
		}
		query += "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(sig))
	}
	if r.LoginHint != "" {
		query += "&login_hint=" + url.QueryEscape(r.LoginHint)
	}
	if to.RawQuery != "" {
		query = to.RawQuery + "&" + query
	}
	to.RawQuery = query
	return to.String(), nil
}

// ParseRedirect reads a request as an identity provider does. The inflated form
// is bounded, so that a small query cannot become a large document. A signature
// is not checked; see [VerifyRedirect]. Failures are [*Error].
func ParseRedirect(query url.Values) (Request, string, error) {
	raw, err := base64.StdEncoding.DecodeString(query.Get("SAMLRequest"))
	if err != nil || len(raw) == 0 {
		return Request{}, "", &Error{Code: CodeEncoding, Detail: "the request is not base64", Err: err}
	}
	relay := query.Get("RelayState")
	if len(relay) > MaxRelayState {
		return Request{}, "", refuse(CodeTooLarge, "a relay state of %d bytes", len(relay))
	}
	in := flate.NewReader(bytes.NewReader(raw))
	doc, err := io.ReadAll(io.LimitReader(in, MaxRequest+1))
	if err != nil {
		return Request{}, "", &Error{Code: CodeEncoding, Detail: "the request is not deflated", Err: err}
	}
	root, err := parse(doc, rules{max: MaxRequest})
	if err != nil {
		return Request{}, "", err
	}
	if !is(root, NSProtocol, "AuthnRequest") || attr(root, "Version") != "2.0" {
		return Request{}, "", refuse(CodeMalformed, "not a SAML 2.0 request for authentication")
	}
	q := Request{
		ID: attr(root, "ID"), Destination: attr(root, "Destination"),
		ACS: attr(root, "AssertionConsumerServiceURL"), ForceAuthn: attr(root, "ForceAuthn") == "true",
		HasSubject: child(root, NSAssertion, "Subject") != nil,
	}
	issued, ok := instant(attr(root, "IssueInstant"))
	issuer, named := text(child(root, NSAssertion, "Issuer"))
	if !ok || !named || q.ID == "" || issuer == "" {
		return Request{}, "", refuse(CodeMalformed, "the request lacks an ID, a time or an issuer")
	}
	q.Issued, q.Issuer = issued, issuer
	if p := child(root, NSProtocol, "NameIDPolicy"); p != nil {
		q.NameIDFormat = attr(p, "Format")
	}
	return q, relay, nil
}

// VerifyRedirect checks the signature of a query as [Request.URL] makes it.
// rawQuery must be the bytes that arrived.
func VerifyRedirect(rawQuery string, key *rsa.PublicKey) error {
	parts := map[string]string{}
	for _, kv := range strings.Split(rawQuery, "&") {
		name, value, _ := strings.Cut(kv, "=")
		if _, twice := parts[name]; twice {
			return refuse(CodeDuplicate, "a parameter twice")
		}
		parts[name] = value
	}
	if parts["Signature"] == "" {
		return refuse(CodeUnsigned, "the query is not signed")
	}
	alg, err := url.QueryUnescape(parts["SigAlg"])
	if err != nil || alg != algRSA256 {
		return refuse(CodeWeakAlgorithm, "the query is not signed with RSA-SHA256")
	}
	signed := "SAMLRequest=" + parts["SAMLRequest"]
	if relay, ok := parts["RelayState"]; ok {
		signed += "&RelayState=" + relay
	}
	signed += "&SigAlg=" + parts["SigAlg"]
	plain, err := url.QueryUnescape(parts["Signature"])
	if err != nil {
		return refuse(CodeEncoding, "the signature is not escaped")
	}
	sig, err := base64.StdEncoding.DecodeString(plain)
	if err != nil {
		return &Error{Code: CodeEncoding, Err: err}
	}
	sum := sha256.Sum256([]byte(signed))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig); err != nil {
		return &Error{Code: CodeSignature, Err: err}
	}
	return nil
}
