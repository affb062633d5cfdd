package setup

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// namesMax bounds a certificate; old devices have small buffers.
const namesMax = 50

// LocalNames returns this machine's host name and the addresses that others on
// its networks reach it at: IPv4, and IPv6 where it is of the site's own range,
// because others change by themselves.
func LocalNames() ([]string, error) {
	var names []string
	if host, err := os.Hostname(); err == nil {
		if n, err := ParseName(host); err == nil { // a name nobody may have is no name to offer
			names = append(names, n)
		}
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("addresses of this machine: %w", err)
	}
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		ip := prefix.Addr().Unmap()
		if ip.IsGlobalUnicast() && (ip.Is4() || ip.IsPrivate()) {
			names = append(names, ip.String())
		}
	}
	return unique(names), nil
}

// ParseName checks a host name or an address as people write it and returns the
// form for a certificate. Its errors say what to write.
func ParseName(s string) (string, error) {
	text := strings.TrimSpace(s)
	if ip, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		ip = ip.Unmap()
		if ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "" {
			return "", fmt.Errorf("%q is not the address of one machine", s)
		}
		return ip.String(), nil
	}
	name := strings.ToLower(strings.TrimSuffix(text, "."))
	switch {
	case strings.Contains(name, "*"):
		return "", fmt.Errorf("%q: write each name, not a pattern", s)
	case strings.ContainsAny(name, ":/@"):
		return "", fmt.Errorf("%q: write only the host name or address, such as faxbox.contoso.com or 10.0.0.5", s)
	case name == "" || len(name) > 253:
		return "", fmt.Errorf("%q: a host name has 1 to 253 characters", s)
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if !validLabel(label) {
			return "", fmt.Errorf("%q is not a host name: letters a to z, digits and hyphens, at most 63 between dots", s)
		}
	}
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return "", fmt.Errorf("%q is not a whole address", s)
	}
	return name, nil
}

func validLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for _, c := range label {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// names chooses the names of a certificate: those asked for, or else those of the
// certificate before and this machine's. ca and old are nil where there is none.
func (o TLSOptions) names(ca *authority, old *x509.Certificate) ([]string, error) {
	var names []string
	for _, s := range o.Names {
		n, err := ParseName(s)
		if err != nil {
			return nil, err
		}
		names = append(names, n)
	}
	if len(names) == 0 {
		local, err := LocalNames()
		if err != nil {
			return nil, err
		}
		if old != nil {
			names = append(names, old.DNSNames...)
			for _, ip := range old.IPAddresses {
				names = append(names, ip.String())
			}
		}
		for _, n := range local {
			// Renewing must not fail for a name nobody asked for.
			if ca == nil || ca.vouches([]string{n}) == nil {
				names = append(names, n)
			}
		}
	}
	names = unique(names)
	switch {
	case len(names) == 0:
		return nil, fmt.Errorf("this machine has neither name nor address; give one with --name")
	case len(names) > namesMax:
		return nil, fmt.Errorf("%d names, want at most %d; give those that matter with --name", len(names), namesMax)
	}
	return names, nil
}

func unique(names []string) []string {
	var out []string
	for _, n := range names {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// split sorts checked names into host names and addresses; IPv4 ones have four
// bytes.
func split(names []string) (dns []string, ips []net.IP) {
	for _, n := range names {
		if ip, err := netip.ParseAddr(n); err == nil {
			ips = append(ips, ip.AsSlice())
		} else {
			dns = append(dns, n)
		}
	}
	return dns, ips
}
