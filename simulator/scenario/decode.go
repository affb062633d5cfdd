package scenario

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Error is one problem of a scenario file.
type Error struct {
	File string
	Line int
	Path string // as "steps.2.load.pages"
	Msg  string // what is wrong and what to write
}

// Error says where and what.
func (e *Error) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
	}
	return fmt.Sprintf("%s:%d: %s: %s", e.File, e.Line, e.Path, e.Msg)
}

// decoder fills structs from YAML nodes and collects every problem. Keys are
// the yaml tags; what is not tagged is unknown.
type decoder struct {
	file     string
	problems []error
}

func (d *decoder) addf(n *yaml.Node, path, format string, args ...any) {
	d.problems = append(d.problems, &Error{File: d.file, Line: n.Line, Path: path, Msg: fmt.Sprintf(format, args...)})
}

func (d *decoder) err() error { return errors.Join(d.problems...) }

var nodeType = reflect.TypeFor[yaml.Node]()

// decode stores n in v, which is addressable.
func (d *decoder) decode(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind == yaml.AliasNode {
		d.addf(n, path, "aliases are not used here; write the value out")
		return
	}
	switch {
	case v.Type() == nodeType:
		v.Set(reflect.ValueOf(*n))
	case v.Kind() == reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		d.decode(n, path, p.Elem())
		v.Set(p)
	case v.Kind() == reflect.Struct:
		d.decodeStruct(n, path, v)
	case v.Kind() == reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			d.addf(n, path, "want a list")
			return
		}
		s := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
		for i, c := range n.Content {
			d.decode(c, join(path, strconv.Itoa(i)), s.Index(i))
		}
		v.Set(s)
	default:
		if err := n.Decode(v.Addr().Interface()); err != nil {
			d.addf(n, path, "%q is not %s", n.Value, want(v.Type()))
		}
	}
}

func (d *decoder) decodeStruct(n *yaml.Node, path string, v reflect.Value) {
	fields := map[string]reflect.Value{}
	var known []string
	for i := range v.NumField() {
		switch tag := v.Type().Field(i).Tag.Get("yaml"); tag {
		case "":
		case "-line":
			v.Field(i).SetInt(int64(n.Line))
		default:
			fields[tag] = v.Field(i)
			known = append(known, tag)
		}
	}
	// A struct of nothing but switches may be written without any.
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.addf(n, path, "want keys of %s", strings.Join(known, ", "))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		f, ok := fields[key.Value]
		switch {
		case !ok:
			slices.Sort(known)
			d.addf(key, join(path, key.Value), "unknown key; known here: %s", strings.Join(known, ", "))
		case seen[key.Value]:
			d.addf(key, join(path, key.Value), "written twice")
		default:
			seen[key.Value] = true
			d.decode(value, join(path, key.Value), f)
		}
	}
}

// want names a type for people.
func want(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[Duration]():
		return "a time such as 500ms or 3s"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		return "a whole number"
	case t.Kind() == reflect.String:
		return "a text"
	default:
		return "of the right kind"
	}
}

func join(path, key string) string {
	if path == "" || key == "" {
		return path + key
	}
	return path + "." + key
}
