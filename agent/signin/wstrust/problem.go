package wstrust

import (
	"errors"
	"strconv"

	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/protocols/wstrust"
)

// problems says what a verdict means at a panel. A relying party or a kind of
// request that the farm does not know are IT's to mend alike; the code of the
// fault tells them apart.
var problems = map[wstrust.Verdict]signin.Problem{
	wstrust.VerdictBadCredentials:      signin.BadCredentials,
	wstrust.VerdictPolicyDenied:        signin.Denied,
	wstrust.VerdictPasswordExpired:     signin.PasswordExpired,
	wstrust.VerdictUnknownRelyingParty: signin.CompanyConfig,
	wstrust.VerdictConfig:              signin.CompanyConfig,
	wstrust.VerdictUnsupported:         signin.CompanyConfig,
	wstrust.VerdictClock:               signin.Clock,
	wstrust.VerdictEndpointDisabled:    signin.CompanyOff,
	wstrust.VerdictBusy:                signin.CompanyBusy,
	wstrust.VerdictService:             signin.CompanyDown,
	wstrust.VerdictUnreachable:         signin.CompanyDown,
	wstrust.VerdictProtocol:            signin.Broken,
	wstrust.VerdictUntrusted:           signin.CompanyUntrusted,
	wstrust.VerdictInput:               signin.BadInput,
}

// refused makes the refusal of an error of the client.
func refused(err error) *signin.Refused {
	r := &signin.Refused{Problem: problems[wstrust.VerdictOf(err)], Err: err}
	if r.Problem == "" {
		r.Problem = signin.Broken
	}
	if e, ok := errors.AsType[*wstrust.Error](err); ok {
		r.Spent = e.Sent
	}
	if f, ok := errors.AsType[*wstrust.Fault](err); ok {
		r.Support, r.URL = support(f), f.PasswordURL
	}
	return r
}

// support is the farm's own code: the message number, else the fault's subcode,
// else the status of an answer without a fault.
func support(f *wstrust.Fault) string {
	switch {
	case f.Code != "":
		return f.Code
	case f.Subcode != "":
		return f.Subcode
	case f.Status != 0:
		return "HTTP" + strconv.Itoa(f.Status)
	}
	return ""
}
