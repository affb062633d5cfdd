package adfs

import "time"

// Behaviour is the mood of the farm; the zero value is a healthy one. It may be
// changed at any time and holds for requests that begin after.
type Behaviour struct {
	MEX MEX
	// Elsewhere is the host that MEXForeign and MEXPlain write into addresses;
	// empty means sts.example.net, or the farm's own for MEXPlain.
	Elsewhere string

	// FaultStatus is the HTTP status of SOAP faults; 0 means 500, as AD FS does.
	FaultStatus int
	// FaultLang is the language tag of the reasons; "" means en-US.
	FaultLang string
	// PasswordURL stands in the fault about an expired password.
	PasswordURL string

	// Off13 and Off2005 disable an endpoint: 503 without SOAP.
	Off13, Off2005 bool
	// Busy answers 503 with Retry-After, rounded to seconds, before anything is
	// looked at.
	Busy time.Duration
	// Ahead is how far the farm's clock is ahead.
	Ahead time.Duration
	// NoDate leaves the Date header out.
	NoDate bool
	// Redirect answers a request for a token with 307 to this address.
	Redirect string
	// NotUnderstood answers MSIS3127 to every request for a token.
	NotUnderstood bool

	Answer Answer
	// SHA1 signs with RSA-SHA1, as old farms do.
	SHA1 bool
}

// MEX is a variant of the metadata document.
type MEX string

// The variants. The last six are mistakes or attacks.
const (
	MEXFull         MEX = ""             // 13 ports, as a real farm
	MEXWrapped      MEX = "soap-wrapped" // WSDL inside SOAP
	MEXMarked       MEX = "bom"          // begins with a byte order mark
	MEX2005Only     MEX = "2005-only"
	MEX13Only       MEX = "13-only"
	MEXMissing      MEX = "404"
	MEXBroken       MEX = "500"
	MEXHuge         MEX = "huge"       // 5 MB
	MEXStalled      MEX = "stalled"    // never ends
	MEXRedirect     MEX = "redirect"   // 302 to Elsewhere
	MEXPlainFirst   MEX = "http-first" // 1.3 on http, 2005 on https
	MEXPlain        MEX = "http-only"
	MEXForeign      MEX = "foreign"       // all addresses on another host
	MEXForeignFirst MEX = "foreign-first" // 1.3 on another host, 2005 on the own
)

// Answer is a variant of the answer to a good request.
type Answer string

// The variants of answers.
const (
	AnswerPlain    Answer = ""
	AnswerOuter    Answer = "outer-namespace" // the assertion's prefix is declared outside
	AnswerNoID     Answer = "no-relates-to"
	AnswerWrongID  Answer = "wrong-relates-to"
	AnswerBare     Answer = "other-shape" // no collection in 1.3, one in 2005
	AnswerHuge     Answer = "huge"
	AnswerStalled  Answer = "stalled" // begins and never ends
	AnswerCut      Answer = "cut"     // connection closed instead of an answer
	AnswerTampered Answer = "tampered"
)

// Set changes the mood.
func (s *STS) Set(b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behaviour = b
}
