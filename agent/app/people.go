package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/registry"
	"github.com/platen-fax/platen/agent/signin"
)

// newDirectory makes the directory of the configuration; nil where there is none.
func newDirectory(drivers Drivers, cfg *config.Config, c DirectoryConfig) (directory.Directory, error) {
	c.Directory = cfg.SignIn.Directory
	if c.Directory.Kind == "" {
		return nil, nil
	}
	build, ok := drivers.Directories[c.Directory.Kind]
	if !ok {
		return nil, fmt.Errorf("kind %q is not built in", c.Directory.Kind)
	}
	var err error
	if c.Roots, err = roots(cfg.Network.CAFile, c.Directory.CAFile); err != nil {
		return nil, err
	}
	return build(c)
}

// directory returns the directory of a machine: a new one, or the one that a
// cloud fills, which outlives machines.
func (a *App) directory(cfg *config.Config) (directory.Directory, error) {
	if a.filled != nil {
		return a.filled, nil
	}
	return newDirectory(a.opt.Drivers, cfg, DirectoryConfig{Log: a.log, Now: a.state.now})
}

// openFilled opens the directory that a cloud fills, where one is configured.
func (a *App) openFilled(cfg *config.Config) error {
	if cfg.SignIn.Directory.Listen == "" {
		return nil
	}
	d, err := newDirectory(a.opt.Drivers, cfg, DirectoryConfig{
		Log: a.log, Now: a.state.now, Keeper: people{a.state.registry}, Deactivated: a.deactivated,
	})
	if err != nil {
		return fmt.Errorf("sign_in.directory: %w", err)
	}
	a.filled = d
	return nil
}

// listenForPeople opens the listener of the directory that a cloud fills.
func (a *App) listenForPeople(cfg *config.Config) error {
	if a.filled == nil {
		return nil
	}
	take, ok := a.filled.(http.Handler)
	if !ok {
		return fmt.Errorf("sign_in.directory.listen: a directory of kind %s takes nothing", cfg.SignIn.Directory.Kind)
	}
	d := cfg.SignIn.Directory
	allow := func() []netip.Prefix { return a.machine.Load().cfg.SignIn.Directory.Allow }
	var err error
	if a.inbox, err = openInbox(d.Listen, d.TLSCert, d.TLSKey, allow, take, a.log); err != nil {
		return err
	}
	a.log.Info("people may be provisioned", "listen", a.inbox.addr, "path", d.Path)
	return nil
}

// deactivatedWithin bounds telling the panels that somebody may not sign in any
// more.
const deactivatedWithin = 5 * time.Second

// deactivated ends what somebody still has who may not sign in any more: links
// of badges, and visits at all devices.
func (a *App) deactivated(person string) {
	m := a.machine.Load()
	if m == nil {
		return // nobody can be signed in yet
	}
	ctx, cancel := context.WithTimeout(context.Background(), deactivatedWithin)
	defer cancel()
	if m.entrance.badges != nil {
		if err := m.entrance.badges.Unlink(ctx, person); err != nil {
			a.log.Error("a deactivated person's badges stay linked", "err", err)
		}
	}
	if m.panel == nil {
		return
	}
	if err := a.events.Send(ctx, signin.Event{Person: person}); err != nil {
		a.log.Error("a deactivated person's visits were not ended", "err", err)
	}
}

// people keeps what a cloud directory sent in the registry: keys are the random
// ids that the agent gave, values are sealed.
type people struct{ r *registry.Registry }

var _ Keeper = people{}

// peopleKind is their kind in the registry.
const peopleKind = "directory-user"

// Load implements [Keeper].
func (p people) Load() (map[string][]byte, error) {
	users := map[string][]byte{}
	err := p.r.All(peopleKind, func(id string, value json.RawMessage) error {
		users[id] = value
		return nil
	})
	return users, err
}

// Put implements [Keeper]; user is a JSON document.
func (p people) Put(id string, user []byte) error {
	if !json.Valid(user) {
		return errors.New("a user is no JSON document")
	}
	return p.r.Put(peopleKind, id, json.RawMessage(user), 0)
}

// Delete implements [Keeper].
func (p people) Delete(id string) error { return p.r.Delete(peopleKind, id) }
