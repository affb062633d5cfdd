package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// tree is YAML with every node's file, so that it can be merged and still blame
// the right line.
type tree struct {
	file  string
	line  int
	kind  yaml.Kind // MappingNode, SequenceNode or ScalarNode
	value string    // of a scalar
	null  bool
	keys  []string // in order
	byKey map[string]*tree
	at    map[string]int // the line of each key
	items []*tree
}

// depthLimit is far beyond any configuration; it bounds the recursion.
const depthLimit = 20

// plant copies a YAML node. Aliases are refused rather than followed: a few
// lines of them can stand for gigabytes.
func (d *decoder) plant(file string, n *yaml.Node, path string) *tree {
	t := &tree{file: file, line: n.Line, kind: n.Kind, value: n.Value}
	if strings.Count(path, ".") > depthLimit {
		d.errorf(t, "", "nested deeper than %d levels", depthLimit)
		t.kind, t.null = yaml.ScalarNode, true
		return t
	}
	switch n.Kind {
	case yaml.MappingNode:
		t.byKey, t.at = map[string]*tree{}, map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			at := &tree{file: file, line: key.Line}
			switch {
			case key.Kind != yaml.ScalarNode || key.Value == "<<" || !printable(key.Value):
				d.errorf(at, path, "want a plain word as key")
				continue
			case t.byKey[key.Value] != nil:
				d.errorf(at, join(path, key.Value), "written twice, the first time in line %d; keep one", t.at[key.Value])
				continue
			}
			t.keys = append(t.keys, key.Value)
			t.byKey[key.Value] = d.plant(file, value, join(path, key.Value))
			t.at[key.Value] = key.Line
			// What is wrong with a value is best seen at its key, but for lists
			// and mappings the values have lines of their own.
			if value.Kind == yaml.ScalarNode {
				t.byKey[key.Value].line = key.Line
			}
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			t.items = append(t.items, d.plant(file, item, path+"."))
		}
	case yaml.ScalarNode:
		t.null = n.Tag == "!!null"
	default:
		d.errorf(t, path, "an alias; write the value itself")
		t.kind, t.null = yaml.ScalarNode, true
	}
	return t
}

// merge puts the keys of a later file into t: mappings merge, lists append,
// anything else is replaced.
func (t *tree) merge(later *tree) {
	if later.null {
		return
	}
	if t.null || t.kind != later.kind {
		*t = *later
		return
	}
	switch t.kind {
	case yaml.MappingNode:
		for _, key := range later.keys {
			if mine := t.byKey[key]; mine != nil {
				mine.merge(later.byKey[key])
				continue
			}
			t.keys = append(t.keys, key)
			t.byKey[key], t.at[key] = later.byKey[key], later.at[key]
		}
	case yaml.SequenceNode:
		t.items = append(t.items, later.items...)
	default:
		*t = *later
	}
}

// find returns the node at path, or the nearest one above it that is written.
func (t *tree) find(path ...string) *tree {
	for _, key := range path {
		next := t.byKey[key]
		if next == nil {
			return t
		}
		t = next
	}
	return t
}

// section returns the value of key, or an empty one that blames t.
func (t *tree) section(key string) *tree {
	if next := t.byKey[key]; next != nil {
		return next
	}
	return &tree{file: t.file, line: t.line}
}

// item returns an entry of a list, or the list.
func (t *tree) item(i int) *tree {
	if i < len(t.items) {
		return t.items[i]
	}
	return t
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func printable(s string) bool {
	return s != "" && len(s) <= 60 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == 0xfffd })
}
