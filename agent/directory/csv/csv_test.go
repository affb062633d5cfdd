package csv_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/directory/csv"
	"github.com/platen-fax/platen/agent/job"
)

const people = `badge,email,name,login,enabled,may_send
946EBD28,Ann@Example.com,Ann Archer,ann,yes,yes
00112233,ann@example.COM,,,,
11223344,bob@example.com,Bob,bob,no,
55667788,cy@example.com,Cy,cy,yes,no
99AABBCC,dee@example.com,Dee,dee,,
99aabbcc,eve@example.com,Eve,eve,,
`

func write(t *testing.T, path, text string) {
	t.Helper()
	// Renamed into place, as an export that must not be read half-way.
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, text string) (*csv.Directory, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "people.csv")
	write(t, path, text)
	d, err := csv.Open("staff", path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d, path
}

// TestBadgeInFile is the way of a badge to a person, and each way it is refused.
func TestBadgeInFile(t *testing.T) {
	d, _ := open(t, people)
	ann := job.Person{ID: "ann@example.com", Name: "Ann Archer", Email: "Ann@Example.com"}
	for _, tt := range []struct {
		badge string
		want  job.Person
		err   error
	}{
		{"946EBD28", ann, nil},
		{"946ebd28", ann, nil},
		{"00112233", ann, nil},
		{"112233", job.Person{}, directory.ErrUnknown}, // the zeros count
		{"11223344", job.Person{}, directory.ErrDisabled},
		{"55667788", job.Person{}, directory.ErrNotAllowed},
		{"99AABBCC", job.Person{}, directory.ErrAmbiguous},
		{"", job.Person{}, directory.ErrUnknown},
	} {
		got, err := d.ByBadge(t.Context(), tt.badge)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("ByBadge(%q) = %+v, %v; want %+v, %v", tt.badge, got, err, tt.want, tt.err)
		}
		if err != nil && tt.badge != "" && strings.Contains(err.Error(), tt.badge) {
			t.Errorf("the error %q repeats the badge", err)
		}
	}
	for _, name := range []string{"ANN", "ann@EXAMPLE.com", " ann@example.com "} {
		if got, err := d.ByName(t.Context(), name); err != nil || got.ID != ann.ID {
			t.Errorf("ByName(%q) = %+v, %v; want Ann", name, got, err)
		}
	}
}

func TestFileIsReadAgain(t *testing.T) {
	d, path := open(t, "badge,email\n1234,ann@example.com\n")
	write(t, path, "badge,email\n1234,bob@example.com\n")
	if p, err := d.ByBadge(t.Context(), "1234"); err != nil || p.ID != "bob@example.com" {
		t.Fatalf("after a change: %+v, %v; want Bob", p, err)
	}
	write(t, path, "badge,email\n1234,bob@example.com\n5678,nobody\n")
	if p, err := d.ByBadge(t.Context(), "1234"); err != nil || p.ID != "bob@example.com" {
		t.Fatalf("after a broken change: %+v, %v; want Bob still", p, err)
	}
	if err := d.Check(t.Context()); !errors.Is(err, csv.ErrFile) || !strings.Contains(err.Error(), "line 3: column email") {
		t.Errorf("Check = %v; want the line", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ByBadge(t.Context(), "1234"); err != nil {
		t.Errorf("without the file: %v; want Bob still", err)
	}
	if err := d.Check(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Check without the file = %v", err)
	}
	write(t, path, "badge,email\n")
	if _, err := d.ByBadge(t.Context(), "1234"); !errors.Is(err, directory.ErrUnknown) {
		t.Errorf("after a good change: %v; want ErrUnknown", err)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "line 1"},
		{"no e-mail column", "badge,name\n", "no column email"},
		{"unknown column", "badge,mail\n", `column "mail"`},
		{"column twice", "email,Email\n", "at most once"},
		{"two lines wrong", "badge,email\n1,a@b\n2,c\nx!,d@e\n", "line 3: column email: want an e-mail address\nline 4: column badge"},
		{"switch", "email,enabled\na@b,maybe\n", "line 2: column enabled: want yes or no"},
		{"field count", "badge,email\n1\n", "line 2"},
		{"quotes", "badge,email\n\"1,a@b\n", "line 2"},
		{"badge too long", "badge,email\n" + strings.Repeat("1", 33) + ",a@b\n", "line 2: column badge"},
		{"huge", "email\n" + strings.Repeat("a", 17<<20), "larger than 16 MiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "people.csv")
			write(t, path, tt.text)
			if _, err := csv.Open("staff", path, nil); !errors.Is(err, csv.ErrFile) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open = %v; want ErrFile naming %q", err, tt.want)
			}
		})
	}
}

func TestSpreadsheetForm(t *testing.T) {
	d, _ := open(t, "\ufeffBadge;E\u006dail; Name\r\n946EBD28;ann@example.com;\"Archer, Ann\"\r\n")
	if p, err := d.ByBadge(t.Context(), "946EBD28"); err != nil || p.Name != "Archer, Ann" {
		t.Errorf("ByBadge = %+v, %v; want Archer, Ann", p, err)
	}
}

// FuzzFile: any file is either refused with ErrFile or answers.
func FuzzFile(f *testing.F) {
	f.Add(people)
	f.Add("\ufeffbadge;email\n1;a@b\n")
	path := filepath.Join(f.TempDir(), "people.csv")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := csv.Open("staff", path, nil)
		if err != nil {
			if !errors.Is(err, csv.ErrFile) {
				t.Fatalf("Open = %v; want ErrFile", err)
			}
			return
		}
		var known *directory.LookupError
		if p, err := d.ByBadge(t.Context(), "1"); (err == nil) == (p.ID == "") || err != nil && !errors.As(err, &known) {
			t.Fatalf("ByBadge = %+v, %v", p, err)
		}
	})
}
