package faxcloud

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// OIDCClient is the cloud as an application of a company's OpenID provider.
type OIDCClient struct {
	ClientID string
	HTTP     *http.Client // trusts the provider
}

// OIDCSSO is [BrowserSSO] by OpenID Connect: the authorization code grant with
// PKCE, a nonce and a state bound to the browser. As with SAML, whose word counts
// is settled when the browser is sent away. It is safe for concurrent use.
type OIDCSSO struct {
	now func() time.Time

	mu    sync.Mutex
	begun map[string]oidcLogin // by state
}

type oidcLogin struct {
	browser, verifier, nonce string
	provider                 XMIdP
	ends                     time.Time
}

var _ BrowserSSO = (*OIDCSSO)(nil)

// NewOIDCSSO returns a relying party; now nil is time.Now.
func NewOIDCSSO(now func() time.Time) *OIDCSSO {
	if now == nil {
		now = time.Now
	}
	return &OIDCSSO{now: now, begun: make(map[string]oidcLogin)}
}

// providerTime bounds each conversation with a provider.
const providerTime = 10 * time.Second

// config discovers a provider and returns the application's settings there.
func (p XMIdP) config(ctx context.Context, base string) (*oauth2.Config, *oidc.Provider, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, p.OIDC.HTTP), p.EntityID)
	if err != nil {
		return nil, nil, fmt.Errorf("discover the provider: %w", err)
	}
	at := provider.Endpoint()
	// Trying out where the client id belongs would spend the code on the first try.
	at.AuthStyle = oauth2.AuthStyleInParams
	return &oauth2.Config{
		ClientID: p.OIDC.ClientID, Endpoint: at, RedirectURL: base + PathOIDCReturn,
		Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
	}, provider, nil
}

// Begin implements [BrowserSSO]. Of several providers of an account the last one
// added is asked.
func (s *OIDCSSO) Begin(w http.ResponseWriter, r *http.Request, a SSOAttempt) error {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return fmt.Errorf("browser: %w", err)
	}
	if a.SSO != xmcloud.SSOOIDC || len(a.IdPs) == 0 || a.IdPs[len(a.IdPs)-1].OIDC == nil {
		return fmt.Errorf("account %q has no OpenID provider now", a.Account)
	}
	p := a.IdPs[len(a.IdPs)-1]
	ctx, cancel := context.WithTimeout(r.Context(), providerTime)
	defer cancel()
	config, _, err := p.config(ctx, a.Base)
	if err != nil {
		return err
	}
	var b [16]byte
	rand.Read(b[:]) // never fails
	l := oidcLogin{
		browser: cookie.Value, verifier: oauth2.GenerateVerifier(), nonce: base64.RawURLEncoding.EncodeToString(b[:]),
		provider: p, ends: s.now().Add(requestLife),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for state, old := range s.begun {
		if s.now().After(old.ends) {
			delete(s.begun, state)
		}
	}
	if len(s.begun) >= keepReplays {
		return errors.New("too many sign-ins are under way")
	}
	s.begun[a.State] = l
	http.Redirect(w, r, config.AuthCodeURL(a.State, oidc.Nonce(l.nonce), oauth2.S256ChallengeOption(l.verifier)), http.StatusFound)
	return nil
}

// Finish implements [BrowserSSO].
func (s *OIDCSSO) Finish(r *http.Request, lookup func(state string) (SSOAttempt, bool)) (SSOIdentity, error) {
	q := r.URL.Query()
	state := q.Get("state")
	s.mu.Lock()
	l, ok := s.begun[state]
	delete(s.begun, state)
	s.mu.Unlock()
	cookie, err := r.Cookie(cookieName)
	if !ok || err != nil || cookie.Value != l.browser || s.now().After(l.ends) {
		return SSOIdentity{}, errors.New("answer to nothing that was asked in this browser")
	}
	a, ok := lookup(state)
	switch {
	case !ok:
		return SSOIdentity{}, errors.New("answer to nothing that was asked in this browser")
	case q.Get("error") != "":
		return SSOIdentity{}, errors.New("the provider refused")
	case q.Get("iss") != "" && q.Get("iss") != l.provider.EntityID:
		return SSOIdentity{}, errors.New("answer of another provider") // mix-up, RFC 9207
	}
	ctx, cancel := context.WithTimeout(r.Context(), providerTime)
	defer cancel()
	config, provider, err := l.provider.config(ctx, a.Base)
	if err != nil {
		return SSOIdentity{}, err
	}
	tokens, err := config.Exchange(context.WithValue(ctx, oauth2.HTTPClient, l.provider.OIDC.HTTP), q.Get("code"), oauth2.VerifierOption(l.verifier))
	if err != nil {
		return SSOIdentity{}, fmt.Errorf("exchange the code: %w", err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: l.provider.OIDC.ClientID, Now: s.now}).Verify(oidc.ClientContext(ctx, l.provider.OIDC.HTTP), raw)
	if err != nil {
		return SSOIdentity{}, fmt.Errorf("ID token: %w", err)
	}
	var claims struct {
		Email    string `json:"email"`
		Verified *bool  `json:"email_verified"`
	}
	switch err := id.Claims(&claims); {
	case err != nil:
		return SSOIdentity{}, fmt.Errorf("ID token: %w", err)
	case id.Nonce != l.nonce:
		return SSOIdentity{}, errors.New("ID token of another sign-in")
	case len(id.Audience) != 1:
		return SSOIdentity{}, errors.New("ID token for several applications")
	case claims.Email == "" || claims.Verified != nil && !*claims.Verified:
		return SSOIdentity{}, errors.New("ID token without an address that was checked")
	}
	return SSOIdentity{State: state, Issuer: id.Issuer, Email: claims.Email}, nil
}

// AnySSO is [BrowserSSO] for accounts of either kind.
type AnySSO struct {
	SAML *SAMLSSO
	OIDC *OIDCSSO
}

var _ BrowserSSO = AnySSO{}

// Begin implements [BrowserSSO].
func (s AnySSO) Begin(w http.ResponseWriter, r *http.Request, a SSOAttempt) error {
	if a.SSO == xmcloud.SSOOIDC {
		return s.OIDC.Begin(w, r, a)
	}
	return s.SAML.Begin(w, r, a)
}

// Finish implements [BrowserSSO].
func (s AnySSO) Finish(r *http.Request, lookup func(state string) (SSOAttempt, bool)) (SSOIdentity, error) {
	if strings.HasSuffix(r.URL.Path, "/"+PathOIDCReturn) {
		return s.OIDC.Finish(r, lookup)
	}
	return s.SAML.Finish(r, lookup)
}
