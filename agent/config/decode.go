package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// decoder fills a Config from a tree and gathers problems.
type decoder struct {
	dir      string // of the main file
	problems []Problem
	broken   bool // a file is no YAML; what it would have said is not missed
}

func (d *decoder) errorf(at *tree, path, format string, args ...any) {
	d.report(SeverityError, at, path, format, args...)
}

func (d *decoder) warnf(at *tree, path, format string, args ...any) {
	d.report(SeverityWarning, at, path, format, args...)
}

func (d *decoder) report(s Severity, at *tree, path, format string, args ...any) {
	d.problems = append(d.problems, Problem{at.file, at.line, path, fmt.Sprintf(format, args...), s})
}

func (d *decoder) decodeRoot(t *tree, c *Config) { d.structure(t, "", reflect.ValueOf(c).Elem()) }

var (
	durationType = reflect.TypeFor[time.Duration]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
	secretType   = reflect.TypeFor[Secret]()
)

// structure decodes a mapping into a struct.
func (d *decoder) structure(t *tree, path string, v reflect.Value) {
	if t.null {
		return
	}
	if t.kind != yaml.MappingNode {
		d.errorf(t, path, "want a mapping of keys and values")
		return
	}
	fields := map[string]reflect.StructField{}
	var known []string
	for _, f := range reflect.VisibleFields(v.Type()) {
		if key := f.Tag.Get("yaml"); key != "-" {
			fields[key] = f
			known = append(known, key)
		}
	}
	for _, key := range t.keys {
		f, ok := fields[key]
		if !ok {
			at := &tree{file: t.byKey[key].file, line: t.at[key]}
			d.errorf(at, join(path, key), "%s", unknownKey(key, known))
			continue
		}
		d.value(t.byKey[key], join(path, key), v.FieldByIndex(f.Index), f.Tag.Get("cfg") == "path")
	}
}

// value decodes t into v; a null keeps the default.
func (d *decoder) value(t *tree, path string, v reflect.Value, isPath bool) {
	if t.null {
		return
	}
	switch {
	case v.Type() == secretType:
		v = v.Field(0)
		isPath = true
	case v.Type() == prefixType:
		d.prefix(t, path, v)
		return
	case v.Kind() == reflect.Struct:
		d.structure(t, path, v)
		return
	case v.Kind() == reflect.Slice:
		d.list(t, path, v)
		return
	case v.Kind() == reflect.Map:
		d.stringMap(t, path, v)
		return
	}
	if t.kind != yaml.ScalarNode {
		d.errorf(t, path, "want a single value, not a list or a mapping")
		return
	}
	switch {
	case v.Type() == durationType:
		dur, err := ParseDuration(t.value)
		if err != nil {
			d.errorf(t, path, "%v", err)
			return
		}
		v.SetInt(int64(dur))
	case v.Kind() == reflect.String:
		s := t.value
		if isPath && s != "" && !filepath.IsAbs(s) {
			s = filepath.Join(d.dir, s)
		}
		v.SetString(s)
	case v.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(t.value)
		if err != nil {
			d.errorf(t, path, "%s is neither true nor false", quote(t.value))
			return
		}
		v.SetBool(b)
	default: // int, int64
		n, err := strconv.ParseInt(t.value, 10, 32)
		if err != nil {
			d.errorf(t, path, "%s is not a whole number", quote(t.value))
			return
		}
		v.SetInt(n)
	}
}

func (d *decoder) prefix(t *tree, path string, v reflect.Value) {
	p, err := netip.ParsePrefix(t.value)
	if err != nil {
		var a netip.Addr
		if a, err = netip.ParseAddr(t.value); err == nil && a.Zone() == "" {
			p = netip.PrefixFrom(a, a.BitLen())
		}
	}
	if !p.IsValid() {
		d.errorf(t, path, "%s is no address or network, write 10.0.0.20 or 10.0.0.0/24", quote(t.value))
		return
	}
	v.Set(reflect.ValueOf(p.Masked()))
}

// list decodes a sequence; entries with an id are named by it in paths.
func (d *decoder) list(t *tree, path string, v reflect.Value) {
	if t.kind != yaml.SequenceNode {
		d.errorf(t, path, "want a list, write [] around it or - before each entry")
		return
	}
	if len(t.items) == 0 && v.IsNil() {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0)) // written as empty, which is not the same as not written
	}
	for i, item := range t.items {
		e := reflect.New(v.Type().Elem())
		if e, ok := e.Interface().(interface{ setDefaults() }); ok {
			e.setDefaults()
		}
		at := itemPath(path, i, item)
		switch {
		case item.null:
			d.errorf(item, at, "an empty entry; fill it or take it out")
		case e.Elem().Kind() == reflect.Struct && e.Elem().Type() != prefixType:
			d.structure(item, at, e.Elem())
		default:
			d.value(item, at, e.Elem(), false)
		}
		// A broken entry is kept, so that its neighbours keep their place.
		v.Set(reflect.Append(v, e.Elem()))
	}
}

func itemPath(path string, i int, item *tree) string {
	if id := item.byKey["id"]; id != nil && idPattern.MatchString(id.value) {
		return join(path, id.value)
	}
	return join(path, strconv.Itoa(i+1))
}

func (d *decoder) stringMap(t *tree, path string, v reflect.Value) {
	if t.kind != yaml.MappingNode {
		d.errorf(t, path, "want a mapping of keys and values")
		return
	}
	m := make(map[string]string, len(t.keys))
	for _, key := range t.keys {
		if t.byKey[key].kind != yaml.ScalarNode {
			d.errorf(t.byKey[key], join(path, key), "want a single value, not a list or a mapping")
			continue
		}
		m[key] = t.byKey[key].value
	}
	v.Set(reflect.ValueOf(m))
}

// unknownKey says what somebody may have meant.
func unknownKey(key string, known []string) string {
	if best := nearest(key, known); best != "" {
		return "unknown key, did you mean " + best + "?"
	}
	known = slices.Sorted(slices.Values(known))
	return "unknown key; known here: " + strings.Join(known, ", ")
}

// quote shows a foreign value in one short line.
func quote(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return strconv.Quote(s)
}
