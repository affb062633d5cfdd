package xmcloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Errors to branch on; each is returned wrapped.
var (
	// ErrWire says that the other side's bytes are not of this contract.
	ErrWire = errors.New("not a form of the contract")
	// ErrTooLarge says that an answer or request passed its bound.
	ErrTooLarge = errors.New("larger than the bound")
	// ErrNotSent says that a request which must not be repeated provably did not
	// reach the service whole.
	ErrNotSent = errors.New("request was not sent whole")
	// ErrForeignHost says that discovery named a host nobody configured.
	ErrForeignHost = errors.New("discovered host is not among the configured ones")
)

// Code is the service's word for a refusal. Unknown ones are passed through.
type Code string

// Codes of sign-in.
const (
	BadCredentials         Code = "bad_credentials" // also for a user nobody knows
	Locked                 Code = "locked"          // with RetryAfter
	OTPRequired            Code = "otp_required"
	OTPInvalid             Code = "otp_invalid"
	OTPSetupRequired       Code = "otp_setup_required"
	PasswordExpired        Code = "password_expired"
	MustChange             Code = "must_change"
	PasswordDisabled       Code = "password_disabled"
	NotActivated           Code = "not_activated"
	EmailRequired          Code = "email_required"
	SSOInteractiveRequired Code = "sso_interactive_required"
	AccountUnknown         Code = "account_unknown"
	STSNotAllowed          Code = "sts_not_allowed"
	STSUnreachable         Code = "sts_unreachable"
	RateLimited            Code = "rate_limited"
)

// Codes of assertions (error_code beside invalid_grant) and of users.
const (
	BadSignature    Code = "bad_signature"
	UnknownIssuer   Code = "unknown_issuer"
	WrongAudience   Code = "wrong_audience"
	WrongRecipient  Code = "wrong_recipient"
	AssertionOld    Code = "expired"
	NotYetValid     Code = "not_yet_valid"
	Replayed        Code = "replayed"
	NoEmail         Code = "no_email"
	BadAssertion    Code = "bad_assertion"
	CertificateOld  Code = "certificate_expired"
	UserUnknown     Code = "user_unknown"
	UserInactive    Code = "user_inactive"
	UserNotAllowed  Code = "user_not_allowed" // no right to send from devices
	SSODisabled     Code = "sso_disabled"
	ForeignTenant   Code = "foreign_tenant"
	DeviceNotListed Code = "device_not_enrolled"
)

// Codes of the OAuth endpoints (RFC 6749 §5.2, RFC 8628 §3.5).
const (
	InvalidRequest       Code = "invalid_request"
	InvalidClient        Code = "invalid_client"
	InvalidGrant         Code = "invalid_grant"
	UnsupportedGrantType Code = "unsupported_grant_type"
	AuthorizationPending Code = "authorization_pending"
	SlowDown             Code = "slow_down"
	AccessDenied         Code = "access_denied"
	ExpiredToken         Code = "expired_token"
)

// Codes of everything else.
const (
	InvalidToken      Code = "invalid_token"
	TokenExpired      Code = "token_expired"
	NotPermitted      Code = "not_permitted"
	TicketInvalid     Code = "ticket_invalid" // unknown, or bound to something else
	TicketExpired     Code = "ticket_expired"
	TicketUsed        Code = "ticket_used"
	BadRequest        Code = "bad_request"
	BadNumber         Code = "bad_number"
	ForeignNumber     Code = "foreign_number"
	BadDocument       Code = "bad_document"
	TooLarge          Code = "too_large"
	WrongOffset       Code = "wrong_offset" // with Offset
	Incomplete        Code = "document_incomplete"
	ReferenceConflict Code = "reference_conflict"
	NotFound          Code = "not_found"
	TooLate           Code = "too_late"
	NoCredit          Code = "insufficient_credit"
)

// Error is a refusal by the service, or a transport failure when Status is 0.
type Error struct {
	// Op is host, discover, user_token, token, device, end, ticket, account,
	// create, upload, commit, status, search or cancel.
	Op string
	// Status is the HTTP status of the answer. A refusal may come with 200.
	Status int
	// Code is the service's word: error_code where there is one, else code, else
	// the OAuth error. It may be empty.
	Code Code
	// Message is for people and may quote what they typed: not for logs.
	Message string
	// RetryAfter is the wait the service asked for, 0 when it did not.
	RetryAfter time.Duration
	// Offset is what the service holds of a document, for WrongOffset.
	Offset int64
	// DeviceAuthorization is where to begin a sign-in by phone, for
	// SSOInteractiveRequired; may be empty.
	DeviceAuthorization string
	// Err is the cause when there was no answer or it could not be read.
	Err error
}

// Error names the operation and the refusal without the service's message.
func (e *Error) Error() string {
	switch {
	case e.Status == 0:
		return fmt.Sprintf("xmcloud %s: %v", e.Op, e.Err)
	case e.Err != nil:
		return fmt.Sprintf("xmcloud %s: answer %d: %v", e.Op, e.Status, e.Err)
	case e.Code != "":
		return fmt.Sprintf("xmcloud %s: refused with %d %.40q", e.Op, e.Status, e.Code)
	}
	return fmt.Sprintf("xmcloud %s: refused with %d", e.Op, e.Status)
}

// Unwrap returns the cause, nil for a plain refusal.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the service's word of an error of this package, or "".
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Refusal is the body of a refusal, in the envelope or in OAuth form.
type Refusal struct {
	// Result is false in the envelope and absent in OAuth form.
	Result  *bool  `json:"result,omitempty"`
	Code    Code   `json:"code,omitempty"`
	Message string `json:"message,omitempty"`

	OAuth       Code   `json:"error,omitempty"`
	Description string `json:"error_description,omitempty"`
	ErrorCode   Code   `json:"error_code,omitempty"`

	RetryAfter          int64  `json:"retry_after,omitempty"` // seconds
	Offset              *int64 `json:"offset,omitempty"`
	DeviceAuthorization string `json:"device_authorization_endpoint,omitempty"`
}

// fail makes the error of an answer. body may be anything: gateways before the
// service answer with pages of their own.
func fail(op string, status int, h http.Header, body []byte) *Error {
	e := &Error{Op: op, Status: status, RetryAfter: retryAfter(h)}
	var r Refusal
	if json.Unmarshal(body, &r) != nil {
		return e
	}
	for _, c := range []Code{r.ErrorCode, r.Code, r.OAuth} {
		if c != "" {
			e.Code = c
			break
		}
	}
	e.Message, e.DeviceAuthorization = r.Message, r.DeviceAuthorization
	if e.Message == "" {
		e.Message = r.Description
	}
	if r.RetryAfter > 0 {
		e.RetryAfter = seconds(r.RetryAfter)
	}
	if r.Offset != nil && *r.Offset >= 0 {
		e.Offset = *r.Offset
	}
	return e
}

// maxWait keeps a mistaken number from parking an account for ever.
const maxWait = 24 * time.Hour

func seconds(n int64) time.Duration {
	switch {
	case n <= 0:
		return 0
	case n >= int64(maxWait/time.Second):
		return maxWait
	}
	return time.Duration(n) * time.Second
}

// retryAfter reads a Retry-After header in seconds; this contract uses no dates.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.ParseInt(h.Get("Retry-After"), 10, 64)
	if err != nil {
		return 0
	}
	return seconds(n)
}
