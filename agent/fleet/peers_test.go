package fleet_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// history is a spool as far as this package looks at one.
type history struct {
	mu      sync.Mutex
	events  []spool.Event
	jobs    map[job.ID]*job.Job
	changed chan struct{}
}

func newHistory() *history {
	return &history{jobs: map[job.ID]*job.Job{}, changed: make(chan struct{})}
}

func (h *history) add(e spool.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.Seq = uint64(len(h.events) + 1)
	h.events = append(h.events, e)
	close(h.changed)
	h.changed = make(chan struct{})
}

// Personal data that must never be seen on a broker.
const (
	number = "+15145550199"
	name   = "Dr. Roy"
	email  = "ann@contoso.example"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// addJob adds a job that was sent: six events, four of which are told.
func (h *history) addJob(n int) job.ID {
	id := job.ID(fmt.Sprintf("0195f0e2-7c1a-7abc-8def-%012d", n))
	h.mu.Lock()
	h.jobs[id] = &job.Job{
		ID: id, Device: "front-desk", State: job.Closed, Owner: job.Person{ID: "ann", Name: "Ann", Email: email},
		Deliveries: []job.Delivery{{State: job.Sent, Recipient: job.Recipient{Number: number, Name: name}}},
	}
	h.mu.Unlock()
	ref, to := spool.Ref{Job: id}, spool.Ref{Job: id, Recipient: 1}
	h.add(spool.Event{Kind: spool.EventJob, At: noon, Ref: ref, Device: "front-desk", State: job.Draft})
	h.add(spool.Event{Kind: spool.EventPage, At: noon, Ref: ref, Device: "front-desk", State: job.Draft, Pages: 1})
	h.add(spool.Event{Kind: spool.EventJob, At: noon, Ref: ref, Device: "front-desk", State: job.Captured, Pages: 1})
	h.add(spool.Event{
		Kind: spool.EventDelivery, At: noon, Ref: to, Device: "front-desk", State: job.Ready, Delivery: job.Sent,
		Try: 2, Service: "main", Reason: job.ReasonBusy, Pages: 1,
	})
	h.add(spool.Event{Kind: spool.EventJob, At: noon, Ref: ref, Device: "front-desk", State: job.Closed, Pages: 1})
	h.add(spool.Event{Kind: spool.EventErased, At: noon, Ref: ref, Device: "front-desk", State: job.Closed, Pages: 1})
	return id
}

func (h *history) Get(_ context.Context, id job.ID) (*job.Job, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	j, ok := h.jobs[id]
	if !ok {
		return nil, spool.ErrNotFound
	}
	return j, nil
}

func (h *history) Last(context.Context) (uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return uint64(len(h.events)), nil
}

func (h *history) Watch(ctx context.Context, cursor uint64) iter.Seq2[spool.Event, error] {
	return func(yield func(spool.Event, error) bool) {
		for {
			h.mu.Lock()
			batch, changed := slices.Clone(h.events[cursor:]), h.changed
			h.mu.Unlock()
			for _, e := range batch {
				if ctx.Err() != nil || !yield(e, nil) {
					return
				}
				cursor = e.Seq
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

// memory is a cursor.
type memory struct{ seq atomic.Uint64 }

func (m *memory) Get(context.Context) (uint64, error) { return m.seq.Load(), nil }

func (m *memory) Put(_ context.Context, seq uint64) error {
	m.seq.Store(seq)
	return nil
}

// mosquitto is the real broker on a port of its own.
type mosquitto struct {
	addr string
	conf string
	cmd  *exec.Cmd
}

func needMosquitto(t *testing.T) string {
	t.Helper()
	// Debian keeps daemons out of the path of users.
	for _, p := range []string{"mosquitto", "/usr/sbin/mosquitto"} {
		if bin, err := exec.LookPath(p); err == nil {
			return bin
		}
	}
	t.Fatal("mosquitto not found: install the package mosquitto")
	return ""
}

func newMosquitto(t *testing.T) *mosquitto {
	t.Helper()
	needMosquitto(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().(*net.TCPAddr)
	ln.Close()
	m := &mosquitto{addr: addr.String(), conf: filepath.Join(t.TempDir(), "mosquitto.conf")}
	text := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest stdout\n", addr.Port)
	if err := os.WriteFile(m.conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.stop)
	return m
}

func (m *mosquitto) start(t *testing.T) {
	t.Helper()
	var out bytes.Buffer
	m.cmd = exec.Command(needMosquitto(t), "-c", m.conf)
	m.cmd.Stdout, m.cmd.Stderr = &out, &out
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "mosquitto listens", func() bool {
		conn, err := net.Dial("tcp", m.addr)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
}

func (m *mosquitto) stop() {
	if m.cmd != nil {
		m.cmd.Process.Kill() //nolint:errcheck // it may have ended
		m.cmd.Wait()         //nolint:errcheck // it was killed
		m.cmd = nil
	}
}

// heard collects what a subscriber of everything gets.
type heard struct {
	mu   sync.Mutex
	msgs []message
}

type message struct {
	topic, payload string
	retained       bool
}

func (h *heard) all() []message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.msgs)
}

// listen subscribes to everything; when it returns the broker has confirmed.
func (m *mosquitto) listen(t *testing.T) *heard {
	t.Helper()
	h := &heard{}
	o := paho.NewClientOptions().AddBroker("tcp://" + m.addr).SetClientID("ear").SetProtocolVersion(4)
	c := paho.NewClient(o.SetAutoReconnect(false).SetConnectTimeout(5 * time.Second))
	if tok := c.Connect(); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		t.Fatalf("subscriber: %v", tok.Error())
	}
	t.Cleanup(func() { c.Disconnect(100) })
	tok := c.Subscribe("#", 1, func(_ paho.Client, m paho.Message) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.msgs = append(h.msgs, message{m.Topic(), string(m.Payload()), m.Retained()})
	})
	if !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		t.Fatalf("subscribe: %v", tok.Error())
	}
	return h
}

// syncBuffer is a buffer that a process writes while a test reads.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// eventually polls a condition; the deadline only ends a test that fails.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		}
	}
}
