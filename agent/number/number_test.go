package number_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/agent/number"
)

func TestParse(t *testing.T) {
	nine := number.Rules{OutsidePrefix: "9"}
	for _, tt := range []struct {
		name, raw, country string
		rules              number.Rules
		want               number.Number
	}{
		{"national", "(514) 555-0199", "CA", number.Rules{}, number.Number{E164: "+15145550199", Country: "CA", Display: "+1 514-555-0199", Known: true}},
		{"with trunk 1", "1.514.555.0199", "CA", number.Rules{}, number.Number{E164: "+15145550199", Country: "CA", Display: "+1 514-555-0199", Known: true}},
		{"international", "+33 1 99 00 27 41", "CA", number.Rules{}, number.Number{E164: "+33199002741", Country: "FR", Display: "+33 1 99 00 27 41", Known: true}},
		{"011 in Canada", "011 33 1 42 68 53 00", "CA", number.Rules{}, number.Number{E164: "+33142685300", Country: "FR", Display: "+33 1 42 68 53 00", Known: true}},
		{"00 in Canada", "00 33 1 42 68 53 00", "CA", number.Rules{}, number.Number{E164: "+33142685300", Country: "FR", Display: "+33 1 42 68 53 00", Known: true}},
		{"00 in France", "001 514 555 0199", "FR", number.Rules{}, number.Number{E164: "+15145550199", Country: "CA", Display: "+1 514-555-0199", Known: true}},
		{"trunk 0 in France", "01 42 68 53 00", "FR", number.Rules{}, number.Number{E164: "+33142685300", Country: "FR", Display: "+33 1 42 68 53 00", Known: true}},
		{"(0) after the country code", "+44 (0)20 7946 0018", "CA", number.Rules{}, number.Number{E164: "+442079460018", Country: "GB", Display: "+44 20 7946 0018", Known: true}},
		{"leading zero kept in Italy", "+39 02 1234 5678", "CA", number.Rules{}, number.Number{E164: "+390212345678", Country: "IT", Display: "+39 02 1234 5678", Known: true}},
		{"possible, in no plan", "+1 999 555 0199", "CA", number.Rules{}, number.Number{E164: "+19995550199", Country: "CA", Display: "+1 999-555-0199"}},
		{"premium", "1 900 555 0199", "CA", number.Rules{}, number.Number{E164: "+19005550199", Country: "CA", Display: "+1 900-555-0199", Known: true, Premium: true}},
		{"no country", "+800 1234 5678", "CA", number.Rules{}, number.Number{E164: "+80012345678", Country: "001", Display: "+800 1234 5678", Known: true}},
		{"not in the table of names", "+265 1 754 222", "CA", number.Rules{}, number.Number{E164: "+2651754222", Country: "MW", Display: "+265 1 754 222", Known: true}},
		{"pause and sub-address", "514 555 0199,,12#", "CA", number.Rules{}, number.Number{E164: "+15145550199", Country: "CA", Display: "+1 514-555-0199", Known: true, Sub: ",,12#"}},
		{"pause by letter", "+15145550199p 5w*", "CA", number.Rules{}, number.Number{E164: "+15145550199", Country: "CA", Display: "+1 514-555-0199", Known: true, Sub: ",5,*"}},
		{"outside line", "9 1 514 555 0199", "CA", nine, number.Number{E164: "+15145550199", Country: "CA", Display: "+1 514-555-0199", Known: true}},
		{"outside line, abroad", "9 011 33 1 42 68 53 00", "CA", nine, number.Number{E164: "+33142685300", Country: "FR", Display: "+33 1 42 68 53 00", Known: true}},
		{"a number that begins like the outside line", "914 555 0199", "US", nine, number.Number{E164: "+19145550199", Country: "US", Display: "+1 914-555-0199", Known: true}},
		{"allowed", "5145550199", "CA", number.Rules{Allow: []string{"+44", "+1514"}}, number.Number{E164: "+15145550199", Country: "CA", Display: "+1 514-555-0199", Known: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Raw = tt.raw
			got, err := number.Parse(tt.raw, tt.country, tt.rules)
			if err != nil {
				t.Fatalf("Parse(%q) = %v; want %v", tt.raw, err, tt.want.E164)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Parse(%q) (-want +got):\n%s", tt.raw, diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, raw, country string
		rules              number.Rules
		want               error
		text               string
	}{
		{"nothing", " ", "CA", number.Rules{}, number.ErrEmpty, "no number was given"},
		{"plus only", "+", "CA", number.Rules{}, number.ErrEmpty, "no number was given"},
		{"letters", "1-800-FLOWERS", "CA", number.Rules{}, number.ErrCharacters, "a number has digits only"},
		{"plus inside", "514+5550199", "CA", number.Rules{}, number.ErrCharacters, "a number has digits only"},
		{"too short", "51455501", "CA", number.Rules{}, number.ErrTooShort, "this number is too short for Canada"},
		{"without area code", "555 0199", "CA", number.Rules{}, number.ErrNoAreaCode, "the area code is missing, as needed for Canada"},
		{"too long", "514 555 0199 12", "CA", number.Rules{}, number.ErrTooLong, "this number is too long for Canada"},
		{"too short abroad", "+33 1 42 68", "CA", number.Rules{}, number.ErrTooShort, "this number is too short for France"},
		{"too long to be any", strings.Repeat("1", 70), "CA", number.Rules{}, number.ErrTooLong, "this number is too long for Canada"},
		{"no such country code", "+999 123 456 789", "CA", number.Rules{}, number.ErrCountryCode, "no country has this country code"},
		{"emergency", "911", "CA", number.Rules{}, number.ErrEmergency, "emergency numbers cannot be faxed to"},
		{"emergency with outside line", "9 911", "CA", number.Rules{OutsidePrefix: "9"}, number.ErrEmergency, "emergency numbers cannot be faxed to"},
		{"emergency in France", "112", "FR", number.Rules{}, number.ErrEmergency, "emergency numbers cannot be faxed to"},
		{"emergency with more digits", "911 555 0199", "US", number.Rules{}, number.ErrEmergency, "emergency numbers cannot be faxed to"},
		{"short code", "411", "CA", number.Rules{}, number.ErrShortCode, "short numbers cannot be faxed to"},
		{"star code", "*67 514 555 0199", "CA", number.Rules{}, number.ErrShortCode, "short numbers cannot be faxed to"},
		{"denied", "1 900 555 0199", "CA", number.Rules{Deny: []string{"+1900"}}, number.ErrDenied, "this site does not allow faxes to this number"},
		{"denied though allowed", "1 900 555 0199", "CA", number.Rules{Deny: []string{"+1900"}, Allow: []string{"+1"}}, number.ErrDenied, "this site does not allow faxes to this number"},
		{"not on the list of allowed", "+33 1 42 68 53 00", "CA", number.Rules{Allow: []string{"+1"}}, number.ErrDenied, "this site does not allow faxes to this number"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := number.Parse(tt.raw, tt.country, tt.rules)
			if !errors.Is(err, tt.want) || err.Error() != tt.text {
				t.Fatalf("Parse(%q) = %+v, %v; want %q", tt.raw, got, err, tt.text)
			}
			var e *number.Error
			if !errors.As(err, &e) || !strings.HasPrefix(e.Key(), "number.") {
				t.Errorf("error %#v has no key", err)
			}
		})
	}
}

func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		"+15145550199": "…0199", "+33199002741": "…2741", "+2901234": "…234", "+12": "…2", "": "", "+": "",
	} {
		if got := number.Mask(in); got != want {
			t.Errorf("Mask(%q) = %q; want %q", in, got, want)
		}
	}
	n, err := number.Parse("+15145550199", "CA", number.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "to", n)
	if out := log.String() + fmt.Sprint(n); strings.Contains(out, "514") || strings.Count(out, "…0199") != 2 {
		t.Errorf("printed %q; want the masked number twice", out)
	}
}

func TestCountryName(t *testing.T) {
	for _, tt := range []struct{ code, lang, want string }{
		{"001", "en", "international service"}, {"DE", "en", "Germany"}, {"DE", "fr", "Allemagne"}, {"DE", "xx", "Germany"}, {"MW", "fr", "MW (+265)"}, {"??", "en", "??"},
	} {
		if got := number.CountryName(tt.code, tt.lang); got != tt.want {
			t.Errorf("CountryName(%s, %s) = %q; want %q", tt.code, tt.lang, got, tt.want)
		}
		if got := (number.Number{Country: tt.code}).CountryName(tt.lang); got != tt.want {
			t.Errorf("Number of %s: CountryName(%s) = %q; want %q", tt.code, tt.lang, got, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"514 555 0199", "+33 1 42 68 53 00", "911", "9,1#", "00441", "+39 06", "\xff", "011", "0900 1234567"} {
		f.Add(s, "CA", "9")
		f.Add(s, "FR", "0")
		f.Add(s, "IT", "")
	}
	form := regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	f.Fuzz(func(t *testing.T, raw, country, outside string) {
		n, err := number.Parse(raw, country, number.Rules{OutsidePrefix: outside})
		if err != nil {
			var e *number.Error
			if !errors.As(err, &e) || e.Key() == "" || e.Error() == "" {
				t.Fatalf("Parse(%q, %q) = %v; not a refusal of this package", raw, country, err)
			}
			return
		}
		if !form.MatchString(n.E164) || n.Country == "" || n.Display == "" {
			t.Fatalf("Parse(%q, %q) = %+v", raw, country, n)
		}
		again, err := number.Parse(n.E164, country, number.Rules{})
		if n.Known && (err != nil || again.E164 != n.E164 || !again.Known) {
			t.Fatalf("Parse(%q) of %q = %+v, %v; want the same number", n.E164, raw, again, err)
		}
	})
}
