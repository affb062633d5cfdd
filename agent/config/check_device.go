package config

import (
	"strings"
)

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
	if len(dev.Location) > 80 || !oneLine(dev.Location) {
		d.errorf(item.find("location"), join(path, "location"), "want one line of at most 80 bytes")
	}
	d.checkReader(item.section("reader"), join(path, "reader"), &dev.Reader)
	if !dev.Password.IsZero() && dev.User == "" {
		d.errorf(item.find("password_file"), join(path, "password_file"), "a password without a user, write user as well")
	}
	if !dev.Password.IsZero() && strings.HasPrefix(dev.URL, "http:") {
		d.warnf(item.find("password_file"), join(path, "password_file"), "goes over the network in clear, write an https url")
	}
}
