package faxplus

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/protocols/faxplus"
)

// failed gives err its verdict; nil stays nil.
//
// Only the committing request can be ambiguous. For it, what the service has
// documented as an answer counts: a 4xx is a refusal, with 429 taken as not
// accepted; 408, 409 and 425 speak about the connection or an earlier request
// and stay open, like everything else.
func (s *Service) failed(op string, err error) error {
	if err == nil {
		return nil
	}
	out := &deliver.Error{Service: s.opts.ID, Op: op, Verdict: deliver.NotTaken, Reason: job.ReasonService, Err: err}
	commits := op == "submit"
	var e *faxplus.Error
	if !errors.As(err, &e) || e.Code == 0 {
		if commits && !errors.Is(err, faxplus.ErrNotSent) {
			out.Verdict, out.Reason = deliver.Ambiguous, job.ReasonUnknown
		}
		return out
	}
	out.Code, out.RetryAfter = code(e), e.RetryAfter
	switch e.Code {
	case http.StatusUnauthorized, http.StatusForbidden:
		out.Verdict, out.Reason = deliver.Unauthorized, job.ReasonAuth
	case http.StatusTooManyRequests:
	case http.StatusPaymentRequired:
		out.Verdict, out.Reason = deliver.Refused, job.ReasonCredit
	case http.StatusRequestEntityTooLarge:
		out.Verdict, out.Reason = deliver.Refused, job.ReasonTooLarge
	case http.StatusUnsupportedMediaType:
		out.Verdict, out.Reason = deliver.Refused, job.ReasonDocumentRejected
	case http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity:
		// Which of number, document or account it dislikes is not documented.
		out.Verdict, out.Reason = deliver.Refused, job.ReasonUnknown
	default:
		if commits {
			out.Verdict, out.Reason = deliver.Ambiguous, job.ReasonUnknown
		}
	}
	return out
}

// word is what a title may look like to be kept: no number fits.
var word = regexp.MustCompile(`^[a-z_]{1,40}$`)

// code is the status and, when it is a plain word, the service's title.
func code(e *faxplus.Error) string {
	c := strconv.Itoa(e.Code)
	if word.MatchString(e.Title) {
		c += " " + e.Title
	}
	return c
}

// status is what a final state of the history means.
func status(r faxplus.FaxRecord) deliver.Status {
	out := deliver.Status{State: job.DeliveryFailed, Code: string(r.Status)}
	switch r.Status {
	case faxplus.Success:
		out.State, out.Pages = job.Sent, r.Pages
	case faxplus.FailedUserBusy:
		out.Reason = job.ReasonBusy
	case faxplus.FailedNoAnswer:
		out.Reason = job.ReasonNoAnswer
	case faxplus.FailedUnallocatedNumber, faxplus.FailedInvalidNumberFormat:
		out.Reason = job.ReasonBadNumber
	case faxplus.FailedDestinationNotSupported:
		out.Reason = job.ReasonNotAllowed
	case faxplus.FailedFS2: // FreeSWITCH: no fax tones before the time was up
		out.Reason = job.ReasonNotAFax
	case faxplus.PartiallySent,
		faxplus.FailedNormalClearing,
		faxplus.FailedFS49: // FreeSWITCH: the call dropped prematurely
		out.Reason = job.ReasonLineDrop
	case faxplus.FailedOfficeConverterIssue, faxplus.FailedSeparateFilePagesIssue, faxplus.FailedMimetypeNotSupported,
		faxplus.FailedImagePreparation, faxplus.FailedUnknownConverterIssue, faxplus.FailedConvertToTIFFIssue:
		out.Reason = job.ReasonDocumentRejected
	case faxplus.InsufficientCredit:
		out.Reason = job.ReasonCredit
	case faxplus.FailedInternalProcessError, faxplus.FailedRenderHeaderIssue, faxplus.FailedToSend,
		faxplus.FailedNormalTemporaryFailure:
		out.Reason = job.ReasonService
	case faxplus.Failed:
		out.Reason = job.ReasonUnknown
	default:
		// A state nobody documented: it is not for us to call it failed.
		out.State = job.Unknown
	}
	return out
}
