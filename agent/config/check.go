package config

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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

	drivers    = []string{DriverESCL}
	kinds      = []string{KindFaxPlus, KindXMCloud}
	modes      = []string{ModeSharedAccount, ModeDeviceLogin, ModeUserPrompt}
	papers     = []string{"a4", "letter", "legal"}
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

func (d *decoder) checkFaxService(item *tree, i int, s *FaxService) {
	if item.null {
		return // reported
	}
	path := itemPath("fax_services", i, item)
	d.checkID(item, path, s.ID)
	if d.required(item, path, "kind", s.Kind, "one of "+strings.Join(kinds, ", ")) {
		d.oneOf(item.find("kind"), join(path, "kind"), s.Kind, kinds...)
	}
	d.required(item, path, "token_file", s.Token.File, "the name of the file that holds the access token")
	switch s.Kind {
	case KindFaxPlus:
		d.checkFaxPlus(item, path, s)
	case KindXMCloud:
		d.checkXMCloud(item, path, s)
	}
	if s.From != NoNumber && !e164Pattern.MatchString(s.From) {
		d.errorf(item.find("from"), join(path, "from"), "%s is no number, write it as +15145550199, or %s", quote(s.From), NoNumber)
	}
	d.between(item.find("max_in_flight"), join(path, "max_in_flight"), int64(s.MaxInFlight), 1, 100)
}

// checkFaxPlus fills in what is the same for every account of the kind.
func (d *decoder) checkFaxPlus(item *tree, path string, s *FaxService) {
	s.URL = cmp.Or(s.URL, FaxPlusURL)
	s.Account = cmp.Or(s.Account, "self")
	d.checkURL(item.find("url"), join(path, "url"), s.URL, "https")
	if strings.ContainsAny(s.Account, "/?# ") {
		d.errorf(item.find("account"), join(path, "account"), "want self or the id of a member")
	}
	if s.Device != "" || len(s.Hosts) > 0 {
		d.errorf(item, path, "device and hosts are for kind %s, take them out", KindXMCloud)
	}
}

// checkXMCloud wants what no default can know: the region's address, the
// account, and the id this agent is enrolled under.
func (d *decoder) checkXMCloud(item *tree, path string, s *FaxService) {
	if d.required(item, path, "url", s.URL, "the address of the account's region, such as https://portal.example.ca") {
		d.checkURL(item.find("url"), join(path, "url"), s.URL, "https")
	}
	if d.required(item, path, "account", s.Account, "the account's name in the portal") && (len(s.Account) < 2 || strings.ContainsAny(s.Account, "/?# ")) {
		d.errorf(item.find("account"), join(path, "account"), "want the account's name, at least two characters without / ? # or spaces")
	}
	d.required(item, path, "device", s.Device, "the id this agent is enrolled under")
	for i, h := range s.Hosts {
		if h == "" || strings.ContainsAny(h, "*/ ") {
			d.errorf(item.find("hosts"), join(path, fmt.Sprintf("hosts.%d", i+1)), "%s is no host, write its full name without wildcards such as portal2.example.ca", quote(h))
		}
	}
}

func (d *decoder) checkDevice(item *tree, i int, dev *Device, c *Config) {
	if item.null {
		return // reported
	}
	path := itemPath("devices", i, item)
	d.checkID(item, path, dev.ID)
	if d.required(item, path, "driver", dev.Driver, "one of "+strings.Join(drivers, ", ")) {
		d.oneOf(item.find("driver"), join(path, "driver"), dev.Driver, drivers...)
	}
	if d.required(item, path, "url", dev.URL, "the device's address, such as https://10.0.0.20/eSCL") {
		d.checkURL(item.find("url"), join(path, "url"), dev.URL, "https", "http")
	}
	d.oneOf(item.find("mode"), join(path, "mode"), dev.Mode, modes...)
	if d.required(item, path, "fax_service", dev.FaxService, "the id of one of fax_services") {
		if _, ok := c.Service(dev.FaxService); !ok {
			ids := []string{"none"}
			if len(c.FaxServices) > 0 {
				ids = nil
			}
			for _, s := range c.FaxServices {
				ids = append(ids, s.ID)
			}
			d.errorf(item.find("fax_service"), join(path, "fax_service"), "there is no fax service %s, known: %s", quote(dev.FaxService), strings.Join(ids, ", "))
		}
	}
	if dev.Name == "" {
		dev.Name = dev.ID
	}
	if len(dev.Name) > 80 || !oneLine(dev.Name) {
		d.errorf(item.find("name"), join(path, "name"), "want one line of at most 80 bytes")
	}
	if dev.Paper == "" {
		dev.Paper = paperOf(c.Site.Country)
	}
	d.oneOf(item.find("paper"), join(path, "paper"), dev.Paper, papers...)
	if !dev.Password.IsZero() && dev.User == "" {
		d.errorf(item.find("password_file"), join(path, "password_file"), "a password without a user, write user as well")
	}
	if !dev.Password.IsZero() && strings.HasPrefix(dev.URL, "http:") {
		d.warnf(item.find("password_file"), join(path, "password_file"), "goes over the network in clear, write an https url")
	}
}

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
	addr, err := netip.ParseAddr(host)
	if host == "localhost" || err == nil && addr.IsLoopback() {
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

func loopbackHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
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
