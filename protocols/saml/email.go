package saml

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// ErrEmail is wrapped by every refusal of [FoldEmail].
var ErrEmail = errors.New("not an e-mail address")

// FoldEmail returns the key under which two spellings of an address are one
// person: NFC, lower case, the domain as A-labels. Keep the original for
// display. Quoted local parts, comments, control and invisible characters are
// refused, and so are letters outside of ASCII that would fold into ASCII (the
// Kelvin sign into k): such a spelling is only ever somebody posing as another.
// A directory in which two people fold to one key must refuse both.
func FoldEmail(s string) (string, error) {
	if len(s) > 320 || !utf8.ValidString(s) {
		return "", fmt.Errorf("%w: too long or not UTF-8", ErrEmail)
	}
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(`"(),:;<>[\]`, r) {
			return "", fmt.Errorf("%w: a character that may not stand in one", ErrEmail)
		}
		if r >= utf8.RuneSelf && becomesASCII(r) {
			return "", fmt.Errorf("%w: a letter that passes for another", ErrEmail)
		}
	}
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || domain == "" || strings.Contains(domain, "@") {
		return "", fmt.Errorf("%w: it needs one @ with text on both sides", ErrEmail)
	}
	if strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return "", fmt.Errorf("%w: a dot where none may stand", ErrEmail)
	}
	ascii, err := idna.Lookup.ToASCII(norm.NFC.String(domain))
	if err != nil || ascii == "" || strings.HasPrefix(ascii, ".") || strings.HasSuffix(ascii, ".") || strings.Contains(ascii, "..") {
		return "", fmt.Errorf("%w: the part after @ is not a domain", ErrEmail)
	}
	return norm.NFC.String(strings.ToLower(norm.NFC.String(local))) + "@" + strings.ToLower(ascii), nil
}

func becomesASCII(r rune) bool {
	for _, f := range norm.NFKC.String(strings.ToLower(string(r))) {
		if f < utf8.RuneSelf {
			return true
		}
	}
	return false
}

// SameEmail says whether two addresses are one person's; false if either is
// none.
func SameEmail(a, b string) bool {
	ka, err := FoldEmail(a)
	if err != nil {
		return false
	}
	kb, err := FoldEmail(b)
	return err == nil && ka == kb
}
