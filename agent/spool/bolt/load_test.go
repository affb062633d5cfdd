package bolt_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/agent/spool/bolt"
)

// envLoad makes this test binary run the load in the directory it names and
// write what was acknowledged to file descriptor 3.
const envLoad = "PLATEN_TEST_SPOOL_LOAD"

// envAlone makes the load's workers run one after the other.
const envAlone = "PLATEN_TEST_SPOOL_ALONE"

// ackFD is the descriptor of the ledger in the child.
const ackFD = 3

func TestMain(m *testing.M) {
	if dir := os.Getenv(envLoad); dir != "" {
		if err := runLoad(dir, os.NewFile(ackFD, "ledger")); err != nil {
			fmt.Fprintln(os.Stderr, "load:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// ack is one line of the ledger. An operation is announced before it begins and
// acknowledged with what the job looks like once it returned nil.
type ack struct {
	Done bool   `json:"done"`
	Job  job.ID `json:"job"`
	N    int    `json:"n"` // of the job's operations
	Op   string `json:"op"`
	Seq  uint64 `json:"seq,omitempty"`  // newest event
	Look *look  `json:"look,omitempty"` // the job afterwards
	Part string `json:"part,omitempty"` // stored by PutPart
	SHA  string `json:"sha,omitempty"`
}

// look is what must be found again of a job: everything but times.
type look struct {
	Gone       bool     `json:"gone,omitempty"`
	State      string   `json:"state,omitempty"`
	Erased     bool     `json:"erased,omitempty"`
	Pages      []string `json:"pages,omitempty"`
	Deliveries []string `json:"deliveries,omitempty"`
}

func lookAt(j *job.Job) *look {
	l := &look{State: string(j.State), Erased: !j.Erased.IsZero()}
	for _, p := range j.Pages {
		l.Pages = append(l.Pages, fmt.Sprint(p.Part, " ", p.ScanSHA, " ", p.Converted, " ", p.FaxedSHA))
	}
	for _, d := range j.Deliveries {
		l.Deliveries = append(l.Deliveries, fmt.Sprint(d.Recipient.Number, " ", d.State, " ", d.Try, " ", d.Service, " ", d.Offset,
			" ", d.Document, " ", d.FaxID, " ", d.Searches.Answered, " ", d.Cancel, " ", d.DecidedBy, " ", d.Refs))
	}
	return l
}

// loadStart is the wall time at which every load begins.
var loadStart = time.Date(2026, 1, 20, 8, 0, 0, 0, time.UTC)

// loadEnd is past everything that a load does.
var loadEnd = loadStart.AddDate(0, 6, 0)

// load is a running load.
type load struct {
	s      spool.Spool
	bolt   *bolt.Spool
	out    *os.File
	offset atomic.Int64
	lanes  sync.Mutex // held while looking for one's own unit in a lane of all
}

func runLoad(dir string, out *os.File) error {
	l := &load{out: out}
	clock := func() time.Time { return loadStart.Add(time.Duration(l.offset.Add(int64(time.Millisecond)))) }
	s, err := tryOpen(dir, bolt.Options{Clock: clock, Reserve: 1})
	if err != nil {
		return err
	}
	l.s, l.bolt = s, s
	var work errgroup.Group
	if os.Getenv(envAlone) != "" {
		work.SetLimit(1)
	}
	for g := range 2 {
		work.Go(func() error { return l.work(g) })
	}
	if err := work.Wait(); err != nil {
		return err
	}
	// A quarter later: what ended is forgotten, what lives is sealed anew.
	l.offset.Add(int64(120 * 24 * time.Hour))
	for g := range 2 {
		j := &paper{load: l, id: loadID(g, 0), n: 1000}
		if err := j.expire(job.ExpireForget); err != nil {
			return err
		}
	}
	j := &paper{load: l, id: loadID(0, 3), n: 1000}
	if err := j.do("sweep", func(ctx context.Context) error { return l.bolt.Sweep(ctx) }); err != nil {
		return err
	}
	return s.Close()
}

// loadID is a fixed id, so that two runs can be compared.
func loadID(g, k int) job.ID {
	return job.ID(fmt.Sprintf("01a00000-0000-7000-8000-0000000000%d%d", g, k))
}

// number is a recipient's number, found nowhere else.
func (p *paper) number() string { return "+1416555" + string(p.id[len(p.id)-4:]) }

// paper is one job of the load. Its operations follow one another.
type paper struct {
	*load
	id job.ID
	n  int
	g  int
}

func (p *paper) say(a ack) error {
	a.Job, a.N = p.id, p.n
	line, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = p.out.Write(append(line, '\n')) // one write, one line
	return err
}

// do announces, runs and acknowledges one operation.
func (p *paper) do(op string, fn func(ctx context.Context) error) error {
	p.n++
	if err := p.say(ack{Op: op}); err != nil {
		return err
	}
	ctx := context.Background()
	if err := fn(ctx); err != nil {
		return fmt.Errorf("job %s: %s: %w", p.id, op, err)
	}
	a := ack{Op: op, Done: true, Look: &look{Gone: true}}
	if op != string(job.ExpireForget) {
		j, err := p.s.Get(ctx, p.id)
		if err != nil {
			return err
		}
		a.Look = lookAt(j)
	}
	return p.say(a)
}

// content is fixed noise that no other page has.
func content(id job.ID, name string, size int) []byte {
	r := rand.NewChaCha8(sha256.Sum256([]byte(string(id) + name)))
	b := make([]byte, size)
	_, _ = r.Read(b)
	return b
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (p *paper) draft(pages ...int) error {
	err := p.do("draft", func(ctx context.Context) error {
		_, err := p.s.Draft(ctx, &job.Job{ID: p.id, Device: "front-desk", Owner: job.Person{ID: "ann", Name: "Ann Privat"}})
		return err
	})
	for i, size := range pages {
		if err == nil {
			err = p.do("page", func(ctx context.Context) error {
				_, err := p.s.AddPage(ctx, p.id, job.Page{MIME: "image/jpeg"}, bytes.NewReader(content(p.id, fmt.Sprint(i), size)))
				return err
			})
		}
	}
	return err
}

// mine claims the job's own unit out of a lane that others use too.
func (p *paper) mine(ctx context.Context, lane string, r int) (*spool.Claim, error) {
	p.lanes.Lock()
	defer p.lanes.Unlock()
	cs, _, err := p.s.Claim(ctx, lane, 100, time.Hour)
	if err != nil {
		return nil, err
	}
	var found *spool.Claim
	for _, c := range cs {
		if c.Ref == (spool.Ref{Job: p.id, Recipient: r}) {
			found = c
		} else if err := p.s.Release(ctx, c, time.Time{}); err != nil {
			return nil, err
		}
	}
	if found == nil {
		return nil, fmt.Errorf("not in lane %s", lane)
	}
	return found, nil
}

func (p *paper) convert() error {
	var c *spool.Claim
	err := p.do("claim", func(ctx context.Context) (err error) {
		c, err = p.mine(ctx, job.LaneConvert, 0)
		return err
	})
	if err != nil {
		return err
	}
	var done []spool.Converted
	for i, page := range c.Job.Pages {
		if page.Converted {
			continue
		}
		name := fmt.Sprintf("fax/%04d", i+1)
		fax := content(p.id, name, 3000)
		p.n++
		if err := p.say(ack{Op: "part", Part: name}); err != nil {
			return err
		}
		info, err := p.s.PutPart(context.Background(), p.id, name, bytes.NewReader(fax))
		if err != nil {
			return err
		}
		if err := p.say(ack{Op: "part", Done: true, Part: name, SHA: info.SHA256}); err != nil {
			return err
		}
		done = append(done, spool.Converted{Part: page.Part, Page: job.Page{Fax: name, Width: 1728}})
	}
	return p.do("commit", func(ctx context.Context) error { return p.s.Commit(ctx, c, done) })
}

func (p *paper) accept() error {
	service := fmt.Sprint("main", p.g)
	return p.do("accept", func(ctx context.Context) error {
		_, err := p.s.Accept(ctx, p.id, spool.Terms{
			Recipients: []job.Recipient{{Number: p.number(), Name: "Dr. Privat"}}, Route: []string{service},
			Grants: []job.Grant{{Kind: job.GrantTicket, Service: service, Person: "ann", Ticket: []byte("TICKET-" + string(p.id))}},
		})
		return err
	})
}

// steps claims the delivery and takes it along.
func (p *paper) steps(lane string, steps ...job.Step) error {
	var c *spool.Claim
	err := p.do("claim", func(ctx context.Context) (err error) {
		c, err = p.mine(ctx, lane, 1)
		return err
	})
	for i, st := range steps {
		if err == nil {
			err = p.do(string(st.To), func(ctx context.Context) error {
				switch {
				case st.To == job.Submitting:
					return p.s.BeginSubmit(ctx, c, "c0ffee", time.Second)
				case st.To == job.Uploading && st.Cause == "":
					return p.s.Progress(ctx, c, map[string]string{"upload": "u1"}, 4096)
				case st.To == job.InDoubt && st.Cause == "":
					return p.s.Searched(ctx, c, job.Searches{Answered: 1, Absent: 1})
				case i == len(steps)-1:
					return p.s.Outcome(ctx, c, st)
				}
				return p.s.Advance(ctx, c, st)
			})
		}
	}
	return err
}

func (p *paper) expire(what job.Expiry) error {
	c, err := p.mine(context.Background(), job.LaneDeadline, 0)
	if err != nil {
		return err
	}
	return p.do(string(what), func(ctx context.Context) error { return p.s.Expire(ctx, c, what) })
}

// work is the four jobs of one worker.
func (l *load) work(g int) error {
	send, track := job.SendLane(fmt.Sprint("main", g)), job.TrackLane(fmt.Sprint("main", g))
	up := []job.Step{{To: job.Uploading, Cause: job.CauseStart}, {To: job.Uploading}, {To: job.Submitting}}
	at := func(k int) *paper { return &paper{load: l, id: loadID(g, k), g: g} }

	sent := at(0)
	// Before, during and after the promise, then erased.
	for _, step := range []func() error{
		func() error { return sent.draft(70_000, 5_000) }, sent.convert, sent.accept, sent.convert,
		func() error {
			return sent.steps(send, append(up, job.Step{To: job.Submitted, Cause: job.CauseAccepted, FaxID: "fax-0"})...)
		},
		func() error { return sent.steps(track, job.Step{To: job.Sent, Cause: job.CauseOutcome, Pages: 2}) },
		func() error {
			return sent.do("purge", func(ctx context.Context) error { return l.s.Purge(ctx, sent.id) })
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}

	doubt := at(1)
	for _, step := range []func() error{
		func() error { return doubt.draft(5_000, 6_000, 7_000) },
		func() error {
			return doubt.do("reorder", func(ctx context.Context) error {
				return l.s.Reorder(ctx, doubt.id, []string{"page/0003", "page/0001", "page/0002"})
			})
		},
		func() error {
			return doubt.do("drop", func(ctx context.Context) error { return l.s.Drop(ctx, doubt.id, "page/0001") })
		},
		doubt.accept, doubt.convert,
		func() error {
			return doubt.steps(send, append(up, job.Step{To: job.InDoubt, Cause: job.CauseAmbiguous})...)
		},
		func() error {
			return doubt.steps(track, job.Step{To: job.InDoubt}, job.Step{To: job.NeedsDecision, Cause: job.CauseNoSearch})
		},
		func() error {
			return doubt.do("decide", func(ctx context.Context) error {
				return l.s.Decide(ctx, spool.Ref{Job: doubt.id, Recipient: 1}, spool.VerdictAgain, "ann")
			})
		},
		func() error {
			return doubt.do("cancel", func(ctx context.Context) error { return l.s.Cancel(ctx, spool.Ref{Job: doubt.id}) })
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}

	gone := at(2)
	if err := gone.draft(4_000); err != nil {
		return err
	}
	err := gone.do("discard", func(ctx context.Context) error { return l.s.Discard(ctx, gone.id, "test") })
	if err != nil {
		return err
	}

	captured := at(3)
	if err := captured.draft(4_000); err != nil {
		return err
	}
	return captured.accept()
}
