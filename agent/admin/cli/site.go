package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/platen-fax/platen/agent/admin"
	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/doctor"
	"github.com/platen-fax/platen/devices"
)

func configCommand(_ context.Context, e Env, args []string) int {
	f := newFlags(e, "config", "check F")
	rest, code := f.parse(args, 2, 2)
	if code >= 0 {
		return code
	}
	if rest[0] != "check" {
		return f.wrong(fmt.Sprintf("%q is not known", rest[0]))
	}
	_, problems, err := config.Load(rest[1])
	if err != nil {
		return e.problem(err)
	}
	for _, p := range problems {
		e.print(e.Stdout, p.String()+"\n")
	}
	if n := config.Errors(problems); n > 0 {
		return Problem
	}
	if len(problems) == 0 {
		e.print(e.Stdout, rest[1]+": no problems\n")
	}
	return Done
}

func doctorCommand(ctx context.Context, e Env, args []string) int {
	f := newFlags(e, "doctor", "--config F [--state DIR] [--json]")
	place := f.place()
	asJSON := f.Bool("json", false, "print JSON")
	if _, code := f.parse(args, 0, 0); code >= 0 {
		return code
	}
	site, err := e.Site(ctx, *place)
	if err != nil {
		return e.problem(err)
	}
	if site.Version == "" {
		site.Version = e.Version
	}
	if site.AdminSocket != "" {
		site.Admin = askAgent(site.AdminSocket)
	}
	report := doctor.Run(ctx, site.Checks()...)
	write := report.Write
	if *asJSON {
		write = report.WriteJSON
	}
	if err := write(e.Stdout); err != nil {
		return e.problem(err)
	}
	if report.Failed() {
		return Problem
	}
	return Done
}

// askAgent asks for the version of the agent at a socket, in doctor's words.
func askAgent(socket string) func(context.Context) (string, error) {
	c := admin.NewClient(socket)
	return func(ctx context.Context) (string, error) {
		v, err := c.Version(ctx)
		if errors.Is(err, admin.ErrNotRunning) {
			err = fmt.Errorf("%w: %w", doctor.ErrNoAgent, err)
		}
		return v, err
	}
}

func deviceCommand(ctx context.Context, e Env, args []string) int {
	f := newFlags(e, "device", "probe URL [--driver escl] [--ca FILE] [--json]")
	var d Device
	f.StringVar(&d.Driver, "driver", "escl", "`NAME` of the driver")
	f.StringVar(&d.CAFile, "ca", "", "`FILE` with the authority of the device's certificate, in PEM form")
	asJSON := f.Bool("json", false, "print JSON")
	rest, code := f.parse(args, 2, 2)
	if code >= 0 {
		return code
	}
	if rest[0] != "probe" {
		return f.wrong(fmt.Sprintf("%q is not known", rest[0]))
	}
	d.URL = rest[1]
	info, err := e.Probe(ctx, d)
	if err != nil {
		return e.problem(err)
	}
	if *asJSON {
		return e.json(probed{
			MakeModel: info.MakeModel, Serial: info.Serial, UUID: info.UUID, Sources: info.Sources, Duplex: info.Duplex, Condition: info.Condition,
		})
	}
	var sources []string
	for _, s := range info.Sources {
		sources = append(sources, string(s))
	}
	sides := "one side"
	if info.Duplex {
		sides = "both sides"
	}
	e.print(e.Stdout, fmt.Sprintf("model      %s\nserial     %s\nuuid       %s\nsources    %s\nfeeder     %s\ncondition  %s\n",
		known(info.MakeModel), known(info.Serial), known(info.UUID), known(strings.Join(sources, ", ")), sides, known(string(info.Condition))))
	return Done
}

// probed is the JSON form of what a device says about itself.
type probed struct {
	MakeModel string            `json:"make_model"`
	Serial    string            `json:"serial"`
	UUID      string            `json:"uuid"`
	Sources   []devices.Source  `json:"sources"`
	Duplex    bool              `json:"duplex"`
	Condition devices.Condition `json:"condition"`
}

func known(s string) string {
	if s == "" {
		return "not told"
	}
	return s
}

func (e Env) json(v any) int {
	enc := json.NewEncoder(e.Stdout)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return e.problem(err)
	}
	return Done
}
