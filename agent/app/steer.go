package app

import (
	"context"
	"fmt"

	"github.com/platen-fax/platen/agent/admin"
	"github.com/platen-fax/platen/agent/config"
)

// steering serves the local socket of the commands.
func (a *App) steering(cfg *config.Config) (serve func(context.Context) error, err error) {
	l, err := admin.Listen(cfg.AdminSocket())
	if err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	s := admin.New(admin.Options{Version: a.opt.Version, Spool: a.state.spool, Services: services{a}, Reload: a.Reload, Log: a.log})
	return func(ctx context.Context) error { return s.Serve(ctx, l) }, nil
}

// services shows the fax services of the present machine to the commands.
type services struct{ app *App }

// Services implements [admin.Services].
func (s services) Services(ctx context.Context) ([]admin.Service, error) {
	m := s.app.machine.Load()
	if m == nil {
		return nil, nil
	}
	var out []admin.Service
	for _, c := range m.cfg.FaxServices {
		v := m.services[c.ID]
		out = append(out, admin.Service{
			ID: c.ID, Kind: c.Kind, Open: v.breaker.Open(), Stopped: v.account.Stopped(ctx), Capabilities: v.service.Capabilities(),
		})
	}
	return out, nil
}

// Resume implements [admin.Services].
func (s services) Resume(ctx context.Context, id string) error {
	m := s.app.machine.Load()
	if m == nil || m.services[id] == nil {
		return admin.ErrNoService
	}
	return m.services[id].account.Resume(ctx)
}
