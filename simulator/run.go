package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/platen-fax/platen/simulator/play"
	"github.com/platen-fax/platen/simulator/process"
	"github.com/platen-fax/platen/simulator/scenario"
)

const runHelp = `platen-sim run [--breaks] SCENARIO.yaml… [--agent PATH] [--junit F] [--json]

Plays scenarios, each in a world of its own against a real agent, and judges
them: what the far end read, page by page, and what the agent and its panel say.
Exit code 0 means that every judgement is as it should be.

  --breaks        play the form that must fail; it passes only when the
                  judgement is red for the reason the scenario names
  --agent PATH    the agent's binary; without it the platen beside this program
  --parallel N    how many at once (2)
  --junit F       write the verdicts as a JUnit file too
  --json          print one JSON line per scenario
  --keep DIR      leave every world's files (configuration, state, log, received
                  documents) below DIR
  -v              print every step as it happens
`

func runCommand() command {
	return command{name: "run", line: "plays scenarios against the agent and judges them", help: runHelp, run: run}
}

func run(ctx context.Context, e env, args []string) error {
	fs := flag.NewFlagSet("run", flag.ContinueOnError)
	breaks := fs.Bool("breaks", false, "")
	agent := fs.String("agent", "", "")
	junit := fs.String("junit", "", "")
	asJSON := fs.Bool("json", false, "")
	parallel := fs.Int("parallel", 2, "")
	keep := fs.String("keep", "", "")
	verbose := fs.Bool("v", false, "")
	files, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%w: name at least one scenario", errUsage)
	}
	if *parallel < 1 || *parallel > 64 {
		return fmt.Errorf("%w: --parallel %d, want 1 to 64", errUsage, *parallel)
	}
	binary, err := process.Find(*agent)
	if err != nil {
		return err
	}
	all, err := loadAll(files)
	if err != nil {
		return err
	}
	opt := play.Options{Agent: binary, Broken: *breaks, Keep: *keep}
	if *verbose {
		opt.Log = slog.New(slog.NewTextHandler(e.err, nil))
	}
	began := time.Now()
	results := make([]play.Result, len(all))
	var wg sync.WaitGroup
	var mu sync.Mutex
	slots := make(chan struct{}, *parallel)
	for i, s := range all {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			own := opt
			if *verbose {
				own.Trace = &prefixed{w: e.err, mu: &mu, prefix: s.File + " "}
			}
			results[i] = play.Play(ctx, s, own)
			mu.Lock()
			defer mu.Unlock()
			if *asJSON {
				verdictJSON(e.out, results[i])
			} else {
				verdict(e.out, results[i])
			}
		})
	}
	wg.Wait()
	red := 0
	for _, r := range results {
		if !r.Passed() {
			red++
		}
	}
	if !*asJSON {
		fmt.Fprintf(e.out, "%d of %d passed in %.1f s\n", len(results)-red, len(results), time.Since(began).Seconds())
	}
	if *junit != "" {
		if err := writeJUnit(*junit, results); err != nil {
			return err
		}
	}
	if red > 0 {
		return errRed
	}
	return nil
}

// loadAll reads every scenario before the first is played, and reports the
// problems of all.
func loadAll(files []string) ([]*scenario.Scenario, error) {
	all := make([]*scenario.Scenario, len(files))
	var errs []error
	for i, f := range files {
		var err error
		if all[i], err = scenario.Load(f); err != nil {
			errs = append(errs, err)
		}
	}
	return all, errors.Join(errs...)
}

// verdict tells one result to people.
func verdict(w io.Writer, r play.Result) {
	word := map[bool]string{true: "ok    ", false: "FAILED"}[r.Passed()]
	what := r.Name
	if r.Broken {
		what += " (broken form)"
	}
	fmt.Fprintf(w, "%s %5.1f s  %s  %s\n", word, r.Took.Seconds(), r.File, what)
	switch {
	case r.Err != nil:
		fmt.Fprintf(w, "         not played: %v\n", r.Err)
	case r.Broken && !r.Passed():
		fmt.Fprintf(w, "         must be red because of %q\n", r.Why)
		if len(r.Reasons) == 0 {
			fmt.Fprintln(w, "         and is green: the judgement does not notice what is broken")
		}
	}
	for _, reason := range r.Reasons {
		fmt.Fprintf(w, "         %s\n", indent(reason))
	}
	if !r.Passed() && r.AgentLog != "" {
		fmt.Fprintf(w, "         the agent's last words:\n         | %s\n", strings.ReplaceAll(strings.TrimSpace(lastLines(r.AgentLog, 12)), "\n", "\n         | "))
	}
}

func indent(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n           ") }

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func verdictJSON(w io.Writer, r play.Result) {
	line := struct {
		File    string   `json:"file"`
		Name    string   `json:"name"`
		Broken  bool     `json:"broken"`
		Passed  bool     `json:"passed"`
		Seconds float64  `json:"seconds"`
		Reasons []string `json:"reasons"`
		Error   string   `json:"error,omitempty"`
	}{File: r.File, Name: r.Name, Broken: r.Broken, Passed: r.Passed(), Seconds: r.Took.Seconds(), Reasons: r.Reasons}
	if r.Err != nil {
		line.Error = r.Err.Error()
	}
	if line.Reasons == nil {
		line.Reasons = []string{}
	}
	_ = json.NewEncoder(w).Encode(line) // standard output that is gone has no reader
}

// prefixed writes whole lines of several plays into one stream.
type prefixed struct {
	w      io.Writer
	mu     *sync.Mutex
	prefix string
}

// Write implements [io.Writer].
func (p *prefixed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := io.WriteString(p.w, p.prefix+string(b))
	return len(b), err
}
