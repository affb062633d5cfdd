package ldap

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/go-ldap/ldap/v3"

	"github.com/platen-fax/platen/agent/directory"
)

// Verdict is why an account was not let in.
type Verdict string

// The verdicts. All but BadPassword and NoSuchUser can mean that the password
// was right, so none of them may be shown to the person who typed it.
const (
	BadPassword     Verdict = "bad password"
	NoSuchUser      Verdict = "no such account"
	Hours           Verdict = "not at this hour"
	Workstation     Verdict = "not from this machine"
	PasswordExpired Verdict = "password expired"
	AccountDisabled Verdict = "account disabled"
	AccountExpired  Verdict = "account expired"
	MustChange      Verdict = "password must be changed"
	Locked          Verdict = "account locked"
	Refused         Verdict = "refused" // without a reason that we know
)

// verdicts is Active Directory's table of the codes behind "data".
var verdicts = map[string]Verdict{
	"525": NoSuchUser, "52e": BadPassword, "530": Hours, "531": Workstation, "532": PasswordExpired,
	"533": AccountDisabled, "701": AccountExpired, "773": MustChange, "775": Locked,
}

// RefusedError says that the server refused the directory account. It wraps
// [directory.ErrUnavailable]: people can do nothing about it.
type RefusedError struct {
	Code    uint16 // LDAP result code
	Verdict Verdict
}

// Error names the verdict and the code, not the account.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%v: the directory account was refused: %s (code %d)", directory.ErrUnavailable, e.Verdict, e.Code)
}

// Unwrap returns [directory.ErrUnavailable].
func (e *RefusedError) Unwrap() error { return directory.ErrUnavailable }

// The text around the code differs by version; the code does not.
var dataCode = regexp.MustCompile(`(?i)\bdata ([0-9a-f]{3,4})\b`)

// ParseDiagnostic reads the verdict out of the diagnostic message of a refused
// bind (result code 49). Servers other than Active Directory tell no reason.
func ParseDiagnostic(message string) Verdict {
	if len(message) > 4096 {
		message = message[:4096]
	}
	m := dataCode.FindStringSubmatch(message)
	if m == nil {
		return Refused
	}
	if v, ok := verdicts[directory.Fold(m[1])]; ok {
		return v
	}
	return Refused
}

// bindError says what a failed bind means.
func bindError(err error) error {
	var le *ldap.Error
	if !errors.As(err, &le) {
		return fmt.Errorf("%w: bind: %w", directory.ErrUnavailable, err)
	}
	switch le.ResultCode {
	case ldap.LDAPResultInvalidCredentials:
		return &RefusedError{Code: le.ResultCode, Verdict: ParseDiagnostic(le.Error())}
	case ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultInappropriateAuthentication,
		ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultInsufficientAccessRights:
		return &RefusedError{Code: le.ResultCode, Verdict: Refused}
	}
	return fmt.Errorf("%w: bind: %w", directory.ErrUnavailable, err)
}
