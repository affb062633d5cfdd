package saml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// bom is the byte order mark some servers put before UTF-8.
var bom = []byte("\xef\xbb\xbf")

// rules say what a document may hold.
type rules struct {
	max      int  // bytes
	comments bool // comments and processing instructions are allowed
}

// parse reads one document strictly. The tree is only built after the scan, so
// that the two parsers (both are encoding/xml underneath) see the same bytes.
func parse(b []byte, r rules) (*etree.Element, error) {
	if len(b) > r.max {
		return nil, refuse(CodeTooLarge, "%d bytes, at most %d", len(b), r.max)
	}
	b = bytes.TrimPrefix(b, bom)
	if !utf8.Valid(b) {
		return nil, refuse(CodeMalformed, "not UTF-8")
	}
	if err := scan(b, r); err != nil {
		return nil, err
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(b); err != nil {
		return nil, &Error{Code: CodeMalformed, Err: err}
	}
	root := doc.Root()
	if root == nil {
		return nil, refuse(CodeMalformed, "no element")
	}
	return root, nil
}

// scope is one open element: its raw name and the prefixes it declares.
type scope struct {
	name     xml.Name
	prefixes map[string]string
}

// scan refuses what encoding/xml lets pass: text around the root, a second
// root, directives, undeclared prefixes, attributes given twice, and anything
// beyond the bounds.
func scan(b []byte, r rules) error {
	d := xml.NewDecoder(bytes.NewReader(b))
	var open []scope
	var ids []string
	seen := make(map[string]bool)
	roots, tokens := 0, 0
	for {
		start := d.InputOffset()
		tok, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return &Error{Code: CodeMalformed, Err: err}
		}
		switch t := tok.(type) {
		case xml.Directive:
			return refuse(CodeDoctype, "directives are not accepted")
		case xml.Comment:
			if !r.comments {
				return refuse(CodeComment, "comments are not accepted")
			}
		case xml.ProcInst:
			if t.Target == "xml" {
				// The decoder refuses encodings other than UTF-8 by itself.
				if start != 0 {
					return refuse(CodeMalformed, "an XML declaration after the beginning")
				}
			} else if !r.comments {
				return refuse(CodeComment, "processing instructions are not accepted")
			}
		case xml.CharData:
			if len(open) == 0 && len(bytes.TrimSpace(t)) > 0 {
				return refuse(CodeMalformed, "text outside of the root element")
			}
		case xml.StartElement:
			if len(open) == 0 {
				if roots++; roots > 1 {
					return refuse(CodeMalformed, "a second root element")
				}
			}
			tokens += 1 + len(t.Attr)
			if len(open) >= MaxDepth || tokens > MaxTokens {
				return refuse(CodeTooDeep, "deeper than %d or more than %d elements and attributes", MaxDepth, MaxTokens)
			}
			open = append(open, scope{t.Name, declared(t.Attr)})
			if err := checkNames(t, open); err != nil {
				return err
			}
			ids = ids[:0]
			for _, a := range t.Attr {
				if a.Name.Space == "" && isID(a.Name.Local) {
					ids = append(ids, a.Value)
				}
			}
			for _, id := range ids {
				// An ID that two elements bear lets a signature cover one and a
				// reader take the other.
				if seen[id] {
					return refuse(CodeDuplicate, "one ID on two elements")
				}
				seen[id] = true
			}
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1].name != t.Name {
				return refuse(CodeMalformed, "an end tag without its element")
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 || roots == 0 {
		return refuse(CodeMalformed, "the document is not complete")
	}
	return nil
}

func isID(local string) bool {
	return strings.EqualFold(local, "ID") || local == "AssertionID" || local == "ResponseID"
}

func declared(attrs []xml.Attr) map[string]string {
	var m map[string]string
	for _, a := range attrs {
		prefix := ""
		switch {
		case a.Name.Space == "xmlns":
			prefix = a.Name.Local
		case a.Name.Space == "" && a.Name.Local == "xmlns":
		default:
			continue
		}
		if m == nil {
			m = make(map[string]string)
		}
		m[prefix] = a.Value
	}
	return m
}

// checkNames wants every prefix declared and no attribute twice, by raw name
// and by resolved name.
func checkNames(t xml.StartElement, open []scope) error {
	lookup := func(prefix string) (string, bool) {
		if prefix == "" || prefix == "xml" || prefix == "xmlns" {
			return prefix, true
		}
		for i := len(open) - 1; i >= 0; i-- {
			if uri, ok := open[i].prefixes[prefix]; ok {
				return uri, uri != ""
			}
		}
		return "", false
	}
	if strings.Contains(t.Name.Local, ":") {
		return refuse(CodeMalformed, "a name with two colons")
	}
	if _, ok := lookup(t.Name.Space); !ok {
		return refuse(CodeMalformed, "a prefix that is not declared")
	}
	names := make(map[xml.Name]bool, len(t.Attr))
	for _, a := range t.Attr {
		if strings.Contains(a.Name.Local, ":") {
			return refuse(CodeMalformed, "a name with two colons")
		}
		uri, ok := lookup(a.Name.Space)
		if !ok {
			return refuse(CodeMalformed, "a prefix that is not declared")
		}
		n := xml.Name{Space: uri, Local: a.Name.Local}
		if names[n] {
			return refuse(CodeDuplicate, "one attribute twice on an element")
		}
		names[n] = true
	}
	return nil
}

// is tells whether e is the element of that namespace and name.
func is(e *etree.Element, ns, tag string) bool {
	return e != nil && e.Tag == tag && e.NamespaceURI() == ns
}

// children returns the direct children of that name.
func children(e *etree.Element, ns, tag string) []*etree.Element {
	var out []*etree.Element
	for _, c := range e.ChildElements() {
		if is(c, ns, tag) {
			out = append(out, c)
		}
	}
	return out
}

// child returns the only direct child of that name; nil when there is none or
// more than one.
func child(e *etree.Element, ns, tag string) *etree.Element {
	if all := children(e, ns, tag); len(all) == 1 {
		return all[0]
	}
	return nil
}

// walk visits e and all elements below it.
func walk(e *etree.Element, f func(*etree.Element)) {
	f(e)
	for _, c := range e.ChildElements() {
		walk(c, f)
	}
}

// attr returns an attribute without prefix; etree's own look-up would also take
// a prefixed one.
func attr(e *etree.Element, name string) string {
	for _, a := range e.Attr {
		if a.Space == "" && a.Key == name {
			return a.Value
		}
	}
	return ""
}

// text returns the whole text of an element that has no elements inside.
func text(e *etree.Element) (string, bool) {
	if e == nil || len(e.ChildElements()) > 0 {
		return "", false
	}
	var b strings.Builder
	for _, t := range e.Child {
		c, ok := t.(*etree.CharData)
		if !ok {
			return "", false
		}
		b.WriteString(c.Data)
	}
	return strings.TrimSpace(b.String()), true
}
