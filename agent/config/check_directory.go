package config

import (
	"fmt"
	"net"
	"regexp"
	"strings"
)

var attributePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)

// checkDirectory wants the keys of the kind and none of another, and fills in
// what is the same for every directory of the kind.
func (d *decoder) checkDirectory(at *tree, c *Config) {
	const path = "sign_in.directory"
	dir := &c.SignIn.Directory
	if dir.Kind == "" {
		if key := dir.written(); key != "" {
			d.errorf(at.find(key), join(path, "kind"), "missing, write csv, ldap or scim")
		}
		return
	}
	if !d.oneOf(at.find("kind"), join(path, "kind"), dir.Kind, DirectoryCSV, DirectoryLDAP, DirectorySCIM) {
		return
	}
	for _, k := range dir.keys() {
		if k.set && !strings.Contains(k.kinds, dir.Kind) {
			d.errorf(at.find(k.name), join(path, k.name), "is for kind %s, this one is %s; take it out", strings.ReplaceAll(k.kinds, " ", " and "), dir.Kind)
		}
	}
	switch dir.Kind {
	case DirectoryCSV:
		d.required(at, path, "file", dir.File, "the name of the file with the people, such as people.csv")
	case DirectoryLDAP:
		d.checkLDAP(at, path, dir)
	case DirectorySCIM:
		d.checkSCIM(at, path, dir, c)
	}
}

// directoryKey is a key of sign_in.directory and the kinds that have it.
type directoryKey struct {
	name  string
	set   bool
	kinds string
}

func (dir *Directory) keys() []directoryKey {
	return []directoryKey{
		{"file", dir.File != "", "csv"},
		{"servers", len(dir.Servers) > 0, "ldap"},
		{"base_dn", dir.BaseDN != "", "ldap"},
		{"bind_dn", dir.BindDN != "", "ldap"},
		{"password_file", !dir.Password.IsZero(), "ldap"},
		{"schema", dir.Schema != "", "ldap"},
		{"badge_attribute", dir.BadgeAttribute != "", "ldap scim"},
		{"mail_attribute", dir.MailAttribute != "", "ldap"},
		{"allow_group", dir.AllowGroup != "", "ldap"},
		{"ca_file", dir.CAFile != "", "ldap"},
		{"listen", dir.Listen != "", "scim"},
		{"tls_cert_file", dir.TLSCert != "", "scim"},
		{"tls_key_file", dir.TLSKey != "", "scim"},
		{"token_file", !dir.Token.IsZero(), "scim"},
		{"allow", len(dir.Allow) > 0, "scim"},
		{"path", dir.Path != "", "scim"},
	}
}

// written returns the first key that has a value, or "".
func (dir *Directory) written() string {
	for _, k := range dir.keys() {
		if k.set {
			return k.name
		}
	}
	return ""
}

func (d *decoder) checkLDAP(at *tree, path string, dir *Directory) {
	if dir.Schema == "" {
		dir.Schema = SchemaAD
	}
	d.oneOf(at.find("schema"), join(path, "schema"), dir.Schema, SchemaAD, SchemaInetOrgPerson)
	if len(dir.Servers) == 0 && d.clean(join(path, "servers")) {
		d.errorf(at.find("servers"), join(path, "servers"), "missing, write the servers such as [ldaps://dc1.example.com, ldaps://dc2.example.com]")
	}
	for i, s := range dir.Servers {
		item, path := at.section("servers").item(i), fmt.Sprintf("%s.servers.%d", path, i+1)
		if u := d.checkURL(item, path, s, "ldaps", "ldap"); u != nil && strings.Trim(u.Path, "/") != "" {
			d.errorf(item, path, "%s: where to look is written in base_dn, write ldaps://%s", quote(s), u.Host)
		}
	}
	if d.required(at, path, "base_dn", dir.BaseDN, "where the people are, such as DC=example,DC=com") && !strings.Contains(dir.BaseDN, "=") {
		d.errorf(at.find("base_dn"), join(path, "base_dn"), "%s is no name of a directory, write DC=example,DC=com", quote(dir.BaseDN))
	}
	d.required(at, path, "bind_dn", dir.BindDN, "the account to ask with, one that may only read")
	d.required(at, path, "password_file", dir.Password.File, "the name of the file that holds the account's password")
	if dir.AllowGroup != "" && !strings.Contains(dir.AllowGroup, "=") {
		d.errorf(at.find("allow_group"), join(path, "allow_group"), "%s is no group's full name, write CN=Fax,OU=Groups,DC=example,DC=com", quote(dir.AllowGroup))
	}
	for key, a := range map[string]string{"badge_attribute": dir.BadgeAttribute, "mail_attribute": dir.MailAttribute} {
		if a != "" && !attributePattern.MatchString(a) {
			d.errorf(at.find(key), join(path, key), "%s is no attribute, write its name such as pager", quote(a))
		}
	}
}

func (d *decoder) checkSCIM(at *tree, path string, dir *Directory, c *Config) {
	if dir.Path == "" {
		dir.Path = "/scim/v2"
	}
	if p := dir.Path; !strings.HasPrefix(p, "/") || p == "/" || strings.HasSuffix(p, "/") || strings.Contains(p, "//") || strings.ContainsAny(p, "?#% ") {
		d.errorf(at.find("path"), join(path, "path"), "%s is no path, write it as /scim/v2", quote(p))
	}
	d.required(at, path, "tls_cert_file", dir.TLSCert, "the file with the certificate: the token must not cross a network in clear")
	d.required(at, path, "tls_key_file", dir.TLSKey, "the file with the certificate's key")
	d.required(at, path, "token_file", dir.Token.File, "the name of the file that holds the secret token told to the cloud directory")
	if !d.required(at, path, "listen", dir.Listen, "an address such as 0.0.0.0:8640") {
		return
	}
	host, port, err := net.SplitHostPort(dir.Listen)
	if err != nil || port == "" || !validPort(port) && port != "0" {
		d.errorf(at.find("listen"), join(path, "listen"), "%s is no address to listen on, write 0.0.0.0:8640", quote(dir.Listen))
		return
	}
	if sameListener(dir.Listen, c.Panel.Listen) {
		d.errorf(at.find("listen"), join(path, "listen"), "%s is the panel's already: it is open to devices, this one to a cloud; write another port", quote(dir.Listen))
	}
	if loopbackHost(host) {
		d.warnf(at.find("listen"), join(path, "listen"), "Entra comes from outside and cannot reach %s by itself; a reverse proxy or Microsoft's provisioning agent on this machine can", quote(dir.Listen))
	}
}

// sameListener says that two addresses cannot be listened on at once.
func sameListener(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	all := func(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }
	return hostA == hostB || all(hostA) || all(hostB)
}
