package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/protocols/badge"
)

// texts is a flag that may be given more than once.
type texts []string

func (t *texts) String() string { return strings.Join(*t, ",") }

func (t *texts) Set(s string) error {
	*t = append(*t, s)
	return nil
}

func badgeCommand(ctx context.Context, e Env, args []string) int {
	f := newFlags(e, "badge", "test RAW [--profile P] [--step S]…")
	name := f.String("profile", "", "show each step of this `PROFILE`; without, what every profile makes of it")
	var steps texts
	f.Var(&steps, "step", "try this `STEP` in place of the profile's own, as in reader.steps; may be given more than once")
	place := &Place{}
	if e.Lookup != nil {
		f.args += " [--config F]"
		f.StringVar(&place.Config, "config", "", "also ask the directory of this configuration `FILE` whose badge it is")
	}
	rest, code := f.parse(args, 2, 2)
	if code >= 0 {
		return code
	}
	if rest[0] != "test" {
		return f.wrong(fmt.Sprintf("%q is not known", rest[0]))
	}
	raw := rest[1]
	if *name == "" && len(steps) == 0 {
		return e.tryProfiles(ctx, *place, raw)
	}
	p, err := badge.Lookup(*name)
	if err != nil {
		return f.wrong(err.Error())
	}
	if len(steps) > 0 {
		p.Steps = steps
		if _, err := p.Compile(); err != nil {
			return f.wrong(err.Error())
		}
	}
	x := p.Explain(raw)
	e.print(e.Stdout, explain(p, x))
	if x.Err != nil {
		return e.problem(fmt.Errorf("%s: %w", p.Name, x.Err))
	}
	if place.Config != "" {
		who, err := e.Lookup(ctx, *place, x.ID)
		if err != nil {
			return e.problem(err)
		}
		e.print(e.Stdout, "\nThe directory says: "+inWords(who)+"\n")
	}
	return Done
}

// explain tells the way from what a reader sent to a card number.
func explain(p badge.Profile, x badge.Explanation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "profile %s: %s\n\n", p.Name, p.About)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, l := range x.Lines {
		fmt.Fprintf(w, "  %s\t%s\n", l.Step, l.Value)
	}
	w.Flush()
	return b.String()
}

// tryProfiles prints what each known profile makes of a line, so that the one
// can be found that gives the number the directory has.
func (e Env) tryProfiles(ctx context.Context, place Place, raw string) int {
	type owner struct {
		who job.Person
		err error
	}
	asked := map[string]owner{}
	ask := place.Config != ""
	found := false
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	head := "PROFILE\tCARD NUMBER\t"
	if ask {
		head += "BELONGS TO\t"
	}
	fmt.Fprintln(w, head+"FOR")
	for _, p := range badge.Profiles() {
		x := p.Explain(raw)
		number, whose := x.ID, "-"
		if x.Err != nil {
			number = "-"
		} else {
			found = true
			if ask {
				o, ok := asked[x.ID]
				if !ok {
					o.who, o.err = e.Lookup(ctx, place, x.ID)
					asked[x.ID] = o
				}
				if whose = inWords(o.who); o.err != nil {
					whose = "nobody: " + o.err.Error()
				}
			}
		}
		if ask {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.Name, number, whose, p.About)
		} else {
			fmt.Fprintf(w, "%s\t%s\t%s\n", p.Name, number, p.About)
		}
	}
	w.Flush()
	e.print(e.Stdout, b.String())
	if !found {
		return e.problem(fmt.Errorf("no profile finds a card number in %q; --step tries steps of your own", badge.Unescape(raw)))
	}
	e.print(e.Stdout, "\nTake the profile whose number your directory has, and write it as reader.profile of the device.\n"+
		"Each step of one: platen badge test RAW --profile PROFILE\n")
	return Done
}

// inWords names a person to IT.
func inWords(p job.Person) string {
	if p.Name == "" {
		return p.Email
	}
	return p.Name + " <" + p.Email + ">"
}
