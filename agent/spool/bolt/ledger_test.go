package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/agent/spool/bolt"
)

// ledger is what a load said before it died.
type ledger []ack

// expected is what a job may look like after a crash.
type expected struct {
	done  *look // as last acknowledged; nil: never
	next  *look // as it will be if the operation under way took effect; nil: none
	parts map[string]string
}

// fold works out what the ledger promises. golden is the ledger of a whole run.
func (l ledger) fold(golden ledger) map[job.ID]*expected {
	type key struct {
		id job.ID
		n  int
	}
	after := map[key]*look{}
	for _, a := range golden {
		if a.Done && a.Look != nil {
			after[key{a.Job, a.N}] = a.Look
		}
	}
	out := map[job.ID]*expected{}
	for _, a := range l {
		e := out[a.Job]
		if e == nil {
			e = &expected{parts: map[string]string{}}
			out[a.Job] = e
		}
		switch {
		case a.Op == "part" && a.Done:
			e.parts[a.Part] = a.SHA
		case a.Op == "part":
			delete(e.parts, a.Part)
		case a.Done:
			e.done, e.next = a.Look, nil
		default:
			e.next = after[key{a.Job, a.N}]
		}
	}
	return out
}

// check opens the state directory of a dead load and returns every promise that
// is broken.
func (l ledger) check(dir string, golden ledger) (problems []string) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil { // bbolt panics or faults on some damage
			problems = append(problems, fmt.Sprint("panic: ", r))
		}
	}()
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	s, err := tryOpen(dir, bolt.Options{Clock: func() time.Time { return loadEnd }, Reserve: 1})
	if err != nil {
		bad("the spool does not open: %v", err)
		return problems
	}
	defer s.Close()
	if err := s.Verify(); err != nil {
		bad("%v", err)
	}
	want := l.fold(golden)
	for id, e := range want {
		checkJob(s, id, e, bad)
	}
	checkFiles(s, dir, bad)
	if len(problems) > 0 {
		return problems
	}
	// And it works on.
	ctx := context.Background()
	id := loadID(9, 9)
	if _, err := s.Draft(ctx, &job.Job{ID: id}); err != nil {
		bad("Draft after the crash: %v", err)
	}
	if _, err := s.AddPage(ctx, id, job.Page{}, strings.NewReader("page")); err != nil {
		bad("AddPage after the crash: %v", err)
	}
	return problems
}

func checkJob(s *bolt.Spool, id job.ID, e *expected, bad func(string, ...any)) {
	ctx := context.Background()
	j, err := s.Get(ctx, id)
	got := &look{Gone: true}
	switch {
	case err == nil:
		got = lookAt(j)
	case !errors.Is(err, spool.ErrNotFound):
		bad("job %s: %v", id, err)
		return
	}
	done := e.done
	if done == nil {
		done = &look{Gone: true} // nothing was promised yet
	}
	if !cmp.Equal(got, done) && (e.next == nil || !cmp.Equal(got, e.next)) {
		bad("job %s is %+v\n  acknowledged was %+v\n  under way was %+v", id, got, done, e.next)
		return
	}
	if got.Gone || got.Erased {
		return
	}
	parts := map[string]string{}
	for name, sha := range e.parts {
		parts[name] = sha
	}
	for _, p := range j.Pages {
		parts[p.Part] = p.ScanSHA
		if p.Fax != "" {
			parts[p.Fax] = p.FaxedSHA
		}
	}
	for name, sha := range parts {
		r, _, err := s.OpenPart(ctx, id, name)
		if err != nil {
			bad("%s of job %s: %v", name, id, err)
			continue
		}
		b, err := io.ReadAll(r)
		r.Close()
		if err != nil || hexSum(b) != sha {
			bad("%s of job %s: %d bytes, %v; not the stored ones", name, id, len(b), err)
		}
	}
}

// checkFiles looks for what must not lie about after a start.
func checkFiles(s *bolt.Spool, dir string, bad func(string, ...any)) {
	ctx := context.Background()
	files, err := filepath.Glob(filepath.Join(dir, "jobs", "*", "*"))
	if err != nil {
		bad("%v", err)
	}
	for _, f := range files {
		id, name := job.ID(filepath.Base(filepath.Dir(f))), filepath.Base(f)
		j, err := s.Get(ctx, id)
		if err != nil || !j.Erased.IsZero() {
			bad("%s/%s lies about without a job: %v", id, name, err)
			continue
		}
		if strings.Contains(name, ".tmp") {
			bad("%s/%s was left", id, name)
		}
		named := false
		for _, p := range j.Pages {
			named = named || p.Part == strings.Replace(name, "-", "/", 1)
		}
		if strings.HasPrefix(name, "page-") && !named {
			bad("%s/%s is in no record", id, name)
		}
	}
}
