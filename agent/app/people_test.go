package app

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
)

// says is a directory with one answer.
type says struct {
	directory.Directory
	p   job.Person
	err error
}

func (s says) ByName(_ context.Context, name string) (job.Person, error) {
	if name != "ann@example.com" {
		return job.Person{}, errors.New("asked for somebody else")
	}
	return s.p, s.err
}

// TestKnown lets in whom the directory knows, as it knows them, and says why it
// does not.
func TestKnown(t *testing.T) {
	ann := job.Person{ID: "ann@example.com", Email: "ann@example.com", Name: "ann"}
	asKnown := job.Person{ID: "ann.lee@example.com", Email: "ann.lee@example.com", Name: "Ann Lee"}
	if p, err := (known{says{p: asKnown}}).Allowed(t.Context(), ann); err != nil || p != asKnown {
		t.Errorf("Allowed = %+v, %v; want %+v", p, err, asKnown)
	}
	for cause, want := range map[error]signin.Problem{
		directory.ErrUnknown:     signin.PersonUnknown,
		directory.ErrAmbiguous:   signin.PersonUnknown,
		directory.ErrDisabled:    signin.PersonDisabled,
		directory.ErrNotAllowed:  signin.NotAllowed,
		directory.ErrIncomplete:  signin.NoAddress,
		directory.ErrUnavailable: signin.DirectoryDown,
		errors.New("teapot"):     signin.DirectoryDown,
	} {
		err := fmt.Errorf("csv: by name: %w", cause)
		p, got := (known{says{p: asKnown, err: err}}).Allowed(t.Context(), ann)
		if signin.ProblemOf(got) != want || !errors.Is(got, cause) || p != (job.Person{}) {
			t.Errorf("Allowed with %v = %+v, %v; want %s", cause, p, got, want)
		}
	}
}

func TestPinned(t *testing.T) {
	hosts := []string{"sts.example.com", "sts2.example.com:8443"}
	for address, want := range map[string]bool{
		"https://sts.example.com/adfs":           true,
		"https://sts.example.com:443":            true,
		"https://sts.example.com:8443/":          false,
		"https://sts2.example.com:8443/x":        true,
		"https://sts2.example.com/x":             false,
		"https://login.example.net/t":            false,
		"https://sts.example.com.evil.example/":  false,
		"https://evil.example/?sts.example.com/": false,
	} {
		if got := pinned(address, hosts); got != want {
			t.Errorf("pinned(%q) = %v, want %v", address, got, want)
		}
	}
}

// TestFixedDirectory tells which changes of a directory a reload can make.
func TestFixedDirectory(t *testing.T) {
	scim := config.Directory{Kind: config.DirectorySCIM, Listen: "0.0.0.0:8640", Path: "/scim/v2", Token: config.Secret{File: "/etc/a/token"}}
	with := func(change func(*config.Directory)) config.Directory {
		d := scim
		change(&d)
		return d
	}
	csv := config.Directory{Kind: config.DirectoryCSV, File: "people.csv"}
	for name, tt := range map[string]struct {
		old, next config.Directory
		same      bool
	}{
		"nothing":            {scim, scim, true},
		"who is answered":    {scim, with(func(d *config.Directory) { d.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }), true},
		"address":            {scim, with(func(d *config.Directory) { d.Listen = "0.0.0.0:8641" }), false},
		"path":               {scim, with(func(d *config.Directory) { d.Path = "/people" }), false},
		"token elsewhere":    {scim, with(func(d *config.Directory) { d.Token.File = "/etc/b/token" }), false},
		"off":                {scim, csv, false},
		"on":                 {csv, scim, false},
		"from file to file":  {csv, config.Directory{Kind: config.DirectoryCSV, File: "staff.csv"}, true},
		"from file to LDAP":  {csv, config.Directory{Kind: config.DirectoryLDAP, Servers: []string{"ldaps://dc"}}, true},
		"from nothing to it": {config.Directory{}, scim, false},
	} {
		if got := sameFilling(tt.old, tt.next); got != tt.same {
			t.Errorf("%s: a reload may do it: %v, want %v", name, got, tt.same)
		}
	}
}
