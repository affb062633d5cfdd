package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"github.com/platen-fax/platen/agent/admin"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

const jobsArgs = "list|show J|cancel J[/R]|retry J[/R]|decide J[/R] sent|again|unknown [--json]"

func jobsCommand(ctx context.Context, e Env, args []string) int {
	f := newFlags(e, "jobs", jobsArgs)
	place := f.place()
	asJSON := f.Bool("json", false, "print JSON")
	device := f.String("device", "", "list only those of this device `ID`")
	state := f.String("only", "", "list only these `STATES`, joined by commas, such as ready,failed")
	limit := f.Int("limit", 50, "list at most `N`, newest first; 0 lists all")
	rest, code := f.parse(args, 1, 3)
	if code >= 0 {
		return code
	}
	verb, rest := rest[0], rest[1:]
	want, ok := map[string]int{"list": 0, "show": 1, "cancel": 1, "retry": 1, "decide": 2}[verb]
	switch {
	case !ok:
		return f.wrong(fmt.Sprintf("%q is not known", verb))
	case len(rest) != want:
		return f.wrong(fmt.Sprintf("%s takes %d arguments, not %d", verb, want, len(rest)))
	}
	var states []job.State
	for s := range strings.SplitSeq(*state, ",") {
		if s == "" {
			continue
		}
		if !slices.Contains(job.States(), job.State(s)) {
			return f.wrong(fmt.Sprintf("--only: %q is none of %v", s, job.States()))
		}
		states = append(states, job.State(s))
	}
	if *limit < 0 {
		return f.wrong("--limit: want 0 or more")
	}
	var name string
	var recipient int
	if want > 0 {
		var err error
		if name, recipient, err = parseRef(rest[0]); err != nil || verb == "show" && recipient != 0 {
			return f.wrong(fmt.Sprintf("%q: want a fax number such as 4F7K, or an id, and for a recipient 4F7K/2", rest[0]))
		}
	}
	if verb == "decide" && !slices.Contains([]string{"sent", "again", "unknown"}, rest[1]) {
		return f.wrong(fmt.Sprintf("%q: want sent, again or unknown", rest[1]))
	}

	socket, err := f.socket(*place)
	if err != nil {
		return e.problem(err)
	}
	c := admin.NewClient(socket)
	if verb == "list" {
		return e.list(ctx, c, *device, states, *limit, *asJSON)
	}
	var j admin.Job
	switch verb {
	case "show":
		j, err = c.Job(ctx, name)
	case "cancel":
		j, err = c.Cancel(ctx, name, recipient)
	case "retry":
		j, err = c.Retry(ctx, name, recipient)
	case "decide":
		j, err = c.Decide(ctx, name, recipient, spool.Verdict(rest[1]), whoAmI())
	}
	if err != nil {
		return e.refused(err, name)
	}
	if *asJSON {
		return e.json(j)
	}
	e.print(e.Stdout, after(verb, j)+describe(j))
	return Done
}

// parseRef takes J or J/R apart; the recipient is 0 where none is named.
func parseRef(s string) (name string, recipient int, err error) {
	name, r, found := strings.Cut(s, "/")
	if found {
		recipient, err = strconv.Atoi(r)
		if err == nil && recipient < 1 {
			err = errors.New("recipients count from 1")
		}
	}
	if name == "" {
		err = errors.New("no name")
	}
	return name, recipient, err
}

func (e Env) list(ctx context.Context, c *admin.Client, device string, states []job.State, limit int, asJSON bool) int {
	jobs, err := c.Jobs(ctx, device, states, limit)
	if err != nil {
		return e.refused(err, "")
	}
	if asJSON {
		return e.json(struct {
			Jobs []admin.Job `json:"jobs"`
		}{jobs})
	}
	if len(jobs) == 0 {
		e.print(e.Stdout, "no faxes\n")
		return Done
	}
	e.print(e.Stdout, table(jobs))
	return Done
}

// refused names a problem; one that is about a job begins with its name.
func (e Env) refused(err error, name string) int {
	var a *admin.Error
	switch {
	case errors.As(err, &a) && a.Code == admin.CodeNotFound && name != "":
		return e.problem(fmt.Errorf("%s: %w", name, err))
	case errors.Is(err, admin.ErrNotRunning):
		return e.problem(admin.ErrNotRunning)
	}
	return e.problem(err)
}

// whoAmI names the person for the record of a decision.
func whoAmI() string {
	if s := os.Getenv("SUDO_USER"); s != "" {
		return s
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "uid " + strconv.Itoa(os.Getuid())
}
