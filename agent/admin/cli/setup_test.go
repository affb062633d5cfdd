package cli_test

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/platen-fax/platen/agent/admin/cli"
	"github.com/platen-fax/platen/agent/config"
)

// TestSetupTLS follows the printed instructions: what they say to write is a
// configuration that finds the certificate.
func TestSetupTLS(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "agent.yaml")
	code, out, errs := platen(cli.Env{}, "setup", "tls", "--config", file, "--name", "FaxBox.local", "--name=10.0.0.5")
	if code != cli.Done || errs != "" {
		t.Fatalf("setup tls = %d\n%s%s", code, out, errs)
	}
	for _, want := range []string{"It is good for faxbox.local, 10.0.0.5.", "Make each device trust", "\n   " + filepath.Join(dir, "tls", "ca.pem")} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "tls", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	want := strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256(block.Bytes)), " ", ":")
	if !strings.Contains(out, want) {
		t.Errorf("no fingerprint %s in\n%s", want, out)
	}

	lines := regexp.MustCompile(`(?m)^panel:\n(  .+\n)+`).FindString(out)
	lines = strings.TrimSuffix(lines, "\n") + "\n  listen: 127.0.0.1:8630\n"
	if err := os.WriteFile(file, []byte(goodConfig+lines), 0o600); err != nil {
		t.Fatal(err)
	}
	c, problems, err := config.Load(file)
	if err != nil || config.Errors(problems) > 0 {
		t.Fatalf("the printed configuration: %v %v\n%s", err, problems, lines)
	}
	if _, err := tls.LoadX509KeyPair(c.Panel.TLSCert, c.Panel.TLSKey); err != nil {
		t.Errorf("the files of the printed configuration: %v", err)
	}
	if len(c.Panel.Hosts) != 1 || c.Panel.Hosts[0] != "faxbox.local" {
		t.Errorf("panel.hosts = %q; want faxbox.local", c.Panel.Hosts)
	}

	code, out, _ = platen(cli.Env{}, "setup", "tls", "--config", file)
	if code != cli.Done || !strings.Contains(out, "replaced") || !strings.Contains(out, "The devices need nothing") || strings.Contains(out, "made") {
		t.Errorf("renewing = %d\n%s", code, out)
	}
	if err := os.Remove(filepath.Join(dir, "tls", "ca.key")); err != nil {
		t.Fatal(err)
	}
	code, _, errs = platen(cli.Env{}, "setup", "tls", "--config", file)
	if code != cli.Problem || !strings.Contains(errs, "ca.pem is there but ca.key is not") || !strings.Contains(errs, "nothing was changed") {
		t.Errorf("without the authority's key = %d %s", code, errs)
	}
}

func TestSetupPlaces(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's: here")
	elsewhere := filepath.Join(t.TempDir(), "certs")
	code, out, _ := platen(cli.Env{}, "setup", "--config", filepath.Join(dir, "a.yaml"), "--dir", elsewhere, "tls", "--name", "10.0.0.5")
	if code != cli.Done || !strings.Contains(out, "tls_key_file: "+filepath.Join(elsewhere, "server.key")+"\n") || strings.Contains(out, "hosts:") {
		t.Errorf("setup tls --dir = %d\n%s", code, out)
	}
	code, out, _ = platen(cli.Env{}, "setup", "--config", filepath.Join(dir, "a.yaml"), "tls", "--dir", filepath.Join(dir, "x y"), "--name", "10.0.0.5")
	if code != cli.Done || !strings.Contains(out, "tls_key_file: '"+filepath.Join("x y", "server.key")+"'\n") {
		t.Errorf("setup tls below the configuration = %d\n%s", code, out)
	}
	for _, tt := range []struct{ args, says string }{
		{"setup", "something is missing"},
		{"setup ssh", `"ssh" is not known`},
		{"setup tls now", `"now" is too much`},
		{"setup tls --name https://faxbox", "write only the host name"},
		{"setup tls --name *.contoso.com", "not a pattern"},
	} {
		if code, _, errs := platen(cli.Env{}, strings.Fields(tt.args)...); code != cli.Usage || !strings.Contains(errs, tt.says) {
			t.Errorf("platen %s = %d %s; want 2 with %q", tt.args, code, errs, tt.says)
		}
	}
	if _, err := os.Stat(dir + "/tls"); err == nil {
		t.Error("wrong usage made files")
	}
}
