package number

import "strings"

// Mask shortens a number to its last four digits, "…0199", or fewer where four
// would be most of it. Use it wherever a number is not needed to dial.
func Mask(e164 string) string {
	digits := strings.TrimPrefix(e164, "+")
	keep := 4
	if len(digits) < 8 {
		keep = len(digits) / 2
	}
	if digits == "" {
		return ""
	}
	return "…" + digits[len(digits)-keep:]
}
