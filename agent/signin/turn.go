package signin

import (
	"context"
	"slices"
	"time"

	"github.com/platen-fax/platen/agent/job"
)

// keepTime is how long a password may wait for its one-time code.
const keepTime = time.Minute

// signIn is one sign-in under way. Who has the turn, taken under the
// Reception's lock, owns all fields but the first group; Drop then only marks
// it, and the end of the turn does the rest.
type signIn struct {
	view    View
	busy    chan struct{} // closed at the end of the turn; nil: nobody has it
	stop    context.CancelFunc
	dropped bool
	late    *byte // the secret whose time ended during a turn
	touched time.Time

	visit    Visit
	email    string
	found    Discovery
	order    []Way // what fits; nil before discovery
	want     Way   // was chosen before there was a name for it
	link     string
	expect   *job.Person // only this person will do
	id       Identity    // of StageConfirm, StageNewPIN and StageDone
	secret   []byte
	kept     time.Time
	wipe     *time.Timer
	codes    int // wrong ones for this secret
	pairing  *struct{ _ byte }
	unpaired context.CancelFunc
}

// take gives the caller the turn; r.mu is held. The turn outlives the request
// that it serves, because an attempt that left has to be counted, but neither
// answerTime nor Drop.
func (r *Reception) take(ctx context.Context, s *signIn) context.Context {
	ctx, s.stop = context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	s.busy = make(chan struct{})
	s.touched = r.now()
	r.wg.Add(1)
	return ctx
}

// leave ends the turn with the view to show from now on.
func (r *Reception) leave(s *signIn, v View, err error) (View, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.wg.Done()
	s.stop()
	close(s.busy)
	s.busy = nil
	if s.dropped {
		r.clean(s)
		return View{}, ErrNoSignIn
	}
	if s.secret != nil && (s.late == &s.secret[0] || r.now().Sub(s.kept) >= keepTime) {
		s.forget()
		v = s.passwordView(v.Way, &Refused{Problem: SignInAgain})
	}
	r.publish(s, v)
	return s.view, err
}

// publish makes a view the one to answer; r.mu is held.
func (r *Reception) publish(s *signIn, v View) {
	r.rev++
	v.Rev = r.rev
	s.view = v
}

// drop forgets a sign-in; r.mu is held.
func (r *Reception) drop(id string, s *signIn) {
	delete(r.open, id)
	s.dropped = true
	if s.busy != nil {
		s.stop()
		return
	}
	r.clean(s)
}

// clean wipes what a dropped sign-in still holds; r.mu is held.
func (r *Reception) clean(s *signIn) {
	s.forget()
	s.unpair()
	if a := s.id.Authority; a != nil {
		r.wg.Go(func() { r.end(context.Background(), a) })
	}
	s.id, s.email, s.view = Identity{}, "", View{}
}

// end gives an authority back that nobody will use.
func (r *Reception) end(ctx context.Context, a Authority) {
	if a == nil {
		return
	}
	if err := end(ctx, a); err != nil {
		r.log.Warn("give an authority back", "service", a.Service(), "err", err)
	}
}

// keep holds a copy of a secret until its one-time code comes.
func (r *Reception) keep(s *signIn, secret []byte) {
	s.forget()
	s.secret, s.kept = slices.Clone(secret), r.now()
	held := &s.secret[0]
	s.wipe = time.AfterFunc(keepTime, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		switch {
		case s.busy != nil:
			s.late = held
		case s.secret != nil && &s.secret[0] == held:
			s.forget()
			r.publish(s, s.passwordView(s.view.Way, &Refused{Problem: SignInAgain}))
		}
	})
}

// forget wipes the secret that is kept, if any.
func (s *signIn) forget() {
	if s.wipe != nil {
		s.wipe.Stop()
	}
	Wipe(s.secret)
	s.secret, s.wipe, s.codes = nil, nil, 0
}

// unpair ends the pairing, if any: what it still brings is thrown away.
func (s *signIn) unpair() {
	if s.unpaired != nil {
		s.unpaired()
	}
	s.pairing, s.unpaired = nil, nil
}
