package wstrust

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Fault is an answer that is not a token: a SOAP fault, or an HTTP status
// without one. It holds only what was recognised, never the server's words.
type Fault struct { //nolint:errname // the protocol calls it a fault
	Verdict Verdict
	// Status is the HTTP status; 0 where only a document was read. AD FS sends
	// faults with 500, some servers with 200.
	Status int
	// Subcode is the local name of the fault's subcode that decided, or of the
	// outermost; "" without one. Namespace is its namespace.
	Subcode   string
	Namespace string
	// Code is the message number in front of the reason, as "ID3242" or
	// "MSIS7068"; "" without one.
	Code string
	// PasswordURL is where an expired password can be changed; "" or https.
	PasswordURL string
	// RetryAfter is what the server asked to wait, at most a day.
	RetryAfter time.Duration
}

// Error implements error.
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString("fault " + string(f.Verdict))
	if f.Status != 0 {
		fmt.Fprintf(&b, ", HTTP %d", f.Status)
	}
	for _, s := range []string{f.Subcode, f.Code} {
		if s != "" {
			b.WriteString(", " + s)
		}
	}
	return b.String()
}

var (
	number = regexp.MustCompile(`^\s*((?:ID|MSIS)[0-9]{3,5}):`)
	plain  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,63}$`)
)

// DecodeFault reads a SOAP 1.2 fault. The verdict comes from the subcode's
// local name and the number before the reason, since prefixes are arbitrary and
// the sentence may be in any language. The error wraps [ErrWire].
func DecodeFault(data []byte) (*Fault, error) {
	root, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("fault: %w", err)
	}
	f := faultIn(root)
	if f == nil {
		return nil, wire("fault: none in it")
	}
	return f, nil
}

// faultIn returns the fault an envelope carries, or nil.
func faultIn(root *element) *Fault {
	if !root.is(nsSOAP, "Envelope") {
		return nil
	}
	fault := root.child(nsSOAP, "Body").child(nsSOAP, "Fault")
	if fault == nil {
		return nil
	}
	f := &Fault{}
	for _, text := range fault.child(nsSOAP, "Reason").all(nsSOAP, "Text") {
		if m := number.FindSubmatch(text.text); m != nil {
			f.Code = string(m[1])
			break
		}
	}
	for sub := fault.child(nsSOAP, "Code").child(nsSOAP, "Subcode"); sub != nil; sub = sub.child(nsSOAP, "Subcode") {
		value := sub.child(nsSOAP, "Value")
		if value == nil {
			continue
		}
		prefix, name, ok := strings.Cut(value.value(), ":")
		if !ok {
			prefix, name = "", prefix
		}
		v := subcodes[name]
		if f.Subcode == "" && plain.MatchString(name) || v != "" {
			f.Subcode = name
			f.Namespace, _ = value.resolve(prefix)
			f.Verdict = v
		}
	}
	if f.Namespace == undeclared || len(f.Namespace) > 200 {
		f.Namespace = ""
	}
	// A number says more than FailedAuthentication or RequestFailed; it may also
	// stand alone.
	if v := numbers[f.Code]; v != "" && (f.Verdict == "" || f.Verdict == VerdictBadCredentials || f.Verdict == VerdictConfig) {
		f.Verdict = v
	}
	if f.Verdict == "" {
		f.Verdict = VerdictService
	}
	if f.Verdict == VerdictPasswordExpired {
		f.PasswordURL = passwordURL(fault)
	}
	return f
}

// subcodes is the table of what servers say: WS-Trust 1.3 §11, WS-Security 1.0
// §12, WS-Addressing, and what AD FS adds.
var subcodes = map[string]Verdict{
	"FailedAuthentication":                 VerdictBadCredentials,
	"FailedAuthentication.ExpiredPassword": VerdictPasswordExpired,

	"InvalidScope": VerdictUnknownRelyingParty,

	"RequestFailed":             VerdictConfig,
	"InvalidRequest":            VerdictConfig,
	"BadRequest":                VerdictConfig,
	"AuthenticationBadElements": VerdictConfig,
	"ActionNotSupported":        VerdictConfig,
	"DestinationUnreachable":    VerdictConfig,

	"InvalidSecurity":  VerdictClock,
	"ExpiredData":      VerdictClock,
	"InvalidTimeRange": VerdictClock,
	"MessageExpired":   VerdictClock,

	"InvalidSecurityToken":     VerdictService,
	"FailedCheck":              VerdictService,
	"SecurityTokenUnavailable": VerdictService,
	"InternalServiceFault":     VerdictService,
	"Unknown":                  VerdictService,
	"RenewNeeded":              VerdictService,
	"UnableToRenew":            VerdictService,

	"UnsupportedSecurityToken": VerdictUnsupported,
	"UnsupportedAlgorithm":     VerdictUnsupported,
}

// numbers are the message numbers of AD FS that decide.
var numbers = map[string]Verdict{
	"ID3242":   VerdictBadCredentials,
	"ID3082":   VerdictUnknownRelyingParty,
	"MSIS3125": VerdictPasswordExpired,
	"MSIS3126": VerdictPolicyDenied,
	"MSIS3127": VerdictConfig,
	"MSIS7068": VerdictPolicyDenied,
}

// passwordURL returns the address for changing the password if it is https.
func passwordURL(fault *element) string {
	detail := fault.child(nsSOAP, "Detail").child(nsIdentity, "UserAccountPasswordExpiredFault")
	s := detail.child(nsIdentity, "PasswordChangeEndpoint").value()
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || !ascii(s) || len(s) > 1024 {
		return ""
	}
	return s
}

// statusFault judges an answer without a SOAP body. The error is [ErrRedirect]
// for a redirect.
func statusFault(status int, h http.Header, now time.Time) error {
	f := &Fault{Status: status, RetryAfter: retryAfter(h, now)}
	switch {
	case status >= 300 && status < 400:
		return fmt.Errorf("HTTP %d: %w", status, ErrRedirect)
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && h.Get("Retry-After") != "":
		f.Verdict = VerdictBusy
	case status == http.StatusServiceUnavailable, status == http.StatusNotFound, status == http.StatusGone:
		// HTTP.sys answers 503 for a path that nobody registered.
		f.Verdict = VerdictEndpointDisabled
	case status >= 500:
		f.Verdict = VerdictService
	case status >= 400:
		f.Verdict = VerdictConfig
	default:
		return wire("HTTP %d without a SOAP answer", status)
	}
	return f
}

// retryAfter reads the header in seconds or as a date, between 0 and a day.
func retryAfter(h http.Header, now time.Time) time.Duration {
	const day = 24 * 60 * 60
	if n, err := strconv.ParseInt(h.Get("Retry-After"), 10, 64); err == nil {
		return time.Duration(min(max(n, 0), day)) * time.Second
	}
	t, err := http.ParseTime(h.Get("Retry-After"))
	if err != nil {
		return 0
	}
	return min(max(t.Sub(now), 0), day*time.Second)
}
