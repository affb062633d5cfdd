package deviceflow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Config is what a [Client] needs. HTTP, ClientID and either Issuer or Endpoints
// are required.
type Config struct {
	// HTTP carries all requests. Redirects are not followed, whatever it says.
	HTTP *http.Client
	// Issuer is the exact issuer, as the ID token will name it. For Entra it
	// holds the id of the tenant: common and organizations bind to nobody.
	Issuer string
	// DiscoveryURL is needed only where it is not the issuer followed by
	// /.well-known/openid-configuration.
	DiscoveryURL string
	// Endpoints replaces discovery.
	Endpoints *Endpoints
	// Hosts are further hosts that endpoints may be on; the issuer's always may.
	Hosts []string
	// ClientID of the application; a device grant has no secret.
	ClientID string
	// Scopes; empty means openid, profile and email. offline_access is refused.
	Scopes []string
	// Resource is sent to AD FS versions that want it.
	Resource string
	// Language, such as fr-FR, for messages of Microsoft's servers.
	Language string
	// Extra goes into the authorization request, TokenExtra into each poll, and
	// Header into both; for servers that know the device.
	Extra, TokenExtra url.Values
	Header            http.Header
	// EmailClaims are looked at in order; empty means email. A site whose
	// directory has no mail may add preferred_username or upn.
	EmailClaims []string
	// Tenant, if set, must equal the claim tid.
	Tenant string
	// Now is the clock and Wait pauses until d passed or ctx ended; nil means
	// the real ones.
	Now  func() time.Time
	Wait func(ctx context.Context, d time.Duration) error
}

// Endpoints of a server.
type Endpoints struct {
	DeviceAuthorization, Token, Keys string
}

// Client speaks to one provider. It is safe for concurrent use, keeps no state
// and starts no goroutine. Its methods block until an answer is read or ctx
// ends.
type Client struct {
	cfg   Config
	http  *http.Client
	hosts []string // lower case, with port
}

// New checks cfg and does no I/O.
func New(cfg Config) (*Client, error) {
	if cfg.HTTP == nil || cfg.ClientID == "" {
		return nil, errors.New("device grant: HTTP and ClientID are required")
	}
	if len(cfg.Scopes) == 0 && cfg.Issuer != "" {
		cfg.Scopes = []string{"openid", "profile", "email"}
	}
	for _, s := range cfg.Scopes {
		if s == "offline_access" {
			return nil, errors.New("device grant: offline_access is not for shared devices")
		}
		if s == "" || strings.ContainsAny(s, " \t\r\n") {
			return nil, fmt.Errorf("device grant: scope %q", s)
		}
	}
	if len(cfg.EmailClaims) == 0 {
		cfg.EmailClaims = []string{"email"}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Wait == nil {
		cfg.Wait = wait
	}
	hc := *cfg.HTTP
	// Codes and tokens must not travel to a host that nobody configured.
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c := &Client{cfg: cfg, http: &hc}
	for _, h := range cfg.Hosts {
		c.hosts = append(c.hosts, strings.ToLower(h))
	}
	switch {
	case cfg.Issuer != "":
		u, err := url.Parse(cfg.Issuer)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return nil, fmt.Errorf("device grant: issuer %q: %w", cfg.Issuer, ErrHost)
		}
		if strings.ContainsAny(cfg.Issuer, "{}") || boundToNobody(u.Path) {
			return nil, fmt.Errorf("device grant: issuer %q is not that of one organisation; it must hold its tenant id", cfg.Issuer)
		}
		c.hosts = append(c.hosts, strings.ToLower(u.Host))
	case cfg.Endpoints == nil:
		return nil, errors.New("device grant: Issuer or Endpoints is required")
	default:
		for _, e := range []string{cfg.Endpoints.DeviceAuthorization, cfg.Endpoints.Token} {
			u, err := url.Parse(e)
			if err != nil || u.Scheme != "https" || u.Host == "" {
				return nil, fmt.Errorf("device grant: endpoint %q: %w", e, ErrHost)
			}
			c.hosts = append(c.hosts, strings.ToLower(u.Host))
		}
	}
	return c, nil
}

// boundToNobody knows Entra's issuers that stand for every organisation.
func boundToNobody(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return slices.Contains([]string{"common", "organizations", "consumers"}, strings.ToLower(first))
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// allowed wants https on a known host.
func (c *Client) allowed(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return fmt.Errorf("%q: %w", address, ErrHost)
	}
	if !slices.Contains(c.hosts, strings.ToLower(u.Host)) {
		return fmt.Errorf("host %q: %w", u.Host, ErrHost)
	}
	return nil
}
