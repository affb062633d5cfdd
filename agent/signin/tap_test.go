package signin_test

import (
	"errors"
	"testing"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
)

// tap makes the visit begin with a badge.
func tap(t signin.Tap) func(*desk) {
	return func(d *desk) { d.visit.Tap = &t }
}

func TestTap(t *testing.T) {
	unknown := &signin.Refused{Problem: signin.BadgeUnknown}
	for _, tt := range []struct {
		name    string
		tap     signin.Tap
		set     func(*desk)
		stage   signin.Stage
		problem signin.Problem
	}{
		{"known", signin.Tap{Person: ann}, nil, signin.StageDone, ""},
		{"with PIN", signin.Tap{Person: ann, PIN: true}, nil, signin.StagePIN, ""},
		{"PIN to choose", signin.Tap{Person: ann, NewPIN: true}, nil, signin.StageEmail, ""},
		{"unknown, to link", signin.Tap{Refused: unknown, Link: "h"}, nil, signin.StageLink, ""},
		{"unknown", signin.Tap{Refused: unknown}, nil, signin.StageStuck, signin.BadgeUnknown},
		{"unknown, and no way to sign in", signin.Tap{Refused: unknown, Link: "h"}, func(d *desk) { d.opt.Typed, d.opt.Paired = nil, nil }, signin.StageStuck, signin.BadgeUnknown},
		{"two people's", signin.Tap{Refused: &signin.Refused{Problem: signin.BadgeAmbiguous}, Link: "h"}, nil, signin.StageStuck, signin.BadgeAmbiguous},
		{"refused although somebody", signin.Tap{Person: ann, Refused: &signin.Refused{Problem: signin.PersonDisabled}}, nil, signin.StageStuck, signin.PersonDisabled},
		{"nobody", signin.Tap{}, nil, signin.StageStuck, signin.BadgeUnread},
		{"a PIN nobody can check", signin.Tap{Person: ann, PIN: true}, func(d *desk) { d.opt.Badges = nil }, signin.StageStuck, signin.NoWay},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at(t, func(d *desk) {
				tap(tt.tap)(d)
				if tt.set != nil {
					tt.set(d)
				}
			}, func(d *desk) {
				d.begin(tt.stage, tt.problem)
				if tt.stage == signin.StageDone {
					d.taken(ann, signin.WayBadge)
				}
			})
		})
	}
}

func TestPIN(t *testing.T) {
	at(t, tap(signin.Tap{Person: ann, PIN: true}), func(d *desk) {
		d.begin(signin.StagePIN, "")
		for _, s := range []string{"", "123", "123456789", "47a1"} {
			d.secret(s, signin.StagePIN, signin.BadInput)
		}
		d.secret("0000", signin.StagePIN, signin.BadPIN)
		d.secret(annPIN, signin.StageDone, "")
		d.taken(ann, signin.WayBadge)

		// Wrong ones count over visits, and apart from passwords.
		d.begin(signin.StagePIN, "")
		d.secret("0000", signin.StagePIN, signin.BadPIN)
		d.visit.ID = "v2"
		d.begin(signin.StagePIN, "")
		d.secret("0001", signin.StagePIN, signin.BadPIN)
		d.secret(annPIN, signin.StagePIN, signin.TooManyTries)
		if d.badges.checks != 4 {
			t.Errorf("%d PINs were looked at, want 4", d.badges.checks)
		}
		d.answer(signin.Answer{Back: true}, signin.StageEmail, "")
		d.name(ann.Email, signin.StagePassword, "")
		d.secret(annPassword, signin.StageDone, "")
	})
	at(t, tap(signin.Tap{Person: ann, PIN: true}), func(d *desk) {
		d.badges.pinErr = &signin.Refused{Problem: signin.DirectoryDown}
		d.begin(signin.StagePIN, "")
		for range 5 {
			d.secret(annPIN, signin.StagePIN, signin.DirectoryDown)
		}
	})
	t.Run("forgotten", func(t *testing.T) {
		at(t, tap(signin.Tap{Person: ann, PIN: true}), func(d *desk) {
			d.begin(signin.StagePIN, "")
			if !d.view.NewPIN {
				t.Fatal("another PIN is not offered")
			}
			d.answer(signin.Answer{Again: true}, signin.StageEmail, "")
			d.name(ann.Email, signin.StagePassword, "")
			d.secret(annPassword, signin.StageNewPIN, "")
			d.secret("2580", signin.StageDone, "")
			if d.badges.pin != "2580" {
				t.Errorf("the PIN is %q", d.badges.pin)
			}
		})
	})
	t.Run("forgotten, by somebody else", func(t *testing.T) {
		at(t, tap(signin.Tap{Person: bob, PIN: true}), func(d *desk) {
			d.begin(signin.StagePIN, "")
			d.answer(signin.Answer{Again: true}, signin.StageEmail, "")
			d.name(ann.Email, signin.StagePassword, "")
			d.secret(annPassword, signin.StageStuck, signin.BadgeAmbiguous)
		})
	})
	t.Run("forgotten, and no other way", func(t *testing.T) {
		at(t, func(d *desk) {
			tap(signin.Tap{Person: ann, PIN: true})(d)
			d.opt.Typed, d.opt.Paired = nil, nil
		}, func(d *desk) {
			d.begin(signin.StagePIN, "")
			if d.view.NewPIN {
				t.Error("another PIN is offered, and nobody could get it")
			}
			d.answer(signin.Answer{Again: true}, signin.StagePIN, signin.BadInput)
		})
	})
	t.Run("it is gone meanwhile", func(t *testing.T) {
		at(t, tap(signin.Tap{Person: ann, PIN: true}), func(d *desk) {
			d.badges.pin = ""
			d.begin(signin.StagePIN, "")
			d.secret(annPIN, signin.StageEmail, signin.PINNeeded)
			d.name(ann.Email, signin.StagePassword, "")
			d.secret(annPassword, signin.StageNewPIN, "")
		})
	})
}

func TestNewPIN(t *testing.T) {
	none := func(d *desk) {
		tap(signin.Tap{Person: ann, NewPIN: true})(d)
		d.badges.pin = ""
	}
	at(t, none, func(d *desk) {
		d.begin(signin.StageEmail, "")
		d.name(ann.Email, signin.StagePassword, "")
		d.secret(annPassword, signin.StageNewPIN, "")
		if d.view.Person != ann {
			t.Errorf("for %v", d.view.Person)
		}
		d.answer(signin.Answer{Back: true}, signin.StageNewPIN, "")
		d.secret("12", signin.StageNewPIN, signin.BadInput)
		d.secret("1111", signin.StageNewPIN, signin.BadInput)
		d.secret("2580", signin.StageDone, "")
		if d.badges.pin != "2580" {
			t.Errorf("the PIN is %q", d.badges.pin)
		}
		d.taken(ann, signin.WayPassword)
	})
	t.Run("none", func(t *testing.T) {
		at(t, none, func(d *desk) {
			d.begin(signin.StageEmail, "")
			d.name(ann.Email, signin.StagePassword, "")
			d.secret(annPassword, signin.StageNewPIN, "")
			d.answer(signin.Answer{No: true}, signin.StageDone, "")
			if d.badges.pin != "" {
				t.Errorf("the PIN is %q", d.badges.pin)
			}
		})
	})
	t.Run("of somebody else's badge", func(t *testing.T) {
		at(t, func(d *desk) {
			none(d)
			d.visit.Tap.Person = bob
		}, func(d *desk) {
			d.begin(signin.StageEmail, "")
			d.name(ann.Email, signin.StagePassword, "")
			d.secret(annPassword, signin.StageStuck, signin.BadgeAmbiguous)
			d.ended(1)
			if d.badges.pin != "" {
				t.Errorf("the PIN is %q", d.badges.pin)
			}
		})
	})
}

func TestLink(t *testing.T) {
	unknown := tap(signin.Tap{Refused: &signin.Refused{Problem: signin.BadgeUnknown}, Link: "hash"})
	link := func(d *desk, stage signin.Stage, problem signin.Problem) {
		d.t.Helper()
		d.begin(signin.StageLink, "")
		d.answer(signin.Answer{Yes: true}, signin.StageEmail, "")
		if !d.view.Linking {
			d.t.Error("the view does not say that a badge waits")
		}
		d.name(ann.Email, signin.StagePassword, "")
		d.secret("wrong", signin.StagePassword, signin.BadCredentials)
		if d.badges.linked != nil {
			d.t.Fatalf("linked %v by a wrong password", d.badges.linked)
		}
		d.secret(annPassword, stage, problem)
	}
	for _, tt := range []struct {
		name    string
		set     func(*badges)
		stage   signin.Stage
		problem signin.Problem
	}{
		{"no PIN wanted", func(b *badges) { b.pin = "" }, signin.StageDone, ""},
		{"PIN wanted and none there", func(b *badges) { b.pin, b.ask = "", true }, signin.StageNewPIN, ""},
		{"PIN wanted and there", func(b *badges) { b.ask = true }, signin.StageDone, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at(t, func(d *desk) { unknown(d); tt.set(d.badges) }, func(d *desk) {
				link(d, tt.stage, tt.problem)
				if d.badges.linked["hash"] != ann.ID {
					t.Errorf("linked %v", d.badges.linked)
				}
			})
		})
	}
	t.Run("it cannot be linked, but the person is in", func(t *testing.T) {
		at(t, func(d *desk) { unknown(d); d.badges.linkErr = errors.New("disk full") }, func(d *desk) {
			link(d, signin.StageDone, signin.Broken)
			d.taken(ann, signin.WayPassword)
		})
	})
	t.Run("no", func(t *testing.T) {
		at(t, unknown, func(d *desk) {
			d.begin(signin.StageLink, "")
			d.answer(signin.Answer{No: true}, signin.StageEmail, "")
			d.name(ann.Email, signin.StagePassword, "")
			d.secret(annPassword, signin.StageDone, "")
			if d.badges.linked != nil {
				t.Errorf("linked %v", d.badges.linked)
			}
		})
	})
	t.Run("whoever may not send links nothing", func(t *testing.T) {
		at(t, func(d *desk) { unknown(d); d.opt.People = people{} }, func(d *desk) {
			link(d, signin.StageStuck, signin.PersonUnknown)
			if d.badges.linked != nil {
				t.Errorf("linked %v", d.badges.linked)
			}
		})
	})
	t.Run("unverified links nothing", func(t *testing.T) {
		at(t, func(d *desk) {
			unknown(d)
			d.opt.Queue, d.opt.Discover = true, refusing(signin.ServiceDown)
		}, func(d *desk) {
			d.begin(signin.StageLink, "")
			d.answer(signin.Answer{Yes: true}, signin.StageEmail, "")
			d.name(ann.Email, signin.StageEmail, signin.ServiceDown)
			d.answer(signin.Answer{Queue: true}, signin.StageDone, "")
			if id, err := d.r.Take("v1"); err != nil || id.Person != (job.Person{}) || d.badges.linked != nil {
				t.Errorf("Take = %+v, %v; linked %v", id, err, d.badges.linked)
			}
		})
	})
}

func TestLaunch(t *testing.T) {
	at(t, func(d *desk) { d.visit.Launch = &ann }, func(d *desk) {
		d.begin(signin.StageDone, "")
		d.taken(ann, signin.WayLaunch)
	})
}
