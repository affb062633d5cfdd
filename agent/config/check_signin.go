package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

var domainPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`)

// checkSignIn finds what does not fit together in sign_in, and between it and
// the devices.
func (d *decoder) checkSignIn(t *tree, c *Config) {
	at, s := t.section("sign_in"), &c.SignIn
	d.checkPlace(at, c)
	s.complete()
	d.checkDomains(at, s)
	d.checkMethods(at, c)
	d.checkCompany(at.section("company"), s)
	d.checkProvider(at.section("provider"), s)
	d.checkGuests(at, s)
	d.checkDirectory(at.section("directory"), c)
	if s.Known && s.Directory.Kind == "" {
		d.errorf(at.find("known_only"), "sign_in.known_only", "needs a directory to know people from, write sign_in.directory")
	}
	d.oneOf(at.find("unreachable"), "sign_in.unreachable", s.Unreachable, UnreachableRefuse, UnreachableQueue)
	if s.Pause > s.Window {
		d.errorf(at.find("pause"), "sign_in.pause", "%v is longer than window %v", s.Pause, s.Window)
	}
	if s.Window < 30*time.Minute {
		d.warnf(at.find("window"), "sign_in.window", "services count failures for 30m: with less, somebody who mistypes can be locked out there")
	}
	d.checkReaders(t, c)
	for i := range c.Devices {
		d.checkMode(t.section("devices").item(i), itemPath("devices", i, t.section("devices").item(i)), &c.Devices[i], c)
	}
	d.checkTyping(t, c)
	d.checkBadge(at.section("badge"), c)
}

// checkPlace looks at where the people have their accounts.
func (d *decoder) checkPlace(at *tree, c *Config) {
	s := &c.SignIn
	known := d.oneOf(at.find("account"), "sign_in.account", s.Account, AccountAuto, AccountOwn, AccountWSTrust, AccountSAML, AccountOIDC)
	if s.Service == "" {
		if known && s.Account == AccountOwn {
			d.errorf(at.find("account"), "sign_in.account", "none means the passwords of a fax service, write its id as sign_in.service")
		}
		return
	}
	service, ok := c.Service(s.Service)
	switch {
	case !ok:
		d.errorf(at.find("service"), "sign_in.service", "there is no fax service %s, write the id of one of kind %s", quote(s.Service), KindXMCloud)
	case service.Kind != KindXMCloud:
		d.errorf(at.find("service"), "sign_in.service",
			"nobody can sign in at a service of kind %s, write the id of one of kind %s, or leave it out and let people sign in at their company", quote(service.Kind), KindXMCloud)
	}
}

// checkDomains wants what the part behind the @ is compared with.
func (d *decoder) checkDomains(at *tree, s *SignIn) {
	for i, name := range s.Domains {
		at, path := at.section("domains").item(i), fmt.Sprintf("sign_in.domains.%d", i+1)
		switch {
		case strings.Contains(name, "*"):
			d.errorf(at, path, "%s is a wildcard, write each domain such as example.com", quote(name))
		case name != strings.ToLower(name):
			d.errorf(at, path, "%s has capital letters, write %s", quote(name), quote(strings.ToLower(name)))
		case !domainPattern.MatchString(name):
			d.errorf(at, path, "%s is no e-mail domain, write what stands behind the @ such as example.com", quote(name))
		}
	}
}

// checkCompany looks at the AD FS that passwords go to.
func (d *decoder) checkCompany(at *tree, s *SignIn) {
	const path = "sign_in.company"
	co := &s.Company
	pinned := map[string]bool{}
	for i, h := range co.Hosts {
		if d.checkHost(at.section("hosts").item(i), fmt.Sprintf("%s.hosts.%d", path, i+1), h) {
			pinned[hostPort(&url.URL{Host: h})] = true
		}
	}
	needed := s.Has(MethodCompany)
	if len(co.Hosts) == 0 && (needed || co.MEX+co.Endpoint+co.RelyingParty != "") {
		d.errorf(at.find("hosts"), path+".hosts", "missing, write the names of your AD FS servers such as [sts.example.com]: a password goes to no other")
	}
	for _, a := range []struct{ key, text string }{{"mex", co.MEX}, {"endpoint", co.Endpoint}} {
		if a.text == "" {
			continue
		}
		u := d.checkURL(at.find(a.key), join(path, a.key), a.text, "https")
		if u != nil && len(pinned) == len(co.Hosts) && len(pinned) > 0 && !pinned[hostPort(u)] {
			d.errorf(at.find(a.key), join(path, a.key), "%s is not one of hosts, add it there or write the right one", quote(u.Host))
		}
		if u != nil && a.key == "endpoint" && !strings.HasSuffix(u.Path, "/trust/13/usernamemixed") && !strings.HasSuffix(u.Path, "/trust/2005/usernamemixed") {
			d.errorf(at.find(a.key), join(path, a.key), "want an address that ends in /trust/13/usernamemixed or /trust/2005/usernamemixed")
		}
	}
	if needed && s.Account == AccountWSTrust { // otherwise the service says it
		d.required(at, path, "relying_party", co.RelyingParty, "the fax service's identifier in AD FS, to the letter; only with account: auto the service says it")
	}
	if needed && s.Account == AccountAuto && s.Service != "" && len(co.Hosts) > 0 && co.RelyingParty == "" {
		d.warnf(at.find("relying_party"), path+".relying_party",
			"discovery names it; write it so that the fax service cannot ask for people's tokens that another of the company's services would take")
	}
}

// everybody are the tenants of Entra that stand for no company in particular.
var everybody = []string{"common", "organizations", "consumers"}

// checkProvider looks at the OpenID provider.
func (d *decoder) checkProvider(at *tree, s *SignIn) {
	const path = "sign_in.provider"
	p := &s.Provider
	if p.Issuer == "" && p.ClientID+p.Tenant+p.Resource+p.DiscoveryURL+p.CAFile == "" && len(p.Hosts)+len(p.EmailClaims) == 0 {
		return
	}
	d.required(at, path, "client_id", p.ClientID, "the id of the application as it is registered at the provider")
	if d.required(at, path, "issuer", p.Issuer, "the provider's issuer, such as https://login.microsoftonline.com/TENANT-ID/v2.0") {
		d.checkIssuer(at, p)
	}
	if p.DiscoveryURL != "" {
		d.checkURL(at.find("discovery_url"), path+".discovery_url", p.DiscoveryURL, "https")
	}
	for i, h := range p.Hosts {
		d.checkHost(at.section("hosts").item(i), fmt.Sprintf("%s.hosts.%d", path, i+1), h)
	}
}

// checkGuests warns that a company's provider also signs in people of others.
func (d *decoder) checkGuests(at *tree, s *SignIn) {
	if s.Has(MethodCompanyPhone) && len(s.Domains) == 0 {
		d.warnf(at.find("domains"), "sign_in.domains", "is empty, so guests of the company can sign in as well, under addresses of others; write the company's e-mail domains")
	}
}

// checkIssuer wants an issuer that stands for one company: a token of any
// company in the world names common's keys.
func (d *decoder) checkIssuer(at *tree, p *Provider) {
	const path = "sign_in.provider.issuer"
	u := d.checkURL(at.find("issuer"), path, p.Issuer, "https")
	if u == nil {
		return
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	entra := strings.HasPrefix(strings.ToLower(u.Host), "login.microsoftonline.")
	switch {
	case slices.Contains(everybody, strings.ToLower(first)):
		d.errorf(at.find("issuer"), path, "%s stands for every company there is and binds to nobody, write your tenant's id in its place", quote(first))
	case strings.ContainsAny(p.Issuer, "{}"):
		d.errorf(at.find("issuer"), path, "is a pattern, write your tenant's id in place of what stands in braces")
	case entra && p.Tenant != "" && !strings.EqualFold(first, p.Tenant):
		d.errorf(at.find("tenant"), "sign_in.provider.tenant", "is not the tenant that issuer names; write the same id in both, or only in issuer")
	}
}
