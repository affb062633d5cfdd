package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/doctor"
	"github.com/platen-fax/platen/agent/fleet"
	"github.com/platen-fax/platen/agent/seal"
	"github.com/platen-fax/platen/devices"
)

// Site prepares what doctor looks at: the same parts an agent would be made of,
// without opening the state directory, which a running agent holds.
func Site(opt Options) (doctor.Site, error) {
	cfg, problems, err := config.Load(opt.Config)
	if err != nil {
		return doctor.Site{}, err
	}
	s := doctor.Site{ConfigFile: opt.Config, Problems: problems}
	if config.Errors(problems) > 0 {
		return s, nil
	}
	if opt.State != "" {
		if cfg.Spool.Dir, err = filepath.Abs(opt.State); err != nil {
			return s, err
		}
	}
	s.Proxy, s.StateDir, s.Quota, s.Listen, s.Version = cfg.Network.Proxy, cfg.Spool.Dir, cfg.Spool.QuotaMiB<<20, cfg.Panel.Listen, opt.Version
	s.Keys = seal.Options{StateDir: cfg.Spool.Dir, KeyFile: cfg.Spool.KeyFile, CredentialsDir: os.Getenv("CREDENTIALS_DIRECTORY")}
	s.AdminSocket = cfg.AdminSocket()
	for _, c := range cfg.FaxServices {
		s.Secrets = append(s.Secrets, doctor.Secret{Key: "fax_services." + c.ID + ".token_file", Secret: c.Token})
		s.Services = append(s.Services, siteService(opt, cfg, c))
	}
	for _, d := range cfg.Devices {
		s.Devices = append(s.Devices, siteDevice(opt, cfg, d))
	}
	for _, v := range []doctor.Secret{
		{Key: "sign_in.directory.password_file", Secret: cfg.SignIn.Directory.Password},
		{Key: "sign_in.directory.token_file", Secret: cfg.SignIn.Directory.Token},
	} {
		if !v.Secret.IsZero() {
			s.Secrets = append(s.Secrets, v)
		}
	}
	s.SignIn, s.Pages = siteSignIn(opt, cfg), sitePages(cfg)
	if cfg.MQTT.Broker != "" {
		if !cfg.MQTT.Password.IsZero() {
			s.Secrets = append(s.Secrets, doctor.Secret{Key: "mqtt.password_file", Secret: cfg.MQTT.Password})
		}
		s.Broker = cfg.MQTT.Broker
		s.MQTT = func(ctx context.Context) error { return checkBroker(ctx, cfg) }
	}
	return s, nil
}

// siteService prepares one fax service. What keeps it from being made is what
// its check will say.
func siteService(opt Options, cfg *config.Config, c config.FaxService) doctor.Service {
	v := doctor.Service{ID: c.ID, URL: c.URL, TokenFile: c.Token.Path()}
	clients, err := serviceClients(cfg, c)
	if err != nil {
		v.Probe = func(context.Context) error { return err }
		return v
	}
	v.Client = clients.API
	build, ok := opt.Drivers.Services[c.Kind]
	if !ok {
		err = fmt.Errorf("kind %q is not built in", c.Kind)
		v.Probe = func(context.Context) error { return err }
		return v
	}
	service, err := build((&service{cfg: c, clients: clients}).config(cfg))
	if err != nil {
		v.Probe = func(context.Context) error { return err }
		return v
	}
	v.Probe = service.Probe
	return v
}

// siteDevice prepares one device.
func siteDevice(opt Options, cfg *config.Config, c config.Device) doctor.Device {
	v := doctor.Device{ID: c.ID, URL: c.URL}
	scanner, err := newScanner(opt.Drivers, cfg, c)
	if err != nil {
		v.Probe = func(context.Context) (devices.Info, error) { return devices.Info{}, err }
		return v
	}
	v.Probe = scanner.Probe
	return v
}

// checkBroker connects once with the account of the configuration.
func checkBroker(ctx context.Context, cfg *config.Config) error {
	pool, err := roots(cfg.Network.CAFile, cfg.MQTT.CAFile)
	if err != nil {
		return fmt.Errorf("mqtt.ca_file: %w", err)
	}
	o := fleet.Options{
		Broker: cfg.MQTT.Broker, Prefix: cfg.MQTT.TopicPrefix, Site: cfg.Site.Name, Agent: "doctor",
		TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, Username: cfg.MQTT.User,
	}
	if !cfg.MQTT.Password.IsZero() {
		o.Password = cfg.MQTT.Password.Read
	}
	c, err := fleet.New(o)
	if err != nil {
		return err
	}
	return c.Check(ctx)
}

// Probe asks one device who it is, outside any configuration.
func Probe(ctx context.Context, drivers Drivers, driver, url, caFile string) (devices.Info, error) {
	d := config.Device{ID: "device", Driver: driver, URL: url, CAFile: caFile}
	s, err := newScanner(drivers, config.Default(), d)
	if err != nil {
		return devices.Info{}, err
	}
	return s.Probe(ctx)
}
