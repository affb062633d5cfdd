package number

import (
	"errors"
	"fmt"
)

// Why a number is refused. The texts are complete with a country's name where
// they end in "for" or "from"; see Error.
var (
	ErrEmpty       = errors.New("no number was given")
	ErrCharacters  = errors.New("a number has digits only")
	ErrTooShort    = errors.New("this number is too short for")
	ErrTooLong     = errors.New("this number is too long for")
	ErrLength      = errors.New("this number has a wrong length for")
	ErrNoAreaCode  = errors.New("the area code is missing, as needed for")
	ErrCountryCode = errors.New("no country has this country code")
	ErrEmergency   = errors.New("emergency numbers cannot be faxed to")
	ErrShortCode   = errors.New("short numbers cannot be faxed to")
	ErrDenied      = errors.New("this site does not allow faxes to this number")
)

// refusals name the message of each in the catalogue of agent/text; named ones
// end with the name of a country.
var refusals = []struct {
	err   error
	key   string
	named bool
}{
	{ErrEmpty, "number.empty", false},
	{ErrCharacters, "number.characters", false},
	{ErrTooShort, "number.too-short", true},
	{ErrTooLong, "number.too-long", true},
	{ErrLength, "number.length", true},
	{ErrNoAreaCode, "number.no-area-code", true},
	{ErrCountryCode, "number.country-code", false},
	{ErrEmergency, "number.emergency", false},
	{ErrShortCode, "number.short-code", false},
	{ErrDenied, "number.denied", false},
}

// Error says why a number is refused. It wraps one of the sentinels and does not
// hold the number.
type Error struct {
	Country string // whose plan it was measured by
	Err     error
}

// Error returns a sentence without its full stop, such as "this number is too
// short for Canada".
func (e *Error) Error() string {
	for _, r := range refusals {
		if r.named && errors.Is(e.Err, r.err) {
			return fmt.Sprintf("%v %s", e.Err, CountryName(e.Country, "en"))
		}
	}
	return e.Err.Error()
}

// Unwrap returns the sentinel.
func (e *Error) Unwrap() error { return e.Err }

// Key names the sentence in the message catalogue. Its only argument is the
// country's name: CountryName(e.Country, language).
func (e *Error) Key() string {
	for _, r := range refusals {
		if errors.Is(e.Err, r.err) {
			return r.key
		}
	}
	return ""
}

// refuse blames the country that the number itself names, else the site's.
func refuse(err error, country, raw string) *Error {
	if c := namedCountry(raw); c != "" {
		country = c
	}
	return &Error{Country: country, Err: err}
}
