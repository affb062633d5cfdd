//go:build crashpoints

package bolt_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/platen-fax/platen/agent/crash"
)

// points reads the names of all kill points from the source of this package.
func points(t *testing.T) []string {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		file, err := parser.ParseFile(token.NewFileSet(), f, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if x, isName := ast.Unparen(orNil(sel)).(*ast.Ident); !ok || !isName || x.Name != "crash" || sel.Sel.Name != "Point" {
				return true
			}
			name, err := strconv.Unquote(call.Args[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatalf("%s: the name of a point must be a literal: %v", f, err)
			}
			names = append(names, name)
			return true
		})
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func orNil(s *ast.SelectorExpr) ast.Expr {
	if s == nil {
		return nil
	}
	return s.X
}

// runChild runs the load in a process of its own and returns what it said and
// how it ended.
func runChild(t *testing.T, dir, point string) (ledger, error) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envLoad+"="+dir, crash.EnvPoint+"="+point)
	cmd.ExtraFiles = []*os.File{w}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	ended := cmd.Wait()
	l, err := readLedger(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return l, ended
}

// TestCrash kills a loaded spool at every point and looks whether it kept every
// word it gave.
func TestCrash(t *testing.T) {
	golden, err := runChild(t, t.TempDir(), "")
	if err != nil {
		t.Fatalf("load without a crash: %v", err)
	}
	names := points(t)
	if len(names) < 12 {
		t.Fatalf("points found: %v; want all of them", names)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			for _, nth := range []int{1, 2, 4, 9, 25} {
				dir := t.TempDir()
				l, err := runChild(t, dir, fmt.Sprint(name, ":", nth))
				if err == nil {
					if nth == 1 {
						t.Fatal("the load never came by this point")
					}
					break // it comes by less often
				}
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.String() != "signal: killed" {
					t.Fatalf("child ended by %v; want SIGKILL", err)
				}
				for _, p := range l.check(dir, golden) {
					t.Errorf("killed at pass %d: %s", nth, p)
				}
			}
		})
	}
}

func readLedger(r io.Reader) (ledger, error) {
	var l ledger
	for sc := bufio.NewScanner(r); sc.Scan(); {
		var a ack
		if err := json.Unmarshal(sc.Bytes(), &a); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		l = append(l, a)
	}
	return l, nil
}
