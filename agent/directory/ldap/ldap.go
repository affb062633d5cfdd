// Package ldap is a directory on LDAP servers, Active Directory or another.
//
// The line is always encrypted and the server's name and chain are always
// checked: ldaps:// from the first byte, ldap:// by StartTLS before anything
// else. Each look-up takes a connection of its own, because taps are rare and a
// kept one would be cut by the firewall in between. People's passwords are
// never seen here.
package ldap

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/job"
)

// Options are the choices of a directory. ID, Servers, BaseDN, BindDN and
// Password are needed.
type Options struct {
	ID string // of the directory in the configuration, for errors
	// Servers are asked in order until one answers: ldaps://HOST[:PORT], or
	// ldap://HOST[:PORT] which means StartTLS. A forest-wide Active Directory
	// search wants the global catalogue, port 3269.
	Servers []string
	TLS     *tls.Config // roots; the name is always the server's. nil is the system's roots
	BaseDN  string
	BindDN  string // an account that may only read
	// Password is asked before each connection, so that a changed file counts.
	Password func() (string, error)
	Schema   Schema

	ConnectTimeout time.Duration // 0 is 3 s
	SearchTimeout  time.Duration // for each answer; 0 is 5 s
	Log            *slog.Logger  // nil: silent
}

// Directory asks LDAP servers, a [directory.Directory].
type Directory struct {
	opts    Options
	servers []*url.URL

	mu      sync.Mutex
	refused map[[sha256.Size]byte]error // a password that was refused is not tried again
}

var _ directory.Directory = (*Directory)(nil)

// New checks the options; it connects to nothing.
func New(opts Options) (*Directory, error) {
	if opts.ConnectTimeout == 0 {
		opts.ConnectTimeout = 3 * time.Second
	}
	if opts.SearchTimeout == 0 {
		opts.SearchTimeout = 5 * time.Second
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if err := opts.Schema.complete(); err != nil {
		return nil, fmt.Errorf("ldap: %w", err)
	}
	if len(opts.Servers) == 0 || opts.BindDN == "" || opts.Password == nil {
		return nil, errors.New("ldap: want servers, an account and its password")
	}
	for _, dn := range []string{opts.BaseDN, opts.Schema.AllowGroup} {
		if _, err := ldap.ParseDN(dn); err != nil {
			return nil, fmt.Errorf("ldap: %q: %w", dn, err)
		}
	}
	if opts.TLS != nil && opts.TLS.InsecureSkipVerify {
		return nil, errors.New("ldap: a server that is not checked could be anybody")
	}
	d := &Directory{opts: opts, refused: map[[sha256.Size]byte]error{}}
	for _, s := range opts.Servers {
		u, err := url.Parse(s)
		if err != nil || u.Hostname() == "" || u.Scheme != "ldaps" && u.Scheme != "ldap" || strings.Trim(u.Path, "/") != "" || u.User != nil {
			return nil, fmt.Errorf("ldap: server %q: want ldaps://HOST[:PORT], or ldap://HOST[:PORT] for StartTLS", s)
		}
		d.servers = append(d.servers, u)
	}
	return d, nil
}

// ByBadge implements [directory.Directory].
func (d *Directory) ByBadge(ctx context.Context, id string) (job.Person, error) {
	return d.find(ctx, "badge", d.opts.Schema.badge(id))
}

// ByName implements [directory.Directory].
func (d *Directory) ByName(ctx context.Context, name string) (job.Person, error) {
	return d.find(ctx, "name", d.opts.Schema.name(name))
}

// Check implements [directory.Directory]: every server must let the account in
// and know the base.
func (d *Directory) Check(ctx context.Context) error {
	var all []error
	for _, u := range d.servers {
		err := d.on(ctx, u, func(c *ldap.Conn) error {
			_, err := d.search(c, d.opts.BaseDN, ldap.ScopeBaseObject, "(objectClass=*)")
			return err
		})
		if err != nil {
			all = append(all, fmt.Errorf("%s: %w", u.Host, err))
		}
	}
	return errors.Join(all...)
}

// find asks one server after the other.
func (d *Directory) find(ctx context.Context, by, filter string) (job.Person, error) {
	var failed []error
	for _, u := range d.servers {
		var p job.Person
		err := d.on(ctx, u, func(c *ldap.Conn) (err error) {
			p, err = d.person(c, filter)
			return err
		})
		if err == nil {
			return p, nil
		}
		if !errors.Is(err, directory.ErrUnavailable) || ctx.Err() != nil || errors.As(err, new(*RefusedError)) {
			// The other servers know the same people and the same account: asking
			// them again would only count towards its lockout.
			return p, &directory.LookupError{Source: d.opts.ID, By: by, Err: err}
		}
		d.opts.Log.Warn("directory server does not answer", "directory", d.opts.ID, "server", u.Host, "err", err)
		failed = append(failed, fmt.Errorf("%s: %w", u.Host, err))
	}
	return job.Person{}, &directory.LookupError{Source: d.opts.ID, By: by, Err: errors.Join(failed...)}
}

// person finds the one person that the filter matches.
func (d *Directory) person(c *ldap.Conn, filter string) (job.Person, error) {
	s := d.opts.Schema
	found, err := d.search(c, d.opts.BaseDN, ldap.ScopeWholeSubtree, s.active(filter))
	if err != nil {
		return job.Person{}, err
	}
	if len(found) == 0 && s.Disabled != "" {
		// Somebody who is disabled gets another word than somebody unknown, yet
		// an old account must not make a badge ambiguous.
		found, err = d.search(c, d.opts.BaseDN, ldap.ScopeWholeSubtree, s.any(filter))
		if errors.Is(err, directory.ErrAmbiguous) || len(found) > 0 {
			return job.Person{}, directory.ErrDisabled
		}
		if err != nil {
			return job.Person{}, err
		}
	}
	switch {
	case len(found) == 0:
		return job.Person{}, directory.ErrUnknown
	case len(found) > 1:
		return job.Person{}, directory.ErrAmbiguous
	}
	return s.person(found[0])
}

// search asks for two entries, since one more than one is too many.
func (d *Directory) search(c *ldap.Conn, base string, scope int, filter string) ([]*ldap.Entry, error) {
	res, err := c.Search(ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, 2,
		int(d.opts.SearchTimeout/time.Second), false, filter, d.opts.Schema.attributes(), nil))
	if ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) {
		return nil, directory.ErrAmbiguous
	}
	if err != nil {
		return nil, fmt.Errorf("%w: search: %w", directory.ErrUnavailable, err)
	}
	var entries []*ldap.Entry
	for _, e := range res.Entries {
		if e != nil && e.DN != "" { // a domain's root answers with references too
			entries = append(entries, e)
		}
	}
	return entries, nil
}
