package bolt_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/platen-fax/platen/agent/job"
)

// The power-cut test runs the load once under strace, which sees every system
// call of the whole process: the spool's, the keys' and bbolt's. From the calls it
// builds the disk as a power cut would leave it, at every moment at which
// something was about to be flushed or was promised, opens the spool on it,
// and looks whether every promise given before was kept.
//
// It then proves itself: with any one kind of flush left out, promises break.

// recordLoad runs the load under strace in dir and returns its calls.
func recordLoad(t *testing.T, dir string, env ...string) []call {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Fatalf("strace is needed to see what was flushed (apt-get install strace): %v", err)
	}
	out := filepath.Join(t.TempDir(), "trace")
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	cmd := exec.CommandContext(t.Context(), strace, "-f", "-xx", "-a1", "-s", "16777216", "-e", "trace="+tracedCalls, "-o", out, os.Args[0])
	cmd.Env = append(append(os.Environ(), envLoad+"="+filepath.Join(dir, "state")), env...)
	cmd.ExtraFiles = []*os.File{null} // the ledger is read from the trace
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("load under strace: %v\n%s", err, text)
	}
	calls, err := readTrace(out)
	if err != nil {
		t.Fatal(err)
	}
	return calls
}

// moment is a point of the recording at which the power may be cut.
type moment func(d *disk, said ledger) error

// replay builds the disk call by call. Flushes of the kind without are left out.
// at is called before every flush and after every acknowledgement.
func replay(calls []call, dir, without string, at moment) (kinds map[string]int, err error) {
	d := newDisk()
	kinds = map[string]int{}
	var said ledger
	// What a node had when a flush of it began, by the line it began in.
	type began struct{ changes map[*node]int }
	starts := map[int]began{}
	// The file a close meant when it began: the kernel gives the number to the next
	// open of another thread before the close has returned.
	closing := map[int]*handle{}
	order := slices.Clone(calls)
	slices.SortFunc(order, func(a, b call) int { return a.start - b.start })
	next := 0
	for _, c := range calls {
		// Before this call ended, these flushes had begun.
		for ; next < len(order) && order[next].start <= c.end; next++ {
			switch s := order[next]; s.name {
			case "fsync", "fdatasync", "close":
				fd, err := s.int(0)
				if err != nil {
					return nil, err
				}
				h := d.fds[fd]
				if s.name == "close" {
					closing[s.start] = h
				} else if h != nil {
					starts[s.start] = began{map[*node]int{h.n: len(h.n.changes)}}
				}
			}
		}
		if fd, _ := c.int(0); c.name == "close" && d.fds[fd] != closing[c.start] {
			continue // the number is another file's by now
		}
		line, flushed, err := d.do(c, dir)
		if err != nil {
			return nil, fmt.Errorf("%s(%.200s): %w", c.name, strings.Join(c.args, ", "), err)
		}
		switch {
		case flushed != nil && flushed.flushed < len(flushed.changes):
			kind := flushed.kind()
			kinds[kind]++
			if err := at(d, said); err != nil {
				return nil, err
			}
			flushed.flush(starts[c.start].changes[flushed], kind == without)
		case line != nil:
			var a ack
			if err := json.Unmarshal(line, &a); err != nil {
				return nil, err
			}
			if said = append(said, a); a.Done {
				if err := at(d, said); err != nil {
					return nil, err
				}
			}
		}
	}
	return kinds, nil
}

// TestReplayKnowsReusedNumbers replays a close that returns only after another
// thread was given the same number: that thread's flush must still count.
func TestReplayKnowsReusedNumbers(t *testing.T) {
	hex := func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
		return `"` + b.String() + `"`
	}
	open := func(name string, start, end int) call {
		return call{name: "openat", args: []string{"AT_FDCWD", hex("/disk/" + name), "O_WRONLY|O_CREAT", "0600"}, ret: 5, start: start, end: end}
	}
	calls := []call{
		open("one", 0, 0),
		open("two", 2, 3), // while the close of one, begun at 1, is still under way
		{name: "close", args: []string{"5"}, start: 1, end: 4},
		{name: "write", args: []string{"5", hex("kept"), "4"}, ret: 4, start: 5, end: 5},
		{name: "fsync", args: []string{"5"}, start: 6, end: 6},
		{name: "close", args: []string{"5"}, start: 7, end: 7},
	}
	var flushed int
	kinds, err := replay(calls, "/disk", "", func(d *disk, _ ledger) error {
		if n := d.walk("two"); n != nil {
			flushed += len(n.changes)
		}
		return nil
	})
	if err != nil || len(kinds) != 1 || flushed != 1 {
		t.Errorf("replay saw flushes %v of %d changes of the second file, %v; want 1 of 1", kinds, flushed, err)
	}
}

// do applies one call. It returns the line of the ledger that was written, or
// the node that was flushed.
func (d *disk) do(c call, dir string) (line []byte, flushed *node, err error) {
	inside := func(i int) (string, bool, error) {
		p, err := c.path(i)
		if err != nil {
			return "", false, err
		}
		rel, err := filepath.Rel(dir, p)
		return rel, err == nil && filepath.IsLocal(rel), nil
	}
	fd := func() *handle {
		n, err := c.int(0)
		if err != nil {
			return nil
		}
		return d.fds[n]
	}
	switch c.name {
	case "openat":
		p, ok, err := inside(1)
		if err != nil || !ok {
			return nil, nil, err
		}
		n := d.walk(p)
		if n == nil && strings.Contains(c.args[2], "O_CREAT") {
			if n, err = d.create(p, false); err != nil {
				return nil, nil, err
			}
		}
		if n == nil {
			return nil, nil, errors.New("opened what is not there")
		}
		if strings.Contains(c.args[2], "O_TRUNC") {
			n.changes = append(n.changes, change{what: "truncate"})
		}
		d.fds[c.ret] = &handle{n: n, append: strings.Contains(c.args[2], "O_APPEND")}
	case "close":
		n, err := c.int(0)
		if err != nil {
			return nil, nil, err
		}
		delete(d.fds, n)
	case "write", "pwrite64":
		data, err := c.text(1)
		if err != nil {
			return nil, nil, err
		}
		if n, _ := c.int(0); n == ackFD && c.name == "write" && d.fds[n] == nil {
			return bytes.TrimSpace(data), nil, nil
		}
		h := fd()
		if h == nil {
			return nil, nil, nil
		}
		off := h.off
		if c.name == "pwrite64" {
			if off, err = c.int(3); err != nil {
				return nil, nil, err
			}
		} else {
			h.off += c.ret
		}
		h.n.changes = append(h.n.changes, change{what: "write", off: off, data: data[:c.ret]})
	case "ftruncate":
		if h := fd(); h != nil {
			size, err := c.int(1)
			if err != nil {
				return nil, nil, err
			}
			h.n.changes = append(h.n.changes, change{what: "truncate", size: size})
		}
	case "mkdirat":
		if p, ok, err := inside(1); err != nil || !ok {
			return nil, nil, err
		} else if _, err := d.create(p, true); err != nil {
			return nil, nil, err
		}
	case "unlinkat":
		if p, ok, err := inside(1); err != nil || !ok {
			return nil, nil, err
		} else if err := d.remove(p); err != nil {
			return nil, nil, err
		}
	case "renameat", "renameat2":
		from, ok, err := inside(1)
		if err != nil || !ok {
			return nil, nil, err
		}
		to, _, err := inside(3)
		if err != nil {
			return nil, nil, err
		}
		return nil, nil, d.rename(from, to)
	case "fsync", "fdatasync":
		if h := fd(); h != nil {
			return nil, h.n, nil
		}
	default:
		return nil, nil, errors.New("a call that the model of the disk does not know")
	}
	return nil, nil, nil
}

// fastDir is a directory where files cost little: what is on it need not be
// durable, it only stands for a disk.
func fastDir(t *testing.T) string {
	t.Helper()
	//nolint:usetesting // TempDir lies on a disk, which would make this ten times slower
	dir, err := os.MkdirTemp("/dev/shm", "powercut")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// judge cuts the power at one moment in one way and returns the broken promises.
func judge(t *testing.T, d *disk, said, golden ledger, c cut) []string {
	dir := fastDir(t)
	defer os.RemoveAll(dir)
	if err := d.write(dir, c); err != nil {
		t.Fatal(err)
	}
	problems := d.remains(said)
	return append(problems, said.check(filepath.Join(dir, "state"), golden)...)
}

// remains returns which keys that were destroyed by acknowledged operations are
// still on the platter, linked or not, and which directories.
func (d *disk) remains(said ledger) (problems []string) {
	for _, a := range said {
		switch {
		case !a.Done:
		case a.Op == "purge" || a.Op == "discard":
			at := "state/jobs/" + string(a.Job)
			problems = append(problems, d.unwiped(at+"/key")...)
			n := d.root
			for _, name := range strings.Split(at, "/") {
				if n != nil {
					n = n.entries(n.flushed, nil)[name]
				}
			}
			if n != nil {
				problems = append(problems, at+" is still there")
			}
		case a.Op == "sweep":
			problems = append(problems, d.unwiped("state/keys/spool/"+loadStart.Format("2006-01"))...)
		}
	}
	return problems
}

// unwiped lists the files whose path ever began so and that still hold bytes.
func (d *disk) unwiped(prefix string) (problems []string) {
	for _, n := range d.nodes {
		named := func(p string) bool { return strings.HasPrefix(p, prefix) }
		if !n.dir && slices.ContainsFunc(n.names, named) && len(bytes.Trim(n.bytes(n.flushed, nil), "\x00")) > 0 {
			problems = append(problems, "the bytes of "+n.path+" are still on the disk")
		}
	}
	return problems
}

// redundant are the flushes whose loss alone breaks no promise, and why.
var redundant = map[string]string{
	"state/jobs/ID: create key.tmp, rename key":        "the first part flushes the same directory before it is promised",
	"state/jobs/ID: remove key":                        "the key is overwritten before, the directory removed after",
	"state/keys/spool: remove MONTH.key":               "the key is overwritten before, and the next start removes the rest",
	"state/keys: create ring.key.tmp, rename ring.key": "the directory is flushed again for its child",
	"state: create keys":                               "the directory is flushed again for spool.db",
	"state: create platen.key.tmp, rename platen.key":  "the directory is flushed again for spool.db",
	"state: create jobs, create lock":                  "the directory is flushed again for spool.db",
}

// record runs the load and returns its calls and its ledger.
func record(t *testing.T, dir string, env ...string) (calls []call, golden ledger, kinds map[string]int) {
	calls = recordLoad(t, dir, env...)
	kinds, err := replay(calls, dir, "", func(_ *disk, said ledger) error { golden = said; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if len(golden) < 150 || golden[len(golden)-1].Op != "sweep" {
		t.Fatalf("the load said %d lines; want all of them", len(golden))
	}
	return calls, golden, kinds
}

// TestPowerCut cuts the power of a spool that several workers use.
func TestPowerCut(t *testing.T) {
	dir := t.TempDir()
	calls, golden, kinds := record(t, dir)
	var moments, cuts int
	_, err := replay(calls, dir, "", func(d *disk, said ledger) error {
		moments++
		how := []cut{cutStrict}
		if !said.complete() { // in the middle of something
			others := []cut{cutNames, cutTorn, cutBytes, cutRandom(uint64(moments)), cutRandom(uint64(moments) + 1e6)}
			how = append(how, others[moments%len(others)])
		}
		for _, c := range how {
			cuts++
			for _, p := range judge(t, d, said, golden, c) {
				t.Errorf("moment %d, %s: %s", moments, c.name, p)
			}
		}
		if t.Failed() {
			return errBroken
		}
		return nil
	})
	t.Logf("%d system calls, %d kinds of flush, %d power cuts at %d moments", len(calls), len(kinds), cuts, moments)
	if err != nil {
		t.Error(err)
	}
}

// TestPowerCutSees proves that TestPowerCut would notice the loss of any flush:
// it leaves out one kind after the other. The workers of this load take turns,
// so that it makes the same kinds every time.
func TestPowerCutSees(t *testing.T) {
	dir := t.TempDir()
	calls, golden, kinds := record(t, dir, envAlone+"=1")
	for kind, why := range redundant {
		if kinds[kind] == 0 {
			t.Errorf("no flush %q was seen (%s); the list is out of date", kind, why)
		}
		delete(kinds, kind)
	}
	if len(kinds) < 14 {
		t.Errorf("only %d kinds of flush were seen: %v", len(kinds), kinds)
	}
	countFlushes(t, calls, dir)
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		t.Run(strings.NewReplacer("/", "|", " ", "_").Replace(kind), func(t *testing.T) {
			broken := breaks(t, calls, dir, kind, golden)
			if broken == "" {
				t.Errorf("nothing breaks without this flush (made %d times): the test is blind to it, or it is not needed", kinds[kind])
			}
			t.Log(broken)
		})
	}
}

// countFlushes compares what each operation costs with what it should: on an SD
// card a flush is 5 to 50 ms, and nothing else counts.
func countFlushes(t *testing.T, calls []call, dir string) {
	t.Helper()
	var said ledger
	flushes, n := map[string]int{}, 0
	_, err := replay(calls, dir, "", func(_ *disk, now ledger) error {
		if len(now) == 0 || now[len(now)-1].Done && len(now) == len(said) {
			n = 0
			return nil
		}
		if last := now[len(now)-1]; last.Done {
			if last.Op != "page" || flushes[last.Op] == 0 {
				flushes[last.Op] = n
			}
			if least, ok := flushes["next page"]; last.Op == "page" && (!ok || n < least) {
				flushes["next page"] = n
			}
			n = 0
		} else {
			n++
		}
		said = now
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"draft": 2, "page": 7, "next page": 4, "part": 2, "accept": 2, "claim": 0, "commit": 2,
		string(job.Uploading): 2, string(job.Submitting): 2, string(job.Submitted): 2,
	}
	for op, w := range want {
		if flushes[op] != w {
			t.Errorf("%s makes %d flushes; want %d", op, flushes[op], w)
		}
	}
}

// complete reports whether nothing is under way.
func (l ledger) complete() bool { return len(l) > 0 && l[len(l)-1].Done }

var errBroken = errors.New("broken")

// breaks leaves one kind of flush out and returns the first promise that breaks.
func breaks(t *testing.T, calls []call, dir, kind string, golden ledger) (first string) {
	n := 0
	_, err := replay(calls, dir, kind, func(d *disk, said ledger) error {
		n++
		if !d.owes() {
			return nil
		}
		for _, c := range []cut{cutStrict, cutNames, cutTorn, cutRandom(uint64(n))} {
			if problems := judge(t, d, said, golden, c); len(problems) > 0 {
				first = fmt.Sprintf("moment %d, %s: %s", n, c.name, problems[0])
				return errBroken
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	return first
}
