package scenario

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/mfp"
	"github.com/platen-fax/platen/simulator/world"
)

// maxFile is the greatest scenario, in bytes.
const maxFile = 1 << 20

// ErrFormat is wrapped by every error about what a file says.
var ErrFormat = errors.New("scenario")

// Load reads a scenario file.
func Load(file string) (*Scenario, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Parse(file, f)
}

// Parse reads one scenario and reports every problem it finds, each an [*Error],
// joined. The error wraps ErrFormat.
func Parse(file string, r io.Reader) (*Scenario, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	d := &decoder{file: file}
	s := &Scenario{File: file, Time: Duration(DefaultTime)}
	d.parse(text, s)
	if len(d.problems) == 0 {
		d.check(s)
	}
	if err := d.err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if len(s.Devices) == 0 {
		s.Devices = []Device{{ID: DefaultDevice}}
	}
	return s, nil
}

func (d *decoder) parse(text []byte, s *Scenario) {
	if len(text) > maxFile {
		d.addf(&yaml.Node{Line: 1}, "", "larger than %d bytes", maxFile)
		return
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		line, msg := yamlProblem(err)
		d.addf(&yaml.Node{Line: line}, "", "%s", msg)
		return
	}
	d.decode(doc.Content[0], "", reflect.ValueOf(s).Elem())
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		d.addf(&doc, "", "one document a file; put the second into its own")
	}
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// yamlProblem takes the line out of a syntax error.
func yamlProblem(err error) (line int, msg string) {
	msg = strings.TrimPrefix(err.Error(), "yaml: ")
	if errors.Is(err, io.EOF) {
		return 1, "empty"
	}
	line = 1
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		line, _ = strconv.Atoi(m[1]) // only digits match
		msg = strings.Replace(msg, m[0], "", 1)
	}
	return line, msg
}

// check finds what types cannot.
func (d *decoder) check(s *Scenario) {
	at := func(line int) *yaml.Node { return &yaml.Node{Line: line} }
	if s.Version != Version {
		d.addf(at(1), "version", "%d is not known, write version: %d", s.Version, Version)
	}
	if s.Name == "" {
		d.addf(at(1), "name", "missing, write in one line what happens")
	}
	if t := time.Duration(s.Time); t <= 0 || t > MaxTime {
		d.addf(at(1), "time", "%v, want up to %v", t, MaxTime)
	}
	if len(s.Steps) == 0 {
		d.addf(at(1), "steps", "missing, write what happens")
	}
	if s.Service != "" && !slices.Contains(faxcloud.Services(), s.Service) {
		d.addf(at(1), "service", "%q is not known, write one of %s", s.Service, strings.Join(faxcloud.Services(), ", "))
	}
	d.fax("fax", s.Fax)
	d.mapping("config", &s.Config)
	names := d.checkDevices("devices", s.Devices, nil)
	if len(names) == 0 {
		names = []string{DefaultDevice}
	}
	var ids []string
	people := s.Company
	if people == nil {
		people = &Company{}
	} else {
		d.company("company", people, s.Mode)
	}
	if s.Mode != "" && !slices.Contains(world.Modes(), s.Mode) {
		d.addf(at(1), "mode", "%q is not known, write one of %s", s.Mode, strings.Join(world.Modes(), ", "))
	}
	c := stepChecker{decoder: d, service: s.Service, mode: s.Mode, names: people.names(), devices: names, stacks: map[string]bool{}, faxes: map[string]bool{}}
	for i := range s.Steps {
		step := &s.Steps[i]
		c.step(step, fmt.Sprintf("steps.%d", i))
		if step.ID != "" && slices.Contains(ids, step.ID) {
			d.addf(at(step.Line), fmt.Sprintf("steps.%d.id", i), "%q is used twice", step.ID)
		}
		if step.ID != "" {
			ids = append(ids, step.ID)
		}
	}
	if s.Breaks != nil {
		if s.Breaks.Company != nil {
			d.company("breaks.company", s.Breaks.Company, s.Mode)
			c.names = append(c.names, s.Breaks.Company.names()...)
		}
		d.checkBreaks(s.Breaks, ids, &c)
	}
}

func (d *decoder) checkBreaks(b *Breaks, ids []string, c *stepChecker) {
	at := func(line int) *yaml.Node { return &yaml.Node{Line: line} }
	if b.Why == "" {
		d.addf(at(b.Line), "breaks.why", "missing, write a part of the reason the judgement must give")
	}
	if b.Fax != nil {
		d.fax("breaks.fax", *b.Fax)
	}
	d.mapping("breaks.config", &b.Config)
	c.devices = d.checkDevices("breaks.devices", b.Devices, c.devices)
	for _, id := range b.Drop {
		if !slices.Contains(ids, id) {
			d.addf(at(b.Line), "breaks.drop", "no step has the id %q; there are %s", id, strings.Join(ids, ", "))
		}
	}
	for i, in := range b.Insert {
		path := fmt.Sprintf("breaks.insert.%d", i)
		if in.After != "" && !slices.Contains(ids, in.After) {
			d.addf(at(in.Line), path+".after", "no step has the id %q; there are %s", in.After, strings.Join(ids, ", "))
		}
		for k := range in.Steps {
			c.step(&in.Steps[k], fmt.Sprintf("%s.steps.%d", path, k))
		}
	}
}

// mapping wants keys and values, or nothing.
func (d *decoder) mapping(path string, n *yaml.Node) {
	if n.Kind != 0 && n.Kind != yaml.MappingNode {
		d.addf(n, path, "want keys and values of the agent's configuration")
	}
}

// checkDevices returns the ids of all devices known after the list.
func (d *decoder) checkDevices(path string, list []Device, known []string) []string {
	known = slices.Clone(known)
	var here []string
	for i, dev := range list {
		p := fmt.Sprintf("%s.%d", path, i)
		at := &yaml.Node{Line: dev.Line}
		switch {
		case dev.ID == "":
			d.addf(at, p+".id", "missing, write a short name such as %s", DefaultDevice)
		case slices.Contains(here, dev.ID):
			d.addf(at, p+".id", "%q is used twice", dev.ID)
		}
		here = append(here, dev.ID)
		if !slices.Contains(known, dev.ID) {
			known = append(known, dev.ID)
		}
		if dev.Profile != "" && !slices.Contains(mfp.Profiles(), dev.Profile) {
			d.addf(at, p+".profile", "%q is not known, write one of %s", dev.Profile, strings.Join(mfp.Profiles(), ", "))
		}
		if _, err := MFPFaults(&dev.Faults); err != nil {
			d.addf(at, p+".faults", "%v", err)
		}
	}
	return known
}

// MFPFaults reads the faults of a device, with those of every node laid over the
// ones before; absent nodes may be among them.
func MFPFaults(nodes ...*yaml.Node) (mfp.Faults, error) {
	all := map[string]any{}
	for _, n := range nodes {
		if n == nil || n.Kind == 0 {
			continue
		}
		if err := n.Decode(&all); err != nil {
			return mfp.Faults{}, errors.New("want keys and values, such as {busy: 2}")
		}
	}
	// Faults have their names once, in the JSON of the control interface.
	data, err := json.Marshal(all)
	if err != nil {
		return mfp.Faults{}, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var f mfp.Faults
	if err := dec.Decode(&f); err != nil {
		return mfp.Faults{}, errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return f, f.Check()
}
