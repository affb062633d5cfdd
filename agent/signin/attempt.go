package signin

import (
	"cmp"
	"context"
	"errors"
)

// What the counted identities begin with.
const (
	nameTries = "name:"
	pinTries  = "pin:"
)

// try makes one attempt with what was typed.
func (r *Reception) try(ctx context.Context, s *signIn, w Way, secret []byte, code string) (View, error) {
	settle, err := r.reserve(nameTries + s.email)
	if err != nil {
		s.forget()
		return r.failed(s, w, err)
	}
	down := ServiceDown
	if w == WayCompany {
		down = CompanyDown
	}
	tryCtx, cancel := context.WithTimeout(ctx, attemptTime)
	id, err := r.opt.Typed[w].Try(tryCtx, Attempt{
		Terminal: s.visit.Terminal, Name: s.email, Secret: secret, Code: code, Discovery: s.found,
	})
	cancel()
	if err == nil {
		settle(nil)
		s.forget()
		id.Way = cmp.Or(id.Way, w)
		return r.signedIn(ctx, s, id)
	}
	problem := asDown(err, down)
	settle(problem)
	switch {
	case problem.Problem == CodeNeeded && code == "":
		r.keep(s, secret)
		return s.codeView(w, nil), nil
	case problem.Problem == CodeWrong && code != "" && s.codes == 0:
		s.codes++
		return s.codeView(w, r.refuse(s, w, problem)), nil
	}
	s.forget()
	return r.failed(s, w, r.refuse(s, w, problem))
}

// code takes the one-time code for the secret that is kept.
func (r *Reception) code(ctx context.Context, s *signIn, a Answer) (View, error) {
	w := s.view.Way
	if s.secret == nil || r.now().Sub(s.kept) >= keepTime {
		s.forget()
		return s.passwordView(w, &Refused{Problem: SignInAgain}), nil
	}
	code, problem := readCode(a.Code)
	if problem != nil {
		return s.codeView(w, problem), nil
	}
	return r.try(ctx, s, w, s.secret, code)
}

// failed shows why an attempt came to nothing. An error that is no *Refused is
// the store's.
func (r *Reception) failed(s *signIn, w Way, err error) (View, error) {
	problem, ok := errors.AsType[*Refused](err)
	if !ok {
		return s.passwordView(w, &Refused{Problem: Broken}), err
	}
	if problem.Problem == EmailNeeded {
		return r.emailView(s, problem), nil
	}
	v := s.passwordView(w, problem)
	v.Queue = r.mayQueue(problem)
	return v, nil
}

func (s *signIn) codeView(w Way, problem *Refused) View {
	return s.show(View{Stage: StageCode, Way: w}, problem)
}

// reserve counts an attempt before it leaves. settle takes what became of it,
// nil for success, and must be called.
func (r *Reception) reserve(identity string) (settle func(*Refused), err error) {
	done, err := r.opt.Limits.Reserve(identity)
	if err != nil {
		return nil, err
	}
	return func(problem *Refused) {
		// What cannot be settled stays counted as a failure, which is the safe side.
		if err := done(problem != nil && counts(problem), problem == nil); err != nil {
			r.log.Error("count an attempt to sign in", "err", err)
		}
	}, nil
}

// counts reports whether a refused attempt is a failure of the identity.
func counts(problem *Refused) bool {
	switch problem.Problem {
	case CodeNeeded:
		return false // the password was right
	case BadCredentials, CodeWrong, BadPIN:
		return true // said by somebody who looked, whatever else they say
	}
	return problem.Spent
}
