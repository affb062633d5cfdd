package signin

import (
	"context"
	"errors"

	"github.com/platen-fax/platen/agent/job"
)

// pin checks the PIN of a badge.
func (r *Reception) pin(ctx context.Context, s *signIn, a Answer) (View, error) {
	person := s.view.Person
	again := func(problem *Refused) View {
		return r.pinView(s, person, problem)
	}
	if !isPIN(a.Secret) {
		return again(&Refused{Problem: BadInput}), nil
	}
	settle, err := r.reserve(pinTries + person.ID)
	if err != nil {
		if problem, ok := errors.AsType[*Refused](err); ok {
			return again(problem), nil
		}
		return again(&Refused{Problem: Broken}), err
	}
	lookCtx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	err = r.opt.Badges.CheckPIN(lookCtx, person, a.Secret)
	if err == nil {
		settle(nil)
		return r.signedIn(ctx, s, Identity{Person: person, Way: WayBadge})
	}
	problem := asDown(err, DirectoryDown)
	settle(problem)
	problem = r.refuse(s, WayBadge, problem)
	if problem.Problem == PINNeeded {
		s.expect = &person
		return r.first(ctx, s, problem)
	}
	return again(problem), nil
}

// pinView asks for the PIN of a person.
func (r *Reception) pinView(s *signIn, person job.Person, problem *Refused) View {
	typed, phones := r.possible(s)
	return s.show(View{Stage: StagePIN, Person: person, NewPIN: typed || len(phones) > 0, Queue: r.mayQueue(problem)}, problem)
}

// newPIN takes the PIN that a person chose, or none: they have signed in.
func (r *Reception) newPIN(ctx context.Context, s *signIn, a Answer) (View, error) {
	switch {
	case a.No:
		return s.done(nil), nil
	case !isPIN(a.Secret):
		return s.newPINView(&Refused{Problem: BadInput}), nil
	}
	lookCtx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if err := r.opt.Badges.SetPIN(lookCtx, s.id.Person, a.Secret); err != nil {
		if problem, ok := errors.AsType[*Refused](err); ok {
			return s.newPINView(problem), nil
		}
		return s.newPINView(&Refused{Problem: Broken}), err
	}
	return s.done(nil), nil
}

func (s *signIn) newPINView(problem *Refused) View {
	return s.show(View{Stage: StageNewPIN, Way: s.id.Way, Person: s.id.Person}, problem)
}

// isPIN reports whether bytes have the form of a PIN: 4 to 8 digits.
func isPIN(b []byte) bool {
	if len(b) < 4 || len(b) > 8 {
		return false
	}
	for _, d := range b {
		if d < '0' || d > '9' {
			return false
		}
	}
	return true
}
