package scim

import (
	"strings"
)

// Limits of what is read from a peer.
const (
	maxFilter = 1024 // bytes
	maxTerms  = 8
)

// Filter is a row of comparisons that must all hold: cloud directories ask
// with eq and and only.
type Filter []term

type term struct {
	path  path
	value string
}

// ParseFilter reads a filter; "" matches everybody. Values may lack their
// quotes.
func ParseFilter(s string) (Filter, error) {
	if len(s) > maxFilter {
		return nil, invalid("invalidFilter", "filter is longer than %d bytes", maxFilter)
	}
	var f Filter
	for rest := strings.TrimSpace(s); rest != ""; {
		if len(f) == maxTerms {
			return nil, invalid("invalidFilter", "more than %d comparisons", maxTerms)
		}
		var word, op string
		word, rest = token(rest)
		p, err := parsePath(word)
		if err != nil {
			return nil, invalid("invalidFilter", "attribute of the filter")
		}
		if op, rest = token(rest); !strings.EqualFold(op, "eq") || rest == "" {
			return nil, invalid("invalidFilter", "want attribute eq value")
		}
		word, rest = token(rest)
		value, ok := unquote(word)
		if !ok {
			return nil, invalid("invalidFilter", "value of the filter")
		}
		f = append(f, term{p, value})
		if rest == "" {
			break
		}
		if op, rest = token(rest); !strings.EqualFold(op, "and") || rest == "" {
			return nil, invalid("invalidFilter", "want and between comparisons")
		}
	}
	return f, nil
}

// token cuts the first word off; blanks in quotes and brackets belong to it.
func token(s string) (word, rest string) {
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == ' ' && depth <= 0:
			return s[:i], strings.TrimLeft(s[i:], " ")
		}
	}
	return s, ""
}

// unquote reads a value, with or without quotes.
func unquote(s string) (string, bool) {
	if !strings.HasPrefix(s, `"`) {
		return s, s != "" && !strings.ContainsAny(s, `"[]`)
	}
	if len(s) < 2 || !strings.HasSuffix(s, `"`) {
		return "", false
	}
	var b strings.Builder
	for s = s[1 : len(s)-1]; s != ""; s = s[1:] {
		switch s[0] {
		case '"':
			return "", false
		case '\\':
			if len(s) < 2 {
				return "", false
			}
			s = s[1:]
		}
		b.WriteByte(s[0])
	}
	return b.String(), true
}

// Match reports whether the user fits. Identifiers count letter by letter,
// everything else in any case.
func (f Filter) Match(u User) bool { return f.match(u) }

func (f Filter) match(m map[string]any) bool {
	for _, t := range f {
		if !t.match(m) {
			return false
		}
	}
	return true
}

func (t term) match(m map[string]any) bool {
	exact := strings.EqualFold(t.path.attr, "id") || strings.EqualFold(t.path.attr, "externalId")
	for _, v := range t.path.values(m) {
		var s string
		switch v := v.(type) {
		case string:
			s = v
		case bool:
			s = map[bool]string{true: "true", false: "false"}[v]
		default:
			continue
		}
		if s == t.value || !exact && strings.EqualFold(s, t.value) {
			return true
		}
	}
	return false
}

// path is a place in a document: attr[filter].sub, perhaps in an extension.
type path struct {
	schema    string // "" is the core
	attr, sub string // attr "" is the whole extension
	filter    Filter
	filtered  bool
}

// parsePath reads a path. Nested filters are refused.
func parsePath(s string) (path, error) {
	var p path
	bad := invalid("invalidPath", "path of an attribute")
	if len(s) > maxFilter {
		return p, bad
	}
	if len(s) >= 4 && strings.EqualFold(s[:4], "urn:") {
		var whole bool
		if p.schema, s, whole = cutSchema(s); whole {
			return p, nil
		}
	}
	if open := strings.IndexByte(s, '['); open >= 0 {
		end := strings.LastIndexByte(s, ']')
		if end < open || strings.Count(s, "[") > 1 {
			return p, bad
		}
		f, err := ParseFilter(s[open+1 : end])
		if err != nil || len(f) == 0 {
			return p, bad
		}
		p.filter, p.filtered = f, true
		rest := s[end+1:]
		if rest != "" && rest[0] != '.' {
			return p, bad
		}
		p.attr, p.sub = s[:open], strings.TrimPrefix(rest, ".")
		if rest == "." {
			return p, bad
		}
	} else {
		var dotted bool
		if p.attr, p.sub, dotted = strings.Cut(s, "."); dotted && p.sub == "" {
			return p, bad
		}
	}
	if !attribute(p.attr) || p.sub != "" && !attribute(p.sub) {
		return p, bad
	}
	return p, nil
}

// cutSchema cuts the schema off an attribute's full name. whole says that the
// name is a schema's and nothing follows.
func cutSchema(s string) (schema, rest string, whole bool) {
	for _, known := range []string{EnterpriseSchema, UserSchema} {
		if strings.EqualFold(s, known) {
			return known, "", known != UserSchema
		}
		if len(s) > len(known) && strings.EqualFold(s[:len(known)], known) && s[len(known)] == ':' {
			if schema = known; schema == UserSchema {
				schema = ""
			}
			return schema, s[len(known)+1:], false
		}
	}
	name, _, _ := strings.Cut(s, "[")
	at := strings.LastIndexByte(name, ':')
	return s[:at], s[at+1:], false
}

func attribute(s string) bool {
	for i, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '$'
		if !letter && (i == 0 || c != '-' && c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// home returns the object that holds the attribute; nil if there is none.
func (p path) home(m map[string]any) map[string]any {
	if p.schema == "" {
		return m
	}
	o, _ := object(m[key(m, p.schema)])
	return o
}

// values returns what stands at the path.
func (p path) values(m map[string]any) []any {
	h := p.home(m)
	if h == nil || p.attr == "" {
		return nil
	}
	v, ok := h[key(h, p.attr)]
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var out []any
	for _, e := range list {
		o, isObject := object(e)
		switch {
		case p.filtered && (!isObject || !p.filter.match(o)):
		case p.sub == "" && !isObject:
			out = append(out, e)
		case p.sub == "":
			out = append(out, o[key(o, "value")]) // emails eq "x" means their values
		case isObject:
			out = append(out, o[key(o, p.sub)])
		}
	}
	return out
}
