package job

import "slices"

// Reason says why a delivery or a document failed, in one vocabulary for all
// fax services. The service's own code is kept beside it.
type Reason string

// The reasons.
const (
	ReasonNone             Reason = ""
	ReasonBusy             Reason = "busy"
	ReasonNoAnswer         Reason = "no-answer"
	ReasonBadNumber        Reason = "bad-number"
	ReasonNotAllowed       Reason = "not-allowed"
	ReasonNotAFax          Reason = "not-a-fax"
	ReasonLineDrop         Reason = "line-drop"
	ReasonDocumentRejected Reason = "document-rejected"
	ReasonTooLarge         Reason = "too-large"
	ReasonCredit           Reason = "credit"
	ReasonAuth             Reason = "auth"
	ReasonService          Reason = "service"
	ReasonUnknown          Reason = "unknown"
)

var reasons = []Reason{
	ReasonBusy, ReasonNoAnswer, ReasonBadNumber, ReasonNotAllowed, ReasonNotAFax, ReasonLineDrop,
	ReasonDocumentRejected, ReasonTooLarge, ReasonCredit, ReasonAuth, ReasonService, ReasonUnknown,
}

// Reasons returns every reason but ReasonNone.
func Reasons() []Reason { return slices.Clone(reasons) }

// Retryable reports whether another try of the same recipient can end
// differently without a person changing anything.
func (r Reason) Retryable() bool {
	switch r {
	case ReasonBusy, ReasonNoAnswer, ReasonLineDrop, ReasonService:
		return true
	}
	return false
}
