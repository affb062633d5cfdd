package job

import (
	"log/slog"
	"time"
)

// GrantKind says whose credential a fax is sent with.
type GrantKind string

// The kinds of authority.
const (
	GrantAccount    GrantKind = "account"      // the service account of the device
	GrantOnBehalfOf GrantKind = "on-behalf-of" // a person, through the service account
	GrantTicket     GrantKind = "ticket"       // a person's own, bound to this job
)

// Grant is the authority to send one job through one fax service. It is made
// at Send, while the session lives, and stored sealed with the job.
type Grant struct {
	Kind    GrantKind `json:"kind"`
	Service string    `json:"service"`          // id of the fax service it is good for
	Account string    `json:"account"`          // name of the service account
	Person  string    `json:"person,omitempty"` // id of the person, for on-behalf-of and ticket
	Ticket  []byte    `json:"ticket,omitempty"`
	Until   time.Time `json:"until,omitzero"` // zero: no end
}

// LogValue implements [slog.LogValuer]; a ticket never reaches a log.
func (g Grant) LogValue() slog.Value {
	return slog.GroupValue(slog.String("kind", string(g.Kind)), slog.String("service", g.Service))
}

// GrantFor returns the grant for a fax service; ok is false when the job may
// not be sent through it.
func (j *Job) GrantFor(service string) (g Grant, ok bool) {
	for _, g := range j.Grants {
		if g.Service == service {
			return g, true
		}
	}
	return Grant{}, false
}

// Valid reports whether the grant may be used at now.
func (g Grant) Valid(now time.Time) bool { return g.Until.IsZero() || now.Before(g.Until) }
