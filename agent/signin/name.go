package signin

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// How long what people type may be, in bytes.
const (
	maxName   = 254 // RFC 5321 §4.5.3.1.3 for an address
	maxSecret = 512
	maxCode   = 12
)

// fold returns the form in which names are compared.
func fold(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// domain returns the part behind the @ as DNS compares it; "" where there is
// none.
func domain(name string) string {
	_, after, _ := strings.Cut(fold(name), "@")
	if ascii, err := idna.Lookup.ToASCII(after); err == nil {
		return ascii
	}
	return after
}

// readName returns an e-mail address or user name as it will be sent: without
// spaces around.
func readName(typed string) (string, *Refused) {
	name := strings.TrimSpace(typed)
	before, after, at := strings.Cut(name, "@")
	if name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unsendable) ||
		at && (before == "" || after == "" || strings.Contains(after, "@")) {
		return "", &Refused{Problem: BadInput}
	}
	return name, nil
}

// badSecret reports whether nobody can have meant these bytes as a password.
func badSecret(secret []byte) bool {
	return len(secret) == 0 || len(secret) > maxSecret || !utf8.Valid(secret) ||
		slices.ContainsFunc(secret, func(b byte) bool { return b < ' ' || b == 0x7f })
}

// readCode returns a one-time code without the spaces and hyphens that people
// type between its parts.
func readCode(typed string) (string, *Refused) {
	code := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return -1
		}
		return r
	}, typed)
	if code == "" || len(code) > maxCode || strings.ContainsFunc(code, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		return "", &Refused{Problem: BadInput}
	}
	return code, nil
}

func unsendable(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }
