package faxcloud

import "slices"

// Token is a personal access token of an account.
type Token struct {
	Value string `json:"value"`
	User  string `json:"user"`
	// Scopes as the reference names them, such as fax:fax:edit. A scope over all
	// kinds (fax:all:edit) grants its kind of access to each; edit does not
	// include read.
	Scopes  []string `json:"scopes"`
	Revoked bool     `json:"revoked"`
}

// Scopes of the Fax.Plus side. Those of files, faxes and all are documented;
// that reading the account wants one of its own is assumed.
const (
	ScopeAllRead  = "fax:all:read"
	ScopeAllEdit  = "fax:all:edit"
	ScopeFaxRead  = "fax:fax:read"
	ScopeFaxEdit  = "fax:fax:edit"
	ScopeFileEdit = "fax:file:edit"
	ScopeUserRead = "fax:user:read"
)

// AddToken makes a token good, or replaces one.
func (c *Cloud) AddToken(t Token) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens[t.Value] = &t
}

// RevokeToken makes a token bad; it reports whether there was one.
func (c *Cloud) RevokeToken(value string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tokens[value]
	if t != nil {
		t.Revoked = true
	}
	return t != nil
}

// token returns the account of a good token.
func (c *Cloud) token(value string) (Token, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tokens[value]
	if t == nil || t.Revoked {
		return Token{}, false
	}
	return *t, true
}

// may reports whether the token has the scope, or the one of the same access to
// everything.
func (t Token) may(scope, all string) bool {
	return slices.Contains(t.Scopes, scope) || slices.Contains(t.Scopes, all)
}
