package wstrust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
)

// Sentinels; callers use errors.Is. None of the errors of this package quotes
// what a server sent, a user name or a password.
var (
	// ErrWire says that a document is not what the protocol allows.
	ErrWire = errors.New("not as the protocol says")
	// ErrTooLarge says that an answer is over its limit.
	ErrTooLarge = errors.New("answer is too large")
	// ErrNotHTTPS says that an address is not https.
	ErrNotHTTPS = errors.New("address is not https")
	// ErrHost says that an address names a host that is not allowed.
	ErrHost = errors.New("host is not allowed")
	// ErrRedirect says that a server wanted to send us elsewhere.
	ErrRedirect = errors.New("server redirects")
	// ErrNoEndpoint says that a metadata document offers no endpoint that takes
	// a password and that may be used. It also wraps [ErrNotHTTPS] or [ErrHost]
	// where that is the reason.
	ErrNoEndpoint = errors.New("no usable password endpoint")
	// ErrClock says that this machine's clock and the server's differ by more
	// than [MaxSkew].
	ErrClock = errors.New("clocks differ too much")
	// ErrEncrypted says that the token is encrypted for somebody else.
	ErrEncrypted = errors.New("token is encrypted")
	// ErrInput says that what was typed cannot be sent: empty, over 1024 bytes,
	// or with characters that XML 1.0 does not know.
	ErrInput = errors.New("input cannot be sent")
)

// Error is what the methods of [Client] return.
type Error struct {
	Op string // "discover", "issue", "metadata"
	// Sent says that the password may have reached the server. While it is
	// false no attempt can have been counted anywhere.
	Sent bool
	Err  error
}

// Error implements error.
func (e *Error) Error() string { return "wstrust " + e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Verdict is what a failure means to the person and to the administrator.
type Verdict string

// The verdicts. Those of a server's answer come with a [*Fault].
const (
	// VerdictBadCredentials: wrong name or password, or a locked account, which
	// AD FS does not tell apart.
	VerdictBadCredentials Verdict = "bad_credentials"
	// VerdictPolicyDenied: the person was recognised and is not allowed, or a
	// second factor would be needed.
	VerdictPolicyDenied Verdict = "policy_denied"
	// VerdictPasswordExpired: the password was right and must be changed first.
	VerdictPasswordExpired Verdict = "password_expired"
	// VerdictUnknownRelyingParty: the server does not know the service the
	// token is for.
	VerdictUnknownRelyingParty Verdict = "rp_unknown"
	// VerdictConfig: the set-up is wrong in another way.
	VerdictConfig Verdict = "config_error"
	// VerdictClock: clocks differ, or the server says so.
	VerdictClock Verdict = "clock_skew"
	// VerdictEndpointDisabled: the server does not serve the endpoint (here).
	VerdictEndpointDisabled Verdict = "endpoint_disabled"
	// VerdictBusy: the server asks to come later; nothing was checked.
	VerdictBusy Verdict = "busy"
	// VerdictService: the server failed inside.
	VerdictService Verdict = "service_error"
	// VerdictUnsupported: the server does not take this kind of request.
	VerdictUnsupported Verdict = "unsupported"
	// VerdictProtocol: the answer makes no sense.
	VerdictProtocol Verdict = "protocol_error"
	// VerdictUntrusted: refused by us; no https, host not allowed, redirect or
	// certificate.
	VerdictUntrusted Verdict = "untrusted"
	// VerdictInput: refused by us; see [ErrInput].
	VerdictInput Verdict = "input"
	// VerdictUnreachable: no answer.
	VerdictUnreachable Verdict = "unreachable"
)

// VerdictOf returns what an error of this package means; "" for nil.
func VerdictOf(err error) Verdict {
	var fault *Fault
	var cert *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &fault):
		return fault.Verdict
	case errors.Is(err, ErrNotHTTPS), errors.Is(err, ErrHost), errors.Is(err, ErrRedirect),
		errors.As(err, &cert), errors.As(err, &unknown), errors.As(err, &host):
		return VerdictUntrusted
	case errors.Is(err, ErrClock):
		return VerdictClock
	case errors.Is(err, ErrInput):
		return VerdictInput
	case errors.Is(err, ErrNoEndpoint), errors.Is(err, ErrEncrypted):
		return VerdictConfig
	case errors.Is(err, ErrWire), errors.Is(err, ErrTooLarge):
		return VerdictProtocol
	}
	return VerdictUnreachable
}

// broken is a failed exchange. Its text is ours: net/http quotes malformed
// answers, and an answer may repeat what was sent.
type broken struct{ err error }

// Error implements error.
func (b *broken) Error() string {
	var cert *tls.CertificateVerificationError
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(b.err, context.Canceled):
		return "cancelled"
	case errors.Is(b.err, context.DeadlineExceeded), errors.Is(b.err, os.ErrDeadlineExceeded):
		return "no answer in time"
	case errors.As(b.err, &cert):
		return "certificate is not trusted: " + cert.Err.Error()
	case errors.As(b.err, &dns):
		return "host name does not resolve"
	case errors.As(b.err, &op):
		return "connection failed: " + op.Error()
	case errors.Is(b.err, io.EOF), errors.Is(b.err, io.ErrUnexpectedEOF):
		return "connection ended early"
	}
	return "exchange failed"
}

// Unwrap returns the cause, whose text must not be logged.
func (b *broken) Unwrap() error { return b.err }

// wire makes an error that wraps [ErrWire].
func wire(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, ErrWire)...)
}
