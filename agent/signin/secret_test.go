package signin_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/platen-fax/platen/agent/signin"
)

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
