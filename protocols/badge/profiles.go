package badge

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// profiles lists the readers known by name. What one of them sends depends on
// how it was set up, so a name says both.
var profiles = []Profile{
	{Name: "generic", About: "a line of digits, taken as it is; upper case"},
	{Name: "generic-hex-to-dec", About: "hexadecimal, written as decimal", Steps: []string{"hex", "to-dec"}},
	{
		Name: "generic-hex-swapped-to-dec", About: "hexadecimal, bytes in the other order, written as decimal",
		Steps: []string{"hex", "reverse-bytes", "to-dec"},
	},
	{Name: "generic-dec-to-hex", About: "decimal of four bytes, written as hexadecimal", Steps: []string{"dec:4", "to-hex"}},
	{Name: "check-digit", About: "what stands before the equals sign", Steps: []string{"cut:="}},
	{Name: "magstripe-track2", About: "track 2 of a magnetic stripe: ;NUMBER=…?", Steps: []string{`group:^;(\d+)[=?]`}},

	{Name: "rfideas-dec", About: "RF IDeas pcProx set to decimal", Steps: []string{`group:^(\d+)$`, "strip-zeros"}},
	{Name: "rfideas-hex", About: "RF IDeas pcProx set to hexadecimal", Steps: []string{"hex", "to-hex"}},
	{Name: "rfideas-hex-to-dec", About: "RF IDeas pcProx set to hexadecimal, written as decimal", Steps: []string{"hex", "to-dec"}},

	{
		Name: "elatec-twn3-wiegand26", About: "Elatec TWN3, HID Prox transparent: count of bits, then 26 bits",
		Steps: []string{"bits", "wiegand26:full"},
	},
	{
		Name: "elatec-twn3-inditag", About: "Elatec TWN3, IndiTag: colon, number, checksum",
		Framing: Framing{Prefix: ":", Checksum: SumChecksum}, Steps: []string{"hex", "to-hex"},
	},
	{Name: "elatec-twn4-hex", About: "Elatec TWN4, serial app writing hexadecimal", Steps: []string{"hex", "to-hex"}},
	{
		Name: "elatec-twn4-swapped", About: "Elatec TWN4, serial app writing hexadecimal, lowest byte first, written as decimal",
		Steps: []string{"hex", "reverse-bytes", "to-dec"},
	},
	{Name: "elatec-twn4-dec", About: "Elatec TWN4, serial app writing decimal", Steps: []string{`group:^(\d+)$`, "strip-zeros"}},

	{
		Name: "em4100-stx", About: "ID-12 and RDM6300 boards: STX, ten hexadecimal digits, exclusive or, ETX; last four bytes as decimal",
		Framing: Framing{STX: true, Checksum: XORChecksum}, Steps: []string{"last:8", "hex", "to-dec", "width:10"},
	},
	{Name: "stx-lrc", About: "STX, number, ETX and a check byte", Framing: Framing{STX: true, Checksum: LRCChecksum}},
	{Name: "no-end", About: "a line of digits without any end", Framing: Framing{Idle: true}},
}

// Profiles returns every profile known by name, in the order for people.
func Profiles() []Profile {
	out := slices.Clone(profiles)
	for i := range out {
		out[i].Steps = slices.Clone(out[i].Steps)
	}
	return out
}

// Lookup returns a profile by its name; "" is "generic". The error wraps
// [ErrProfile] and lists the names.
func Lookup(name string) (Profile, error) {
	if name == "" {
		name = "generic"
	}
	var names []string
	for _, p := range Profiles() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Profile{}, fmt.Errorf("%w: %q is not one of %s", ErrProfile, name, strings.Join(names, ", "))
}

// Unescape replaces the ways in which people write control bytes: <CR>, <LF>,
// <STX>, <ETX> as in readers' manuals, and \r, \n, \xNN.
func Unescape(raw string) string {
	raw = strings.NewReplacer("<CR>", "\r", "<LF>", "\n", "<STX>", "\x02", "<ETX>", "\x03", `\r`, "\r", `\n`, "\n").Replace(raw)
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		if strings.HasPrefix(raw[i:], `\x`) && i+4 <= len(raw) {
			if x, err := strconv.ParseUint(raw[i+2:i+4], 16, 8); err == nil {
				b.WriteByte(byte(x))
				i += 3
				continue
			}
		}
		b.WriteByte(raw[i])
	}
	return b.String()
}
