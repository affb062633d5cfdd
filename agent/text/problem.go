package text

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// Leg is the part of the way that failed.
type Leg string

// The legs, by the first letter of their codes.
const (
	LegDevice   Leg = "D"
	LegNetwork  Leg = "N"
	LegSignIn   Leg = "L"
	LegService  Leg = "S"
	LegDocument Leg = "P"
	LegAgent    Leg = "A"
	LegVisit    Leg = "V"
)

// Problem is a failure that people are told about. Its sentences are the texts
// "panel.problem.KEY." title, what (failed), safe (is my fax) and do (now).
type Problem struct {
	Key  string // such as "jam"
	Code string // such as "D-204"
	Leg  Leg
}

var codes = sync.OnceValue(func() map[string]string {
	var m map[string]string
	mustRead("codes.yaml", &m)
	return m
})

// Code returns the code of a problem, or "" for one that is not in the table.
func Code(key string) string { return codes()[key] }

// Problems returns all problems in the order of their keys.
func Problems() []Problem {
	var all []Problem
	for _, key := range slices.Sorted(maps.Keys(codes())) {
		all = append(all, Problem{Key: key, Code: codes()[key], Leg: legOf(codes()[key])})
	}
	return all
}

// legOf reads the leg from a code. A person's sign-in shares the letter of the
// fax service, where it often ends, and has hundreds of its own.
func legOf(code string) Leg {
	if strings.HasPrefix(code, "S-1") {
		return LegSignIn
	}
	return Leg(code[:1])
}
