// Package scim is the server side of SCIM 2.0 (RFC 7643, RFC 7644) for users,
// as far as cloud directories drive it: what a filter and a PATCH mean for a
// document, and the HTTP forms. It accepts the shapes that Microsoft Entra
// sends in both of its modes, among them capitalised operations, "False" as a
// string, dotted keys and attributes prefixed by their schema.
//
// Where the documents are kept and what a user is good for is the caller's,
// behind [Users].
package scim

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Schemas of the messages and resources.
const (
	UserSchema       = "urn:ietf:params:scim:schemas:core:2.0:User"
	EnterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	listSchema       = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	errorSchema      = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// Error is a refusal as SCIM tells it. Every error of this package is one.
type Error struct {
	Status int    // HTTP status
	Type   string // scimType of RFC 7644 §3.12; "" where none fits
	Detail string
}

// Error returns the detail.
func (e *Error) Error() string { return "scim: " + e.Detail }

// Errors that [Users] returns.
var (
	ErrNotFound  = &Error{Status: http.StatusNotFound, Detail: "no such user"}
	ErrDuplicate = &Error{Status: http.StatusConflict, Type: "uniqueness", Detail: "userName is taken"}
)

func invalid(kind, format string, a ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Type: kind, Detail: fmt.Sprintf(format, a...)}
}

// asError makes an [Error] of any error.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Status: http.StatusInternalServerError, Detail: "the directory could not be stored"}
}

// User is one user as a document. Values stay as they were sent, except that
// active becomes a boolean. Attribute names count in any case.
type User map[string]any

// ID is the identifier that the server gave.
func (u User) ID() string { return u.text("id") }

// UserName is the name by which users differ; in any case.
func (u User) UserName() string { return u.text("userName") }

// Active reports whether the user may sign in; true unless the document says no.
func (u User) Active() bool {
	b, ok := u[key(u, "active")].(bool)
	return b || !ok
}

// Get returns the texts at a path such as displayName, name.givenName,
// emails[type eq "work"].value, or an attribute of the enterprise extension by
// its full name. A path that cannot be read finds nothing.
func (u User) Get(path string) []string {
	p, err := parsePath(path)
	if err != nil {
		return nil
	}
	var out []string
	for _, v := range p.values(u) {
		if s, ok := v.(string); ok && s != "" {
			out = append(out, s)
		}
	}
	return out
}

func (u User) text(name string) string {
	s, _ := u[key(u, name)].(string)
	return s
}

// check refuses a document that is no user, and makes booleans of the strings
// that stand for them.
func (u User) check() error {
	seen := map[string]bool{}
	for k := range u {
		if seen[strings.ToLower(k)] {
			return invalid("invalidSyntax", "an attribute stands there twice")
		}
		seen[strings.ToLower(k)] = true
	}
	if strings.TrimSpace(u.UserName()) == "" {
		return invalid("invalidValue", "userName is missing")
	}
	if len(u.UserName()) > 256 {
		return invalid("invalidValue", "userName is longer than 256 bytes")
	}
	k := key(u, "active")
	if v, ok := u[k]; ok {
		b, err := boolean(v)
		if err != nil {
			return err
		}
		u[k] = b
	}
	return nil
}

// boolean reads true and false, as strings too.
func boolean(v any) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case string:
		switch strings.ToLower(v) {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
	}
	return false, invalid("invalidValue", "want true or false")
}

// key returns the name by which m has the attribute, or name.
func key(m map[string]any, name string) string {
	if _, ok := m[name]; ok {
		return name
	}
	for k := range m {
		if strings.EqualFold(k, name) {
			return k
		}
	}
	return name
}

// object returns v as an attribute with parts.
func object(v any) (map[string]any, bool) {
	switch m := v.(type) {
	case map[string]any:
		return m, true
	case User:
		return m, true
	}
	return nil, false
}

// Clone returns a deep copy.
func (u User) Clone() User {
	c, _ := object(deep(map[string]any(u)))
	return c
}

func deep(v any) any {
	switch v := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for k, x := range v {
			c[k] = deep(x)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, x := range v {
			c[i] = deep(x)
		}
		return c
	}
	return v
}
