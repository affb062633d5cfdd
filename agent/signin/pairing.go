package signin

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// pairSlack is how long after its end a code may still be polled for.
const pairSlack = 30 * time.Second

// pair asks for a code to show and waits for the phone beside. problem is what
// led here, shown together with the code.
func (r *Reception) pair(ctx context.Context, s *signIn, w Way, problem *Refused) View {
	s.unpair()
	startCtx, cancel := context.WithTimeout(ctx, pairTime)
	defer cancel()
	p, err := r.opt.Paired[w].Start(startCtx, s.visit.Terminal, s.visit.Lang)
	if err != nil {
		down := ServiceDown
		if w == WayCompanyPhone {
			down = CompanyDown
		}
		return r.phoneView(s, w, nil, r.refuse(s, w, asDown(err, down)))
	}
	shown := p.Shown()
	waitCtx, stop := context.WithTimeout(context.WithoutCancel(ctx), shown.Expires.Sub(r.now())+pairSlack)
	mine := new(struct{ _ byte })
	s.pairing, s.unpaired = mine, stop
	r.wg.Go(func() {
		defer stop()
		id, err := p.Wait(waitCtx)
		id.Way = cmp.Or(id.Way, w)
		r.paired(waitCtx, s, mine, id, err)
	})
	return r.phoneView(s, w, &shown, problem)
}

// paired takes what a pairing brought, unless the person has gone on meanwhile.
func (r *Reception) paired(ctx context.Context, s *signIn, mine *struct{ _ byte }, id Identity, err error) {
	r.mu.Lock()
	for s.busy != nil && !s.dropped {
		busy := s.busy
		r.mu.Unlock()
		<-busy
		r.mu.Lock()
	}
	if s.dropped || s.pairing != mine {
		r.mu.Unlock()
		r.end(ctx, id.Authority)
		return
	}
	ctx = r.take(ctx, s)
	r.mu.Unlock()
	s.unpair()
	var v View
	var storeErr error
	if err == nil {
		v, storeErr = r.signedIn(ctx, s, id)
	} else {
		problem := asRefused(err)
		if errors.Is(err, context.DeadlineExceeded) {
			problem = &Refused{Problem: CodeExpired, Err: err}
		}
		v = r.phoneView(s, id.Way, nil, r.refuse(s, id.Way, problem))
	}
	if _, err := r.leave(s, v, storeErr); err != nil && !errors.Is(err, ErrNoSignIn) {
		r.log.Error("sign in by phone", "err", err)
	}
}

// phoneView shows a code; with shown nil there is none, and the problem says
// why.
func (r *Reception) phoneView(s *signIn, w Way, shown *Shown, problem *Refused) View {
	return s.show(View{Stage: StagePhone, Way: w, Ways: r.ways(s, w), Shown: shown, Queue: r.mayQueue(problem)}, problem)
}
