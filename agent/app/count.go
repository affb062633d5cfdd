package app

import (
	"context"

	"github.com/platen-fax/platen/agent/signin"
)

// Sign-ins are counted by way and result, never by person.

// countTyped wraps each method so that its attempts are counted.
func (a *App) countTyped(methods map[signin.Way]signin.Typed) map[signin.Way]signin.Typed {
	out := make(map[signin.Way]signin.Typed, len(methods))
	for way, m := range methods {
		out[way] = countedTyped{Typed: m, count: a.countSignIn(way)}
	}
	return out
}

// countPaired wraps each method so that what became of its codes is counted.
func (a *App) countPaired(methods map[signin.Way]signin.Paired) map[signin.Way]signin.Paired {
	out := make(map[signin.Way]signin.Paired, len(methods))
	for way, m := range methods {
		out[way] = countedPaired{Paired: m, count: a.countSignIn(way)}
	}
	return out
}

// countSignIn counts the results of one way.
func (a *App) countSignIn(way signin.Way) func(error) {
	return func(err error) {
		result := "ok"
		if err != nil {
			result = string(signin.ProblemOf(err))
		}
		a.watch.health.SignIn(string(way), result)
	}
}

type countedTyped struct {
	signin.Typed
	count func(error)
}

// Try implements [signin.Typed].
func (c countedTyped) Try(ctx context.Context, at signin.Attempt) (signin.Identity, error) {
	id, err := c.Typed.Try(ctx, at)
	c.count(err)
	return id, err
}

type countedPaired struct {
	signin.Paired
	count func(error)
}

// Start implements [signin.Paired].
func (c countedPaired) Start(ctx context.Context, t signin.Terminal, lang string) (signin.Pairing, error) {
	p, err := c.Paired.Start(ctx, t, lang)
	if err != nil {
		c.count(err)
		return nil, err
	}
	return countedPairing{Pairing: p, count: c.count}, nil
}

type countedPairing struct {
	signin.Pairing
	count func(error)
}

// Wait implements [signin.Pairing]. Somebody who walked away is not counted.
func (c countedPairing) Wait(ctx context.Context) (signin.Identity, error) {
	id, err := c.Pairing.Wait(ctx)
	if err == nil || ctx.Err() == nil {
		c.count(err)
	}
	return id, err
}

// countedSignIn counts who came in without typing: by badge or launch token.
type countedSignIn struct {
	*signin.Reception
	count func(signin.Way)
}

// Take wraps [signin.Reception.Take].
func (c countedSignIn) Take(id string) (signin.Identity, error) {
	who, err := c.Reception.Take(id)
	if err == nil && (who.Way == signin.WayBadge || who.Way == signin.WayLaunch) {
		c.count(who.Way)
	}
	return who, err
}

// openVisits is how many visits there are at all panels.
func (a *App) openVisits() int {
	open, err := a.sessions.Idle(context.Background(), a.state.now().AddDate(100, 0, 0))
	if err != nil {
		return 0
	}
	return len(open)
}
