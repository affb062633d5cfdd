package wstrust

import (
	"bytes"
	"slices"
	"strings"
)

// cut returns the bytes of an element and adds the namespace declarations it
// uses but has from outside, which exclusive canonicalisation renders in the
// same place. It is false if a prefix is declared nowhere.
func cut(data []byte, e *element) ([]byte, bool) {
	// parse left out a byte order mark; offsets count from behind it.
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	var outside []binding
	ok := true
	need := func(at *element, prefix string, must bool) {
		uri, owner := at.resolve(prefix)
		if uri == undeclared {
			ok = ok && !must
			return
		}
		if owner == nil || owner.within(e) {
			return
		}
		b := binding{prefix, uri}
		if !slices.Contains(outside, b) {
			outside = append(outside, b)
		}
	}
	e.walk(func(at *element) {
		need(at, at.prefix, true)
		for _, a := range at.attrs {
			if a.prefix != "" {
				need(at, a.prefix, true)
			}
			// Names inside values: a type, and the list of prefixes a signature
			// treats as visible.
			switch {
			case a.space == nsXSI && a.local == "type":
				if prefix, _, ok := strings.Cut(strings.TrimSpace(a.value), ":"); ok {
					need(at, prefix, false)
				}
			case at.is(nsExcC14N, "InclusiveNamespaces") && a.local == "PrefixList":
				for _, prefix := range strings.Fields(a.value) {
					if prefix == "#default" {
						prefix = ""
					}
					need(at, prefix, false)
				}
			}
		}
	})
	if !ok {
		return nil, false
	}
	source := data[e.start:e.end]
	if len(outside) == 0 {
		return bytes.Clone(source), true
	}
	var w writer
	w.raw(string(source[:e.nameEnd-e.start]))
	for _, b := range outside {
		w.raw(" xmlns")
		if b.prefix != "" {
			w.raw(":" + b.prefix)
		}
		w.raw(`="`)
		w.text(b.uri)
		w.raw(`"`)
	}
	w.raw(string(source[e.nameEnd-e.start:]))
	return w, true
}

// within reports whether e is top or below it.
func (e *element) within(top *element) bool {
	for at := e; at != nil; at = at.parent {
		if at == top {
			return true
		}
	}
	return false
}
