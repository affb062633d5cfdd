package cli_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/platen-fax/platen/agent/admin"
	"github.com/platen-fax/platen/agent/admin/cli"
	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/doctor"
	"github.com/platen-fax/platen/devices"
)

const goodConfig = `version: 1
site: {name: Main office, country: CA, language: en}
devices:
  - {id: front-desk, driver: escl, url: https://10.0.0.20/eSCL, mode: shared-account, fax_service: main}
fax_services:
  - {id: main, kind: faxplus, token_file: faxplus.token}
spool: {dir: state}
`

func TestUsage(t *testing.T) {
	tests := []struct {
		name string
		args string
		code int
		says string
	}{
		{"nothing", "", 2, "platen jobs"},
		{"help", "help", 0, "platen config check F"},
		{"help of a command", "help jobs", 0, "--json"},
		{"--help of a command", "jobs --help", 0, "usage: platen jobs"},
		{"version", "version", 0, "platen 1.2.0 (go1"},
		{"--version", "--version", 0, "platen 1.2.0"},
		{"version with more", "version now", 2, `"now" is too much`},
		{"unknown", "fly", 2, `no command "fly"`},
		{"not handed in", "run", 2, `no command "run"`},
		{"jobs alone", "jobs", 2, "something is missing"},
		{"jobs of a kind", "jobs fly", 2, `"fly" is not known`},
		{"show nothing", "jobs show", 2, "show takes 1 arguments, not 0"},
		{"show a recipient", "jobs show 4F7K/1", 2, "want a fax number"},
		{"recipient 0", "jobs cancel 4F7K/0", 2, "want a fax number"},
		{"recipient x", "jobs cancel 4F7K/x", 2, "want a fax number"},
		{"verdict", "jobs decide 4F7K maybe", 2, "want sent, again or unknown"},
		{"flag", "jobs list --states x", 2, "flag provided but not defined"},
		{"job state", "jobs list --only sent", 2, "is none of"},
		{"limit", "jobs list --limit -1", 2, "want 0 or more"},
		{"services", "services stop main", 2, `"stop" is not known`},
		{"resume", "services resume", 2, "resume which?"},
		{"config", "config print x", 2, `"print" is not known`},
		{"config alone", "config check", 2, "something is missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errs := platen(cli.Env{Version: "1.2.0"}, strings.Fields(tt.args)...)
			if code != tt.code || !strings.Contains(out+errs, tt.says) {
				t.Errorf("platen %s = %d\n%s%s\nwant %d with %q", tt.args, code, out, errs, tt.code, tt.says)
			}
			if (code == cli.Done) != (errs == "") {
				t.Errorf("exit %d with %q on standard error", code, errs)
			}
		})
	}
}

func TestHelpShowsWhatIsThere(t *testing.T) {
	_, out, _ := platen(cli.Env{}, "help")
	if strings.Contains(out, "platen run") || strings.Contains(out, "convert") {
		t.Errorf("help lists what is not there:\n%s", out)
	}
	_, out, _ = platen(cli.Env{Run: func(context.Context, cli.Place) error { return nil }}, "help")
	if !strings.Contains(out, "platen run --config F") {
		t.Errorf("help lacks run:\n%s", out)
	}
}

func TestConfigCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "platen.yaml")
	check := func(text string) (int, string, string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return platen(cli.Env{}, "config", "check", file)
	}
	if code, out, errs := check(goodConfig); code != cli.Done || !strings.HasSuffix(out, "no problems\n") {
		t.Errorf("good configuration = %d %s%s", code, out, errs)
	}
	if code, out, _ := check(goodConfig + "mqqt: {}\n"); code != cli.Problem || !strings.HasPrefix(out, file+":8: mqqt: ") {
		t.Errorf("unknown key = %d %s", code, out)
	}
	if code, _, errs := platen(cli.Env{}, "config", "check", file+".none"); code != cli.Problem || !strings.Contains(errs, "none") {
		t.Errorf("missing file = %d %s", code, errs)
	}
}

func TestDoctor(t *testing.T) {
	site := doctor.Site{ConfigFile: "x.yaml", Problems: []config.Problem{{Severity: config.SeverityError, Text: "want a country"}}}
	var asked cli.Place
	e := cli.Env{Site: func(_ context.Context, p cli.Place) (doctor.Site, error) { asked = p; return site, nil }}
	code, out, _ := platen(e, "doctor", "--config", "x.yaml", "--state", "dir")
	if code != cli.Problem || !strings.Contains(out, "want a country") || asked != (cli.Place{Config: "x.yaml", State: "dir"}) {
		t.Errorf("doctor = %d, place %+v\n%s", code, asked, out)
	}
	if code, out, _ := platen(e, "doctor", "--json"); code != cli.Problem || !strings.Contains(out, `"ok": false`) {
		t.Errorf("doctor --json = %d\n%s", code, out)
	}
	e.Site = func(context.Context, cli.Place) (doctor.Site, error) {
		return doctor.Site{}, errors.New("no such file")
	}
	if code, _, errs := platen(e, "doctor"); code != cli.Problem || errs != "platen: no such file\n" {
		t.Errorf("doctor = %d %s", code, errs)
	}
}

func TestDoctorAsksTheAgent(t *testing.T) {
	w := newWorld(t)
	site := doctor.Site{ConfigFile: "x.yaml", StateDir: w.dir, AdminSocket: filepath.Join(w.dir, "admin.sock")}
	e := cli.Env{Version: "1.2.0", Site: func(context.Context, cli.Place) (doctor.Site, error) { return site, nil }}
	if _, out, _ := platen(e, "doctor"); !strings.Contains(out, "ok    admin        version 1.2.0 is running") {
		t.Errorf("doctor beside the agent:\n%s", out)
	}
	site.AdminSocket += ".none"
	site.Admin = admin.NewClient(site.AdminSocket).Version // does not speak doctor's words
	if _, out, _ := platen(e, "doctor"); !strings.Contains(out, "ok    admin        no agent is running") {
		t.Errorf("doctor without an agent:\n%s", out)
	}
}

func TestDeviceProbe(t *testing.T) {
	e := cli.Env{Probe: func(_ context.Context, d cli.Device) (devices.Info, error) {
		if d.URL != "https://10.0.0.20/eSCL" || d.Driver != "escl" || d.CAFile != "ca.pem" {
			return devices.Info{}, &devices.OpError{Device: d.URL, Op: "probe", Err: devices.ErrUnreachable}
		}
		return devices.Info{MakeModel: "M1", Sources: []devices.Source{devices.Feeder, devices.Platen}, Duplex: true, Condition: devices.Ready}, nil
	}}
	code, out, _ := platen(e, "device", "probe", "https://10.0.0.20/eSCL", "--ca", "ca.pem")
	for _, want := range []string{"model      M1\n", "serial     not told\n", "sources    feeder, platen\n", "feeder     both sides\n", "condition  ready\n"} {
		if code != cli.Done || !strings.Contains(out, want) {
			t.Errorf("device probe = %d\n%s\nwant %q", code, out, want)
		}
	}
	if code, out, _ := platen(e, "device", "--ca=ca.pem", "probe", "--json", "https://10.0.0.20/eSCL"); code != cli.Done || !strings.Contains(out, `"make_model": "M1"`) {
		t.Errorf("device probe --json = %d\n%s", code, out)
	}
	if code, _, errs := platen(e, "device", "probe", "http://x"); code != cli.Problem || !strings.Contains(errs, "unreachable") {
		t.Errorf("device probe = %d %s", code, errs)
	}
}

func TestServices(t *testing.T) {
	w := newWorld(t)
	code, out, errs := w.platen("services")
	if code != cli.Done || !strings.Contains(out, "stopped 20") || !strings.Contains(out, "credential refused (401)") ||
		!strings.Contains(out, "tiff, dedupe searchable, up to 100 MiB") {
		t.Errorf("services = %d\n%s%s", code, out, errs)
	}
	if code, _, errs := w.platen("services", "resume", "other"); code != cli.Problem || errs != "platen: other: no such fax service\n" {
		t.Errorf("services resume other = %d %q", code, errs)
	}
	if code, out, errs := w.platen("services", "resume", "main"); code != cli.Done || !strings.Contains(out, "main is used again") {
		t.Errorf("services resume main = %d %s%s", code, out, errs)
	}
	if code, out, _ := w.platen("services", "--json"); code != cli.Done || strings.Contains(out, "stopped") || !strings.Contains(out, `"id": "main"`) {
		t.Errorf("services --json = %d\n%s", code, out)
	}
}

func TestRunAndConvert(t *testing.T) {
	var got []string
	e := cli.Env{
		Run: func(_ context.Context, p cli.Place) error {
			if p.Config == "bad.yaml" {
				return errors.New("configuration has errors")
			}
			return fmt.Errorf("ended: %w", context.Canceled)
		},
		Convert: func(_ context.Context, args []string, _, stderr io.Writer) int {
			got = args
			fmt.Fprint(stderr, "no")
			return cli.Usage
		},
	}
	if code, _, errs := platen(e, "run", "--config", "good.yaml"); code != cli.Done || errs != "" {
		t.Errorf("run = %d %s", code, errs)
	}
	if code, _, errs := platen(e, "run", "--config", "bad.yaml"); code != cli.Problem || errs != "platen: configuration has errors\n" {
		t.Errorf("run = %d %s", code, errs)
	}
	if code, _, errs := platen(e, "convert", "a.jpg", "-o", "b.tif"); code != cli.Usage || errs != "no" || !slices.Equal(got, []string{"a.jpg", "-o", "b.tif"}) {
		t.Errorf("convert = %d %s %v", code, errs, got)
	}
}
