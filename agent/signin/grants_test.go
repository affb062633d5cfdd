package signin_test

import (
	"errors"
	"testing"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/signintest"
)

// TestGrants makes one grant for each service, with the credential that fits.
func TestGrants(t *testing.T) {
	ann := job.Person{ID: "ann@contoso.example"}
	ended := &signin.Refused{Problem: signin.SignInAgain}
	for _, tt := range []struct {
		name    string
		s       signin.Session
		a       *signintest.Authority
		want    []job.GrantKind // for main and spare; "" is left out
		problem signin.Problem
		asked   int
	}{
		{"shared device", signin.Session{Shared: true}, nil, []job.GrantKind{job.GrantAccount, job.GrantAccount}, "", 0},
		{"shared device names nobody", signin.Session{Shared: true, Person: ann}, &signintest.Authority{ServiceID: "main"}, []job.GrantKind{job.GrantAccount, job.GrantAccount}, "", 0},
		{"unverified", signin.Session{Shared: true, Claimed: "ann@contoso.example"}, nil, []job.GrantKind{job.GrantAccount, job.GrantAccount}, "", 0},
		{"signed in", signin.Session{Person: ann}, nil, []job.GrantKind{job.GrantOnBehalfOf, job.GrantOnBehalfOf}, "", 0},
		{"with an authority", signin.Session{Person: ann}, &signintest.Authority{ServiceID: "main"}, []job.GrantKind{job.GrantTicket, job.GrantOnBehalfOf}, "", 1},
		{"an authority that ended", signin.Session{Person: ann}, &signintest.Authority{ServiceID: "main", Err: ended}, []job.GrantKind{"", job.GrantOnBehalfOf}, "", 1},
		{"of another service", signin.Session{Person: ann}, &signintest.Authority{ServiceID: "third"}, []job.GrantKind{job.GrantOnBehalfOf, job.GrantOnBehalfOf}, "", 0},
		{"nobody", signin.Session{}, nil, nil, signin.SignInAgain, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var a signin.Authority
			if tt.a != nil {
				a = tt.a
			}
			grants, err := signin.Grants(t.Context(), tt.s, a, []string{"main", "spare"}, signin.Terms{Job: "j"})
			if signin.ProblemOf(err) != tt.problem {
				t.Fatalf("Grants = %v, want problem %q", err, tt.problem)
			}
			got := map[string]job.Grant{}
			for _, g := range grants {
				got[g.Service] = g
			}
			for i, service := range []string{"main", "spare"} {
				if len(tt.want) == 0 {
					continue
				}
				g, kind := got[service], tt.want[i]
				if g.Kind != kind {
					t.Errorf("%s: kind %q, want %q", service, g.Kind, kind)
				}
				if by := g.Kind == job.GrantOnBehalfOf; by != (g.Person == ann.ID) || by && g.Account != service {
					t.Errorf("%s: %q in the name of %q through %q", service, g.Kind, g.Person, g.Account)
				}
			}
			if tt.a != nil {
				if asked, _ := tt.a.Counts(); asked != tt.asked {
					t.Errorf("the authority was asked %d times, want %d", asked, tt.asked)
				}
			}
		})
	}

	only := &signintest.Authority{ServiceID: "main", Err: ended}
	if _, err := signin.Grants(t.Context(), signin.Session{Person: ann}, only, []string{"main"}, signin.Terms{}); !errors.Is(err, ended) {
		t.Errorf("nothing left: %v, want the authority's own refusal", err)
	}
	only.Err = errors.New("cut off")
	if _, err := signin.Grants(t.Context(), signin.Session{Person: ann}, only, []string{"main"}, signin.Terms{}); signin.ProblemOf(err) != signin.Broken {
		t.Errorf("a strange error: %v, want %s", err, signin.Broken)
	}
}

func TestAuthorities(t *testing.T) {
	s, ctx := signin.NewAuthorities(), t.Context()
	var a, b, c, late signintest.Authority
	ended := func(a *signintest.Authority) int { _, n := a.Counts(); return n }
	s.Put("t1", &a)
	s.Put("t2", &b)
	s.Put("t3", nil)
	if s.Get("t1") != &a || s.Get("t3") != nil || s.Get("") != nil {
		t.Errorf("Get = %v, %v, %v", s.Get("t1"), s.Get("t3"), s.Get(""))
	}
	for range 2 {
		if err := s.End(ctx, "t1"); err != nil || ended(&a) != 1 || s.Get("t1") != nil {
			t.Errorf("End = %v, ended %d times, still %v", err, ended(&a), s.Get("t1"))
		}
	}
	s.Put("t2", &c)
	if ended(&b) != 1 || s.Get("t2") != &c {
		t.Error("an authority that was replaced is still open")
	}
	if err := s.Close(ctx); err != nil || ended(&c) != 1 {
		t.Errorf("Close = %v, ended %d times", err, ended(&c))
	}
	if s.Put("t4", &late); ended(&late) != 1 || s.Get("t4") != nil {
		t.Error("after Close an authority is kept")
	}
}
