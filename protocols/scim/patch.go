package scim

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// maxOps bounds the operations of one PATCH.
const maxOps = 100

// Op is one operation of a PATCH.
type Op struct {
	Op    string `json:"op"`   // "add", "replace" or "remove", in any case
	Path  string `json:"path"` // "" with an object as value: each key is a path
	Value any    `json:"value"`
}

// ParsePatch reads the body of a PATCH.
func ParsePatch(body []byte) ([]Op, error) {
	var p struct {
		Operations []Op `json:"Operations"`
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, invalid("invalidSyntax", "the body is no PATCH")
	}
	if len(p.Operations) == 0 || len(p.Operations) > maxOps {
		return nil, invalid("invalidSyntax", "want 1 to %d operations", maxOps)
	}
	return p.Operations, nil
}

// Patch returns a changed copy; after an error nothing has changed. The
// identifier never changes.
func Patch(u User, ops []Op) (User, error) {
	c := u.Clone()
	for _, op := range ops {
		if err := apply(c, op); err != nil {
			return nil, err
		}
	}
	if c.ID() != u.ID() {
		return nil, invalid("mutability", "id cannot change")
	}
	return c, c.check()
}

func apply(u User, op Op) error {
	kind := strings.ToLower(op.Op)
	if kind != "add" && kind != "replace" && kind != "remove" {
		return invalid("invalidSyntax", "operation: want add, replace or remove")
	}
	if op.Path != "" {
		p, err := parsePath(op.Path)
		if err != nil {
			return err
		}
		return p.change(u, kind, op.Value)
	}
	values, ok := object(op.Value)
	if !ok || kind == "remove" {
		return invalid("noTarget", "an operation without path wants an object")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		p, err := parsePath(name)
		if err != nil {
			return err
		}
		if err := p.change(u, kind, values[name]); err != nil {
			return err
		}
	}
	return nil
}

// change does one operation at one path.
func (p path) change(u User, kind string, v any) error {
	if v == nil && kind == "replace" {
		kind = "remove" // nothing in its place
	}
	v = deep(v)
	h := p.home(u)
	if h == nil {
		if kind == "remove" {
			return nil
		}
		h = map[string]any{}
		u[key(u, p.schema)] = h
	}
	switch {
	case p.attr == "" && p.schema != "":
		return p.extension(u, h, kind, v)
	case kind == "remove":
		p.remove(h, v)
		return nil
	case p.filtered:
		return p.element(h, v)
	case p.sub != "":
		return p.part(h, v)
	}
	return p.whole(h, kind, v)
}

// extension changes all of an extension at once.
func (p path) extension(u User, h map[string]any, kind string, v any) error {
	if kind == "remove" {
		delete(u, key(u, p.schema))
		return nil
	}
	values, ok := object(v)
	if !ok {
		return invalid("invalidValue", "an extension wants an object")
	}
	for name, x := range values {
		h[key(h, name)] = x
	}
	return nil
}

// whole sets an attribute; add puts new elements behind those that are there.
func (p path) whole(h map[string]any, kind string, v any) error {
	k := key(h, p.attr)
	old, isList := h[k].([]any)
	if kind == "replace" || !isList {
		if o, ok := object(h[k]); ok && kind == "add" {
			if more, ok := object(v); ok {
				for name, x := range more {
					o[key(o, name)] = x
				}
				return nil
			}
		}
		h[k] = v
		return nil
	}
	more, ok := v.([]any)
	if !ok {
		more = []any{v}
	}
	for _, m := range more {
		if !contains(old, m) {
			old = append(old, m)
		}
	}
	if len(old) > 1000 {
		return invalid("tooMany", "more than 1000 values of one attribute")
	}
	h[k] = old
	return nil
}

// part sets one part of an attribute, of all elements if it is a list.
func (p path) part(h map[string]any, v any) error {
	k := key(h, p.attr)
	list, isList := h[k].([]any)
	if !isList {
		list = []any{h[k]}
		if _, ok := object(h[k]); !ok {
			o := map[string]any{}
			h[k], list = o, []any{o}
		}
	}
	for _, e := range list {
		if o, ok := object(e); ok {
			o[key(o, p.sub)] = v
		}
	}
	return nil
}

// element changes the elements that the filter finds, or makes one that fits:
// Entra replaces addresses which were never there.
func (p path) element(h map[string]any, v any) error {
	k := key(h, p.attr)
	list, ok := h[k].([]any)
	if !ok && h[k] != nil {
		list = []any{h[k]}
	}
	var hits []map[string]any
	for _, e := range list {
		if o, ok := object(e); ok && p.filter.match(o) {
			hits = append(hits, o)
		}
	}
	if len(hits) == 0 {
		o := map[string]any{}
		for _, t := range p.filter {
			if t.path.sub != "" || t.path.filtered || t.path.schema != "" {
				return invalid("noTarget", "no element fits the path")
			}
			o[t.path.attr] = t.value
			if strings.EqualFold(t.path.attr, "primary") {
				o[t.path.attr] = strings.EqualFold(t.value, "true")
			}
		}
		list, hits = append(list, o), []map[string]any{o}
	}
	for _, o := range hits {
		if p.sub != "" {
			o[key(o, p.sub)] = v
			continue
		}
		values, ok := object(v)
		if !ok {
			return invalid("invalidValue", "an element wants an object")
		}
		for name, x := range values {
			o[key(o, name)] = x
		}
	}
	h[k] = list
	return nil
}

// remove takes away what the path finds. A list as value names the elements,
// as Entra removes members of groups.
func (p path) remove(h map[string]any, v any) {
	k := key(h, p.attr)
	list, isList := h[k].([]any)
	gone, named := v.([]any)
	switch {
	case isList && (p.filtered || named && len(gone) > 0):
		var keep []any
		for _, e := range list {
			o, ok := object(e)
			hit := !p.filtered && listed(gone, e) || p.filtered && ok && p.filter.match(o)
			if hit && p.filtered && p.sub != "" {
				delete(o, key(o, p.sub))
				hit = false
			}
			if !hit {
				keep = append(keep, e)
			}
		}
		if len(keep) == 0 {
			delete(h, k)
			return
		}
		h[k] = keep
	case p.filtered:
	case p.sub != "":
		for _, e := range append([]any{h[k]}, list...) {
			if o, ok := object(e); ok {
				delete(o, key(o, p.sub))
			}
		}
	default:
		delete(h, k)
	}
}

// listed reports whether one of the values has the value of e.
func listed(values []any, e any) bool {
	have := e
	if o, ok := object(e); ok {
		have = o[key(o, "value")]
	}
	for _, v := range values {
		if o, ok := object(v); ok {
			v = o[key(o, "value")]
		}
		if reflect.DeepEqual(v, have) {
			return true
		}
	}
	return false
}

func contains(list []any, v any) bool {
	for _, e := range list {
		if reflect.DeepEqual(e, v) {
			return true
		}
	}
	return false
}
