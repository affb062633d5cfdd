package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/scenario"
	"github.com/platen-fax/platen/simulator/world"
)

const serveHelp = `platen-sim serve [--mode M] [--scenario F] [--ready-file J]

Runs the world until Ctrl-C: virtual devices, the fax service and the broker, on
free ports of 127.0.0.1. It prints where everything is, and the command that
starts an agent in it.

  --mode M         how people sign in: shared-account, device-login, user-prompt or
                   saml, as in the demo; then AD FS or an identity provider, card
                   readers and a directory are there as needed.
  --scenario F     take devices, fax service and agent settings from a scenario;
                   its steps are not played. Without one, the device front-desk
                   has a page on the glass and 10 in the feeder, which are
                   filled up again after each batch.
  --ready-file J   write the addresses to J, as JSON and in one piece, as soon
                   as everything answers.

The control interface answers JSON:

  GET  /world                      addresses
  GET  /mfps  /mfps/ID             what the devices are doing
  POST /mfps/ID/load               {"pages": 3, "class": "mixed", "platen": false}
  PUT  /mfps/ID/faults             {"busy": 2}  (replaces all; {} is healthy)
  POST /mfps/ID/clear-jam          also open-cover, close-cover, cancel, clear
  GET  /fax/ledger                 every fax that arrived, with the pages read
  POST /fax/faults                 {"op": "send", "action": "cut", "stage": "effect"}
  PUT  /fax/rules                  [{"suffix": "99", "outcome": "busy", "times": 1}]
  PUT  /fax/down                   true or false
  GET  /broker/messages            everything said over MQTT

and where people sign in:

  GET  /people  /people/ID/code    who there is, with passwords; one-time codes
  PUT  /people/ID                  {"state": "must-change"}
  POST /mfps/ID/tap                {"card": "04711"}, also unplug, replug
  GET  /passwords                  where passwords arrived
  PUT  /company/down               true or false
  PUT  /adfs/behaviour             {"MEX": "http-only"}
  PUT  /idp/knobs                  {"blocked": true} (OpenID), POST /idp/user, …
`

func serveCommand() command {
	return command{name: "serve", line: "the world alone, for an agent and tools of yours", help: serveHelp, run: serve}
}

func serve(ctx context.Context, e env, args []string) error {
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	file := fs.String("scenario", "", "")
	mode := fs.String("mode", world.ModeShared, "")
	ready := fs.String("ready-file", "", "")
	rest, err := parse(fs, args)
	if err != nil {
		return err
	}
	switch {
	case len(rest) > 0:
		return fmt.Errorf("%w: %q is one argument too many", errUsage, rest[0])
	case !slices.Contains(demoModes(), *mode):
		return fmt.Errorf("%w: --mode %q is not known, write one of %s", errUsage, *mode, strings.Join(demoModes(), ", "))
	case *mode != world.ModeShared && *file != "":
		return fmt.Errorf("%w: a scenario says its mode itself, leave --mode out", errUsage)
	}
	o := modeWorld(*mode)
	var config *yaml.Node
	if *file != "" {
		s, err := scenario.Load(*file)
		if err != nil {
			return err
		}
		if o, err = s.World(); err != nil {
			return err
		}
		o.Broker, config = true, &s.Config
	}
	w, err := world.Start(ctx, o)
	if err != nil {
		return err
	}
	home, err := w.WriteConfig(config)
	if err != nil {
		w.Close()
		return err
	}
	a := w.Addresses(home.Config)
	if *ready != "" {
		if err := writeWhole(*ready, a); err != nil {
			w.Close()
			return err
		}
	}
	fmt.Fprintf(e.out, "The world is up.\n  control      %s\n", a.Control)
	for _, m := range a.MFPs {
		fmt.Fprintf(e.out, "  device       %s  %s\n", m.ID, m.ESCL)
		if m.Reader != "" {
			fmt.Fprintf(e.out, "  reader       %s\n", m.Reader)
		}
	}
	for _, p := range []struct{ what, where string }{{"AD FS", a.ADFS}, {"SAML", a.SAML}, {"OpenID", a.OIDC}, {"SCIM", a.SCIM}} {
		if p.where != "" {
			fmt.Fprintf(e.out, "  %-12s %s\n", p.what, p.where)
		}
	}
	for _, p := range a.People {
		fmt.Fprintf(e.out, "  %-12s %s  password %s  badges %v\n", p.Name, p.Email, p.Password, p.Badges)
	}
	fmt.Fprintf(e.out, "  fax service  %s  (faxplus)\n               %s  (xmcloud)\n  broker       %s\n  received in  %s\n\nStart an agent:  platen run --config %s\nCtrl-C ends the world.\n",
		a.Services[faxcloud.FaxPlus], a.Services[faxcloud.XMCloud], a.Broker, a.Received, a.Config)
	<-ctx.Done()
	return w.Close()
}

// officeWorld is the world of whoever asks for nothing special.
func officeWorld() world.Options {
	return world.Options{
		Devices: []world.Device{{ID: scenario.DefaultDevice, Refill: 10, OnGlass: true}},
		Fax:     world.Fax{SendTime: time.Second},
		Broker:  true,
	}
}

// writeWhole writes JSON so that whoever waits for the file finds all of it.
func writeWhole(file string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("ready file: %w", err)
	}
	_, err = tmp.Write(append(data, '\n'))
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return fmt.Errorf("ready file: %w", err)
	}
	return nil
}
