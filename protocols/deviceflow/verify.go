package deviceflow

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	jose "github.com/go-jose/go-jose/v4"
)

// Person is who the provider says signed in.
type Person struct {
	// Issuer and Subject together name the account for good.
	Issuer, Subject string
	// Tenant is the claim tid, empty elsewhere than at Entra.
	Tenant string
	// Email as sent; fold it before comparing. Name is how to greet, may be
	// empty.
	Email, Name string
	// Expires is the end of the ID token.
	Expires time.Time
}

// algorithms is the allow-list. HMAC and none are what forgers choose.
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512}

// clockSlack is how far the provider's clock may be ahead or behind before a
// refused token is blamed on ours.
const clockSlack = 2 * time.Minute

// Verify fetches the provider's keys and checks the ID token: algorithm,
// signature, issuer, audience, times, tenant. A nonce is not asked for by the
// device grant and not looked at. The keys are fetched for each token, so a
// rotation needs nothing. Failures are [*Error] with [ErrToken], or those of the
// fetch.
func (c *Client) Verify(ctx context.Context, t *Token) (*Person, error) {
	if c.cfg.Issuer == "" {
		return nil, &Error{Op: "verify", Err: fmt.Errorf("%w: no issuer is configured", ErrToken), Token: TokenIssuer}
	}
	if t.ID == "" {
		return nil, refused(TokenMissing, nil)
	}
	if len(t.ID) > MaxAnswer {
		return nil, refused(TokenMalformed, nil)
	}
	kid, err := header(t.ID)
	if err != nil {
		return nil, err
	}
	a, err := c.get(ctx, "keys", t.endpoints.Keys)
	if err != nil {
		return nil, err
	}
	keys, err := publicKeys(a.body, kid)
	if err != nil {
		return nil, &Error{Op: "keys", Status: a.status, Err: err}
	}
	v := oidc.NewVerifier(c.cfg.Issuer, &oidc.StaticKeySet{PublicKeys: keys}, &oidc.Config{
		ClientID: c.cfg.ClientID, SupportedSigningAlgs: algorithms, Now: c.cfg.Now,
	})
	token, err := v.Verify(ctx, t.ID)
	if err != nil {
		return nil, refused(c.fault(t, err), err)
	}
	return c.person(token)
}

// refused leaves the cause out of the text, since it quotes claims.
func refused(f TokenFault, _ error) *Error { return &Error{Op: "verify", Err: ErrToken, Token: f} }

// header refuses an algorithm outside of the list before any key is fetched.
func header(raw string) (kid string, err error) {
	first, _, _ := strings.Cut(raw, ".")
	b, err := base64.RawURLEncoding.DecodeString(first)
	var h struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
	}
	if err != nil || strings.Count(raw, ".") != 2 || json.Unmarshal(b, &h) != nil {
		return "", refused(TokenMalformed, err)
	}
	if !slices.Contains(algorithms, h.Alg) {
		return "", refused(TokenAlgorithm, nil)
	}
	return h.Kid, nil
}

// publicKeys reads a key set and picks the keys a token may be signed with:
// those of its name, or all when it names none.
func publicKeys(body []byte, kid string) ([]crypto.PublicKey, error) {
	// Each key is read by itself: one of an unknown kind must not hide the rest.
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWire, err)
	}
	var out []crypto.PublicKey
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		if len(out) >= 32 || k.UnmarshalJSON(raw) != nil || k.Use == "enc" || kid != "" && k.KeyID != kid {
			continue
		}
		switch key := k.Key.(type) {
		case *rsa.PublicKey:
			if key.N.BitLen() >= 2048 {
				out = append(out, key)
			}
		case *ecdsa.PublicKey:
			out = append(out, key)
		}
	}
	return out, nil
}

// fault names why a token was refused. It reads the claims unverified, which is
// good enough for the name of a refusal.
func (c *Client) fault(t *Token, err error) TokenFault {
	var late *oidc.TokenExpiredError
	if errors.As(err, &late) {
		return c.clockOr(TokenExpired, t)
	}
	parts := strings.Split(t.ID, ".")
	b, e := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Issuer string          `json:"iss"`
		Aud    json.RawMessage `json:"aud"`
		NBF    float64         `json:"nbf"`
	}
	if e != nil || json.Unmarshal(b, &claims) != nil {
		return TokenMalformed
	}
	if strings.Contains(err.Error(), "signature") || strings.Contains(err.Error(), "public keys") {
		return TokenSignature
	}
	var one string
	var many []string
	if json.Unmarshal(claims.Aud, &one) != nil {
		_ = json.Unmarshal(claims.Aud, &many)
	}
	switch {
	case claims.Issuer != c.cfg.Issuer:
		return TokenIssuer
	case one != c.cfg.ClientID && !slices.Contains(many, c.cfg.ClientID):
		return TokenAudience
	case claims.NBF > float64(c.cfg.Now().Unix()):
		return c.clockOr(TokenNotYetValid, t)
	}
	return TokenMalformed
}

// clockOr blames our clock when the provider's is far from it.
func (c *Client) clockOr(f TokenFault, t *Token) TokenFault {
	if !t.served.IsZero() && t.served.Sub(c.cfg.Now()).Abs() > clockSlack {
		return TokenClock
	}
	return f
}

// person reads the claims of a verified token.
func (c *Client) person(token *oidc.IDToken) (*Person, error) {
	var claims map[string]json.RawMessage
	if err := token.Claims(&claims); err != nil {
		return nil, refused(TokenMalformed, err)
	}
	str := func(name string) string {
		var s string
		_ = json.Unmarshal(claims[name], &s)
		return strings.TrimSpace(s)
	}
	// More than one audience needs to say for whom it was made (OpenID Connect
	// Core §3.1.3.7).
	if azp := str("azp"); azp != "" && azp != c.cfg.ClientID || azp == "" && len(token.Audience) > 1 {
		return nil, refused(TokenAudience, nil)
	}
	if token.Subject == "" {
		return nil, refused(TokenNoSubject, nil)
	}
	p := &Person{
		Issuer: token.Issuer, Subject: token.Subject, Tenant: str("tid"), Expires: token.Expiry,
		Name: str("name"),
	}
	if c.cfg.Tenant != "" && !strings.EqualFold(p.Tenant, c.cfg.Tenant) {
		return nil, refused(TokenTenant, nil)
	}
	if p.Name == "" {
		p.Name = strings.TrimSpace(str("given_name") + " " + str("family_name"))
	}
	for _, name := range c.cfg.EmailClaims {
		if s := str(name); strings.Count(s, "@") == 1 && showable(s, 320) {
			if name == "email" && isFalse(claims["email_verified"]) {
				return nil, refused(TokenUnverified, nil)
			}
			p.Email = s
			break
		}
	}
	if p.Email == "" {
		return nil, refused(TokenNoEmail, nil)
	}
	return p, nil
}

// isFalse reads a boolean that some servers write as a string.
func isFalse(b json.RawMessage) bool {
	return strings.EqualFold(strings.Trim(string(b), `"`), "false")
}
