package app_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/platen-fax/platen/agent/app"
	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/devices"
)

// folk is a directory that knows nobody but Ann.
type folk struct{}

func (folk) ByBadge(context.Context, string) (job.Person, error) {
	return job.Person{}, directory.ErrUnknown
}

func (folk) ByName(_ context.Context, name string) (job.Person, error) {
	if name != "ann@example.com" {
		return job.Person{}, directory.ErrUnknown
	}
	return directory.NewPerson(name, "Ann")
}

func (folk) Check(context.Context) error { return nil }

// line is a badge reader that nobody taps. It writes down when it is opened and
// closed.
type line struct {
	d      *diary
	closed chan struct{}
	once   sync.Once
}

func (l *line) ReadBadge(ctx context.Context) (devices.Badge, error) {
	select {
	case <-l.closed:
		return devices.Badge{}, devices.ErrClosed
	case <-ctx.Done():
		return devices.Badge{}, ctx.Err()
	}
}

func (l *line) Condition() devices.Condition { return devices.Ready }

func (l *line) Close() error {
	l.once.Do(func() { l.d.write("close"); close(l.closed) })
	return nil
}

type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) write(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, what)
}

func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lines)
}

// badges watches readers and knows nobody.
type badges struct{ app.Badges }

func (badges) Watch(ctx context.Context, _ string, r devices.BadgeReader) error {
	for {
		if _, err := r.ReadBadge(ctx); err != nil {
			return nil
		}
	}
}

// withPeople adds a directory, readers and badges that write down what happens.
func withPeople(d *diary) func(*app.Drivers) {
	return func(drivers *app.Drivers) {
		drivers.Directories = map[string]func(app.DirectoryConfig) (directory.Directory, error){
			"csv": func(app.DirectoryConfig) (directory.Directory, error) { return folk{}, nil },
		}
		drivers.Reader = func(c app.ReaderConfig) (func() (devices.BadgeReader, error), error) {
			if c.Reader.Baud == 300 {
				return nil, errors.New("too slow for people")
			}
			return func() (devices.BadgeReader, error) {
				d.write("open " + c.Device)
				return &line{d: d, closed: make(chan struct{})}, nil
			}, nil
		}
		drivers.Badges = func(app.BadgesConfig) app.Badges { return badges{} }
	}
}

const badgeDevice = `version: 1
site: {name: Test, country: CA, language: en}
devices:
  - {id: front, driver: escl, url: "http://127.0.0.1:9/eSCL", fax_service: main, mode: device-login, reader: {port: /dev/ttyS0}}
  - {id: rear, driver: escl, url: "http://127.0.0.1:9/eSCL", fax_service: main}
fax_services: [{id: main, kind: faxplus, token_file: token}]
sign_in: {account: wstrust, directory: {kind: csv, file: people.csv}}
panel: {listen: "127.0.0.1:0"}
`

// TestReaderIsLetGoFirst closes a reader before the next machine opens its line,
// and refuses a configuration without touching the reader in use.
func TestReaderIsLetGoFirst(t *testing.T) {
	dir, d := t.TempDir(), &diary{}
	(&running{t: t, dir: dir}).write(badgeDevice)
	r := start(t, dir, withPeople(d))
	until(t, "the reader is open", func() bool { return slices.Equal(d.read(), []string{"open front"}) })
	// A shared device beside it is as it always was.
	for path, want := range map[string]string{"/panel/front/": "badge", "/panel/rear/": "Send a fax"} {
		if code, body := r.get(path); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("GET %s = %d without %q:\n%.600s", path, code, want, body)
		}
	}

	r.write(strings.Replace(badgeDevice, "/dev/ttyS0", "/dev/ttyS0, baud: 300", 1))
	r.reload <- syscall.SIGHUP
	until(t, "the bad reader is refused", func() bool { return strings.Contains(r.log.String(), "too slow for people") })
	if got := d.read(); len(got) != 1 {
		t.Errorf("after a refused reload: %v; want the reader left alone", got)
	}

	r.write(badgeDevice)
	r.reload <- syscall.SIGHUP
	until(t, "the reader is open again", func() bool { return slices.Equal(d.read(), []string{"open front", "close", "open front"}) })
	r.end()
	if got := d.read(); !slices.Equal(got, []string{"open front", "close", "open front", "close"}) {
		t.Errorf("the reader: %v", got)
	}
}

// nowhere signs nobody in.
type nowhere struct{}

func (nowhere) Start(context.Context, signin.Terminal, string) (signin.Pairing, error) {
	return nil, &signin.Refused{Problem: signin.ServiceDown}
}

// TestForgottenBadge offers another way at a device with a badge reader where one
// is on.
func TestForgottenBadge(t *testing.T) {
	const other = "Sign in without a badge"
	provider := "sign_in: {provider: {issuer: https://idp.example.com, client_id: platen}, domains: [example.com], methods: [company-phone], "
	dir := t.TempDir()
	(&running{t: t, dir: dir}).write(strings.Replace(badgeDevice, "sign_in: {account: wstrust, ", provider, 1))
	r := start(t, dir, withPeople(new(diary)), func(d *app.Drivers) {
		d.SignIn = func(app.SignInConfig) (app.Methods, error) {
			return app.Methods{Paired: map[signin.Way]signin.Paired{signin.WayCompanyPhone: nowhere{}}}, nil
		}
	})
	if _, body := r.get("/panel/front/"); !strings.Contains(body, other) {
		t.Errorf("with a method on, the panel does not say %q:\n%.900s", other, body)
	}
	if _, body := r.get("/panel/rear/"); strings.Contains(body, other) {
		t.Errorf("at a shared device the panel says %q", other)
	}
	r.write(strings.Replace(badgeDevice, "sign_in: {account: wstrust, ", strings.Replace(provider, "company-phone", "", 1), 1))
	r.reload <- syscall.SIGHUP
	until(t, "the other way is gone", func() bool { _, body := r.get("/panel/front/"); return !strings.Contains(body, other) })
}

// TestReaderNotBuiltIn names the device.
func TestReaderNotBuiltIn(t *testing.T) {
	dir := t.TempDir()
	r := &running{t: t, dir: dir}
	r.write(badgeDevice)
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := app.Run(t.Context(), app.Options{Config: filepath.Join(dir, "agent.yaml"), Drivers: app.Drivers{}})
	if err == nil || !strings.Contains(err.Error(), "not built in") {
		t.Errorf("Run without drivers = %v", err)
	}
}
