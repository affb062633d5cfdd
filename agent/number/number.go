// Package number turns what people type into E.164, by the plan of the site's
// country and the site's own rules, and masks numbers for logs and screens.
//
// The numbering plans are those of Google's libphonenumber in the port
// nyaruka/phonenumbers. They age: a number that is possible but that no plan
// knows comes back with Known false, for a person to confirm, and is not
// refused. Nothing here remembers a number.
package number

import (
	"errors"
	"log/slog"
	"regexp"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Number is a number that can be faxed to.
type Number struct {
	E164    string // "+" and 7 to 15 digits
	Raw     string // as typed
	Country string // ISO 3166-1 alpha-2, or "001" for numbers of no country such as +800
	Display string // international form, "+1 514-555-0199"
	Known   bool   // a numbering plan knows it; else ask before sending
	Premium bool   // calls to it cost extra
	// Sub is what is dialled after the connection: "," for a pause, then
	// digits, * and #. It is never part of E164.
	Sub string
}

// CountryName returns the name of the number's country; see the function.
func (n Number) CountryName(lang string) string { return CountryName(n.Country, lang) }

// String masks the number.
func (n Number) String() string { return Mask(n.E164) }

// LogValue implements [slog.LogValuer] and masks the number.
func (n Number) LogValue() slog.Value { return slog.StringValue(Mask(n.E164)) }

// Rules are the site's own.
type Rules struct {
	OutsidePrefix string   // digits people dial to get out, such as "9"; "" for none
	Deny          []string // E.164 prefixes such as "+1900"; wins over Allow
	Allow         []string // E.164 prefixes; empty allows all
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// rawLimit is beyond any number with separators and a sub-address.
const rawLimit = 64

// Parse reads a number as typed at a site in country. An error is always an
// *Error that wraps one of the sentinels of this package. It is safe for
// concurrent use.
func Parse(raw, country string, rules Rules) (Number, error) {
	country = strings.ToUpper(country)
	main, sub, err := split(raw)
	if err != nil {
		return Number{}, refuse(err, country, raw)
	}
	tries := []string{main}
	if p := rules.OutsidePrefix; p != "" && strings.HasPrefix(main, p) && len(main) > len(p) {
		tries = append(tries, main[len(p):])
	}
	if rest, ok := strings.CutPrefix(main, "00"); ok {
		// People from elsewhere dial 00 where the plan wants 011.
		tries = append(tries, "+"+rest)
	}
	var best Number
	var first error
	for i, text := range tries {
		n, err := parse(text, country)
		switch {
		case errors.Is(err, ErrEmergency):
			return Number{}, refuse(err, country, raw)
		case err == nil && n.Known:
			return finish(n, raw, sub, rules)
		case err == nil && i == 0:
			best = n
		case err == nil && best.E164 == "" && strings.HasPrefix(text, "+"):
			best = n // an outside line is taken off only from a known number
		case err != nil && i == 0:
			first = err
		}
	}
	if best.E164 == "" {
		return Number{}, refuse(first, country, raw)
	}
	return finish(best, raw, sub, rules)
}

// finish applies the site's lists.
func finish(n Number, raw, sub string, rules Rules) (Number, error) {
	n.Raw, n.Sub = raw, sub
	begins := func(prefix string) bool { return strings.HasPrefix(n.E164, prefix) }
	for _, p := range rules.Deny {
		if begins(p) {
			return Number{}, refuse(ErrDenied, n.Country, raw)
		}
	}
	for _, p := range rules.Allow {
		if begins(p) {
			return n, nil
		}
	}
	if len(rules.Allow) > 0 {
		return Number{}, refuse(ErrDenied, n.Country, raw)
	}
	return n, nil
}

// parse reads digits with at most one leading + by the plan of country.
func parse(text, country string) (Number, error) {
	if !strings.HasPrefix(text, "+") {
		if phonenumbers.IsEmergencyNumber(text, country) {
			return Number{}, ErrEmergency
		}
		if phonenumbers.GetCountryCodeForRegion(country) == 0 {
			return Number{}, ErrCountryCode
		}
	}
	p, err := phonenumbers.Parse(text, country)
	switch {
	case errors.Is(err, phonenumbers.ErrInvalidCountryCode):
		return Number{}, ErrCountryCode
	case errors.Is(err, phonenumbers.ErrNumTooLong):
		return Number{}, ErrTooLong
	case err != nil:
		return Number{}, ErrTooShort
	}
	switch phonenumbers.IsPossibleNumberWithReason(p) {
	case phonenumbers.IS_POSSIBLE:
	case phonenumbers.IS_POSSIBLE_LOCAL_ONLY:
		return Number{}, ErrNoAreaCode
	case phonenumbers.TOO_SHORT:
		if phonenumbers.IsValidShortNumberForRegion(p, country) {
			return Number{}, ErrShortCode
		}
		return Number{}, ErrTooShort
	case phonenumbers.INVALID_COUNTRY_CODE:
		return Number{}, ErrCountryCode
	case phonenumbers.TOO_LONG:
		return Number{}, ErrTooLong
	default:
		return Number{}, ErrLength
	}
	n := Number{
		E164:    phonenumbers.Format(p, phonenumbers.E164),
		Country: region(p, country),
		Display: phonenumbers.Format(p, phonenumbers.INTERNATIONAL),
		Known:   phonenumbers.IsValidNumber(p),
		Premium: phonenumbers.GetNumberType(p) == phonenumbers.PREMIUM_RATE,
	}
	switch {
	case len(n.E164) > 16:
		return Number{}, ErrTooLong
	case !e164.MatchString(n.E164):
		return Number{}, ErrTooShort
	case !n.Known && !strings.HasPrefix(text, "+") && phonenumbers.ConnectsToEmergencyNumber(text, country):
		return Number{}, ErrEmergency
	}
	return n, nil
}

// region returns the country of a number. Where several share it, as toll-free
// numbers of +1, or share its calling code and no plan claims it, the site's own
// country goes first.
func region(p *phonenumbers.PhoneNumber, country string) string {
	if phonenumbers.IsValidNumberForRegion(p, country) {
		return country
	}
	if r := phonenumbers.GetRegionCodeForNumber(p); r != "" && r != "ZZ" {
		return r
	}
	code := int(p.GetCountryCode())
	if phonenumbers.GetCountryCodeForRegion(country) == code {
		return country
	}
	return phonenumbers.GetRegionCodeForCountryCode(code)
}
