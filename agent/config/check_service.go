package config

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
)

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
		at, path := item.section("hosts").item(i), join(path, fmt.Sprintf("hosts.%d", i+1))
		if !d.checkHost(at, path, h) {
			continue
		}
		if mine, theirs := regionOf(s.URL), regionOf("https://"+h); mine.name != "" && mine.name == theirs.name && mine.region != theirs.region {
			d.errorf(at, path, "%s is in another region than url, %s instead of %s: regions are separate clouds with people of their own, take it out",
				quote(h), theirs.region, mine.region)
		}
	}
}

// region is where a vendor has the same service several times: fax.example.com,
// fax.example.eu and fax.example.ca.
type region struct {
	name   string // "example"; "" where the address tells none
	region string // ".com", ".eu" or ".ca"
}

func regionOf(address string) region {
	u, err := url.Parse(address)
	if err != nil {
		return region{}
	}
	labels := strings.Split(strings.ToLower(u.Hostname()), ".")
	if n := len(labels); n >= 2 {
		switch top := labels[n-1]; top {
		case "com", "eu", "ca":
			return region{labels[n-2], "." + top}
		}
	}
	return region{}
}
