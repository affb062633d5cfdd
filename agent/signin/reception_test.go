package signin_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/platen-fax/platen/agent/signin"
)

func TestPassword(t *testing.T) {
	at(t, nil, func(d *desk) {
		d.begin(signin.StageEmail, "")
		if want := []signin.Way{signin.WayPhone, signin.WayCompanyPhone}; !slices.Equal(d.view.Ways, want) {
			t.Errorf("beside the address %v is offered, want %v", d.view.Ways, want)
		}
		d.name(" ann@contoso.example ", signin.StagePassword, "")
		d.secret("", signin.StagePassword, signin.BadInput)
		d.secret("a\x00b", signin.StagePassword, signin.BadInput)
		if n := len(d.password.Attempts()); n != 0 {
			t.Errorf("%d attempts with what nobody can have meant", n)
		}
		d.secret("wrong", signin.StagePassword, signin.BadCredentials)
		d.secret(annPassword, signin.StageDone, "")
		if d.view.Person != ann {
			t.Errorf("the view shows %v", d.view.Person)
		}
		id := d.taken(ann, signin.WayPassword)
		if id.Authority != d.auth {
			t.Errorf("authority %v", id.Authority)
		}
		d.ended(0) // it is the caller's now
		if _, ok := d.r.Look("v1"); ok {
			t.Error("the sign-in is still there")
		}
	})
}

// TestEmailNeeded refuses a user name without asking anybody for it.
func TestEmailNeeded(t *testing.T) {
	for _, tt := range []struct {
		name    string
		d       signin.Discovery
		domains []string
		typed   string
		stage   signin.Stage
		problem signin.Problem
		email   string
	}{
		{"user name where that is enough", signin.Discovery{Account: signin.AccountOwn}, nil, "ann", signin.StagePassword, "", "ann"},
		{"user name where it is not", signin.Discovery{Account: signin.AccountOwn, Email: true}, nil, "ann", signin.StageEmail, signin.EmailNeeded, "ann"},
		{"user name with single sign-on", signin.Discovery{Account: signin.AccountWSTrust}, nil, "ann", signin.StageEmail, signin.EmailNeeded, "ann"},
		{"user name where domains are listed", signin.Discovery{Account: signin.AccountOwn}, []string{"contoso.example"}, "ann", signin.StageEmail, signin.EmailNeeded, ""},
		{"a listed domain in other letters", signin.Discovery{Account: signin.AccountOwn}, []string{"Contoso.Example"}, "Ann@CONTOSO.example", signin.StagePassword, "", "Ann@CONTOSO.example"},
		{"an international domain", signin.Discovery{Account: signin.AccountOwn}, []string{"xn--bcher-kva.example"}, "ann@Bücher.example", signin.StagePassword, "", "ann@Bücher.example"},
		{"another domain", signin.Discovery{Account: signin.AccountOwn}, []string{"contoso.example"}, "ann@fabrikam.example", signin.StageEmail, signin.Foreign, ""},
		{"a subdomain is another", signin.Discovery{Account: signin.AccountOwn}, []string{"contoso.example"}, "ann@x.contoso.example", signin.StageEmail, signin.Foreign, ""},
		{"two @", signin.Discovery{Account: signin.AccountOwn}, []string{"contoso.example"}, "ann@fabrikam.example@contoso.example", signin.StageEmail, signin.BadInput, ""},
		{"nothing", signin.Discovery{Account: signin.AccountOwn}, nil, " ", signin.StageEmail, signin.BadInput, ""},
		{"control characters", signin.Discovery{Account: signin.AccountOwn}, nil, "ann\r\n@contoso.example", signin.StageEmail, signin.BadInput, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at(t, func(d *desk) {
				d.opt.Discover, d.opt.Domains = discovered(tt.d), tt.domains
				delete(d.opt.Paired, signin.WayPhone)
				delete(d.opt.Paired, signin.WayCompanyPhone)
			}, func(d *desk) {
				d.begin(signin.StageEmail, "")
				d.name(tt.typed, tt.stage, tt.problem)
				if d.view.Email != tt.email {
					t.Errorf("shown as %q, want %q", d.view.Email, tt.email)
				}
			})
		})
	}
}

// TestUnknownLooksKnown gives somebody nobody knows the same views as somebody
// known, up to the pause.
func TestUnknownLooksKnown(t *testing.T) {
	seen := map[string][]signin.View{}
	for _, name := range []string{"ann@contoso.example", "nobody@contoso.example"} {
		at(t, nil, func(d *desk) {
			d.begin(signin.StageEmail, "")
			d.name(name, signin.StagePassword, "")
			views := []signin.View{d.view}
			for range 3 {
				v, err := d.r.Answer(d.t.Context(), "v1", signin.Answer{Rev: d.view.Rev, Secret: []byte("wrong")})
				if err != nil {
					t.Fatal(err)
				}
				d.view = v
				views = append(views, v)
			}
			for i := range views {
				views[i].Rev, views[i].Email = 0, ""
				if p := views[i].Problem; p != nil {
					views[i].Problem = &signin.Refused{Problem: p.Problem, Support: p.Support, URL: p.URL, Until: p.Until}
				}
			}
			seen[name] = views
		})
	}
	a, b := seen["ann@contoso.example"], seen["nobody@contoso.example"]
	for i := range a {
		if a[i].Stage != b[i].Stage || (a[i].Problem == nil) != (b[i].Problem == nil) || a[i].Problem != nil && *a[i].Problem != *b[i].Problem {
			t.Errorf("view %d: known %+v %v, unknown %+v %v", i, a[i], a[i].Problem, b[i], b[i].Problem)
		}
	}
	if last := a[3].Problem; last == nil || last.Problem != signin.TooManyTries {
		t.Errorf("the third failure was not held back: %v", last)
	}
}

// TestOneAttemptPerTap sends many answers to one view at once.
func TestOneAttemptPerTap(t *testing.T) {
	at(t, nil, func(d *desk) {
		release := make(chan struct{})
		d.password.Do = func(context.Context, signin.Attempt) (signin.Identity, error) {
			<-release
			return signin.Identity{}, &signin.Refused{Problem: signin.BadCredentials, Spent: true}
		}
		d.begin(signin.StageEmail, "")
		d.name(ann.Email, signin.StagePassword, "")
		first := d.view.Rev
		var wg sync.WaitGroup
		views := make([]signin.View, 5)
		for i := range views {
			wg.Go(func() {
				secret := []byte("wrong")
				var err error
				views[i], err = d.r.Answer(d.t.Context(), "v1", signin.Answer{Rev: first, Secret: secret})
				if err != nil || string(secret) != "\x00\x00\x00\x00\x00" {
					t.Errorf("Answer = %v, secret %q", err, secret)
				}
			})
		}
		synctest.Wait() // one is at the method, the others wait for it
		if v, ok := d.r.Look("v1"); !ok || v.Rev != first {
			t.Errorf("Look = %+v, %v during an attempt", v, ok)
		}
		close(release)
		wg.Wait()
		for _, v := range views {
			if v.Rev != views[0].Rev || v.Problem == nil || v.Problem.Problem != signin.BadCredentials {
				t.Errorf("a tap saw %+v %v", v, v.Problem)
			}
		}
		if n := len(d.password.Attempts()); n != 1 {
			t.Errorf("%d attempts of one tap", n)
		}
		// The old form once more, after it all.
		if v, err := d.r.Answer(d.t.Context(), "v1", signin.Answer{Rev: first, Secret: []byte("wrong")}); err != nil || v.Rev != views[0].Rev {
			t.Errorf("an old form brought %+v, %v", v, err)
		}
		if n := len(d.password.Attempts()); n != 1 {
			t.Errorf("%d attempts after an old form", n)
		}
	})
}

// TestTapOutlivesPage counts and finishes an attempt whose page was closed.
func TestTapOutlivesPage(t *testing.T) {
	at(t, nil, func(d *desk) {
		ctx, cancel := context.WithCancel(d.t.Context())
		d.password.Do = func(ctx context.Context, _ signin.Attempt) (signin.Identity, error) {
			cancel()
			return signin.Identity{Person: ann}, ctx.Err()
		}
		d.begin(signin.StageEmail, "")
		d.name(ann.Email, signin.StagePassword, "")
		if v, err := d.r.Answer(ctx, "v1", signin.Answer{Rev: d.view.Rev, Secret: []byte(annPassword)}); err != nil || v.Stage != signin.StageDone {
			t.Errorf("Answer = %+v, %v; want done", v, err)
		}
	})
}

// TestSlowMethod ends an attempt that takes too long below 18 s, as one that may
// have been counted.
func TestSlowMethod(t *testing.T) {
	at(t, func(d *desk) {
		d.opt.Queue = true
		d.opt.Discover = discovered(signin.Discovery{Account: signin.AccountWSTrust})
		d.opt.Paired = nil
	}, func(d *desk) {
		d.company.Do = func(ctx context.Context, _ signin.Attempt) (signin.Identity, error) {
			<-ctx.Done()
			return signin.Identity{}, ctx.Err()
		}
		d.begin(signin.StageEmail, "")
		d.name(ann.Email, signin.StagePassword, "")
		began := time.Now()
		d.secret(annPassword, signin.StagePassword, signin.CompanyDown)
		if took := time.Since(began); took > 18*time.Second {
			t.Errorf("it took %v", took)
		}
		if !d.view.Queue {
			t.Error("a fax may not wait")
		}
		d.secret(annPassword, signin.StagePassword, signin.CompanyDown)
		d.secret(annPassword, signin.StagePassword, signin.TooManyTries)
	})
}
