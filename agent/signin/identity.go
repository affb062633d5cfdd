package signin

import (
	"context"
	"errors"
)

// signedIn goes on with somebody whom a method, a badge or the device vouches
// for.
func (r *Reception) signedIn(ctx context.Context, s *signIn, id Identity) (View, error) {
	checked := id.Way == WayBadge || id.Way == WayLaunch // by our own directory or device
	address := id.Person.Email
	if address == "" {
		address = id.Person.ID
	}
	var problem *Refused
	switch {
	case id.Person.ID == "":
		problem = &Refused{Problem: Broken, Err: errors.New("signed in as nobody")}
	case !checked && !r.ours(address):
		problem = &Refused{Problem: Foreign}
	}
	if problem != nil {
		r.end(ctx, id.Authority)
		return r.stuck(s, r.refuse(s, id.Way, problem)), nil
	}
	id.Claimed = ""
	s.id = id
	if id.Ask {
		return s.show(View{Stage: StageConfirm, Way: id.Way, Person: id.Person}, nil), nil
	}
	return r.admit(ctx, s)
}

// confirm takes the answer to "is this you?".
func (r *Reception) confirm(ctx context.Context, s *signIn, a Answer) (View, error) {
	switch {
	case a.No:
		return r.turnAway(ctx, s, &Refused{Problem: Declined}), nil
	case a.Yes:
		return r.admit(ctx, s)
	}
	return s.view, nil
}

// turnAway ends what somebody signed in to.
func (r *Reception) turnAway(ctx context.Context, s *signIn, problem *Refused) View {
	problem = r.refuse(s, s.id.Way, problem)
	r.end(ctx, s.id.Authority)
	if p := s.id.Person; r.mayQueue(problem) && p.Email != "" {
		s.email = p.Email // for the mark of an unverified fax
	}
	s.id = Identity{}
	return r.stuck(s, problem)
}

// admit asks whether the person of s.id may send, and settles what a badge waits
// for.
func (r *Reception) admit(ctx context.Context, s *signIn) (View, error) {
	if r.opt.People != nil {
		lookCtx, cancel := context.WithTimeout(ctx, lookTime)
		p, err := r.opt.People.Allowed(lookCtx, s.id.Person)
		cancel()
		if err != nil {
			return r.turnAway(ctx, s, asDown(err, DirectoryDown)), nil
		}
		if p.ID != "" {
			s.id.Person = p
		}
	}
	if s.expect != nil {
		if !same(*s.expect, s.id.Person) {
			// The badge stands for one person and another one signed in with it.
			return r.turnAway(ctx, s, &Refused{Problem: BadgeAmbiguous}), nil
		}
		return s.newPINView(nil), nil
	}
	if s.link == "" {
		return s.done(nil), nil
	}
	ask, problem := r.linkBadge(ctx, s)
	if ask {
		return s.newPINView(nil), nil
	}
	return s.done(problem), nil
}

// linkBadge links the new badge. Who signed in is in, whatever becomes of it.
func (r *Reception) linkBadge(ctx context.Context, s *signIn) (askPIN bool, problem *Refused) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if err := r.opt.Badges.Link(ctx, s.link, s.id.Person); err != nil {
		return false, r.refuse(s, WayBadge, asDown(err, DirectoryDown))
	}
	ask, set, err := r.opt.Badges.NeedsPIN(ctx, s.id.Person)
	if err != nil {
		return false, r.refuse(s, WayBadge, asDown(err, DirectoryDown))
	}
	return ask && !set && s.visit.Private, nil
}
