// Package fleet is what an agent tells an MQTT broker: the topics, the payloads
// and the client id, in the one form that publisher and consumers share.
//
// Version 1, MQTT 3.1.1, QoS 1 throughout, JSON payloads of at most
// [MaxPayload] bytes. Below "{prefix}/v1/{site}/agent/{agent}/":
//
//	status          retained, and the Will of every connection   [Status]
//	event/job       a job changed its state                      [JobEvent]
//	event/delivery  a delivery changed its state                 [DeliveryEvent]
//
// No payload and no topic holds personal data: no number, name, address or
// document. Events come at least once and may come again after a lost
// connection: a consumer drops what it has by (job, seq). A consumer ignores
// fields it does not know.
//
// Connecting, publishing and the choice of what to publish live elsewhere.
package fleet

import (
	"errors"
	"fmt"
	"time"
)

// Version is the version in the topics. Fields are only ever added to it.
const Version = 1

// MaxPayload bounds a payload in bytes; Decode functions refuse more.
const MaxPayload = 4096

// Errors that wrap every refusal of this package.
var (
	ErrPayload = errors.New("not a fleet payload")
	ErrTopic   = errors.New("not a fleet topic")
)

// Presence says whether an agent is there.
type Presence string

// The presences.
const (
	Online  Presence = "online"
	Offline Presence = "offline"
)

// Status is the retained state of an agent. The broker itself publishes the
// offline form as the Will when the connection breaks, so that form has the
// boot and connection number of the connection that broke: an offline status
// whose pair differs from the newest online one is old news and is ignored.
type Status struct {
	State   Presence  `json:"state"`
	Boot    string    `json:"boot"`           // chosen at random by each start of the agent
	Seq     uint64    `json:"seq"`            // counts the connections of this boot, from 1
	Seen    time.Time `json:"seen,omitzero"`  // renewed while online; zero in the Will
	Version string    `json:"version"`        // of the agent
	Name    string    `json:"name,omitempty"` // of the site, as people write it
}

// Supersedes reports whether s is to be believed after old. An offline status
// is believed only about the connection it belongs to.
func (s Status) Supersedes(old Status) bool {
	if s.State == Online {
		return s.Boot != old.Boot || s.Seq >= old.Seq
	}
	return s.Boot == old.Boot && s.Seq == old.Seq
}

// JobEvent says that a job changed its state.
type JobEvent struct {
	Job     string    `json:"job"`
	Seq     uint64    `json:"seq"` // grows with every event of an agent, with gaps
	At      time.Time `json:"at"`
	Device  string    `json:"device"`
	State   string    `json:"state"`
	Outcome string    `json:"outcome,omitempty"` // of an ended job
	Pages   int       `json:"pages"`
}

// DeliveryEvent says that one delivery of a job changed its state, its try or
// its fax service.
type DeliveryEvent struct {
	Job       string    `json:"job"`
	Seq       uint64    `json:"seq"`
	At        time.Time `json:"at"`
	Device    string    `json:"device"`
	Recipient int       `json:"recipient"` // the position in the job, from 1; never who it is
	Try       int       `json:"try"`       // from 1
	State     string    `json:"state"`
	Reason    string    `json:"reason,omitempty"`
	Service   string    `json:"service,omitempty"` // id of the fax service in the configuration
}

// check refuses what no agent publishes.
func (s Status) check() error {
	if s.State != Online && s.State != Offline {
		return fmt.Errorf("state %q", s.State)
	}
	if !word(s.Boot) {
		return fmt.Errorf("boot %q", s.Boot)
	}
	if len(s.Version) > 128 || len(s.Name) > 256 {
		return errors.New("version or name too long")
	}
	return nil
}

func (e JobEvent) check() error {
	if !word(e.Job) {
		return fmt.Errorf("job %q", e.Job)
	}
	if !word(e.State) {
		return fmt.Errorf("state %q", e.State)
	}
	if e.Outcome != "" && !word(e.Outcome) {
		return fmt.Errorf("outcome %q", e.Outcome)
	}
	if len(e.Device) > maxWord || e.Pages < 0 {
		return errors.New("device or pages out of range")
	}
	return nil
}

func (e DeliveryEvent) check() error {
	if !word(e.Job) {
		return fmt.Errorf("job %q", e.Job)
	}
	if !word(e.State) {
		return fmt.Errorf("state %q", e.State)
	}
	if e.Reason != "" && !word(e.Reason) {
		return fmt.Errorf("reason %q", e.Reason)
	}
	if len(e.Device) > maxWord || len(e.Service) > maxWord || e.Recipient < 1 || e.Try < 0 {
		return errors.New("device, service, recipient or try out of range")
	}
	return nil
}

const maxWord = 64

// word reports whether s is 1 to 64 of [A-Za-z0-9_-]: every id and state is.
func word(s string) bool {
	if s == "" || len(s) > maxWord {
		return false
	}
	for i := range len(s) {
		if !wordByte(s[i]) {
			return false
		}
	}
	return true
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}
