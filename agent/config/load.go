package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fileLimit bounds one configuration file.
const fileLimit = 4 << 20

// Source is the text of one file.
type Source struct {
	Name string // for problems
	Data []byte
}

// Load reads file and conf.d beside it. The Config is nil if any problem is an
// error; problems come in the order of the files. The error is for a file that
// cannot be read.
func Load(file string) (*Config, []Problem, error) {
	data, err := readLimited(file)
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	sources := []Source{{file, data}}
	more, err := filepath.Glob(filepath.Join(globEscape(filepath.Dir(file)), "conf.d", "*.yaml"))
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	for _, name := range more { // Glob sorts
		data, err := readLimited(name)
		if err != nil {
			return nil, nil, fmt.Errorf("read configuration: %w", err)
		}
		sources = append(sources, Source{name, data})
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	c, problems := Parse(abs, sources...)
	return c, problems, nil
}

// Parse is Load without reading: file is the absolute name of the main file,
// sources its text and that of the files merged into it.
func Parse(file string, sources ...Source) (*Config, []Problem) {
	d := &decoder{dir: filepath.Dir(file)}
	order := make([]string, len(sources))
	var root *tree
	for i, s := range sources {
		order[i] = s.Name
		t := d.read(s)
		if root == nil {
			root = t
		} else if t != nil {
			root.merge(t)
		}
	}
	c := Default()
	c.File = file
	if root == nil { // nothing but comments, or no YAML
		root = &tree{file: firstName(sources), line: 1, kind: yaml.MappingNode}
	}
	if !d.broken {
		d.decodeRoot(root, c)
		d.check(root, c)
	}
	sortProblems(d.problems, order)
	if Errors(d.problems) > 0 {
		return nil, d.problems
	}
	return c, d.problems
}

func firstName(sources []Source) string {
	if len(sources) == 0 {
		return ""
	}
	return sources[0].Name
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

// read parses one file into a tree; nil when it is empty or no YAML.
func (d *decoder) read(s Source) *tree {
	dec := yaml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(s.Data, []byte("\xef\xbb\xbf"))))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		p := Problem{File: s.Name, Severity: SeverityError, Text: strings.TrimPrefix(err.Error(), "yaml: ")}
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			p.Line, _ = strconv.Atoi(m[1])
			p.Text = err.Error()[len(m[0]):]
		}
		p.Text = "not YAML: " + p.Text
		d.broken = true
		d.problems = append(d.problems, p)
		return nil
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		d.problems = append(d.problems, Problem{
			File: s.Name, Line: second.Line, Severity: SeverityError,
			Text: "a second document begins here, write one document and no line ---",
		})
		d.broken = true
		return nil
	}
	t := d.plant(s.Name, doc.Content[0], "")
	if t.kind != yaml.MappingNode && !t.null {
		d.errorf(t, "", "want keys and values, such as version: 1")
		d.broken = true
		return nil
	}
	return t
}

func readLimited(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, fileLimit+1))
	if err == nil && len(data) > fileLimit {
		err = fmt.Errorf("%s: longer than %d MiB", name, fileLimit>>20)
	}
	return data, err
}

// globEscape keeps a directory name from being a pattern.
func globEscape(dir string) string {
	if filepath.Separator == '\\' {
		return dir // Windows has no escapes and forbids * and ? in names
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}
