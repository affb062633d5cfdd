package config

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity says whether the agent may run with a problem.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Problem is one thing to change in a configuration.
type Problem struct {
	File     string // as it was given to Load
	Line     int    // from 1; 0 when no line is to blame
	Path     string // such as "devices.front-desk.url"; entries without an id are counted from 1
	Text     string // what is wrong and what to write
	Severity Severity
}

// String returns "file:line: key.path: text", with "warning: " before the text
// of a warning.
func (p Problem) String() string {
	s := p.File
	if p.Line > 0 {
		s = fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	if p.Path != "" {
		s += ": " + p.Path
	}
	if p.Severity == SeverityWarning {
		s += ": warning"
	}
	return s + ": " + p.Text
}

// Errors counts the problems that keep the agent from running.
func Errors(problems []Problem) int {
	var n int
	for _, p := range problems {
		if p.Severity == SeverityError {
			n++
		}
	}
	return n
}

// sortProblems orders problems as somebody reads the files: order holds the
// names of the files as they were read.
func sortProblems(problems []Problem, order []string) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.File), slices.Index(order, b.File)),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Path, b.Path),
		)
	})
}
