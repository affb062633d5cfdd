package signin_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
)

// toPhone begins and chooses the phone.
func toPhone(d *desk) {
	d.t.Helper()
	d.begin(signin.StageEmail, "")
	d.answer(signin.Answer{Way: signin.WayPhone}, signin.StagePhone, "")
	if d.view.Shown == nil || d.view.Shown.Code == "" {
		d.t.Fatalf("shown %+v", d.view.Shown)
	}
}

func TestPhone(t *testing.T) {
	t.Run("approved", func(t *testing.T) {
		at(t, nil, func(d *desk) {
			toPhone(d)
			d.phone.Act(signin.Identity{Person: ann, Authority: d.auth}, nil)
			d.look(signin.StageDone, "")
			if id := d.taken(ann, signin.WayPhone); id.Authority != d.auth {
				t.Errorf("authority %v", id.Authority)
			}
			d.ended(0)
		})
	})
	for _, p := range []signin.Problem{signin.CodeExpired, signin.Declined, signin.Blocked, signin.ServiceDown} {
		t.Run(string(p), func(t *testing.T) {
			at(t, nil, func(d *desk) {
				toPhone(d)
				d.phone.Act(signin.Identity{}, &signin.Refused{Problem: p})
				d.look(signin.StagePhone, p)
				if d.view.Shown != nil || d.view.Way != signin.WayPhone {
					t.Errorf("a code that is over: %+v", d.view)
				}
				d.answer(signin.Answer{Again: true}, signin.StagePhone, "")
				if d.view.Shown == nil || d.phone.Started() != 2 {
					t.Errorf("after Again: %+v, %d codes", d.view.Shown, d.phone.Started())
				}
			})
		})
	}
	t.Run("nobody ever says that the code ran out", func(t *testing.T) {
		at(t, nil, func(d *desk) {
			toPhone(d)
			time.Sleep(6 * time.Minute)
			d.look(signin.StagePhone, signin.CodeExpired)
		})
	})
	t.Run("another company's person", func(t *testing.T) {
		at(t, func(d *desk) { d.opt.Domains = []string{"contoso.example"} }, func(d *desk) {
			toPhone(d)
			eve := job.Person{ID: "eve@fabrikam.example", Email: "eve@fabrikam.example"}
			d.phone.Act(signin.Identity{Person: eve, Authority: d.auth}, nil)
			d.look(signin.StageStuck, signin.Foreign)
			d.ended(1)
		})
	})
	t.Run("nobody", func(t *testing.T) {
		at(t, nil, func(d *desk) {
			toPhone(d)
			d.phone.Act(signin.Identity{Authority: d.auth}, nil)
			d.look(signin.StageStuck, signin.Broken)
			d.ended(1)
		})
	})
}

// TestConfirm asks "is this you?" where nothing on the phone told for which
// panel it was.
func TestConfirm(t *testing.T) {
	ask := func(d *desk) {
		d.t.Helper()
		d.begin(signin.StageEmail, "")
		d.answer(signin.Answer{Way: signin.WayCompanyPhone}, signin.StagePhone, "")
		d.companyPhone.Act(signin.Identity{Person: ann, Ask: true, Authority: d.auth}, nil)
		d.look(signin.StageConfirm, "")
		if d.view.Person != ann {
			d.t.Errorf("asked for %v", d.view.Person)
		}
		d.answer(signin.Answer{}, signin.StageConfirm, "")
		d.answer(signin.Answer{Back: true}, signin.StageConfirm, "")
		if id, err := d.r.Take("v1"); err == nil {
			d.t.Fatalf("Take before the answer = %+v", id)
		}
	}
	at(t, nil, func(d *desk) {
		ask(d)
		d.answer(signin.Answer{Yes: true}, signin.StageDone, "")
		d.taken(ann, signin.WayCompanyPhone)
	})
	at(t, nil, func(d *desk) {
		ask(d)
		d.answer(signin.Answer{No: true, Yes: true}, signin.StageStuck, signin.Declined)
		d.ended(1)
		d.answer(signin.Answer{Yes: true}, signin.StageStuck, signin.Declined)
		if id, err := d.r.Take("v1"); err == nil {
			t.Errorf("Take = %+v", id)
		}
		d.answer(signin.Answer{Again: true}, signin.StageEmail, "")
	})
}

// deaf is a phone whose approval is on its way when the person goes on: it does
// not hear that it was cancelled.
type deaf struct {
	id      signin.Identity
	release chan struct{}
}

func (p *deaf) Start(context.Context, signin.Terminal, string) (signin.Pairing, error) { return p, nil }

func (p *deaf) Shown() signin.Shown {
	return signin.Shown{Code: "X", Expires: time.Now().Add(time.Minute)}
}

func (p *deaf) Wait(context.Context) (signin.Identity, error) {
	<-p.release
	return p.id, nil
}

// TestPhoneTooLate lets nobody in whose phone acted after the person had gone on
// at the panel, and gives the credential back.
func TestPhoneTooLate(t *testing.T) {
	for _, tt := range []struct {
		name string
		goOn func(d *desk)
	}{
		{"another way", func(d *desk) { d.answer(signin.Answer{Way: signin.WayCompanyPhone}, signin.StagePhone, "") }},
		{"a password", func(d *desk) { d.answer(signin.Answer{Way: signin.WayCompany}, signin.StagePassword, "") }},
		{"back", func(d *desk) { d.answer(signin.Answer{Back: true}, signin.StageEmail, "") }},
		{"drop", func(d *desk) { d.r.Drop("v1") }},
		{"begin", func(d *desk) { d.begin(signin.StageEmail, "") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p *deaf
			at(t, func(d *desk) {
				p = &deaf{id: signin.Identity{Person: bob, Authority: d.auth}, release: make(chan struct{})}
				d.opt.Paired[signin.WayPhone] = p
				d.opt.Discover = discovered(signin.Discovery{Account: signin.AccountWSTrust})
			}, func(d *desk) {
				d.begin(signin.StageEmail, "")
				d.name(ann.Email, signin.StagePhone, "")
				tt.goOn(d)
				close(p.release)
				d.ended(1)
				if v, ok := d.r.Look("v1"); ok && (v.Stage == signin.StageDone || v.Person == bob) {
					t.Errorf("the late approval brought %+v", v)
				}
			})
		})
	}
}

// TestClose cancels the polling and gives back what nobody took.
func TestClose(t *testing.T) {
	at(t, nil, func(d *desk) {
		d.begin(signin.StageEmail, "")
		d.name(ann.Email, signin.StagePassword, "")
		d.secret(annPassword, signin.StageDone, "")
		d.visit.ID = "v2"
		toPhone(d)
		d.r.Close()
		d.ended(1)
		if _, ok := d.r.Look("v2"); ok {
			t.Error("a sign-in is left")
		}
		if v, err := d.r.Begin(d.t.Context(), d.visit); !errors.Is(err, signin.ErrNoSignIn) {
			t.Errorf("Begin after Close = %+v, %v", v, err)
		}
		if v, err := d.r.Answer(d.t.Context(), "v2", signin.Answer{}); !errors.Is(err, signin.ErrNoSignIn) {
			t.Errorf("Answer after Close = %+v, %v", v, err)
		}
	})
}

// TestBeginAgain makes forms of the replaced sign-in worthless, and forgets
// sign-ins that nobody drops.
func TestBeginAgain(t *testing.T) {
	at(t, nil, func(d *desk) {
		var revs []int
		for range 3 {
			d.begin(signin.StageEmail, "")
			if slices.Contains(revs, d.view.Rev) {
				t.Errorf("rev %d again after %v", d.view.Rev, revs)
			}
			revs = append(revs, d.view.Rev)
			d.name(ann.Email, signin.StagePassword, "")
			revs = append(revs, d.view.Rev)
		}
		for _, rev := range revs[:5] {
			if v, err := d.r.Answer(d.t.Context(), "v1", signin.Answer{Rev: rev, Secret: []byte(annPassword)}); err != nil || v.Stage != signin.StagePassword {
				t.Errorf("rev %d brought %+v, %v", rev, v, err)
			}
		}
		if n := len(d.password.Attempts()); n != 0 {
			t.Errorf("%d attempts of old forms", n)
		}
		d.secret(annPassword, signin.StageDone, "")
		time.Sleep(31 * time.Minute)
		d.visit.ID = "v2"
		d.begin(signin.StageEmail, "")
		d.ended(1)
		synctest.Wait()
		if _, ok := d.r.Look("v1"); ok {
			t.Error("a forgotten sign-in is still there")
		}
	})
}
