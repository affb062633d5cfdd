package phone

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"

	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/protocols/deviceflow"
)

// problems says what an error of the company's provider means at a panel.
// ErrToken, ErrUnreachable and ErrRefused say more in their details.
var problems = []struct {
	err     error
	problem signin.Problem
}{
	{deviceflow.ErrDeclined, signin.Declined},
	{deviceflow.ErrExpired, signin.CodeExpired},
	{deviceflow.ErrBadCode, signin.CodeExpired}, // it forgot the code; a new one mends that
	{deviceflow.ErrBlocked, signin.Blocked},
	{deviceflow.ErrNoDeviceGrant, signin.CompanyConfig},
	{deviceflow.ErrClient, signin.CompanyConfig},
	{deviceflow.ErrIssuer, signin.CompanyConfig},
	{deviceflow.ErrHost, signin.CompanyUntrusted},
}

// tokenProblems says what a refused ID token means; [signin.Broken] otherwise.
var tokenProblems = map[deviceflow.TokenFault]signin.Problem{
	deviceflow.TokenClock:      signin.Clock,
	deviceflow.TokenTenant:     signin.ForeignTenant,
	deviceflow.TokenIssuer:     signin.ForeignTenant, // at Entra an organisation is an issuer
	deviceflow.TokenNoEmail:    signin.NoAddress,
	deviceflow.TokenUnverified: signin.NoAddress, // somebody wrote it there themselves
	deviceflow.TokenMissing:    signin.CompanyConfig,
	deviceflow.TokenAudience:   signin.CompanyConfig,
}

// refused makes the refusal of an error of the client. Its Support is the
// vendor's number, else the OAuth error. Nothing was spent: no secret was typed
// here.
func refused(err error) *signin.Refused {
	r := &signin.Refused{Problem: signin.Broken, Err: err}
	e, ok := errors.AsType[*deviceflow.Error](err)
	if !ok {
		return r
	}
	if r.Support = e.Support; r.Support == "" {
		r.Support = e.OAuth
	}
	for _, p := range problems {
		if errors.Is(err, p.err) {
			r.Problem = p.problem
			return r
		}
	}
	switch {
	case errors.Is(err, deviceflow.ErrToken):
		if p, ok := tokenProblems[e.Token]; ok {
			r.Problem = p
		}
	case errors.Is(err, deviceflow.ErrUnreachable):
		r.Problem = unreachable(e)
	case e.OAuth == "temporarily_unavailable", e.OAuth == "server_error": // RFC 6749 §4.1.2.1
		r.Problem = signin.CompanyBusy
	}
	return r
}

// unreachable tells a provider that is away from one that must not be believed
// and from an address that leads nowhere.
func unreachable(e *deviceflow.Error) signin.Problem {
	var cert *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	switch {
	case errors.As(e, &cert), errors.As(e, &unknown), errors.As(e, &host), e.Status >= 300 && e.Status < 400:
		return signin.CompanyUntrusted
	case e.Status == http.StatusTooManyRequests, e.Status == http.StatusServiceUnavailable:
		return signin.CompanyBusy
	case e.Status >= 400 && e.Status < 500:
		return signin.CompanyConfig
	}
	return signin.CompanyDown
}
