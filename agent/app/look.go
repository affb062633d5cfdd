package app

import (
	"context"
	"crypto/x509"
	"net/http"
	"slices"
	"time"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/doctor"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/devices"
)

// siteSignIn prepares what doctor looks at of signing in. What keeps a part from
// being made is what its check will say.
func siteSignIn(opt Options, cfg *config.Config) (s doctor.SignIn) {
	siteDirectory(opt, cfg, &s)
	if !signsIn(cfg) {
		return s
	}
	for _, d := range cfg.Devices {
		if hasLaunchKey(d) {
			s.Launch = append(s.Launch, doctor.Secret{Key: "devices." + d.ID + ".launch_key_file", Secret: d.LaunchKey})
		}
		if d.Reader.Port != "" {
			s.Readers = append(s.Readers, siteReader(opt, d))
		}
	}
	if len(cfg.SignIn.Methods) > 0 {
		siteMethods(opt, cfg, &s)
	}
	return s
}

// siteMethods prepares the servers that methods ask.
func siteMethods(opt Options, cfg *config.Config, s *doctor.SignIn) {
	si := cfg.SignIn
	c, m, err := makeMethods(opt, cfg)
	add := func(address string, client *http.Client, proxied bool) {
		same := func(v doctor.Server) bool { return hostPort(v.URL) == hostPort(address) }
		if client != nil && !slices.ContainsFunc(s.Servers, same) {
			s.Servers = append(s.Servers, doctor.Server{URL: address, Client: client, Proxied: proxied})
		}
	}
	if m.Farm != nil || err != nil && si.Has(config.MethodCompany) {
		for _, h := range si.Company.Hosts {
			add("https://"+h+"/", c.Company, false)
		}
		s.Company = &doctor.Company{URL: "https://" + si.Company.Hosts[0] + "/", Probe: m.Farm}
		if si.Company.MEX != "" {
			s.Company.URL = si.Company.MEX
		}
		if err != nil {
			s.Company.Probe = func(context.Context) (doctor.Farm, error) { return doctor.Farm{}, err }
		}
	}
	if m.Provider != nil || err != nil && si.Has(config.MethodCompanyPhone) {
		proxied := cfg.Network.Proxy != "" && !pinned(si.Provider.Issuer, si.Company.Hosts)
		add(si.Provider.Issuer, c.Provider, proxied)
		for _, h := range si.Provider.Hosts {
			add("https://"+h+"/", c.Provider, proxied)
		}
		s.Provider = &doctor.Provider{Issuer: si.Provider.Issuer, Probe: m.Provider}
		if err != nil {
			s.Provider.Probe = func(context.Context) error { return err }
		}
	}
	if si.Service != "" {
		v := &doctor.SignInService{ID: si.Service, Domains: si.Domains, Pinned: m.Pinned, Named: si.Company.MEX != ""}
		for _, name := range si.Methods {
			v.Ways = append(v.Ways, signin.Way(name))
		}
		v.Discover = func(ctx context.Context, email string) (signin.Discovery, error) {
			if err != nil {
				return signin.Discovery{}, err
			}
			return m.Discover.Discover(ctx, email)
		}
		s.Service = v
	}
}

// makeMethods makes the ways to sign in as a machine would.
func makeMethods(opt Options, cfg *config.Config) (c SignInConfig, m Methods, err error) {
	var at *service
	if f, ok := cfg.Service(cfg.SignIn.Service); ok {
		clients, err := serviceClients(cfg, f)
		if err != nil {
			return c, m, err
		}
		at = &service{cfg: f, clients: clients}
	}
	if c, err = signInConfig(cfg, at); err != nil {
		return c, m, err
	}
	c.Now = time.Now
	if opt.Drivers.SignIn == nil {
		return c, m, errNotBuiltIn
	}
	m, err = opt.Drivers.SignIn(c)
	return c, m, err
}

// siteDirectory prepares the directory. One that a cloud fills cannot be asked
// from outside the agent; its listener can.
func siteDirectory(opt Options, cfg *config.Config, s *doctor.SignIn) {
	d := cfg.SignIn.Directory
	switch {
	case d.Kind == "":
		return
	case d.Listen != "":
		pool, err := roots(cfg.Network.CAFile)
		if err != nil {
			pool = x509.NewCertPool() // named by every leg that needs the file
		}
		s.Inbox = &doctor.Inbox{Listen: d.Listen, Cert: d.TLSCert, Key: d.TLSKey, Path: d.Path, Roots: pool}
		return
	}
	s.Directory = &doctor.Directory{Kind: d.Kind, Servers: d.Servers}
	made, err := newDirectory(opt.Drivers, cfg, DirectoryConfig{Log: opt.logger(), Now: time.Now})
	if err != nil {
		s.Directory.Check = func(context.Context) error { return err }
		return
	}
	s.Directory.Check = made.Check
}

// readerWithin bounds opening a badge reader.
const readerWithin = 5 * time.Second

// siteReader prepares a badge reader.
func siteReader(opt Options, d config.Device) doctor.Reader {
	return doctor.Reader{Device: d.ID, Port: d.Reader.Port, Probe: func(ctx context.Context) (devices.Condition, error) {
		r, _, err := newReader(opt.Drivers, d)
		if err != nil {
			return devices.Unknown, err
		}
		line, err := r.open()
		if err != nil {
			return devices.Unknown, err
		}
		ctx, cancel := context.WithTimeout(ctx, readerWithin)
		defer cancel()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for line.Condition() == devices.Unknown && ctx.Err() == nil {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
		c := line.Condition()
		return c, line.Close()
	}}
}

// sitePages prepares the panels' own certificate; nil without one.
func sitePages(cfg *config.Config) *doctor.Pages {
	if cfg.Panel.TLSCert == "" {
		return nil
	}
	return &doctor.Pages{Cert: cfg.Panel.TLSCert, Key: cfg.Panel.TLSKey, Hosts: cfg.Panel.Hosts}
}
