package xmcloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"

	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/protocols/xmcloud"
)

// Operations whose refusals mean something of their own.
const (
	opHost     = "host"
	opDiscover = "discover"
	opLogin    = "user_token"
	opTicket   = "ticket"
)

// meaning is what a word of the service is at a panel.
type meaning struct {
	problem signin.Problem
	// spared says that the service did not count an attempt with a password: the
	// password was not looked at, or it was right and more is asked.
	spared bool
	// portal says that the person can mend it on the service's pages.
	portal bool
}

// meanings has every word of the contract. Which of them the service tells only to
// somebody who knows the password is its own affair, and laid down there.
var meanings = map[xmcloud.Code]meaning{
	xmcloud.BadCredentials:         {problem: signin.BadCredentials},
	xmcloud.Locked:                 {problem: signin.Locked},
	xmcloud.OTPRequired:            {problem: signin.CodeNeeded, spared: true},
	xmcloud.OTPInvalid:             {problem: signin.CodeWrong},
	xmcloud.OTPSetupRequired:       {problem: signin.CodeSetup, portal: true},
	xmcloud.PasswordExpired:        {problem: signin.PasswordExpired, portal: true},
	xmcloud.MustChange:             {problem: signin.MustChange, portal: true},
	xmcloud.PasswordDisabled:       {problem: signin.PasswordDisabled},
	xmcloud.NotActivated:           {problem: signin.NotActivated},
	xmcloud.EmailRequired:          {problem: signin.EmailNeeded, spared: true},
	xmcloud.SSOInteractiveRequired: {problem: signin.PhoneOnly, spared: true},
	xmcloud.AccountUnknown:         {problem: signin.ServiceConfig, spared: true},
	xmcloud.STSNotAllowed:          {problem: signin.ServiceMayNotAsk, spared: true},
	xmcloud.STSUnreachable:         {problem: signin.ServiceCannotReach},
	xmcloud.RateLimited:            {problem: signin.TooManyTries},

	// About an assertion: the company has said yes to the password.
	xmcloud.BadSignature:   {problem: signin.CompanyConfig, spared: true},
	xmcloud.UnknownIssuer:  {problem: signin.CompanyConfig, spared: true},
	xmcloud.WrongAudience:  {problem: signin.CompanyConfig, spared: true},
	xmcloud.WrongRecipient: {problem: signin.CompanyConfig, spared: true},
	xmcloud.BadAssertion:   {problem: signin.CompanyConfig, spared: true},
	xmcloud.CertificateOld: {problem: signin.CompanyConfig, spared: true},
	xmcloud.SSODisabled:    {problem: signin.CompanyConfig, spared: true},
	xmcloud.NoEmail:        {problem: signin.NoAddress, spared: true},
	// Assertions go on as soon as they are issued, so none is old.
	xmcloud.AssertionOld: {problem: signin.Clock, spared: true},
	xmcloud.NotYetValid:  {problem: signin.Clock, spared: true},
	xmcloud.Replayed:     {problem: signin.Broken, spared: true},

	xmcloud.UserUnknown:     {problem: signin.PersonUnknown},
	xmcloud.UserInactive:    {problem: signin.PersonDisabled},
	xmcloud.UserNotAllowed:  {problem: signin.NotAllowed},
	xmcloud.ForeignTenant:   {problem: signin.ForeignTenant},
	xmcloud.DeviceNotListed: {problem: signin.ServiceConfig, spared: true},

	xmcloud.InvalidRequest:       {problem: signin.Broken},
	xmcloud.InvalidClient:        {problem: signin.ServiceConfig, spared: true},
	xmcloud.InvalidGrant:         {problem: signin.CompanyConfig},
	xmcloud.UnsupportedGrantType: {problem: signin.ServiceConfig},
	xmcloud.AuthorizationPending: {problem: signin.Broken}, // where nobody polls
	xmcloud.SlowDown:             {problem: signin.Broken},
	xmcloud.AccessDenied:         {problem: signin.Declined},
	xmcloud.ExpiredToken:         {problem: signin.CodeExpired},

	xmcloud.InvalidToken:  {problem: signin.SignInAgain},
	xmcloud.TokenExpired:  {problem: signin.SignInAgain},
	xmcloud.TicketInvalid: {problem: signin.SignInAgain},
	xmcloud.TicketExpired: {problem: signin.SignInAgain},
	xmcloud.TicketUsed:    {problem: signin.SignInAgain},
	xmcloud.NotPermitted:  {problem: signin.ServiceConfig},
	xmcloud.NotFound:      {problem: signin.ServiceConfig},

	// Of faxes: no answer to anything that is asked here.
	xmcloud.BadRequest:        {problem: signin.Broken},
	xmcloud.BadNumber:         {problem: signin.Broken},
	xmcloud.ForeignNumber:     {problem: signin.Broken},
	xmcloud.BadDocument:       {problem: signin.Broken},
	xmcloud.TooLarge:          {problem: signin.Broken},
	xmcloud.WrongOffset:       {problem: signin.Broken},
	xmcloud.Incomplete:        {problem: signin.Broken},
	xmcloud.ReferenceConflict: {problem: signin.Broken},
	xmcloud.TooLate:           {problem: signin.Broken},
	xmcloud.NoCredit:          {problem: signin.Broken},
}

// refused says what a failure of the client means. err is not nil.
func (c *Cloud) refused(ctx context.Context, err error) *signin.Refused {
	r := &signin.Refused{Problem: signin.Broken, Err: quiet(err)}
	e, ok := errors.AsType[*xmcloud.Error](err)
	if !ok {
		return r
	}
	r.Spent = e.Op == opLogin
	switch {
	case errors.Is(err, xmcloud.ErrForeignHost):
		r.Problem, r.Spent = signin.ServiceConfig, false // nothing secret goes to such a host
		return r
	case e.Status == 0:
		if errors.Is(err, xmcloud.ErrNotSent) {
			r.Spent = false
		}
		if errors.Is(err, xmcloud.ErrWire) || errors.Is(err, xmcloud.ErrTooLarge) {
			return r
		}
		r.Problem = signin.ServiceDown
		if ctx.Err() == nil {
			c.client.Forget() // the portal may have moved
		}
		return r
	case e.Err != nil:
		return r // it answered, and the answer makes no sense
	}
	if word.MatchString(string(e.Code)) {
		r.Support = string(e.Code)
	}
	m, known := meanings[e.Code]
	switch {
	case e.Op == opDiscover && e.Code == xmcloud.AccountUnknown:
		m.problem = signin.Foreign
	case e.Op == opDiscover && e.Code == xmcloud.BadRequest:
		m.problem = signin.BadInput
	case e.Op == opHost && known && e.Code != xmcloud.RateLimited:
		m.problem = signin.ServiceConfig // an account nobody knows, or no portal at all
	case known && m.problem == signin.SignInAgain && e.Op != opTicket:
		m.problem = signin.ServiceConfig // no token of a person was shown
	case !known:
		m = byStatus(e)
	}
	r.Problem = m.problem
	r.Spent = r.Spent && !m.spared
	if e.RetryAfter > 0 && (r.Problem == signin.Locked || r.Problem == signin.TooManyTries) {
		r.Until = c.now().Add(e.RetryAfter)
	}
	if m.portal {
		// The portal is known, since it has just answered; it is always https.
		if r.URL, err = c.client.Portal(ctx); err != nil {
			r.URL = ""
		}
	}
	return r
}

// byStatus reads a refusal without a word of the contract, such as that of a
// gateway before the service.
func byStatus(e *xmcloud.Error) meaning {
	switch {
	case e.Status >= 500:
		return meaning{problem: signin.ServiceDown}
	case e.Status == http.StatusTooManyRequests:
		return meaning{problem: signin.TooManyTries}
	case e.Op == opTicket && e.Status == http.StatusUnauthorized:
		return meaning{problem: signin.SignInAgain}
	case e.Op == opHost, e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden, e.Status == http.StatusNotFound:
		return meaning{problem: signin.ServiceConfig}
	}
	return meaning{problem: signin.Broken}
}

// word is what a code looks like where it may be shown and logged: neither a
// password nor an address that a service repeats.
var word = regexp.MustCompile(`^[a-z][a-z_]{1,39}$`)

// failure is an error of the client under a text that names no person: net/http
// puts the whole address into its errors, and discovery asks with an e-mail
// address in it.
type failure struct {
	text string
	err  error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.err }

func quiet(err error) error {
	e, ok := errors.AsType[*xmcloud.Error](err)
	if !ok {
		return err
	}
	text := fmt.Sprintf("xmcloud %s: answer %d", e.Op, e.Status)
	cause := e.Err
	if u, ok := errors.AsType[*url.Error](e.Err); ok {
		cause = u.Err
	}
	switch {
	case e.Status == 0:
		text = fmt.Sprintf("xmcloud %s: %v", e.Op, cause)
	case cause != nil:
		text += ": " + cause.Error()
	}
	return &failure{text: text, err: err}
}
