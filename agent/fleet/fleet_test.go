package fleet_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"iter"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	agentfleet "github.com/platen-fax/platen/agent/fleet"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/protocols/fleet"
	"github.com/platen-fax/platen/simulator/broker"
)

func options(addr string, h *history) agentfleet.Options {
	return agentfleet.Options{
		Broker: addr, Site: "Main office", Agent: "box-1", Version: "1.2.0",
		Source: h, Cursor: new(memory),
		RetryMin: 20 * time.Millisecond, RetryMax: 100 * time.Millisecond, CursorWait: 10 * time.Millisecond,
		Heartbeat: 50 * time.Millisecond, KeepAlive: 5 * time.Second,
	}
}

// run starts a client; the returned function ends it and waits.
func run(t *testing.T, o agentfleet.Options) (*agentfleet.Client, func()) {
	t.Helper()
	c, err := agentfleet.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c, start(t, c)
}

func start(t *testing.T, c *agentfleet.Client) func() {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	stop := func() {
		cancel()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Run = %v; want context.Canceled", err)
			}
			done <- err
		case <-time.After(10 * time.Second):
			t.Error("Run did not end with its context")
		}
	}
	t.Cleanup(stop)
	return stop
}

// status returns the newest status heard.
func (h *heard) status(t *testing.T) (fleet.Status, bool) {
	t.Helper()
	for _, m := range slices.Backward(h.all()) {
		if _, kind, err := fleet.ParseTopic(m.topic); err != nil || kind != fleet.KindStatus {
			continue
		}
		s, err := fleet.DecodeStatus([]byte(m.payload))
		if err != nil {
			t.Fatalf("%s: %v", m.payload, err)
		}
		return s, true
	}
	return fleet.Status{}, false
}

// jobs returns the job events heard, deliveries the delivery events.
func (h *heard) jobs(t *testing.T) (out []fleet.JobEvent) {
	t.Helper()
	for _, m := range h.all() {
		if _, kind, err := fleet.ParseTopic(m.topic); err == nil && kind == fleet.KindJob {
			e, err := fleet.DecodeJob([]byte(m.payload))
			if err != nil {
				t.Fatalf("%s: %v", m.payload, err)
			}
			out = append(out, e)
		}
	}
	return out
}

func (h *heard) deliveries(t *testing.T) (out []fleet.DeliveryEvent) {
	t.Helper()
	for _, m := range h.all() {
		if _, kind, err := fleet.ParseTopic(m.topic); err == nil && kind == fleet.KindDelivery {
			e, err := fleet.DecodeDelivery([]byte(m.payload))
			if err != nil {
				t.Fatalf("%s: %v", m.payload, err)
			}
			out = append(out, e)
		}
	}
	return out
}

func TestTellsMosquitto(t *testing.T) {
	m := newMosquitto(t)
	m.start(t)
	ear := m.listen(t)
	h := newHistory()
	id := h.addJob(1)
	c, stop := run(t, options("mqtt://"+m.addr, h))

	eventually(t, "three job events and a delivery event", func() bool {
		return len(ear.jobs(t)) == 3 && len(ear.deliveries(t)) == 1
	})
	if !c.Connected() {
		t.Error("Connected = false while connected")
	}
	want := fleet.DeliveryEvent{
		Job: string(id), Seq: 4, At: noon, Device: "front-desk", Recipient: 1, Try: 2, State: "sent", Reason: "busy", Service: "main",
	}
	if got := ear.deliveries(t)[0]; got != want {
		t.Errorf("delivery event %+v; want %+v", got, want)
	}
	events := ear.jobs(t)
	slices.SortFunc(events, func(a, b fleet.JobEvent) int { return int(a.Seq) - int(b.Seq) })
	last := fleet.JobEvent{Job: string(id), Seq: 5, At: noon, Device: "front-desk", State: "closed", Outcome: "sent", Pages: 1}
	if got := events[2]; got != last {
		t.Errorf("job event %+v; want %+v", got, last)
	}

	// Somebody who comes later still learns the state, and it is renewed.
	late := m.listen(t)
	eventually(t, "retained status", func() bool {
		return slices.ContainsFunc(late.all(), func(m message) bool { return m.retained && strings.HasSuffix(m.topic, "/status") })
	})
	first, _ := late.status(t)
	if first.State != fleet.Online || first.Version != "1.2.0" || first.Seq != 1 || first.Name != "Main office" {
		t.Errorf("status %+v", first)
	}
	eventually(t, "seen is renewed", func() bool { s, _ := late.status(t); return s.Seen.After(first.Seen) })

	stop()
	eventually(t, "offline after a clean end", func() bool { s, _ := late.status(t); return s.State == fleet.Offline })
	if s, _ := late.status(t); s.Boot != first.Boot || s.Seq != first.Seq {
		t.Errorf("offline status %+v does not belong to %+v", s, first)
	}
	if c.Connected() {
		t.Error("Connected = true after the end")
	}
}

func TestNoPersonalData(t *testing.T) {
	m := newMosquitto(t)
	m.start(t)
	sub, err := exec.LookPath("mosquitto_sub")
	if err != nil {
		t.Fatalf("%v: install the package mosquitto-clients", err)
	}
	// A subscriber of another make, so that nothing is hidden by our decoder.
	cmd := exec.Command(sub, "-L", "mqtt://"+m.addr+"/#", "-v")
	var out syncBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() }) //nolint:errcheck // it is killed
	h := newHistory()
	_, stop := run(t, options("mqtt://"+m.addr, h))
	eventually(t, "the subscriber hears", func() bool {
		h.addJob(1)
		return strings.Count(out.String(), "event/job ") > 3 && strings.Contains(out.String(), "event/delivery ")
	})
	stop()
	text := out.String()
	if !strings.Contains(text, `"state":"sent"`) || !strings.Contains(text, "front-desk") {
		t.Fatalf("nothing to look through:\n%.500s", text)
	}
	for _, secret := range []string{number, number[1:], "0199", name, "Roy", email, "contoso", "Ann"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is on the broker", secret)
		}
	}
}

func TestMissedEventsComeAfterAnOutage(t *testing.T) {
	m := newMosquitto(t)
	m.start(t)
	ear := m.listen(t)
	h := newHistory()
	o := options("mqtt://"+m.addr, h)
	c, err := agentfleet.New(o)
	if err != nil {
		t.Fatal(err)
	}
	var closed atomic.Bool
	c.SetDial(func(ctx context.Context, network, addr string) (net.Conn, error) {
		if closed.Load() {
			return nil, errors.New("closed for the test")
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	})
	stop := start(t, c)
	h.addJob(1)
	eventually(t, "the first job", func() bool { return len(ear.jobs(t)) == 3 })
	eventually(t, "the cursor is stored", func() bool { at, _ := o.Cursor.Get(t.Context()); return at == 6 })

	closed.Store(true) // until a new subscriber is there to listen
	m.stop()
	eventually(t, "the loss is seen", func() bool { return !c.Connected() })
	for n := 2; n <= 60; n++ {
		h.addJob(n)
	}
	m.start(t)
	ear = m.listen(t)
	closed.Store(false)
	eventually(t, "59 jobs", func() bool { return len(ear.jobs(t)) >= 3*59 && len(ear.deliveries(t)) >= 59 })
	seen := map[uint64]bool{}
	for _, e := range ear.jobs(t) {
		seen[e.Seq] = true
	}
	for _, e := range ear.deliveries(t) {
		seen[e.Seq] = true
	}
	if len(seen) != 4*59 || seen[1] {
		t.Errorf("%d different events, the first told again: %v; want %d, false", len(seen), seen[1], 4*59)
	}
	if s, ok := ear.status(t); !ok || s.State != fleet.Online || s.Seq < 2 {
		t.Errorf("status %+v; want online by a later connection", s)
	}

	// The next start goes on where this one ended.
	eventually(t, "the cursor is stored", func() bool { at, _ := o.Cursor.Get(t.Context()); return at == 360 })
	stop()
	told := len(ear.jobs(t))
	_, stop = run(t, o)
	h.addJob(61)
	eventually(t, "the last job", func() bool { return len(ear.jobs(t)) >= told+3 })
	stop()
	if n := len(ear.jobs(t)); n != told+3 {
		t.Errorf("%d job events after a restart; want %d", n, told+3)
	}
}

func TestUnconfirmedIsToldAgain(t *testing.T) {
	// A broker that takes the connection and the status, then confirms nothing.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	h := newHistory()
	h.addJob(1)
	o := options("mqtt://"+ln.Addr().String(), h)
	o.Timeout = 100 * time.Millisecond
	_, stop := run(t, o)
	for range 3 {
		conn, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if n := muteBroker(t, conn); n == 0 {
			t.Error("a connection without an event")
		}
	}
	stop()
	if at, err := o.Cursor.Get(t.Context()); err != nil || at != 0 {
		t.Errorf("cursor at %d, %v, though nothing was confirmed", at, err)
	}
}

// muteBroker serves one connection until the client gives it up, and returns
// how many events it left unconfirmed.
func muteBroker(t *testing.T, conn net.Conn) (events int) {
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for {
		p, err := packets.ReadPacket(conn)
		if err != nil {
			return events
		}
		switch p := p.(type) {
		case *packets.ConnectPacket:
			err = packets.NewControlPacket(packets.Connack).Write(conn)
		case *packets.PublishPacket:
			if !strings.HasSuffix(p.TopicName, "/status") {
				events++
				continue
			}
			ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
			ack.MessageID = p.MessageID
			err = ack.Write(conn)
		}
		if err != nil {
			t.Logf("answer: %v", err)
			return events
		}
	}
}

func TestUnstoredIsToldAgain(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.Start(t.Context(), ln, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := newHistory()
	o := options(b.URL(), h)
	put := &brokenCursor{}
	o.Cursor = put
	_, stop := run(t, o)
	h.addJob(1)
	// The cursor cannot be stored, so each connection tells the same again.
	eventually(t, "told three times", func() bool {
		n := 0
		for _, m := range b.Messages() {
			if strings.HasSuffix(m.Topic, "event/delivery") {
				n++
			}
		}
		return n >= 3
	})
	stop()
	if put.tries.Load() < 2 {
		t.Errorf("%d tries to store; want more", put.tries.Load())
	}
}

type brokenCursor struct{ tries atomic.Int64 }

func (*brokenCursor) Get(context.Context) (uint64, error) { return 0, nil }

func (b *brokenCursor) Put(context.Context, uint64) error {
	b.tries.Add(1)
	return errors.New("disk full")
}

func TestWillAfterKill(t *testing.T) {
	if addr := os.Getenv("PLATEN_FLEET_CHILD"); addr != "" {
		c, err := agentfleet.New(options(addr, newHistory()))
		if err != nil {
			t.Fatal(err)
		}
		c.Run(t.Context()) //nolint:errcheck // it is killed
		return
	}
	m := newMosquitto(t)
	m.start(t)
	ear := m.listen(t)
	child := exec.Command(os.Args[0], "-test.run=^TestWillAfterKill$")
	child.Env = append(os.Environ(), "PLATEN_FLEET_CHILD=mqtt://"+m.addr)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Process.Kill(); child.Wait() }) //nolint:errcheck // it is killed
	eventually(t, "the child is online", func() bool { s, _ := ear.status(t); return s.State == fleet.Online })
	online, _ := ear.status(t)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the will", func() bool { s, _ := ear.status(t); return s.State == fleet.Offline })
	if s, _ := ear.status(t); !s.Supersedes(online) {
		t.Errorf("will %+v does not belong to %+v", s, online)
	}
	late := m.listen(t)
	eventually(t, "the will is retained", func() bool { s, ok := late.status(t); return ok && s.State == fleet.Offline })
}

func TestAbsentBroker(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	h := newHistory()
	reading := &countWatch{history: h}
	o := options("mqtt://"+addr, h)
	o.Source = reading
	c, err := agentfleet.New(o)
	if err != nil {
		t.Fatal(err)
	}
	var dials atomic.Int64
	c.SetDial(func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	})
	stop := start(t, c)
	for n := range 100 {
		h.addJob(n) // never blocks
	}
	eventually(t, "it keeps trying", func() bool { return dials.Load() >= 3 })
	stop()
	if n := reading.watches.Load(); n != 0 {
		t.Errorf("events were read %d times without a connection; want none, they would have to be kept", n)
	}
	if c.Connected() {
		t.Error("Connected = true without a broker")
	}
}

type countWatch struct {
	*history
	watches atomic.Int64
}

func (w *countWatch) Watch(ctx context.Context, cursor uint64) iter.Seq2[spool.Event, error] {
	w.watches.Add(1)
	return w.history.Watch(ctx, cursor)
}

func TestSilentBroker(t *testing.T) {
	// It accepts and says nothing: no answer may be waited for without limit.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	o := options("mqtt://"+ln.Addr().String(), newHistory())
	o.Timeout = 50 * time.Millisecond
	_, stop := run(t, o)
	for range 2 { // the second connection shows that the first was given up
		conn, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	stop()
}

func TestAccountAndTLS(t *testing.T) {
	web := httptest.NewUnstartedServer(nil) // its certificate is good for 127.0.0.1
	web.StartTLS()
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.Start(t.Context(), ln, broker.Options{
		TLS: &tls.Config{Certificates: web.TLS.Certificates}, User: "box", Password: "right",
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func(password string, roots *x509.CertPool) error {
		o := options(b.URL(), newHistory())
		o.TLS, o.Username = &tls.Config{RootCAs: roots}, "box"
		o.Password = func() (string, error) { return password, nil }
		c, err := agentfleet.New(o)
		if err != nil {
			t.Fatal(err)
		}
		return c.Check(t.Context())
	}
	if err := check("right", roots); err != nil {
		t.Errorf("Check = %v", err)
	}
	if err := check("wrong", roots); !errors.Is(err, agentfleet.ErrRefused) {
		t.Errorf("Check with a wrong password = %v; want ErrRefused", err)
	}
	var unknown x509.UnknownAuthorityError
	if err := check("right", x509.NewCertPool()); !errors.As(err, &unknown) {
		t.Errorf("Check of an unknown authority = %v; want UnknownAuthorityError", err)
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct{ name, broker, user string }{
		{"no host", "mqtt://", ""},
		{"other scheme", "https://broker.example", ""},
		{"account in the address", "mqtts://box:secret@broker.example", ""},
		{"password in the clear", "mqtt://broker.example", "box"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := agentfleet.New(agentfleet.Options{Broker: tt.broker, Username: tt.user})
			if err == nil {
				t.Error("New took it")
			} else if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
	if _, err := agentfleet.New(agentfleet.Options{Broker: "mqtt://127.0.0.1:1", Username: "box"}); err != nil {
		t.Errorf("New with an account on loopback = %v", err)
	}
}

func TestCursorBeyondTheSpool(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.Start(t.Context(), ln, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := newHistory()
	h.addJob(1)
	o := options(b.URL(), h)
	if err := o.Cursor.Put(t.Context(), 900); err != nil {
		t.Fatal(err)
	}
	run(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := b.Wait(ctx, func(m broker.Message) bool { return strings.Contains(string(m.Payload), string(job.Closed)) }); err != nil {
		t.Error(err)
	}
}
