package idp

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// OIDCOptions configure an [OIDC] provider. Shape, Base and Clients are
// required.
type OIDCOptions struct {
	// Shape is [Entra], [ADFS] or [Okta].
	Shape Profile
	// Base is the https address of the provider without a trailing slash.
	Base string
	// Clients are the applications it knows: client id → name shown to people.
	Clients map[string]string
	// Returns are the addresses that browsers may be sent back to, by client id;
	// a client without any can use the device grant only.
	Returns map[string][]string
	// Users of the directory.
	Users []User
	// Life of a code, default 15 min; Interval between polls, default 5 s.
	Life, Interval time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log gets one line per refused request; nil discards.
	Log *slog.Logger
}

// Knobs make a provider go wrong. The zero value is a healthy one.
type Knobs struct {
	// Pending answers authorization_pending that often although the person acted.
	Pending int `json:"pending,omitempty"`
	// SlowDown answers slow_down that often, before anything else.
	SlowDown int `json:"slow_down,omitempty"`
	// Fail answers 500 without a word of OAuth that often, before anything else.
	Fail int `json:"fail,omitempty"`
	// Drop cuts the connection of that many polls.
	Drop int `json:"drop,omitempty"`
	// Declined and Expired answer so to the next polls, whatever the person did.
	Declined bool `json:"declined,omitempty"`
	Expired  bool `json:"expired,omitempty"`
	// Blocked refuses after the person signed in, as Conditional Access does.
	Blocked bool `json:"blocked,omitempty"`
	// NoDeviceGrant leaves the endpoint out of the discovery document.
	NoDeviceGrant bool `json:"no_device_grant,omitempty"`
	// NoComplete leaves verification_uri_complete out.
	NoComplete bool `json:"no_complete,omitempty"`
	// RefreshToken sends one that nobody asked for.
	RefreshToken bool `json:"refresh_token,omitempty"`
	// Token spoils the ID token.
	Token TokenLie `json:"token,omitempty"`
}

// TokenLie is a way to spoil an ID token.
type TokenLie string

// The lies.
const (
	LieIssuer    TokenLie = "issuer"
	LieAudience  TokenLie = "audience"
	LieExpired   TokenLie = "expired"
	LieFuture    TokenLie = "future"
	LieNone      TokenLie = "alg-none"
	LieHMAC      TokenLie = "alg-hmac" // signed with the public key as a secret
	LieKey       TokenLie = "key"      // signed by a key that is not published
	LieUnchecked TokenLie = "email-unverified"
	LieTenant    TokenLie = "tenant"
	LieMissing   TokenLie = "missing"
	LieTampered  TokenLie = "tampered"
	LieTwo       TokenLie = "two-audiences" // without saying for whom
)

// TokenLies lists all of them.
func TokenLies() []TokenLie {
	return []TokenLie{
		LieIssuer, LieAudience, LieExpired, LieFuture, LieNone, LieHMAC, LieKey, LieUnchecked, LieTenant, LieMissing, LieTampered, LieTwo,
	}
}

// shape is where things are and how they are said.
type shape struct {
	issuer, discovery, device, token, keys, page string
	complete                                     bool
	declined                                     string
	message                                      bool
	code                                         func() string
	stringNumbers                                bool
}

func shapeOf(p Profile, base string) (shape, error) {
	switch p {
	case Entra:
		t := "/" + tenant
		return shape{
			issuer: base + t + "/v2.0", discovery: t + "/v2.0/.well-known/openid-configuration",
			device: t + "/oauth2/v2.0/devicecode", token: t + "/oauth2/v2.0/token", keys: t + "/discovery/v2.0/keys",
			page: "/devicelogin", declined: "authorization_declined", message: true, code: func() string { return letters(9) },
		}, nil
	case ADFS:
		return shape{
			issuer: base + "/adfs", discovery: "/adfs/.well-known/openid-configuration",
			device: "/adfs/oauth2/devicecode", token: "/adfs/oauth2/token", keys: "/adfs/discovery/keys",
			page: "/adfs/oauth2/deviceauth", complete: true, declined: "access_denied", message: true, stringNumbers: true,
			code: func() string { return letters(9) },
		}, nil
	case Okta:
		return shape{
			issuer: base, discovery: "/.well-known/openid-configuration",
			device: "/oauth2/v1/device/authorize", token: "/oauth2/v1/token", keys: "/oauth2/v1/keys",
			page: "/activate", complete: true, declined: "access_denied",
			code: func() string { c := letters(8); return c[:4] + "-" + c[4:] },
		}, nil
	}
	return shape{}, fmt.Errorf("identity provider: no device grant in the manner of %q", p)
}

// letters are those of RFC 8628 §6.1.
func letters(n int) string {
	const set = "BCDFGHJKLMNPQRSTVWXZ"
	b := make([]byte, n)
	for i := range b {
		k, err := rand.Int(rand.Reader, big.NewInt(int64(len(set))))
		if err != nil {
			panic(err) // the system's source of random numbers never fails
		}
		b[i] = set[k.Int64()]
	}
	return string(b)
}

// OIDC is one OpenID provider with the device grant and the authorization code
// grant. It is safe for concurrent
// use and starts no goroutine.
type OIDC struct {
	o OIDCOptions
	s shape

	mu       sync.Mutex
	dir      directory
	keys     []*key // the last one signs, all are published
	knobs    Knobs
	grants   map[string]*grant // by device code
	flows    map[string]string // page → device code
	logins   map[string]*login // page → sign-in in a browser
	codes    map[string]*login // authorization code → the same
	guesses  int
	attempts []Attempt
	polls    []Poll
}

// Poll is one request to the token endpoint with a device code.
type Poll struct {
	At time.Time `json:"at"`
	// Answer is the error code, ok, 500 or dropped.
	Answer string `json:"answer"`
}

// NewOIDC makes the key of a provider.
func NewOIDC(o OIDCOptions) (*OIDC, error) {
	base, err := url.Parse(o.Base)
	if err != nil || base.Scheme != "https" || base.Host == "" || strings.HasSuffix(o.Base, "/") {
		return nil, fmt.Errorf("identity provider: base %q is not an https address without trailing slash", o.Base)
	}
	s, err := shapeOf(o.Shape, o.Base)
	if err != nil {
		return nil, err
	}
	if len(o.Clients) == 0 {
		return nil, errors.New("identity provider: no applications")
	}
	if o.Life <= 0 {
		o.Life = 15 * time.Minute
	}
	if o.Interval <= 0 {
		o.Interval = 5 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &OIDC{
		o: o, s: s, grants: make(map[string]*grant), flows: make(map[string]string),
		logins: make(map[string]*login), codes: make(map[string]*login), dir: directory{users: slices.Clone(o.Users)},
	}
	return p, p.RotateKeys(false)
}

// Issuer is the issuer of its ID tokens, to be configured at the agent.
func (p *OIDC) Issuer() string { return p.s.issuer }

// Page is where a person enters the code.
func (p *OIDC) Page() string { return p.o.Base + p.s.page }

// RotateKeys makes a new signing key; keep still publishes the old ones.
func (p *OIDC) RotateKeys(keep bool) error {
	k, err := newKey("OpenID "+string(p.o.Shape), p.o.Now())
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !keep {
		p.keys = nil
	}
	p.keys = append(p.keys, k)
	return nil
}

// SetKnobs replaces all knobs.
func (p *OIDC) SetKnobs(k Knobs) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.knobs = k
}

// SetUser adds or replaces a user by name.
func (p *OIDC) SetUser(u User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dir.set(u)
}

// Attempts are all tries to sign in, in order.
func (p *OIDC) Attempts() []Attempt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.attempts)
}

// Polls are all polls, in order.
func (p *OIDC) Polls() []Poll {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.polls)
}

// Handler answers at the addresses of the shape. Requests must have come over
// TLS.
func (p *OIDC) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+p.s.discovery, p.discover)
	mux.HandleFunc("GET "+p.s.keys, p.serveKeys)
	mux.HandleFunc("POST "+p.s.device, p.authorize)
	mux.HandleFunc("POST "+p.s.token, p.token)
	mux.HandleFunc("GET "+p.s.page, p.enter)
	mux.HandleFunc("POST "+p.s.page, p.step)
	mux.HandleFunc("GET "+authorizePath, p.authorizePage)
	mux.HandleFunc("POST "+authorizePath, p.authorizeStep)
	return overTLS(mux)
}

func (p *OIDC) discover(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	none := p.knobs.NoDeviceGrant
	p.mu.Unlock()
	doc := map[string]any{
		"issuer": p.s.issuer, "token_endpoint": p.o.Base + p.s.token, "jwks_uri": p.o.Base + p.s.keys,
		"authorization_endpoint": p.o.Base + authorizePath, "response_types_supported": []string{"code"},
		"subject_types_supported": []string{"pairwise"}, "id_token_signing_alg_values_supported": []string{"RS256"},
	}
	if !none {
		doc["device_authorization_endpoint"] = p.o.Base + p.s.device
	}
	answer(w, http.StatusOK, doc)
}

func (p *OIDC) serveKeys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	set := jose.JSONWebKeySet{}
	for _, k := range p.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &k.private.PublicKey, KeyID: k.id, Use: "sig", Algorithm: "RS256"})
	}
	answer(w, http.StatusOK, set)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The only errors are those of a client that went away.
	_ = json.NewEncoder(w).Encode(v)
}

// refuse answers with an OAuth error.
func refuse(w http.ResponseWriter, code, description string) {
	answer(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": description})
}
