package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/sync/errgroup"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/protocols/fleet"
)

// window is how many messages may wait for their confirmation at once. It
// bounds the memory of a session.
const window = 64

// sent is an event on its way; a nil token needed no message.
type sent struct {
	seq   uint64
	token paho.Token
}

// session lives as long as one connection. connected says that there was one;
// the error, never nil, says why it ended.
func (c *Client) session(ctx context.Context, seq uint64) (connected bool, err error) {
	offline, err := fleet.Encode(fleet.Status{State: fleet.Offline, Boot: c.boot, Seq: seq, Version: c.opts.Version})
	if err != nil {
		return false, err
	}
	cursor, err := c.cursor(ctx)
	if err != nil {
		return false, err
	}
	topic := c.topics.Topic(fleet.KindStatus)
	conn, lost, err := c.connect(ctx, c.opts.ClientID, &will{topic, offline})
	if err != nil {
		return false, err
	}
	defer conn.Disconnect(quiesce)
	if err := c.announce(ctx, conn, seq); err != nil {
		return true, err
	}
	c.open.Store(true)
	defer c.open.Store(false)
	c.opts.Log.Info("mqtt connected", "broker", c.to.addr)

	g, gctx := errgroup.WithContext(ctx)
	way := make(chan sent, window)
	g.Go(func() error {
		select {
		case err := <-lost:
			return fmt.Errorf("mqtt connection lost: %w", err)
		case <-gctx.Done():
			return gctx.Err()
		}
	})
	g.Go(func() error { return c.heartbeat(gctx, conn, seq) })
	g.Go(func() error { return c.relay(gctx, conn, cursor, way) })
	g.Go(func() error { return c.confirm(gctx, cursor, way) })
	err = g.Wait()
	if ctx.Err() != nil {
		// A clean end sends no Will, so the agent says it itself; nobody waits
		// for it longer than for a connection.
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(c.opts.Timeout, 2*time.Second))
		defer cancel()
		if err := c.settle(last, c.publish(conn, topic, true, offline)); err != nil {
			c.opts.Log.Debug("mqtt good-bye not confirmed", "err", err)
		}
	}
	return true, err
}

// cursor returns where to go on. A cursor beyond the newest event belongs to
// a spool that is gone.
func (c *Client) cursor(ctx context.Context) (uint64, error) {
	at, err := c.opts.Cursor.Get(ctx)
	if err != nil {
		return 0, fmt.Errorf("mqtt cursor: %w", err)
	}
	last, err := c.opts.Source.Last(ctx)
	if err != nil {
		return 0, fmt.Errorf("mqtt cursor: %w", err)
	}
	if at > last {
		c.opts.Log.Warn("mqtt cursor is beyond the spool, starting over", "cursor", at, "last", last)
		at = 0
	}
	return at, nil
}

// announce says online and waits for the confirmation.
func (c *Client) announce(ctx context.Context, conn paho.Client, seq uint64) error {
	b, err := fleet.Encode(fleet.Status{
		State: fleet.Online, Boot: c.boot, Seq: seq, Seen: c.opts.Now().UTC().Truncate(time.Second),
		Version: c.opts.Version, Name: c.opts.Site,
	})
	if err != nil {
		return err
	}
	if err := c.settle(ctx, c.publish(conn, c.topics.Topic(fleet.KindStatus), true, b)); err != nil {
		return fmt.Errorf("mqtt status: %w", err)
	}
	return nil
}

func (c *Client) heartbeat(ctx context.Context, conn paho.Client, seq uint64) error {
	t := time.NewTicker(c.opts.Heartbeat)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if err := c.announce(ctx, conn, seq); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// relay publishes the events above the cursor. It stops reading the spool while
// the window is full, so a slow broker holds back nothing but this loop.
func (c *Client) relay(ctx context.Context, conn paho.Client, cursor uint64, way chan<- sent) error {
	for e, err := range c.opts.Source.Watch(ctx, cursor) {
		if err != nil {
			return fmt.Errorf("mqtt: read events: %w", err)
		}
		s := sent{seq: e.Seq}
		topic, payload, err := c.message(ctx, e)
		switch {
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fleet.ErrPayload):
			// It would never become sayable, and those behind it must not wait.
			c.opts.Log.Warn("event left out of mqtt", "job", e.Ref.Job, "seq", e.Seq, "err", err)
		case err != nil:
			return err
		case topic != "":
			s.token = c.publish(conn, topic, false, payload)
		}
		select {
		case way <- s:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.New("mqtt: spool stopped telling events")
}

// message returns what to say about an event; topic "" is nothing.
func (c *Client) message(ctx context.Context, e spool.Event) (topic string, payload []byte, err error) {
	switch e.Kind {
	case spool.EventJob:
		outcome, err := c.outcome(ctx, e)
		if err != nil {
			return "", nil, err
		}
		payload, err = fleet.Encode(fleet.JobEvent{
			Job: string(e.Ref.Job), Seq: e.Seq, At: e.At.UTC(), Device: e.Device,
			State: string(e.State), Outcome: string(outcome), Pages: e.Pages,
		})
		return c.topics.Topic(fleet.KindJob), payload, err
	case spool.EventDelivery:
		payload, err = fleet.Encode(fleet.DeliveryEvent{
			Job: string(e.Ref.Job), Seq: e.Seq, At: e.At.UTC(), Device: e.Device, Recipient: e.Ref.Recipient,
			Try: e.Try, State: string(e.Delivery), Reason: string(e.Reason), Service: e.Service,
		})
		return c.topics.Topic(fleet.KindDelivery), payload, err
	}
	return "", nil, nil
}

// outcome asks the spool only where the state does not tell by itself. An
// event read late may find a job that went on or is forgotten: then nothing is
// said about the outcome, the later event does.
func (c *Client) outcome(ctx context.Context, e spool.Event) (job.Outcome, error) {
	j := &job.Job{State: e.State}
	if e.State == job.Closed {
		stored, err := c.opts.Source.Get(ctx, e.Ref.Job)
		if errors.Is(err, spool.ErrNotFound) {
			return job.OutcomeNone, nil
		}
		if err != nil {
			return "", fmt.Errorf("mqtt: outcome of %s: %w", e.Ref.Job, err)
		}
		j = stored
	}
	return j.Outcome(), nil
}

// confirm moves the cursor behind what the broker confirmed, in order, and
// makes it durable at least every CursorWait.
func (c *Client) confirm(ctx context.Context, cursor uint64, way <-chan sent) error {
	stored := cursor
	store := func(ctx context.Context) error {
		if cursor == stored {
			return nil
		}
		if err := c.opts.Cursor.Put(ctx, cursor); err != nil {
			return fmt.Errorf("mqtt cursor: %w", err)
		}
		stored = cursor
		return nil
	}
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.opts.Timeout)
		defer cancel()
		// Not stored means told twice, which a consumer has to bear anyway.
		if err := store(last); err != nil {
			c.opts.Log.Debug("mqtt cursor not stored", "err", err)
		}
	}()
	t := time.NewTicker(c.opts.CursorWait)
	defer t.Stop()
	for {
		select {
		case s := <-way:
			if s.token != nil {
				if err := c.settle(ctx, s.token); err != nil {
					return fmt.Errorf("mqtt event %d: %w", s.seq, err)
				}
			}
			cursor = s.seq
		case <-t.C:
			if err := store(ctx); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// publish hands a message over; it may block for the write timeout.
func (c *Client) publish(conn paho.Client, topic string, retained bool, payload []byte) paho.Token {
	if !conn.IsConnectionOpen() {
		return notOpen{}
	}
	return conn.Publish(topic, 1, retained, payload)
}

// notOpen is the token of a message that was not even tried.
type notOpen struct{}

func (notOpen) Wait() bool                     { return true }
func (notOpen) WaitTimeout(time.Duration) bool { return true }
func (notOpen) Error() error                   { return paho.ErrNotConnected }
func (notOpen) Done() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

// settle waits for the confirmation of a message, never longer than Timeout.
func (c *Client) settle(ctx context.Context, token paho.Token) error {
	t := time.NewTimer(c.opts.Timeout)
	defer t.Stop()
	select {
	case <-token.Done():
		return token.Error()
	case <-t.C:
		return fmt.Errorf("no confirmation within %s", c.opts.Timeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}
