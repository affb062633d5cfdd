package adfs_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/platen-fax/platen/protocols/wstrust"
	"github.com/platen-fax/platen/simulator/adfs"
)

const (
	rp       = "https://login.fax.example/"
	password = "Corr3ct-horse!"
	ann      = "ann@corp.example.com"
)

// signingKey is shared by the farms of most tests: making one takes longer than
// a test.
var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// clock is time that moves when told.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// world is a farm on TLS and a client that is pinned to it.
type world struct {
	*adfs.STS
	client *wstrust.Client
	web    *httptest.Server
	host   string
	clock  *clock
	log    *bytes.Buffer // of the farm; read after the requests
}

func newWorld(t *testing.T, change func(*adfs.Options)) *world {
	t.Helper()
	w := &world{clock: &clock{t: time.Now()}, log: &bytes.Buffer{}}
	k, err := signingKey()
	if err != nil {
		t.Fatal(err)
	}
	o := adfs.Options{
		Key: k,
		Users: []adfs.User{
			{UPN: ann, Account: `CORP\ann`, Mail: "Ann.Lee@example.com", Given: "Ann", Surname: "Lee & Co", Password: password},
		},
		RelyingParties: []adfs.RelyingParty{{ID: rp}},
		Now:            w.clock.now,
		Log:            slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&o)
	}
	sts, err := adfs.New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.STS = sts
	w.web = httptest.NewUnstartedServer(sts.Handler())
	w.web.Config.ErrorLog = log.New(io.Discard, "", 0)
	w.web.StartTLS()
	t.Cleanup(w.web.Close)
	t.Cleanup(sts.Close)
	u, err := url.Parse(w.web.URL)
	if err != nil {
		t.Fatal(err)
	}
	w.host = u.Host
	w.client = w.clientAt(t, w.clock.now)
	return w
}

// clientAt is a client with another clock.
func (w *world) clientAt(t *testing.T, now func() time.Time) *wstrust.Client {
	t.Helper()
	c, err := wstrust.New(wstrust.Config{HTTP: w.web.Client(), AllowedHosts: []string{w.host}, Now: now, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *world) site() wstrust.Site { return wstrust.Site{MEX: w.web.URL + adfs.PathMEX} }

// signIn is one tap: find the way, ask once.
func (w *world) signIn(ctx context.Context, user, pass, tokenType string) (*wstrust.Token, error) {
	r, err := w.client.Discover(ctx, w.site())
	if err != nil {
		return nil, err
	}
	return w.client.Issue(ctx, r, wstrust.Request{Username: user, Password: []byte(pass), AppliesTo: rp, TokenType: tokenType})
}

// sentOnce checks that the password went out once: over https, to the pinned
// host and that path.
func (w *world) sentOnce(t *testing.T, path, pass string) {
	t.Helper()
	got := w.Passwords()
	if len(got) != 1 || got[0].Password != pass || !got[0].TLS || got[0].Host != w.host || got[0].Path != path {
		t.Errorf("passwords received: %+v; want %q once, over TLS, at %s%s", got, pass, w.host, path)
	}
}

// neverSent checks that no password arrived.
func (w *world) neverSent(t *testing.T) {
	t.Helper()
	if got := w.Passwords(); len(got) != 0 {
		t.Errorf("passwords received: %+v; want none", got)
	}
}

// verify checks a signature as a stranger would and returns the signed element.
func verify(assertion []byte, certs []*x509.Certificate, at time.Time) (*etree.Element, error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(assertion); err != nil {
		return nil, err
	}
	v := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: certs})
	v.Clock = dsig.NewFakeClockAt(at)
	v.IdAttribute = "ID"
	if doc.Root().SelectAttr("AssertionID") != nil {
		v.IdAttribute = "AssertionID"
	}
	return v.Validate(doc.Root())
}

func (w *world) issues(t *testing.T, tokenType string, saml wstrust.SAML) *wstrust.Token {
	t.Helper()
	tok, err := w.signIn(t.Context(), ann, password, tokenType)
	if err != nil {
		t.Fatal(err)
	}
	if tok.SAML != saml {
		t.Errorf("SAML %s; want %s", tok.SAML, saml)
	}
	if _, err := verify(tok.Assertion, w.Certificates(), w.clock.now()); err != nil {
		t.Errorf("signature: %v\n%s", err, tok.Assertion)
	}
	c, err := wstrust.ReadClaims(tok.Assertion)
	if err != nil || c.Email != "Ann.Lee@example.com" || c.Name != "Ann Lee & Co" || c.Issuer != w.Issuer(w.host) || !slices.Equal(c.Audiences, []string{rp}) {
		t.Errorf("claims %+v, %v", c, err)
	}
	return tok
}

func TestSignInWSTrust13(t *testing.T) {
	w := newWorld(t, nil)
	tok := w.issues(t, "", wstrust.SAML11)
	w.sentOnce(t, adfs.Path13, password)
	// Version 1.1 has the signature last.
	if a := string(tok.Assertion); !strings.HasSuffix(a, "</ds:Signature></saml:Assertion>") || !strings.Contains(a, "xmldsig-more#rsa-sha256") || !strings.Contains(a, `<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>`) {
		t.Errorf("assertion %s", a)
	}
}

func TestSignInWSTrust2005(t *testing.T) {
	w := newWorld(t, nil)
	w.Set(adfs.Behaviour{MEX: adfs.MEX2005Only})
	w.issues(t, "", wstrust.SAML11)
	w.sentOnce(t, adfs.Path2005, password)
}

func TestSignInSAML20(t *testing.T) {
	for _, mex := range []adfs.MEX{adfs.MEX13Only, adfs.MEX2005Only} {
		w := newWorld(t, nil)
		w.Set(adfs.Behaviour{MEX: mex})
		tok := w.issues(t, wstrust.TokenTypeSAML20, wstrust.SAML20)
		// Version 2.0 has a default namespace and the signature second.
		if a := string(tok.Assertion); !strings.HasPrefix(a, "<Assertion ") || !strings.Contains(a, `</Issuer><Signature xmlns="http://www.w3.org/2000/09/xmldsig#">`) {
			t.Errorf("assertion %s", a)
		}
	}
	w := newWorld(t, func(o *adfs.Options) { o.RelyingParties[0].SAML = wstrust.SAML20 })
	w.issues(t, "", wstrust.SAML20)
}

func TestSignInWithOldSignature(t *testing.T) {
	w := newWorld(t, nil)
	for _, typ := range []string{wstrust.TokenTypeSAML11, wstrust.TokenTypeSAML20} {
		w.Set(adfs.Behaviour{SHA1: true})
		tok, err := w.signIn(t.Context(), ann, password, typ)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(tok.Assertion), "xmldsig#rsa-sha1") || strings.Contains(string(tok.Assertion), "sha256") {
			t.Errorf("assertion %s", tok.Assertion)
		}
		if _, err := verify(tok.Assertion, w.Certificates(), w.clock.now()); err != nil {
			t.Errorf("signature: %v", err)
		}
	}
}

// TestTamperedAssertionFailsVerification shows that verify can say no.
func TestTamperedAssertionFailsVerification(t *testing.T) {
	w := newWorld(t, nil)
	w.Set(adfs.Behaviour{Answer: adfs.AnswerTampered})
	tok, err := w.signIn(t.Context(), ann, password, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify(tok.Assertion, w.Certificates(), w.clock.now()); err == nil {
		t.Error("a changed assertion verifies")
	}
	other := newWorld(t, func(o *adfs.Options) { o.Key = nil })
	other.issues(t, "", wstrust.SAML11)
	tok, err = other.signIn(t.Context(), ann, password, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify(tok.Assertion, w.Certificates(), w.clock.now()); err == nil {
		t.Error("an assertion of another farm verifies")
	}
}

// TestAssertionVerifiesAfterCut has the prefix declared outside the assertion,
// where a plain cut would lose it.
func TestAssertionVerifiesAfterCut(t *testing.T) {
	w := newWorld(t, nil)
	w.Set(adfs.Behaviour{Answer: adfs.AnswerOuter})
	tok := w.issues(t, wstrust.TokenTypeSAML11, wstrust.SAML11)
	if !strings.HasPrefix(string(tok.Assertion), `<saml:Assertion xmlns:saml="`+wstrust.TokenTypeSAML11+`" `) {
		t.Errorf("assertion %.200s", tok.Assertion)
	}
}

func TestMEXVariants(t *testing.T) {
	for mex, path := range map[adfs.MEX]string{
		adfs.MEXFull: adfs.Path13, adfs.MEXWrapped: adfs.Path13, adfs.MEXMarked: adfs.Path13, adfs.MEX13Only: adfs.Path13, adfs.MEX2005Only: adfs.Path2005,
	} {
		w := newWorld(t, nil)
		w.Set(adfs.Behaviour{MEX: mex})
		if _, err := w.signIn(t.Context(), ann, password, ""); err != nil {
			t.Errorf("%q: %v", mex, err)
		}
		w.sentOnce(t, path, password)
	}
}

func TestMEXMissingFallsBackToPinnedURL(t *testing.T) {
	for _, mex := range []adfs.MEX{adfs.MEXMissing, adfs.MEXBroken, adfs.MEXRedirect, adfs.MEXHuge} {
		for path, version := range map[string]wstrust.Version{adfs.Path13: wstrust.Trust13, adfs.Path2005: wstrust.Trust2005} {
			w := newWorld(t, nil)
			w.Set(adfs.Behaviour{MEX: mex})
			site := w.site()
			site.Fallback = w.web.URL + path
			r, err := w.client.Discover(t.Context(), site)
			if err != nil || r.Version != version || !r.Measured {
				t.Fatalf("%s: Discover = %+v, %v", mex, r, err)
			}
			if _, err := w.client.Issue(t.Context(), r, wstrust.Request{Username: ann, Password: []byte(password), AppliesTo: rp}); err != nil {
				t.Errorf("%s: %v", mex, err)
			}
			w.sentOnce(t, path, password)
		}
	}
}

// TestHTTPEndpointRefusedBeforePassword lets the metadata name plain http
// addresses at which somebody really listens.
func TestHTTPEndpointRefusedBeforePassword(t *testing.T) {
	w := newWorld(t, nil)
	plain := httptest.NewServer(w.Handler())
	defer plain.Close()
	w.Set(adfs.Behaviour{MEX: adfs.MEXPlain, Elsewhere: strings.TrimPrefix(plain.URL, "http://")})
	if _, err := w.signIn(t.Context(), ann, password, ""); !errors.Is(err, wstrust.ErrNotHTTPS) || wstrust.VerdictOf(err) != wstrust.VerdictUntrusted {
		t.Errorf("signIn = %v; want ErrNotHTTPS", err)
	}
	w.neverSent(t)
	// With a good endpoint beside the bad one the good one is taken.
	w.Set(adfs.Behaviour{MEX: adfs.MEXPlainFirst, Elsewhere: strings.TrimPrefix(plain.URL, "http://")})
	if _, err := w.signIn(t.Context(), ann, password, ""); err != nil {
		t.Error(err)
	}
	w.sentOnce(t, adfs.Path2005, password)
}

// TestForeignHostRefusedBeforePassword has a second farm that would be glad to
// take the password.
func TestForeignHostRefusedBeforePassword(t *testing.T) {
	w, thief := newWorld(t, nil), newWorld(t, nil)
	w.Set(adfs.Behaviour{MEX: adfs.MEXForeign, Elsewhere: thief.host})
	if _, err := w.signIn(t.Context(), ann, password, ""); !errors.Is(err, wstrust.ErrHost) || wstrust.VerdictOf(err) != wstrust.VerdictUntrusted {
		t.Errorf("signIn = %v; want ErrHost", err)
	}
	w.neverSent(t)
	w.Set(adfs.Behaviour{MEX: adfs.MEXForeignFirst, Elsewhere: thief.host})
	if _, err := w.signIn(t.Context(), ann, password, ""); err != nil {
		t.Error(err)
	}
	w.sentOnce(t, adfs.Path2005, password)
	if got := thief.Requests(); len(got) != 0 {
		t.Errorf("the other host got %+v", got)
	}
}

// TestUnpinnedMEXRefused is discovery that points to a host nobody pinned.
func TestUnpinnedMEXRefused(t *testing.T) {
	w, thief := newWorld(t, nil), newWorld(t, nil)
	if _, err := w.client.Discover(t.Context(), thief.site()); !errors.Is(err, wstrust.ErrHost) {
		t.Errorf("Discover = %v; want ErrHost", err)
	}
	w.Set(adfs.Behaviour{MEX: adfs.MEXMissing})
	site := w.site()
	site.Fallback = thief.web.URL + adfs.Path13
	if _, err := w.client.Discover(t.Context(), site); !errors.Is(err, wstrust.ErrHost) {
		t.Errorf("Discover with a foreign fallback = %v; want ErrHost", err)
	}
	if got := thief.Requests(); len(got) != 0 {
		t.Errorf("the other host got %+v", got)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	w, thief := newWorld(t, nil), newWorld(t, nil)
	for _, to := range []string{thief.web.URL + adfs.Path13, w.web.URL + adfs.Path2005} {
		w.Forget()
		w.Set(adfs.Behaviour{Redirect: to})
		if _, err := w.signIn(t.Context(), ann, password, ""); !errors.Is(err, wstrust.ErrRedirect) {
			t.Errorf("signIn = %v; want ErrRedirect", err)
		}
		w.sentOnce(t, adfs.Path13, password)
	}
	w.Forget()
	w.Set(adfs.Behaviour{MEX: adfs.MEXRedirect, Elsewhere: thief.host})
	if _, err := w.signIn(t.Context(), ann, password, ""); !errors.Is(err, wstrust.ErrRedirect) {
		t.Errorf("signIn = %v; want ErrRedirect", err)
	}
	w.neverSent(t)
	if got := thief.Requests(); len(got) != 0 {
		t.Errorf("the other host got %+v", got)
	}
}

func TestSpecialPasswordsArriveAsTyped(t *testing.T) {
	for _, pass := range []string{`p&<>"'é]]>`, "пароль-密码-🔑", "  spaces  ", "</o:Password><o:Password>x", "&amp;", "<![CDATA[x]]>", "tab\tin", strings.Repeat("ü", 127)} {
		w := newWorld(t, func(o *adfs.Options) { o.Users[0].Password = pass })
		if _, err := w.signIn(t.Context(), ann, pass, ""); err != nil {
			t.Errorf("%q: %v", pass, err)
		}
		w.sentOnce(t, adfs.Path13, pass)
	}
}

func TestSpecialUserNames(t *testing.T) {
	for _, name := range []string{`o'brien&sons@example.com`, `</o:Username><o:Username>admin`, "zoë@exämple.com"} {
		w := newWorld(t, func(o *adfs.Options) { o.Users[0].UPN = name })
		if _, err := w.signIn(t.Context(), name, password, ""); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	w := newWorld(t, nil)
	for name, want := range map[string]wstrust.Verdict{`CORP\ann`: "", "ANN@corp.example.com": "", "ann.lee@example.com": wstrust.VerdictBadCredentials} {
		if _, err := w.signIn(t.Context(), name, password, ""); wstrust.VerdictOf(err) != want {
			t.Errorf("%q: %v; want %q", name, err, want)
		}
	}
	w = newWorld(t, func(o *adfs.Options) { o.AlternateLogin = true })
	if _, err := w.signIn(t.Context(), "ann.lee@example.com", password, ""); err != nil {
		t.Errorf("alternate login: %v", err)
	}
}

// refused signs in once and checks the verdict, that one password went out and
// no secret is in the error. The fault is zero where the answer was none.
func (w *world) refused(t *testing.T, pass string, want wstrust.Verdict) wstrust.Fault {
	t.Helper()
	w.Forget()
	tok, err := w.signIn(t.Context(), ann, pass, "")
	if tok != nil || wstrust.VerdictOf(err) != want {
		t.Fatalf("signIn = %v, %v (%s); want %s", tok, err, wstrust.VerdictOf(err), want)
	}
	if s := err.Error(); strings.Contains(s, pass) || strings.Contains(s, ann) {
		t.Errorf("error repeats what was typed: %s", s)
	}
	if got := w.Passwords(); len(got) != 1 {
		t.Errorf("%d passwords received; want one", len(got))
	}
	var e *wstrust.Error
	if !errors.As(err, &e) || !e.Sent {
		t.Errorf("error %+v does not say that the password was sent", err)
	}
	if f := (*wstrust.Fault)(nil); errors.As(err, &f) {
		return *f
	}
	return wstrust.Fault{}
}

func TestVerdictWrongPassword(t *testing.T) {
	w := newWorld(t, nil)
	if f := w.refused(t, "wrong-password", wstrust.VerdictBadCredentials); f.Code != "ID3242" || f.Status != 500 {
		t.Errorf("fault %+v", f)
	}
}

func TestVerdictUnknownUser(t *testing.T) {
	w := newWorld(t, func(o *adfs.Options) { o.Users[0].UPN, o.Users[0].Account = "bob@corp.example.com", "" })
	w.refused(t, password, wstrust.VerdictBadCredentials)
}

func (w *world) inState(s adfs.State) {
	w.SetUser(adfs.User{UPN: ann, Mail: "ann@example.com", Password: password, State: s})
}

// TestVerdictDisabledUser: from outside no different from a wrong password.
func TestVerdictDisabledUser(t *testing.T) {
	w := newWorld(t, nil)
	for _, s := range []adfs.State{adfs.Disabled, adfs.Refused, adfs.Locked} {
		w.inState(s)
		w.refused(t, password, wstrust.VerdictBadCredentials)
	}
}

func TestVerdictPolicyDenied(t *testing.T) {
	for _, mex := range []adfs.MEX{adfs.MEX13Only, adfs.MEX2005Only} {
		w := newWorld(t, nil)
		w.Set(adfs.Behaviour{MEX: mex})
		w.inState(adfs.Denied)
		if f := w.refused(t, password, wstrust.VerdictPolicyDenied); f.Code != "MSIS7068" {
			t.Errorf("fault %+v", f)
		}
		w.refused(t, "wrong-password", wstrust.VerdictBadCredentials)
	}
}

func TestVerdictSecondFactorNeeded(t *testing.T) {
	w := newWorld(t, nil)
	w.inState(adfs.NeedsMFA)
	if f := w.refused(t, password, wstrust.VerdictPolicyDenied); f.Code != "MSIS3126" {
		t.Errorf("fault %+v", f)
	}
}

func TestVerdictPasswordExpired(t *testing.T) {
	w := newWorld(t, nil)
	for _, s := range []adfs.State{adfs.Expired, adfs.MustChange} {
		w.inState(s)
		w.Set(adfs.Behaviour{})
		if f := w.refused(t, password, wstrust.VerdictPasswordExpired); f.PasswordURL != "" {
			t.Errorf("%s: fault %+v", s, f)
		}
		w.Set(adfs.Behaviour{PasswordURL: "https://sts.example.com/adfs/portal/updatepassword/"})
		if f := w.refused(t, password, wstrust.VerdictPasswordExpired); f.PasswordURL == "" {
			t.Errorf("%s: fault %+v; want the address", s, f)
		}
		w.Set(adfs.Behaviour{PasswordURL: "http://sts.example.com/adfs/portal/updatepassword/"})
		if f := w.refused(t, password, wstrust.VerdictPasswordExpired); f.PasswordURL != "" {
			t.Errorf("%s: fault %+v; want no plain address", s, f)
		}
		// The state shows only to who knows the password.
		w.refused(t, "wrong-password", wstrust.VerdictBadCredentials)
	}
}

func TestVerdictUnknownRelyingParty(t *testing.T) {
	w := newWorld(t, func(o *adfs.Options) { o.RelyingParties[0].ID = strings.TrimSuffix(rp, "/") })
	w.refused(t, password, wstrust.VerdictUnknownRelyingParty)
	w.refused(t, "wrong-password", wstrust.VerdictBadCredentials)
}

func TestVerdictRequestNotUnderstood(t *testing.T) {
	w := newWorld(t, nil)
	w.Set(adfs.Behaviour{NotUnderstood: true})
	if f := w.refused(t, password, wstrust.VerdictConfig); f.Code != "MSIS3127" {
		t.Errorf("fault %+v", f)
	}
}

func TestVerdictEndpointDisabled(t *testing.T) {
	w := newWorld(t, nil)
	w.Set(adfs.Behaviour{Off13: true})
	w.refused(t, password, wstrust.VerdictEndpointDisabled)
	w.Set(adfs.Behaviour{MEX: adfs.MEX2005Only, Off2005: true})
	w.refused(t, password, wstrust.VerdictEndpointDisabled)
}

func TestVerdictBusy(t *testing.T) {
	w := newWorld(t, func(o *adfs.Options) { o.LockAfter = 1 })
	w.Set(adfs.Behaviour{Busy: 20 * time.Second})
	if f := w.refused(t, "wrong-password", wstrust.VerdictBusy); f.RetryAfter != 20*time.Second {
		t.Errorf("fault %+v", f)
	}
	// Nothing was checked, so nothing was counted.
	w.Set(adfs.Behaviour{})
	w.issues(t, "", wstrust.SAML11)
}

func TestFaultInStatus200(t *testing.T) {
	w := newWorld(t, nil)
	for s, want := range map[adfs.State]wstrust.Verdict{
		adfs.Denied: wstrust.VerdictPolicyDenied, adfs.Disabled: wstrust.VerdictBadCredentials, adfs.Expired: wstrust.VerdictPasswordExpired,
	} {
		w.inState(s)
		w.Set(adfs.Behaviour{FaultStatus: http.StatusOK, FaultLang: "de-DE"})
		if f := w.refused(t, password, want); f.Status != http.StatusOK {
			t.Errorf("fault %+v; want status 200", f)
		}
	}
}

// TestLockoutRefusesTheRightPassword is the extranet lockout: the count ends
// with a success or when the window has passed without a try.
func TestLockoutRefusesTheRightPassword(t *testing.T) {
	w := newWorld(t, func(o *adfs.Options) { o.LockAfter, o.LockFor = 3, 30*time.Minute })
	for range 3 {
		w.refused(t, "wrong-password", wstrust.VerdictBadCredentials)
	}
	w.refused(t, password, wstrust.VerdictBadCredentials)
	if r := w.Passwords()[0]; r.Result != "locked" {
		t.Errorf("result %q; want locked", r.Result)
	}
	w.clock.add(29 * time.Minute)
	w.refused(t, password, wstrust.VerdictBadCredentials)
	w.clock.add(time.Minute)
	w.refused(t, "wrong-password", wstrust.VerdictBadCredentials) // the one try of the window
	w.refused(t, password, wstrust.VerdictBadCredentials)
	w.clock.add(30 * time.Minute)
	w.issues(t, "", wstrust.SAML11)
	w.refused(t, "wrong-password", wstrust.VerdictBadCredentials)
	w.issues(t, "", wstrust.SAML11)
	for range 3 {
		w.refused(t, "wrong-password", wstrust.VerdictBadCredentials)
	}
	w.Unlock(ann)
	w.issues(t, "", wstrust.SAML11)
}

// TestClockRefusedBeforePassword: a device whose clock is 10 minutes off learns
// so without spending an attempt.
func TestClockRefusedBeforePassword(t *testing.T) {
	for _, off := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		w := newWorld(t, nil)
		w.client = w.clientAt(t, func() time.Time { return w.clock.now().Add(off) })
		tok, err := w.signIn(t.Context(), ann, password, "")
		var e *wstrust.Error
		if tok != nil || !errors.Is(err, wstrust.ErrClock) || wstrust.VerdictOf(err) != wstrust.VerdictClock || !errors.As(err, &e) || e.Sent {
			t.Errorf("device %v off: %v; want ErrClock, nothing sent", off, err)
		}
		w.neverSent(t)
	}
	// Four minutes are worth a warning and still work.
	w := newWorld(t, nil)
	w.Set(adfs.Behaviour{Ahead: 4 * time.Minute})
	r, err := w.client.Discover(t.Context(), w.site())
	if err != nil || r.Skew <= wstrust.WarnSkew || r.Skew > wstrust.MaxSkew {
		t.Errorf("Discover = %+v, %v; want a skew to warn of", r, err)
	}
	if _, err := w.client.Issue(t.Context(), r, wstrust.Request{Username: ann, Password: []byte(password), AppliesTo: rp}); err != nil {
		t.Error(err)
	}
}

// TestVerdictClockByFault: the clock could not be compared before, and the farm
// refuses the message.
func TestVerdictClockByFault(t *testing.T) {
	w := newWorld(t, nil)
	w.Set(adfs.Behaviour{Ahead: 20 * time.Minute, NoDate: true})
	if f := w.refused(t, password, wstrust.VerdictClock); f.Subcode != "InvalidSecurity" {
		t.Errorf("fault %+v", f)
	}
	w.Set(adfs.Behaviour{Ahead: -6 * time.Minute, NoDate: true})
	w.refused(t, password, wstrust.VerdictClock)
}

// TestVerdictWrongTo: the same fault with clocks that agree is a mistake in the
// set-up.
func TestVerdictWrongTo(t *testing.T) {
	w := newWorld(t, func(o *adfs.Options) { o.Host = "sts.example.com" })
	site := wstrust.Site{MEX: w.web.URL + "/none/mex", Fallback: w.web.URL + adfs.Path13}
	r, err := w.client.Discover(t.Context(), site)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.client.Issue(t.Context(), r, wstrust.Request{Username: ann, Password: []byte(password), AppliesTo: rp})
	if wstrust.VerdictOf(err) != wstrust.VerdictConfig {
		t.Errorf("Issue = %v; want config", err)
	}
}

func TestOversizedMEXRefused(t *testing.T) {
	w := newWorld(t, nil)
	w.Set(adfs.Behaviour{MEX: adfs.MEXHuge})
	if _, err := w.signIn(t.Context(), ann, password, ""); !errors.Is(err, wstrust.ErrTooLarge) {
		t.Errorf("signIn = %v; want ErrTooLarge", err)
	}
	w.neverSent(t)
}

func TestOversizedAnswerRefused(t *testing.T) {
	w := newWorld(t, nil)
	w.Set(adfs.Behaviour{Answer: adfs.AnswerHuge})
	w.refused(t, password, wstrust.VerdictProtocol)
}

func TestSlowFarmEndsInTime(t *testing.T) {
	w := newWorld(t, nil)
	short, err := wstrust.New(wstrust.Config{HTTP: w.web.Client(), AllowedHosts: []string{w.host}, Now: w.clock.now, Timeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	w.client = short
	w.Set(adfs.Behaviour{MEX: adfs.MEXStalled})
	if _, err := w.signIn(t.Context(), ann, password, ""); !errors.Is(err, context.DeadlineExceeded) || wstrust.VerdictOf(err) != wstrust.VerdictUnreachable {
		t.Errorf("signIn = %v; want deadline exceeded", err)
	}
	w.neverSent(t)
	w.Set(adfs.Behaviour{Answer: adfs.AnswerStalled})
	w.refused(t, password, wstrust.VerdictUnreachable)
}

// TestCutConnectionIsNotRetried cuts after the body was read.
func TestCutConnectionIsNotRetried(t *testing.T) {
	w := newWorld(t, nil)
	w.issues(t, "", wstrust.SAML11) // a connection that could be reused
	w.Set(adfs.Behaviour{Answer: adfs.AnswerCut})
	w.refused(t, password, wstrust.VerdictUnreachable)
	w.Set(adfs.Behaviour{})
	w.issues(t, "", wstrust.SAML11)
}

func TestAnswerToAnotherMessageRefused(t *testing.T) {
	w := newWorld(t, nil)
	w.Set(adfs.Behaviour{Answer: adfs.AnswerWrongID})
	w.refused(t, password, wstrust.VerdictProtocol)
	w.Set(adfs.Behaviour{Answer: adfs.AnswerNoID})
	w.issues(t, "", wstrust.SAML11)
}

// TestWrongShapeIsNoRefusal: an answer in the other version's shape must not
// look like a wrong password.
func TestWrongShapeIsNoRefusal(t *testing.T) {
	for _, mex := range []adfs.MEX{adfs.MEX13Only, adfs.MEX2005Only} {
		w := newWorld(t, nil)
		w.Set(adfs.Behaviour{MEX: mex, Answer: adfs.AnswerBare})
		w.refused(t, password, wstrust.VerdictProtocol)
	}
}

// TestCertificateRolloverWithoutOutage takes the steps of a rollover; the list
// fetched before each verifies what is issued after it.
func TestCertificateRolloverWithoutOutage(t *testing.T) {
	w := newWorld(t, nil)
	fetch := func() []*x509.Certificate {
		m, err := w.client.Metadata(t.Context(), w.web.URL+adfs.PathMetadata)
		if err != nil || m.EntityID != w.Issuer(w.host) {
			t.Fatalf("Metadata = %+v, %v", m, err)
		}
		return m.Signing
	}
	issue := func() []byte {
		tok, err := w.signIn(t.Context(), ann, password, wstrust.TokenTypeSAML20)
		if err != nil {
			t.Fatal(err)
		}
		return tok.Assertion
	}
	first := fetch()
	for _, step := range []struct {
		roll  adfs.Rollover
		certs int
	}{{adfs.RolloverPublish, 2}, {adfs.RolloverPromote, 2}, {adfs.RolloverRetire, 1}} {
		before := fetch()
		if err := w.Roll(step.roll); err != nil {
			t.Fatal(err)
		}
		if _, err := verify(issue(), before, w.clock.now()); err != nil {
			t.Errorf("after step %d: %v", step.roll, err)
		}
		if after := fetch(); len(after) != step.certs {
			t.Errorf("after step %d: %d certificates; want %d", step.roll, len(after), step.certs)
		}
	}
	if _, err := verify(issue(), first, w.clock.now()); err == nil {
		t.Error("the retired certificate still verifies")
	}
	if err := w.Roll(adfs.RolloverRetire); err == nil {
		t.Error("a step out of order succeeded")
	}
}

func TestMetadataIsSigned(t *testing.T) {
	w := newWorld(t, nil)
	resp, err := w.web.Client().Get(w.web.URL + adfs.PathMetadata)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify(body, w.Certificates(), w.clock.now()); err != nil {
		t.Errorf("signature: %v\n%s", err, body)
	}
}

// TestOlderClientsAreServed sends what ADAL does: messageID with a small m.
func TestOlderClientsAreServed(t *testing.T) {
	w := newWorld(t, nil)
	b, err := wstrust.EncodeRequest(wstrust.Trust13, wstrust.Request{Username: ann, Password: []byte(password), AppliesTo: rp},
		wstrust.Envelope{To: w.web.URL + adfs.Path13, MessageID: "urn:uuid:1", Created: w.clock.now()})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := w.web.Client().Post(w.web.URL+adfs.Path13, wstrust.ContentType, bytes.NewReader(bytes.ReplaceAll(b, []byte("a:MessageID"), []byte("a:messageID"))))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// TestPlainHTTPIsWrittenDown shows that the record would show a leak.
func TestPlainHTTPIsWrittenDown(t *testing.T) {
	w := newWorld(t, nil)
	plain := httptest.NewServer(w.Handler())
	defer plain.Close()
	b, err := wstrust.EncodeRequest(wstrust.Trust13, wstrust.Request{Username: ann, Password: []byte(password), AppliesTo: rp},
		wstrust.Envelope{To: plain.URL + adfs.Path13, MessageID: "urn:uuid:1", Created: w.clock.now()})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(plain.URL+"/anywhere", wstrust.ContentType, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := w.Passwords(); len(got) != 1 || got[0].TLS || got[0].Password != password || got[0].Path != "/anywhere" || resp.StatusCode != http.StatusNotFound {
		t.Errorf("record %+v, status %d", got, resp.StatusCode)
	}
}

// TestSecretsStayOut looks for what was typed in everything the two sides print.
func TestSecretsStayOut(t *testing.T) {
	w := newWorld(t, nil)
	var printed strings.Builder
	tok, err := w.signIn(t.Context(), ann, password, "")
	fmt.Fprintf(&printed, "%v %+v %#v %v\n", tok, tok, tok, err)
	for _, b := range []adfs.Behaviour{
		{Answer: adfs.AnswerCut},
		{Answer: adfs.AnswerHuge},
		{Answer: adfs.AnswerWrongID},
		{Answer: adfs.AnswerBare},
		{NotUnderstood: true},
		{Busy: time.Second},
		{Off13: true},
		{Redirect: "https://sts.example.net/"},
		{MEX: adfs.MEXForeign},
		{MEX: adfs.MEXPlain},
		{Ahead: time.Hour},
	} {
		w.Set(b)
		_, err := w.signIn(t.Context(), ann, password, "")
		if err == nil {
			t.Errorf("%+v: no error", b)
		}
		fmt.Fprintf(&printed, "%v\n%+v\n", err, err)
	}
	w.web.Close()
	printed.WriteString(w.log.String())
	for _, secret := range []string{password, ann, "Ann.Lee", "<saml:"} {
		if strings.Contains(printed.String(), secret) {
			t.Errorf("%q is in what was printed", secret)
		}
	}
}

// TestServe runs the farm as the simulator does, and ends it under a request
// that never ends by itself.
func TestServe(t *testing.T) {
	w := newWorld(t, nil)
	w.Set(adfs.Behaviour{MEX: adfs.MEXStalled})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- w.Serve(ctx, ln, &tls.Config{Certificates: w.web.TLS.Certificates, MinVersion: tls.VersionTLS12})
	}()
	resp, err := w.web.Client().Get("https://" + ln.Addr().String() + adfs.PathMEX)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve = %v", err)
	}
}
