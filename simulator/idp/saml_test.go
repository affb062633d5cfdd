package idp_test

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/protocols/saml"
	"github.com/platen-fax/platen/simulator/idp"
)

const (
	entity = "https://login.xmcloud.example/"
	acs    = "https://login.xmcloud.example/auth/saml/callback"
	ann    = "Ann.Lee@Example.COM"
	boss   = "boss@example.com"
)

func people() []idp.User {
	return []idp.User{
		{Name: "ann@example.com", Password: "right horse", Display: "Ann Lee", Email: ann},
		{Name: "bob@example.com", Password: "b", Email: "bob@example.com", State: idp.Disabled},
		{Name: "cy@example.com", Password: "c", Email: "cy@example.com", State: idp.Locked},
		{Name: "di@example.com", Password: "d", Email: "di@example.com", State: idp.Expired},
		{Name: "ed@example.com", Password: "e", Email: "ed@example.com", State: idp.Unassigned},
		{Name: "flo@example.com", Password: "f", Email: "flo@example.com", State: idp.NoEmail},
		{Name: "gil@example.com", Password: "g", Email: "gil@example.com", State: idp.MFA, Code: "246810"},
		{Name: boss, Password: "z", Email: boss},
	}
}

// site is one provider behind https and the service provider that trusts it.
type site struct {
	t    *testing.T
	idp  *idp.SAML
	web  *http.Client
	now  time.Time
	conf *saml.IdentityProvider
	mem  *saml.Memory
	v    *saml.Validator
}

func newSite(t *testing.T, p idp.Profile) *site {
	t.Helper()
	s := &site{t: t, now: time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return s.now }
	var h http.Handler
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	var err error
	s.idp, err = idp.NewSAML(idp.SAMLOptions{
		Profile: p, Base: srv.URL, Users: people(), Services: map[string][]string{entity: {acs}}, Now: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	h, s.web = s.idp.Handler(), srv.Client()
	s.web.Timeout = 10 * time.Second
	s.conf = s.metadata()
	s.mem = saml.NewMemory(100, clock)
	s.v = &saml.Validator{EntityID: entity, ACS: acs, Requests: s.mem, Replays: s.mem, Now: clock}
	return s
}

func (s *site) get(at string) (int, string) {
	s.t.Helper()
	resp, err := s.web.Get(at) //nolint:noctx // the client has a time limit
	return s.read(resp, err)
}

func (s *site) post(at string, form url.Values) (int, string) {
	s.t.Helper()
	resp, err := s.web.PostForm(at, form) //nolint:noctx // the client has a time limit
	return s.read(resp, err)
}

func (s *site) read(resp *http.Response, err error) (int, string) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 32<<20))
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// metadata reads what the provider publishes now.
func (s *site) metadata() *saml.IdentityProvider {
	s.t.Helper()
	_, body := s.get(s.idp.MetadataURL())
	m, err := saml.ParseMetadata([]byte(body), s.idp.Issuer(), s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	return m.Provider()
}

// ask makes a request of account acme in the session phone.
func (s *site) ask() saml.Request {
	s.t.Helper()
	q := saml.Request{
		ID: saml.NewRequestID(), Issued: s.now, Destination: s.conf.SSO, Issuer: entity, ACS: acs, NameIDFormat: saml.FormatEmail,
	}
	err := s.mem.Put(saml.Pending{
		ID: q.ID, Session: "phone", Account: "acme", Provider: s.conf, Asked: s.now, Expires: s.now.Add(5 * time.Minute),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return q
}

func (s *site) check(encoded string) (*saml.Identity, error) {
	return s.v.Response(s.t.Context(), saml.Post{Response: encoded, Session: "phone"})
}

var hidden = regexp.MustCompile(`name="(\w+)" value="([^"]*)"`)

// fields returns the hidden fields of a page.
func fields(body string) url.Values {
	v := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(body, -1) {
		if m[1] != "cancel" && m[1] != "decline" && m[1] != "user" {
			v.Set(m[1], strings.NewReplacer("&#43;", "+", "&#34;", `"`, "&amp;", "&").Replace(m[2]))
		}
	}
	return v
}

// signIn goes through the pages of the provider as a browser does.
func (s *site) signIn(q saml.Request, user, password, code string) (int, string) {
	s.t.Helper()
	at, err := q.URL(saml.Redirect{RelayState: "r1"})
	if err != nil {
		s.t.Fatal(err)
	}
	status, body := s.get(at)
	if status != http.StatusOK {
		return status, body
	}
	form := fields(body)
	form.Set("user", user)
	form.Set("password", password)
	form.Set("code", code)
	return s.post(s.idp.SSO(), form)
}

// TestProfilesAccepted signs in by the pages of all five providers.
func TestProfilesAccepted(t *testing.T) {
	for _, p := range idp.Profiles() {
		t.Run(string(p), func(t *testing.T) {
			s := newSite(t, p)
			q := s.ask()
			s.mem = saml.NewMemory(10, func() time.Time { return s.now })
			s.v.Requests, s.v.Replays = s.mem, s.mem
			err := s.mem.Put(saml.Pending{
				ID: q.ID, Session: "phone", RelayState: "r1", Account: "acme", Provider: s.conf, Asked: s.now, Expires: s.now.Add(time.Minute),
			})
			if err != nil {
				t.Fatal(err)
			}
			_, body := s.signIn(q, "ann@example.com", "right horse", "")
			form := fields(body)
			if !strings.Contains(body, `action="`+acs+`"`) || form.Get("RelayState") != "r1" {
				t.Fatalf("no way back to the application:\n%s", body)
			}
			// A person may take two minutes; none of the profiles may mind.
			s.now = s.now.Add(50 * time.Second)
			id, err := s.v.Response(t.Context(), saml.Post{Response: form.Get("SAMLResponse"), RelayState: form.Get("RelayState"), Session: "phone"})
			if err != nil {
				t.Fatalf("Response: %v", err)
			}
			if id.Email != ann || id.EmailKey != "ann.lee@example.com" || id.Name != "Ann Lee" || id.Account != "acme" || id.Issuer != s.idp.Issuer() {
				t.Errorf("signed in as %q (%q), %q of %q by %q", id.Email, id.EmailKey, id.Name, id.Account, id.Issuer)
			}
			if got := s.idp.Attempts(); len(got) != 1 || !got[0].OK {
				t.Errorf("attempts: %+v", got)
			}
		})
	}
}

// refusals is which code each attack meets.
var refusals = map[idp.Attack]saml.Code{
	idp.XSW1: saml.CodeAssertion, idp.XSW2: saml.CodeAssertion, idp.XSW3: saml.CodeAssertion, idp.XSW4: saml.CodeAssertion,
	idp.XSW5: saml.CodeAssertion, idp.XSW6: saml.CodeAssertion, idp.XSW7: saml.CodeAssertion, idp.XSW8: saml.CodeAssertion,
	idp.TwoAssertions: saml.CodeAssertion, idp.Unsigned: saml.CodeUnsigned, idp.Stripped: saml.CodeUnsigned,
	idp.Edited: saml.CodeSignature, idp.OtherProvider: saml.CodeUnknownIssuer, idp.OtherKey: saml.CodeSignature,
	idp.KeyInfoSwapped: saml.CodeSignature, idp.KeyInfoBorrowed: saml.CodeSignature, idp.EmptyReference: saml.CodeShape,
	idp.CommentInName: saml.CodeComment, idp.Doctype: saml.CodeDoctype, idp.Entity: saml.CodeDoctype,
	idp.SHA1: saml.CodeWeakAlgorithm, idp.WrongAudience: saml.CodeWrongAudience, idp.NoAudience: saml.CodeNoAudience,
	idp.WrongRecipient: saml.CodeWrongRecipient, idp.WrongDestination: saml.CodeDestination, idp.NoConfirmation: saml.CodeNoConfirmation,
	idp.Unsolicited: saml.CodeRequestUnknown, idp.WrongInResponseTo: saml.CodeRequestUnknown, idp.WrongConfirms: saml.CodeWrongInResponseTo,
	idp.Replay: saml.CodeRequestUsed, idp.ReplayAssertion: saml.CodeReplayed, idp.TooOld: saml.CodeExpired,
	idp.ConfirmTooOld: saml.CodeConfirmExpired, idp.TooYoung: saml.CodeNotYetValid, idp.Oversized: saml.CodeTooLarge,
	idp.DeflateBomb: saml.CodeMalformed,
}

// TestAttacksRefused lets every provider emit every attack. The honest response
// before each shows that it is the attack that is refused.
func TestAttacksRefused(t *testing.T) {
	for _, p := range idp.Profiles() {
		t.Run(string(p), func(t *testing.T) {
			s := newSite(t, p)
			for _, a := range idp.Attacks() {
				want, ok := refusals[a]
				if !ok {
					t.Errorf("no expectation for %s", a)
					continue
				}
				// A fresh store per attack, or one replay would hide another.
				s.mem = saml.NewMemory(100, func() time.Time { return s.now })
				s.v.Requests, s.v.Replays = s.mem, s.mem
				first := idp.Attack("")
				if a == idp.ReplayAssertion {
					first = a // its first use is honest
				}
				if err := s.idp.SetAttack(first, boss); err != nil {
					t.Fatal(err)
				}
				encoded, err := s.idp.Respond(s.ask(), "ann@example.com")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.check(encoded); err != nil {
					t.Fatalf("before %s the honest response is refused: %v", a, err)
				}
				if err := s.idp.SetAttack(a, boss); err != nil {
					t.Fatal(err)
				}
				if encoded, err = s.idp.Respond(s.ask(), "ann@example.com"); err != nil {
					t.Fatalf("%s: %v", a, err)
				}
				id, err := s.check(encoded)
				if got := saml.CodeOf(err); got != want {
					t.Errorf("%s: %+v, refused with %q (%v); want %q", a, id, got, err, want)
				}
			}
		})
	}
}

// TestReplayRefused posts one good response twice, and a second time with the
// request still open.
func TestReplayRefused(t *testing.T) {
	s := newSite(t, idp.Entra)
	encoded, err := s.idp.Respond(s.ask(), "ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.check(encoded); err != nil {
		t.Fatal(err)
	}
	if _, err := s.check(encoded); saml.CodeOf(err) != saml.CodeRequestUsed {
		t.Errorf("the second time: %v", err)
	}
	open := saml.NewMemory(10, func() time.Time { return s.now })
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	id := regexp.MustCompile(`InResponseTo="([^"]+)"`).FindSubmatch(raw)
	if err := open.Put(saml.Pending{ID: string(id[1]), Session: "phone", Provider: s.conf, Expires: s.now.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	s.v.Requests = open
	if _, err := s.check(encoded); saml.CodeOf(err) != saml.CodeReplayed {
		t.Errorf("with the request open again: %v", err)
	}
}

// TestTenantConfusion has two companies at one cloud, with the same entity ID
// and endpoint. A genuine response of one never opens the other.
func TestTenantConfusion(t *testing.T) {
	a, b := newSite(t, idp.Entra), newSite(t, idp.Okta)
	q := a.ask() // made for company a
	encoded, err := b.idp.Respond(q, "ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.check(encoded); saml.CodeOf(err) != saml.CodeUnknownIssuer {
		t.Errorf("the other company's response: %v", err)
	}
	// The other company may also lie about its name.
	liar, err := idp.NewSAML(idp.SAMLOptions{
		Profile: idp.Entra, Base: "https://127.0.0.1:1", Users: people(), Issuer: a.idp.Issuer(),
		Services: map[string][]string{entity: {acs}}, Now: func() time.Time { return a.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	if encoded, err = liar.Respond(q, boss); err != nil {
		t.Fatal(err)
	}
	if _, err := a.check(encoded); saml.CodeOf(err) != saml.CodeSignature {
		t.Errorf("the liar's response: %v", err)
	}
}

// TestCertificateRollover changes the key without an outage: both are listed,
// the new one signs, the old one goes.
func TestCertificateRollover(t *testing.T) {
	s := newSite(t, idp.ADFS)
	accepted := func(what string, want saml.Code) {
		t.Helper()
		encoded, err := s.idp.Respond(s.ask(), "ann@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.check(encoded); saml.CodeOf(err) != want {
			t.Errorf("%s: %v, want code %q", what, err, want)
		}
	}
	accepted("before", "")
	if err := s.idp.Rotate(); err != nil {
		t.Fatal(err)
	}
	accepted("the new key, not yet known", saml.CodeSignature)
	s.conf = s.metadata()
	if len(s.conf.Certificates) != 2 {
		t.Fatalf("%d certificates during the rollover", len(s.conf.Certificates))
	}
	accepted("after the daily refresh", "")
	s.idp.Retire()
	if s.conf = s.metadata(); len(s.conf.Certificates) != 1 {
		t.Fatalf("%d certificates after the rollover", len(s.conf.Certificates))
	}
	accepted("with the new key alone", "")
}

// TestClockSkew shifts the provider's clock: within three minutes it works.
func TestClockSkew(t *testing.T) {
	for _, tt := range []struct {
		shift time.Duration
		want  saml.Code
	}{
		{2 * time.Minute, ""},
		{-2 * time.Minute, ""},
		{10 * time.Minute, saml.CodeNotYetValid},
		{-2 * time.Hour, saml.CodeExpired},
	} {
		s := newSite(t, idp.Entra)
		s.idp.SetClock(tt.shift)
		encoded, err := s.idp.Respond(s.ask(), "ann@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.check(encoded); saml.CodeOf(err) != tt.want {
			t.Errorf("shifted by %s: %v, want code %q", tt.shift, err, tt.want)
		}
	}
}

// TestFingerprintOnly accepts by fingerprint and hands the certificate over.
func TestFingerprintOnly(t *testing.T) {
	s := newSite(t, idp.ADFS)
	cert := s.conf.Certificates[0]
	f, err := saml.ParseFingerprint("\u200e" + strings.ToLower(strings.ReplaceAll(saml.Describe(cert).SHA1, ":", " ")))
	if err != nil {
		t.Fatal(err)
	}
	s.conf = &saml.IdentityProvider{EntityID: s.conf.EntityID, SSO: s.conf.SSO, Fingerprints: []saml.Fingerprint{f}}
	encoded, err := s.idp.Respond(s.ask(), "ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.check(encoded)
	if err != nil || !id.SignedBy.Equal(cert) {
		t.Fatalf("by fingerprint: %v", err)
	}
	s.conf = &saml.IdentityProvider{EntityID: s.conf.EntityID, SSO: s.conf.SSO, Certificates: []*x509.Certificate{id.SignedBy}}
	if encoded, err = s.idp.Respond(s.ask(), "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.check(encoded); err != nil {
		t.Errorf("with the stored certificate: %v", err)
	}
}

// TestUserStates shows each state on the page or in the response.
func TestUserStates(t *testing.T) {
	s := newSite(t, idp.Entra)
	for _, tt := range []struct{ user, password, code, page string }{
		{"ann@example.com", "wrong", "", "not correct"},
		{"nobody@example.com", "x", "", "not correct"},
		{"bob@example.com", "b", "", "disabled"},
		{"bob@example.com", "wrong", "", "not correct"},
		{"cy@example.com", "c", "", "locked"},
		{"di@example.com", "d", "", "expired"},
		{"gil@example.com", "g", "", "authenticator"},
		{"gil@example.com", "g", "000000", "authenticator"},
		{"gil@example.com", "g", "246810", "Signed in"},
		{"ANN@example.com", "right horse", "", "Signed in"},
		{"ed@example.com", "e", "", "Signed in"},
	} {
		if _, body := s.signIn(s.ask(), tt.user, tt.password, tt.code); !strings.Contains(body, tt.page) {
			t.Errorf("%s: the page does not say %q:\n%s", tt.user, tt.page, body)
		}
	}
	_, body := s.signIn(s.ask(), "ed@example.com", "e", "")
	_, err := s.v.Response(t.Context(), saml.Post{Response: fields(body).Get("SAMLResponse"), Session: "phone", RelayState: ""})
	var e *saml.Error
	if !errors.As(err, &e) || e.Code != saml.CodeStatus || !strings.HasPrefix(e.Message, "AADSTS50105") {
		t.Errorf("unassigned: %v", err)
	}
	encoded, err := s.idp.Respond(s.ask(), "flo@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.check(encoded); saml.CodeOf(err) != saml.CodeNoEmail {
		t.Errorf("no e-mail: %v", err)
	}
}

// TestStrictCase has a provider that minds the case of names; the cloud folds.
func TestStrictCase(t *testing.T) {
	s := newSite(t, idp.StrictCase)
	if _, body := s.signIn(s.ask(), "ANN@example.com", "right horse", ""); !strings.Contains(body, "not correct") {
		t.Errorf("another case was accepted:\n%s", body)
	}
	encoded, err := s.idp.Respond(s.ask(), "ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.check(encoded)
	if err != nil || !saml.SameEmail(id.Email, "ann.lee@EXAMPLE.com") {
		t.Errorf("Response = %+v, %v", id, err)
	}
}

// TestEntraIsStrict refuses requests that the real one refuses.
func TestEntraIsStrict(t *testing.T) {
	s := newSite(t, idp.Entra)
	for _, tt := range []struct {
		name string
		edit func(*saml.Request)
		want string
	}{
		{"unknown application", func(q *saml.Request) { q.Issuer = "https://login.xmcloud.example" }, "AADSTS700016"},
		{"unknown reply address", func(q *saml.Request) { q.ACS = "https://evil.example/" }, "AADSTS50011"},
		{"unsupported format", func(q *saml.Request) { q.NameIDFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity" }, "AADSTS75011"},
	} {
		q := s.ask()
		tt.edit(&q)
		if status, body := s.signIn(q, "ann@example.com", "right horse", ""); status != http.StatusBadRequest || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %d, no %s:\n%s", tt.name, status, tt.want, body)
		}
	}
}

// TestPlainRefused shows no page without TLS.
func TestPlainRefused(t *testing.T) {
	s := newSite(t, idp.Okta)
	rec := httptest.NewRecorder()
	s.idp.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, strings.Replace(s.idp.MetadataURL(), "https", "http", 1), nil))
	if rec.Code != http.StatusForbidden {
		t.Errorf("over plain http: %d", rec.Code)
	}
}
