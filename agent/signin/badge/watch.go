package badge

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/devices"
)

const (
	// lookupWithin bounds a tap: who stands there has gone after that.
	lookupWithin = 10 * time.Second
	// troublePause keeps a reader that repeats its trouble from being asked in a
	// hurry. It is shorter than readers keep a tap.
	troublePause = time.Second
)

// Watch tells every tap at the reader of a device as an event, and the loss of
// the reader as one of its power. It blocks until ctx ends or the reader is
// closed. Call it once for each reader.
func (b *Badges) Watch(ctx context.Context, device string, reader devices.BadgeReader) error {
	log := b.log.With("device", device)
	for {
		read, err := reader.ReadBadge(ctx)
		var ev signin.Event
		switch {
		case ctx.Err() != nil || errors.Is(err, devices.ErrClosed):
			return nil
		case err == nil:
			ev.Tap = b.tap(ctx, log, read.ID)
		case errors.Is(err, devices.ErrBadge):
			ev.Tap = &signin.Tap{Refused: &signin.Refused{Problem: signin.BadgeUnread, Err: err}}
		default:
			log.Warn("badge reader cannot be used", "error", err)
			ev.Power = errors.Is(err, devices.ErrUnreachable)
		}
		if ctx.Err() != nil {
			return nil // the look-up was cut short and says nothing
		}
		if ev.Tap != nil || ev.Power {
			ev.Device = device
			if err := b.opts.Events.Send(ctx, ev); err != nil {
				return nil // only ctx ends a Send
			}
		}
		if ev.Tap == nil {
			select {
			case <-time.After(troublePause):
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// tap finds out who holds a badge to a reader.
func (b *Badges) tap(ctx context.Context, log *slog.Logger, id string) *signin.Tap {
	ctx, cancel := context.WithTimeout(ctx, lookupWithin)
	defer cancel()
	t := b.owner(ctx, id)
	if t.Refused == nil {
		ask, set, err := b.NeedsPIN(ctx, t.Person)
		if err != nil {
			t = signin.Tap{Refused: broken(err)}
		} else {
			t.PIN, t.NewPIN = ask && set, ask && !set
		}
	}
	switch {
	case t.Refused == nil:
		log.Debug("badge", "person", t.Person, "pin", t.PIN || t.NewPIN)
	case t.Refused.Problem == signin.DirectoryDown || t.Refused.Problem == signin.Broken:
		log.Warn("badge could not be looked up", "problem", t.Refused.Problem, "error", t.Refused.Err)
	default:
		log.Info("badge lets nobody in", "problem", t.Refused.Problem)
	}
	return &t
}

// owner asks the directory, and for badges it does not know the links.
func (b *Badges) owner(ctx context.Context, id string) signin.Tap {
	if d := b.opts.Directory; d != nil {
		p, err := d.ByBadge(ctx, id)
		switch {
		case err == nil:
			return signin.Tap{Person: p}
		case errors.Is(err, directory.ErrAmbiguous):
			return signin.Tap{Refused: &signin.Refused{Problem: signin.BadgeAmbiguous, Err: err}}
		case !errors.Is(err, directory.ErrUnknown):
			// Above all not while the directory is down: it might say that the
			// badge is somebody else's by now, or that its owner has left.
			return signin.Tap{Refused: signin.RefusedByDirectory(err)}
		}
	}
	link, err := b.link(id)
	if err != nil {
		return signin.Tap{Refused: broken(err)}
	}
	p, known, err := b.linked(ctx, link)
	switch {
	case err != nil:
		return signin.Tap{Refused: signin.RefusedByDirectory(err)}
	case known:
		return signin.Tap{Person: p}
	}
	t := signin.Tap{Refused: &signin.Refused{Problem: signin.BadgeUnknown}}
	if b.opts.Link {
		t.Link = link
	}
	return t
}
