package signin_test

import (
	"testing"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
)

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
