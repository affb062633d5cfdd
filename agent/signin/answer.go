package signin

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// answer works on one tap. The view it returns is good even with an error.
func (r *Reception) answer(ctx context.Context, s *signIn, a Answer) (View, error) {
	v := s.view
	switch {
	case v.Stage == StageDone, v.Stage == StageConfirm && a.Back, v.Stage == StageNewPIN && a.Back:
		return v, nil
	case a.Queue && v.Queue:
		return r.queue(s, a)
	case a.Way != "" && slices.Contains(v.Ways, a.Way):
		s.forget()
		s.unpair()
		return r.choose(ctx, s, a.Way)
	case a.Back && v.Stage == StageEmail:
		return v, nil
	case a.Back:
		s.forget()
		s.unpair()
		s.want = ""
		return r.first(ctx, s, nil)
	}
	switch v.Stage {
	case StageEmail:
		return r.name(ctx, s, a)
	case StagePassword:
		if badSecret(a.Secret) {
			return s.passwordView(v.Way, &Refused{Problem: BadInput}), nil
		}
		return r.try(ctx, s, v.Way, a.Secret, "")
	case StageCode:
		return r.code(ctx, s, a)
	case StagePhone:
		if a.Again {
			return r.pair(ctx, s, v.Way, nil), nil
		}
	case StageConfirm:
		return r.confirm(ctx, s, a)
	case StagePIN:
		if a.Again && v.NewPIN {
			person := v.Person
			s.expect = &person
			return r.first(ctx, s, nil)
		}
		return r.pin(ctx, s, a)
	case StageNewPIN:
		return r.newPIN(ctx, s, a)
	case StageLink:
		switch {
		case a.Yes:
			s.link = s.visit.Tap.Link
			return r.first(ctx, s, nil)
		case a.No:
			return r.first(ctx, s, nil)
		}
	case StageStuck:
		if a.Again {
			return r.start(ctx, s)
		}
	}
	return v, nil
}

// name takes an e-mail address or user name and finds out how it signs in.
func (r *Reception) name(ctx context.Context, s *signIn, a Answer) (View, error) {
	name, problem := r.readName(a.Email)
	if problem != nil {
		return r.emailView(s, problem), nil
	}
	s.email = name
	r.undiscovered(s) // what holds for another name must not meet this one's password
	d := r.opt.Fixed
	if r.opt.Discover != nil {
		ctx, cancel := context.WithTimeout(ctx, discoverTime)
		defer cancel()
		var err error
		if d, err = r.opt.Discover.Discover(ctx, name); err != nil {
			return r.emailView(s, r.refuse(s, "", asDown(err, ServiceDown))), nil
		}
	}
	if !strings.Contains(name, "@") && (d.Email || d.Account != AccountOwn) {
		return r.emailView(s, &Refused{Problem: EmailNeeded}), nil
	}
	s.found, s.order = d, Order(d, r.on, s.visit.Private)
	if len(s.order) == 0 {
		return r.stuck(s, r.refuse(s, "", noWay(len(Order(d, r.on, true)) > 0))), nil
	}
	way := s.order[0]
	if slices.Contains(s.order, s.want) {
		way = s.want
	}
	s.want = ""
	return r.choose(ctx, s, way)
}

// readName checks a name as far as that needs nobody else.
func (r *Reception) readName(typed string) (string, *Refused) {
	name, problem := readName(typed)
	switch {
	case problem != nil:
		return "", problem
	case len(r.opt.Domains) > 0 && !strings.Contains(name, "@"):
		return "", &Refused{Problem: EmailNeeded}
	case !r.ours(name):
		return "", &Refused{Problem: Foreign}
	}
	return name, nil
}

// ours reports whether the domain of an address may sign in here.
func (r *Reception) ours(address string) bool {
	return len(r.opt.Domains) == 0 || slices.ContainsFunc(r.opt.Domains, func(d string) bool {
		return domain(address) == domain("@"+d) && domain(address) != ""
	})
}

// queue goes on unverified. Without an address it asks for one first.
func (r *Reception) queue(s *signIn, a Answer) (View, error) {
	name := s.email
	if s.view.Stage == StageEmail && a.Email != "" {
		name = a.Email
	}
	problem := &Refused{Problem: EmailNeeded}
	if strings.Contains(name, "@") {
		name, problem = r.readName(name)
	}
	s.forget()
	s.unpair()
	if problem != nil {
		v := r.emailView(s, problem)
		v.Queue = true
		return v, nil
	}
	return r.claim(s, name), nil
}

// asDown is asRefused for a request that got no answer in its time.
func asDown(err error, down Problem) *Refused {
	if _, ok := errors.AsType[*Refused](err); !ok && errors.Is(err, context.DeadlineExceeded) {
		return &Refused{Problem: down, Spent: true, Err: err}
	}
	return asRefused(err)
}
