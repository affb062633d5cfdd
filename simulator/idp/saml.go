package idp

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/beevik/etree"

	"github.com/platen-fax/platen/protocols/saml"
)

// SAMLOptions configure a [SAML] provider. Profile and Base are required.
type SAMLOptions struct {
	Profile Profile
	// Base is the https address of the provider without a trailing slash.
	Base string
	// Users of the directory.
	Users []User
	// Services are the service providers it knows: entity ID → where responses
	// may be posted.
	Services map[string][]string
	// Issuer overrides the profile's.
	Issuer string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log gets one line per refused request; nil discards.
	Log *slog.Logger
}

// SAML is one identity provider. It is safe for concurrent use and starts no
// goroutine.
type SAML struct {
	o      SAMLOptions
	m      manner
	issuer string

	mu       sync.Mutex
	dir      directory
	keys     []*key // the last one signs, all are published
	enemy    *key   // an attacker's, made when needed
	attack   Attack
	victim   string
	shift    time.Duration
	flows    map[string]flow
	attempts []Attempt
	last     string // the response emitted last, for the replay
}

// flow is a request that waits for its person.
type flow struct {
	request saml.Request
	relay   string
	hint    string
	at      time.Time
}

// maxFlows bounds how many requests may wait.
const maxFlows = 1000

// NewSAML makes the keys of a provider, which takes some hundred milliseconds.
func NewSAML(o SAMLOptions) (*SAML, error) {
	m, err := mannerOf(o.Profile)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(o.Base)
	if err != nil || base.Scheme != "https" || base.Host == "" || strings.HasSuffix(o.Base, "/") {
		return nil, fmt.Errorf("identity provider: base %q is not an https address without trailing slash", o.Base)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &SAML{o: o, m: m, issuer: o.Issuer, flows: make(map[string]flow)}
	if s.issuer == "" {
		s.issuer = strings.ReplaceAll(m.issuer, "%s", base.Host)
	}
	s.dir = directory{users: slices.Clone(o.Users), strict: m.strict}
	return s, s.Rotate()
}

// Issuer is the provider's entity ID.
func (s *SAML) Issuer() string { return s.issuer }

// SSO is the address of the redirect binding.
func (s *SAML) SSO() string { return s.o.Base + s.m.path }

// MetadataURL is where the metadata is.
func (s *SAML) MetadataURL() string { return s.o.Base + s.m.metadata }

// Certificates are those published now, oldest first.
func (s *SAML) Certificates() []*x509.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*x509.Certificate
	for _, k := range s.keys {
		out = append(out, k.cert)
	}
	return out
}

// Rotate makes a new key that signs from now on. The ones before stay
// published until [SAML.Retire], as AD FS does during a rollover.
func (s *SAML) Rotate() error {
	k, err := newKey("Signing "+string(s.o.Profile), s.o.Now())
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, k)
	return nil
}

// Retire stops publishing all keys but the one that signs.
func (s *SAML) Retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = s.keys[len(s.keys)-1:]
}

// SetAttack makes every response from now on a forged one; "" is honest. The
// victim is the address that forged parts name.
func (s *SAML) SetAttack(a Attack, victim string) error {
	if a != "" && !slices.Contains(Attacks(), a) {
		return fmt.Errorf("identity provider: no attack %q", a)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attack, s.victim = a, victim
	return nil
}

// SetClock shifts the provider's clock against everybody else's.
func (s *SAML) SetClock(shift time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shift = shift
}

// SetUser adds or replaces a user by name.
func (s *SAML) SetUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dir.set(u)
}

func (d *directory) set(u User) {
	d.users = append(slices.DeleteFunc(d.users, func(o User) bool { return o.Name == u.Name }), u)
}

// Attempts are all tries to sign in, in order.
func (s *SAML) Attempts() []Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.attempts)
}

// Handler answers at the addresses of the profile. Requests must have come over
// TLS.
func (s *SAML) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+s.m.path, s.start)
	mux.HandleFunc("POST "+s.m.path, s.finish)
	mux.HandleFunc("GET "+s.m.metadata, s.serveMetadata)
	return overTLS(mux)
}

// start takes a request by redirect and shows the sign-in page.
func (s *SAML) start(w http.ResponseWriter, r *http.Request) {
	q, relay, err := saml.ParseRedirect(r.URL.Query())
	if err == nil {
		err = s.accept(q)
	}
	if err != nil {
		s.o.Log.WarnContext(r.Context(), "request refused", "profile", s.o.Profile, "err", err)
		show(w, http.StatusBadRequest, page{Title: "Sign-in is not possible", Text: "The application sent a request that is not accepted.", Error: err.Error()})
		return
	}
	s.mu.Lock()
	for id, f := range s.flows {
		if s.o.Now().Sub(f.at) > time.Hour {
			delete(s.flows, id)
		}
	}
	full := len(s.flows) >= maxFlows
	id := token(16)
	if !full {
		s.flows[id] = flow{q, relay, r.URL.Query().Get("login_hint"), s.o.Now()}
	}
	s.mu.Unlock()
	if full {
		http.Error(w, "too many sign-ins are waiting", http.StatusServiceUnavailable)
		return
	}
	show(w, http.StatusOK, s.signInPage(id, r.URL.Query().Get("login_hint"), nil))
}

func (s *SAML) signInPage(id, user string, err error) page {
	p := page{Title: "Sign in", Text: "to continue to your application", Action: s.m.path, Hidden: map[string]string{"flow": id}, SignIn: true, User: user}
	if err != nil {
		p.Error = err.Error()
		p.AskCode = err == errCode //nolint:errorlint // the very value, made by signIn
	}
	return p
}

// accept refuses what a real provider refuses; Entra is the strictest.
func (s *SAML) accept(q saml.Request) error {
	acs, ok := s.o.Services[q.Issuer]
	switch {
	case !ok:
		return fmt.Errorf("AADSTS700016: no application %q", q.Issuer)
	case q.ACS != "" && !slices.Contains(acs, q.ACS):
		return fmt.Errorf("AADSTS50011: reply address %q is not one of the application's", q.ACS)
	case q.Destination != "" && q.Destination != s.SSO():
		return fmt.Errorf("destination %q is not here", q.Destination)
	}
	if !s.m.entra {
		return nil
	}
	switch q.NameIDFormat {
	case "", saml.FormatEmail, saml.FormatUnspecified, saml.FormatPersistent, saml.FormatTransient:
	default:
		return fmt.Errorf("AADSTS75011: format %q is not supported", q.NameIDFormat)
	}
	switch {
	case q.ID[0] >= '0' && q.ID[0] <= '9':
		return fmt.Errorf("AADSTS7500529: the ID begins with a digit")
	case q.HasSubject:
		return fmt.Errorf("AADSTS900236: a subject is not supported")
	}
	return nil
}

// finish checks name and password and sends the browser back with a response.
func (s *SAML) finish(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form could not be read", http.StatusBadRequest)
		return
	}
	id, name := r.PostForm.Get("flow"), r.PostForm.Get("user")
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.flows[id]
	if !ok {
		show(w, http.StatusBadRequest, page{Title: "Sign-in is not possible", Text: "Start again from your application."})
		return
	}
	if r.PostForm.Get("cancel") != "" {
		delete(s.flows, id)
		s.post(w, r, f, s.refusal(f.request, "urn:oasis:names:tc:SAML:2.0:status:Responder", "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed", "The person cancelled."))
		return
	}
	u, err := s.dir.signIn(name, r.PostForm.Get("password"), r.PostForm.Get("code"))
	a := Attempt{At: s.o.Now(), User: name, OK: err == nil}
	if err != nil {
		a.Why = err.Error()
	}
	s.attempts = append(s.attempts, a)
	if err != nil {
		show(w, http.StatusOK, s.signInPage(id, name, err))
		return
	}
	delete(s.flows, id)
	if u.State == Unassigned {
		s.post(w, r, f, s.refusal(f.request, "urn:oasis:names:tc:SAML:2.0:status:Requester", "urn:oasis:names:tc:SAML:2.0:status:RequestDenied",
			"AADSTS50105: The signed in user is not assigned to a role for the application."))
		return
	}
	encoded, err := s.emit(f.request, u)
	if err != nil {
		s.o.Log.ErrorContext(r.Context(), "no response", "profile", s.o.Profile, "err", err)
		http.Error(w, "the response could not be made", http.StatusInternalServerError)
		return
	}
	s.post(w, r, f, encoded)
}

// post shows the page that carries a response to the service provider.
func (s *SAML) post(w http.ResponseWriter, _ *http.Request, f flow, encoded string) {
	hidden := map[string]string{"SAMLResponse": encoded}
	if f.relay != "" {
		hidden["RelayState"] = f.relay
	}
	show(w, http.StatusOK, page{
		Title: "Signed in", Text: "You are being sent back to your application.",
		Action: s.acs(f.request), Hidden: hidden, Button: "Continue", Auto: true,
	})
}

func (s *SAML) acs(q saml.Request) string {
	if q.ACS != "" {
		return q.ACS
	}
	return s.o.Services[q.Issuer][0]
}

// Respond emits what the provider would post for a user, honest or forged, in
// the form of the field SAMLResponse. It needs no page and no password.
func (s *SAML) Respond(q saml.Request, user string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.dir.find(user)
	if !ok {
		return "", fmt.Errorf("identity provider: no user of that name")
	}
	if u.UPN == "" {
		u.UPN = u.Name
	}
	if u.State == NoEmail {
		u.Email = ""
	}
	return s.emit(q, u)
}

func (s *SAML) emit(q saml.Request, u User) (string, error) {
	if s.attack == "replay" && s.last != "" {
		return s.last, nil
	}
	raw, err := s.forge(q, u, s.attack)
	if err != nil {
		return "", err
	}
	s.last = base64.StdEncoding.EncodeToString(raw)
	return s.last, nil
}

func (s *SAML) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	e := etree.NewElement("EntityDescriptor")
	e.CreateAttr("xmlns", saml.NSMetadata)
	e.CreateAttr("entityID", s.issuer)
	idp := e.CreateElement("IDPSSODescriptor")
	idp.CreateAttr("protocolSupportEnumeration", saml.NSProtocol)
	for _, c := range s.Certificates() {
		k := idp.CreateElement("KeyDescriptor")
		k.CreateAttr("use", "signing")
		info := k.CreateElement("KeyInfo")
		info.CreateAttr("xmlns", saml.NSSignature)
		info.CreateElement("X509Data").CreateElement("X509Certificate").SetText(base64.StdEncoding.EncodeToString(c.Raw))
	}
	at := idp.CreateElement("SingleSignOnService")
	at.CreateAttr("Binding", saml.BindingRedirect)
	at.CreateAttr("Location", s.SSO())
	w.Header().Set("Content-Type", "application/samlmetadata+xml")
	if _, err := etree.NewDocumentWithRoot(e).WriteTo(w); err != nil {
		s.o.Log.Warn("metadata not sent", "err", err)
	}
}
