package saml

import (
	"errors"
	"fmt"
	"strings"
)

// ErrRefused is wrapped by every [*Error]: whatever arrived is not accepted.
var ErrRefused = errors.New("saml: refused")

// Code names one way to be refused. Codes are stable: tests, audit records and
// support texts use them.
type Code string

// The codes, in the order in which [Validator.Response] checks.
const (
	CodeTransport Code = "transport"  // not a POST over TLS
	CodeTooLarge  Code = "too_large"  // larger than the bound
	CodeEncoding  Code = "encoding"   // not base64
	CodeMalformed Code = "malformed"  // not one well-formed XML document of the kind
	CodeDoctype   Code = "doctype"    // a DOCTYPE or other directive
	CodeComment   Code = "comment"    // a comment or processing instruction
	CodeTooDeep   Code = "too_deep"   // nested or populated beyond the bounds
	CodeDuplicate Code = "duplicate"  // one ID or attribute twice
	CodeEncrypted Code = "encrypted"  // an encrypted assertion, which nobody asked for
	CodeAssertion Code = "assertions" // not exactly one assertion in its place

	CodeRequestUnknown Code = "request_unknown" // answers nothing we asked
	CodeRequestSession Code = "request_session" // answers what another browser asked
	CodeRequestExpired Code = "request_expired" // answered too late
	CodeRequestUsed    Code = "request_used"    // answered before
	CodeStatus         Code = "status"          // the identity provider says no
	CodeDestination    Code = "destination"     // addressed to another endpoint
	CodeUnknownIssuer  Code = "unknown_issuer"  // not the identity provider of the account

	CodeUnsigned      Code = "unsigned"            // nothing is signed
	CodeSignature     Code = "bad_signature"       // no configured key made the signature
	CodeShape         Code = "signature_shape"     // the signature is not where or what it must be
	CodeWeakAlgorithm Code = "weak_algorithm"      // SHA-1 or an algorithm outside the list
	CodeCertExpired   Code = "certificate_expired" // signed by a configured key whose certificate ran out

	CodeNoAudience        Code = "no_audience"
	CodeWrongAudience     Code = "wrong_audience"
	CodeNoConfirmation    Code = "no_confirmation"      // no bearer confirmation
	CodeWrongRecipient    Code = "wrong_recipient"      // confirmation for another endpoint
	CodeConfirmation      Code = "confirmation"         // confirmation out of form
	CodeConfirmExpired    Code = "confirmation_expired" // confirmation too old
	CodeWrongInResponseTo Code = "wrong_in_response_to" // confirmation for another request
	CodeExpired           Code = "expired"
	CodeNotYetValid       Code = "not_yet_valid"
	CodeCondition         Code = "condition" // a condition we do not understand
	CodeStale             Code = "stale"     // fresh sign-in was asked and not given
	CodeReplayed          Code = "replayed"  // the assertion was used before
	CodeStorage           Code = "storage"   // the caller's stores failed; nothing is known
	CodeNoEmail           Code = "no_email"
	CodeBadEmail          Code = "bad_email"       // not an address a person may own
	CodeAmbiguous         Code = "ambiguous_email" // several different addresses
)

// Checks says which of the fifteen checks of a response a code belongs to, in
// the order of SAML Profiles §4.1.4.3 and common practice: 1 transport, 2 size,
// 3 document, 4 destination, 5 request, 6 status, 7 issuer, 8 signature, 9 only
// verified bytes, 10 one assertion, 11 audience, 12 confirmation, 13 time, 14
// replay, 15 e-mail. It returns 0 for codes outside of these.
func (c Code) Checks() int {
	switch c {
	case CodeTransport:
		return 1
	case CodeTooLarge:
		return 2
	case CodeEncoding, CodeMalformed, CodeDoctype, CodeComment, CodeTooDeep, CodeDuplicate:
		return 3
	case CodeDestination:
		return 4
	case CodeRequestUnknown, CodeRequestSession, CodeRequestExpired, CodeRequestUsed:
		return 5
	case CodeStatus:
		return 6
	case CodeUnknownIssuer:
		return 7
	case CodeUnsigned, CodeSignature, CodeWeakAlgorithm, CodeCertExpired:
		return 8
	case CodeShape:
		return 9
	case CodeAssertion, CodeEncrypted:
		return 10
	case CodeNoAudience, CodeWrongAudience:
		return 11
	case CodeNoConfirmation, CodeWrongRecipient, CodeConfirmation, CodeConfirmExpired, CodeWrongInResponseTo:
		return 12
	case CodeExpired, CodeNotYetValid, CodeCondition, CodeStale:
		return 13
	case CodeReplayed:
		return 14
	case CodeNoEmail, CodeBadEmail, CodeAmbiguous:
		return 15
	}
	return 0
}

// Error is a refusal.
type Error struct {
	// Code says why.
	Code Code
	// Detail is for an administrator's log: structure and configured values,
	// never a value out of an assertion.
	Detail string
	// Status and Message are the identity provider's own words with
	// [CodeStatus]: the innermost status code and its text, such as one that
	// begins with AADSTS. They are not verified and the text may name a person.
	Status, Message string
	// Err is the cause, if another package named one.
	Err error
}

// Error returns the code and the detail.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("saml: ")
	b.WriteString(string(e.Code))
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns [ErrRefused] and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrRefused}
	}
	return []error{ErrRefused, e.Err}
}

// CodeOf returns the code of a refusal, "" if err is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func refuse(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Detail: fmt.Sprintf(format, args...)}
}
