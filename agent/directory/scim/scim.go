// Package scim is a directory that a cloud directory fills over SCIM 2.0: the
// users it was told about, kept by a [Keeper], and the handler that takes them.
// Listening, the certificate and the token's file are the caller's.
package scim

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/protocols/scim"
)

// maxUsers bounds how many users are taken.
const maxUsers = 200_000

// Keeper keeps users over a restart. It is called by one goroutine at a time;
// what Put returned for is durable.
type Keeper interface {
	Load() (map[string][]byte, error) // all users by id
	Put(id string, user []byte) error
	Delete(id string) error
}

// Options are the choices of a directory. ID, Keeper and Token are needed.
type Options struct {
	ID     string        // of the directory in the configuration, for errors
	Base   string        // path of the address told to the cloud; "" is "/scim/v2"
	Token  func() string // the secret token; asked with each request, "" refuses all
	Keeper Keeper
	Badge  string           // path of the badge number; "" is the enterprise extension's employeeNumber
	Now    func() time.Time // nil is time.Now

	// Deactivated is told the id of each person who may not sign in any more:
	// deactivated, deleted, or known by another address. Their sessions must
	// end. It is called after the change is durable and must not call back.
	Deactivated func(person string)
}

// Directory is the users of a cloud directory, a [directory.Directory].
type Directory struct {
	opts    Options
	handler http.Handler

	mu    sync.Mutex
	users map[string]scim.User
	names map[string]string // folded userName → id
	order []string          // ids, sorted
}

var _ directory.Directory = (*Directory)(nil)

// Open loads the users.
func Open(opts Options) (*Directory, error) {
	if opts.Base == "" {
		opts.Base = "/scim/v2"
	}
	if opts.Badge == "" {
		opts.Badge = scim.EnterpriseSchema + ":employeeNumber"
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Token == nil || opts.Keeper == nil {
		return nil, errors.New("scim: want a token and a keeper")
	}
	d := &Directory{opts: opts, users: map[string]scim.User{}, names: map[string]string{}}
	kept, err := opts.Keeper.Load()
	if err != nil {
		return nil, fmt.Errorf("scim: load users: %w", err)
	}
	for id, b := range kept {
		var u scim.User
		if err := json.Unmarshal(b, &u); err != nil {
			return nil, fmt.Errorf("scim: a kept user cannot be read: %w", err)
		}
		d.users[id], d.names[directory.Fold(u.UserName())] = u, id
	}
	d.order = slices.Sorted(maps.Keys(d.users))
	d.handler = scim.Handler(opts.Base, opts.Token, store{d})
	return d, nil
}

// ServeHTTP takes the requests of the cloud directory.
func (d *Directory) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(w, r) }

// ByBadge implements [directory.Directory].
func (d *Directory) ByBadge(ctx context.Context, id string) (job.Person, error) {
	want := directory.FoldBadge(id)
	return d.find("badge", func(u scim.User) bool {
		return slices.ContainsFunc(u.Get(d.opts.Badge), func(v string) bool { return directory.FoldBadge(v) == want })
	})
}

// ByName implements [directory.Directory].
func (d *Directory) ByName(ctx context.Context, name string) (job.Person, error) {
	want := directory.Fold(name)
	return d.find("name", func(u scim.User) bool {
		return directory.Fold(u.UserName()) == want ||
			slices.ContainsFunc(u.Get("emails.value"), func(v string) bool { return directory.Fold(v) == want })
	})
}

// Check implements [directory.Directory]: the cloud must have sent somebody.
func (d *Directory) Check(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.users) == 0 {
		return fmt.Errorf("%w: %s: the cloud directory has sent nobody yet", directory.ErrUnavailable, d.opts.ID)
	}
	return nil
}

// find looks at everybody: taps are rare, and an index would have to follow
// each odd shape of a change.
func (d *Directory) find(by string, fits func(scim.User) bool) (job.Person, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var active []scim.User
	inactive := 0
	for _, u := range d.users {
		switch {
		case !fits(u):
		case u.Active():
			active = append(active, u)
		default:
			inactive++
		}
	}
	err := directory.ErrUnknown
	switch {
	case len(active) > 1:
		err = directory.ErrAmbiguous
	case len(active) == 1:
		var p job.Person
		if p, err = person(active[0]); err == nil {
			return p, nil
		}
	case inactive > 0:
		err = directory.ErrDisabled
	}
	return job.Person{}, &directory.LookupError{Source: d.opts.ID, By: by, Err: err}
}

// person reads who a user is.
func person(u scim.User) (job.Person, error) {
	email := ""
	for _, path := range []string{`emails[type eq "work"].value`, `emails[primary eq true].value`, "emails.value", "userName"} {
		if v := u.Get(path); len(v) > 0 {
			email = v[0]
			break
		}
	}
	name := strings.Join(append(u.Get("name.givenName"), u.Get("name.familyName")...), " ")
	for _, path := range []string{"name.formatted", "displayName"} {
		if v := u.Get(path); len(v) > 0 {
			name = v[0]
		}
	}
	return directory.NewPerson(email, name)
}

// gone tells the caller of a person who may not sign in any more.
func (d *Directory) gone(before, after scim.User) {
	if d.opts.Deactivated == nil || !before.Active() {
		return
	}
	was, err := person(before)
	if err != nil {
		return
	}
	if after != nil && after.Active() {
		if is, err := person(after); err == nil && is.ID == was.ID {
			return
		}
	}
	d.opts.Deactivated(was.ID)
}

// newID returns an identifier that is never given twice.
func newID() string { return strings.ToLower(rand.Text()) }
