package cli_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/platen-fax/platen/agent/admin/cli"
	"github.com/platen-fax/platen/agent/job"
)

func TestBadgeTest(t *testing.T) {
	lookup := func(_ context.Context, p cli.Place, number string) (job.Person, error) {
		switch {
		case p.Config != "site.yaml":
			return job.Person{}, errors.New("configuration " + p.Config)
		case number == "683503252":
			return job.Person{ID: "ann@example.com", Name: "Ann", Email: "ann@example.com"}, nil
		}
		return job.Person{}, errors.New("staff: by badge: not in the directory")
	}
	for _, tt := range []struct {
		name   string
		lookup func(context.Context, cli.Place, string) (job.Person, error)
		args   []string
		code   int
		says   []string
		silent string
	}{
		{"all profiles", nil, []string{"946EBD28"}, 0, []string{
			"PROFILE", "generic-hex-to-dec          2490285352", "elatec-twn4-swapped         683503252", "rfideas-dec                 -",
			"write it as reader.profile",
		}, "BELONGS"},
		{"bytes as in a manual", nil, []string{"<STX>62E3086CED08<ETX>"}, 0, []string{"em4100-stx                  3808980205"}, ""},
		{"one profile", nil, []string{"946EBD28<CR>", "--profile", "elatec-twn4-swapped"}, 0, []string{
			`received       "946EBD28\r"`, "reverse-bytes  28BD6E94 (32 bits)", "card number    683503252",
		}, "BELONGS"},
		{"bit by bit", nil, []string{"--profile=elatec-twn3-wiegand26", "1A808001C0"}, 0, []string{"wiegand26:full", "00100003"}, ""},
		{"own steps", nil, []string{"946EBD28", "--step", "last:4", "--step", "hex", "--step", "to-dec"}, 0, []string{"last:4", "card number  48424"}, ""},
		{"no card", nil, []string{"hello"}, 1, []string{`no profile finds a card number in "hello"`}, "write it as"},
		{"not of this profile", nil, []string{"946EBD28", "--profile", "rfideas-dec"}, 1, []string{`frame     "946EBD28"`, "platen: rfideas-dec: "}, ""},
		{"unknown profile", nil, []string{"946EBD28", "--profile", "acme"}, 2, []string{`"acme" is not one of generic`}, ""},
		{"unknown step", nil, []string{"946EBD28", "--step", "rot13"}, 2, []string{`step "rot13"`}, ""},
		{"no badge", nil, nil, 2, []string{"something is missing"}, ""},
		{"two badges", nil, []string{"1234", "5678"}, 2, []string{`"5678" is too much`}, ""},
		{"nobody to ask", nil, []string{"946EBD28", "--config", "site.yaml"}, 2, []string{"not defined: -config"}, ""},
		{"whose", lookup, []string{"946EBD28", "--config", "site.yaml"}, 0, []string{
			"elatec-twn4-swapped         683503252    Ann <ann@example.com>", "nobody: staff: by badge: not in the directory",
		}, ""},
		{"whose, one profile", lookup, []string{"946EBD28", "--config", "site.yaml", "--profile", "elatec-twn4-swapped"}, 0, []string{
			"The directory says: Ann <ann@example.com>",
		}, ""},
		{"nobody's, one profile", lookup, []string{"946EBD28", "--config", "site.yaml", "--profile", "generic"}, 1, []string{"not in the directory"}, ""},
		{"not asked", lookup, []string{"946EBD28"}, 0, []string{"683503252"}, "BELONGS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errs := platen(cli.Env{Lookup: tt.lookup}, append([]string{"badge", "test"}, tt.args...)...)
			if code != tt.code || (code == cli.Done) != (errs == "") {
				t.Errorf("exit %d with %q on standard error; want %d", code, errs, tt.code)
			}
			for _, want := range tt.says {
				if !strings.Contains(out+errs, want) {
					t.Errorf("no %q in\n%s%s", want, out, errs)
				}
			}
			if tt.silent != "" && strings.Contains(out, tt.silent) {
				t.Errorf("%q in\n%s", tt.silent, out)
			}
		})
	}
	if code, _, errs := platen(cli.Env{}, "badge", "read", "1234"); code != cli.Usage || !strings.Contains(errs, `"read" is not known`) {
		t.Errorf("badge read = %d %s", code, errs)
	}
}
