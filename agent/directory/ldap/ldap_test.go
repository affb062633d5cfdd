package ldap_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/directory/ldap"
	"github.com/platen-fax/platen/agent/job"
)

var ann = job.Person{ID: "ann@example.com", Name: "Ann Archer", Email: "Ann@Example.com"}

// TestBadgeAmbiguity: a badge of two people signs in neither, and the other
// ways in which a badge finds nobody are told apart. A real server evaluates
// the filters of Active Directory.
func TestBadgeAmbiguity(t *testing.T) {
	s := startSlapd(t)
	d := newDirectory(t, s.options(s.ldaps))
	for _, tt := range []struct {
		name, badge string
		want        string // id of the person
		err         error
	}{
		{"one", "946EBD28", ann.ID, nil},
		{"case", "946ebd28", ann.ID, nil},
		{"two people", "99AABBCC", "", directory.ErrAmbiguous},
		{"three people", "33333333", "", directory.ErrAmbiguous}, // beyond the size limit
		{"disabled", "11223344", "", directory.ErrDisabled},
		{"disabled and active", "00000001", "dee@example.com", nil},
		{"no address", "55667788", "", directory.ErrIncomplete},
		{"computer", "22222222", "", directory.ErrUnknown},
		{"nobody", "44444444", "", directory.ErrUnknown},
		{"injection", "*", "", directory.ErrUnknown},
		{"longer injection", "1)(pager=*", "", directory.ErrUnknown},
		{"odd bytes", "a*)(uid=*\x00ü", "", directory.ErrUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := d.ByBadge(t.Context(), tt.badge)
			if got.ID != tt.want || !errors.Is(err, tt.err) {
				t.Fatalf("ByBadge(%q) = %+v, %v; want %q, %v", tt.badge, got, err, tt.want, tt.err)
			}
			var le *directory.LookupError
			if err != nil && (!errors.As(err, &le) || le.Source != "corp" || strings.Contains(err.Error(), tt.badge)) {
				t.Errorf("error %v; want a LookupError of corp without the badge", err)
			}
		})
	}
	if got, err := d.ByBadge(t.Context(), "946EBD28"); got != ann || err != nil {
		t.Errorf("ByBadge = %+v, %v; want %+v", got, err, ann)
	}
}

func TestNames(t *testing.T) {
	s := startSlapd(t)
	d := newDirectory(t, s.options(s.ldaps))
	for _, tt := range []struct {
		name string
		want error
	}{
		{"ANN", nil},
		{"ann@corp.example.com", nil},
		{"ann@example.COM", nil},
		{"Ann.Archer@example.com", nil}, // a further address
		{"bob", directory.ErrDisabled},
		{"dee@example.com", directory.ErrAmbiguous}, // an address is not unique by schema
		{"*", directory.ErrUnknown},
		{"", directory.ErrUnknown},
	} {
		if p, err := d.ByName(t.Context(), tt.name); !errors.Is(err, tt.want) || (err == nil) != (p == ann) {
			t.Errorf("ByName(%q) = %+v, %v; want %v", tt.name, p, err, tt.want)
		}
	}
}

func TestStartTLS(t *testing.T) {
	s := startSlapd(t)
	d := newDirectory(t, s.options(s.starttls))
	if p, err := d.ByBadge(t.Context(), "946EBD28"); p != ann || err != nil {
		t.Errorf("ByBadge = %+v, %v; want Ann", p, err)
	}
	if err := d.Check(t.Context()); err != nil {
		t.Errorf("Check = %v", err)
	}
}

// TestOtherSchema: RFC 2798 people, and a group whose name is escaped another
// way than the configuration writes it.
func TestOtherSchema(t *testing.T) {
	s := startSlapd(t)
	o := s.options(s.ldaps)
	o.Schema = ldap.InetOrgPerson()
	o.Schema.AllowGroup = `CN=fax\, senders,DC=example,DC=com`
	d := newDirectory(t, o)
	if p, err := d.ByBadge(t.Context(), "4711"); err != nil || p.ID != ann.ID {
		t.Errorf("ByBadge = %+v, %v; want Ann", p, err)
	}
	o.Schema.AllowGroup = "cn=others,dc=example,dc=com"
	d = newDirectory(t, o)
	if _, err := d.ByBadge(t.Context(), "4711"); !errors.Is(err, directory.ErrNotAllowed) {
		t.Errorf("ByBadge of another group = %v; want ErrNotAllowed", err)
	}
}

// TestSecondServer: the first is down, or somebody else.
func TestSecondServer(t *testing.T) {
	s := startSlapd(t)
	stranger := startSlapd(t) // its certificate is of another authority
	for _, first := range []string{"ldaps://localhost:" + freePort(t), stranger.ldaps, stranger.starttls} {
		d := newDirectory(t, s.options(first, s.ldaps))
		if p, err := d.ByBadge(t.Context(), "946EBD28"); p != ann || err != nil {
			t.Errorf("ByBadge with %s first = %+v, %v; want Ann", first, p, err)
		}
		if err := d.Check(t.Context()); !errors.Is(err, directory.ErrUnavailable) {
			t.Errorf("Check with %s = %v; want ErrUnavailable", first, err)
		}
	}
	s.stop()
	d := newDirectory(t, s.options(s.ldaps, s.starttls))
	if _, err := d.ByBadge(t.Context(), "946EBD28"); !errors.Is(err, directory.ErrUnavailable) {
		t.Errorf("ByBadge with both down = %v; want ErrUnavailable", err)
	}
}

// TestWrongHostName: a right certificate for another name is no certificate.
func TestWrongHostName(t *testing.T) {
	s := startSlapd(t)
	for _, u := range []string{s.ldaps, s.starttls} {
		d := newDirectory(t, s.options(strings.Replace(u, "localhost", "127.0.0.1", 1)))
		if _, err := d.ByBadge(t.Context(), "946EBD28"); !errors.Is(err, directory.ErrUnavailable) {
			t.Errorf("ByBadge at %s = %v; want ErrUnavailable", u, err)
		}
	}
}

// TestSilentServer: a server that takes connections and says nothing costs the
// configured time, and a person who walks away costs none.
func TestSilentServer(t *testing.T) {
	id := newIdentity(t)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(t, err)
	defer plain.Close()
	accepted := make(chan net.Conn, 16)
	for _, ln := range []net.Listener{plain} {
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				accepted <- c
			}
		}()
	}
	_, port, _ := net.SplitHostPort(plain.Addr().String())
	for _, scheme := range []string{"ldaps", "ldap"} {
		o := ldap.Options{
			ID: "corp", Servers: []string{scheme + "://localhost:" + port}, TLS: id.roots, BaseDN: baseDN,
			BindDN: readerDN, Password: says(readerPW), ConnectTimeout: 50 * time.Millisecond, SearchTimeout: bound,
		}
		d := newDirectory(t, o)
		if _, err := d.ByBadge(t.Context(), "1"); !errors.Is(err, directory.ErrUnavailable) {
			t.Errorf("%s: ByBadge = %v; want ErrUnavailable", scheme, err)
		}
		(<-accepted).Close()
		o.ConnectTimeout = time.Hour
		d = newDirectory(t, o)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { c := <-accepted; cancel(); defer c.Close(); <-t.Context().Done() }()
		if _, err := d.ByBadge(ctx, "1"); !errors.Is(err, context.Canceled) && !errors.Is(err, directory.ErrUnavailable) {
			t.Errorf("%s: ByBadge = %v; want it given up", scheme, err)
		}
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	good := ldap.Options{ID: "c", Servers: []string{"ldaps://dc1"}, BaseDN: baseDN, BindDN: readerDN, Password: says("x")}
	if _, err := ldap.New(good); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*ldap.Options)
	}{
		{"no server", func(o *ldap.Options) { o.Servers = nil }},
		{"http", func(o *ldap.Options) { o.Servers = []string{"http://dc1"} }},
		{"password in the address", func(o *ldap.Options) { o.Servers = []string{"ldaps://a:b@dc1"} }},
		{"no account", func(o *ldap.Options) { o.BindDN = "" }},
		{"base", func(o *ldap.Options) { o.BaseDN = "example.com" }},
		{"unchecked server", func(o *ldap.Options) { o.TLS = &tls.Config{InsecureSkipVerify: true} }}, //nolint:gosec // it is refused
		{"attribute", func(o *ldap.Options) { o.Schema.Badge = "a)(b" }},
		{"filter", func(o *ldap.Options) { o.Schema = ldap.ActiveDirectory(); o.Schema.Disabled = "(" }},
	} {
		o := good
		tt.change(&o)
		if _, err := ldap.New(o); err == nil {
			t.Errorf("%s: New succeeded", tt.name)
		}
	}
}
