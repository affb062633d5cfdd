package e2e_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/mfp"
	"github.com/platen-fax/platen/simulator/paper"
	"github.com/platen-fax/platen/simulator/person"
	"github.com/platen-fax/platen/simulator/play"
	"github.com/platen-fax/platen/simulator/process"
	"github.com/platen-fax/platen/simulator/world"
)

var (
	breaks = flag.Bool("breaks", false, "play the broken forms of the scenarios")
	kills  = flag.Int("kills", 15, "how often the agent is killed in TestKills")
	seed   = flag.Uint64("seed", 0, "of the random numbers of TestKills; 0 takes one from the clock")
)

// offices are the panels people work at while the agent is killed.
const offices = 4

// load is a running load: people at several panels of one agent.
type load struct {
	w     *world.World
	home  world.Agent
	agent *process.Agent

	mu       sync.Mutex
	promised []person.Promise
	tries    int // walks begun
	unsure   map[string]bool
	stopped  error // why a walk ended early, the newest while the agent was up
}

// TestKills kills the agent at random moments of a running load and starts it
// again. Then every fax the panel promised has reached the far end exactly
// once, and so has every page of paper at most once.
func TestKills(t *testing.T) {
	n := *seed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("%d kills, -seed %d", *kills, n)
	rnd := rand.New(rand.NewPCG(n, 1))

	l := startLoad(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var people sync.WaitGroup
	for i := range offices {
		own := rand.New(rand.NewPCG(n, uint64(i)+2))
		people.Go(func() { l.work(ctx, l.w.Stations[i], own) })
	}
	// On a machine where a walk takes longer than the agent lives, more kills are
	// needed until enough was promised.
	for k := 0; k < *kills || l.promises() < leastPromised() && k < 4**kills; k++ {
		l.disturb(t, rnd)
		l.waitForMoment(t, rnd)
		if err := l.agent.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := l.agent.Start(); err != nil {
			t.Fatal(err)
		}
		ready, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		err := l.agent.Ready(ready, l.home.PanelURL(l.w.Stations[0].ID))
		cancel()
		if err != nil {
			t.Fatalf("after kill %d: %v", k+1, err)
		}
	}
	stop()
	people.Wait()
	l.w.Fax.ClearFaults()
	l.settle(t)
	l.judge(t)
}

// leastPromised is how many promises make a load.
func leastPromised() int { return max(1, *kills/4) }

// promises is how many the panel has given so far.
func (l *load) promises() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.promised)
}

func startLoad(t *testing.T) *load {
	t.Helper()
	o := world.Options{Dir: t.TempDir(), Fax: world.Fax{SendTime: 100 * time.Millisecond, ListLag: 150 * time.Millisecond}}
	for i := range offices {
		o.Devices = append(o.Devices, world.Device{ID: fmt.Sprintf("office-%d", i+1)})
	}
	w, err := world.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("close the world: %v", err)
		}
	})
	var over yaml.Node
	if err := yaml.Unmarshal([]byte("{delivery: {settle: 500ms, poll_interval: 150ms}}"), &over); err != nil {
		t.Fatal(err)
	}
	home, err := w.WriteConfig(over.Content[0])
	if err != nil {
		t.Fatal(err)
	}
	l := &load{w: w, home: home, unsure: map[string]bool{}}
	l.agent = process.New(built.agent, home.Config, filepath.Join(w.Dir(), "agent.log"))
	if err := l.agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the agent's last words:\n%s", l.agent.Tail(8000))
		}
		if err := l.agent.Stop(); err != nil {
			t.Errorf("stop the agent: %v", err)
		}
	})
	if err := l.agent.Ready(t.Context(), home.PanelURL("office-1")); err != nil {
		t.Fatal(err)
	}
	return l
}

// disturb makes the fax service unreliable now and then.
func (l *load) disturb(t *testing.T, rnd *rand.Rand) {
	t.Helper()
	faults := []faxcloud.Fault{
		{Op: faxcloud.OpSend, Action: faxcloud.Cut, Stage: faxcloud.Effect},
		{Op: faxcloud.OpSend, Action: faxcloud.Cut, Stage: faxcloud.Body},
		{Op: faxcloud.OpSend, Action: faxcloud.Answer, Code: 503},
		{Op: faxcloud.OpUpload, Action: faxcloud.Cut},
		{Op: faxcloud.OpList, Action: faxcloud.Answer, Code: 500},
		{Op: faxcloud.OpSend, Action: faxcloud.Slow, Stage: faxcloud.Effect, Delay: 300 * time.Millisecond},
	}
	if rnd.IntN(2) == 0 {
		return
	}
	if err := l.w.Fax.Inject(faults[rnd.IntN(len(faults))]); err != nil {
		t.Fatal(err)
	}
}

// waitForMoment waits for the next kill: at any time, or just after the service
// was asked to commit a fax, where a kill hurts most.
func (l *load) waitForMoment(t *testing.T, rnd *rand.Rand) {
	t.Helper()
	after := time.Duration(rnd.IntN(2000)) * time.Millisecond
	if rnd.IntN(2) == 0 {
		calls, limit := l.w.Fax.Calls(faxcloud.OpSend), time.Now().Add(4*time.Second)
		for l.w.Fax.Calls(faxcloud.OpSend) == calls && time.Now().Before(limit) {
			time.Sleep(time.Millisecond) // looks at a count; the moment itself is random
		}
		after = time.Duration(rnd.IntN(15)) * time.Millisecond
	}
	select {
	case <-t.Context().Done():
	case <-time.After(after):
	}
}

// work is a person who sends one fax after the other, whatever happens.
func (l *load) work(ctx context.Context, s *world.Station, rnd *rand.Rand) {
	b := person.New(5*time.Second, nil)
	for ctx.Err() == nil {
		// Paper that an earlier walk left, or a scan nobody fetches any more.
		s.MFP.CancelAtDevice()
		s.MFP.Clear()
		if _, err := l.w.Load(s.ID, world.LoadRequest{Stack: stackOf(1 + rnd.IntN(2))}); err != nil {
			panic(err)
		}
		b.Forget()
		p, draft, err := walk(ctx, b, l.home.PanelURL(s.ID))
		l.mu.Lock()
		if err == nil || b.Page() != nil { // else the agent was away
			l.tries++
		}
		switch {
		case err == nil:
			p.Device = s.ID
			l.promised = append(l.promised, p)
		case draft != "":
			l.unsure[draft] = true // nobody knows whether Send was heard
		}
		var trouble *person.TroubleError
		if errors.As(err, &trouble) {
			l.stopped = err
		}
		l.mu.Unlock()
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond): // the agent may be away
			}
		}
	}
}

// walk sends a fax. draft is set from the tap on Send on.
func walk(ctx context.Context, b *person.Browser, panel string) (p person.Promise, draft string, err error) {
	for _, do := range []func() error{
		func() error { return b.Begin(ctx, panel) },
		func() error { return b.Dial(ctx, "514 555 0199") },
		func() error { return b.Scan(ctx) },
		func() error { return b.Check(ctx) },
	} {
		if err := do(); err != nil {
			return p, "", err
		}
	}
	if draft, err = b.Draft(); err != nil {
		return p, "", err
	}
	// The tap is made to its end even when the load ends meanwhile.
	p, err = b.Send(context.WithoutCancel(ctx))
	if err == nil && p.Job != draft {
		err = fmt.Errorf("the promise is for %s, the form was for %s", p.Job, draft)
	}
	return p, draft, err
}

// settle waits until nothing is under way any more. The kills leave a backlog
// as long as the load was quick, so what ends the waiting is that nothing has
// moved for a while.
func (l *load) settle(t *testing.T) {
	t.Helper()
	const still = 60 * time.Second
	var last [2]int
	deadline := time.Now().Add(still)
	for {
		missing := 0
		of := l.arrived()
		for _, p := range l.promised {
			if len(of[p.Job]) == 0 {
				missing++
			}
		}
		jobs, err := l.agent.Jobs(t.Context())
		open := 0
		for _, j := range jobs {
			if !j.Final() && j.State != "draft" {
				open++
			}
		}
		if err == nil && missing == 0 && open == 0 {
			return
		}
		if now := [2]int{missing, open}; now != last {
			last, deadline = now, time.Now().Add(still)
		}
		if time.Now().After(deadline) {
			t.Errorf("nothing moved for a minute: %d faxes are missing and %d jobs are open, %v", missing, open, err)
			return
		}
		select {
		case <-t.Context().Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// arrived returns the confirmed faxes by their job.
func (l *load) arrived() map[string][]faxcloud.Entry {
	of := map[string][]faxcloud.Entry{}
	for _, e := range play.Delivered(l.w.Fax.Ledger()) {
		job, _, _ := strings.Cut(e.Key, "/")
		of[job] = append(of[job], e)
	}
	return of
}

// judge compares what was promised with the far end's ledger.
func (l *load) judge(t *testing.T) {
	t.Helper()
	of := l.arrived()
	lost, doubled, silent := 0, l.w.Fax.Doubled(), 0
	promised := map[string]bool{}
	for _, p := range l.promised {
		promised[p.Job] = true
		switch n := len(of[p.Job]); {
		case n == 0:
			lost++
			t.Errorf("lost: fax %s of %s was promised at %v", p.Number, p.Device, p.At.Format(time.TimeOnly))
		case n > 1:
			doubled++
			t.Errorf("doubled: fax %s arrived %d times", p.Number, n)
		}
	}
	where := map[paper.Mark]string{}
	for job, entries := range of {
		if !promised[job] {
			silent++
			if !l.unsure[job] {
				t.Errorf("job %s arrived and nobody tapped Send", job)
			}
		}
		for _, e := range entries {
			if err := whole(e); err != nil {
				t.Errorf("fax of job %s: %v", job, err)
			}
			for _, page := range e.Pages {
				if other, ok := where[page.Mark]; ok && other != job {
					doubled++
					t.Errorf("doubled: page %+v is in job %s and in job %s", page.Mark, other, job)
				}
				where[page.Mark] = job
			}
		}
	}
	if n := l.w.Fax.Doubled(); n > 0 {
		t.Errorf("doubled: the service took %d faxes more than the agent meant to send", n)
	}
	if len(l.promised) < leastPromised() {
		t.Errorf("only %d faxes were promised in %d kills: this was no load; a walk ended with: %v", len(l.promised), *kills, l.stopped)
	}
	t.Logf("kills %d, walks %d, promised %d, taken without an answer at the panel %d, lost %d, doubled %d",
		*kills, l.tries, len(l.promised), silent, lost, doubled)
}

// whole checks that a document is one stack of paper: pages of one batch, from
// the first on, each whole.
func whole(e faxcloud.Entry) error {
	if e.Err != "" {
		return errors.New(e.Err)
	}
	if len(e.Pages) == 0 {
		return errors.New("has no pages")
	}
	for i, p := range e.Pages {
		if want := (paper.Mark{Batch: e.Pages[0].Mark.Batch, Page: i + 1, Whole: true}); p.Err != "" || p.Mark != want {
			return fmt.Errorf("page %d is %+v %s, want %+v", i+1, p.Mark, p.Err, want)
		}
	}
	return nil
}

// stackOf is paper that is quickly drawn: the load is about the agent.
func stackOf(pages int) mfp.Stack { return mfp.Stack{Pages: pages, Class: paper.Blank} }
