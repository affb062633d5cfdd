// Command platen-sim is the simulated world around the agent: devices, a fax
// service and a broker on this machine, people at the panel, and a judge that
// reads what arrived at the far end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// version is set by the build.
var version = "devel" //nolint:gochecknoglobals // -ldflags can set nothing else

// Exit codes.
const (
	exitDone    = 0
	exitProblem = 1
	exitUsage   = 2
)

// errUsage is wrapped by errors about the command line.
var errUsage = errors.New("usage")

// errRed says that what was played went wrong; it has been told already.
var errRed = errors.New("not passed")

// command is one subcommand.
type command struct {
	name, line, help string
	run              func(ctx context.Context, env env, args []string) error
}

// env is where a command writes.
type env struct {
	out, err io.Writer
}

func commands() []command {
	return []command{demoCommand(), serveCommand(), runCommand()}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := dispatch(ctx, env{out: os.Stdout, err: os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// dispatch runs the command that args name and returns the exit code.
func dispatch(ctx context.Context, e env, args []string) int {
	if len(args) == 0 {
		help(e.err)
		return exitUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		return helpAbout(e, args[1:])
	case "version", "--version":
		fmt.Fprintln(e.out, "platen-sim", version)
		return exitDone
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, e, args[1:])
		switch {
		case err == nil:
			return exitDone
		case errors.Is(err, flag.ErrHelp):
			fmt.Fprint(e.out, c.help)
			return exitDone
		case errors.Is(err, errUsage):
			fmt.Fprintf(e.err, "platen-sim %s: %v\nSee: platen-sim help %s\n", c.name, strings.TrimPrefix(err.Error(), errUsage.Error()+": "), c.name)
			return exitUsage
		case errors.Is(err, errRed):
			return exitProblem
		}
		fmt.Fprintf(e.err, "platen-sim %s: %v\n", c.name, err)
		return exitProblem
	}
	fmt.Fprintf(e.err, "platen-sim: there is no command %q\n\n", args[0])
	help(e.err)
	return exitUsage
}

func help(w io.Writer) {
	fmt.Fprint(w, `platen-sim plays the whole world around a Platen agent on this machine.

`)
	for _, c := range commands() {
		fmt.Fprintf(w, "  platen-sim %-8s %s\n", c.name, c.line)
	}
	fmt.Fprint(w, `  platen-sim version  prints the version
  platen-sim help C   says more about a command

Everything listens on 127.0.0.1 only and vanishes at the end.
`)
}

func helpAbout(e env, args []string) int {
	if len(args) == 0 {
		help(e.out)
		return exitDone
	}
	for _, c := range commands() {
		if c.name == args[0] {
			fmt.Fprint(e.out, c.help)
			return exitDone
		}
	}
	fmt.Fprintf(e.err, "platen-sim: there is no command %q\n", args[0])
	return exitUsage
}

// parse reads flags that may stand before, between and after the arguments,
// which it returns.
func parse(fs *flag.FlagSet, args []string) ([]string, error) {
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	var rest []string
	for {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, fmt.Errorf("%w: %w", errUsage, err)
		}
		args = fs.Args()
		if len(args) == 0 {
			return rest, nil
		}
		rest, args = append(rest, args[0]), args[1:]
	}
}
