package faxcloud_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/protocols/saml"
	"github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/faxcloud"
)

func TestXMLocksAfterSixFailuresForThirtyMinutes(t *testing.T) {
	w := openXM(t, nil)
	for i := range 5 {
		_, err := w.login(t, []string{"ann", "ANN@acme.example"}[i%2], "wrong", "")
		wantCode(t, "failure", err, xmcloud.BadCredentials)
	}
	_, err := w.login(t, "ann", "wrong", "")
	if e := wantCode(t, "sixth failure", err, xmcloud.Locked); e.RetryAfter != 30*time.Minute {
		t.Errorf("retry after %v; want 30 min", e.RetryAfter)
	}
	if !w.XM().IsLocked("eu", "acme", "ann") || len(w.mailsOf(faxcloud.MailLocked)) != 1 {
		t.Errorf("locked %v, mails %v; want locked and one mail", w.XM().IsLocked("eu", "acme", "ann"), w.XM().Mails())
	}
	w.clock.pass(29 * time.Minute)
	_, err = w.login(t, "ann", annsWord, "")
	if e := wantCode(t, "the right password while locked", err, xmcloud.Locked); e.RetryAfter != time.Minute {
		t.Errorf("retry after %v; want 1 min", e.RetryAfter)
	}
	w.clock.pass(time.Minute)
	if _, err := w.login(t, "ann", annsWord, ""); err != nil {
		t.Errorf("after 30 min: %v", err)
	}
}

func TestXMSuccessResetsTheFailures(t *testing.T) {
	w := openXM(t, nil)
	for range 3 {
		for range 5 {
			_, err := w.login(t, "ann", "wrong", "")
			wantCode(t, "failure", err, xmcloud.BadCredentials)
		}
		if _, err := w.login(t, "ann", annsWord, ""); err != nil {
			t.Fatal(err)
		}
	}
}

func TestXMAdministratorUnlocks(t *testing.T) {
	w := openXM(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) { a.Policy.LockAfter = 2 })
	for range 2 {
		_, _ = w.login(t, "ann", "wrong", "")
	}
	if err := w.XM().Unlock("eu", "acme", "ann"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.login(t, "ann", annsWord, ""); err != nil {
		t.Errorf("after the unlock: %v", err)
	}
}

func TestXMUnknownPeopleLockLikeKnownOnes(t *testing.T) {
	w := openXM(t, nil)
	var codes [2][]xmcloud.Code
	for i, name := range []string{"ann", "nobody"} {
		for range 7 {
			_, err := w.login(t, name, "wrong", "")
			codes[i] = append(codes[i], xmcloud.CodeOf(err))
		}
	}
	if diff := cmp.Diff(codes[0], codes[1]); diff != "" {
		t.Errorf("answers tell who exists:\n%s", diff)
	}
}

func TestXMOneTimeCodeOptional(t *testing.T) {
	w := openXM(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		a.Policy.OTP = "optional"
		a.Users[0].OTPSecret = secret
	})
	_, err := w.login(t, "ann", annsWord, "")
	wantCode(t, "without a code", err, xmcloud.OTPRequired)
	_, err = w.login(t, "ann", annsWord, "000000")
	wantCode(t, "a wrong code", err, xmcloud.OTPInvalid)
	if _, err := w.login(t, "ann", annsWord, w.codeAt(t, 0)); err != nil {
		t.Errorf("the right code: %v", err)
	}
	if _, err := w.login(t, "bob", "Correct horse 2", ""); err != nil {
		t.Errorf("somebody who has not set it up: %v", err)
	}
}

func TestXMOneTimeCodeIsGoodOnce(t *testing.T) {
	w := openXM(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		a.Policy.OTP = "optional"
		a.Users[0].OTPSecret = secret
	})
	now, before := w.codeAt(t, 0), w.codeAt(t, -30*time.Second)
	if _, err := w.login(t, "ann", annsWord, now); err != nil {
		t.Fatal(err)
	}
	for name, code := range map[string]string{"the same step": now, "an earlier step": before} {
		_, err := w.login(t, "ann", annsWord, code)
		wantCode(t, name, err, xmcloud.OTPInvalid)
	}
	next := w.codeAt(t, 30*time.Second)
	if _, err := w.login(t, "ann", annsWord, next); err != nil {
		t.Errorf("one step ahead: %v", err)
	}
	_, err := w.login(t, "ann", annsWord, w.codeAt(t, 90*time.Second))
	wantCode(t, "three steps ahead", err, xmcloud.OTPInvalid)
}

func TestXMWrongOneTimeCodesLock(t *testing.T) {
	w := openXM(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		a.Policy.OTP = "optional"
		a.Users[0].OTPSecret = secret
	})
	for range 6 {
		_, _ = w.login(t, "ann", annsWord, "000000")
	}
	_, err := w.login(t, "ann", annsWord, w.codeAt(t, 0))
	wantCode(t, "after six wrong codes", err, xmcloud.Locked)
}

func TestXMOneTimeCodeMandatory(t *testing.T) {
	w := openXM(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		a.Policy.OTP = "mandatory"
		a.Users[1].OTPExempt = true
	})
	_, err := w.login(t, "ann", annsWord, "")
	wantCode(t, "not set up", err, xmcloud.OTPSetupRequired)
	_, err = w.login(t, "ann", "wrong", "")
	wantCode(t, "not set up, wrong password", err, xmcloud.BadCredentials)
	if _, err := w.login(t, "bob", "Correct horse 2", ""); err != nil {
		t.Errorf("somebody exempt: %v", err)
	}
}

func TestXMPasswordExpiresByTheClock(t *testing.T) {
	w := openXM(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		a.Policy.PasswordDays = 90
		a.Users[1].NeverExpires = true
	})
	w.clock.pass(90*24*time.Hour - time.Second)
	if _, err := w.login(t, "ann", annsWord, ""); err != nil {
		t.Errorf("on the last day: %v", err)
	}
	w.clock.pass(time.Second)
	_, err := w.login(t, "ann", annsWord, "")
	wantCode(t, "after 90 days", err, xmcloud.PasswordExpired)
	if _, err := w.login(t, "bob", "Correct horse 2", ""); err != nil {
		t.Errorf("one that never expires: %v", err)
	}
	if err := w.XM().ChangePassword("eu", "acme", "ann", annsWord, "Fresh horse 7"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.login(t, "ann", "Fresh horse 7", ""); err != nil {
		t.Errorf("after a change: %v", err)
	}
}

func TestXMMustChangeIsClearedByAChange(t *testing.T) {
	w := openXM(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) { a.Users[0].MustChange = true })
	_, err := w.login(t, "ann", annsWord, "")
	wantCode(t, "must change", err, xmcloud.MustChange)
	if err := w.XM().ChangePassword("eu", "acme", "ann", annsWord, "Fresh horse 7"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.login(t, "ann", "Fresh horse 7", ""); err != nil {
		t.Errorf("after a change: %v", err)
	}
}

func TestXMDisabledPassword(t *testing.T) {
	w := openXM(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) { a.Users[0].PasswordDisabled = true })
	for name, p := range map[string]string{"right": annsWord, "wrong": "wrong"} {
		before := w.XM().Hashed()
		_, err := w.login(t, "ann", p, "")
		wantCode(t, name, err, xmcloud.PasswordDisabled)
		if n := w.XM().Hashed() - before; n != 1 {
			t.Errorf("%s password: %d comparisons; want 1, as for any other", name, n)
		}
	}
	if err := w.XM().RequestReset("eu", "acme", "ann"); !errors.Is(err, faxcloud.ErrPasswordOff) {
		t.Errorf("reset: %v; want %v", err, faxcloud.ErrPasswordOff)
	}
	if w.XM().IsLocked("eu", "acme", "ann") {
		t.Error("attempts at a disabled password locked the person")
	}
}

func TestXMEveryAttemptCostsOneComparison(t *testing.T) {
	w := openXM(t, nil)
	for _, name := range []string{"ann", "nobody", "sso", "off"} {
		before := w.XM().Hashed()
		_, err := w.login(t, name, "wrong", "")
		wantCode(t, name, err, xmcloud.BadCredentials)
		if n := w.XM().Hashed() - before; n != 1 {
			t.Errorf("%s: %d comparisons; want 1", name, n)
		}
	}
}

// TestXMPasswordRules is the portal's form.
func TestXMPasswordRules(t *testing.T) {
	w := openXM(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) { a.Policy.Complex, a.Policy.History = true, 2 })
	change := func(old, next string) error { return w.XM().ChangePassword("eu", "acme", "ann", old, next) }
	for _, tt := range []struct {
		next string
		want error
	}{
		{"Short 1", faxcloud.ErrPasswordShort},
		{"all lower case", faxcloud.ErrPasswordSimple},
		{annsWord, faxcloud.ErrPasswordUsed},
	} {
		if err := change(annsWord, tt.next); !errors.Is(err, tt.want) {
			t.Errorf("change to %q: %v; want %v", tt.next, err, tt.want)
		}
	}
	if err := change("wrong", "Fresh horse 7"); !errors.Is(err, faxcloud.ErrPasswordWrong) {
		t.Errorf("with a wrong present one: %v", err)
	}
	for _, step := range [][2]string{{annsWord, "Fresh horse 7"}, {"Fresh horse 7", "Fresh horse 8"}} {
		if err := change(step[0], step[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := change("Fresh horse 8", "Fresh horse 7"); !errors.Is(err, faxcloud.ErrPasswordUsed) {
		t.Errorf("the one before: %v; want %v", err, faxcloud.ErrPasswordUsed)
	}
	if err := change("Fresh horse 8", annsWord); err != nil {
		t.Errorf("one out of the history: %v", err)
	}
}

func wsTrust(a *faxcloud.XMAccount) {
	a.SSO = xmcloud.SSOWSTrust
	a.WSTrust = xmcloud.WSTrust{
		MEXURL: "https://sts.acme.example/adfs/services/trust/mex", RPIdentifier: "https://fax.example/acme/",
		AllowedHosts: []string{"sts.acme.example"},
	}
}

func TestXMBrokeredSignInNeedsTheAllowList(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(*faxcloud.XMAccount)
		want xmcloud.Code
		sts  int
	}{
		"not listed":    {func(a *faxcloud.XMAccount) {}, xmcloud.STSNotAllowed, 0},
		"listed":        {func(a *faxcloud.XMAccount) { a.STSAllowed = []string{"sts.acme.example"} }, xmcloud.BadCredentials, 1},
		"grandfathered": {func(a *faxcloud.XMAccount) { a.Grandfathered = true }, xmcloud.BadCredentials, 1},
		"not by TLS": {func(a *faxcloud.XMAccount) {
			a.Grandfathered = true
			a.WSTrust.MEXURL = "http://sts.acme.example/mex"
		}, xmcloud.STSNotAllowed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			w := openXM(t, func(o *faxcloud.XMOptions, a *faxcloud.XMAccount) {
				wsTrust(a)
				a.Brokered = true
				tt.edit(a)
				o.STS = func(_ context.Context, r faxcloud.STSRequest) (faxcloud.STSAnswer, error) {
					asked++
					if r.Email != "ann@acme.example" || string(r.Password) != "typed" {
						t.Errorf("asked with %q", r.Email)
					}
					return faxcloud.STSAnswer{}, &xmcloud.Error{Status: http.StatusUnauthorized, Code: xmcloud.BadCredentials}
				}
			})
			_, err := w.login(t, "ann@acme.example", "typed", "")
			wantCode(t, "brokered", err, tt.want)
			if asked != tt.sts {
				t.Errorf("AD FS was asked %d times; want %d", asked, tt.sts)
			}
		})
	}
}

func TestXMBrokeredSignInWithoutAnAnswer(t *testing.T) {
	w := openXM(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		wsTrust(a)
		a.Brokered, a.Grandfathered = true, true
	})
	_, err := w.login(t, "ann@acme.example", "typed", "")
	wantCode(t, "nobody there", err, xmcloud.STSUnreachable)
}

func TestXMSSOAccountsWantAnAddress(t *testing.T) {
	for _, sso := range []xmcloud.SSO{xmcloud.SSOWSTrust, xmcloud.SSOSAML2, xmcloud.SSOOIDC} {
		w := openXM(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) { a.SSO = sso })
		_, err := w.login(t, "ann", annsWord, "")
		wantCode(t, string(sso), err, xmcloud.EmailRequired)
	}
}

func TestXMSAMLAccountsTakeNoPassword(t *testing.T) {
	w := openXM(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) { a.SSO = xmcloud.SSOSAML2 })
	_, err := w.login(t, "ann@acme.example", annsWord, "")
	if e := wantCode(t, "typed password", err, xmcloud.SSOInteractiveRequired); e.DeviceAuthorization != w.srv.URL+"/"+xmcloud.PathDeviceAuth {
		t.Errorf("device endpoint %q", e.DeviceAuthorization)
	}
	if n := w.XM().Hashed(); n != 0 {
		t.Errorf("the password was looked at %d times", n)
	}
}

func TestXMAddressesFoldCase(t *testing.T) {
	w := openXM(t, nil)
	for _, typed := range []string{"Ann@Acme.example", "ann@ACME.EXAMPLE", "ANN@acme.Example", "ann", "ANN"} {
		if _, err := w.login(t, typed, annsWord, ""); err != nil {
			t.Errorf("%s: %v", typed, err)
		}
	}
	for _, u := range []faxcloud.XMUser{{Name: "ann2", Email: "ANN@acme.EXAMPLE"}, {Name: "Ann", Email: "other@acme.example"}} {
		if err := w.XM().AddUser("eu", "acme", u); err == nil {
			t.Errorf("a second person %s <%s> was taken", u.Name, u.Email)
		}
	}
}

func TestXMFailSafeLoginIsAuditedAndAsksForTheCode(t *testing.T) {
	w := openXM(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		a.SSO, a.Policy.OTP = xmcloud.SSOSAML2, "optional"
		a.Users[0].OTPSecret = secret
	})
	wantCode(t, "without a code", w.XM().NoSSO("eu", "acme", "ann", annsWord, ""), xmcloud.OTPRequired)
	if n := len(w.XM().AuditTrail()); n != 0 {
		t.Errorf("%d audit entries before the login", n)
	}
	if err := w.XM().NoSSO("eu", "acme", "ann", annsWord, w.codeAt(t, 0)); err != nil {
		t.Fatal(err)
	}
	trail := w.XM().AuditTrail()
	if len(trail) != 1 || trail[0].What != "no-sso-login" || trail[0].User != "u-ann" {
		t.Errorf("audit %+v; want one no-sso-login of Ann", trail)
	}
}

// TestXMRegionsAreSeparate has one account name in two regions.
func TestXMRegionsAreSeparate(t *testing.T) {
	c, err := faxcloud.New(faxcloud.Options{Dir: t.TempDir(), XM: faxcloud.XMOptions{
		Regions: []faxcloud.XMRegion{
			{Name: "com", Hosts: []string{"portal.fax.com"}}, {Name: "eu", Hosts: []string{"portal.fax.eu"}}, {Name: "ca", Hosts: []string{"portal.fax.ca"}},
		},
		Accounts: []faxcloud.XMAccount{
			{Region: "com", ID: "acme", Users: []faxcloud.XMUser{{Name: "ann", Email: "ann@acme.example", Password: "American 1"}}},
			{Region: "eu", ID: "acme", Domains: []string{"acme.example"}, Users: []faxcloud.XMUser{{Name: "ann", Email: "ann@acme.example", Password: "European 1"}}},
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, host, path, body string) (int, string) {
		r := httptest.NewRequest(method, "https://"+host+path, strings.NewReader(body))
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		w := httptest.NewRecorder()
		c.XM().Handler().ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	body := func(p string) string {
		return `{"permalink":"acme","username":"ann","password":"` + p + `","application_type":"mfp","device_id":"d","device_name":"D"}`
	}
	for _, tt := range []struct {
		name, host, password string
		code                 int
	}{
		{"com with its own", "portal.fax.com", "American 1", 200},
		{"eu with its own", "portal.fax.eu", "European 1", 200},
		{"eu with com's", "portal.fax.eu", "American 1", 401},
		{"com with eu's", "portal.fax.com", "European 1", 401},
		{"ca has no such account", "portal.fax.ca", "European 1", 404},
		{"no such region", "portal.fax.org", "European 1", 421},
	} {
		if code, answer := ask("POST", tt.host, "/api/user_token", body(tt.password)); code != tt.code {
			t.Errorf("%s: %d %s; want %d", tt.name, code, answer, tt.code)
		}
	}
	if code, host := ask("GET", "portal.fax.eu", "/services/acme/portal/host", ""); code != 200 || host != "https://portal.fax.eu/" {
		t.Errorf("portal host of eu: %d %q", code, host)
	}
	if code, _ := ask("GET", "portal.fax.ca", "/services/acme/portal/host", ""); code != 404 {
		t.Errorf("portal host of ca: %d; want 404", code)
	}
	// Asked in the wrong region, discovery names the right one and no way to sign in.
	if code, answer := ask("GET", "portal.fax.com", "/api/v1/signin/discover?email=x@acme.example", ""); code != 200 ||
		!strings.Contains(answer, `"region":"eu"`) || !strings.Contains(answer, `"methods":[]`) {
		t.Errorf("discovery in the wrong region: %d %s", code, answer)
	}
}

func TestXMLinksExpire(t *testing.T) {
	w := openXM(t, nil)
	x := w.XM()
	last := func(k faxcloud.MailKind) string { m := w.mailsOf(k); return m[len(m)-1].Link }
	if err := x.Invite("eu", "acme", "new"); err != nil {
		t.Fatal(err)
	}
	w.clock.pass(7 * 24 * time.Hour)
	if err := x.Redeem(last(faxcloud.MailInvitation), "Brand new 1"); !errors.Is(err, faxcloud.ErrLinkExpired) {
		t.Errorf("an invitation after 7 days: %v", err)
	}
	if err := x.Invite("eu", "acme", "new"); err != nil {
		t.Fatal(err)
	}
	if err := x.Redeem(last(faxcloud.MailInvitation), "short"); !errors.Is(err, faxcloud.ErrPasswordShort) {
		t.Errorf("a short password: %v", err)
	}
	if err := x.Redeem(last(faxcloud.MailInvitation), "Brand new 1"); err != nil {
		t.Errorf("an invitation in time: %v", err)
	}
	if err := x.Redeem(last(faxcloud.MailInvitation), "Brand new 2"); !errors.Is(err, faxcloud.ErrLinkExpired) {
		t.Errorf("the same invitation again: %v", err)
	}
	if _, err := w.login(t, "new", "Brand new 1", ""); err != nil {
		t.Errorf("somebody activated: %v", err)
	}
	for pass, want := range map[time.Duration]error{24*time.Hour - time.Second: nil, 24 * time.Hour: faxcloud.ErrLinkExpired} {
		if err := x.RequestReset("eu", "acme", "bob"); err != nil {
			t.Fatal(err)
		}
		w.clock.pass(pass)
		if err := x.Redeem(last(faxcloud.MailReset), "Brand new "+pass.String()); !errors.Is(err, want) {
			t.Errorf("a reset after %v: %v; want %v", pass, err, want)
		}
	}
}

func TestXMPeopleMustExistAndBeActivated(t *testing.T) {
	w := openXM(t, nil)
	for name, tt := range map[string]struct {
		password string
		want     xmcloud.Code
	}{
		"new": {"Correct horse 3", xmcloud.NotActivated}, "off": {"Correct horse 4", xmcloud.UserInactive},
		"mute": {"Correct horse 5", xmcloud.UserNotAllowed}, "nobody": {"x", xmcloud.BadCredentials},
	} {
		_, err := w.login(t, name, tt.password, "")
		wantCode(t, name, err, tt.want)
		_, err = w.login(t, name, "wrong", "")
		wantCode(t, name+" with a wrong password", err, xmcloud.BadCredentials)
	}
}

func TestXMPeopleMayHaveNoPassword(t *testing.T) {
	w := openXM(t, nil)
	if err := w.XM().AddUser("eu", "acme", faxcloud.XMUser{Name: "rnd", Email: "rnd@acme.example", RandomPassword: true}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sso", "rnd"} {
		for _, p := range []string{"", "x"} {
			_, err := w.login(t, name, p, "")
			wantCode(t, name, err, xmcloud.BadCredentials)
		}
	}
}

func TestXMAccountNamesOfTwoLetters(t *testing.T) {
	w := openXM(t, nil)
	if err := w.XM().AddAccount(faxcloud.XMAccount{Region: "eu", ID: "ab"}); err != nil {
		t.Errorf("ab: %v", err)
	}
	if _, err := w.as(t, "ab", "").Portal(t.Context()); err != nil {
		t.Errorf("portal of ab: %v", err)
	}
	if err := w.XM().AddAccount(faxcloud.XMAccount{Region: "eu", ID: "a"}); err == nil {
		t.Error("an account of one letter was taken")
	}
}

func TestXMRestrictedAccountsAreHiddenFromSupport(t *testing.T) {
	w := openXM(t, nil)
	if err := w.XM().AddAccount(faxcloud.XMAccount{Region: "eu", ID: "shy", Restricted: true}); err != nil {
		t.Fatal(err)
	}
	if got := w.XM().SupportView("eu"); !slices.Equal(got, []string{"acme"}) {
		t.Errorf("support sees %v; want acme alone", got)
	}
}

func TestXMLastAdministratorStays(t *testing.T) {
	w := openXM(t, nil)
	if err := w.XM().DeleteUser("eu", "acme", "ann"); !errors.Is(err, faxcloud.ErrLastAdmin) {
		t.Errorf("delete: %v; want %v", err, faxcloud.ErrLastAdmin)
	}
	if err := w.XM().EditUser("eu", "acme", "bob", func(u *faxcloud.XMUser) { u.Admin = true }); err != nil {
		t.Fatal(err)
	}
	token := w.token(t)
	if err := w.XM().DeleteUser("eu", "acme", "ann"); err != nil {
		t.Errorf("with another administrator: %v", err)
	}
	_, err := w.api.Ticket(t.Context(), token, ticketFor(w, toN))
	wantCode(t, "a deleted person's token", err, xmcloud.InvalidToken)
}

func TestXMPeopleAreToldByMail(t *testing.T) {
	w := openXM(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) { a.Policy.LockAfter = 1 })
	if err := w.XM().ChangePassword("eu", "acme", "ann", annsWord, "Fresh horse 7"); err != nil {
		t.Fatal(err)
	}
	if err := w.XM().EditUser("eu", "acme", "ann", func(u *faxcloud.XMUser) { u.OTPSecret = secret }); err != nil {
		t.Fatal(err)
	}
	_, _ = w.login(t, "ann", "wrong", "")
	var kinds []faxcloud.MailKind
	for _, m := range w.XM().Mails() {
		if m.To != "Ann@Acme.example" {
			t.Errorf("mail to %s", m.To)
		}
		kinds = append(kinds, m.Kind)
	}
	want := []faxcloud.MailKind{faxcloud.MailPasswordChanged, faxcloud.MailOTPChanged, faxcloud.MailLocked}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("mails:\n%s", diff)
	}
}

func TestXMIssuerBelongsToOneAccount(t *testing.T) {
	w := openXM(t, nil)
	p := newSigner(t).provider()
	if err := w.XM().AddAccount(faxcloud.XMAccount{Region: "eu", ID: "other"}); err != nil {
		t.Fatal(err)
	}
	if err := w.XM().AddAccount(faxcloud.XMAccount{Region: "com", ID: "acme"}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		region, account string
		ok              bool
	}{{"eu", "acme", true}, {"eu", "other", false}, {"com", "acme", true}, {"eu", "acme", true}} {
		if err := w.XM().AddIdP(tt.region, tt.account, p); (err == nil) != tt.ok {
			t.Errorf("issuer for %s in %s: %v; want taken %v", tt.account, tt.region, err, tt.ok)
		}
	}
}

func TestXMSameLoginSameToken(t *testing.T) {
	w := openXM(t, nil)
	first, again := w.token(t), w.token(t)
	if first != again || !strings.HasPrefix(first, xmcloud.UserPrefix) {
		t.Errorf("tokens %q and %q; want the same", first, again)
	}
	other := frontDesk
	other.ID = "second"
	u, err := w.api.Login(t.Context(), xmcloud.Login{Username: "ann", Password: []byte(annsWord), Application: "mfp", Terminal: other})
	if err != nil || u.Token == first || u.UserID != "u-ann" || u.User.Name != "Ann Lee" {
		t.Errorf("at another device: %+v, %v; want another token of Ann", u, err)
	}
}

func TestXMTokensEndByIdleLogoutAndDeactivation(t *testing.T) {
	w := openXM(t, nil)
	use := func(token string) error {
		_, err := w.api.Ticket(t.Context(), token, ticketFor(w, toN))
		return err
	}
	token := w.token(t)
	w.clock.pass(14 * time.Minute)
	if err := use(token); err != nil {
		t.Errorf("after 14 min: %v", err)
	}
	w.clock.pass(15 * time.Minute)
	wantCode(t, "after 15 min without use", use(token), xmcloud.TokenExpired)
	token = w.token(t)
	if err := w.api.EndToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "after the logout", use(token), xmcloud.InvalidToken)
	if err := w.api.EndToken(t.Context(), token); err != nil {
		t.Errorf("a second logout: %v", err)
	}
	token = w.token(t)
	if err := w.XM().EditUser("eu", "acme", "ann", func(u *faxcloud.XMUser) { u.Disabled = true }); err != nil {
		t.Fatal(err)
	}
	if n := w.XM().Sessions(); n != 0 {
		t.Errorf("%d sessions of a disabled person", n)
	}
	e := wantCode(t, "a disabled person's token", use(token), xmcloud.UserInactive)
	if e.Status != http.StatusUnauthorized {
		t.Errorf("status %d; want 401", e.Status)
	}
}

func TestXMDiscoveryDependsOnTheDomainAlone(t *testing.T) {
	w := openXM(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) { wsTrust(a) })
	first, err := w.api.Discover(t.Context(), "ann@acme.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, email := range []string{"nobody@acme.example", "NOBODY@ACME.EXAMPLE", "a+ü@acme.example", "x@bücher.example"} {
		s, err := w.api.Discover(t.Context(), email)
		if diff := cmp.Diff(first, s); err != nil || (diff != "" && !strings.Contains(email, "bücher")) {
			t.Errorf("%s: %v\n%s", email, err, diff)
		}
	}
	want := []xmcloud.Method{xmcloud.MethodWSTrust} // nothing there has a page for a browser
	if first.Account != "acme" || first.Region != "eu" || first.SSO != xmcloud.SSOWSTrust || !first.EmailRequired || !slices.Equal(first.Methods, want) ||
		first.WSTrust == nil || first.WSTrust.RPIdentifier != "https://fax.example/acme/" {
		t.Errorf("discovery %+v", first)
	}
	page := faxcloud.XMIdP{IdentityProvider: saml.IdentityProvider{EntityID: "page", SSO: "https://sts.acme.example/adfs/ls/"}}
	page.Certificates = newSigner(t).provider().Certificates
	if err := w.XM().AddIdP("eu", "acme", page); err != nil {
		t.Fatal(err)
	}
	want = []xmcloud.Method{xmcloud.MethodDevice, xmcloud.MethodWSTrust}
	if s, err := w.api.Discover(t.Context(), "ann@acme.example"); err != nil || !slices.Equal(s.Methods, want) {
		t.Errorf("with a page for browsers: %+v, %v; want %v", s, err, want)
	}
	_, err = w.api.Discover(t.Context(), "ann@elsewhere.example")
	wantCode(t, "a foreign domain", err, xmcloud.AccountUnknown)
}

func TestXMFailuresInEitherForm(t *testing.T) {
	for _, plain := range []bool{false, true} {
		w := openXM(t, func(o *faxcloud.XMOptions, _ *faxcloud.XMAccount) { o.PlainFailures = plain })
		_, err := w.login(t, "ann", "wrong", "")
		if e := wantCode(t, "wrong password", err, xmcloud.BadCredentials); (e.Status == http.StatusOK) != plain {
			t.Errorf("status %d with plain failures %v", e.Status, plain)
		}
		form := "permalink=acme&username=ann&password=" + strings.ReplaceAll(annsWord, " ", "+") + "&application_type=mfp&device_id=front-desk&device_name=Front+desk"
		resp, err := w.srv.Client().Post(w.srv.URL+"/api/user_token", "application/x-www-form-urlencoded", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || !strings.Contains(body.String(), `"token":"USER|`) {
			t.Errorf("urlencoded: %d %s", resp.StatusCode, body.String())
		}
	}
}

// TestXMCloudCanFailAtAnyCall is what connectors that retry are tried against.
func TestXMCloudCanFailAtAnyCall(t *testing.T) {
	w := openXM(t, nil)
	if err := w.Inject(faxcloud.Fault{Service: faxcloud.XMCloud, Op: faxcloud.OpLogin, Action: faxcloud.Answer, Code: 503, Nth: 2}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{0, 503, 0} {
		_, err := w.login(t, "ann", annsWord, "")
		var e *xmcloud.Error
		if errors.As(err, &e); (want == 0) != (err == nil) || (e != nil && e.Status != want) {
			t.Errorf("call %d: %v; want %d", i+1, err, want)
		}
	}
}
