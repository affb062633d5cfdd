package signin_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/signintest"
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

func TestOneTimeCode(t *testing.T) {
	withCode := func(d *desk) {
		d.password.Do = func(_ context.Context, a signin.Attempt) (signin.Identity, error) {
			switch {
			case string(a.Secret) != annPassword:
				return signin.Identity{}, &signin.Refused{Problem: signin.BadCredentials, Spent: true}
			case a.Code == "":
				return signin.Identity{}, &signin.Refused{Problem: signin.CodeNeeded, Spent: true}
			case a.Code != annCode:
				return signin.Identity{}, &signin.Refused{Problem: signin.CodeWrong, Spent: true}
			}
			return signin.Identity{Person: ann, Authority: d.auth}, nil
		}
	}
	toCode := func(d *desk) {
		d.t.Helper()
		d.begin(signin.StageEmail, "")
		d.name(ann.Email, signin.StagePassword, "")
		d.secret(annPassword, signin.StageCode, "")
	}
	t.Run("right", func(t *testing.T) {
		at(t, withCode, func(d *desk) {
			toCode(d)
			d.code("", signin.StageCode, signin.BadInput)
			d.code("49 20-17", signin.StageDone, "")
			d.taken(ann, signin.WayPassword)
		})
	})
	t.Run("one retry, then the password again, and both count", func(t *testing.T) {
		at(t, withCode, func(d *desk) {
			toCode(d)
			d.code("000000", signin.StageCode, signin.CodeWrong)
			d.code("000001", signin.StagePassword, signin.CodeWrong)
			d.secret(annPassword, signin.StagePassword, signin.TooManyTries)
			if n := len(d.password.Attempts()); n != 3 {
				t.Errorf("%d attempts, want 3", n)
			}
		})
	})
	t.Run("a retry that is right", func(t *testing.T) {
		at(t, withCode, func(d *desk) {
			toCode(d)
			d.code("000000", signin.StageCode, signin.CodeWrong)
			d.code(annCode, signin.StageDone, "")
		})
	})
	t.Run("the password waits a minute", func(t *testing.T) {
		at(t, withCode, func(d *desk) {
			toCode(d)
			old := d.view.Rev
			time.Sleep(59 * time.Second)
			d.look(signin.StageCode, "")
			time.Sleep(time.Second)
			d.look(signin.StagePassword, signin.SignInAgain)
			if v, err := d.r.Answer(d.t.Context(), "v1", signin.Answer{Rev: old, Code: annCode}); err != nil || v.Stage != signin.StagePassword {
				t.Errorf("the code's form afterwards: %+v, %v", v, err)
			}
			if n := len(d.password.Attempts()); n != 1 {
				t.Errorf("%d attempts", n)
			}
		})
	})
	t.Run("a minute that ends during the attempt", func(t *testing.T) {
		at(t, withCode, func(d *desk) {
			toCode(d)
			do := d.password.Do
			d.password.Do = func(ctx context.Context, a signin.Attempt) (signin.Identity, error) {
				time.Sleep(5 * time.Second)
				return do(ctx, a)
			}
			time.Sleep(58 * time.Second)
			d.code("000000", signin.StagePassword, signin.SignInAgain)
		})
	})
}

// TestSecretsWiped looks at the very bytes a method was handed: they are gone
// when the sign-in is over, however it ends.
func TestSecretsWiped(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(d *desk)
	}{
		{"code", func(d *desk) { d.code(annCode, signin.StageDone, "") }},
		{"drop", func(d *desk) { d.r.Drop("v1") }},
		{"back", func(d *desk) { d.answer(signin.Answer{Back: true}, signin.StageEmail, "") }},
		{"close", func(d *desk) { d.r.Close() }},
		{"begin again", func(d *desk) { d.begin(signin.StageEmail, "") }},
		{"time", func(*desk) { time.Sleep(time.Minute); synctest.Wait() }},
		{"drop while the code is tried", func(d *desk) {
			do := d.password.Do
			d.password.Do = func(ctx context.Context, a signin.Attempt) (signin.Identity, error) {
				if _, err := do(ctx, a); err != nil {
					d.t.Error(err)
				}
				d.r.Drop("v1")
				return signin.Identity{Person: ann, Authority: d.auth}, nil
			}
			if _, err := d.r.Answer(d.t.Context(), "v1", signin.Answer{Rev: d.view.Rev, Code: annCode}); !errors.Is(err, signin.ErrNoSignIn) {
				d.t.Errorf("Answer = %v, want ErrNoSignIn", err)
			}
			d.ended(1)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var handed [][]byte
			at(t, func(d *desk) {
				d.password.Do = func(_ context.Context, a signin.Attempt) (signin.Identity, error) {
					handed = append(handed, a.Secret)
					if string(a.Secret) != annPassword {
						d.t.Errorf("the method was handed %q", a.Secret)
					}
					if a.Code == "" {
						return signin.Identity{}, &signin.Refused{Problem: signin.CodeNeeded}
					}
					return signin.Identity{Person: ann}, nil
				}
			}, func(d *desk) {
				d.begin(signin.StageEmail, "")
				d.name(ann.Email, signin.StagePassword, "")
				d.secret(annPassword, signin.StageCode, "")
				// Seen from the second attempt: the kept copy.
				d.code("!", signin.StageCode, signin.BadInput)
				tt.end(d)
				synctest.Wait()
				for _, secret := range handed {
					if len(secret) == 0 || slices.ContainsFunc(secret, func(b byte) bool { return b != 0 }) {
						t.Errorf("a method's secret is still %q", secret)
					}
				}
			})
		})
	}
}

// TestNotPrivate never asks for a secret where others may read it.
func TestNotPrivate(t *testing.T) {
	plain := func(d *desk) { d.visit.Private = false }
	t.Run("phone remains", func(t *testing.T) {
		at(t, plain, func(d *desk) {
			d.begin(signin.StagePhone, "")
			if d.view.Shown == nil || d.view.Shown.Code != "WDJB-MJHT" {
				t.Errorf("shown %+v", d.view.Shown)
			}
		})
	})
	t.Run("nothing remains", func(t *testing.T) {
		at(t, func(d *desk) { plain(d); d.opt.Paired = nil }, func(d *desk) {
			d.begin(signin.StageStuck, signin.NotPrivate)
			d.answer(signin.Answer{Back: true}, signin.StageStuck, signin.NotPrivate)
			d.answer(signin.Answer{Secret: []byte(annPassword)}, signin.StageStuck, signin.NotPrivate)
		})
	})
	t.Run("nothing is switched on", func(t *testing.T) {
		at(t, func(d *desk) { plain(d); d.opt.Paired, d.opt.Typed = nil, nil }, func(d *desk) {
			d.begin(signin.StageStuck, signin.NoWay)
		})
	})
	t.Run("known account", func(t *testing.T) {
		at(t, func(d *desk) {
			plain(d)
			d.opt.Discover, d.opt.Fixed, d.opt.Paired = nil, signin.Discovery{Account: signin.AccountWSTrust}, nil
		}, func(d *desk) { d.begin(signin.StageStuck, signin.NotPrivate) })
	})
	t.Run("a badge's PIN", func(t *testing.T) {
		at(t, func(d *desk) { plain(d); d.visit.Tap = &signin.Tap{Person: ann, PIN: true} }, func(d *desk) {
			d.begin(signin.StagePhone, signin.NotPrivate)
		})
	})
	t.Run("a PIN to choose", func(t *testing.T) {
		at(t, func(d *desk) {
			plain(d)
			d.badges.ask, d.badges.pin = true, ""
			d.visit.Tap = &signin.Tap{Refused: &signin.Refused{Problem: signin.BadgeUnknown}, Link: "h"}
		}, func(d *desk) {
			d.begin(signin.StageLink, "")
			d.answer(signin.Answer{Yes: true}, signin.StagePhone, "")
			d.phone.Act(signin.Identity{Person: ann}, nil)
			d.look(signin.StageDone, "")
		})
	})
}

// TestNeverTyped asks nobody for a password that could only go to the wrong
// place.
func TestNeverTyped(t *testing.T) {
	for _, account := range []signin.Account{signin.AccountSAML, signin.AccountOIDC, ""} {
		t.Run(string(account), func(t *testing.T) {
			at(t, func(d *desk) { d.opt.Discover = discovered(signin.Discovery{Account: account}) }, func(d *desk) {
				d.begin(signin.StageEmail, "")
				d.name(ann.Email, signin.StagePhone, "")
				if want := []signin.Way{signin.WayCompanyPhone}; !slices.Equal(d.view.Ways, want) || d.view.Way != signin.WayPhone {
					t.Errorf("%s, beside it %v; want %v", d.view.Way, d.view.Ways, want)
				}
				// Forged forms.
				for _, w := range []signin.Way{signin.WayPassword, signin.WayCompany, signin.WayBrokered, "badge", "none"} {
					d.answer(signin.Answer{Way: w, Secret: []byte(annPassword)}, signin.StagePhone, "")
				}
				for _, m := range []*signintest.Typed{d.password, d.company, d.brokered} {
					if n := len(m.Attempts()); n != 0 {
						t.Errorf("a password was sent %d times", n)
					}
				}
			})
			at(t, func(d *desk) {
				d.opt.Discover, d.opt.Paired = discovered(signin.Discovery{Account: account}), nil
			}, func(d *desk) {
				d.begin(signin.StageEmail, "")
				d.name(ann.Email, signin.StageStuck, signin.NoWay)
				d.answer(signin.Answer{Back: true}, signin.StageEmail, "")
			})
		})
	}
}

// TestWSTrust offers the phone, then the company's password directly, and
// through the service only after that.
func TestWSTrust(t *testing.T) {
	disc := signin.Discovery{Account: signin.AccountWSTrust, Email: true, MEX: "https://fs.contoso.example/adfs/services/trust/mex"}
	at(t, func(d *desk) { d.opt.Discover = discovered(disc) }, func(d *desk) {
		d.begin(signin.StageEmail, "")
		d.name(ann.Email, signin.StagePhone, "")
		d.answer(signin.Answer{Way: signin.WayCompany}, signin.StagePassword, "")
		if want := []signin.Way{signin.WayPhone, signin.WayCompanyPhone, signin.WayBrokered}; !slices.Equal(d.view.Ways, want) {
			t.Errorf("beside it %v, want %v", d.view.Ways, want)
		}
		d.secret("wrong", signin.StagePassword, signin.BadCredentials)
		d.answer(signin.Answer{Way: signin.WayBrokered}, signin.StagePassword, "")
		d.secret("wrong", signin.StagePassword, signin.BadCredentials)
		d.secret(annPassword, signin.StagePassword, signin.TooManyTries) // one identity, whichever way
		if c, b := len(d.company.Attempts()), len(d.brokered.Attempts()); c != 1 || b != 1 || len(d.password.Attempts()) != 0 {
			t.Errorf("%d attempts at the company, %d through the service", c, b)
		}
		if got := d.company.Attempts()[0]; got.Discovery != disc || got.Name != ann.Email || got.Terminal.ID != "front" {
			t.Errorf("the method was asked %+v", got)
		}
		time.Sleep(time.Minute)
		d.secret(annPassword, signin.StageDone, "")
		d.taken(ann, signin.WayBrokered)
	})
}

// TestDiscoveryOfOneName never lets what was found for one name meet the
// password of another.
func TestDiscoveryOfOneName(t *testing.T) {
	at(t, func(d *desk) {
		d.opt.Queue = true
		d.opt.Discover = signintest.Discover(func(_ context.Context, email string) (signin.Discovery, error) {
			if email == bob.Email {
				return signin.Discovery{}, &signin.Refused{Problem: signin.ServiceDown}
			}
			return signin.Discovery{Account: signin.AccountWSTrust}, nil
		})
	}, func(d *desk) {
		d.begin(signin.StageEmail, "")
		d.name(ann.Email, signin.StagePhone, "")
		d.answer(signin.Answer{Back: true}, signin.StageEmail, "")
		d.name(bob.Email, signin.StageEmail, signin.ServiceDown)
		d.answer(signin.Answer{Way: signin.WayPhone}, signin.StagePhone, "")
		if slices.ContainsFunc(d.view.Ways, signin.Way.Typed) {
			t.Errorf("for a name nobody knows anything about, %v is offered", d.view.Ways)
		}
	})
}

// TestFixed does without discovery where the configuration knows the account.
func TestFixed(t *testing.T) {
	at(t, func(d *desk) {
		d.opt.Discover, d.opt.Fixed = nil, signin.Discovery{Account: signin.AccountWSTrust}
	}, func(d *desk) {
		d.begin(signin.StageEmail, "")
		d.answer(signin.Answer{Way: signin.WayPhone}, signin.StagePhone, "")
		d.answer(signin.Answer{Way: signin.WayCompany}, signin.StageEmail, "") // nobody has said who they are
		d.name(ann.Email, signin.StagePassword, "")
		if d.view.Way != signin.WayCompany {
			t.Errorf("way %s, want the one that was chosen", d.view.Way)
		}
		d.secret(annPassword, signin.StageDone, "")
	})
	at(t, func(d *desk) {
		d.opt.Discover, d.opt.Fixed = nil, signin.Discovery{Account: signin.AccountOIDC}
		delete(d.opt.Paired, signin.WayPhone)
	}, func(d *desk) {
		d.begin(signin.StagePhone, "") // nothing to type, so nothing is asked
	})
}

func TestNotSpent(t *testing.T) {
	at(t, nil, func(d *desk) {
		always(d.password, signin.Refused{Problem: signin.Clock})
		d.begin(signin.StageEmail, "")
		d.name(ann.Email, signin.StagePassword, "")
		for range 6 {
			d.secret(annPassword, signin.StagePassword, signin.Clock)
		}
		always(d.password, signin.Refused{Problem: signin.BadCredentials}) // says so, but that is a failure
		d.secret(annPassword, signin.StagePassword, signin.BadCredentials)
		d.secret(annPassword, signin.StagePassword, signin.BadCredentials)
		d.secret(annPassword, signin.StagePassword, signin.TooManyTries)
		if time.Until(d.view.Problem.Until) != time.Minute {
			t.Errorf("until %v", d.view.Problem.Until)
		}
	})
}

// TestLockedAcrossDevices counts one person at two devices together.
func TestLockedAcrossDevices(t *testing.T) {
	at(t, nil, func(d *desk) {
		for _, device := range []string{"front", "back"} {
			d.visit.ID, d.visit.Terminal.ID = "v-"+device, device
			d.begin(signin.StageEmail, "")
			d.name(ann.Email, signin.StagePassword, "")
			d.secret("wrong", signin.StagePassword, signin.BadCredentials)
		}
		d.secret(annPassword, signin.StagePassword, signin.TooManyTries)
		if n := len(d.password.Attempts()); n != 2 {
			t.Errorf("%d attempts", n)
		}
	})
}

func TestQueue(t *testing.T) {
	on := func(d *desk) { d.opt.Queue = true }
	claimed := func(d *desk, want string) {
		d.t.Helper()
		id, err := d.r.Take("v1")
		if err != nil || id.Claimed != want || id.Person != (job.Person{}) || id.Authority != nil {
			d.t.Errorf("Take = %+v, %v; want nobody, claimed to be %q", id, err, want)
		}
	}
	t.Run("discovery is down", func(t *testing.T) {
		at(t, func(d *desk) { on(d); d.opt.Discover = refusing(signin.ServiceDown) }, func(d *desk) {
			d.begin(signin.StageEmail, "")
			d.answer(signin.Answer{Queue: true}, signin.StageEmail, signin.BadInput) // not offered yet
			d.name(ann.Email, signin.StageEmail, signin.ServiceDown)
			if !d.view.Queue {
				t.Fatal("not offered")
			}
			d.answer(signin.Answer{Queue: true}, signin.StageDone, "")
			claimed(d, ann.Email)
		})
	})
	t.Run("policy refuses", func(t *testing.T) {
		at(t, func(d *desk) { d.opt.Discover = refusing(signin.ServiceDown) }, func(d *desk) {
			d.begin(signin.StageEmail, "")
			d.name(ann.Email, signin.StageEmail, signin.ServiceDown)
			d.answer(signin.Answer{Queue: true, Email: ann.Email}, signin.StageEmail, signin.ServiceDown)
		})
	})
	t.Run("a wrong password is no outage", func(t *testing.T) {
		at(t, on, func(d *desk) {
			d.begin(signin.StageEmail, "")
			d.name(ann.Email, signin.StagePassword, "")
			d.secret("wrong", signin.StagePassword, signin.BadCredentials)
			if d.view.Queue {
				t.Error("queue offered")
			}
		})
	})
	t.Run("by phone, with no address yet", func(t *testing.T) {
		at(t, func(d *desk) {
			on(d)
			d.phone.Err = &signin.Refused{Problem: signin.ServiceDown}
			d.opt.Domains = []string{"contoso.example"}
		}, func(d *desk) {
			d.begin(signin.StageEmail, "")
			d.answer(signin.Answer{Way: signin.WayPhone}, signin.StagePhone, signin.ServiceDown)
			d.answer(signin.Answer{Queue: true}, signin.StageEmail, signin.EmailNeeded)
			d.answer(signin.Answer{Queue: true, Email: "ann"}, signin.StageEmail, signin.EmailNeeded)
			d.answer(signin.Answer{Queue: true, Email: "x@fabrikam.example"}, signin.StageEmail, signin.Foreign)
			d.answer(signin.Answer{Queue: true, Email: ann.Email}, signin.StageDone, "")
			claimed(d, ann.Email)
		})
	})
	t.Run("the directory is down after signing in", func(t *testing.T) {
		at(t, func(d *desk) {
			on(d)
			d.opt.People = people{ann.ID: &signin.Refused{Problem: signin.DirectoryDown}}
		}, func(d *desk) {
			d.begin(signin.StageEmail, "")
			d.name(ann.Email, signin.StagePassword, "")
			d.secret(annPassword, signin.StageStuck, signin.DirectoryDown)
			d.ended(1)
			d.answer(signin.Answer{Queue: true}, signin.StageDone, "")
			claimed(d, ann.Email)
		})
	})
}

func TestPeople(t *testing.T) {
	known := func(d *desk) {
		d.opt.People = people{ann.ID: nil, bob.ID: &signin.Refused{Problem: signin.NotAllowed}}
	}
	directoryAnn := ann
	directoryAnn.Name = "Ann Roy (directory)"
	at(t, known, func(d *desk) {
		d.begin(signin.StageEmail, "")
		d.name(ann.Email, signin.StagePassword, "")
		d.secret(annPassword, signin.StageDone, "")
		d.taken(directoryAnn, signin.WayPassword)
	})
	for _, tt := range []struct {
		name  string
		visit func(*signin.Visit)
	}{
		{"badge", func(v *signin.Visit) { v.Tap = &signin.Tap{Person: bob} }},
		{"launch", func(v *signin.Visit) { v.Launch = &bob }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at(t, func(d *desk) { known(d); tt.visit(&d.visit) }, func(d *desk) {
				d.begin(signin.StageStuck, signin.NotAllowed)
				d.answer(signin.Answer{Again: true}, signin.StageStuck, signin.NotAllowed)
				d.answer(signin.Answer{Back: true}, signin.StageEmail, "")
			})
		})
	}
	t.Run("phone", func(t *testing.T) {
		at(t, known, func(d *desk) {
			d.begin(signin.StageEmail, "")
			d.answer(signin.Answer{Way: signin.WayPhone}, signin.StagePhone, "")
			d.phone.Act(signin.Identity{Person: bob, Authority: d.auth}, nil)
			d.look(signin.StageStuck, signin.NotAllowed)
			d.ended(1)
		})
	})
}
