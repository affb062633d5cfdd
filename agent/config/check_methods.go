package config

import (
	"fmt"
	"slices"
	"strings"
)

// methods of sign_in in the order they are listed to people.
var methods = []string{MethodPassword, MethodCompany, MethodPhone, MethodCompanyPhone, MethodBrokered}

// methodAccounts are the kinds of accounts that a method can sign in.
var methodAccounts = map[string][]string{
	MethodPassword:     {AccountOwn},
	MethodCompany:      {AccountWSTrust},
	MethodBrokered:     {AccountWSTrust},
	MethodPhone:        {AccountOwn, AccountWSTrust, AccountSAML, AccountOIDC},
	MethodCompanyPhone: {AccountOwn, AccountWSTrust, AccountSAML, AccountOIDC},
}

// typed says that people type a secret at the panel for the method.
func typed(method string) bool {
	return method == MethodPassword || method == MethodCompany || method == MethodBrokered
}

// OnPhone says that people can sign in on their phone, by one of the ways.
func (s SignIn) OnPhone() bool { return s.Has(MethodPhone) || s.Has(MethodCompanyPhone) }

// Typed says that a method is on for which people type a password at the panel.
func (s SignIn) Typed() bool { return slices.ContainsFunc(s.Methods, typed) }

// complete fills in the kind of account and the methods where they follow from
// what is set up. The brokered method is only on where it is written, and none
// where the list is written and empty.
func (s *SignIn) complete() {
	if s.Account == AccountAuto && s.Service == "" { // nobody to ask
		switch {
		case len(s.Company.Hosts) > 0:
			s.Account = AccountWSTrust
		case s.Provider.Issuer != "":
			s.Account = AccountOIDC
		}
	}
	if s.Methods != nil {
		return
	}
	for _, m := range methods {
		if m != MethodBrokered && s.lacks(m) == "" && s.fits(m) {
			s.Methods = append(s.Methods, m)
		}
	}
}

// lacks names the key a method needs that is not written, or "".
func (s *SignIn) lacks(method string) string {
	switch {
	case method == MethodCompany && len(s.Company.Hosts) == 0:
		return "sign_in.company.hosts"
	case method == MethodCompanyPhone && s.Provider.Issuer == "":
		return "sign_in.provider.issuer"
	case slices.Contains([]string{MethodPassword, MethodBrokered, MethodPhone}, method) && s.Service == "":
		return "sign_in.service"
	}
	return ""
}

// fits says that the method can sign in the kind of account.
func (s *SignIn) fits(method string) bool {
	return s.Account == AccountAuto || slices.Contains(methodAccounts[method], s.Account)
}

// checkMethods compares the methods with what they need and with the accounts.
func (d *decoder) checkMethods(at *tree, c *Config) {
	s := &c.SignIn
	asked := s.Account == AccountAuto && s.Service != "" // it may find any kind
	untypable := (asked || s.Account == AccountSAML || s.Account == AccountOIDC) && s.Typed() && !s.OnPhone()
	if untypable {
		d.errorf(at.find("methods"), "sign_in.methods", "%s", untypableText(s))
	}
	for i, m := range s.Methods {
		at, path := at.section("methods").item(i), fmt.Sprintf("sign_in.methods.%d", i+1)
		switch missing := s.lacks(m); {
		case !d.oneOf(at, path, m, methods...):
		case slices.Contains(s.Methods[:i], m):
			d.errorf(at, path, "%s is there already, take it out", m)
		case missing == "sign_in.company.hosts": // said there
		case missing != "":
			d.errorf(at, path, "%s cannot work without %s, write that as well", m, missing)
		case !untypable && !s.fits(m):
			d.errorf(at, path, "%s signs in accounts of kind %s and this one is %s: it would never be offered, take it out",
				m, strings.Join(methodAccounts[m], " and "), s.Account)
		case m == MethodBrokered:
			d.warnf(at, path, "hands the company's passwords to the fax service; with company they stay in the house")
		}
	}
}

// untypableText says why typing alone is no way in.
func untypableText(s *SignIn) string {
	const remedy = "add phone (with sign_in.service) or company-phone (with sign_in.provider)"
	kind := map[string]string{AccountSAML: "SAML", AccountOIDC: "OpenID"}[s.Account]
	if kind == "" {
		return "the service may find that an account signs in by SAML or OpenID, and for these no password can be typed at a panel; " +
			remedy + ", or write account: none or wstrust if no account does"
	}
	return "with " + kind + " only the company's own page asks for the password, so none can be typed at a panel and it would only ever refuse; " + remedy
}

// wrong says that a key of the section is wrong, so that what follows from it
// need not be said as well.
func (d *decoder) wrong(section string) bool {
	return slices.ContainsFunc(d.problems, func(p Problem) bool {
		return p.Severity == SeverityError && strings.HasPrefix(p.Path, section+".")
	})
}

// checkMode wants what the device's mode needs.
func (d *decoder) checkMode(item *tree, path string, dev *Device, c *Config) {
	mode := join(path, "mode")
	reader, launch, people := dev.Reader.Port != "", !dev.LaunchKey.IsZero(), c.SignIn.Directory.Kind != ""
	switch dev.Mode {
	case ModeSharedAccount:
		for _, unused := range []struct {
			key string
			set bool
		}{{"reader", reader}, {"launch_key_file", launch}} {
			if unused.set {
				d.warnf(item.find(unused.key), join(path, unused.key), "is not used: nobody signs in at a %s device; write mode: %s", ModeSharedAccount, ModeDeviceLogin)
			}
		}
	case ModeDeviceLogin:
		if !people && !d.wrong("sign_in.directory") {
			d.errorf(item.find("mode"), mode, "%s looks people up in a directory, write sign_in.directory", dev.Mode)
		}
		if !reader && !launch {
			d.errorf(item.find("mode"), mode, "nothing says who stands there, write reader.port for a badge reader, or launch_key_file where the device signs people in itself")
		}
	case ModeUserPrompt:
		switch {
		case len(c.SignIn.Methods) > 0 || d.wrong("sign_in"):
		case c.SignIn.Methods != nil:
			d.errorf(item.find("mode"), mode, "nobody can sign in, sign_in.methods is empty; take it out for all methods that are set up, or name some")
		default:
			d.errorf(item.find("mode"), mode, "nobody can sign in, no method is set up; write sign_in.service, sign_in.company (AD FS) or sign_in.provider (Entra, AD FS, Okta)")
		}
		if (reader || launch) && !people {
			d.errorf(item.find("reader"), join(path, "reader"), "a badge or a launch token means nobody without a directory, write sign_in.directory")
		}
	}
}

// checkTyping says where the panel cannot ask for a password.
func (d *decoder) checkTyping(t *tree, c *Config) {
	if c.Panel.Private() || !c.SignIn.Typed() {
		return
	}
	at := t.section("panel").find("listen")
	const remedy = "set panel.tls_cert_file and panel.tls_key_file"
	var fewer []string
	for i, dev := range c.Devices {
		badge := c.SignIn.Directory.Kind != "" && (dev.Reader.Port != "" || !dev.LaunchKey.IsZero())
		switch {
		case dev.Mode != ModeUserPrompt:
		case c.SignIn.OnPhone() || badge:
			fewer = append(fewer, dev.ID)
		default:
			item := t.section("devices").item(i)
			d.errorf(item.find("mode"), join(itemPath("devices", i, item), "mode"),
				"nobody can sign in: passwords are typed over https or loopback only, and there is neither a phone method nor a badge; %s", remedy)
		}
	}
	if len(fewer) > 0 {
		d.warnf(at, "panel.listen", "passwords are typed over https or loopback only, so %s will offer phone and badge only; %s", strings.Join(fewer, ", "), remedy)
	}
}
