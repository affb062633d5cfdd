// Package play plays scenarios: each in a world of its own, against a real
// agent process, with a person at the panel, and judges what came of it by the
// ledger of the far end and the agent's own words.
//
// What may be written in a scenario is decided by its format; what devices and
// services do, by theirs.
package play

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/person"
	"github.com/platen-fax/platen/simulator/process"
	"github.com/platen-fax/platen/simulator/scenario"
	"github.com/platen-fax/platen/simulator/world"
)

// Options of a play.
type Options struct {
	Agent  string    // the agent's binary
	Broken bool      // play the form that must fail
	Keep   string    // directory that gets the world's files; "" throws them away
	Trace  io.Writer // gets a line for every step; nil for none
	Log    *slog.Logger
}

// Result is what came of one play.
type Result struct {
	File, Name string
	Broken     bool
	Took       time.Duration
	// Reasons are why the judgement is red; empty is green.
	Reasons []string
	// Why is the reason that a broken form has to give.
	Why string
	// AgentLog is the end of what the agent said.
	AgentLog string
	// Err says that the world itself could not be played: no judgement.
	Err error
}

// Passed reports whether the play went as it should: green, or for a broken
// form red for the right reason.
func (r Result) Passed() bool {
	if r.Err != nil {
		return false
	}
	if !r.Broken {
		return len(r.Reasons) == 0
	}
	for _, reason := range r.Reasons {
		if strings.Contains(reason, r.Why) {
			return true
		}
	}
	return false
}

// stack is paper that was loaded.
type stack struct {
	name     string
	batch    uint32
	pages    int
	twoSided bool
}

// fax is one that the panel promised.
type fax struct {
	name    string
	promise person.Promise
	unsent  bool // an earlier step saw that it did not go out, as it should
}

// player is one play.
type player struct {
	s     *scenario.Scenario
	w     *world.World
	opt   Options
	home  world.Agent
	agent *process.Agent
	who   *person.Browser
	began time.Time

	stacks []stack // newest last
	faxes  []fax

	secrets   []string             // typed so far
	codes     map[string]time.Time // when each person's last one-time code was made for
	shown     person.Shown         // what a phone took from the panel
	ticket    string               // launch token used last
	elsewhere int                  // wrong passwords typed at the fax service in other places
}

// Play plays a scenario to its end and judges it.
func Play(ctx context.Context, s *scenario.Scenario, opt Options) Result {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Trace == nil {
		opt.Trace = io.Discard
	}
	r := Result{File: s.File, Name: s.Name, Broken: opt.Broken}
	var over *yaml.Node
	if opt.Broken {
		if s.Breaks == nil {
			r.Err = fmt.Errorf("%s has no breaks: nothing shows that it can fail", s.File)
			return r
		}
		r.Why, over = s.Breaks.Why, &s.Breaks.Config
		s = s.Broken()
	}
	p := &player{s: s, opt: opt, began: time.Now(), who: person.New(0, nil), codes: map[string]time.Time{}}
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(s.Time), fmt.Errorf("the scenario's time of %v is over", time.Duration(s.Time)))
	defer cancel()
	r.Reasons, r.Err = p.play(ctx, over)
	r.Took = time.Since(p.began)
	if p.agent != nil {
		r.AgentLog = p.agent.Tail(6000)
	}
	if err := p.close(); err != nil && r.Err == nil {
		r.Reasons = append(r.Reasons, err.Error())
	}
	return r
}

func (p *player) play(ctx context.Context, over *yaml.Node) ([]string, error) {
	if err := p.build(ctx, over); err != nil {
		return nil, err
	}
	if err := p.startAgent(ctx); err != nil {
		return []string{"start: " + err.Error()}, nil
	}
	var reasons []string
	for i := range p.s.Steps {
		step := &p.s.Steps[i]
		p.tracef("step %d %s", i+1, step.Verb())
		if err := p.step(ctx, step); errors.Is(err, process.ErrAnswer) {
			return nil, err // the judge cannot read what it judges by
		} else if err != nil {
			reason := fmt.Sprintf("%s:%d: step %d %s: %v", filepath.Base(p.s.File), step.Line, i+1, step.Verb(), err)
			p.tracef("%s", reason)
			reasons = append(reasons, reason)
			break
		}
	}
	return append(reasons, p.judge(ctx, len(reasons) == 0)...), nil
}

// build makes the world and the agent's configuration.
func (p *player) build(ctx context.Context, over *yaml.Node) error {
	dir := ""
	if p.opt.Keep != "" {
		name := strings.TrimSuffix(filepath.Base(p.s.File), filepath.Ext(p.s.File))
		if p.opt.Broken {
			name += "-broken"
		}
		var err error
		if err = os.MkdirAll(p.opt.Keep, 0o755); err != nil {
			return err
		}
		if dir, err = os.MkdirTemp(p.opt.Keep, name+"-"); err != nil {
			return err
		}
	}
	o, err := p.s.World()
	if err != nil {
		return err
	}
	o.Dir, o.Log = dir, p.opt.Log
	// The world outlives the scenario's time by the judgement.
	w, err := world.Start(context.WithoutCancel(ctx), o)
	if err != nil {
		return err
	}
	p.w = w
	if p.home, err = w.WriteConfig(&p.s.Config, over); err != nil {
		return err
	}
	p.agent = process.New(p.opt.Agent, p.home.Config, filepath.Join(w.Dir(), "agent.log"))
	return nil
}

func (p *player) close() error {
	var errs []error
	if p.agent != nil {
		errs = append(errs, p.agent.Stop())
	}
	if p.w != nil {
		errs = append(errs, p.w.Close())
	}
	return errors.Join(errs...)
}

func (p *player) startAgent(ctx context.Context) error {
	if err := p.agent.Start(); err != nil {
		return err
	}
	if err := p.agent.Ready(ctx, p.home.PanelURL(p.s.Devices[0].ID)); err != nil {
		return err
	}
	if c := p.s.Company; c != nil && c.Directory == world.DirectorySCIM {
		return p.w.Provision(ctx)
	}
	return nil
}

func (p *player) tracef(format string, args ...any) {
	fmt.Fprintf(p.opt.Trace, "%8.3fs  %s\n", time.Since(p.began).Seconds(), fmt.Sprintf(format, args...))
}

// device returns the named device's id, or the first one's.
func (p *player) device(id string) string {
	if id == "" {
		return p.s.Devices[0].ID
	}
	return id
}

// fax returns the named fax, or the newest.
func (p *player) fax(name string) (*fax, error) {
	for i := len(p.faxes) - 1; i >= 0; i-- {
		if name == "" || p.faxes[i].name == name {
			return &p.faxes[i], nil
		}
	}
	return nil, fmt.Errorf("no fax %q was promised", name)
}

// entriesOf returns what the far end took of a job.
func (p *player) entriesOf(job string) []faxcloud.Entry {
	var out []faxcloud.Entry
	for _, e := range p.w.Fax.Ledger() {
		if strings.HasPrefix(e.Key, job+"/") {
			out = append(out, e)
		}
	}
	return out
}

// poll is how often a wait looks.
const poll = 50 * time.Millisecond

// errSettled is wrapped by what look finds when waiting on cannot change it.
var errSettled = errors.New("settled")

// settledError is a final finding.
type settledError struct{ text string }

func (e *settledError) Error() string { return e.text }

// Is makes it an errSettled.
func (e *settledError) Is(target error) bool { return target == errSettled }

// never is what look returns when waiting on cannot change what it saw.
func never(format string, args ...any) error { return &settledError{fmt.Sprintf(format, args...)} }

// until waits until look reports true, and no longer once it finds something
// settled. In the end it fails with what was seen last.
func until(ctx context.Context, look func() (ok bool, seen string, err error)) error {
	last := "nothing was seen"
	for {
		ok, seen, err := look()
		switch {
		case ok && err == nil:
			return nil
		case errors.Is(err, errSettled), errors.Is(err, process.ErrAnswer):
			return err
		case err == nil:
			last = seen
		case ctx.Err() == nil: // a look cut short by the end says nothing
			last = err.Error()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s (%w)", last, context.Cause(ctx))
		case <-time.After(poll):
		}
	}
}
