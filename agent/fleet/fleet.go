// Package fleet tells an MQTT broker what the agent does: that it is there, and
// every change of a job or a delivery, without personal data.
//
// It follows the spool with a durable cursor of its own, so nothing is queued
// here: what a broker did not confirm is read again from the spool. A broker
// that is away, slow or wrong costs no memory and delays nobody. It only ever
// speaks; commands from outside have no way in. The form of topics and payloads
// is protocols/fleet.
package fleet

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/protocols/fleet"
)

// ErrRefused is wrapped when the broker does not take the account or the
// client id.
var ErrRefused = errors.New("broker refused the account")

// Source is what is read of the spool.
type Source interface {
	Get(ctx context.Context, id job.ID) (*job.Job, error)
	Watch(ctx context.Context, cursor uint64) iter.Seq2[spool.Event, error]
	Last(ctx context.Context) (uint64, error)
}

// Cursor remembers durably up to which event the broker has confirmed. A
// cursor that was never put is 0.
type Cursor interface {
	Get(ctx context.Context) (uint64, error)
	Put(ctx context.Context, seq uint64) error
}

// Options say where to speak and as whom. Broker, Agent, Source and Cursor are
// needed; every duration left 0 has the default beside it.
type Options struct {
	Broker  string // mqtt://host[:1883] or mqtts://host[:8883]; tcp, ssl and tls are taken too
	Prefix  string // of all topics, "" is "platen"
	Site    string // as people write it
	Agent   string // unique within the site
	Version string // of the agent

	ClientID string // "": made from prefix, site and agent, see fleet.Topics

	TLS      *tls.Config            // for mqtts; nil: the system's authorities, TLS 1.2 or newer
	Username string                 // "": no account. Needs mqtts unless the broker is on loopback
	Password func() (string, error) // asked at every connection, so that a changed file counts

	Source Source
	Cursor Cursor

	KeepAlive  time.Duration // of the connection, 30 s; whole seconds. A cut cable shows after one and a half
	Heartbeat  time.Duration // how often Seen is renewed, 1 min
	Timeout    time.Duration // to connect, and for each confirmation, 10 s
	RetryMin   time.Duration // first wait after a lost connection, 1 s; doubles
	RetryMax   time.Duration // longest wait, and the wait after a refusal, 2 min
	CursorWait time.Duration // how long a confirmation may wait to be made durable, 1 s

	Log *slog.Logger // nil: silent
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&o.KeepAlive, 30*time.Second)
	set(&o.Heartbeat, time.Minute)
	set(&o.Timeout, 10*time.Second)
	set(&o.RetryMin, time.Second)
	set(&o.RetryMax, 2*time.Minute)
	set(&o.CursorWait, time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Client speaks to one broker. Connected may be called from any goroutine, Run
// once.
type Client struct {
	opts   Options
	to     endpoint
	topics fleet.Topics
	boot   string
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	open   atomic.Bool
}

// New checks the options. It connects to nothing.
func New(o Options) (*Client, error) {
	o = o.withDefaults()
	to, err := parseBroker(o.Broker)
	if err != nil {
		return nil, err
	}
	if o.Username != "" && !to.tls && !to.loopback() {
		return nil, fmt.Errorf("mqtt broker %s: an account needs mqtts://, the password would be readable on the network", to.addr)
	}
	var boot [8]byte
	if _, err := rand.Read(boot[:]); err != nil {
		return nil, fmt.Errorf("mqtt: boot id: %w", err)
	}
	topics := fleet.NewTopics(o.Prefix, o.Site, o.Agent)
	if o.ClientID == "" {
		o.ClientID = topics.ClientID()
	}
	return &Client{
		opts: o, to: to, topics: topics,
		boot: hex.EncodeToString(boot[:]), dial: (&net.Dialer{}).DialContext,
	}, nil
}

// Connected reports whether a connection to the broker is open at this moment.
func (c *Client) Connected() bool { return c.open.Load() }

// Topics returns the names under which this agent publishes.
func (c *Client) Topics() fleet.Topics { return c.topics }

// stable is how long a connection lasts before the waits begin short again.
const stable = 30 * time.Second

// flaps is how many short connections in a row are worth a word: two agents of
// one name throw each other out in turn.
const flaps = 5

// Run keeps the broker told until ctx ends, whose error it returns. It blocks.
func (c *Client) Run(ctx context.Context) error {
	log := c.opts.Log.With("broker", c.to.addr)
	wait, short, told := c.opts.RetryMin, 0, false
	for seq := uint64(1); ; seq++ {
		began := c.opts.Now()
		connected, err := c.session(ctx, seq)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch lasted := c.opts.Now().Sub(began); {
		case connected && lasted >= stable:
			wait, short, told = c.opts.RetryMin, 0, false
		case connected:
			short++
		}
		if errors.Is(err, ErrRefused) {
			wait = c.opts.RetryMax // asking sooner could lock the account
		}
		if told {
			log.Debug("mqtt connection ended", "err", err, "wait", wait)
		} else {
			log.Warn("mqtt broker not reachable, nothing waits for it", "err", err, "wait", wait)
			told = true
		}
		if short == flaps {
			log.Warn("mqtt connections end at once, is there a second agent of this name?", "client", c.opts.ClientID)
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, c.opts.RetryMax)
	}
}

// Check connects once with the account and leaves again, under a client id
// that disturbs no running agent. It blocks for at most Timeout.
func (c *Client) Check(ctx context.Context) error {
	conn, _, err := c.connect(ctx, "platen-check-"+c.boot[:10], nil)
	if err != nil {
		return err
	}
	conn.Disconnect(quiesce)
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
