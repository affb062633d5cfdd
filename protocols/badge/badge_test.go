package badge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/protocols/badge"
)

func TestExplainKnownCards(t *testing.T) {
	for _, tt := range []struct{ name, profile, raw, want string }{
		{"as it is", "", "946ebd28\r\n", "946EBD28"},
		{"hex to decimal", "generic-hex-to-dec", "946EBD28", "2490285352"},
		{"swapped", "generic-hex-swapped-to-dec", "946EBD28", "683503252"},
		{"decimal to hex", "generic-dec-to-hex", "0010", "0000000A"},
		{"check digit", "check-digit", "5235092385=8", "5235092385"},
		{"track 2", "magstripe-track2", ";5235092385=99121010000?", "5235092385"},
		{"RF IDeas decimal", "rfideas-dec", "0002490285352\r", "2490285352"},
		{"TWN3 transparent", "elatec-twn3-wiegand26", "1A808001C0\r", "00100003"},
		{"TWN3 IndiTag", "elatec-twn3-inditag", ":112233445501<CR><LF>", "1122334455"},
		{"TWN4 swapped", "elatec-twn4-swapped", "946EBD28\r", "683503252"},
		{"RDM6300", "em4100-stx", `\x0262E3086CED08\r\n\x03`, "3808980205"},
		{"noise before STX", "em4100-stx", "FFFF\x0262E3086CED08\x03", "3808980205"},
		{"LRC", "stx-lrc", "\x021234\x03" + string(rune('1'^'2'^'3'^'4'^3)), "1234"},
		{"no end", "no-end", "12345678", "12345678"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := badge.Lookup(tt.profile)
			if err != nil {
				t.Fatal(err)
			}
			e := p.Explain(tt.raw)
			if e.ID != tt.want || e.Err != nil {
				t.Errorf("Explain(%q) = %q, %v; want %q\n%v", tt.raw, e.ID, e.Err, tt.want, e.Lines)
			}
		})
	}
}

// TestVariantsOfOneCard holds the five numbers of one four-byte card, as
// printed by differently set up readers.
func TestVariantsOfOneCard(t *testing.T) {
	for _, tt := range []struct{ steps, want string }{
		{"hex,to-hex", "946EBD28"},
		{"hex,to-dec", "2490285352"},
		{"hex,reverse-bytes,to-hex", "28BD6E94"},
		{"hex,reverse-bytes,to-dec", "683503252"},
		{"hex,reverse-bits,to-hex", "2976BD14"},
		{"hex,reverse-bits,to-dec", "695647508"},
		{"hex,reverse-bits,reverse-bytes,to-hex", "14BD7629"},
		{"hex,reverse-bits,reverse-bytes,to-dec", "347960873"},
		{"hex,to-dec,width:12", "002490285352"},
		{"hex,to-dec,last:5", "85352"},
		{"first:4", "946E"},
		{"hex,strip-parity,to-hex", "0A375E94"},
		{"hex,to-dec,dec:4,to-hex", "946EBD28"},
	} {
		p := badge.Profile{Steps: strings.Split(tt.steps, ",")}
		if e := p.Explain("946EBD28"); e.ID != tt.want || e.Err != nil {
			t.Errorf("%s = %q, %v; want %q", tt.steps, e.ID, e.Err, tt.want)
		}
	}
	p := badge.Profile{Steps: []string{"ascii", "hex", "to-dec"}}
	if e := p.Explain("3934364542443238"); e.ID != "2490285352" {
		t.Errorf("ascii chain = %q, %v; want 2490285352", e.ID, e.Err)
	}
}

func TestExplainTellsEveryStep(t *testing.T) {
	p, err := badge.Lookup("elatec-twn3-wiegand26")
	if err != nil {
		t.Fatal(err)
	}
	want := []badge.Line{
		{"received", `"1A808001C0\r"`},
		{"frame", `"1A808001C0"`},
		{"bits", "10000000100000000000000111 (26 bits)"},
		{"wiegand26:full", `"00100003"`},
		{"card number", "00100003"},
	}
	if diff := cmp.Diff(want, p.Explain("1A808001C0<CR>").Lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name, profile, raw string
		want               error
	}{
		{"configuration echo", "generic", "rfid:var?", badge.ErrFormat},
		{"configuration answer", "rfideas-hex", "{0x0000,1,\"ok\"}", badge.ErrFormat},
		{"too short", "generic", "12", badge.ErrFormat},
		{"empty", "generic", "\r\n", badge.ErrFrame},
		{"all zeros", "generic", "00000000", badge.ErrFormat},
		{"too long for a card", "generic", strings.Repeat("1", 33), badge.ErrFormat},
		{"too long for a frame", "generic", strings.Repeat("1", 200), badge.ErrFrame},
		{"sum", "elatec-twn3-inditag", ":112233445502", badge.ErrChecksum},
		{"xor", "em4100-stx", "\x0262E3086CED09\x03", badge.ErrChecksum},
		{"lrc", "stx-lrc", "\x021234\x03A", badge.ErrChecksum},
		{"parity", "elatec-twn3-wiegand26", "1A80800180", badge.ErrChecksum},
		{"bit count", "elatec-twn3-wiegand26", "FF808001C0", badge.ErrFormat},
		{"cut STX frame", "em4100-stx", "62E3086CED08", badge.ErrFrame},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := badge.Lookup(tt.profile)
			if err != nil {
				t.Fatal(err)
			}
			e := p.Explain(tt.raw)
			if !errors.Is(e.Err, tt.want) || e.ID != "" {
				t.Errorf("Explain(%q) = %q, %v; want %v", tt.raw, e.ID, e.Err, tt.want)
			}
			if d, err := p.Compile(); err != nil {
				t.Fatal(err)
			} else if _, err := d.Decode(badge.Frame{Text: "ZZ98765"}); err == nil || strings.Contains(err.Error(), "98765") {
				t.Errorf("Decode error %v; want one that does not repeat the number", err)
			}
		})
	}
}

func TestBadProfiles(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    badge.Profile
	}{
		{"unknown step", badge.Profile{Steps: []string{"rot13"}}},
		{"missing count", badge.Profile{Steps: []string{"width"}}},
		{"zero count", badge.Profile{Steps: []string{"last:0"}}},
		{"surplus argument", badge.Profile{Steps: []string{"hex:4"}}},
		{"missing text", badge.Profile{Steps: []string{"cut:"}}},
		{"no group", badge.Profile{Steps: []string{`group:\d+`}}},
		{"broken expression", badge.Profile{Steps: []string{"group:("}}},
		{"checksum", badge.Profile{Framing: badge.Framing{Checksum: "crc"}}},
		{"lrc without stx", badge.Profile{Framing: badge.Framing{Checksum: badge.LRCChecksum}}},
		{"frame length", badge.Profile{Framing: badge.Framing{Max: 1 << 20}}},
		{"ends as a number", badge.Profile{Steps: []string{"hex"}}},
		{"text step on a number", badge.Profile{Steps: []string{"hex", "strip-zeros"}}},
		{"number step on text", badge.Profile{Steps: []string{"reverse-bytes"}}},
	} {
		if e := tt.p.Explain("12345678"); !errors.Is(e.Err, badge.ErrProfile) {
			t.Errorf("%s: %v; want ErrProfile", tt.name, e.Err)
		}
	}
	if _, err := badge.Lookup("nobody"); !errors.Is(err, badge.ErrProfile) || !strings.Contains(err.Error(), "rfideas-dec") {
		t.Errorf("Lookup = %v; want ErrProfile listing the names", err)
	}
}

func TestEveryProfileCompilesAndHasAText(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range badge.Profiles() {
		if _, err := p.Compile(); err != nil || p.About == "" || seen[p.Name] {
			t.Errorf("profile %q: %v, about %q, twice %v", p.Name, err, p.About, seen[p.Name])
		}
		seen[p.Name] = true
	}
}

func TestFramer(t *testing.T) {
	for _, tt := range []struct {
		name    string
		framing badge.Framing
		in      []string // each Feed; "" is a pause
		want    []string // "!" is an error
	}{
		{"CR", badge.Framing{}, []string{"1234\r5678\r"}, []string{"1234", "5678"}},
		{"CR LF once", badge.Framing{}, []string{"1234\r\n5678\r\n"}, []string{"1234", "5678"}},
		{"STX ETX unasked", badge.Framing{}, []string{"\x021234\x03"}, []string{"1234"}},
		{"in pieces", badge.Framing{}, []string{"12", "34", "\r"}, []string{"1234"}},
		{"a pause forgets", badge.Framing{}, []string{"12", "", "34\r"}, []string{"34"}},
		{"a pause ends", badge.Framing{Idle: true}, []string{"1234", "", "56"}, []string{"1234"}},
		{"STX begins anew", badge.Framing{}, []string{"12\x0234\r"}, []string{"34"}},
		{"too long once", badge.Framing{Max: 4}, []string{"123456789\r12\r"}, []string{"!", "12"}},
		{"too long with STX", badge.Framing{Max: 4, STX: true, Checksum: badge.LRCChecksum}, []string{"\x02123456\x03\x0212\x03\x00"}, []string{"!", "12"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := badge.NewFramer(tt.framing)
			var got []string
			add := func(fr badge.Frame) {
				if fr.Err != nil {
					got = append(got, "!")
					return
				}
				got = append(got, fr.Text)
			}
			for _, in := range tt.in {
				if in == "" {
					if fr, ok := f.Idle(); ok {
						add(fr)
					}
				}
				for _, fr := range f.Feed([]byte(in)) {
					add(fr)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("frames (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzDecode feeds any bytes to every profile: frames stay bounded, and what
// is taken for a card number has the promised form.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"946EBD28\r", "1A808001C0\r", ":112233445501\r\n", "\x0262E3086CED08\r\n\x03", ";52=1?", "\x021234\x037"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, p := range badge.Profiles() {
			d, err := p.Compile()
			if err != nil {
				t.Fatal(err)
			}
			framer := d.Framer()
			for _, fr := range framer.Feed(b) {
				if len(fr.Text) > 128 {
					t.Fatalf("%s: frame of %d bytes", p.Name, len(fr.Text))
				}
				id, err := d.Decode(fr)
				if err == nil && (len(id) < 1 || len(id) > 32 || strings.Trim(id, "0123456789ABCDEF") != "") {
					t.Fatalf("%s: card number %q", p.Name, id)
				}
				if err != nil && !errors.Is(err, badge.ErrFrame) && !errors.Is(err, badge.ErrChecksum) && !errors.Is(err, badge.ErrFormat) {
					t.Fatalf("%s: %v wraps no error of the package", p.Name, err)
				}
			}
		}
	})
}

// FuzzSteps reads any chain and number: a chain that compiles never panics, and
// reversing twice is no change.
func FuzzSteps(f *testing.F) {
	f.Add("hex,reverse-bits,to-dec", "946EBD28")
	f.Add("bits:26,wiegand26:card", "02010007")
	f.Add("dec,strip-parity,to-hex,width:9", "123456")
	f.Fuzz(func(t *testing.T, chain, raw string) {
		steps := strings.Split(chain, ",")
		once := badge.Profile{Steps: steps}.Explain(raw)
		if once.Err == nil {
			back := badge.Profile{Steps: []string{"hex", "reverse-bytes", "reverse-bits", "reverse-bits", "reverse-bytes", "to-hex"}}
			e := back.Explain(fmt.Sprintf("%032s", once.ID))
			if want := fmt.Sprintf("%032s", once.ID); e.ID != want {
				t.Fatalf("%s of %q = %q, there and back %q, %v", chain, raw, once.ID, e.ID, e.Err)
			}
		}
	})
}
