package xmcloud

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/protocols/xmcloud"
)

// meaning is what a documented refusal says about the fax and the authority it
// was sent with. The contract says for each of them that nothing was committed.
type meaning struct {
	verdict deliver.Verdict
	reason  job.Reason
	stored  bool // about the connector's own credential, whatever the grant
}

var meanings = map[xmcloud.Code]meaning{
	xmcloud.InvalidToken:    {deliver.Unauthorized, job.ReasonAuth, true},
	xmcloud.TokenExpired:    {deliver.Unauthorized, job.ReasonAuth, true},
	xmcloud.NotPermitted:    {deliver.Unauthorized, job.ReasonAuth, true},
	xmcloud.DeviceNotListed: {deliver.Unauthorized, job.ReasonAuth, true},

	// The person can help by signing in again.
	xmcloud.TicketInvalid: {deliver.Unauthorized, job.ReasonAuth, false},
	xmcloud.TicketExpired: {deliver.Unauthorized, job.ReasonAuth, false},
	xmcloud.TicketUsed:    {deliver.Unauthorized, job.ReasonAuth, false},

	// Only an administrator can help this person; others may go on.
	xmcloud.UserUnknown:    {deliver.Refused, job.ReasonAuth, false},
	xmcloud.UserInactive:   {deliver.Refused, job.ReasonAuth, false},
	xmcloud.UserNotAllowed: {deliver.Refused, job.ReasonAuth, false},
	xmcloud.NotActivated:   {deliver.Refused, job.ReasonAuth, false},

	xmcloud.BadNumber:         {deliver.Refused, job.ReasonBadNumber, false},
	xmcloud.ForeignNumber:     {deliver.Refused, job.ReasonNotAllowed, false},
	xmcloud.BadDocument:       {deliver.Refused, job.ReasonDocumentRejected, false},
	xmcloud.TooLarge:          {deliver.Refused, job.ReasonTooLarge, false},
	xmcloud.NoCredit:          {deliver.Refused, job.ReasonCredit, false},
	xmcloud.BadRequest:        {deliver.Refused, job.ReasonUnknown, false},
	xmcloud.ReferenceConflict: {deliver.Refused, job.ReasonService, false},

	// The upload has to be looked at again.
	xmcloud.WrongOffset: {deliver.NotTaken, job.ReasonService, false},
	xmcloud.Incomplete:  {deliver.NotTaken, job.ReasonService, false},
	xmcloud.NotFound:    {deliver.NotTaken, job.ReasonService, false},
	xmcloud.RateLimited: {deliver.NotTaken, job.ReasonService, false},
}

// failed gives err its verdict; nil stays nil. What the contract does not call a
// refusal leaves the commit open.
func (s *Service) failed(op string, err error) error {
	if err == nil {
		return nil
	}
	out := &deliver.Error{Service: s.opts.ID, Op: op, Verdict: deliver.NotTaken, Reason: job.ReasonService, Err: err}
	var e *xmcloud.Error
	if !errors.As(err, &e) || e.Status == 0 || e.Err != nil {
		if op == "submit" && !errors.Is(err, xmcloud.ErrNotSent) {
			out.Verdict, out.Reason = deliver.Ambiguous, job.ReasonUnknown
		}
		return out
	}
	out.Code, out.RetryAfter = code(e), e.RetryAfter
	if e.Op == "host" {
		return out // the portal was not found; nothing was asked of it
	}
	if m, ok := meanings[e.Code]; ok && e.Status >= 400 && e.Status < 500 {
		out.Verdict, out.Reason, out.Stored = m.verdict, m.reason, m.stored
		return out
	}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		out.Verdict, out.Reason = deliver.Unauthorized, job.ReasonAuth
	case http.StatusTooManyRequests:
	case http.StatusPaymentRequired:
		out.Verdict, out.Reason = deliver.Refused, job.ReasonCredit
	case http.StatusRequestEntityTooLarge:
		out.Verdict, out.Reason = deliver.Refused, job.ReasonTooLarge
	case http.StatusUnsupportedMediaType:
		out.Verdict, out.Reason = deliver.Refused, job.ReasonDocumentRejected
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		out.Verdict, out.Reason = deliver.Refused, job.ReasonUnknown
	default:
		if op == "submit" {
			out.Verdict, out.Reason = deliver.Ambiguous, job.ReasonUnknown
		}
	}
	return out
}

// word is what a code may look like to be kept: no number fits.
var word = regexp.MustCompile(`^[a-z_]{1,40}$`)

// code is the status and, when it is a plain word, the service's own.
func code(e *xmcloud.Error) string {
	c := strconv.Itoa(e.Status)
	if word.MatchString(string(e.Code)) {
		c += " " + string(e.Code)
	}
	return c
}
