// Package process runs the agent's binary as a child and asks it, over its own
// commands, what it knows: a world judges the program that is shipped, not a
// part of it.
package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Limits of waiting for a child.
const (
	readyPoll = 15 * time.Millisecond
	stopTime  = 10 * time.Second
	askTime   = 10 * time.Second
)

// ErrAnswer says that a command of the agent printed something else than agreed.
var ErrAnswer = errors.New("not the agreed answer")

// ErrEnded says that the agent is not running.
var ErrEnded = errors.New("the agent has ended")

// Find returns the agent's binary: the one named, else the one that lies beside
// this program.
func Find(named string) (string, error) {
	if named == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("find the agent: %w", err)
		}
		named = filepath.Join(filepath.Dir(self), "platen")
		if runtime.GOOS == "windows" {
			named += ".exe"
		}
	}
	st, err := os.Stat(named)
	if err != nil || st.IsDir() {
		return "", fmt.Errorf("there is no agent at %s: build both programs with make build, or name it with --agent", named)
	}
	return filepath.Abs(named)
}

// Agent runs the agent's binary, again and again over one configuration. Its
// methods may be called from several goroutines.
type Agent struct {
	binary, config string
	log            string // file that gets what it says
	env            []string

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed when cmd has ended
	err  error         // how it ended
}

// New returns an agent that is not running. Its log is appended to the file
// named log; env is added to this process's environment.
func New(binary, config, log string, env ...string) *Agent {
	return &Agent{binary: binary, config: config, log: log, env: env}
}

// Start starts it. It is an error if it is running.
func (a *Agent) Start() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cmd != nil {
		return errors.New("start the agent: it is running")
	}
	log, err := os.OpenFile(a.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start the agent: %w", err)
	}
	defer log.Close() // the child has its own
	cmd := exec.Command(a.binary, "run", "--config", a.config)
	cmd.Dir = filepath.Dir(a.config)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), a.env...)
	apart(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the agent: %w", err)
	}
	done := make(chan struct{})
	a.cmd, a.done, a.err = cmd, done, nil
	go func() {
		err := cmd.Wait()
		a.mu.Lock()
		defer a.mu.Unlock()
		a.cmd, a.err = nil, err
		close(done)
	}()
	return nil
}

// PID returns its process id, 0 while it is not running.
func (a *Agent) PID() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cmd == nil {
		return 0
	}
	return a.cmd.Process.Pid
}

// Kill ends it as a power failure would and waits.
func (a *Agent) Kill() error { return a.signal(os.Kill) }

// Stop asks it to end and waits; it is killed when it does not.
func (a *Agent) Stop() error {
	if runtime.GOOS == "windows" {
		return a.Kill()
	}
	return a.signal(syscall.SIGTERM)
}

// Abort makes it die with its last thoughts in the log, as a bug would, and
// waits. Where there is no signal for that it is killed.
func (a *Agent) Abort() error {
	if runtime.GOOS == "windows" {
		return a.Kill()
	}
	err := a.signal(syscall.SIGQUIT)
	var exit *exec.ExitError
	if errors.As(err, &exit) { // of course
		return nil
	}
	return err
}

func (a *Agent) signal(s os.Signal) error {
	a.mu.Lock()
	cmd, done := a.cmd, a.done
	a.mu.Unlock()
	if cmd == nil {
		return nil
	}
	if err := cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal the agent: %w", err)
	}
	select {
	case <-done:
	case <-time.After(stopTime):
		_ = cmd.Process.Kill() // it may have ended just now
		<-done
		return fmt.Errorf("the agent did not end within %v of %v", stopTime, s)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if s != os.Kill && a.err != nil {
		return fmt.Errorf("the agent was asked to end: %w", a.err)
	}
	return nil
}

// reloaded is what the agent's log says of a reload, done or refused.
var reloaded = [][]byte{[]byte("configuration reloaded"), []byte("the old configuration stays")} //nolint:gochecknoglobals // constant

// Reload asks it to read its configuration again and waits until its log says
// what came of it. An error says that it did not, or refused. Unix only.
func (a *Agent) Reload(ctx context.Context) error {
	if runtime.GOOS == "windows" {
		return errors.New("reload the agent: there is no signal for it here")
	}
	a.mu.Lock()
	cmd := a.cmd
	a.mu.Unlock()
	if cmd == nil {
		return fmt.Errorf("reload the agent: %w", ErrEnded)
	}
	count := func(i int) (int, error) {
		data, err := os.ReadFile(a.log)
		return bytes.Count(data, reloaded[i]), err
	}
	done, err := count(0)
	if err != nil {
		return fmt.Errorf("reload the agent: %w", err)
	}
	stayed, err := count(1)
	if err != nil {
		return fmt.Errorf("reload the agent: %w", err)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		return fmt.Errorf("reload the agent: %w", err)
	}
	for {
		if n, err := count(0); err != nil || n > done {
			return err
		}
		if n, err := count(1); err != nil || n > stayed {
			return errors.Join(err, fmt.Errorf("the agent keeps its old configuration\n%s", a.Tail(1200)))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("reload the agent: %w", context.Cause(ctx))
		case <-time.After(readyPoll):
		}
	}
}

// Ready waits until the address answers with 200. It fails at once when the
// agent ends instead.
func (a *Agent) Ready(ctx context.Context, address string) error {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	last := errors.New("not asked yet")
	for {
		a.mu.Lock()
		running, end := a.cmd != nil, a.err
		a.mu.Unlock()
		if !running {
			return fmt.Errorf("%w: %w\n%s", ErrEnded, end, a.Tail(1200))
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("it answers %s", resp.Status)
		}
		if ctx.Err() == nil { // a question cut short by the end says nothing
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the agent: %w: %w\n%s", ctx.Err(), last, a.Tail(1200))
		case <-time.After(readyPoll):
		}
	}
}

// Tail returns the last n bytes of the log, whole lines.
func (a *Agent) Tail(n int64) string {
	f, err := os.Open(a.log)
	if err != nil {
		return ""
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return ""
	}
	from := max(0, st.Size()-n)
	data, err := io.ReadAll(io.NewSectionReader(f, from, n))
	if err != nil {
		return ""
	}
	if i := bytes.IndexByte(data, '\n'); from > 0 && i >= 0 {
		data = data[i+1:]
	}
	return string(data)
}

// Command runs another command of the agent's binary with the configuration and
// returns what it prints.
func (a *Agent) Command(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, a.binary, append(args, "--config", a.config)...)
	cmd.Dir = filepath.Dir(a.config)
	cmd.Env = append(os.Environ(), a.env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("platen %v: %w: %s", args, err, bytes.TrimSpace(errs.Bytes()))
	}
	return out.Bytes(), nil
}

// Job is what the agent says about one job.
type Job struct {
	ID         string     `json:"id"`
	Number     string     `json:"number"`
	Device     string     `json:"device"`
	State      string     `json:"state"`
	Outcome    string     `json:"outcome"`
	Reason     string     `json:"reason"`
	Deliveries []Delivery `json:"deliveries"`
}

// Delivery is what the agent says about one recipient.
type Delivery struct {
	State  string `json:"state"`
	Reason string `json:"reason"`
	Code   string `json:"code"`
	Try    int    `json:"try"`
}

// Final reports whether nothing more happens to the job by itself.
func (j Job) Final() bool {
	switch j.State {
	case "closed", "failed", "cancelled", "discarded":
		return true
	}
	return false
}

// Jobs asks the running agent for all jobs.
func (a *Agent) Jobs(ctx context.Context) ([]Job, error) {
	out, err := a.Command(ctx, "jobs", "list", "--json")
	if err != nil {
		return nil, err
	}
	var list struct {
		Jobs *[]Job `json:"jobs"`
	}
	if err := json.Unmarshal(out, &list); err != nil || list.Jobs == nil {
		return nil, fmt.Errorf("platen jobs list --json: %w: %.80q", ErrAnswer, out)
	}
	return *list.Jobs, nil
}
