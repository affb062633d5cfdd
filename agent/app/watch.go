package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/fleet"
	"github.com/platen-fax/platen/agent/flow"
	"github.com/platen-fax/platen/agent/health"
	"github.com/platen-fax/platen/agent/registry"
	"github.com/platen-fax/platen/agent/spool"
)

// watch is what looks on: the clock, health and the fleet's broker. It outlives
// the machines.
type watch struct {
	calm   *flow.Calm
	health *health.Health
	fleet  *fleet.Client // nil: no broker is configured
}

// routes adds the pages for machines.
func (w *watch) routes(mux *http.ServeMux) { w.health.Routes(mux) }

// startBackground starts what runs beside every machine.
func (a *App) startBackground(ctx context.Context, wg *sync.WaitGroup, cfg *config.Config) error {
	w := &watch{calm: flow.NewCalm(a.state.now, a.state.spool.Newest, cfg.Clock.Jump, cfg.Clock.CalmAfterJump)}
	if cfg.MQTT.Broker != "" {
		var err error
		if w.fleet, err = a.fleetClient(cfg); err != nil {
			return err
		}
	}
	o := health.Options{
		Version: a.opt.Version, Spool: a.state.spool, Services: a.serviceHealth, Reloaded: a.reloaded.Load,
		ClockJumps: w.calm.Jumps, Visits: a.openVisits, Now: a.state.now, Log: a.log,
	}
	if w.fleet != nil {
		o.MQTT = w.fleet.Connected
	}
	w.health = health.New(o)
	a.watch = w
	serve, err := a.steering(cfg)
	if err != nil {
		return err
	}
	run := func(name string, f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				a.log.Error("stopped working", "part", name, "err", err)
			}
		})
	}
	run("bus", func(ctx context.Context) error { return a.bus.Run(ctx, a.state.spool) })
	run("health", w.health.Run)
	run("sweep", a.sweep(cfg))
	run("memory", func(ctx context.Context) error { return giveBack(ctx, a.bus) })
	run("admin socket", serve)
	wg.Go(func() {
		if err := alive(ctx, spoolEvery, a.state.spool.Last); err != nil {
			a.fatal <- err
		}
	})
	if w.fleet != nil {
		run("mqtt", w.fleet.Run)
	}
	return nil
}

// spoolEvery is how often the spool is asked whether it still works.
const spoolEvery = 5 * time.Second

// alive asks the spool now and then and returns an error once it cannot be used
// any more. After a failed flush nobody knows what is on the disk; the way back
// is a new process that reads it afresh, so the agent ends and its supervisor
// starts it again.
func alive(ctx context.Context, every time.Duration, ask func(context.Context) (uint64, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for failed := 0; failed < 2; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if _, err := ask(ctx); errors.Is(err, spool.ErrUnavailable) && ctx.Err() == nil {
			failed++
		} else {
			failed = 0
		}
	}
	return errors.New("the spool has to be opened afresh")
}

// serviceHealth tells how the fax services of the present machine are.
func (a *App) serviceHealth() []health.Service {
	m := a.machine.Load()
	if m == nil {
		return nil
	}
	var out []health.Service
	for _, c := range m.cfg.FaxServices {
		s := m.services[c.ID]
		out = append(out, health.Service{
			ID: c.ID, Kind: c.Kind, Open: s.breaker.Open(), Stopped: s.account.Stopped(context.Background()) != nil,
		})
	}
	return out
}

// sweepEvery is how often retention looks for keys and leftovers to destroy.
const sweepEvery = time.Hour

// sweep destroys what is past its retention beside single records: monthly keys,
// ended facts, leftovers of crashes.
func (a *App) sweep(cfg *config.Config) func(context.Context) error {
	return func(ctx context.Context) error {
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		for {
			oldest := a.state.now().Add(-cfg.Retention.Records)
			if err := a.state.spool.Sweep(ctx); err != nil {
				a.log.Error("sweep", "part", "spool", "err", err)
			}
			if _, err := a.state.registry.Sweep(oldest); err != nil {
				a.log.Error("sweep", "part", "registry", "err", err)
			} else if _, err := a.state.facts.DestroyBefore(oldest); err != nil {
				a.log.Error("sweep", "part", "registry keys", "err", err)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	}
}

// fleetClient makes the MQTT client. Its name in the fleet is made once and kept.
func (a *App) fleetClient(cfg *config.Config) (*fleet.Client, error) {
	id, err := agentName(a.state.registry)
	if err != nil {
		return nil, err
	}
	pool, err := roots(cfg.Network.CAFile, cfg.MQTT.CAFile)
	if err != nil {
		return nil, fmt.Errorf("mqtt.ca_file: %w", err)
	}
	o := fleet.Options{
		Broker: cfg.MQTT.Broker, Prefix: cfg.MQTT.TopicPrefix, Site: cfg.Site.Name, Agent: id, Version: a.opt.Version,
		ClientID: cfg.MQTT.ClientID, TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		Username: cfg.MQTT.User, Source: a.state.spool, Cursor: cursor{a.state.registry, "fleet"}, Log: a.log, Now: a.state.now,
	}
	if !cfg.MQTT.Password.IsZero() {
		o.Password = cfg.MQTT.Password.Read
	}
	return fleet.New(o)
}

// agentName returns the agent's own name, made at its first start.
func agentName(r *registry.Registry) (string, error) {
	var name string
	err := r.Get("agent", "name", &name)
	if !errors.Is(err, registry.ErrNotFound) {
		return name, err
	}
	var b [6]byte
	rand.Read(b[:]) // never fails
	name = hex.EncodeToString(b[:])
	return name, r.Put("agent", "name", name, 0)
}

// cursor keeps a listener's place in the spool's events.
type cursor struct {
	r    *registry.Registry
	name string
}

// Get implements [fleet.Cursor].
func (c cursor) Get(context.Context) (seq uint64, err error) {
	err = c.r.Get("cursor", c.name, &seq)
	if errors.Is(err, registry.ErrNotFound) {
		return 0, nil
	}
	return seq, err
}

// Put implements [fleet.Cursor].
func (c cursor) Put(_ context.Context, seq uint64) error { return c.r.Put("cursor", c.name, seq, 0) }

// Logger makes the log that the configuration asks for, or a plain one when it
// cannot be read.
func Logger(file string, w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelInfo}
	cfg, _, err := config.Load(file)
	if err != nil || cfg == nil { // errors in it are logged by Run
		return slog.New(slog.NewTextHandler(w, o))
	}
	var level slog.Level
	if level.UnmarshalText([]byte(cfg.Log.Level)) == nil {
		o.Level = level
	}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
