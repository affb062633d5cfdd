package deviceflow

import (
	"errors"
	"fmt"
	"strings"
)

// Errors to branch on; each is wrapped by an [*Error].
var (
	// ErrNoDeviceGrant says that the provider does not offer the device grant.
	ErrNoDeviceGrant = errors.New("the provider does not offer the device grant")
	// ErrDeclined says that the person said no.
	ErrDeclined = errors.New("the person declined")
	// ErrExpired says that the code ran out; a new one may be asked for when the
	// person wants it, never by itself.
	ErrExpired = errors.New("the code ran out")
	// ErrBadCode says that the provider does not know the device code.
	ErrBadCode = errors.New("the provider does not know the code")
	// ErrBlocked says that the provider refused the grant after the person had
	// acted: as a rule a policy that forbids the device grant here.
	ErrBlocked = errors.New("the provider's policy refused")
	// ErrClient says that the application is not registered for this.
	ErrClient = errors.New("the application is not allowed to ask")
	// ErrRefused is any other refusal.
	ErrRefused = errors.New("the provider refused")
	// ErrUnreachable says that no usable answer came.
	ErrUnreachable = errors.New("the provider cannot be reached")
	// ErrWire says that an answer is not of the known form.
	ErrWire = errors.New("not a known form of answer")
	// ErrTooLarge says that an answer passed its bound.
	ErrTooLarge = errors.New("larger than the bound")
	// ErrHost says that an address is not https or not on an allowed host.
	ErrHost = errors.New("not an allowed https host")
	// ErrIssuer says that the discovery document is of another issuer.
	ErrIssuer = errors.New("another issuer")
	// ErrToken says that the ID token was not accepted; [Error.Token] says why.
	ErrToken = errors.New("the ID token is not accepted")
)

// TokenFault names why an ID token was not accepted.
type TokenFault string

// The faults.
const (
	TokenMissing     TokenFault = "missing"
	TokenMalformed   TokenFault = "malformed"
	TokenAlgorithm   TokenFault = "algorithm" // outside of the allow-list, none and HMAC above all
	TokenSignature   TokenFault = "signature"
	TokenIssuer      TokenFault = "issuer"
	TokenAudience    TokenFault = "audience"
	TokenExpired     TokenFault = "expired"
	TokenNotYetValid TokenFault = "not_yet_valid"
	TokenTenant      TokenFault = "tenant"
	TokenNoEmail     TokenFault = "no_email"
	TokenUnverified  TokenFault = "email_unverified" // the provider says it never checked the address
	TokenNoSubject   TokenFault = "no_subject"
	// TokenClock is expired or not yet valid while the provider's own clock
	// would accept it: the clock of this device is wrong.
	TokenClock TokenFault = "clock"
)

// Error is a failure of one step.
type Error struct {
	// Op is discover, authorize, poll, keys or verify.
	Op string
	// Status is the HTTP status, 0 when there was no answer.
	Status int
	// OAuth is the error code of RFC 6749 or 8628, only if it has their form.
	OAuth string
	// Support is a vendor's number such as AADSTS53003, for an administrator.
	Support string
	// Token says why an ID token was refused, with [ErrToken].
	Token TokenFault
	// Err is one of the errors above, or wraps one.
	Err error
}

// Error names the step and the failure without the provider's own words, which
// may name a person.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "device grant %s: %v", e.Op, e.Err)
	for _, s := range []string{string(e.Token), e.OAuth, e.Support} {
		if s != "" {
			b.WriteString(" (" + s + ")")
		}
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, " [%d]", e.Status)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// errorOf maps the error codes. Descriptions and numbers are never looked at for
// a decision: providers document that they change.
func errorOf(code string) error {
	switch code {
	case "access_denied", "authorization_declined":
		return ErrDeclined
	case "expired_token", "code_expired":
		return ErrExpired
	case "bad_verification_code":
		return ErrBadCode
	case "invalid_grant", "interaction_required", "consent_required":
		return ErrBlocked
	case "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_request", "invalid_resource":
		return ErrClient
	}
	return ErrRefused
}
