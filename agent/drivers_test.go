package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/platen-fax/platen/agent/app"
	"github.com/platen-fax/platen/agent/config"
)

// TestDirectories makes each kind of directory from its keys, and says what is
// wrong with one that cannot be.
func TestDirectories(t *testing.T) {
	file := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(file, []byte("email,name,badge\nann@example.com,Ann,04711\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ldap := config.Directory{
		Kind: config.DirectoryLDAP, Servers: []string{"ldaps://dc1.example.com", "ldap://dc2.example.com"}, BaseDN: "DC=example,DC=com",
		BindDN: "CN=fax,DC=example,DC=com", Password: config.Secret{File: file}, Schema: config.SchemaAD,
	}
	other := ldap
	other.Schema, other.BadgeAttribute, other.MailAttribute, other.AllowGroup = config.SchemaInetOrgPerson, "roomNumber", "mail", "CN=Fax,DC=example,DC=com"
	plain := ldap
	plain.Servers = []string{"http://dc1.example.com"}
	for _, tt := range []struct {
		name string
		d    config.Directory
		bad  string // part of the error
	}{
		{"csv", config.Directory{Kind: config.DirectoryCSV, File: file}, ""},
		{"csv that is not there", config.Directory{Kind: config.DirectoryCSV, File: file + "x"}, "people.csvx"},
		{"Active Directory", ldap, ""},
		{"another LDAP", other, ""},
		{"no LDAP", plain, "http"},
	} {
		d, err := drivers().Directories[tt.d.Kind](app.DirectoryConfig{Directory: tt.d, Log: slog.New(slog.DiscardHandler)})
		if (err == nil) != (tt.bad == "") || err != nil && !strings.Contains(err.Error(), tt.bad) {
			t.Errorf("%s: %v; want an error with %q", tt.name, err, tt.bad)
		}
		if err == nil && d == nil {
			t.Errorf("%s: no directory", tt.name)
		}
	}
}

// TestReaderConfig refuses what no reader can be before its line is touched.
func TestReaderConfig(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    config.Reader
		ok   bool
	}{
		{"a profile", config.Reader{Port: "/dev/ttyS9", Profile: "elatec-twn4-dec"}, true},
		{"own steps", config.Reader{Port: "/dev/ttyS9", Profile: "generic", Steps: []string{"hex", "to-dec"}}, true},
		{"no such profile", config.Reader{Port: "/dev/ttyS9", Profile: "sonar"}, false},
		{"no such step", config.Reader{Port: "/dev/ttyS9", Profile: "generic", Steps: []string{"rot13"}}, false},
	} {
		if _, err := newReader(app.ReaderConfig{Device: "front", Reader: tt.r}); (err == nil) != tt.ok {
			t.Errorf("%s: %v, want it to work: %v", tt.name, err, tt.ok)
		}
	}
}

// TestMethodsNeedTheirParts: a way to sign in whose server is not configured is
// refused, not left out.
func TestMethodsNeedTheirParts(t *testing.T) {
	for _, method := range []string{"password", "brokered", "phone", "company", "company-phone", "telepathy"} {
		if m, err := drivers().SignIn(app.SignInConfig{SignIn: config.SignIn{Methods: []string{method}}}); err == nil {
			t.Errorf("method %s without anything: %+v", method, m)
		}
	}
}
