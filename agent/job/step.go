package job

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// ErrStep is wrapped by every refusal of Step.
var ErrStep = errors.New("move not allowed")

// Cause says why a delivery moves. The same two states can be joined for
// different causes, and only the listed ones are legal.
type Cause string

// The causes of a move.
const (
	CauseReady     Cause = "ready"     // the document became a fax document
	CauseStart     Cause = "start"     // a worker begins to upload
	CauseGrant     Cause = "grant"     // the person's authority is missing, expired or refused
	CauseSignedIn  Cause = "signed-in" // the same person signed in again
	CauseBroken    Cause = "broken"    // upload broken, stalled or put off; references kept
	CauseIntent    Cause = "intent"    // the committing request comes next
	CauseNotTaken  Cause = "not-taken" // the service provably did not take the fax
	CauseAmbiguous Cause = "ambiguous" // nobody can know whether it took it
	CauseAccepted  Cause = "accepted"  // the service answered with a reference
	CauseFound     Cause = "found"     // a search found the fax
	CauseAbsent    Cause = "absent"    // two answered searches one settle apart did not
	CauseNoSearch  Cause = "no-search" // nothing to search, or answers that contradict each other
	CauseDecided   Cause = "decided"   // a person's word
	CauseOutcome   Cause = "outcome"   // the service reports a final state
	CauseRetry     Cause = "retry"     // definite failure, and another try is worth it
	CauseRefused   Cause = "refused"   // definite refusal and nothing more to try
	CauseReroute   Cause = "reroute"   // the next fax service in order takes over
	CauseCancel    Cause = "cancel"    // withdrawn before the service had it
	CauseDeadline  Cause = "deadline"  // the state lasted too long
	CausePerson    Cause = "person"    // a person asks for another try of a failed one
	CauseLateNews  Cause = "late-news" // news on a fax already given up
	CauseTooLate   Cause = "too-late"  // the service refused to withdraw the fax; it goes on
)

// Step is one move of one delivery.
type Step struct {
	To     DeliveryState
	Cause  Cause
	At     time.Time
	Due    time.Time // next time to act in the new state; zero: at once
	Reason Reason    // for DeliveryFailed, and kept as the last reason in Waiting
	Code   string    // the service's own code

	FaxID    string // for Submitted
	Document string // hex SHA-256, for Submitting
	Pages    int    // confirmed pages, for Sent
	Service  string // for CauseReroute
	By       string // who decided, for CauseDecided
}

// move is one legal pair of states.
type move struct{ from, to DeliveryState }

// moves is the whole machine: which pairs are legal, and for which causes.
// It is the table of the design, line by line.
var moves = map[move][]Cause{
	{Pending, Waiting}:           {CauseReady},
	{Pending, DeliveryCancelled}: {CauseCancel},
	{Pending, DeliveryFailed}:    {CauseRefused},

	{Waiting, Uploading}:         {CauseStart},
	{Waiting, NeedsSignIn}:       {CauseGrant},
	{Waiting, Waiting}:           {CauseReroute, CauseBroken},
	{Waiting, DeliveryFailed}:    {CauseRefused, CauseDeadline},
	{Waiting, DeliveryCancelled}: {CauseCancel},

	{NeedsSignIn, Waiting}:           {CauseSignedIn},
	{NeedsSignIn, DeliveryFailed}:    {CauseDeadline, CauseRefused},
	{NeedsSignIn, DeliveryCancelled}: {CauseCancel},

	{Uploading, Waiting}:           {CauseBroken},
	{Uploading, NeedsSignIn}:       {CauseGrant},
	{Uploading, Submitting}:        {CauseIntent},
	{Uploading, DeliveryFailed}:    {CauseRefused, CauseDeadline},
	{Uploading, DeliveryCancelled}: {CauseCancel},

	{Submitting, Submitted}:      {CauseAccepted},
	{Submitting, Waiting}:        {CauseNotTaken},
	{Submitting, NeedsSignIn}:    {CauseGrant},
	{Submitting, InDoubt}:        {CauseAmbiguous},
	{Submitting, DeliveryFailed}: {CauseRefused},

	{InDoubt, Submitted}:     {CauseFound},
	{InDoubt, Waiting}:       {CauseAbsent},
	{InDoubt, NeedsDecision}: {CauseNoSearch, CauseDeadline},

	{NeedsDecision, Submitted}: {CauseFound},
	{NeedsDecision, Sent}:      {CauseDecided},
	{NeedsDecision, Waiting}:   {CauseDecided},
	{NeedsDecision, Unknown}:   {CauseDecided, CauseDeadline},

	{Submitted, Sent}:              {CauseOutcome},
	{Submitted, DeliveryFailed}:    {CauseOutcome},
	{Submitted, DeliveryCancelled}: {CauseOutcome},
	{Submitted, Unknown}:           {CauseOutcome, CauseDeadline},
	{Submitted, Waiting}:           {CauseRetry},
	{Submitted, Submitted}:         {CauseTooLate},

	{DeliveryFailed, Waiting}: {CausePerson},

	{Unknown, Sent}:           {CauseLateNews},
	{Unknown, DeliveryFailed}: {CauseLateNews},
}

// Allowed reports whether a delivery may go from one state to another for the
// cause.
func Allowed(from, to DeliveryState, c Cause) bool {
	return slices.Contains(moves[move{from, to}], c)
}

// Step returns the delivery after the move. The receiver is not changed. An
// illegal move is refused with an error wrapping ErrStep.
func (d Delivery) Step(s Step) (Delivery, error) {
	if !Allowed(d.State, s.To, s.Cause) {
		return d, fmt.Errorf("%w: delivery from %s to %s because %s", ErrStep, d.State, s.To, s.Cause)
	}
	from := d.State
	d.Refs, d.Tries = maps.Clone(d.Refs), slices.Clone(d.Tries)
	d.State, d.Due = s.To, s.Due
	if from != s.To {
		d.Since = s.At
	}
	if s.Reason != ReasonNone {
		d.Reason, d.Code = s.Reason, s.Code
	}
	switch s.Cause {
	case CauseBroken, CauseNotTaken:
		d.Failures++
		d.Begun = time.Time{}
	case CauseIntent:
		d.Document, d.Begun = s.Document, s.At
		d.Searches = Searches{}
	case CauseAccepted, CauseFound:
		d.FaxID, d.Submitted, d.Failures = s.FaxID, s.At, 0
		d.Reason, d.Code = ReasonNone, ""
	case CauseAbsent:
		d.Searches, d.Begun = Searches{}, time.Time{}
	case CauseReroute:
		d.Service = s.Service
		d.dropUpload()
	case CauseTooLate:
		d.CancelNo = true
	case CauseRetry, CausePerson:
		d.nextTry(s)
	case CauseDecided:
		d.DecidedBy = s.By
		if s.To == Waiting {
			d.nextTry(s)
		}
	case CauseOutcome, CauseLateNews:
		if s.To == Sent {
			d.Pages, d.Reason, d.Code = s.Pages, ReasonNone, ""
		}
	}
	return d, nil
}

// nextTry keeps the ended try and begins the next one, under a new key.
func (d *Delivery) nextTry(s Step) {
	d.Tries = append(d.Tries, Try{N: d.Try, Service: d.Service, FaxID: d.FaxID, Ended: s.At, Reason: d.Reason, Code: d.Code})
	d.Try++
	d.FaxID, d.Submitted, d.Begun, d.Seq = "", time.Time{}, time.Time{}, 0
	d.Searches, d.CancelNo = Searches{}, false
	if s.Cause != CauseRetry {
		d.Failures, d.Cancel, d.Reason, d.Code, d.Restarted = 0, false, ReasonNone, "", s.At
		// A person's retry starts at the preferred service again.
		if len(d.Route) > 0 && d.Service != d.Route[0] {
			d.Service = d.Route[0]
			d.dropUpload()
		}
	} else {
		d.Failures = 0
		if s.Service != "" && s.Service != d.Service {
			d.Service = s.Service
			d.dropUpload()
		}
	}
}

// dropUpload forgets what belongs to the service that was left.
func (d *Delivery) dropUpload() { d.Refs, d.Offset, d.Failures = nil, 0, 0 }

// NextService returns the service after the present one in the route, or "".
func (d *Delivery) NextService() string {
	i := slices.Index(d.Route, d.Service)
	if i < 0 || i+1 >= len(d.Route) {
		return ""
	}
	return d.Route[i+1]
}
