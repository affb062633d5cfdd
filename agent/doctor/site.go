package doctor

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/seal"
	"github.com/platen-fax/platen/devices"
)

// Site is everything there is to look at, as plain values.
type Site struct {
	ConfigFile string
	Problems   []config.Problem

	Services []Service
	Devices  []Device
	Secrets  []Secret

	Proxy    string // URL of the outbound proxy; "" goes out directly
	StateDir string
	Quota    int64        // of the spool, in bytes
	Keys     seal.Options // where the root key is looked for
	Listen   string       // panel.listen

	Broker string                          // address of the MQTT broker, "" has none
	MQTT   func(ctx context.Context) error // connects once with the account

	SignIn SignIn
	Pages  *Pages // nil: the panels speak http

	// AdminSocket is where the commands reach a running agent; Admin asks it
	// for its version. Version is of this program.
	AdminSocket string
	Admin       func(ctx context.Context) (version string, err error)
	Version     string

	Resolver *net.Resolver    // nil: the system's
	Now      func() time.Time // nil: the system's clock
}

// Service is a fax service to look at.
type Service struct {
	ID        string
	URL       string       // where it is reached; https
	Client    *http.Client // trusts what the agent would
	TokenFile string       // named in advice, never read here
	Probe     func(ctx context.Context) error
}

// Device is a device to look at.
type Device struct {
	ID    string
	URL   string
	Probe func(ctx context.Context) (devices.Info, error)
}

// Secret is a file with a token or a password.
type Secret struct {
	Key    string // of the configuration, such as "fax_services.main.token_file"
	Secret config.Secret
}

// Checks returns the checks for a site, in the order in which to mend them.
// When the configuration has errors there is nothing else to look at.
func (s Site) Checks() []Check {
	now := s.Now
	if now == nil {
		now = time.Now
	}
	checks := []Check{Config(s.ConfigFile, s.Problems)}
	if config.Errors(s.Problems) > 0 {
		return checks
	}
	for _, secret := range s.Secrets {
		checks = append(checks, checkSecret(secret))
	}
	checks = append(checks, Disk(s.StateDir, s.Quota), Key(s.Keys))
	if s.Admin != nil {
		checks = append(checks, Admin(s.AdminSocket, s.Version, s.Admin))
	}
	if s.Listen != "" {
		checks = append(checks, Port(s.Listen, s.Admin))
	}
	if s.Pages != nil {
		checks = append(checks, checkPages(*s.Pages, now))
	}
	for _, host := range s.hosts() {
		checks = append(checks, DNS(host, s.Resolver))
	}
	for _, v := range s.Services {
		if v.Client != nil {
			checks = append(checks, TLS(v.URL, v.Client, now), Clock(v.URL, v.Client, now))
		}
		checks = append(checks, checkService(v))
	}
	for _, d := range s.Devices {
		checks = append(checks, checkDevice(d))
	}
	checks = append(checks, s.SignIn.checks(now, s.Admin)...)
	if s.MQTT != nil {
		checks = append(checks, MQTT(s.Broker, s.MQTT))
	}
	return checks
}

// hosts returns the names to resolve, each once. Behind a proxy the fax
// services' names are the proxy's to resolve.
func (s Site) hosts() []string {
	var urls []string
	if s.Proxy != "" {
		urls = append(urls, s.Proxy)
	} else {
		for _, v := range s.Services {
			urls = append(urls, v.URL)
		}
	}
	for _, d := range s.Devices {
		urls = append(urls, d.URL)
	}
	urls = append(append(urls, s.SignIn.urls()...), s.Broker)
	var hosts []string
	seen := map[string]bool{}
	for _, raw := range urls {
		u, err := url.Parse(raw)
		if err != nil || u.Hostname() == "" || net.ParseIP(u.Hostname()) != nil || seen[u.Hostname()] {
			continue
		}
		seen[u.Hostname()] = true
		hosts = append(hosts, u.Hostname())
	}
	return hosts
}
