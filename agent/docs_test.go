package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// topLevelTests returns the names of all top-level tests of the module.
func topLevelTests(t *testing.T, root string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				names[fn.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// policyRow is a row of docs/policies.md: its number, and what shows it.
var policyRow = regexp.MustCompile(`(?m)^\| *(\d+) \|.*\| ([^|]*) \|$`)

// TestPoliciesAreShown keeps docs/policies.md true: every rule and every case
// has a row, and every name in it is a test or a scenario that exists.
func TestPoliciesAreShown(t *testing.T) {
	root := ".."
	data, err := os.ReadFile(filepath.Join(root, "docs", "policies.md"))
	if err != nil {
		t.Fatal(err)
	}
	policies, cases, ok := strings.Cut(string(data), "\n## Cases that must pass\n")
	if !ok {
		t.Fatal("docs/policies.md has no cases")
	}
	tests, named := topLevelTests(t, root), map[string]bool{}
	for _, part := range []struct {
		what, text string
		rows       int
	}{{"policy", policies, 28}, {"case", cases, 18}} {
		rows := policyRow.FindAllStringSubmatch(part.text, -1)
		if len(rows) != part.rows {
			t.Errorf("%d rows of kind %s; want %d", len(rows), part.what, part.rows)
		}
		for i, row := range rows {
			if row[1] != strconv.Itoa(i+1) {
				t.Errorf("%s %d has number %s", part.what, i+1, row[1])
			}
			names := strings.Fields(row[2])
			if len(names) == 0 {
				t.Errorf("%s %s is shown by nothing", part.what, row[1])
			}
			for _, name := range names {
				named[name] = true
				if file, ok := strings.CutPrefix(name, "configs/scenarios/"); ok {
					if _, err := os.Stat(filepath.Join(root, "configs", "scenarios", file)); err != nil || filepath.Ext(file) != ".yaml" {
						t.Errorf("%s %s names %s, which is no scenario: %v", part.what, row[1], name, err)
					}
				} else if !tests[name] {
					t.Errorf("%s %s names %s, which is no top-level test", part.what, row[1], name)
				}
			}
		}
	}
	if len(named) < 40 {
		t.Errorf("%d different tests and scenarios are named; want at least 40", len(named))
	}
}
