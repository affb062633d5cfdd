package badge_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/directory/csv"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/registry"
	"github.com/platen-fax/platen/agent/seal"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/badge"
)

// bound is how long something may take that is waited for.
const bound = 20 * time.Second

const people = `badge,email,name,login,enabled,may_send
946EBD28,Ann@Example.com,Ann Archer,ann,yes,yes
11223344,bob@example.com,Bob,bob,yes,
22334455,cy@example.com,Cy,cy,no,
33445566,dee@example.com,Dee,dee,yes,no
99AABBCC,eve@example.com,Eve,eve,,
99AABBCC,fay@example.com,Fay,fay,,
`

var (
	ann = job.Person{ID: "ann@example.com", Name: "Ann Archer", Email: "Ann@Example.com"}
	bob = job.Person{ID: "bob@example.com", Name: "Bob", Email: "bob@example.com"}
)

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is what badges stand on: a registry that can be opened again, and a
// directory in a file.
type world struct {
	*testing.T
	dir       string
	clock     *clock
	registry  *registry.Registry
	file      string
	directory *csv.Directory
	events    *signin.Events
	log       *bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, dir: t.TempDir(), clock: &clock{now: time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)}, events: signin.NewEvents(), log: &bytes.Buffer{}}
	w.file = filepath.Join(t.TempDir(), "people.csv")
	w.people(people)
	var err error
	if w.directory, err = csv.Open("staff", w.file, nil); err != nil {
		t.Fatal(err)
	}
	w.reopen()
	t.Cleanup(func() { w.registry.Close() })
	return w
}

// people replaces the directory's file.
func (w *world) people(text string) {
	w.Helper()
	must(w.T, os.WriteFile(w.file+".new", []byte(text), 0o600))
	must(w.T, os.Rename(w.file+".new", w.file))
}

// reopen is a restart of the agent.
func (w *world) reopen() {
	w.Helper()
	if w.registry != nil {
		must(w.T, w.registry.Close())
	}
	keys, err := seal.Open(seal.Options{StateDir: w.dir, Now: w.clock.Now}, registry.Exists(w.dir))
	must(w.T, err)
	child, err := keys.Child("registry")
	must(w.T, err)
	w.registry, err = registry.Open(w.dir, child, w.clock.Now)
	must(w.T, err)
}

func (w *world) badges(change func(*badge.Options)) *badge.Badges {
	o := badge.Options{
		Directory: w.directory, Registry: w.registry, Link: true, Events: w.events,
		Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&o)
	}
	return badge.New(o)
}

// stored is every byte of the state directory.
func (w *world) stored() string {
	w.Helper()
	var all strings.Builder
	err := filepath.WalkDir(w.dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all.WriteString(path)
		all.Write(data)
		return err
	})
	must(w.T, err)
	return all.String()
}

// down is a directory that does not answer.
type down struct{}

func (down) ByBadge(context.Context, string) (job.Person, error) {
	return job.Person{}, &directory.LookupError{Source: "staff", By: "badge", Err: directory.ErrUnavailable}
}

func (down) ByName(context.Context, string) (job.Person, error) {
	return job.Person{}, &directory.LookupError{Source: "staff", By: "name", Err: directory.ErrUnavailable}
}

func (down) Check(context.Context) error { return directory.ErrUnavailable }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantProblem checks that err is a refusal with a problem.
func wantProblem(t *testing.T, what string, err error, want signin.Problem) {
	t.Helper()
	if got := refusal(err); got.Problem != want {
		t.Errorf("%s = %v; want %q", what, err, want)
	}
}

// refusal returns err as the refusal it is, or one without a problem.
func refusal(err error) signin.Refused {
	if r, ok := errors.AsType[*signin.Refused](err); ok {
		return *r
	}
	return signin.Refused{}
}
