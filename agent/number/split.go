package number

import "strings"

// split separates the number from what is dialled afterwards and drops what
// people write between digits. main is digits with at most one leading +.
func split(raw string) (main, sub string, err error) {
	if len(raw) > rawLimit {
		return "", "", ErrTooLong
	}
	var m, s strings.Builder
	after := false
	for _, r := range strings.TrimSpace(raw) {
		out := &m
		if after {
			out = &s
		}
		switch {
		case '0' <= r && r <= '9':
			out.WriteRune(r)
		case strings.ContainsRune(" .-()[]/\u00a0\u2009\u202f\u2010\u2011\u2012\u2013", r):
		case r == '+' && m.Len() == 0 && !after:
			m.WriteRune(r)
		case (r == '*' || r == '#') && m.Len() == 0:
			return "", "", ErrShortCode // *67 and the like are not fax numbers
		case r == '*' || r == '#':
			after = true
			s.WriteRune(r)
		case strings.ContainsRune(",;pPwW", r) && m.Len() > 0:
			after = true
			s.WriteByte(',')
		default:
			return "", "", ErrCharacters
		}
	}
	switch main = m.String(); main {
	case "", "+":
		return "", "", ErrEmpty
	}
	return main, s.String(), nil
}
