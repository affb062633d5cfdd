package idp

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// issue answers with an ID token, spoiled if a knob says so.
func (p *OIDC) issue(w http.ResponseWriter, client string, u User, scope, nonce string) {
	raw, err := p.idToken(client, u, nonce, p.knobs.Token)
	if err != nil {
		p.o.Log.Error("no ID token", "shape", p.o.Shape, "err", err)
		http.Error(w, "the token could not be made", http.StatusInternalServerError)
		return
	}
	doc := map[string]any{"token_type": "Bearer", "scope": scope, "expires_in": p.number(time.Hour), "access_token": token(24), "id_token": raw}
	if p.knobs.Token == LieMissing {
		delete(doc, "id_token")
	}
	if p.knobs.RefreshToken || strings.Contains(scope, "offline_access") {
		doc["refresh_token"] = token(24)
	}
	answer(w, http.StatusOK, doc)
}

func (p *OIDC) idToken(client string, u User, nonce string, lie TokenLie) (string, error) {
	now := p.o.Now()
	claims := map[string]any{
		"iss": p.s.issuer, "aud": client, "sub": "sub-" + u.Name, "iat": now.Unix(), "nbf": now.Unix(),
		"exp": now.Add(time.Hour).Unix(), "name": u.Display,
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	if u.Email != "" {
		claims["email"] = u.Email
	}
	switch p.o.Shape {
	case Entra:
		claims["tid"], claims["oid"], claims["preferred_username"], claims["ver"] = tenant, token(16), u.UPN, "2.0"
	case ADFS:
		claims["upn"], claims["unique_name"] = u.UPN, u.Name
	case Okta:
		claims["email_verified"], claims["preferred_username"], claims["amr"] = true, u.UPN, []string{"pwd"}
	}
	switch lie {
	case LieIssuer:
		claims["iss"] = "https://login.evil.example/v2.0"
	case LieAudience:
		claims["aud"] = "another-application"
	case LieTwo:
		claims["aud"] = []string{client, "another-application"}
	case LieExpired:
		claims["exp"], claims["nbf"] = now.Add(-time.Hour).Unix(), now.Add(-2*time.Hour).Unix()
	case LieFuture:
		claims["nbf"] = now.Add(time.Hour).Unix()
	case LieUnchecked:
		claims["email_verified"] = "false"
	case LieTenant:
		claims["tid"] = "00000000-0000-0000-0000-000000000000"
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("claims: %w", err)
	}
	k := p.keys[len(p.keys)-1]
	signing := jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: k.private, KeyID: k.id}}
	switch lie {
	case LieNone:
		b64 := base64.RawURLEncoding
		return b64.EncodeToString([]byte(`{"alg":"none","kid":"`+k.id+`"}`)) + "." + b64.EncodeToString(payload) + ".", nil
	case LieHMAC:
		signing = jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: k.cert.RawSubjectPublicKeyInfo, KeyID: k.id}}
	case LieKey:
		other, err := newKey("Attacker", now)
		if err != nil {
			return "", err
		}
		signing.Key = jose.JSONWebKey{Key: other.private, KeyID: k.id}
	}
	signer, err := jose.NewSigner(signing, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("signer: %w", err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil || lie != LieTampered {
		return raw, err
	}
	parts := strings.Split(raw, ".")
	changed := strings.Replace(string(payload), `"sub":"sub-`, `"sub":"not-`, 1)
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(changed)) + "." + parts[2], nil
}
