package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/platen-fax/platen/agent/config"
)

// DefaultConfig is the configuration when neither --config nor $PLATEN_CONFIG
// names one.
const DefaultConfig = "/etc/platen/agent.yaml"

// flags is a flag set whose flags may stand anywhere among the arguments.
type flags struct {
	*flag.FlagSet
	env  Env
	name string
	args string
}

func newFlags(e Env, name, args string) *flags {
	f := &flags{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError), env: e, name: name, args: args}
	f.SetOutput(io.Discard)
	return f
}

// parse returns the arguments that are no flags, between least and most of
// them (most < 0: any number). A code ≥ 0 ends the command: the usage was
// asked for or something was wrong.
func (f *flags) parse(args []string, least, most int) (rest []string, code int) {
	for len(args) > 0 {
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			f.help(f.env.Stdout)
			return nil, Done
		}
		if err != nil {
			return nil, f.wrong(err.Error())
		}
		left := f.Args()
		if n := len(args) - len(left); n > 0 && args[n-1] == "--" {
			rest = append(rest, left...)
			break
		}
		if len(left) == 0 {
			break
		}
		rest, args = append(rest, left[0]), left[1:]
	}
	switch {
	case len(rest) < least:
		return nil, f.wrong("something is missing")
	case most >= 0 && len(rest) > most:
		return nil, f.wrong(fmt.Sprintf("%q is too much", rest[most]))
	}
	return rest, -1
}

func (f *flags) wrong(what string) int {
	return f.env.usage("%s: %s\nusage: platen %s", f.name, what, strings.TrimSpace(f.name+" "+f.args))
}

func (f *flags) help(w io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "usage: platen %s\n", strings.TrimSpace(f.name+" "+f.args))
	f.VisitAll(func(fl *flag.Flag) {
		what, text := flag.UnquoteUsage(fl)
		fmt.Fprintf(&b, "  --%s\n      %s", strings.TrimSpace(fl.Name+" "+what), text)
		if fl.DefValue != "" && fl.DefValue != "false" {
			fmt.Fprintf(&b, " (%s)", fl.DefValue)
		}
		b.WriteByte('\n')
	})
	f.env.print(w, b.String())
}

// place adds the flags that say which agent is meant.
func (f *flags) place() *Place {
	p := &Place{}
	def := f.env.Getenv("PLATEN_CONFIG")
	if def == "" {
		def = DefaultConfig
	}
	f.StringVar(&p.Config, "config", def, "configuration `FILE`")
	f.StringVar(&p.State, "state", "", "state `DIR`ectory, in place of spool.dir")
	return p
}

// socket finds the admin socket of the agent that is meant. The state
// directory alone is enough where no configuration is named.
func (f *flags) socket(p Place) (string, error) {
	named := false
	f.Visit(func(fl *flag.Flag) { named = named || fl.Name == "config" })
	if p.State != "" && !named {
		if _, err := os.Stat(p.Config); err != nil {
			return filepath.Abs(filepath.Join(p.State, "admin.sock"))
		}
	}
	c, problems, err := config.Load(p.Config)
	if err != nil {
		return "", fmt.Errorf("%w; name one with --config", err)
	}
	if n := config.Errors(problems); n > 0 {
		return "", fmt.Errorf("%s has %d errors; see: platen config check %s", p.Config, n, p.Config)
	}
	if p.State != "" {
		if c.Spool.Dir, err = filepath.Abs(p.State); err != nil {
			return "", err
		}
	}
	return c.AdminSocket(), nil
}
