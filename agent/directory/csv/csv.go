// Package csv is a directory in a file of comma-separated values, for sites
// without a directory server. The file is read again when it has changed; one
// that cannot be read is refused as a whole, with the lines that are wrong, and
// the people of before stay.
package csv

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/job"
)

// maxSize bounds the file in bytes; maxProblems how many are named.
const (
	maxSize     = 16 << 20
	maxProblems = 10
)

// ErrFile says that the file cannot be used; the lines are in the text.
var ErrFile = errors.New("directory file")

// Directory is a file of people, a [directory.Directory].
type Directory struct {
	id, path string
	log      *slog.Logger

	mu    sync.Mutex
	seen  os.FileInfo // of the last reading, good or bad
	err   error       // of the last reading
	table *table      // of the last good reading
}

var _ directory.Directory = (*Directory)(nil)

// table is the content of one file.
type table struct {
	badges, names map[string][]*entry
}

// entry is one person; all rows of one address are one person.
type entry struct {
	person   job.Person
	disabled bool
	mute     bool
}

// Open reads the file at path. The first line names the columns: email, and
// any of badge, name, login, enabled and may_send; "no" in the last two says
// no. Several lines with one e-mail address give a person several badges.
// Columns may be separated by commas or semicolons. id names the directory in
// errors; log may be nil. The error wraps [ErrFile].
func Open(id, path string, log *slog.Logger) (*Directory, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	d := &Directory{id: id, path: path, log: log}
	if err := d.refresh(); err != nil {
		return nil, err
	}
	return d, nil
}

// ByBadge implements [directory.Directory].
func (d *Directory) ByBadge(ctx context.Context, id string) (job.Person, error) {
	return d.find("badge", func(t *table) []*entry { return t.badges[directory.FoldBadge(id)] })
}

// ByName implements [directory.Directory].
func (d *Directory) ByName(ctx context.Context, name string) (job.Person, error) {
	return d.find("name", func(t *table) []*entry { return t.names[directory.Fold(name)] })
}

// Check implements [directory.Directory]: the error of the last reading.
func (d *Directory) Check(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refresh()
}

func (d *Directory) find(by string, pick func(*table) []*entry) (job.Person, error) {
	d.mu.Lock()
	before := d.err
	if err := d.refresh(); err != nil && before == nil {
		d.log.Warn("directory file refused, the people of before stay", "directory", d.id, "err", err)
	}
	t := d.table
	d.mu.Unlock()
	p, err := one(pick(t))
	if err != nil {
		return job.Person{}, &directory.LookupError{Source: d.id, By: by, Err: err}
	}
	return p, nil
}

// one decides about what was found.
func one(found []*entry) (job.Person, error) {
	switch {
	case len(found) == 0:
		return job.Person{}, directory.ErrUnknown
	case len(found) > 1:
		return job.Person{}, directory.ErrAmbiguous
	case found[0].disabled:
		return job.Person{}, directory.ErrDisabled
	case found[0].mute:
		return job.Person{}, directory.ErrNotAllowed
	}
	return found[0].person, nil
}

// refresh reads the file if it is another one than at the last reading.
func (d *Directory) refresh() error {
	st, err := os.Stat(d.path)
	if err != nil {
		d.seen, d.err = nil, fmt.Errorf("%w: %w", ErrFile, err)
		return d.err
	}
	if d.seen != nil && os.SameFile(st, d.seen) && st.ModTime().Equal(d.seen.ModTime()) && st.Size() == d.seen.Size() {
		return d.err
	}
	t, err := load(d.path)
	d.seen, d.err = st, err
	if err == nil {
		d.table = t
	}
	return err
}

func load(path string) (*table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if len(b) > maxSize {
		return nil, fmt.Errorf("%w: %s: larger than %d MiB", ErrFile, path, maxSize>>20)
	}
	t, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFile, path, err)
	}
	return t, nil
}

// columns are those that a file may have.
var columns = []string{"badge", "email", "name", "login", "enabled", "may_send"}

// parse reads a whole file. It names up to ten wrong lines.
func parse(b []byte) (*table, error) {
	b = bytes.TrimPrefix(b, []byte("\ufeff")) // as spreadsheets write it
	r := csv.NewReader(bytes.NewReader(b))
	first, _, _ := bytes.Cut(b, []byte("\n"))
	if bytes.IndexByte(first, ';') >= 0 && bytes.IndexByte(first, ',') < 0 {
		r.Comma = ';'
	}
	r.TrimLeadingSpace = true
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("line 1: want the names of the columns: %w", err)
	}
	at := map[string]int{}
	for i, name := range head {
		name = directory.Fold(name)
		if _, twice := at[name]; twice || !slices.Contains(columns, name) {
			return nil, fmt.Errorf("line 1: column %q: want each of %s at most once", name, strings.Join(columns, ", "))
		}
		at[name] = i
	}
	if _, ok := at["email"]; !ok {
		return nil, errors.New("line 1: no column email")
	}
	return rows(r, at)
}

// rows reads the people.
func rows(r *csv.Reader, at map[string]int) (*table, error) {
	t := &table{badges: map[string][]*entry{}, names: map[string][]*entry{}}
	people := map[string]*entry{}
	var problems []error
	for len(problems) < maxProblems {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			problems = append(problems, err) // names its line
			if !errors.Is(err, csv.ErrFieldCount) {
				break
			}
			continue
		}
		get := func(column string) string {
			if i, ok := at[column]; ok {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		line, _ := r.FieldPos(0)
		if err := t.add(people, get); err != nil {
			problems = append(problems, fmt.Errorf("line %d: %w", line, err))
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return t, nil
}

// add takes one row in.
func (t *table) add(people map[string]*entry, get func(string) string) error {
	p, err := directory.NewPerson(get("email"), get("name"))
	if err != nil {
		return errors.New("column email: want an e-mail address")
	}
	enabled, err := yes("enabled", get)
	if err != nil {
		return err
	}
	may, err := yes("may_send", get)
	if err != nil {
		return err
	}
	badge := directory.FoldBadge(get("badge"))
	if len(badge) > 32 || strings.Trim(badge, "0123456789ABCDEF") != "" {
		return errors.New("column badge: want up to 32 digits or letters A to F")
	}
	e := people[p.ID]
	if e == nil {
		e = &entry{person: p}
		people[p.ID] = e
	}
	// The strictest row counts for all badges of a person.
	e.disabled, e.mute = e.disabled || !enabled, e.mute || !may
	put(t.names, p.ID, e)
	if login := directory.Fold(get("login")); login != "" {
		put(t.names, login, e)
	}
	if badge != "" {
		put(t.badges, badge, e)
	}
	return nil
}

func put(m map[string][]*entry, key string, e *entry) {
	if !slices.Contains(m[key], e) {
		m[key] = append(m[key], e)
	}
}

// yes reads a switch that is on unless it says no.
func yes(column string, get func(string) string) (bool, error) {
	switch directory.Fold(get(column)) {
	case "", "yes", "true", "1":
		return true, nil
	case "no", "false", "0":
		return false, nil
	}
	return false, fmt.Errorf("column %s: want yes or no", column)
}
