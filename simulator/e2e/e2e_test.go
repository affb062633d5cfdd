// Package e2e_test runs the two programs as they are shipped: every scenario,
// the commands, and a load under kill -9. It imports neither of them.
package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// programs are the two binaries, built once for all tests.
type programs struct{ dir, agent, sim string }

var built programs //nolint:gochecknoglobals // set by TestMain only

func TestMain(m *testing.M) {
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "platen-e2e-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	built = programs{dir: dir, agent: filepath.Join(dir, "platen"), sim: filepath.Join(dir, "platen-sim")}
	for out, pkg := range map[string]string{built.agent: "agent", built.sim: "simulator"} {
		cmd := exec.Command("go", "build", "-tags", "nethttpomithttp2", "-trimpath", "-o", out, "github.com/platen-fax/platen/"+pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if msg, err := cmd.CombinedOutput(); err != nil {
			panic(string(msg))
		}
	}
	return m.Run()
}

// sim runs platen-sim and returns its standard output, standard error and exit
// code.
func sim(t *testing.T, timeout time.Duration, args ...string) (out, errs string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, built.sim, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it has children to end
	cmd.WaitDelay = 20 * time.Second
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("platen-sim %v: %v\n%s", args, err, e.String())
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// TestScenarios plays the healthy form of every scenario, or with -breaks the
// broken ones.
func TestScenarios(t *testing.T) {
	if testing.Short() {
		t.Skip("plays every scenario in real time")
	}
	files, err := filepath.Glob("../../configs/scenarios/*.yaml")
	if err != nil || len(files) < 6 {
		t.Fatalf("there are %d scenarios, %v", len(files), err)
	}
	args := []string{"run", "--json"}
	if *breaks {
		args = append(args, "--breaks")
	}
	out, errs, code := sim(t, 10*time.Minute, append(args, files...)...)
	if errs != "" {
		t.Errorf("platen-sim says on standard error:\n%s", errs)
	}
	seen := 0
	for line := range strings.Lines(out) {
		var v struct {
			File    string   `json:"file"`
			Passed  bool     `json:"passed"`
			Seconds float64  `json:"seconds"`
			Reasons []string `json:"reasons"`
			Error   string   `json:"error"`
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("verdict %q: %v", line, err)
		}
		seen++
		t.Run(filepath.Base(v.File), func(t *testing.T) {
			if !v.Passed {
				t.Errorf("not passed after %.1f s: %s %s", v.Seconds, strings.Join(v.Reasons, "\n"), v.Error)
			}
		})
	}
	if seen != len(files) {
		t.Errorf("there are %d verdicts for %d scenarios", seen, len(files))
	}
	if (code == 0) == t.Failed() {
		t.Errorf("exit code %d, failed %v", code, t.Failed())
	}
}

// TestDemo runs the demo of each mode as a script would.
func TestDemo(t *testing.T) {
	for mode, words := range map[string][]string{
		"shared-account": nil,
		"device-login":   {"holds badge", "Hello, Ann Lee", "whose fax it is: Ann Lee"},
		"user-prompt":    {"AD FS at 127.0.0.1", "Hello, Ann Lee", "whose fax it is: Ann Lee"},
		"saml":           {"QR code", "taps yes", "Hello, Ann Lee", "whose fax it is: Ann Lee"},
	} {
		t.Run(mode, func(t *testing.T) { demo(t, mode, words) })
	}
}

func demo(t *testing.T, mode string, words []string) {
	t.Helper()
	out, errs, code := sim(t, 2*time.Minute, "demo", "--once", "--json", "--mode", mode)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var r struct {
		Result, Mode, Document string
		Pages                  int
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil || code != 0 {
		t.Fatalf("demo: exit code %d, %v\n%s\n%s", code, err, out, errs)
	}
	if r.Result != "delivered" || r.Mode != mode || r.Pages != 3 {
		t.Errorf("demo ends with %s", lines[len(lines)-1])
	}
	head := make([]byte, 4)
	f, err := os.Open(r.Document)
	if err != nil {
		t.Fatalf("the received document is not there: %v", err)
	}
	defer os.RemoveAll(filepath.Dir(filepath.Dir(r.Document)))
	defer f.Close()
	if _, err := f.Read(head); err != nil || string(head) != "II*\x00" && string(head) != "MM\x00*" {
		t.Errorf("the received document begins with %q, %v; want a TIFF", head, err)
	}
	for _, word := range append(words, "world", "agent", "panel", "Stored safely", "far end") {
		if !strings.Contains(errs, word) {
			t.Errorf("the demo's steps do not tell %q:\n%s", word, errs)
		}
	}
}

// TestServe starts the world alone and asks it over its ready file.
func TestServe(t *testing.T) {
	for mode, names := range map[string][]string{
		"shared-account": nil, "device-login": {"reader"}, "user-prompt": {"adfs"}, "saml": {"saml"},
	} {
		t.Run(mode, func(t *testing.T) { serve(t, mode, names) })
	}
}

// serve wants the named addresses in the ready file beside those of every world.
func serve(t *testing.T, mode string, names []string) {
	t.Helper()
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready.json")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, built.sim, "serve", "--mode", mode, "--ready-file", ready)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var a struct {
		Control, CA, Broker, Dir, ADFS, SAML string

		MFPs     []struct{ ID, ESCL, Reader string } `json:"mfps"`
		Services map[string]string                   `json:"fax_services"`
	}
	for {
		data, err := os.ReadFile(ready)
		if err == nil {
			if err := json.Unmarshal(data, &a); err != nil {
				t.Fatalf("the ready file is not whole: %v\n%s", err, data)
			}
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("serve ended: %v\n%s", err, errs.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	if a.Control == "" || a.CA == "" || a.Broker == "" || len(a.MFPs) != 1 || a.MFPs[0].ESCL == "" || a.Services["faxplus"] == "" {
		t.Errorf("the ready file says %+v", a)
	}
	for _, name := range names {
		at := map[string]string{"reader": a.MFPs[0].Reader, "adfs": a.ADFS, "saml": a.SAML}[name]
		if at == "" {
			t.Errorf("the ready file of %s has no %s: %+v", mode, name, a)
		}
	}
	if _, err := os.Stat(a.CA); err != nil {
		t.Error(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("serve ended with %v\n%s", err, errs.String())
	}
	if _, err := os.Stat(a.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the world's directory is left behind: %v", err)
	}
}

// TestUsage shows the exit codes of mistakes.
func TestUsage(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("version: 1\ntitel: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"nothing", nil, 2, "platen-sim demo"},
		{"no such command", []string{"dance"}, 2, `no command "dance"`},
		{"a world of a mode and of a scenario", []string{"serve", "--mode", "saml", "--scenario", "x.yaml"}, 2, "leave --mode out"},
		{"a mode of nobody", []string{"demo", "--mode", "x"}, 2, "not known"},
		{"no scenario", []string{"run"}, 2, "at least one scenario"},
		{"a flag that is not there", []string{"run", "--fast"}, 2, "fast"},
		{"no agent", []string{"run", "x.yaml", "--agent", "/nowhere"}, 1, "no agent at /nowhere"},
		{"no file", []string{"run", "/nowhere.yaml"}, 1, "/nowhere.yaml"},
		{"a bad scenario", []string{"run", bad}, 1, "bad.yaml:2: titel: unknown key"},
		{"serve with a bad scenario", []string{"serve", "--scenario", bad}, 1, "bad.yaml:2"},
		{"help", []string{"help"}, 0, ""},
		{"help about run", []string{"run", "-h"}, 0, ""},
		{"version", []string{"version"}, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, errs, code := sim(t, time.Minute, tt.args...)
			if code != tt.code || !strings.Contains(errs, tt.says) {
				t.Errorf("platen-sim %q = %d, standard error %q; want %d and %q", tt.args, code, errs, tt.code, tt.says)
			}
			if code == 0 && out == "" {
				t.Error("nothing is printed")
			}
		})
	}
}
