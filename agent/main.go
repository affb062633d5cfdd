// Platen's agent: see `platen help` and ARCHITECTURE.md.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/platen-fax/platen/agent/app"
)

// version is stamped by the Makefile.
var version = "devel"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	err := app.Run(ctx, app.Options{
		Config: os.Args[3], Version: version, Drivers: drivers(), Reload: reload, Log: app.Logger(os.Args[3], os.Stderr),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
