package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/platen-fax/platen/simulator/faxcloud"
)

// What the agent step takes.
const (
	AgentKill   = "kill"
	AgentStop   = "stop"
	AgentStart  = "start"
	AgentReload = "reload"
	AgentAbort  = "abort"
)

// Where a walk through the panel may end early.
const (
	UntilNumber = "number"
	UntilScan   = "scan"
	UntilCheck  = "check"
)

// stepChecker checks steps in the order they happen.
type stepChecker struct {
	*decoder
	service, mode string   // of the agent
	names         []string // of people
	devices       []string
	stacks, faxes map[string]bool
}

// Verb returns the name of the one verb that is written, or "" if there is none
// or more than one.
func (s *Step) Verb() string {
	if v := s.verbs(); len(v) == 1 {
		return v[0]
	}
	return ""
}

func (s *Step) verbs() []string {
	var found []string
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag.Get("yaml")
		if tag == "id" || tag == "within" || tag == "-line" || v.Field(i).IsZero() {
			continue
		}
		found = append(found, tag)
	}
	return found
}

func (c *stepChecker) step(s *Step, path string) {
	bad := func(key, format string, args ...any) {
		c.addf(&yaml.Node{Line: s.Line}, join(path, key), format, args...)
	}
	if n := s.verbs(); len(n) != 1 {
		bad("", "want exactly one thing that happens, there are %d: %s", len(n), strings.Join(n, ", "))
		return
	}
	if s.Away < 0 {
		bad("away", "want a time above zero")
	}
	if s.Within < 0 {
		bad("within", "want a time above zero")
	}
	device := func(key, id string) {
		if id != "" && !slices.Contains(c.devices, id) {
			bad(key, "there is no device %q, known: %s", id, strings.Join(c.devices, ", "))
		}
	}
	oneOf := func(key, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			bad(key, "%q is not known, write %s", value, strings.Join(allowed, " or "))
		}
	}
	fax := func(key, name string) {
		if name != "" && !c.faxes[name] {
			bad(key, "no earlier step names a fax %q", name)
		}
	}
	for verb, on := range map[string]*OnDevice{"take_paper": s.TakePaper, "clear_jam": s.ClearJam, "stop_key": s.StopKey, "open": s.Open, "sign_out": s.SignOut} {
		if on != nil {
			device(verb+".device", on.Device)
		}
	}
	switch {
	case s.SignIn != nil, s.Phone != nil, s.Badge != nil, s.Launch != nil, s.Company != nil, s.Person != nil, s.ExpectPassword != nil, s.ExpectOwner != nil:
		c.people(s, path, bad)
		if s.SignIn != nil {
			device("sign_in.device", s.SignIn.Device)
		}
		if s.Badge != nil {
			device("badge.device", s.Badge.Device)
		}
		if s.Launch != nil {
			device("launch.device", s.Launch.Device)
		}
		if s.ExpectOwner != nil {
			fax("expect_owner.fax", s.ExpectOwner.Fax)
		}
	case s.Load != nil:
		device("load.device", s.Load.Device)
		if s.Load.Pages < 1 || s.Load.Pages > 500 {
			bad("load.pages", "%d, want 1 to 500", s.Load.Pages)
		}
		c.stacks[s.Load.As] = true
	case s.Device != nil:
		device("device.device", s.Device.Device)
		if _, err := MFPFaults(&s.Device.Faults); err != nil {
			bad("device.faults", "%v", err)
		}
	case s.Service != nil:
		c.rules(join(path, "service"), s.Service.Rules)
		if f := s.Service.Fault; f != nil {
			if _, err := f.Cloud(); err != nil {
				bad("service.fault", "%v", err)
			}
		}
	case s.Fax != nil:
		device("fax.device", s.Fax.Device)
		if s.Fax.To == "" {
			bad("fax.to", "missing, write the number as it is typed")
		}
		if s.Fax.Until != "" {
			oneOf("fax.until", s.Fax.Until, UntilNumber, UntilScan, UntilCheck)
		}
		c.faxes[s.Fax.As] = true
	case s.Tap != nil:
		if s.Tap.Words == "" {
			bad("tap.words", "missing, write what stands on it")
		}
		if s.Tap.Sent != "" {
			c.faxes[s.Tap.Sent] = true
		}
	case s.LookUp != nil:
		fax("look_up.fax", s.LookUp.Fax)
	case s.Agent != "":
		oneOf("agent", s.Agent, AgentKill, AgentStop, AgentStart, AgentReload, AgentAbort)
	case s.Calls != nil:
		if ops := faxcloud.Ops(""); !slices.Contains(ops, faxcloud.Op(s.Calls.Op)) {
			bad("calls.op", "%q is not known, write one of %s", s.Calls.Op, ops)
		}
	case s.ExpectJob != nil:
		fax("expect_job.fax", s.ExpectJob.Fax)
		if s.ExpectJob.State+s.ExpectJob.Outcome+s.ExpectJob.Delivery+s.ExpectJob.Reason == "" {
			bad("expect_job", "nothing is expected; write state, outcome, delivery or reason")
		}
	case s.ExpectRead != nil:
		fax("expect_read.fax", s.ExpectRead.Fax)
		for _, name := range s.ExpectRead.Stacks {
			if !c.stacks[name] {
				bad("expect_read.stacks", "no earlier load is named %q", name)
			}
		}
		if s.ExpectRead.UploadedOnce && c.service != faxcloud.XMCloud {
			bad("expect_read.uploaded_once", "only the service %s counts, take it out", faxcloud.XMCloud)
		}
		if s.ExpectRead.Pages < 1 {
			bad("expect_read.pages", "missing, write how many pages in all")
		}
	case s.ExpectSeen != nil:
		if s.ExpectSeen.Text == "" && s.ExpectSeen.Screen == "" {
			bad("expect_seen", "nothing is expected; write text or screen")
		}
	}
}

// Cloud returns the fault in the fax cloud's words, or what is wrong with it.
func (f Fault) Cloud() (faxcloud.Fault, error) {
	ops := faxcloud.Ops(f.Service)
	actions := []faxcloud.Action{faxcloud.Answer, faxcloud.Cut, faxcloud.Slow, faxcloud.Stall}
	stages := []faxcloud.Stage{"", faxcloud.Head, faxcloud.Body, faxcloud.Effect}
	c := faxcloud.Fault{
		Service: f.Service, Op: faxcloud.Op(f.Op), Action: faxcloud.Action(f.Action), Stage: faxcloud.Stage(f.Stage), Nth: f.Nth, Times: f.Times,
		Code: f.Code, RetryAfter: time.Duration(f.RetryAfter), Delay: time.Duration(f.Delay),
	}
	switch {
	case c.Service != "" && !slices.Contains(faxcloud.Services(), c.Service):
		return c, fmt.Errorf("service %q is not known, write one of %s", f.Service, strings.Join(faxcloud.Services(), ", "))
	case !slices.Contains(ops, c.Op):
		return c, fmt.Errorf("op %q is not known, write one of %s", f.Op, ops)
	case !slices.Contains(actions, c.Action):
		return c, fmt.Errorf("action %q is not known, write one of %s", f.Action, actions)
	case !slices.Contains(stages, c.Stage):
		return c, fmt.Errorf("stage %q is not known, write one of %s", f.Stage, stages[1:])
	case c.Action == faxcloud.Answer && (c.Code < 300 || c.Code > 599):
		return c, fmt.Errorf("code is %d, want 300 to 599", c.Code)
	}
	return c, nil
}

func (d *decoder) fax(path string, f Fax) {
	if f.Pieces != nil && *f.Pieces < 1 {
		d.addf(&yaml.Node{Line: 1}, path+".pieces", "%d, want at least 1 byte", *f.Pieces)
	}
	d.rules(path, f.Rules)
}

func (d *decoder) rules(path string, rules []Rule) {
	for i, r := range rules {
		switch r.Cloud().Outcome {
		case faxcloud.Delivered, faxcloud.Failed, faxcloud.Hang, faxcloud.Busy:
		default:
			d.addf(&yaml.Node{Line: r.Line}, fmt.Sprintf("%s.rules.%d.outcome", path, i), "%q is not known, write delivered, failed, hang or busy", r.Outcome)
		}
	}
}
