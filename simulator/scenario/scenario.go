// Package scenario is the written form of what happens in a simulated world:
// which devices and services there are, what people and machines do step by
// step, and what must be true at the end.
//
// Reading and checking the YAML lives here; playing it does not.
package scenario

import (
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/platen-fax/platen/simulator/faxcloud"
)

// Version is the version of the format.
const Version = 1

// DefaultDevice is the device of a scenario that names none.
const DefaultDevice = "front-desk"

// MaxTime is the longest a scenario may take, and DefaultTime what it gets when
// it says nothing.
const (
	MaxTime     = 5 * time.Minute
	DefaultTime = 15 * time.Second
)

// Scenario is one file.
type Scenario struct {
	File string

	Version int       `yaml:"version"`
	Name    string    `yaml:"name"`  // one line for people
	About   string    `yaml:"about"` // what it shows
	Time    Duration  `yaml:"time"`  // for all of it
	Devices []Device  `yaml:"devices"`
	Fax     Fax       `yaml:"fax"`
	Service string    `yaml:"service"` // kind of the agent's fax service: faxplus (default) or xmcloud
	Broker  bool      `yaml:"broker"`
	Mode    string    `yaml:"mode"`    // of all devices: shared-account (default), device-login or user-prompt
	Company *Company  `yaml:"company"` // who signs in there; ann and bob with passwords of the fax service if left out
	Config  yaml.Node `yaml:"config"`  // laid over the agent's configuration
	Steps   []Step    `yaml:"steps"`
	Breaks  *Breaks   `yaml:"breaks"`
}

// Device is one virtual MFP.
type Device struct {
	ID      string    `yaml:"id"`
	Profile string    `yaml:"profile"`
	Refill  int       `yaml:"refill"` // pages kept in the feeder
	Faults  yaml.Node `yaml:"faults"` // see mfp.Faults
	Line    int       `yaml:"-line"`
}

// Fax is how the fax service behaves from the start.
type Fax struct {
	Down         *bool     `yaml:"down"`
	SendTime     *Duration `yaml:"send_time"` // from the commit to the final state
	ListLag      *Duration `yaml:"list_lag"`  // until a fax shows up in lists
	HideComments *bool     `yaml:"hide_comments"`
	Pieces       *int64    `yaml:"pieces"`    // xmcloud: greatest piece of a document, in bytes
	Forgetful    *bool     `yaml:"forgetful"` // xmcloud: breaks its promise that the same reference is the same fax
	Rules        []Rule    `yaml:"rules"`
}

// Rule is what becomes of the faxes to some numbers; see faxcloud.Rule.
type Rule struct {
	Prefix   string   `yaml:"prefix"`
	Suffix   string   `yaml:"suffix"`
	Outcome  string   `yaml:"outcome"`
	Times    int      `yaml:"times"`
	Reason   string   `yaml:"reason"`
	SendTime Duration `yaml:"send_time"`
	Line     int      `yaml:"-line"`
}

// Cloud returns the rule in the fax cloud's words.
func (r Rule) Cloud() faxcloud.Rule {
	return faxcloud.Rule{
		Prefix: r.Prefix, Suffix: r.Suffix, Outcome: faxcloud.Outcome(r.Outcome), Times: r.Times,
		Reason: r.Reason, SendTime: time.Duration(r.SendTime),
	}
}

// Breaks is the form of a scenario that must fail, because something is wrong
// that the healthy form relies on. It shows that the judgement can say no.
type Breaks struct {
	Why     string    `yaml:"why"`   // part of the reason the judgement must give
	About   string    `yaml:"about"` // what is wrong
	Devices []Device  `yaml:"devices"`
	Fax     *Fax      `yaml:"fax"`
	Company *Company  `yaml:"company"` // in place of the other
	Config  yaml.Node `yaml:"config"`
	Drop    []string  `yaml:"drop"` // ids of steps that do not happen
	Insert  []Insert  `yaml:"insert"`
	Line    int       `yaml:"-line"`
}

// Insert are steps that happen after another one, or before all if After is "".
type Insert struct {
	After string `yaml:"after"`
	Steps []Step `yaml:"steps"`
	Line  int    `yaml:"-line"`
}

// Broken returns the form that must fail. It shares what did not change.
func (s *Scenario) Broken() *Scenario {
	b := *s
	br := s.Breaks
	b.Devices = slices.Clone(s.Devices)
	for _, d := range br.Devices {
		i := slices.IndexFunc(b.Devices, func(o Device) bool { return o.ID == d.ID })
		if i < 0 {
			b.Devices = append(b.Devices, d)
		} else {
			b.Devices[i] = d
		}
	}
	if br.Fax != nil {
		b.Fax = br.Fax.over(s.Fax)
	}
	if br.Company != nil {
		b.Company = br.Company
	}
	b.Steps = nil
	b.insert(br, "")
	for _, step := range s.Steps {
		if step.ID == "" || !slices.Contains(br.Drop, step.ID) {
			b.Steps = append(b.Steps, step)
		}
		if step.ID != "" {
			b.insert(br, step.ID)
		}
	}
	return &b
}

func (s *Scenario) insert(br *Breaks, after string) {
	for _, in := range br.Insert {
		if in.After == after {
			s.Steps = append(s.Steps, in.Steps...)
		}
	}
}

// over lays f on base.
func (f *Fax) over(base Fax) Fax {
	if f.Down != nil {
		base.Down = f.Down
	}
	if f.SendTime != nil {
		base.SendTime = f.SendTime
	}
	if f.ListLag != nil {
		base.ListLag = f.ListLag
	}
	if f.HideComments != nil {
		base.HideComments = f.HideComments
	}
	if f.Pieces != nil {
		base.Pieces = f.Pieces
	}
	if f.Forgetful != nil {
		base.Forgetful = f.Forgetful
	}
	if f.Rules != nil {
		base.Rules = f.Rules
	}
	return base
}

// Duration is a time.Duration that is written as 500ms or 3s.
type Duration time.Duration

// UnmarshalYAML implements [yaml.Unmarshaler].
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	*d = Duration(v)
	return err
}
