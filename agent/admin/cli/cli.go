// Package cli is what people type: the commands of platen, their flags, the
// texts they print and their exit codes (0 done, 1 a problem was named, 2 wrong
// usage). Flags may stand before or after arguments.
//
// Commands that steer a running agent go through its admin socket. What needs
// concrete drivers is handed in, so that the program stays one table of parts.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/platen-fax/platen/agent/doctor"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/devices"
)

// Exit codes.
const (
	Done    = 0
	Problem = 1 // named on standard error
	Usage   = 2
)

// Place is which agent a command is about.
type Place struct {
	Config string // the configuration file
	State  string // overrides spool.dir; "" does not
}

// Device is what device probe asks for.
type Device struct {
	URL    string
	Driver string // "escl"
	CAFile string // "": the system's authorities
}

// Env is what surrounds the commands. A nil function is a command that is not
// there.
type Env struct {
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Version        string

	// Run is the agent; it ends with ctx.
	Run func(ctx context.Context, p Place) error
	// Site prepares what doctor looks at. How the agent is asked follows from
	// AdminSocket and is filled in here.
	Site func(ctx context.Context, p Place) (doctor.Site, error)
	// Probe asks a device who it is.
	Probe func(ctx context.Context, d Device) (devices.Info, error)
	// Lookup asks the directory whose a badge number is; nil: badge test does not
	// offer to.
	Lookup func(ctx context.Context, p Place, number string) (job.Person, error)
	// Convert is the document engine on files, with flags of its own.
	Convert func(ctx context.Context, args []string, stdout, stderr io.Writer) int
}

// command is one word after platen.
type command struct {
	name    string
	args    string // as shown in the usage
	summary string
	run     func(ctx context.Context, e Env, args []string) int
	there   func(e Env) bool // nil: always
}

func commands() []command {
	return []command{
		{"run", "--config F [--state DIR]", "run the agent", run, func(e Env) bool { return e.Run != nil }},
		{"config", "check F", "name every problem of a configuration", configCommand, nil},
		{"doctor", "--config F [--state DIR] [--json]", "look at everything the agent needs", doctorCommand, func(e Env) bool { return e.Site != nil }},
		{"jobs", "list|show J|cancel J[/R]|retry J[/R]|decide J[/R] sent|again|unknown", "look at faxes and steer them", jobsCommand, nil},
		{"services", "[resume ID]", "how the fax services stand; let a stopped account be used again", servicesCommand, nil},
		{"device", "probe URL", "ask a device who it is", deviceCommand, func(e Env) bool { return e.Probe != nil }},
		{"badge", "test RAW [--profile P]", "show which card number a line of a badge reader means", badgeCommand, nil},
		{"setup", "tls [--dir D] [--name HOST]…", "make a certificate for the panel, or renew it", setupCommand, nil},
		{"convert", "IN… -o OUT", "make a fax document of files", convert, func(e Env) bool { return e.Convert != nil }},
		{"version", "", "print the version", version, nil},
		{"help", "[COMMAND]", "print this, or the flags of a command", nil, nil},
	}
}

// Main runs the command that args name, without the program's own name, and
// returns the exit code. SIGINT and SIGTERM end what runs.
func Main(args []string, e Env) int {
	if e.Stdout == nil {
		e.Stdout = os.Stdout
	}
	if e.Stderr == nil {
		e.Stderr = os.Stderr
	}
	if e.Getenv == nil {
		e.Getenv = os.Getenv
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(args) == 0 {
		help(e.Stderr, e)
		return Usage
	}
	name, rest := args[0], args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		if len(rest) == 0 {
			help(e.Stdout, e)
			return Done
		}
		name, rest = rest[0], []string{"--help"}
	case "--version", "-version":
		name = "version"
	}
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name && c.run != nil && (c.there == nil || c.there(e)) })
	if i < 0 {
		return e.usage("no command %q; platen help lists them", name)
	}
	return all[i].run(ctx, e, rest)
}

func help(w io.Writer, e Env) {
	var b strings.Builder
	fmt.Fprintf(&b, "platen %s: fax from multifunction printers\n\n", e.Version)
	for _, c := range commands() {
		if c.there != nil && !c.there(e) {
			continue
		}
		fmt.Fprintf(&b, "  platen %s\n      %s\n", strings.TrimSpace(c.name+" "+c.args), c.summary)
	}
	b.WriteString("\nExit codes: 0 done, 1 a problem was named, 2 wrong usage.\n")
	e.print(w, b.String())
}

// print ignores errors: there is nobody left to tell.
func (Env) print(w io.Writer, s string) {
	_, _ = io.WriteString(w, s)
}

func (e Env) usage(format string, args ...any) int {
	e.print(e.Stderr, "platen: "+fmt.Sprintf(format, args...)+"\n")
	return Usage
}

func (e Env) problem(err error) int {
	if err != nil {
		e.print(e.Stderr, "platen: "+err.Error()+"\n")
	}
	return Problem
}

func version(_ context.Context, e Env, args []string) int {
	f := newFlags(e, "version", "")
	if _, code := f.parse(args, 0, 0); code >= 0 {
		return code
	}
	e.print(e.Stdout, fmt.Sprintf("platen %s (%s %s/%s)\n", e.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH))
	return Done
}

func run(ctx context.Context, e Env, args []string) int {
	f := newFlags(e, "run", "--config F [--state DIR]")
	place := f.place()
	if _, code := f.parse(args, 0, 0); code >= 0 {
		return code
	}
	if err := e.Run(ctx, *place); err != nil && !errors.Is(err, context.Canceled) {
		return e.problem(err)
	}
	return Done
}

func convert(ctx context.Context, e Env, args []string) int {
	return e.Convert(ctx, args, e.Stdout, e.Stderr)
}
