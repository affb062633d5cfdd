package bolt_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// disk is a disk with a cache in front of it: it knows of every file which of
// its changes were flushed and which a power cut may lose. It promises no more
// than POSIX does: fsync of a file keeps its content but not its name, fsync of
// a directory keeps its names but not what they stand for.
type disk struct {
	root  *node
	nodes []*node
	fds   map[int64]*handle
}

// node is a file or a directory with all its changes; the first flushed of them
// are on the platter.
type node struct {
	dir     bool
	path    string // where it was first
	names   []string
	changes []change
	flushed int
	owed    int // what would be flushed if no flush were left out
}

// change is one change of a file's bytes or of a directory's names.
type change struct {
	what string
	off  int64
	data []byte
	size int64 // of a truncation
	gone string
	name string
	node *node
}

type handle struct {
	n      *node
	off    int64
	append bool
}

func newDisk() *disk {
	d := &disk{fds: map[int64]*handle{}}
	d.root = d.add(true, ".")
	return d
}

func (d *disk) add(dir bool, at string) *node {
	n := &node{dir: dir, path: at, names: []string{at}}
	d.nodes = append(d.nodes, n)
	return n
}

// now is the directory as the running program sees it.
func (n *node) now() map[string]*node { return n.entries(len(n.changes), nil) }

// entries are the names after the first keep changes and those later ones that
// pick wants.
func (n *node) entries(keep int, pick func(i int) bool) map[string]*node {
	m := map[string]*node{}
	for i, c := range n.changes {
		if i >= keep && (pick == nil || !pick(i)) {
			continue
		}
		if c.gone != "" {
			delete(m, c.gone)
		}
		if c.name != "" {
			m[c.name] = c.node
		}
	}
	return m
}

// bytes is the content after the first keep changes and of those later ones that
// part gives a share to: 0 is nothing, 1 is all.
func (n *node) bytes(keep int, part func(i int) float64) []byte {
	var b []byte
	for i, c := range n.changes {
		share := 1.0
		if i >= keep {
			if part == nil {
				continue
			}
			share = part(i)
		}
		if share == 0 {
			continue
		}
		if c.what == "truncate" {
			b = resize(b, c.size)
			continue
		}
		data := c.data
		if share < 1 { // torn between two pages
			data = data[:int(float64(len(data))*share)/4096*4096]
		}
		b = resize(b, max(int64(len(b)), c.off+int64(len(data))))
		copy(b[c.off:], data)
	}
	return b
}

func resize(b []byte, size int64) []byte {
	if int64(len(b)) >= size {
		return b[:size]
	}
	return append(b, make([]byte, size-int64(len(b)))...)
}

// walk finds the node of a path below the root.
func (d *disk) walk(at string) *node {
	n := d.root
	for _, name := range strings.Split(path.Clean(at), "/") {
		if name == "." {
			continue
		}
		if n = n.now()[name]; n == nil {
			return nil
		}
	}
	return n
}

func (d *disk) create(at string, dir bool) (*node, error) {
	parent := d.walk(path.Dir(at))
	if parent == nil {
		return nil, fmt.Errorf("create %s in no directory", at)
	}
	n := d.add(dir, at)
	parent.changes = append(parent.changes, change{what: "create", name: path.Base(at), node: n})
	return n, nil
}

func (d *disk) remove(at string) error {
	parent := d.walk(path.Dir(at))
	if parent == nil {
		return fmt.Errorf("remove %s from no directory", at)
	}
	parent.changes = append(parent.changes, change{what: "remove", gone: path.Base(at)})
	return nil
}

func (d *disk) rename(from, to string) error {
	parent, n := d.walk(path.Dir(from)), d.walk(from)
	if parent == nil || n == nil || path.Dir(from) != path.Dir(to) {
		return fmt.Errorf("rename %s to %s", from, to)
	}
	parent.changes = append(parent.changes, change{what: "rename", gone: path.Base(from), name: path.Base(to), node: n})
	n.names = append(n.names, to)
	return nil
}

// flush is the end of an fsync that began when the node had that many changes;
// left out, it is only owed.
func (n *node) flush(changes int, leftOut bool) {
	n.owed = max(n.owed, changes)
	if !leftOut {
		n.flushed = max(n.flushed, changes)
	}
}

// owes reports whether a flush that was left out was not made up for by a later
// one; otherwise the disk is as if none had been.
func (d *disk) owes() bool {
	return slices.ContainsFunc(d.nodes, func(n *node) bool { return n.owed > n.flushed })
}

// cut says what of the unflushed changes a power cut leaves.
type cut struct {
	name  string
	bytes func(n *node) func(i int) float64
	names func(n *node) func(i int) bool
}

func none(*node) func(int) bool         { return nil }
func all(*node) func(int) bool          { return func(int) bool { return true } }
func noBytes(*node) func(int) float64   { return nil }
func halfBytes(*node) func(int) float64 { return func(int) float64 { return 0.5 } }
func allBytes(*node) func(int) float64  { return func(int) float64 { return 1 } }

var (
	cutStrict = cut{"nothing unflushed is left", noBytes, none}
	cutNames  = cut{"names are left, bytes are not", noBytes, all}
	cutTorn   = cut{"names are left, and half of the bytes", halfBytes, all}
	cutBytes  = cut{"bytes are left, names are not", allBytes, none}
)

// cutRandom leaves some of everything, and some writes torn.
func cutRandom(seed uint64) cut {
	r := rand.New(rand.NewPCG(seed, 7))
	return cut{
		fmt.Sprintf("some is left, seed %d", seed),
		func(*node) func(int) float64 {
			return func(int) float64 { return []float64{0, 0.5, 1}[r.IntN(3)] }
		},
		func(*node) func(int) bool { return func(int) bool { return r.IntN(2) == 0 } },
	}
}

// write makes the disk after a power cut real in dir.
func (d *disk) write(dir string, c cut) error { return d.root.write(dir, c) }

func (n *node) write(at string, c cut) error {
	if !n.dir {
		return os.WriteFile(at, n.bytes(n.flushed, c.bytes(n)), 0o600)
	}
	if err := os.MkdirAll(at, 0o700); err != nil {
		return err
	}
	for name, child := range n.entries(n.flushed, c.names(n)) {
		if err := child.write(filepath.Join(at, name), c); err != nil {
			return err
		}
	}
	return nil
}

var normal = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "ID"},
	{regexp.MustCompile(`\.tmp-?\d+`), ".tmp"},
	{regexp.MustCompile(`\d{4}-\d\d-[0-9a-f]{16}\.key`), "MONTH.key"},
	{regexp.MustCompile(`(page|fax)-\d{4}`), "PART"},
}

// kind names a flush by what it makes durable, so that all flushes with the same
// purpose have the same name.
func (n *node) kind() string {
	var what []string
	for _, c := range n.changes[n.flushed:] {
		switch {
		case n.dir:
			what = append(what, c.what+" "+c.name+c.gone0())
		case c.off < 2*4096 && strings.HasSuffix(n.names[len(n.names)-1], "spool.db"):
			what = append(what, "header")
		}
	}
	s := n.names[len(n.names)-1]
	if len(what) > 0 {
		slices.Sort(what)
		s += ": " + strings.Join(slices.Compact(what), ", ")
	}
	for _, r := range normal {
		s = r.re.ReplaceAllString(s, r.to)
	}
	return s
}

func (c change) gone0() string {
	if c.what == "remove" {
		return c.gone
	}
	return ""
}
