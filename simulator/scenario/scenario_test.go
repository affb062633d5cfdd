package scenario_test

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/configs"
	"github.com/platen-fax/platen/simulator/scenario"
)

var update = flag.Bool("update", false, "write the golden files")

// TestShipped reads every scenario that is shipped: whole, short, and with a
// form that must fail.
func TestShipped(t *testing.T) {
	files, err := fs.Glob(configs.Scenarios, "scenarios/*.yaml")
	if err != nil || len(files) < 6 {
		t.Fatalf("there are %d scenarios, %v; want at least 6", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			f, err := configs.Scenarios.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			s, err := scenario.Parse(file, f)
			if err != nil {
				t.Fatal(err)
			}
			if d := time.Duration(s.Time); d > 15*time.Second {
				t.Errorf("takes up to %v, want at most 15s", d)
			}
			if s.Breaks == nil {
				t.Error("has no form that must fail")
			} else if len(s.Broken().Steps) == 0 {
				t.Error("its broken form has no steps")
			}
		})
	}
}

// TestProblems compares what is wrong with bad files to golden text.
func TestProblems(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad examples: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, err := scenario.Load(file)
			if !errors.Is(err, scenario.ErrFormat) {
				t.Fatalf("Load(%s) = %v; want ErrFormat", file, err)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			got := strings.ReplaceAll(strings.TrimPrefix(err.Error(), "scenario: "), "testdata/bad/", "") + "\n"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, readErr := os.ReadFile(golden)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if got != string(want) {
				t.Errorf("Load(%s) says\n%s\nwant\n%s", file, got, want)
			}
		})
	}
}

// TestBroken shows how the broken form is made.
func TestBroken(t *testing.T) {
	s, err := scenario.Parse("x.yaml", strings.NewReader(`
version: 1
name: x
fax: {list_lag: 1s}
steps:
  - {id: a, load: {pages: 1}}
  - {id: b, clear_jam: {}}
  - agent: stop
breaks:
  why: w
  devices: [{id: front-desk, profile: simplex}]
  fax: {down: true}
  drop: [b]
  insert:
    - {after: "", steps: [{agent: start}]}
    - {after: b, steps: [{take_paper: {}}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	b := s.Broken()
	var verbs []string
	for i := range b.Steps {
		verbs = append(verbs, b.Steps[i].Verb())
	}
	if got, want := strings.Join(verbs, " "), "agent load take_paper agent"; got != want {
		t.Errorf("broken steps are %q, want %q", got, want)
	}
	if b.Fax.Down == nil || !*b.Fax.Down || b.Fax.ListLag == nil || time.Duration(*b.Fax.ListLag) != time.Second {
		t.Errorf("broken fax service is %+v, want down and with the lag of the healthy form", b.Fax)
	}
	if len(b.Devices) != 1 || b.Devices[0].Profile != "simplex" || s.Devices[0].Profile != "" {
		t.Errorf("broken devices are %+v, healthy %+v", b.Devices, s.Devices)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("version: 1\nname: x\nsteps: [{agent: stop}]\n")
	f.Add("steps: [{load: {pages: 3}}, {fax: {to: 1}}]\nbreaks: {why: x, drop: [a]}\n")
	f.Add("a: &a [*a]\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := scenario.Parse("f.yaml", strings.NewReader(text))
		if err != nil {
			if !errors.Is(err, scenario.ErrFormat) {
				t.Fatalf("error %v does not wrap ErrFormat", err)
			}
			return
		}
		if _, err := s.World(); err != nil {
			t.Fatalf("a scenario without problems makes no world: %v", err)
		}
		if s.Breaks != nil {
			s.Broken()
		}
	})
}
