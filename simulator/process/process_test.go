//go:build unix

package process_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/platen-fax/platen/simulator/process"
)

// TestMain is the agent of these tests when it is started as one: it serves the
// address its configuration consists of.
func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Getenv("ACT_AS_AGENT") != "" {
		os.Exit(act(os.Args[1:]))
	}
	os.Exit(m.Run())
}

func act(args []string) int {
	if args[0] == "jobs" {
		fmt.Println(`{"jobs":[{"id":"j","number":"4F7K","state":"closed","outcome":"sent","deliveries":[{"state":"sent","try":1}],"new":1}]}`)
		return 0
	}
	address, err := os.ReadFile(args[2])
	if err != nil {
		return 2
	}
	if string(address) == "broken" {
		fmt.Println("the configuration is broken")
		return 1
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	ln, err := net.Listen("tcp", string(address))
	if err != nil {
		return 2
	}
	go func() { _ = http.Serve(ln, http.NotFoundHandler()) }() //nolint:gosec // a test's child, ended with it
	for reading := true; reading; {
		select {
		case <-hup:
			if os.Getenv("ACT_AS_AGENT") == "badly" {
				fmt.Println("reload: the old configuration stays")
			} else {
				fmt.Println("configuration reloaded")
			}
		case <-term:
			reading = false
		}
	}
	if os.Getenv("ACT_AS_AGENT") == "badly" {
		return 3
	}
	return 0
}

func agent(t *testing.T, config, how string) *process.Agent {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "config")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a := process.New(self, file, filepath.Join(dir, "log"), "ACT_AS_AGENT="+how)
	t.Cleanup(func() { _ = a.Kill() })
	return a
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// up waits until something listens; the fake agent answers 404, so Ready must
// not be satisfied.
func up(t *testing.T, address string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestAbort shows that a child leaves its dump in the log.
func TestAbort(t *testing.T) {
	address := freeAddress(t)
	a := agent(t, address, "well")
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	up(t, address)
	if err := a.Abort(); err != nil {
		t.Errorf("Abort = %v", err)
	}
	if a.PID() != 0 || !strings.Contains(a.Tail(1<<20), "SIGQUIT") {
		t.Errorf("process %d, the log says\n%s", a.PID(), a.Tail(400))
	}
}

// TestReload shows that whoever reloads waits for what came of it, each time.
func TestReload(t *testing.T) {
	for how, ok := range map[string]bool{"well": true, "badly": false} {
		address := freeAddress(t)
		a := agent(t, address, how)
		if err := a.Reload(t.Context()); !errors.Is(err, process.ErrEnded) {
			t.Errorf("Reload before Start = %v; want ErrEnded", err)
		}
		if err := a.Start(); err != nil {
			t.Fatal(err)
		}
		up(t, address)
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if err := a.Reload(ctx); (err == nil) != ok || ctx.Err() != nil {
				t.Errorf("agent that acts %s: Reload = %v", how, err)
			}
			cancel()
		}
	}
}

func TestLife(t *testing.T) {
	address := freeAddress(t)
	a := agent(t, address, "well")
	for _, end := range []func() error{a.Stop, a.Kill, a.Stop} {
		if err := a.Start(); err != nil {
			t.Fatal(err)
		}
		if err := a.Start(); err == nil {
			t.Error("a second Start works")
		}
		up(t, address)
		pid := a.PID()
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if a.PID() != 0 {
			t.Errorf("PID is %d after the end", a.PID())
		}
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d is still there: %v", pid, err)
		}
	}
}

// TestStopTells shows that an agent that ends badly when asked to is noticed.
func TestStopTells(t *testing.T) {
	address := freeAddress(t)
	a := agent(t, address, "badly")
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	up(t, address)
	if err := a.Stop(); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("Stop = %v, want exit status 3", err)
	}
}

func TestReady(t *testing.T) {
	broken := agent(t, "broken", "well")
	if err := broken.Start(); err != nil {
		t.Fatal(err)
	}
	err := broken.Ready(t.Context(), "http://"+freeAddress(t))
	if !errors.Is(err, process.ErrEnded) || !strings.Contains(err.Error(), "configuration is broken") {
		t.Errorf("Ready of an agent that ended = %v, want ErrEnded and what it said", err)
	}
	address := freeAddress(t)
	a := agent(t, address, "well")
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	up(t, address)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := a.Ready(ctx, "http://"+address); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "404") {
		t.Errorf("Ready of an agent that answers 404 = %v, want the deadline and the answer", err)
	}
}

func TestJobs(t *testing.T) {
	a := agent(t, "unused", "well")
	jobs, err := a.Jobs(t.Context())
	if err != nil || len(jobs) != 1 || jobs[0].Outcome != "sent" || !jobs[0].Final() || jobs[0].Deliveries[0].Try != 1 {
		t.Errorf("Jobs = %+v, %v", jobs, err)
	}
}

func TestFind(t *testing.T) {
	if got, err := process.Find(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Errorf("Find of nothing = %s", got)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := process.Find(self); err != nil || got != self {
		t.Errorf("Find(%s) = %s, %v", self, got, err)
	}
}
