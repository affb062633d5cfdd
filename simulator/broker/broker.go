// Package broker is an MQTT broker in memory that remembers what was said, so
// that a scenario can judge the telemetry of an agent. It speaks MQTT 3.1.1
// and 5 on a listener it is given, with TLS and one account where asked.
//
// It is for one machine and one test at a time: nothing is persistent, and it
// knows no topic of anybody's.
package broker

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// keep bounds the log; older messages are forgotten first.
const keep = 10_000

// Options are the choices of a broker; the zero value is plain and open.
type Options struct {
	TLS      *tls.Config  // nil: plain TCP
	User     string       // "": everybody may connect
	Password string       // of User
	Log      *slog.Logger // nil: silent
}

// Message is one message that reached the broker.
type Message struct {
	At       time.Time `json:"at"`
	Client   string    `json:"client"` // the client id it came from
	Topic    string    `json:"topic"`
	Payload  []byte    `json:"payload"`
	QoS      byte      `json:"qos"`
	Retained bool      `json:"retained"`
	Will     bool      `json:"will"` // published by the broker for a client that vanished
}

// Broker is a running broker. Its methods are safe for concurrent use.
type Broker struct {
	server *mqtt.Server
	url    string
	stop   func() bool
	close  sync.Once
	err    error

	mu       sync.Mutex
	log      []Message
	retained map[string][]byte
	refused  int
	changed  chan struct{} // closed and replaced with every message
}

// Start serves on ln, which it then owns, until ctx ends or Close.
func Start(ctx context.Context, ln net.Listener, opts Options) (*Broker, error) {
	log := opts.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b := &Broker{retained: map[string][]byte{}, changed: make(chan struct{})}
	b.url = "mqtt://" + ln.Addr().String()
	if opts.TLS != nil {
		b.url = "mqtts://" + ln.Addr().String()
		ln = tls.NewListener(ln, opts.TLS)
	}
	b.server = mqtt.New(&mqtt.Options{Logger: log})
	if err := b.server.AddHook(&hook{b: b, opts: opts}, nil); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	if err := b.server.AddListener(listeners.NewNet("main", ln)); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	if err := b.server.Serve(); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	b.stop = context.AfterFunc(ctx, b.shut)
	return b, nil
}

// URL returns where it listens, as "mqtt://host:port" or "mqtts://host:port".
func (b *Broker) URL() string { return b.url }

// Close ends every connection and stops listening. It may be called twice.
func (b *Broker) Close() error {
	b.stop()
	b.shut()
	return b.err
}

func (b *Broker) shut() { b.close.Do(func() { b.err = b.server.Close() }) }

// Cut breaks every connection, as a network failure would: the Will of each
// client is published.
func (b *Broker) Cut() {
	for _, c := range b.server.Clients.GetAll() {
		c.Stop(packets.ErrServerUnavailable)
	}
}

// Messages returns a copy of the log, oldest first.
func (b *Broker) Messages() []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.log)
}

// Retained returns the payload a late subscriber of the topic would get.
func (b *Broker) Retained(topic string) (payload []byte, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	payload, ok = b.retained[topic]
	return slices.Clone(payload), ok
}

// Refused returns how many connections were turned away for their account.
func (b *Broker) Refused() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refused
}

// Wait returns the first message of the log that matches, and waits for one
// if need be until ctx ends.
func (b *Broker) Wait(ctx context.Context, match func(Message) bool) (Message, error) {
	for {
		b.mu.Lock()
		log, changed := slices.Clone(b.log), b.changed
		b.mu.Unlock()
		if i := slices.IndexFunc(log, match); i >= 0 {
			return log[i], nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Message{}, fmt.Errorf("broker: no such message among %d: %w", len(log), ctx.Err())
		}
	}
}

func (b *Broker) record(client string, pk packets.Packet, will bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := Message{
		At: time.Now(), Client: client, Topic: pk.TopicName, Payload: slices.Clone(pk.Payload),
		QoS: pk.FixedHeader.Qos, Retained: pk.FixedHeader.Retain, Will: will,
	}
	b.log = append(b.log, m)
	if len(b.log) > keep {
		b.log = slices.Delete(b.log, 0, len(b.log)-keep)
	}
	if m.Retained {
		if len(m.Payload) == 0 {
			delete(b.retained, m.Topic)
		} else {
			b.retained[m.Topic] = m.Payload
		}
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// hook is where the library asks and tells.
type hook struct {
	mqtt.HookBase
	b    *Broker
	opts Options
}

func (h *hook) ID() string { return "log" }

func (h *hook) Provides(b byte) bool {
	return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck || b == mqtt.OnPublished || b == mqtt.OnWillSent
}

func (h *hook) OnConnectAuthenticate(_ *mqtt.Client, pk packets.Packet) bool {
	if h.opts.User == "" {
		return true
	}
	ok := string(pk.Connect.Username) == h.opts.User &&
		subtle.ConstantTimeCompare(pk.Connect.Password, []byte(h.opts.Password)) == 1
	if !ok {
		h.b.mu.Lock()
		h.b.refused++
		h.b.mu.Unlock()
	}
	return ok
}

func (h *hook) OnACLCheck(*mqtt.Client, string, bool) bool { return true }

func (h *hook) OnPublished(c *mqtt.Client, pk packets.Packet) { h.b.record(c.ID, pk, false) }

func (h *hook) OnWillSent(c *mqtt.Client, pk packets.Packet) { h.b.record(c.ID, pk, true) }
