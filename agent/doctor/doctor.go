// Package doctor names what keeps an agent from working at its site: one leg
// per thing that can be broken, each with what was seen and what to do.
//
// It looks and changes nothing, so it may run beside the agent. It is handed
// plain values and probes; how a device or a fax service is spoken to is not
// known here, and no secret is ever part of a finding.
package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// Level is how a leg stands.
type Level string

// The levels.
const (
	LevelOK   Level = "ok"
	LevelWarn Level = "warn" // works, and somebody should know
	LevelFail Level = "fail" // does not work
)

// The legs.
const (
	LegConfig  = "config"
	LegDNS     = "dns"
	LegClock   = "clock"
	LegTLS     = "tls"
	LegService = "fax-service"
	LegDevice  = "device"
	LegDisk    = "disk"
	LegPort    = "port"
	LegKey     = "key"
	LegSecret  = "secret"
	LegMQTT    = "mqtt"
	LegAdmin   = "admin"

	LegPanel     = "panel"      // its certificate
	LegSignIn    = "sign-in"    // at the fax service, one e-mail domain
	LegCompany   = "company"    // its AD FS
	LegProvider  = "provider"   // the company's OpenID provider
	LegDirectory = "directory"  // of people and badges
	LegInbox     = "scim"       // the listener of a cloud directory
	LegReader    = "reader"     // of badges
	LegLaunch    = "launch-key" // of a device that signs people in itself
)

// Result is what a check saw.
type Result struct {
	Level Level  `json:"level"`
	What  string `json:"what"`         // what is so
	Do    string `json:"do,omitempty"` // what to do about it, "" for ok
}

// Check is one thing to look at. Run ends soon after its context does.
type Check struct {
	Leg     string // one of the legs
	Subject string // which one of its kind, such as a host or an id
	Run     func(ctx context.Context) Result
}

// Finding is the result of one check.
type Finding struct {
	Leg     string `json:"leg"`
	Subject string `json:"subject,omitempty"`
	Result
}

// Report is every finding, in the order of the checks.
type Report struct {
	Findings []Finding `json:"findings"`
}

// checkTime bounds one check, atOnce how many run at a time.
const (
	checkTime = 15 * time.Second
	atOnce    = 4
)

// Run makes every check. It blocks for as long as the slowest ones take.
func Run(ctx context.Context, checks ...Check) Report {
	r := Report{Findings: make([]Finding, len(checks))}
	turn := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			ctx, cancel := context.WithTimeout(ctx, checkTime)
			defer cancel()
			r.Findings[i] = Finding{Leg: c.Leg, Subject: c.Subject, Result: c.Run(ctx)}
		})
	}
	wg.Wait()
	return r
}

// Failed reports whether any leg does not work.
func (r Report) Failed() bool {
	for _, f := range r.Findings {
		if f.Level == LevelFail {
			return true
		}
	}
	return false
}

// Write writes the report for people: a line per leg, and below it what to do.
func (r Report) Write(w io.Writer) error {
	n := map[Level]int{}
	for _, f := range r.Findings {
		n[f.Level]++
		if _, err := fmt.Fprintf(w, "%-4s  %-11s  %s%s\n", f.Level, f.Leg, prefix(f.Subject), f.What); err != nil {
			return err
		}
		if f.Do != "" {
			if _, err := fmt.Fprintf(w, "%19s→ %s\n", "", f.Do); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintf(w, "%d ok, %d to know, %d broken\n", n[LevelOK], n[LevelWarn], n[LevelFail])
	return err
}

func prefix(subject string) string {
	if subject == "" {
		return ""
	}
	return subject + ": "
}

// WriteJSON writes the report for machines, with "ok" false when a leg failed.
func (r Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		OK bool `json:"ok"`
		Report
	}{!r.Failed(), r})
}

func okay(format string, args ...any) Result {
	return Result{Level: LevelOK, What: fmt.Sprintf(format, args...)}
}

func warn(do, format string, args ...any) Result {
	return Result{Level: LevelWarn, What: fmt.Sprintf(format, args...), Do: do}
}

func fail(do, format string, args ...any) Result {
	return Result{Level: LevelFail, What: fmt.Sprintf(format, args...), Do: do}
}
