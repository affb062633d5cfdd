package wstrust

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Hosts is the set of servers a password may go to. The zero value allows none.
type Hosts struct {
	allowed map[string]bool // host:port in lower case
}

// ParseHosts reads "sts.example.com" (port 443) and "sts.example.com:8443".
// Names are ASCII (A-labels); wildcards, schemes and paths are errors.
func ParseHosts(names []string) (Hosts, error) {
	h := Hosts{allowed: make(map[string]bool)}
	for _, name := range names {
		u, err := url.Parse("https://" + name)
		if err != nil || u.Host != name || u.Hostname() == "" || strings.ContainsAny(name, "*%") || !ascii(name) {
			return Hosts{}, fmt.Errorf("wstrust: allowed host %.80q is not a host or host:port", name)
		}
		h.allowed[hostPort(u)] = true
	}
	return h, nil
}

// Check returns the parsed form of an address a password may go to. The error
// wraps [ErrNotHTTPS], [ErrHost] or [ErrWire].
func (h Hosts) Check(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" || u.User != nil || u.Fragment != "" {
		return nil, wire("address is not a plain URL")
	}
	if u.Scheme != "https" {
		return nil, fmt.Errorf("%.80q: %w", u.Host, ErrNotHTTPS)
	}
	if !h.allowed[hostPort(u)] {
		return nil, fmt.Errorf("%.80q: %w", u.Host, ErrHost)
	}
	return u, nil
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return strings.ToLower(net.JoinHostPort(u.Hostname(), port))
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
