package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/admin"
	"github.com/platen-fax/platen/agent/app"
	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/seal"
	"github.com/platen-fax/platen/agent/spool/bolt"
	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/devices/devicetest"
)

// quiet is a fax service that is never asked to send.
type quiet struct{ deliver.Service }

func (quiet) Capabilities() deliver.Capabilities {
	return deliver.Capabilities{Dedupe: deliver.DedupeNone, Formats: []deliver.Format{deliver.FormatTIFF}, TrackBatch: 1}
}

// log collects what an agent says; it is read while the agent writes.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// running is an agent in this process.
type running struct {
	t      *testing.T
	dir    string
	log    *log
	reload chan os.Signal
	stop   context.CancelFunc
	ended  chan error
	url    string
}

const oneDevice = `version: 1
site: {name: Test, country: CA, language: en}
devices: [{id: front, driver: escl, url: "http://127.0.0.1:9/eSCL", fax_service: main}]
fax_services: [{id: main, kind: faxplus, token_file: token}]
panel: {listen: "127.0.0.1:0"}
`

func (r *running) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, "agent.yaml"), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// start runs an agent and waits until it serves. with changes its drivers.
func start(t *testing.T, dir string, with ...func(*app.Drivers)) *running {
	t.Helper()
	r := &running{t: t, dir: dir, log: &log{}, reload: make(chan os.Signal, 1), ended: make(chan error, 1)}
	if _, err := os.Stat(filepath.Join(dir, "agent.yaml")); err != nil {
		r.write(oneDevice)
	}
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	ready := make(chan struct{})
	drivers := app.Drivers{
		Scanners: map[string]func(app.ScannerConfig) (devices.Scanner, error){
			"escl": func(c app.ScannerConfig) (devices.Scanner, error) { return devicetest.NewFake(c.Device.ID, 1), nil },
		},
		Services: map[string]func(app.ServiceConfig) (deliver.Service, error){
			"faxplus": func(app.ServiceConfig) (deliver.Service, error) { return quiet{}, nil },
		},
	}
	for _, f := range with {
		f(&drivers)
	}
	go func() {
		r.ended <- app.Run(ctx, app.Options{
			Config: filepath.Join(dir, "agent.yaml"), Version: "test", Reload: r.reload,
			Log: slog.New(slog.NewTextHandler(r.log, nil)), Ready: func() { close(ready) },
			Drivers: drivers,
		})
	}()
	t.Cleanup(r.end)
	select {
	case <-ready:
	case err := <-r.ended:
		r.ended <- err
		t.Fatalf("agent ended: %v\n%s", err, r.log)
	}
	m := regexp.MustCompile(`panel=(http://[0-9.:]+)/panel/`).FindStringSubmatch(r.log.String())
	if m == nil {
		t.Fatalf("no panel address in the log:\n%s", r.log)
	}
	r.url = m[1]
	return r
}

// end stops the agent and checks that it ended well. It may be called twice.
func (r *running) end() {
	r.stop()
	err := <-r.ended
	r.ended <- nil
	if err != nil {
		r.t.Errorf("Run = %v, want an orderly end", err)
	}
}

func (r *running) get(path string) (int, string) {
	r.t.Helper()
	resp, err := http.Get(r.url + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// until polls a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func TestServes(t *testing.T) {
	r := start(t, t.TempDir())
	for path, want := range map[string]string{
		"/panel/front/": "Send a fax", "/healthz": `"test"`, "/readyz": `"fax-service"`, "/metrics": "platen_",
	} {
		if code, body := r.get(path); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("GET %s = %d without %q:\n%.300s", path, code, want, body)
		}
	}
	version, err := admin.NewClient(filepath.Join(r.dir, "state", "admin.sock")).Version(t.Context())
	if err != nil || version != "test" {
		t.Errorf("admin socket says %q, %v", version, err)
	}
}

// TestReload swaps the machine for a good configuration and keeps it for a bad
// one, and says so in the metrics.
func TestReload(t *testing.T) {
	r := start(t, t.TempDir())
	metric := func(want string) func() bool {
		return func() bool {
			_, body := r.get("/metrics")
			return strings.Contains(body, "platen_config_last_reload_successful "+want)
		}
	}
	until(t, "the first configuration counts as good", metric("1"))
	second := `{id: rear, driver: escl, url: "http://127.0.0.1:9/eSCL", fax_service: main}]`
	more := strings.Replace(oneDevice, "]\nfax", ", "+second+"\nfax", 1)

	r.write(strings.Replace(more, "driver: escl", "driver: telepathy", 1))
	r.reload <- syscall.SIGHUP
	until(t, "the bad configuration is refused", metric("0"))
	if code, _ := r.get("/panel/front/"); code != http.StatusOK {
		t.Errorf("old panel answers %d after a refused reload", code)
	}
	if !strings.Contains(r.log.String(), "agent.yaml:3: devices.front.driver") {
		t.Errorf("the problem is not named with file and line:\n%s", r.log)
	}

	r.write(more)
	r.reload <- syscall.SIGHUP
	until(t, "the second device has a panel", func() bool { code, _ := r.get("/panel/rear/"); return code == http.StatusOK })
	until(t, "the reload counts as good", metric("1"))

	r.write(strings.Replace(more, `panel: {listen: "127.0.0.1:0"}`, `panel: {listen: "127.0.0.1:1"}`, 1))
	r.reload <- syscall.SIGHUP
	until(t, "the new address is refused", metric("0"))
	until(t, "somebody is told why", func() bool { return strings.Contains(r.log.String(), "needs a restart") })
}

// TestOneAgentPerState refuses a second agent on the same state directory.
func TestOneAgentPerState(t *testing.T) {
	r := start(t, t.TempDir())
	err := app.Run(t.Context(), app.Options{Config: filepath.Join(r.dir, "agent.yaml"), Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, bolt.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("second agent: %v, want ErrLocked naming the holder", err)
	}
}

// TestKeyLost refuses to start when records are there and their key is not.
func TestKeyLost(t *testing.T) {
	dir := t.TempDir()
	start(t, dir).end()
	if err := os.Remove(filepath.Join(dir, "state", "platen.key")); err != nil {
		t.Fatal(err)
	}
	err := app.Run(t.Context(), app.Options{Config: filepath.Join(dir, "agent.yaml"), Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, seal.ErrKeyMissing) {
		t.Errorf("Run without the key = %v, want ErrKeyMissing", err)
	}
}

// TestBadConfiguration names every problem and does not start.
func TestBadConfiguration(t *testing.T) {
	r := &running{t: t, dir: t.TempDir()}
	r.write("version: 1\nsites: {}\ndevices: [{id: x}]\n")
	out := &log{}
	err := app.Run(t.Context(), app.Options{Config: filepath.Join(r.dir, "agent.yaml"), Log: slog.New(slog.NewTextHandler(out, nil))})
	if !errors.Is(err, app.ErrConfig) || !strings.Contains(out.String(), "agent.yaml:2: sites") {
		t.Errorf("Run = %v, want ErrConfig and the line; log:\n%s", err, out)
	}
}

// TestLogger works with a configuration that cannot be read.
func TestLogger(t *testing.T) {
	r := &running{t: t, dir: t.TempDir()}
	file := filepath.Join(r.dir, "agent.yaml")
	for _, tt := range []struct{ text, want string }{
		{"version: 1\nlog: {level: info, format: json}\n", `"msg":"hello"`},
		{"version: 1\nlog: {level: error}\n", ""},
		{"nonsense: [", "msg=hello"},
	} {
		r.write(tt.text)
		out := &log{}
		app.Logger(file, out).Info("hello")
		if got := out.String(); !strings.Contains(got, tt.want) || (tt.want == "" && got != "") {
			t.Errorf("log of %q = %q, want %q", tt.text, got, tt.want)
		}
	}
}

// TestRestartErasesSharedDrafts keeps a signed-in person's draft and erases
// that of a device where nobody signs in.
func TestRestartErasesSharedDrafts(t *testing.T) {
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	open := func() (*bolt.Spool, func()) {
		keys, err := seal.Open(seal.Options{StateDir: state}, false)
		if err != nil {
			t.Fatal(err)
		}
		records, err := keys.Child("spool")
		if err != nil {
			t.Fatal(err)
		}
		s, err := bolt.Open(state, records, bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s, func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			keys.Close()
		}
	}
	const shared, own = "018f0000-0000-7000-8000-000000000001", "018f0000-0000-7000-8000-000000000002"
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	s, done := open()
	for _, j := range []*job.Job{
		{ID: shared, Device: "front", Shared: true, Created: time.Now()},
		{ID: own, Device: "front", Owner: job.Person{ID: "ann"}, Created: time.Now()},
	} {
		if _, err := s.Draft(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
	done()
	start(t, dir).end()
	s, done = open()
	defer done()
	for id, want := range map[job.ID]job.State{shared: job.Discarded, own: job.Draft} {
		if j, err := s.Get(t.Context(), id); err != nil || j.State != want {
			t.Errorf("after a restart %s is %+v, %v; want %s", id, j, err, want)
		}
	}
}
