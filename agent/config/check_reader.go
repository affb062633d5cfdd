package config

import (
	"regexp"
	"slices"
	"strings"
)

// readerProfiles are the badge readers known by name, as protocols/badge has
// them; config imports nothing that knows how a reader works.
var readerProfiles = []string{
	"generic", "generic-hex-to-dec", "generic-hex-swapped-to-dec", "generic-dec-to-hex", "check-digit", "magstripe-track2",
	"rfideas-dec", "rfideas-hex", "rfideas-hex-to-dec",
	"elatec-twn3-wiegand26", "elatec-twn3-inditag", "elatec-twn4-hex", "elatec-twn4-swapped", "elatec-twn4-dec",
	"em4100-stx", "stx-lrc", "no-end",
}

// bauds are the speeds readers are set to.
var bauds = []int{300, 600, 1200, 2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600, 115200, 230400}

var portPattern = regexp.MustCompile(`^(/[^\s]+|COM[1-9][0-9]{0,2}|\\\\\.\\COM[1-9][0-9]{0,2})$`)

// ReaderProfiles returns the names that Reader.Profile takes.
func ReaderProfiles() []string { return slices.Clone(readerProfiles) }

func (d *decoder) checkReader(at *tree, path string, r *Reader) {
	var unset Device
	unset.setDefaults()
	switch {
	case r.Port != "" && !portPattern.MatchString(r.Port):
		d.errorf(at.find("port"), join(path, "port"), "%s is no serial line, write /dev/ttyUSB0, better its name below /dev/serial/by-id, or COM3", quote(r.Port))
	case r.Port == "" && (len(r.Steps) > 0 || r.Profile != unset.Reader.Profile || r.Baud != unset.Reader.Baud):
		d.errorf(at, join(path, "port"), "missing, write the reader's serial line such as /dev/serial/by-id/usb-Elatec_TWN4-if00 or COM3")
	}
	d.oneOf(at.find("profile"), join(path, "profile"), r.Profile, readerProfiles...)
	if !slices.Contains(bauds, r.Baud) && d.clean(join(path, "baud")) {
		d.errorf(at.find("baud"), join(path, "baud"), "%d is no speed of a serial line, write 9600, or what the reader is set to", r.Baud)
	}
	d.between(at.find("data_bits"), join(path, "data_bits"), int64(r.DataBits), 5, 8)
	d.oneOf(at.find("parity"), join(path, "parity"), r.Parity, "none", "odd", "even")
	d.between(at.find("stop_bits"), join(path, "stop_bits"), int64(r.StopBits), 1, 2)
	for i, s := range r.Steps {
		if strings.TrimSpace(s) == "" {
			d.errorf(at.section("steps").item(i), join(path, "steps"), "an empty step; write one such as hex or to-dec, or take it out")
		}
	}
}

// checkReaders reports a line that two devices read.
func (d *decoder) checkReaders(t *tree, c *Config) {
	seen := map[string]string{}
	for i, dev := range c.Devices {
		port := dev.Reader.Port
		if port == "" {
			continue
		}
		item := t.section("devices").item(i)
		if first, twice := seen[port]; twice {
			d.errorf(item.section("reader").find("port"), join(itemPath("devices", i, item), "reader.port"),
				"is the reader of %s already, and a badge must mean one device", first)
			continue
		}
		seen[port] = dev.ID
	}
}
