package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/platen-fax/platen/agent/admin"
	"github.com/platen-fax/platen/agent/deliver"
)

func servicesCommand(ctx context.Context, e Env, args []string) int {
	f := newFlags(e, "services", "[resume ID] [--json]")
	place := f.place()
	asJSON := f.Bool("json", false, "print JSON")
	rest, code := f.parse(args, 0, 2)
	if code >= 0 {
		return code
	}
	if len(rest) > 0 && rest[0] != "resume" {
		return f.wrong(fmt.Sprintf("%q is not known", rest[0]))
	}
	if len(rest) == 1 {
		return f.wrong("resume which?")
	}
	socket, err := f.socket(*place)
	if err != nil {
		return e.problem(err)
	}
	c := admin.NewClient(socket)
	if len(rest) == 2 {
		if err := c.Resume(ctx, rest[1]); err != nil {
			return e.refused(err, rest[1])
		}
		if *asJSON {
			return e.json(struct {
				Resumed string `json:"resumed"`
			}{rest[1]})
		}
		e.print(e.Stdout, fmt.Sprintf("%s is used again; a credential that is still wrong stops it again at its first refusal.\n", rest[1]))
		return Done
	}
	services, err := c.Services(ctx)
	if err != nil {
		return e.refused(err, "")
	}
	if *asJSON {
		return e.json(struct {
			Services []admin.Service `json:"services"`
		}{services})
	}
	e.print(e.Stdout, serviceTable(services))
	return Done
}

func serviceTable(services []admin.Service) string {
	if len(services) == 0 {
		return "no fax services\n"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SERVICE\tKIND\tSTATE\tCAN")
	for _, s := range services {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.ID, s.Kind, serviceState(s), can(s.Capabilities))
	}
	w.Flush()
	return b.String()
}

func serviceState(s admin.Service) string {
	switch {
	case s.Stopped != nil:
		return fmt.Sprintf("stopped %s: credential refused (%s)", stamp(s.Stopped.Since), s.Stopped.Code)
	case !s.Open.IsZero():
		return "not answering since " + stamp(s.Open)
	}
	return "up"
}

// can lists what a service declares.
func can(c deliver.Capabilities) string {
	var s []string
	for _, f := range c.Formats {
		s = append(s, string(f))
	}
	for _, x := range []struct {
		on   bool
		name string
	}{
		{c.Dedupe != "" && c.Dedupe != deliver.DedupeNone, "dedupe " + string(c.Dedupe)},
		{c.Chunking, "resumes uploads"},
		{c.Cancel, "cancels"},
		{c.Webhook, "webhook"},
		{c.SenderNumber, "sender number"},
		{c.CoverPage, "cover page"},
		{c.MaxBytes > 0, fmt.Sprintf("up to %d MiB", c.MaxBytes>>20)},
		{c.MaxPages > 0, fmt.Sprintf("up to %d pages", c.MaxPages)},
	} {
		if x.on {
			s = append(s, x.name)
		}
	}
	return strings.Join(s, ", ")
}
