// Package escl holds the wire forms of eSCL, the scan protocol of AirScan and
// Mopria devices: XML documents, a [Client] and a server-side [Handler].
//
// It decides nothing: which settings to ask for, how long to wait and what an
// answer means belongs to devices/esclscan; how a machine behaves belongs to
// simulator/mfp. It does not log and reads no configuration.
//
// Elements are told apart by namespace and local name, never by prefix.
// Unknown elements, values and numbers that do not parse are passed over,
// since firmware invents them; what a caller gets then is the zero value.
package escl

import (
	"errors"
	"fmt"
	"net/http"
)

// XML namespaces of eSCL.
const (
	nsScan = "http://schemas.hp.com/imaging/escl/2011/05/03"
	nsPWG  = "http://www.pwg.org/schemas/2010/12/sm"
)

// MaxXML is the size in bytes up to which XML documents are read. The largest
// known capabilities document has 16 KiB.
const MaxXML = 1 << 20

// ContentType is the media type of all XML documents sent.
const ContentType = "text/xml"

// Values of pwg:InputSource.
const (
	SourcePlaten = "Platen"
	SourceFeeder = "Feeder"
)

// Values of scan:ColorMode.
const (
	BlackAndWhite1 = "BlackAndWhite1"
	Grayscale8     = "Grayscale8"
	RGB24          = "RGB24"
)

// Values of pwg:State in a scanner status.
const (
	StateIdle       = "Idle"
	StateProcessing = "Processing"
	StateTesting    = "Testing" // warming up
	StateStopped    = "Stopped"
	StateDown       = "Down"
)

// Values of scan:AdfState. AdfProcessing also stands for an empty feeder on
// Kyocera devices.
const (
	AdfProcessing  = "ScannerAdfProcessing"
	AdfEmpty       = "ScannerAdfEmpty"
	AdfLoaded      = "ScannerAdfLoaded"
	AdfJam         = "ScannerAdfJam"
	AdfDoorOpen    = "ScannerAdfDoorOpen"
	AdfHatchOpen   = "ScannerAdfHatchOpen"
	AdfMispick     = "ScannerAdfMispick"
	AdfMultipick   = "ScannerAdfMultipickDetected"
	AdfPageTooLong = "ScannerAdfDuplexPageTooLong"
)

// Values of pwg:JobState.
const (
	JobPending    = "Pending"
	JobProcessing = "Processing"
	JobCompleted  = "Completed"
	JobCanceled   = "Canceled"
	JobAborted    = "Aborted"
)

// Some of the values of pwg:JobStateReason.
const (
	ReasonScanning         = "JobScanning"
	ReasonCompleted        = "JobCompletedSuccessfully"
	ReasonCanceledByUser   = "JobCanceledByUser"
	ReasonCanceledAtDevice = "JobCanceledAtDevice"
	ReasonAborted          = "AbortedBySystem"
	ReasonNotReady         = "ResourcesAreNotReady"
	ReasonAuthFailed       = "AccountAuthorizationFailed"
)

// Errors of this package, returned wrapped.
var (
	// ErrXML means a document that is not XML or not the one expected.
	ErrXML = errors.New("escl: not the XML document expected")
	// ErrTooLarge means a document of more than [MaxXML] bytes.
	ErrTooLarge = errors.New("escl: document too large")
	// ErrLocation means that a created job has no usable Location.
	ErrLocation = errors.New("escl: no usable job location")
)

// Op names one request of the protocol.
type Op string

// The requests.
const (
	OpCapabilities Op = "ScannerCapabilities"
	OpStatus       Op = "ScannerStatus"
	OpCreateJob    Op = "ScanJobs"
	OpNextDocument Op = "NextDocument"
	OpDelete       Op = "Delete"
)

// StatusError is an HTTP status other than the success of the operation. A
// [Machine] returns it to choose the status to answer.
type StatusError struct {
	Op   Op
	Code int
}

// Error names operation and status.
func (e *StatusError) Error() string {
	return fmt.Sprintf("escl %s: status %d %s", e.Op, e.Code, http.StatusText(e.Code))
}
