// Package app builds the running agent from a configuration and keeps it
// running: the state that stays open for as long as the process lives, and the
// machine on top of it that a reload swaps.
//
// Concrete drivers and fax services come in as tables, so this package names
// none. How any part works is not known here, only in which order the parts are
// made, joined and taken down.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/flow"
	"github.com/platen-fax/platen/agent/signin"
)

// Options of Run.
type Options struct {
	Config  string // file
	State   string // overrides spool.dir; "" does not
	Version string
	Drivers Drivers
	Log     *slog.Logger
	// Reload asks for a new look at the configuration; nil never does.
	Reload <-chan os.Signal
	// Ready is called once, when the agent serves its panels.
	Ready func()
}

// logger is never nil.
func (o Options) logger() *slog.Logger {
	if o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Log
}

// ErrConfig says that the configuration has problems; they were logged one by
// one.
var ErrConfig = errors.New("configuration has errors")

// App is one running agent.
type App struct {
	opt      Options
	log      *slog.Logger
	state    *state
	bus      *flow.Bus
	sessions signin.Sessions
	server   *server
	watch    *watch

	// What signing in keeps over reloads: who may act for whom, and what happens
	// to visits from outside.
	authorities *signin.Authorities
	events      *signin.Events
	filled      directory.Directory // by a cloud; nil for others, which machines make
	inbox       *inbox              // of filled

	machine atomic.Pointer[machine]
	fatal   chan error // what only a new process can mend

	mu       sync.Mutex // one reload at a time
	reloaded atomic.Bool
}

// Run starts the agent and blocks until ctx ends and everything in hand is
// finished: pages that are moving, requests that must not be cut, the spool. It
// returns nil after an orderly end.
func Run(ctx context.Context, opt Options) (err error) {
	opt.Log = opt.logger()
	cfg, err := load(opt)
	if err != nil {
		return err
	}
	a := &App{
		opt: opt, log: opt.Log, bus: flow.NewBus(), sessions: signin.NewMemory(nil),
		authorities: signin.NewAuthorities(), events: signin.NewEvents(), fatal: make(chan error, 1),
	}
	a.reloaded.Store(true)
	if a.state, err = openState(cfg, opt.Log); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.state.close()) }()
	if err := a.state.dropSharedDrafts(ctx); err != nil {
		return err
	}

	// The background lives a little longer than ctx: it ends after the machine.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	defer func() { stop(); wg.Wait() }()
	if err := a.startBackground(background, &wg, cfg); err != nil {
		return err
	}
	if err := a.openFilled(cfg); err != nil {
		return err
	}
	m, err := a.build(cfg)
	if err != nil {
		return err
	}
	defer a.endAuthorities()
	m.start(a.bus)
	a.machine.Store(m)
	defer func() { a.machine.Load().stop() }()

	if a.server, err = listen(cfg, a, opt.Log); err != nil {
		return err
	}
	defer a.server.close()
	if err := a.listenForPeople(cfg); err != nil {
		return err
	}
	defer a.inbox.close()
	a.log.Info("agent is up", "version", opt.Version, "panel", a.server.url(), "devices", len(cfg.Devices))
	if opt.Ready != nil {
		opt.Ready()
	}
	for {
		select {
		case <-ctx.Done():
			a.log.Info("agent is stopping")
			return nil
		case <-opt.Reload:
			if err := a.Reload(ctx); err != nil {
				a.log.Error("reload: the old configuration stays", "err", err)
			}
		case err := <-a.fatal:
			return err
		case err := <-a.server.failed:
			return fmt.Errorf("panel server: %w", err)
		case err := <-a.inbox.trouble():
			return fmt.Errorf("listener of the directory: %w", err)
		}
	}
}

// endAuthorities gives back the credentials of everybody who is still signed in.
func (a *App) endAuthorities() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := a.authorities.Close(ctx); err != nil {
		a.log.Warn("a credential was not given back; it ends by itself", "err", err)
	}
}

// load reads the configuration and logs every problem.
func load(opt Options) (*config.Config, error) {
	cfg, problems, err := config.Load(opt.Config)
	if err != nil {
		return nil, err
	}
	for _, p := range problems {
		level := slog.LevelWarn
		if p.Severity == config.SeverityError {
			level = slog.LevelError
		}
		opt.Log.Log(context.Background(), level, "configuration", "problem", p.String())
	}
	if config.Errors(problems) > 0 {
		return nil, fmt.Errorf("%s: %w", opt.Config, ErrConfig)
	}
	if opt.State != "" {
		if cfg.Spool.Dir, err = filepath.Abs(opt.State); err != nil {
			return nil, err
		}
	}
	return cfg, nil
}

// Reload reads the configuration again: check, build, drain the old machine,
// swap. With any error the old one stays. The spool stays open throughout, so
// changing its directory needs a restart.
func (a *App) Reload(ctx context.Context) (err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer func() { a.reloaded.Store(err == nil) }()
	cfg, err := load(a.opt)
	if err != nil {
		return err
	}
	old := a.machine.Load()
	if key := fixed(old.cfg, cfg); key != "" {
		return fmt.Errorf("%s: changing it needs a restart", key)
	}
	next, err := a.build(cfg)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	old.stop()
	next.start(a.bus)
	a.machine.Store(next)
	a.log.Info("configuration reloaded", "devices", len(cfg.Devices))
	return nil
}

// fixed names the first changed key that only a restart can change, or "".
func fixed(old, next *config.Config) string {
	switch {
	case old.Spool != next.Spool:
		return "spool"
	case old.Panel.Listen != next.Panel.Listen, old.Panel.TLSCert != next.Panel.TLSCert, old.Panel.TLSKey != next.Panel.TLSKey:
		return "panel.listen or its certificate"
	case old.MQTT != next.MQTT:
		return "mqtt"
	case old.AdminSocket() != next.AdminSocket():
		return "admin.socket"
	case old.Limits() != next.Limits():
		return "a deadline or retention time" // they are written into the spool's index
	case old.Clock != next.Clock:
		return "clock"
	case !sameFilling(old.SignIn.Directory, next.SignIn.Directory):
		return "sign_in.directory of kind scim"
	}
	return ""
}

// sameFilling reports whether the listener of a directory, and what is behind it,
// stay as they are.
func sameFilling(old, next config.Directory) bool {
	if old.Listen == "" && next.Listen == "" {
		return true
	}
	old.Allow, next.Allow = nil, nil // asked for with each request
	return reflect.DeepEqual(old, next)
}

// drainTime is how long pages and requests in hand may take when the machine
// stops, before a scan is broken off.
const drainTime = 30 * time.Second
