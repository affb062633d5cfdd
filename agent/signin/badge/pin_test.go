package badge_test

import (
	"strings"
	"testing"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/badge"
)

func TestPINPolicies(t *testing.T) {
	w := newWorld(t)
	off := w.badges(nil)
	must(t, off.SetPIN(t.Context(), ann, []byte("2580")))
	for _, tt := range []struct {
		policy      string
		badge       string
		pin, newPIN bool
	}{
		{"", "946EBD28", false, false},
		{badge.PINOff, "946EBD28", false, false},
		{badge.PINOptional, "946EBD28", true, false},
		{badge.PINOptional, "11223344", false, false},
		{badge.PINRequired, "946EBD28", true, false},
		{badge.PINRequired, "11223344", false, true},
	} {
		tap := w.tapped(w.badges(func(o *badge.Options) { o.PIN = tt.policy }), tt.badge)
		if tap.Refused != nil || tap.PIN != tt.pin || tap.NewPIN != tt.newPIN {
			t.Errorf("policy %q, badge %s: PIN %v, new %v, %v; want %v, %v", tt.policy, tt.badge, tap.PIN, tap.NewPIN, tap.Refused, tt.pin, tt.newPIN)
		}
	}
	tap := w.tapped(w.badges(func(o *badge.Options) { o.PIN = badge.PINRequired }), "22334455")
	if tap.PIN || tap.NewPIN {
		t.Errorf("somebody disabled is asked for a PIN: %+v", tap)
	}
}

func TestCheckPIN(t *testing.T) {
	w := newWorld(t)
	b := w.badges(nil)
	wantProblem(t, "none set", b.CheckPIN(t.Context(), ann, []byte("2580")), signin.PINNeeded)
	must(t, b.SetPIN(t.Context(), ann, []byte("2580")))
	must(t, b.SetPIN(t.Context(), bob, []byte("2580")))
	w.reopen()
	b = w.badges(nil)
	must(t, b.CheckPIN(t.Context(), ann, []byte("2580")))
	for _, pin := range []string{"2581", "25800", "12580", "02580"} {
		err := b.CheckPIN(t.Context(), ann, []byte(pin))
		if wantProblem(t, "PIN "+pin, err, signin.BadPIN); !refusal(err).Spent {
			t.Errorf("the wrong PIN %s counts as no attempt", pin)
		}
	}
	for _, pin := range []string{"", "258", "258025802", "25a0", "２５８０"} {
		err := b.CheckPIN(t.Context(), ann, []byte(pin))
		if wantProblem(t, "PIN "+pin, err, signin.BadInput); refusal(err).Spent {
			t.Errorf("%q, which is no PIN, counts as an attempt", pin)
		}
	}
	must(t, b.SetPIN(t.Context(), ann, []byte("90817263")))
	wantProblem(t, "the PIN of before", b.CheckPIN(t.Context(), ann, []byte("2580")), signin.BadPIN)
	must(t, b.CheckPIN(t.Context(), ann, []byte("90817263")))
	must(t, b.CheckPIN(t.Context(), bob, []byte("2580")))
	must(t, b.Unlink(t.Context(), bob.ID))
	must(t, b.CheckPIN(t.Context(), bob, []byte("2580"))) // stays
	if all := w.stored(); strings.Contains(all, "90817263") || strings.Contains(all, ann.ID) {
		t.Error("the state directory names the PIN or the person")
	}
	wantProblem(t, "nobody's", b.CheckPIN(t.Context(), job.Person{}, []byte("2580")), signin.Broken)
	wantProblem(t, "for nobody", b.SetPIN(t.Context(), job.Person{}, []byte("2580")), signin.Broken)
}

func TestSetPINRefuses(t *testing.T) {
	w := newWorld(t)
	b := w.badges(nil)
	for _, pin := range []string{
		"", "123", "123456789", "12a4", "-123", "1 23", "0000", "11111111", "1234", "4321", "7890", "0987", "12345678", "1212", "74747",
	} {
		wantProblem(t, "SetPIN "+pin, b.SetPIN(t.Context(), ann, []byte(pin)), signin.BadInput)
	}
	if _, set, err := b.NeedsPIN(t.Context(), ann); set || err != nil {
		t.Errorf("a refused PIN was kept, %v", err)
	}
	for _, pin := range []string{"1235", "2580", "0001", "1221", "13579246"} {
		if err := b.SetPIN(t.Context(), ann, []byte(pin)); err != nil {
			t.Errorf("SetPIN(%s) = %v; want it taken", pin, err)
		}
	}
}
