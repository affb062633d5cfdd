package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
)

// entrance is what one machine signs people in with. The zero entrance is that
// of a site whose devices are all shared.
type entrance struct {
	reception *signin.Reception // nil: nobody signs in
	badges    Badges            // nil: none
	launch    LaunchFunc        // nil: none
	directory directory.Directory
	idle      []func() // close idle connections
}

var errNotBuiltIn = errors.New("sign_in: signing in is not built in")

// close ends sign-ins under way; the machine's panel is closed before.
func (e *entrance) close() {
	if e.reception != nil {
		e.reception.Close()
	}
	for _, f := range e.idle {
		f()
	}
}

// signsIn says that somebody signs in at one of the devices.
func signsIn(cfg *config.Config) bool {
	return cfg.InMode(config.ModeDeviceLogin) || cfg.InMode(config.ModeUserPrompt)
}

// entrance makes the sign-in of a machine; service is the fax service where the
// people have accounts, nil for none.
func (a *App) entrance(cfg *config.Config, service *service) (e entrance, err error) {
	if !signsIn(cfg) {
		return e, nil
	}
	if e.directory, err = a.directory(cfg); err != nil {
		return e, fmt.Errorf("sign_in.directory: %w", err)
	}
	c, err := signInConfig(cfg, service)
	if err != nil {
		return e, err
	}
	c.Now = a.state.now
	for _, client := range []*http.Client{c.Company, c.Provider} {
		if client != nil {
			e.idle = append(e.idle, client.CloseIdleConnections)
		}
	}
	var methods Methods
	if len(cfg.SignIn.Methods) > 0 {
		if a.opt.Drivers.SignIn == nil {
			return e, errNotBuiltIn
		}
		if methods, err = a.opt.Drivers.SignIn(c); err != nil {
			return e, fmt.Errorf("sign_in: %w", err)
		}
	}
	o := signin.Options{
		Typed: a.countTyped(methods.Typed), Paired: a.countPaired(methods.Paired), Domains: cfg.SignIn.Domains,
		Queue: cfg.SignIn.Unreachable == config.UnreachableQueue, Now: a.state.now, Log: a.log,
		// What was counted lies in the registry: a reload forgets nothing.
		Limits: signin.NewLimits(a.state.registry, signin.Policy{Pause: cfg.SignIn.Pause, Window: cfg.SignIn.Window}, a.state.now),
	}
	if cfg.SignIn.Account == config.AccountAuto {
		o.Discover = methods.Discover
	} else {
		o.Fixed = signin.Discovery{
			Account: signin.Account(cfg.SignIn.Account), MEX: cfg.SignIn.Company.MEX, RelyingParty: cfg.SignIn.Company.RelyingParty,
		}
	}
	if cfg.SignIn.Known {
		o.People = known{e.directory}
	}
	if hasReader(cfg) && a.opt.Drivers.Badges != nil {
		e.badges = a.opt.Drivers.Badges(BadgesConfig{
			Badge: cfg.SignIn.Badge, Directory: e.directory, Registry: a.state.registry, Events: a.events, Log: a.log,
		})
		o.Badges = e.badges
	}
	if e.directory != nil && a.opt.Drivers.Launch != nil && slices.ContainsFunc(cfg.Devices, hasLaunchKey) {
		e.launch = a.opt.Drivers.Launch(LaunchConfig{Key: launchKey(cfg), Directory: e.directory, Registry: a.state.registry, Now: a.state.now})
	}
	e.reception = signin.NewReception(o)
	return e, nil
}

func hasReader(cfg *config.Config) bool {
	return slices.ContainsFunc(cfg.Devices, func(d config.Device) bool { return d.Reader.Port != "" })
}

func hasLaunchKey(d config.Device) bool { return !d.LaunchKey.IsZero() }

// launchKey reads the key of the device that a token is for.
func launchKey(cfg *config.Config) func(context.Context, string) (string, error) {
	return func(_ context.Context, device string) (string, error) {
		i := slices.IndexFunc(cfg.Devices, func(d config.Device) bool { return d.ID == device })
		if i < 0 || !hasLaunchKey(cfg.Devices[i]) {
			return "", errors.New("the device has no launch key")
		}
		return cfg.Devices[i].LaunchKey.Read()
	}
}

// signInConfig prepares what the ways to sign in are made from.
func signInConfig(cfg *config.Config, service *service) (c SignInConfig, err error) {
	c.SignIn = cfg.SignIn
	if service != nil {
		c.Service = service.config(cfg)
	}
	if len(cfg.SignIn.Company.Hosts) > 0 {
		// AD FS answers passwords inside the company, where the outbound proxy is not.
		if c.Company, err = peopleClient(cfg, cfg.SignIn.Company.CAFile, ""); err != nil {
			return c, fmt.Errorf("sign_in.company.ca_file: %w", err)
		}
	}
	if issuer := cfg.SignIn.Provider.Issuer; issuer != "" {
		proxy := cfg.Network.Proxy
		if pinned(issuer, cfg.SignIn.Company.Hosts) {
			proxy = "" // the company's AD FS again
		}
		if c.Provider, err = peopleClient(cfg, cfg.SignIn.Provider.CAFile, proxy); err != nil {
			return c, fmt.Errorf("sign_in.provider.ca_file: %w", err)
		}
	}
	return c, nil
}

// peopleClient makes a client for a company's own servers. It follows no
// redirect and bounds each request; an empty proxy is none.
func peopleClient(cfg *config.Config, caFile, proxy string) (*http.Client, error) {
	pool, err := roots(cfg.Network.CAFile, caFile)
	if err != nil {
		return nil, err
	}
	o := deliver.ClientOptions{Roots: pool, HeaderTime: 15 * time.Second}
	if proxy != "" {
		if o.Proxy, err = url.Parse(proxy); err != nil {
			return nil, err
		}
	}
	return deliver.NewClients(o).API, nil
}

// hostPort returns whom an https address names, with its port.
func hostPort(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// pinned reports whether an address is on one of the hosts, which may have a
// port.
func pinned(address string, hosts []string) bool {
	return slices.ContainsFunc(hosts, func(h string) bool { return hostPort("https://"+h) == hostPort(address) })
}

// known lets in whom the directory knows and lets send.
type known struct{ d directory.Directory }

var _ signin.People = known{}

// Allowed implements [signin.People].
func (k known) Allowed(ctx context.Context, p job.Person) (job.Person, error) {
	found, err := k.d.ByName(ctx, p.ID)
	if err != nil {
		return job.Person{}, signin.RefusedByDirectory(err)
	}
	return found, nil
}
