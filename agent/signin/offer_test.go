package signin_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/signintest"
)

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
