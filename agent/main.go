// The agent of Platen, as one program: what it can do is printed by platen help,
// how it is put together is in ARCHITECTURE.md.
//
// Only the joining of parts lives here; drivers.go names the concrete ones.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/platen-fax/platen/agent/admin/cli"
	"github.com/platen-fax/platen/agent/app"
	"github.com/platen-fax/platen/agent/doctor"
	"github.com/platen-fax/platen/devices"
)

// version is stamped by the Makefile.
var version = "devel"

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.Env{
		Version: version,
		Run:     run,
		Site: func(_ context.Context, p cli.Place) (doctor.Site, error) {
			return app.Site(options(p))
		},
		Probe: func(ctx context.Context, d cli.Device) (devices.Info, error) {
			return app.Probe(ctx, drivers(), d.Driver, d.URL, d.CAFile)
		},
	}))
}

func options(p cli.Place) app.Options {
	return app.Options{Config: p.Config, State: p.State, Version: version, Drivers: drivers()}
}

// run is the agent until ctx ends; SIGHUP makes it read its configuration again.
func run(ctx context.Context, p cli.Place) error {
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	o := options(p)
	o.Reload, o.Log = reload, app.Logger(p.Config, os.Stderr)
	return app.Run(ctx, o)
}
