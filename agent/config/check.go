package config

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// What the keys of kind enumeration take.
const (
	ModeSharedAccount = "shared-account" // nobody signs in
	ModeDeviceLogin   = "device-login"   // badge or device say who it is, a directory knows the person
	ModeUserPrompt    = "user-prompt"    // people sign in at the panel
	DriverESCL        = "escl"
	KindFaxPlus       = "faxplus"
	KindXMCloud       = "xmcloud"
	// NoNumber is the sender of an account without a number of its own.
	NoNumber = "no_number"
)

var (
	idPattern     = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	e164Pattern   = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	prefixPattern = regexp.MustCompile(`^\+[1-9][0-9]{0,14}$`)

	drivers = []string{DriverESCL}
	kinds   = []string{KindFaxPlus, KindXMCloud}
	modes   = []string{ModeSharedAccount, ModeDeviceLogin, ModeUserPrompt}
	papers  = []string{"a4", "letter", "legal"}
)

// check finds what types cannot: required keys, enumerations, references and
// settings that contradict each other. It also fills the defaults that depend on
// other keys.
func (d *decoder) check(t *tree, c *Config) {
	d.checkVersion(t, c)
	d.checkSite(t, c)
	for i := range c.FaxServices {
		d.checkFaxService(t.byKey["fax_services"].items[i], i, &c.FaxServices[i])
	}
	for i := range c.Devices {
		d.checkDevice(t.byKey["devices"].items[i], i, &c.Devices[i], c)
	}
	d.checkIDs(t, "devices")
	d.checkIDs(t, "fax_services")
	if len(c.Devices) == 0 {
		d.warnf(t.find("devices"), "devices", "there is none, nothing can be scanned")
	}
	if len(c.FaxServices) == 0 {
		d.warnf(t.find("fax_services"), "fax_services", "there is none, nothing can be sent")
	}
	d.checkSignIn(t, c)
	d.checkPanel(t, c)
	d.checkState(t, c)
	d.checkNetwork(t, c)
	d.checkNumbers(t, c)
	d.checkLimits(t, c)
	d.oneOf(t.find("log", "level"), "log.level", c.Log.Level, "debug", "info", "warn", "error")
	d.oneOf(t.find("log", "format"), "log.format", c.Log.Format, "text", "json")
}

func (d *decoder) checkVersion(t *tree, c *Config) {
	v := t.byKey["version"]
	switch {
	case v == nil || v.null:
		d.errorf(t, "version", "missing, write version: %d", Version)
	case c.Version > Version:
		d.errorf(v, "version", "%d is of a newer platen; this one understands %d", c.Version, Version)
	case c.Version < Version && d.clean("version"):
		d.errorf(v, "version", "%d was never released, write version: %d", c.Version, Version)
	}
}

func (d *decoder) checkSite(t *tree, c *Config) {
	site := t.find("site")
	if !isCountry(c.Site.Country) {
		d.errorf(site.find("country"), "site.country", "%s is no country, write its two capital letters such as CA, FR or US", quote(c.Site.Country))
	}
	d.oneOf(site.find("language"), "site.language", c.Site.Language, "en", "fr")
	if len(c.Site.Name) > 80 || !oneLine(c.Site.Name) {
		d.errorf(site.find("name"), "site.name", "want one line of at most 80 bytes")
	}
}

// clean says that path has no problem yet.
func (d *decoder) clean(path string) bool {
	return !slices.ContainsFunc(d.problems, func(p Problem) bool { return p.Path == path })
}

// required reports a key that is not written and says whether it is there.
func (d *decoder) required(item *tree, path, key, value, write string) bool {
	if value != "" {
		return true
	}
	if d.clean(join(path, key)) {
		d.errorf(item.find(key), join(path, key), "missing, write %s", write)
	}
	return false
}

func (d *decoder) oneOf(at *tree, path, value string, allowed ...string) bool {
	if slices.Contains(allowed, value) {
		return true
	}
	if d.clean(path) {
		want := "write " + strings.Join(allowed, " or ")
		if best := nearest(value, allowed); best != "" && len(allowed) > 1 {
			want = "did you mean " + best + "? Known: " + strings.Join(allowed, ", ")
		}
		d.errorf(at, path, "%s is not known, %s", quote(value), want)
	}
	return false
}

func (d *decoder) checkID(item *tree, path, id string) {
	if d.required(item, path, "id", id, "a short name such as front-desk") && !idPattern.MatchString(id) {
		d.errorf(item.find("id"), join(path, "id"), "%s is no id, use 1 to 40 of a-z, 0-9 and -", quote(id))
	}
}

// checkIDs reports ids used twice, in whichever files.
func (d *decoder) checkIDs(t *tree, list string) {
	seen := map[string]*tree{}
	for i, item := range t.find(list).items {
		id := item.byKey["id"]
		if id == nil || id.value == "" {
			continue
		}
		if first := seen[id.value]; first != nil {
			d.errorf(id, join(itemPath(list, i, item), "id"), "%s is already used at %s:%d, choose another", quote(id.value), first.file, first.line)
			continue
		}
		seen[id.value] = id
	}
}

func (d *decoder) between(at *tree, path string, n, low, high int64) {
	if (n < low || n > high) && d.clean(path) {
		d.errorf(at, path, "%d is out of range, want %d to %d", n, low, high)
	}
}

func (d *decoder) checkPanel(t *tree, c *Config) {
	p := t.find("panel")
	host, port, err := net.SplitHostPort(c.Panel.Listen)
	if err != nil || port == "" || !validPort(port) && port != "0" {
		d.errorf(p.find("listen"), "panel.listen", "%s is no address to listen on, write 127.0.0.1:8630", quote(c.Panel.Listen))
		return
	}
	for i, h := range c.Panel.Hosts {
		if h == "" || strings.ContainsAny(h, "*/: ") {
			d.errorf(p.find("hosts"), fmt.Sprintf("panel.hosts.%d", i+1), "%s is no host name, write it without port and wildcards such as fax.example.com", quote(h))
		}
	}
	if (c.Panel.TLSCert == "") != (c.Panel.TLSKey == "") {
		d.errorf(p, "panel.tls_cert_file", "tls_cert_file and tls_key_file belong together, write both or none")
	}
	if loopbackHost(host) {
		return
	}
	if c.Panel.TLSCert == "" {
		d.warnf(p.find("listen"), "panel.listen", "others can read along without TLS, set tls_cert_file and tls_key_file")
	}
	if len(c.Panel.Allow) == 0 {
		d.warnf(p.find("listen"), "panel.allow", "is empty, so only this machine is answered; list the devices' addresses")
	}
}

func (d *decoder) checkState(t *tree, c *Config) {
	if c.Spool.Dir == "" {
		d.errorf(t.find("spool", "dir"), "spool.dir", "missing, write the directory that keeps the faxes")
		return
	}
	if !filepath.IsAbs(c.Spool.Dir) { // the default
		c.Spool.Dir = filepath.Join(d.dir, c.Spool.Dir)
	}
	d.between(t.find("spool", "quota_mib"), "spool.quota_mib", c.Spool.QuotaMiB, 1, 1<<30)
	if c.Spool.KeyFile == "" {
		return
	}
	if rel, err := filepath.Rel(c.Spool.Dir, c.Spool.KeyFile); err == nil && filepath.IsLocal(rel) {
		d.warnf(t.find("spool", "key_file"), "spool.key_file", "lies in spool.dir, so whoever takes the disk has the key; write a place outside")
	}
}

func (d *decoder) checkNetwork(t *tree, c *Config) {
	if c.Network.Proxy != "" {
		d.checkURL(t.find("network", "proxy"), "network.proxy", c.Network.Proxy, "http", "https", "socks5")
	}
	m := t.find("mqtt")
	if c.MQTT.Broker != "" {
		u := d.checkURL(m.find("broker"), "mqtt.broker", c.MQTT.Broker, "mqtts", "mqtt", "ssl", "tls", "tcp")
		clear := u != nil && slices.Contains([]string{"mqtt", "tcp"}, u.Scheme)
		switch {
		case clear && !loopbackHost(u.Hostname()) && c.MQTT.User != "":
			d.errorf(m.find("broker"), "mqtt.broker", "the password would be readable on the network, write mqtts://")
		case clear && !loopbackHost(u.Hostname()):
			d.warnf(m.find("broker"), "mqtt.broker", "others can read along without TLS, write mqtts://")
		}
	}
	if !c.MQTT.Password.IsZero() && c.MQTT.User == "" {
		d.errorf(m.find("password_file"), "mqtt.password_file", "a password without a user, write user as well")
	}
	if p := c.MQTT.TopicPrefix; p == "" || len(p) > 200 || strings.ContainsAny(p, "+#\x00") || strings.HasPrefix(p, "/") || strings.HasSuffix(p, "/") {
		d.errorf(m.find("topic_prefix"), "mqtt.topic_prefix", "%s is no topic, use words with / between them and without + and #", quote(p))
	}
}

func (d *decoder) checkNumbers(t *tree, c *Config) {
	n := t.find("numbers")
	if p := c.Numbers.OutsidePrefix; len(p) > 4 || strings.Trim(p, "0123456789*#") != "" {
		d.errorf(n.find("outside_prefix"), "numbers.outside_prefix", "%s is nothing one dials, write digits such as 9", quote(p))
	}
	for name, list := range map[string][]string{"deny": c.Numbers.Deny, "allow": c.Numbers.Allow} {
		for i, p := range list {
			if !prefixPattern.MatchString(p) {
				d.errorf(n.byKey[name].items[i], fmt.Sprintf("numbers.%s.%d", name, i+1), "%s is not the beginning of a number, write it as +1900", quote(p))
			}
		}
	}
}

// checkLimits compares durations that only make sense together.
func (d *decoder) checkLimits(t *tree, c *Config) {
	del := t.find("delivery")
	if c.Delivery.RetryMax < c.Delivery.RetryMin {
		d.errorf(del.find("retry_max"), "delivery.retry_max", "%v is less than retry_min %v", c.Delivery.RetryMax, c.Delivery.RetryMin)
	}
	if c.Delivery.LineTries < 1 && d.clean("delivery.line_tries") {
		d.errorf(del.find("line_tries"), "delivery.line_tries", "want at least 1 try")
	}
	if c.Delivery.BreakerOpenAfter < 1 && d.clean("delivery.breaker_open_after") {
		d.errorf(del.find("breaker_open_after"), "delivery.breaker_open_after", "want at least 1 failure")
	}
	if c.Retention.Records < c.Retention.FailedPages {
		d.errorf(t.find("retention", "records"), "retention.records", "%v is less than failed_pages %v; a record is kept as long as its pages", c.Retention.Records, c.Retention.FailedPages)
	}
}

func oneLine(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd })
}
