package config_test

import (
	"flag"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/configs"
)

var update = flag.Bool("update", false, "write the golden files")

// TestBad compares every problem of every bad example with its golden text.
func TestBad(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 25 {
		t.Fatalf("bad examples: %d, %v; want at least 25", len(files), err)
	}
	files = append(files, "testdata/bad/conf-d/agent.yaml")
	for _, file := range files {
		t.Run(strings.TrimPrefix(file, "testdata/bad/"), func(t *testing.T) {
			c, problems, err := config.Load(file)
			if err != nil {
				t.Fatalf("Load: %v", err)
			}
			var b strings.Builder
			for _, p := range problems {
				b.WriteString(filepath.ToSlash(p.String()) + "\n")
			}
			got := b.String()
			if (c == nil) != (config.Errors(problems) > 0) {
				t.Errorf("Load = config %v with %d errors; want one or the other", c != nil, config.Errors(problems))
			}
			if len(problems) == 0 {
				t.Error("a bad example without a problem")
			}
			if strings.Contains(got, "hunter2") || strings.Contains(got, "alohi-secret") || strings.Contains(got, "me:secret") {
				t.Errorf("problems %s show a secret", got)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExamplesAreClean(t *testing.T) {
	err := fs.WalkDir(configs.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && (d.Name() == "scenarios" || d.Name() == "service") {
				return fs.SkipDir // not of the agent
			}
			return err
		}
		data, err := fs.ReadFile(configs.FS, path)
		if err != nil {
			return err
		}
		c, problems := config.Parse("/etc/platen/"+path, config.Source{Name: path, Data: data})
		if c == nil || len(problems) > 0 {
			t.Errorf("%s: %v; want no problem", path, problems)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestExampleIsComplete keeps agent.yaml in step with the program: it names every
// key and shows the value that leaving it out would give.
func TestExampleIsComplete(t *testing.T) {
	text, err := fs.ReadFile(configs.FS, "agent.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var keys func(typ reflect.Type)
	keys = func(typ reflect.Type) {
		for _, f := range reflect.VisibleFields(typ) {
			key := f.Tag.Get("yaml")
			if key == "-" || key == "" {
				continue
			}
			if !strings.Contains(string(text), key+":") {
				t.Errorf("agent.yaml does not name %s (%s)", key, typ)
			}
			switch ft := f.Type; {
			case ft.Kind() == reflect.Struct && ft != reflect.TypeFor[config.Secret]():
				keys(ft)
			case ft.Kind() == reflect.Slice && ft.Elem().Kind() == reflect.Struct && ft.Elem() != reflect.TypeFor[netip.Prefix]():
				keys(ft.Elem())
			}
		}
	}
	keys(reflect.TypeFor[config.Config]())

	got, problems := config.Parse("/etc/platen/agent.yaml", config.Source{Name: "agent.yaml", Data: text})
	if got == nil {
		t.Fatalf("problems: %v", problems)
	}
	const short = `version: 1
site: {name: Main office, country: CA}
devices:
  - {id: front-desk, driver: escl, url: https://10.0.0.20/eSCL, fax_service: main, name: Front desk}
fax_services:
  - {id: main, kind: faxplus, token_file: faxplus.token}
`
	want, _ := config.Parse("/etc/platen/agent.yaml", config.Source{Name: "short.yaml", Data: []byte(short)})
	opts := cmp.Options{
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.FilterValues(func(a, b []netip.Prefix) bool { return len(a)+len(b) == 0 }, cmp.Ignore()),
		cmp.FilterValues(func(a, b []string) bool { return len(a)+len(b) == 0 }, cmp.Ignore()),
		cmp.FilterValues(func(a, b map[string]string) bool { return len(a)+len(b) == 0 }, cmp.Ignore()),
	}
	if diff := cmp.Diff(want, got, opts); diff != "" {
		t.Errorf("agent.yaml against the defaults (-default +agent.yaml):\n%s", diff)
	}
	if got.SignIn.Methods != nil {
		t.Error("agent.yaml switches every method off, which is not the default")
	}
}

func TestLoad(t *testing.T) {
	c, problems, err := config.Load("testdata/good/agent.yaml")
	if err != nil || c == nil || len(problems) > 0 {
		t.Fatalf("Load = %v, %v, %v; want a config without problems", c, problems, err)
	}
	dir, err := filepath.Abs("testdata/good")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Devices) != 2 {
		t.Fatalf("devices = %+v; want the main file's and that of conf.d", c.Devices)
	}
	first, second := c.Devices[0], c.Devices[1]
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"file", c.File, filepath.Join(dir, "agent.yaml")},
		{"relative path", c.Spool.Dir, filepath.Join(filepath.Dir(dir), "s")},
		{"absolute path", c.Spool.KeyFile, "/etc/platen/root.key"},
		{"token path", c.FaxServices[0].Token.File, filepath.Join(dir, "t")},
		{"admin socket", c.AdminSocket(), filepath.Join(filepath.Dir(dir), "s", "admin.sock")},
		{"merged mapping, kept", c.Panel.Listen, "127.0.0.1:8630"},
		{"merged mapping, set later", c.Panel.Idle, 5 * time.Second},
		{"merged scalar", c.Spool.QuotaMiB, int64(64)},
		{"networks", c.Panel.Allow, []netip.Prefix{
			netip.MustParsePrefix("10.0.0.20/32"), netip.MustParsePrefix("10.0.8.0/24"), netip.MustParsePrefix("2001:db8::/32"),
		}},
		{"days", c.Retention.Records, 36 * time.Hour},
		{"shortest duration", c.Retention.FailedPages, 100 * time.Millisecond},
		{"name by id", first.Name, "front-desk"},
		{"paper by country", first.Paper, "a4"},
		{"mode by default", first.Mode, config.ModeSharedAccount},
		{"name", second.Name, "Second floor"},
		{"paper", second.Paper, "legal"},
		{"quirks", second.Quirks, map[string]string{"ignore-paper-out": "true", "wait": "3"}},
		{"service url", c.FaxServices[0].URL, config.FaxPlusURL},
		{"in flight", c.FaxServices[0].MaxInFlight, 2},
	} {
		if !reflect.DeepEqual(tt.got, tt.want) {
			t.Errorf("%s = %v; want %v", tt.name, tt.got, tt.want)
		}
	}
	if _, ok := c.Service("main"); !ok {
		t.Error("Service(main) is not there")
	}
	if _, _, err := config.Load("testdata/none.yaml"); err == nil {
		t.Error("Load of a missing file = nil error")
	}
}

func TestLimits(t *testing.T) {
	if diff := cmp.Diff(job.DefaultLimits(), config.Default().Limits()); diff != "" {
		t.Errorf("Default().Limits() (-want +got):\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	text, err := fs.ReadFile(configs.FS, "agent.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text, []byte("devices: [{id: x}]"))
	files, _ := filepath.Glob("testdata/bad/*.yaml")
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, []byte("version: 1"))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		c, problems := config.Parse("/etc/c.yaml", config.Source{Name: "a", Data: a}, config.Source{Name: "b", Data: b})
		if (c == nil) != (config.Errors(problems) > 0) {
			t.Fatalf("Parse = config %t, problems %v", c != nil, problems)
		}
		for _, p := range problems {
			if p.Text == "" || p.File != "a" && p.File != "b" || strings.Contains(p.String(), "\n") {
				t.Fatalf("problem %q", p.String())
			}
		}
	})
}
