package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/person"
	"github.com/platen-fax/platen/simulator/play"
	"github.com/platen-fax/platen/simulator/process"
	"github.com/platen-fax/platen/simulator/world"
)

const demoHelp = `platen-sim demo [--mode M] [--agent PATH] [--once] [--json]

Starts the world and an agent in it, and sends one fax through the panel as a
person would: three pages from the feeder of a virtual device to the simulated
fax service, which decodes the document and reads the mark printed on each page.
Then the panel is yours, until Ctrl-C.

In the other modes somebody signs in first, and the fax has to be theirs at the
far end.

  --once        end when the fax has arrived and was read; exit code 0 only then
  --json        tell the steps on standard error and the result as one JSON
                line on standard output, at the end of --once
  --mode M      how people sign in:
                  shared-account  nobody does
                  device-login    a badge at a reader, a directory of people
                  user-prompt     e-mail address and the company's password, which
                                  goes to the company's AD FS and not to the service
                  saml            on the phone, at the company's own page
  --agent PATH  the agent's binary; without it the platen beside this program
`

const (
	demoPages = 3
	demoTo    = "514 555 0199"
	demoE164  = "+15145550199"
	demoTime  = 60 * time.Second
)

func demoCommand() command {
	return command{name: "demo", line: "one fax through the whole world, then a panel to play with", help: demoHelp, run: demo}
}

// demoResult is the last line of --once --json.
type demoResult struct {
	Result   string  `json:"result"` // delivered or failed
	Mode     string  `json:"mode"`
	Pages    int     `json:"pages"`
	Document string  `json:"document,omitempty"`
	Job      string  `json:"job,omitempty"`
	Seconds  float64 `json:"seconds"`
	Panel    string  `json:"panel,omitempty"`
	Reason   string  `json:"reason,omitempty"`
}

func demo(ctx context.Context, e env, args []string) error {
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	mode := fs.String("mode", world.ModeShared, "")
	agent := fs.String("agent", "", "")
	once := fs.Bool("once", false, "")
	asJSON := fs.Bool("json", false, "")
	rest, err := parse(fs, args)
	if err != nil {
		return err
	}
	switch {
	case len(rest) > 0:
		return fmt.Errorf("%w: %q is one argument too many", errUsage, rest[0])
	case !slices.Contains(demoModes(), *mode):
		return fmt.Errorf("%w: --mode %q is not known, write one of %s", errUsage, *mode, strings.Join(demoModes(), ", "))
	}
	binary, err := process.Find(*agent)
	if err != nil {
		return err
	}
	d := &demonstration{out: e.out, began: time.Now(), result: demoResult{Result: "failed", Mode: *mode}}
	if *asJSON {
		d.out = e.err
	}
	err = d.run(ctx, binary, *once)
	if err != nil {
		d.result.Reason = err.Error()
	}
	if *asJSON {
		d.result.Seconds = time.Since(d.began).Seconds()
		if err := json.NewEncoder(e.out).Encode(d.result); err != nil {
			return err
		}
	}
	return err
}

// demonstration is one run of the demo.
type demonstration struct {
	out    io.Writer
	began  time.Time
	result demoResult

	w     *world.World
	home  world.Agent
	agent *process.Agent
}

func (d *demonstration) sayf(format string, args ...any) {
	now := time.Now()
	fmt.Fprintf(d.out, "%s %+6.2f s  %s\n", now.Format("15:04:05"), now.Sub(d.began).Seconds(), fmt.Sprintf(format, args...))
}

func (d *demonstration) run(ctx context.Context, binary string, once bool) (err error) {
	dir, err := os.MkdirTemp("", "platen-demo-")
	if err != nil {
		return err
	}
	o := modeWorld(d.result.Mode)
	o.Dir, o.Devices[0].Refill = dir, demoPages
	if d.w, err = world.Start(ctx, o); err != nil {
		os.RemoveAll(dir)
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if d.home, err = d.w.WriteConfig(); err != nil {
		return err
	}
	device := d.w.Stations[0]
	panel := d.home.PanelURL(device.ID)
	d.result.Panel = panel
	d.sayf("world    device %s, fax service and broker are up, on 127.0.0.1 only", device.ID)
	d.agent = process.New(binary, d.home.Config, filepath.Join(dir, "agent.log"))
	if err := d.agent.Start(); err != nil {
		return err
	}
	d.sayf("agent    %s run --config %s", binary, d.home.Config)
	fctx, cancel := context.WithTimeoutCause(ctx, demoTime, fmt.Errorf("the demo's time of %v is over", demoTime))
	defer cancel()
	if err := d.agent.Ready(fctx, panel); err != nil {
		return err
	}
	d.sayf("panel    %s", panel)
	if err := d.fax(fctx, panel); err != nil {
		return err
	}
	d.result.Result = "delivered"
	if once {
		return nil
	}
	d.invite(device, panel)
	return d.watch(ctx)
}

// fax sends one fax through the panel and follows it to the far end.
func (d *demonstration) fax(ctx context.Context, panel string) error {
	b := person.New(0, nil)
	if err := d.signIn(ctx, b, panel); err != nil {
		return err
	}
	if err := b.Begin(ctx, panel); err != nil {
		return err
	}
	if err := b.Dial(ctx, demoTo); err != nil {
		return err
	}
	d.sayf("person   types %s, Next", demoTo)
	if err := b.Scan(ctx); err != nil {
		return err
	}
	d.sayf("person   scans; the panel says: %s", b.Page().Line("stored safely"))
	if err := b.Check(ctx); err != nil {
		return err
	}
	p, err := b.Send(ctx)
	if err != nil {
		return err
	}
	d.result.Job = p.Number
	d.sayf("person   Send; the panel says: %s", b.Page().Line("stored safely"))
	d.sayf("         the job number is %s", p.Number)
	entry, err := d.arrive(ctx, p.Job)
	if err != nil {
		return err
	}
	d.result.Pages, d.result.Document = len(entry.Pages), entry.Path
	if entry.To != demoE164 {
		return errors.New("the fax went to another number")
	}
	if err := d.owned(entry); err != nil {
		return err
	}
	want := play.Pages(d.w.Stations[0].FirstBatch, demoPages)
	if why := play.Compare(entry, want); why != "" {
		return errors.New(why)
	}
	d.sayf("far end  has read %d pages by their printed marks: all there, whole and in order", len(entry.Pages))
	d.sayf("         the document it received: %s", entry.Path)
	return d.outcome(ctx, b, p)
}

// arrive waits until the far end has confirmed the fax.
func (d *demonstration) arrive(ctx context.Context, job string) (faxcloud.Entry, error) {
	taken := false
	for {
		for _, e := range d.w.Fax.Ledger() {
			if !strings.HasPrefix(e.Key, job+"/") {
				continue
			}
			if !taken {
				taken = true
				d.sayf("service  took the fax to …%s, %d bytes", e.To[len(e.To)-4:], e.Bytes)
			}
			if e.Delivered() {
				return e, nil
			}
		}
		select {
		case <-ctx.Done():
			return faxcloud.Entry{}, fmt.Errorf("the fax did not arrive: %w\n%s", context.Cause(ctx), d.agent.Tail(2000))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// outcome waits until the panel tells the person.
func (d *demonstration) outcome(ctx context.Context, b *person.Browser, p person.Promise) error {
	if _, err := b.Tap(ctx, nil, "@"+p.Job); err != nil {
		return err
	}
	page, err := b.Wait(ctx, func(p *person.Page) bool { return p.Has("arrived") })
	if err != nil {
		return err
	}
	d.sayf("panel    tells the person: %s", page.Line("arrived"))
	return nil
}

// invite says what to try.
func (d *demonstration) invite(s *world.Station, panel string) {
	control := d.w.ControlURL()
	fmt.Fprintf(d.out, `
Your turn. The panel is open in any browser, at

    %s

The feeder of %s is filled with %d pages again after each batch. Things to try:

  jam at page 3        curl -X PUT %[4]s/mfps/%[2]s/faults -d '{"stop":{"after":2,"why":"jam"}}'
  clear it             curl -X POST %[4]s/mfps/%[2]s/clear-jam
  busy device          curl -X PUT %[4]s/mfps/%[2]s/faults -d '{"busy":-1}'
  healthy again        curl -X PUT %[4]s/mfps/%[2]s/faults -d '{}'
  fax service down     curl -X PUT %[4]s/fax/down -d true      (and false)
  cut after the commit curl -X POST %[4]s/fax/faults -d '{"op":"send","action":"cut","stage":"effect"}'
  what arrived         curl %[4]s/fax/ledger
  kill the agent       kill -9 %[5]d   (it is started again here)
%[6]s
Ctrl-C ends everything.

`, panel, s.ID, demoPages, control, d.agent.PID(), d.inviteToSignIn(s.ID))
}

// watch tells what arrives, and starts the agent again when it ends.
func (d *demonstration) watch(ctx context.Context) error {
	told, started := len(d.w.Fax.Ledger()), time.Time{}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if d.agent.PID() == 0 {
			if time.Since(started) < 2*time.Second {
				return fmt.Errorf("the agent does not stay up\n%s", d.agent.Tail(2000))
			}
			started = time.Now()
			if err := d.agent.Start(); err != nil {
				return err
			}
			d.sayf("agent    had ended and runs again, as process %d", d.agent.PID())
		}
		ledger := d.w.Fax.Ledger()
		for ; told < len(ledger); told++ {
			e := ledger[told]
			d.sayf("service  took a fax of %d pages to …%s: %s", len(e.Pages), e.To[max(0, len(e.To)-4):], e.Path)
		}
	}
}

// close ends everything and leaves the received documents only.
func (d *demonstration) close() error {
	var errs []error
	if d.agent != nil {
		errs = append(errs, d.agent.Stop())
	}
	errs = append(errs, d.w.Close())
	left, err := os.ReadDir(d.w.Dir())
	errs = append(errs, err)
	received := filepath.Base(d.w.Received())
	for _, f := range left {
		if d.result.Document == "" || f.Name() != received {
			errs = append(errs, os.RemoveAll(filepath.Join(d.w.Dir(), f.Name())))
		}
	}
	if d.result.Document == "" {
		errs = append(errs, os.Remove(d.w.Dir()))
	}
	return errors.Join(errs...)
}
