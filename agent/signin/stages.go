package signin

import (
	"context"
	"slices"
	"strings"

	"github.com/platen-fax/platen/agent/job"
)

// start finds the first question of a visit.
func (r *Reception) start(ctx context.Context, s *signIn) (View, error) {
	s.link, s.expect, s.want = "", nil, ""
	r.undiscovered(s)
	switch v := s.visit; {
	case v.Launch != nil:
		return r.signedIn(ctx, s, Identity{Person: *v.Launch, Way: WayLaunch})
	case v.Tap != nil:
		return r.tapped(ctx, s, v.Tap)
	}
	return r.first(ctx, s, nil)
}

// undiscovered forgets what was found out about a name.
func (r *Reception) undiscovered(s *signIn) {
	s.found, s.order = Discovery{}, nil
	if r.opt.Discover == nil {
		s.found, s.order = r.opt.Fixed, Order(r.opt.Fixed, r.on, s.visit.Private)
	}
}

// tapped goes on from a badge.
func (r *Reception) tapped(ctx context.Context, s *signIn, t *Tap) (View, error) {
	typed, phones := r.possible(s)
	pin := t.PIN || t.NewPIN
	switch {
	case t.Refused != nil && t.Refused.Problem == BadgeUnknown && t.Link != "" && r.opt.Badges != nil && (typed || len(phones) > 0):
		return s.show(View{Stage: StageLink}, nil), nil
	case t.Refused != nil:
		return r.stuck(s, t.Refused), nil
	case t.Person.ID == "":
		return r.stuck(s, &Refused{Problem: BadgeUnread}), nil
	case pin && r.opt.Badges == nil:
		return r.stuck(s, &Refused{Problem: NoWay}), nil
	case pin && !s.visit.Private:
		return r.first(ctx, s, &Refused{Problem: NotPrivate})
	case t.NewPIN:
		s.expect = &t.Person
		return r.first(ctx, s, nil)
	case t.PIN:
		return r.pinView(s, t.Person, nil), nil
	}
	return r.signedIn(ctx, s, Identity{Person: t.Person, Way: WayBadge})
}

// first asks who is there; where nothing can be typed, it shows a phone's code
// at once.
func (r *Reception) first(ctx context.Context, s *signIn, problem *Refused) (View, error) {
	typed, phones := r.possible(s)
	switch {
	case typed:
		return r.emailView(s, problem), nil
	case len(phones) > 0:
		return r.pair(ctx, s, phones[0], problem), nil
	}
	// Nothing is left, but could something be typed where that is private?
	there := *s
	there.visit.Private = true
	r.undiscovered(&there)
	typed, _ = r.possible(&there)
	return r.stuck(s, noWay(typed)), nil
}

// possible says what may come out before the account is known: whether something
// may be typed, and which ways by phone may be offered.
func (r *Reception) possible(s *signIn) (typed bool, phones []Way) {
	ways := s.order
	if r.opt.Discover != nil {
		// Of accounts without single sign-on and with it, all that is on.
		ways = slices.Concat(
			Order(Discovery{Account: AccountOwn}, r.on, s.visit.Private),
			Order(Discovery{Account: AccountWSTrust}, r.on, s.visit.Private),
		)
	}
	for _, w := range ways {
		switch {
		case w.Typed():
			typed = true
		case !slices.Contains(phones, w):
			phones = append(phones, w)
		}
	}
	return typed, phones
}

// noWay says why nothing can be offered; private says that something could be
// where secrets may be typed.
func noWay(private bool) *Refused {
	if private {
		return &Refused{Problem: NotPrivate}
	}
	return &Refused{Problem: NoWay}
}

// on reports whether a way is switched on.
func (r *Reception) on(w Way) bool { return r.opt.Typed[w] != nil || r.opt.Paired[w] != nil }

// ways lists what may be chosen beside a way.
func (r *Reception) ways(s *signIn, beside Way) []Way {
	ways := s.order
	if ways == nil {
		_, ways = r.possible(s)
	}
	return slices.DeleteFunc(slices.Clone(ways), func(w Way) bool { return w == beside })
}

// choose goes to a way that the view offered.
func (r *Reception) choose(ctx context.Context, s *signIn, w Way) (View, error) {
	switch {
	case w.OnPhone():
		return r.pair(ctx, s, w, nil), nil
	case s.email == "" || !slices.Contains(s.order, w):
		s.want = w
		return r.emailView(s, nil), nil
	}
	return s.passwordView(w, nil), nil
}

// show completes a view with what holds for every stage. What people see of a
// problem does not depend on its cause.
func (s *signIn) show(v View, problem *Refused) View {
	v.Email, v.Linking = s.email, s.link != ""
	if problem != nil {
		shown := *problem
		shown.Err = nil
		if !strings.HasPrefix(shown.URL, "https://") {
			shown.URL = ""
		}
		v.Problem = &shown
	}
	return v
}

func (r *Reception) emailView(s *signIn, problem *Refused) View {
	_, phones := r.possible(s)
	return s.show(View{Stage: StageEmail, Ways: phones, Queue: r.mayQueue(problem)}, problem)
}

// passwordView asks for the password of a way. It belongs to a name that was
// discovered.
func (s *signIn) passwordView(w Way, problem *Refused) View {
	others := slices.DeleteFunc(slices.Clone(s.order), func(o Way) bool { return o == w })
	return s.show(View{Stage: StagePassword, Way: w, Ways: others}, problem)
}

func (r *Reception) stuck(s *signIn, problem *Refused) View {
	return s.show(View{Stage: StageStuck, Ways: r.ways(s, ""), Queue: r.mayQueue(problem)}, problem)
}

// mayQueue reports whether policy lets a fax wait unverified for this problem.
func (r *Reception) mayQueue(problem *Refused) bool {
	if problem == nil || !r.opt.Queue {
		return false
	}
	switch problem.Problem {
	case ServiceDown, CompanyDown, DirectoryDown:
		return true
	}
	return false
}

// refuse logs a refusal for IT: neither person nor secret.
func (r *Reception) refuse(s *signIn, w Way, problem *Refused) *Refused {
	r.log.Info("sign-in refused", "device", s.visit.Terminal.ID, "way", w, "problem", problem.Problem,
		"support", problem.Support, "err", problem.Err)
	return problem
}

// claim lets the fax wait in the device's name, as of the address somebody
// typed.
func (r *Reception) claim(s *signIn, name string) View {
	s.id = Identity{Claimed: name}
	r.log.Warn("sign-in unreachable: a visit goes on unverified", "device", s.visit.Terminal.ID)
	return s.show(View{Stage: StageDone}, nil)
}

// done is the end. Whoever takes the identity logs that a visit began with it.
func (s *signIn) done(problem *Refused) View {
	return s.show(View{Stage: StageDone, Way: s.id.Way, Person: s.id.Person}, problem)
}

// same reports whether two persons are one.
func same(a, b job.Person) bool { return fold(a.ID) == fold(b.ID) }
