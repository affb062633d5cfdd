package config

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// checkURL wants an absolute URL of one of the schemes, without secrets in it.
func (d *decoder) checkURL(at *tree, path, text string, schemes ...string) *url.URL {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		d.errorf(at, path, "%s is no address, write one such as %s://host/path", quote(redact(text)), schemes[0])
	case !slices.Contains(schemes, u.Scheme):
		d.errorf(at, path, "%s is not allowed here, write an address that begins with %s", quote(u.Scheme+"://"), strings.Join(schemes, ":// or ")+"://")
	case u.User != nil:
		d.errorf(at, path, "a user or password does not belong in an address, use the keys for them")
	case u.RawQuery != "" || u.Fragment != "":
		d.errorf(at, path, "want an address without ? and #")
	case !validPort(u.Port()):
		d.errorf(at, path, "%s is no port", quote(u.Port()))
	default:
		return u
	}
	return nil
}

func validPort(p string) bool {
	n, err := strconv.Atoi(p)
	return p == "" || err == nil && n > 0 && n < 65536
}

// redact hides what stands before an @: it may be a password.
func redact(text string) string {
	if i := strings.LastIndex(text, "@"); i >= 0 {
		return "…" + text[i:]
	}
	return text
}

func loopbackHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// checkHost wants NAME or NAME:PORT.
func (d *decoder) checkHost(at *tree, path, host string) bool {
	u, err := url.Parse("https://" + host)
	switch {
	case strings.Contains(host, "*"):
		d.errorf(at, path, "%s is a wildcard, write each server's full name: whoever gets a name below it must not be trusted", quote(host))
	case strings.ContainsAny(host, "/@?#"):
		d.errorf(at, path, "%s is more than a host, write its name alone such as sts.example.com", quote(redact(host)))
	case err != nil || u.Host != host || u.Hostname() == "" || !validPort(u.Port()) || strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r > '~' || r == '%' }):
		d.errorf(at, path, "%s is no host, write its name such as sts.example.com; other letters than a-z in the form xn--", quote(host))
	default:
		return true
	}
	return false
}

// hostPort is where an https address leads, in one spelling.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return strings.ToLower(net.JoinHostPort(u.Hostname(), port))
}
