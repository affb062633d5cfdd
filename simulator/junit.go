package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"strings"

	"github.com/platen-fax/platen/simulator/play"
)

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"`
	Log     string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// writeJUnit writes the verdicts in the form that CI servers read.
func writeJUnit(file string, results []play.Result) error {
	suite := junitSuite{Name: "platen-sim", Tests: len(results)}
	total := 0.0
	for _, r := range results {
		c := junitCase{Name: r.Name, Class: r.File, Time: fmt.Sprintf("%.3f", r.Took.Seconds())}
		if r.Broken {
			c.Name += " (broken form)"
		}
		total += r.Took.Seconds()
		switch {
		case r.Err != nil:
			suite.Errors++
			c.Error = &junitMessage{Message: "not played", Text: printable(r.Err.Error())}
		case !r.Passed():
			suite.Failures++
			message := strings.Join(r.Reasons, "\n")
			if r.Broken {
				message = fmt.Sprintf("must be red because of %q\n%s", r.Why, message)
			}
			first, _, _ := strings.Cut(message, "\n")
			c.Failure = &junitMessage{Message: printable(first), Text: printable(message)}
			c.Log = printable(r.AgentLog)
		}
		suite.Cases = append(suite.Cases, c)
	}
	suite.Time = fmt.Sprintf("%.3f", total)
	data, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return fmt.Errorf("junit file: %w", err)
	}
	return os.WriteFile(file, append([]byte(xml.Header), append(data, '\n')...), 0o644)
}

// printable drops what XML cannot carry.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}
