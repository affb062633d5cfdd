package config_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/platen-fax/platen/agent/config"
)

// combination is one cell of the matrix of docs/modes.md.
type combination struct{ mode, account, method, service string }

// readMatrix returns what each combination of the table is said to be: "yes",
// "no" or "with phone". Cells may list several values.
func readMatrix(t *testing.T) map[combination]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/modes.md")
	if err != nil {
		t.Fatal(err)
	}
	const header = "| Mode | Account | Method | People at | Works |"
	_, table, found := strings.Cut(string(text), header)
	if !found {
		t.Fatalf("docs/modes.md has no table %s", header)
	}
	matrix := map[combination]string{}
	for _, line := range strings.Split(table, "\n")[2:] {
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) != 9 {
			t.Fatalf("row %q has %d cells; want 9", line, len(cells))
		}
		// Who checks, what is typed and whose credential: for what works, and only that.
		for _, said := range cells[5:] {
			if (said != "") != (cells[4] != "no") {
				t.Errorf("row %q explains what does not work, or not what does", line)
			}
		}
		for _, account := range strings.Split(cells[1], ", ") {
			for _, method := range strings.Split(cells[2], ", ") {
				for _, service := range strings.Split(cells[3], ", ") {
					c := combination{cells[0], account, method, service}
					if matrix[c] != "" {
						t.Errorf("%v stands in two rows", c)
					}
					matrix[c] = cells[4]
				}
			}
		}
	}
	return matrix
}

// yaml makes the smallest configuration of a combination; what each part needs
// beside it is there, so that an error is about the combination.
func (c combination) yaml(kind string, methods ...string) string {
	device := fmt.Sprintf("id: a, driver: escl, url: https://10.0.0.20/eSCL, fax_service: %s, mode: %s", kind, c.mode)
	signIn := []string{"domains: [example.com]"}
	switch c.method {
	case "badge":
		device += ", reader: {port: COM3}"
		signIn = append(signIn, "directory: {kind: csv, file: people.csv}")
	case "launch token":
		device += ", launch_key_file: k"
		signIn = append(signIn, "directory: {kind: csv, file: people.csv}")
	}
	if c.account != "–" {
		signIn = append(signIn, "account: "+c.account, "methods: ["+strings.Join(methods, ", ")+"]")
	}
	if c.service != "–" {
		signIn = append(signIn, "service: "+c.service)
	}
	if slices.Contains(methods, "company") {
		signIn = append(signIn, "company: {hosts: [sts.example.com], relying_party: https://fax.example/}")
	}
	if slices.Contains(methods, "company-phone") {
		signIn = append(signIn, "provider: {issuer: https://sts.example.com/adfs, client_id: platen}")
	}
	return fmt.Sprintf(`version: 1
devices:
  - {%s}
fax_services:
  - {id: faxplus, kind: faxplus, token_file: t}
  - {id: xmcloud, kind: xmcloud, token_file: t, url: https://portal.example.ca, account: acme, device: agent-1}
sign_in:
  %s
`, device, strings.Join(signIn, "\n  "))
}

// TestModesTable keeps the matrix of docs/modes.md and the checks in step, for
// devices whose faxes go out through either kind of fax service.
func TestModesTable(t *testing.T) {
	matrix := readMatrix(t)
	for c, said := range matrix {
		for _, kind := range []string{config.KindFaxPlus, config.KindXMCloud} {
			t.Run(fmt.Sprintf("%s/%s/%s/%s/%s", c.mode, c.account, c.method, c.service, kind), func(t *testing.T) {
				alone := errorsOf(t, c.yaml(kind, c.method))
				switch said {
				case "yes":
					if alone != "" {
						t.Errorf("the table says yes; config check:\n%s", alone)
					}
				case "no":
					if alone == "" {
						t.Error("the table says no; config check finds nothing")
					}
					for line := range strings.Lines(alone) { // and for this reason
						if !strings.Contains(line, ": sign_in.methods") && !strings.Contains(line, ": sign_in.account") {
							t.Errorf("the table says no, but this is another error: %s", line)
						}
					}
				case "with phone":
					if alone == "" {
						t.Error("the table says only with phone; alone, config check finds nothing")
					}
					for _, phone := range []string{config.MethodPhone, config.MethodCompanyPhone} {
						if beside := errorsOf(t, c.yaml(kind, c.method, phone)); beside != "" {
							t.Errorf("the table says with phone; beside %s config check:\n%s", phone, beside)
						}
					}
				default:
					t.Errorf("the table says %q; want yes, no or with phone", said)
				}
			})
		}
	}
}

// TestModesTableIsWhole finds a combination that the table forgot.
func TestModesTableIsWhole(t *testing.T) {
	want := []combination{
		{config.ModeSharedAccount, "–", "–", "–"},
		{config.ModeDeviceLogin, "–", "badge", "–"},
		{config.ModeDeviceLogin, "–", "launch token", "–"},
	}
	for _, account := range []string{config.AccountAuto, config.AccountOwn, config.AccountWSTrust, config.AccountSAML, config.AccountOIDC} {
		for _, method := range []string{config.MethodPassword, config.MethodCompany, config.MethodBrokered, config.MethodPhone, config.MethodCompanyPhone} {
			for _, service := range []string{"xmcloud", "–"} {
				want = append(want, combination{config.ModeUserPrompt, account, method, service})
			}
		}
	}
	matrix := readMatrix(t)
	for _, c := range want {
		if matrix[c] == "" {
			t.Errorf("docs/modes.md has no row for %v", c)
		}
		delete(matrix, c)
	}
	for c := range matrix {
		t.Errorf("docs/modes.md has a row for %v, which is nothing one can configure", c)
	}
}

// errorsOf returns what config check finds that keeps the agent from running.
func errorsOf(t *testing.T, text string) string {
	t.Helper()
	_, problems := config.Parse("/etc/platen/agent.yaml", config.Source{Name: "row.yaml", Data: []byte(text)})
	var b strings.Builder
	for _, p := range problems {
		if p.Severity == config.SeverityError {
			fmt.Fprintf(&b, "%s\n", p)
		}
	}
	return b.String()
}
