package faxplus

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
	// ErrWire says that the other side's bytes are not of a known form.
	ErrWire = errors.New("not a known form of the service")
	// ErrTooLarge says that an answer or request passed its bound.
	ErrTooLarge = errors.New("larger than the bound")
	// ErrNotSent says that a committing request provably did not reach the
	// service whole: no connection, or its body was not fully written.
	ErrNotSent = errors.New("request was not sent whole")
	// ErrTruncated says that a list could not be read completely, so that the
	// absence of a fax in it proves nothing.
	ErrTruncated = errors.New("list is incomplete")
)

// Error is a refusal by the service, or a transport failure when Code is 0.
type Error struct {
	// Op is upload, send, outbox, history, fax, delete or account.
	Op string
	// Code is the HTTP status of the refusal, 0 when there was no answer.
	Code int
	// Title and Description are the service's own words; both may be empty. They
	// may quote a number: not for logs at the usual level.
	Title, Description string
	// RetryAfter is the wait the service asked for, 0 when it did not.
	RetryAfter time.Duration
	// Err is the cause when there was no answer or it could not be read.
	Err error
}

// Error names the operation and the refusal without the service's words.
func (e *Error) Error() string {
	switch {
	case e.Code == 0:
		return fmt.Sprintf("faxplus %s: %v", e.Op, e.Err)
	case e.Err != nil:
		return fmt.Sprintf("faxplus %s: answer %d: %v", e.Op, e.Code, e.Err)
	}
	return fmt.Sprintf("faxplus %s: refused with %d", e.Op, e.Code)
}

// Unwrap returns the cause, nil for a plain refusal.
func (e *Error) Unwrap() error { return e.Err }

// refusal makes the error of an answer that is not the expected one. body may
// be anything: gateways before the service answer with pages of their own.
func refusal(op string, code int, h http.Header, body []byte) *Error {
	e := &Error{Op: op, Code: code, RetryAfter: ParseRetryAfter(h)}
	var b ErrorBody
	if json.Unmarshal(body, &b) == nil {
		e.Title, e.Description = b.Title, b.Description
	}
	return e
}

// maxRetryAfter keeps a mistaken header from parking an account for ever.
const maxRetryAfter = 24 * time.Hour

// ParseRetryAfter reads a Retry-After header (RFC 9110 §10.2.3): seconds, or a
// date that is compared with the Date header of the same answer. It returns 0
// when the header is absent, unreadable or in the past, and at most 24 h.
func ParseRetryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		switch {
		case n <= 0:
			return 0
		case n >= int64(maxRetryAfter/time.Second):
			return maxRetryAfter
		}
		return time.Duration(n) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return max(0, min(at.Sub(now), maxRetryAfter))
}
