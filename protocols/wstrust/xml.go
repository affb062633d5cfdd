package wstrust

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of one document. Real ones stay under 2000 elements and depth 20.
const (
	maxDepth    = 64
	maxElements = 20_000
	maxAttrs    = 64 // of one element, namespace declarations included
)

// element is a node that knows where in the source it stands, so that an
// assertion can be cut out as it came. Prefixes that nobody declared get a
// namespace that equals no real one.
type element struct {
	space, local, prefix string
	attrs                []attribute
	binds                []binding // namespaces declared here
	parent               *element
	kids                 []*element
	text                 []byte // character data directly inside
	noise                bool   // a comment or processing instruction directly inside

	start, nameEnd, end int // offsets: '<', after the name, after the end tag
}

type attribute struct {
	space, prefix, local, value string
}

type binding struct {
	prefix, uri string
}

const undeclared = "\x00undeclared"

// parse reads one document: UTF-8, at most one byte order mark, one root, no
// document type, nothing but white space and comments beside the root. The
// error wraps [ErrWire] and quotes nothing of the document.
func parse(data []byte) (*element, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	d := xml.NewDecoder(bytes.NewReader(data))
	var root, open *element
	count, depth := 0, 0
	for {
		at := int(d.InputOffset())
		tok, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("xml near byte %d is not well-formed: %w", at, ErrWire)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			count++
			depth++
			if open == nil && root != nil || count > maxElements || depth > maxDepth {
				return nil, fmt.Errorf("xml near byte %d has too many elements: %w", at, ErrWire)
			}
			e := &element{parent: open, prefix: tok.Name.Space, local: tok.Name.Local, start: at}
			e.nameEnd = at + 1 + len(e.local)
			if e.prefix != "" {
				e.nameEnd += len(e.prefix) + 1
			}
			if err := e.declare(tok.Attr); err != nil {
				return nil, err
			}
			if open == nil {
				root = e
			} else {
				open.kids = append(open.kids, e)
			}
			open = e
		case xml.EndElement:
			if open == nil || open.prefix != tok.Name.Space || open.local != tok.Name.Local {
				return nil, fmt.Errorf("xml near byte %d closes what is not open: %w", at, ErrWire)
			}
			open.end = int(d.InputOffset())
			open = open.parent
			depth--
		case xml.CharData:
			if open != nil {
				open.text = append(open.text, tok...)
			} else if len(bytes.TrimSpace(tok)) > 0 {
				return nil, fmt.Errorf("xml has text at byte %d outside the root: %w", at, ErrWire)
			}
		case xml.Directive:
			return nil, fmt.Errorf("xml has a document type: %w", ErrWire)
		case xml.Comment, xml.ProcInst:
			if open != nil {
				open.noise = true
			}
		}
	}
	if root == nil || open != nil {
		return nil, fmt.Errorf("xml ends too early: %w", ErrWire)
	}
	return root, nil
}

// declare takes over attributes and namespaces and resolves the names.
func (e *element) declare(attrs []xml.Attr) error {
	if len(attrs) > maxAttrs || strings.Contains(e.local, ":") {
		return fmt.Errorf("xml at byte %d has an impossible element: %w", e.start, ErrWire)
	}
	for _, a := range attrs {
		switch {
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			e.binds = append(e.binds, binding{"", a.Value})
		case a.Name.Space == "xmlns":
			e.binds = append(e.binds, binding{a.Name.Local, a.Value})
		default:
			e.attrs = append(e.attrs, attribute{prefix: a.Name.Space, local: a.Name.Local, value: a.Value})
		}
	}
	for i, b := range e.binds {
		for _, c := range e.binds[:i] {
			if b.prefix == c.prefix {
				return fmt.Errorf("xml at byte %d declares a prefix twice: %w", e.start, ErrWire)
			}
		}
	}
	e.space, _ = e.resolve(e.prefix)
	for i := range e.attrs {
		a := &e.attrs[i]
		if a.prefix != "" { // an attribute without a prefix has no namespace
			a.space, _ = e.resolve(a.prefix)
		}
		for _, b := range e.attrs[:i] {
			if a.local == b.local && a.space == b.space {
				return fmt.Errorf("xml at byte %d has an attribute twice: %w", e.start, ErrWire)
			}
		}
	}
	return nil
}

// resolve returns the namespace of a prefix as seen inside e and the element
// that declares it, nil for one that needs no declaration.
func (e *element) resolve(prefix string) (string, *element) {
	if prefix == "xml" {
		return "http://www.w3.org/XML/1998/namespace", nil
	}
	for at := e; at != nil; at = at.parent {
		for _, b := range at.binds {
			if b.prefix == prefix {
				return b.uri, at
			}
		}
	}
	if prefix == "" {
		return "", nil
	}
	return undeclared, nil
}

func (e *element) is(space, local string) bool {
	return e != nil && e.local == local && e.space == space
}

// all returns the children of that name.
func (e *element) all(space, local string) []*element {
	if e == nil {
		return nil
	}
	var found []*element
	for _, k := range e.kids {
		if k.is(space, local) {
			found = append(found, k)
		}
	}
	return found
}

// child returns the first child of that name, or nil.
func (e *element) child(space, local string) *element {
	if e == nil {
		return nil
	}
	for _, k := range e.kids {
		if k.is(space, local) {
			return k
		}
	}
	return nil
}

// find returns the first element of that name in document order, e included.
func (e *element) find(space, local string) *element {
	if e.is(space, local) {
		return e
	}
	for _, k := range e.kids {
		if f := k.find(space, local); f != nil {
			return f
		}
	}
	return nil
}

// walk calls fn for e and everything below it, in document order.
func (e *element) walk(fn func(*element)) {
	fn(e)
	for _, k := range e.kids {
		k.walk(fn)
	}
}

// attr returns the value of an attribute, or "".
func (e *element) attr(space, local string) string {
	if e == nil {
		return ""
	}
	for _, a := range e.attrs {
		if a.local == local && a.space == space {
			return a.value
		}
	}
	return ""
}

// value returns the character data without surrounding white space, or "".
func (e *element) value() string {
	if e == nil {
		return ""
	}
	return strings.TrimSpace(string(e.text))
}
