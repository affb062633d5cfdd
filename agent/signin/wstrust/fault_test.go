package wstrust_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/simulator/adfs"
)

// TestEveryFaultHasItsProblem goes through everything a farm answers.
func TestEveryFaultHasItsProblem(t *testing.T) {
	const change = "https://sts.example.com/adfs/portal/updatepassword/"
	type want struct {
		problem signin.Problem
		support string
		url     string
	}
	for _, tt := range []struct {
		name  string
		state adfs.State
		pass  string // "" is the right one
		mood  adfs.Behaviour
		party string // that the farm knows; "" is the one asked for
		want  want
	}{
		{name: "wrong password", pass: "wrong", want: want{signin.BadCredentials, "ID3242", ""}},
		{name: "disabled", state: adfs.Disabled, want: want{signin.BadCredentials, "ID3242", ""}},
		{name: "locked", state: adfs.Locked, want: want{signin.BadCredentials, "ID3242", ""}},
		{name: "no access to the service", state: adfs.Refused, want: want{signin.BadCredentials, "ID3242", ""}},
		{name: "denied by rules", state: adfs.Denied, want: want{signin.Denied, "MSIS7068", ""}},
		{name: "second factor", state: adfs.NeedsMFA, want: want{signin.Denied, "MSIS3126", ""}},
		{name: "expired", state: adfs.Expired, want: want{signin.PasswordExpired, "MSIS3125", ""}},
		{name: "must change", state: adfs.MustChange, mood: adfs.Behaviour{PasswordURL: change}, want: want{signin.PasswordExpired, "MSIS3125", change}},
		{name: "expired, plain address", state: adfs.Expired, mood: adfs.Behaviour{PasswordURL: "http://sts.example.com/"}, want: want{signin.PasswordExpired, "MSIS3125", ""}},
		{name: "wrong and expired", state: adfs.Expired, pass: "wrong", want: want{signin.BadCredentials, "ID3242", ""}},
		{name: "unknown relying party", party: "https://other.example/", want: want{signin.CompanyConfig, "ID3082", ""}},
		{name: "not understood", mood: adfs.Behaviour{NotUnderstood: true}, want: want{signin.CompanyConfig, "MSIS3127", ""}},
		{name: "clock by fault", mood: adfs.Behaviour{Ahead: 20 * time.Minute, NoDate: true}, want: want{signin.Clock, "InvalidSecurity", ""}},
		{name: "endpoint disabled", mood: adfs.Behaviour{Off13: true}, want: want{signin.CompanyOff, "HTTP503", ""}},
		{name: "busy", mood: adfs.Behaviour{Busy: 20 * time.Second}, want: want{signin.CompanyBusy, "HTTP503", ""}},
		{name: "redirect", mood: adfs.Behaviour{Redirect: "https://sts.example.net/"}, want: want{signin.CompanyUntrusted, "", ""}},
		{name: "cut", mood: adfs.Behaviour{Answer: adfs.AnswerCut}, want: want{signin.CompanyDown, "", ""}},
		{name: "other shape", mood: adfs.Behaviour{Answer: adfs.AnswerBare}, want: want{signin.Broken, "", ""}},
		{name: "answer to another", mood: adfs.Behaviour{Answer: adfs.AnswerWrongID}, want: want{signin.Broken, "", ""}},
		{name: "huge", mood: adfs.Behaviour{Answer: adfs.AnswerHuge}, want: want{signin.Broken, "", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFarm(t, func(o *adfs.Options) {
				o.Users[0].State = tt.state
				if tt.party != "" {
					o.RelyingParties[0].ID = tt.party
				}
			})
			f.Set(tt.mood)
			pass := tt.pass
			if pass == "" {
				pass = password
			}
			_, err := f.method(t).Try(t.Context(), f.attempt(pass))
			r := problem(t, tt.name, err, tt.want.problem, true)
			if r.Support != tt.want.support || r.URL != tt.want.url {
				t.Errorf("support %q, address %q; want %q, %q", r.Support, r.URL, tt.want.support, tt.want.url)
			}
			f.sentOnce(t, adfs.Path13, pass)
		})
	}
}

// TestFaultInStatus200: some farms send faults as if all were well.
func TestFaultInStatus200(t *testing.T) {
	for state, want := range map[adfs.State]signin.Problem{
		adfs.Denied: signin.Denied, adfs.Disabled: signin.BadCredentials, adfs.Expired: signin.PasswordExpired, adfs.NeedsMFA: signin.Denied,
	} {
		f := newFarm(t, func(o *adfs.Options) { o.Users[0].State = state })
		f.Set(adfs.Behaviour{FaultStatus: http.StatusOK, FaultLang: "fr-FR"})
		_, err := f.method(t).Try(t.Context(), f.attempt(password))
		problem(t, string(state), err, want, true)
		f.sentOnce(t, adfs.Path13, password)
	}
}

// TestNoRouteSpendsNothing: while the way is not found, no attempt is counted.
func TestNoRouteSpendsNothing(t *testing.T) {
	for mex, want := range map[adfs.MEX]signin.Problem{
		adfs.MEXMissing: signin.CompanyOff, adfs.MEXBroken: signin.CompanyDown, adfs.MEXHuge: signin.Broken,
	} {
		f := newFarm(t, nil)
		f.Set(adfs.Behaviour{MEX: mex})
		_, err := f.method(t).Try(t.Context(), f.attempt(password))
		problem(t, string(mex), err, want, false)
		f.neverSent(t)
	}
	f := newFarm(t, nil)
	m := f.method(t)
	f.web.Close()
	_, err := m.Try(t.Context(), f.attempt(password))
	problem(t, "nobody there", err, signin.CompanyDown, false)
}

// TestSlowFarmEndsInTime: a farm that hangs before the password costs nothing,
// one that hangs after it may have counted.
func TestSlowFarmEndsInTime(t *testing.T) {
	for _, tt := range []struct {
		mood  adfs.Behaviour
		spent bool
	}{{adfs.Behaviour{MEX: adfs.MEXStalled}, false}, {adfs.Behaviour{Answer: adfs.AnswerStalled}, true}} {
		f := newFarm(t, nil)
		f.Set(tt.mood)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		_, err := f.method(t).Try(ctx, f.attempt(password))
		cancel()
		problem(t, "hanging", err, signin.CompanyDown, tt.spent)
		if got := len(f.Passwords()); got != 0 && !tt.spent {
			t.Errorf("%d passwords sent", got)
		}
	}
}
