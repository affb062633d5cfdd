// Package servicetest is the suite every fax service passes. It runs a service
// against its simulated counterpart, through a [Rig] the service's own test
// makes, and holds it to the contract of package deliver: what a failed request
// means, what is never repeated, and that exactly the declared capabilities
// work.
//
// It knows no service and no simulator.
package servicetest

import (
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/deliver"
)

// Op is a kind of request at the counterpart.
type Op string

// The requests. List is whatever search and tracking ask.
const (
	Upload Op = "upload"
	Submit Op = "submit"
	List   Op = "list"
	Cancel Op = "cancel"
)

// Failure is what the counterpart does with the next request.
type Failure struct {
	// Code answers with an HTTP-like status and RetryAfter; 0 cuts the connection.
	Code       int
	RetryAfter time.Duration
	// Stall does not answer at all.
	Stall bool
	// After lets the request take effect first; without it the counterpart reads
	// the whole request and forgets it.
	After bool
}

// Received is a fax the counterpart has committed.
type Received struct {
	To     string
	SHA256 string // of the document, hex
}

// Outcome is a number and what becomes of faxes to it.
type Outcome struct {
	To   string
	Want deliver.Status // Code is not compared when empty
}

// Rig is a service and the controls of its counterpart. Every function is
// required unless it says otherwise; each rig has a counterpart of its own.
type Rig struct {
	Service deliver.Service
	// Fax returns a fax of a document the counterpart can read, in a declared
	// format, to a number whose faxes are delivered.
	Fax func(t *testing.T, key string, format deliver.Format) deliver.Fax
	// Outcomes covers every final state the counterpart knows. Endless is a number
	// whose faxes never end.
	Outcomes []Outcome
	Endless  string
	// Fail strikes the next request of op.
	Fail func(t *testing.T, op Op, f Failure)
	// Requests counts requests of op that arrived.
	Requests func(op Op) int
	// Received returns what was committed under key, oldest first.
	Received func(key string) []Received
	// Lag hides committed faxes from lists for d.
	Lag func(d time.Duration)
	// Pass moves the clock of service and counterpart; Finish moves it until every
	// fax that ends has ended, and TooLate until none can be withdrawn.
	Pass            func(d time.Duration)
	Finish, TooLate func()
	// HideKeys makes the counterpart leave our key out of its answers. Required
	// for a service that declares itself searchable.
	HideKeys func()
	// Revoke makes the credential bad.
	Revoke func()
	// Unreachable is the same service at an address that refuses connections.
	Unreachable deliver.Service
	// Breaking is the same service whose committing connections fail while the
	// request is being written, before its end.
	Breaking deliver.Service
}
