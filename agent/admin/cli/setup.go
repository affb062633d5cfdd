package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/platen-fax/platen/agent/setup"
)

func setupCommand(_ context.Context, e Env, args []string) int {
	f := newFlags(e, "setup", "tls [--dir D] [--name HOST]… [--config F]")
	def := e.Getenv("PLATEN_CONFIG")
	if def == "" {
		def = DefaultConfig
	}
	file := f.String("config", def, "configuration `FILE` of the agent; it need not be there yet, and is not changed")
	dir := f.String("dir", "", "`DIR`ectory for the files; without, tls beside the configuration")
	var names texts
	f.Var(&names, "name", "`HOST` name or address under which devices open the panel, may be given more than once;\n"+
		"      without, this machine's, and those of the certificate before")
	rest, code := f.parse(args, 1, 1)
	if code >= 0 {
		return code
	}
	if rest[0] != "tls" {
		return f.wrong(fmt.Sprintf("%q is not known", rest[0]))
	}
	for _, n := range names {
		if _, err := setup.ParseName(n); err != nil {
			return f.wrong("--name: " + err.Error())
		}
	}
	if *dir == "" {
		*dir = filepath.Join(filepath.Dir(*file), "tls")
	}
	r, err := setup.TLS(setup.TLSOptions{Dir: *dir, Names: names})
	if err != nil {
		if errors.Is(err, setup.ErrForeign) {
			err = fmt.Errorf("%w\nnothing was changed", err)
		}
		return e.problem(err)
	}
	e.print(e.Stdout, tlsDone(r, *file))
	return Done
}

// tlsDone says what was made and what a person does with it.
func tlsDone(r setup.TLSResult, configFile string) string {
	var b strings.Builder
	file := func(name string) string { return filepath.Join(r.Dir, name) }
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(what, name, text string) { fmt.Fprintf(w, "%s\t%s\t%s\n", what, file(name), text) }
	authority := fmt.Sprintf("the authority %q, until %s", r.CAName, day(r.CAExpires))
	if r.NewCA {
		line("made", setup.CAFile, authority)
		line("made", setup.CAKey, "its key: only to renew; keep a copy away from this machine and show it to nobody")
	} else {
		line("kept", setup.CAFile, authority)
	}
	ends := "certificate of the panel, until " + day(r.Expires)
	if r.ShortenedByAuthority {
		ends += ", when its authority ends as well"
	}
	if r.Replaced.IsZero() {
		line("made", setup.CertFile, ends)
	} else {
		line("replaced", setup.CertFile, ends+"; the one before: "+day(r.Replaced))
	}
	if r.NewKey {
		line("made", setup.KeyFile, "its key: the user the agent runs as must be able to read it")
	} else {
		line("kept", setup.KeyFile, "its key")
	}
	w.Flush()
	fmt.Fprintf(&b, "\nIt is good for %s.\n", strings.Join(r.Names, ", "))
	if r.NewCA {
		b.WriteString("The authority can vouch for these, for names ending in .local, .internal or .home.arpa, and for private\n" +
			"addresses, for nothing else. If devices will use another name, remove the files and run this again with\n" +
			"--name before any device trusts it.\n")
	}

	var hosts []string
	for _, n := range r.Names {
		if _, err := netip.ParseAddr(n); err != nil {
			hosts = append(hosts, n)
		}
	}
	list := fmt.Sprintf("  hosts: [%s]\n", strings.Join(hosts, ", "))
	if !r.Replaced.IsZero() && !r.NewKey {
		b.WriteString("\nRestart the agent so that it shows the new certificate. The devices need nothing.\n")
		if len(hosts) > 0 {
			b.WriteString("Names of the panel belong into its configuration as well:\n\npanel:\n" + list)
		}
		return b.String()
	}
	b.WriteString("\n1. Write into the configuration, then restart the agent:\n\npanel:\n")
	fmt.Fprintf(&b, "  tls_cert_file: %s\n  tls_key_file: %s\n", yamlPath(configFile, file(setup.CertFile)), yamlPath(configFile, file(setup.KeyFile)))
	if len(hosts) > 0 {
		b.WriteString(list)
	}
	b.WriteString("\n   For devices, panel.listen is not a loopback address and panel.allow names them.\n")
	fmt.Fprintf(&b, `
2. Make each device trust the authority. Open the device's web page as its
   administrator, look for certificates (often under Security or Network), and
   import this file as a trusted or root CA certificate:

   %s

   Some devices want it as ca.crt or ca.cer: copy it under that name, the
   content is the same. Never import or send a file that ends in .key. Where the
   device shows a fingerprint (SHA-256), it must be

   %s

3. Set the device's date and time, then let its browser open the panel with
   https:// under one of the names above. A warning about the certificate means
   that step 2 is missing, the name is not in the list, or the clock is wrong.

Renew before %s: run platen setup tls again; devices keep their trust.
`, file(setup.CAFile), r.CAFingerprint, day(r.Expires))
	return b.String()
}

func day(t time.Time) string { return t.Local().Format(time.DateOnly) }

// yamlPath writes a path as the configuration file would: relative to itself
// where it lies beside or below.
func yamlPath(configFile, path string) string {
	full, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	base, err := filepath.Abs(filepath.Dir(configFile))
	if err != nil {
		return full
	}
	rel, err := filepath.Rel(base, full)
	if err != nil || !filepath.IsLocal(rel) {
		rel = full
	}
	if strings.ContainsAny(rel, ": #'\"\\{}[],&*!|>%@`") {
		return "'" + strings.ReplaceAll(rel, "'", "''") + "'"
	}
	return rel
}
