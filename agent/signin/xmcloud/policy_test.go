package xmcloud_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/password"
	wire "github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/faxcloud"
)

// TestPasswordSignsIn also shows that the password leaves once, to one address.
func TestPasswordSignsIn(t *testing.T) {
	w := open(t, nil)
	id, err := w.login(t, " ann ", annsWord, "")
	if err != nil {
		t.Fatal(err)
	}
	if p := id.Person; p.ID != "ann@acme.example" || p.Name != "Ann Lee" || p.Email != annsMail || id.Way != signin.WayPassword || id.Ask {
		t.Errorf("identity %+v; want Ann, by password, without a question", id)
	}
	if id.Authority == nil || id.Authority.Service() != "main" {
		t.Errorf("authority %v; want one of service main", id.Authority)
	}
	if n := w.asked(loginLine); n != 1 {
		t.Errorf("%d requests with a password; want 1", n)
	}
	if n := strings.Count(w.bodies(), "horse"); n != 1 {
		t.Errorf("the password was sent %d times; want 1", n)
	}
}

// TestLockAfterSixAndUntil: the sixth wrong password locks, and whoever knows the
// right one is told until when.
func TestLockAfterSixAndUntil(t *testing.T) {
	w := open(t, nil)
	for range 5 {
		_, err := w.login(t, "ann", "wrong", "")
		w.want(t, "wrong password", err, signin.BadCredentials, true)
	}
	_, err := w.login(t, "ann", "wrong", "")
	if r := w.want(t, "sixth", err, signin.Locked, true); !r.Until.Equal(begin.Add(30 * time.Minute)) {
		t.Errorf("locked until %v; want %v", r.Until, begin.Add(30*time.Minute))
	}
	w.clock.Pass(29 * time.Minute)
	_, err = w.login(t, "ann", annsWord, "")
	if r := w.want(t, "the right password while locked", err, signin.Locked, true); !r.Until.Equal(begin.Add(30 * time.Minute)) {
		t.Errorf("locked until %v; want %v", r.Until, begin.Add(30*time.Minute))
	}
	w.clock.Pass(time.Minute)
	if _, err := w.login(t, "ann", annsWord, ""); err != nil {
		t.Errorf("after the lock: %v", err)
	}
	if n := w.asked(loginLine); n != 8 {
		t.Errorf("%d requests for 8 attempts", n)
	}
}

// TestUnlockByAdministratorIsSeenAtOnce: nothing about a lock is remembered here.
func TestUnlockByAdministratorIsSeenAtOnce(t *testing.T) {
	w := open(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) { a.Policy.LockAfter = 1 })
	_, err := w.login(t, "ann", "wrong", "")
	w.want(t, "wrong password", err, signin.Locked, true)
	if err := w.XM().Unlock("eu", "acme", "ann"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.login(t, "ann", annsWord, ""); err != nil {
		t.Errorf("after the unlock: %v", err)
	}
}

// TestUnknownPersonLooksLikeWrongPassword: nobody learns who exists.
func TestUnknownPersonLooksLikeWrongPassword(t *testing.T) {
	w := open(t, nil)
	var said []string
	for range 7 {
		for _, name := range []string{"ann", "nobody", "sso", "nobody@elsewhere.example"} {
			_, err := w.login(t, name, "wrong", "")
			r := w.want(t, name, err, signin.ProblemOf(err), true)
			said = append(said, string(r.Problem)+r.Until.String()+r.Error())
		}
	}
	for i := 0; i < len(said); i += 4 {
		for j := 1; j < 4; j++ {
			if said[i+j] != said[i] {
				t.Errorf("attempt %d: %q for one and %q for another", i/4+1, said[i], said[i+j])
			}
		}
	}
}

// TestUnknownUserIsHidden: a service that tells who exists is not repeated.
func TestUnknownUserIsHidden(t *testing.T) {
	in := answering(t, http.StatusForbidden, `{"result":false,"code":"user_unknown"}`)
	_, err := in.Login(t.Context(), signin.Attempt{Terminal: frontDesk, Name: "ann", Secret: []byte(annsWord), Discovery: own})
	if signin.ProblemOf(err) != signin.BadCredentials {
		t.Errorf("user_unknown: %v; want %s", err, signin.BadCredentials)
	}
}

func otpPolicy(policy string) func(*faxcloud.XMOptions, *faxcloud.XMAccount) {
	return func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		a.Policy.OTP = policy
		a.Users[0].OTPSecret = otpSecret
	}
}

func TestOneTimeCodeOptional(t *testing.T) {
	w := open(t, otpPolicy("optional"))
	_, err := w.login(t, "ann", annsWord, "")
	w.want(t, "without a code", err, signin.CodeNeeded, false)
	_, err = w.login(t, "ann", "wrong", w.codeAt(t, 0))
	w.want(t, "a wrong password with the code", err, signin.BadCredentials, true)
	_, err = w.login(t, "ann", annsWord, "000000")
	w.want(t, "a wrong code", err, signin.CodeWrong, true)
	before := w.asked(loginLine)
	_, err = w.login(t, "ann", annsWord, "12345")
	w.want(t, "five digits", err, signin.BadInput, false)
	if n := w.asked(loginLine); n != before {
		t.Errorf("%d requests for a code that cannot be one", n-before)
	}
	code := w.codeAt(t, 0)
	if _, err := w.login(t, "ann", annsWord, code[:3]+" "+code[3:]); err != nil {
		t.Errorf("the right code: %v", err)
	}
	if _, err := w.login(t, "bob", "Correct horse 2", ""); err != nil {
		t.Errorf("somebody who has not set it up: %v", err)
	}
}

func TestOneTimeCodeMandatory(t *testing.T) {
	w := open(t, otpPolicy("mandatory"))
	_, err := w.login(t, "ann", annsWord, "")
	w.want(t, "without a code", err, signin.CodeNeeded, false)
	if _, err := w.login(t, "ann", annsWord, w.codeAt(t, 0)); err != nil {
		t.Errorf("with the code: %v", err)
	}
}

// TestOneTimeCodeSetupNeeded leads to the portal, where it is set up.
func TestOneTimeCodeSetupNeeded(t *testing.T) {
	w := open(t, otpPolicy("mandatory"))
	_, err := w.login(t, "bob", "Correct horse 2", "")
	if r := w.want(t, "not set up", err, signin.CodeSetup, true); r.URL != w.srv.URL+"/" || !strings.HasPrefix(r.URL, "https://") {
		t.Errorf("address %q; want the portal, https", r.URL)
	}
	_, err = w.login(t, "bob", "wrong", "")
	w.want(t, "not set up, wrong password", err, signin.BadCredentials, true)
}

func TestOneTimeCodeExempt(t *testing.T) {
	w := open(t, func(o *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		otpPolicy("mandatory")(o, a)
		a.Users[1].OTPExempt = true
	})
	if _, err := w.login(t, "bob", "Correct horse 2", ""); err != nil {
		t.Errorf("somebody exempt: %v", err)
	}
}

func TestOneTimeCodeReuseRefused(t *testing.T) {
	w := open(t, otpPolicy("mandatory"))
	code := w.codeAt(t, 0)
	if _, err := w.login(t, "ann", annsWord, code); err != nil {
		t.Fatal(err)
	}
	_, err := w.login(t, "ann", annsWord, code)
	w.want(t, "the same code again", err, signin.CodeWrong, true)
	if _, err := w.login(t, "ann", annsWord, w.codeAt(t, 30*time.Second)); err != nil {
		t.Errorf("the next code: %v", err)
	}
}

// TestOneTimeCodesLockToo: guessing codes locks like guessing passwords.
func TestOneTimeCodesLockToo(t *testing.T) {
	w := open(t, otpPolicy("mandatory"))
	for range 5 {
		_, err := w.login(t, "ann", annsWord, "000000")
		w.want(t, "a wrong code", err, signin.CodeWrong, true)
	}
	_, err := w.login(t, "ann", annsWord, "000000")
	if r := w.want(t, "sixth", err, signin.Locked, true); r.Until.IsZero() {
		t.Error("locked without an end")
	}
}

// TestPasswordExpired leads to the portal, and only who knows the password.
func TestPasswordExpired(t *testing.T) {
	w := open(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		a.Policy.PasswordDays = 90
		a.Users[1].NeverExpires = true
	})
	w.clock.Pass(90*24*time.Hour - time.Second)
	w.ann(t, frontDesk)
	w.clock.Pass(time.Second)
	_, err := w.login(t, "ann", annsWord, "")
	if r := w.want(t, "after 90 days", err, signin.PasswordExpired, true); r.URL != w.srv.URL+"/" {
		t.Errorf("address %q; want the portal", r.URL)
	}
	_, err = w.login(t, "ann", "wrong", "")
	w.want(t, "wrong, after 90 days", err, signin.BadCredentials, true)
	if _, err := w.login(t, "bob", "Correct horse 2", ""); err != nil {
		t.Errorf("one that never expires: %v", err)
	}
}

// TestMustChange leads to the portal; after the change the new password is good.
func TestMustChange(t *testing.T) {
	w := open(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) { a.Users[0].MustChange = true })
	_, err := w.login(t, "ann", annsWord, "")
	if r := w.want(t, "must change", err, signin.MustChange, true); r.URL != w.srv.URL+"/" {
		t.Errorf("address %q; want the portal", r.URL)
	}
	if err := w.XM().ChangePassword("eu", "acme", "ann", annsWord, "Correct horse 7"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.login(t, "ann", "Correct horse 7", ""); err != nil {
		t.Errorf("after the change: %v", err)
	}
}

// TestPasswordDisabled is told whatever the password was: it leads elsewhere.
func TestPasswordDisabled(t *testing.T) {
	w := open(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) { a.Users[0].PasswordDisabled = true })
	for _, word := range []string{annsWord, "wrong"} {
		_, err := w.login(t, "ann", word, "")
		w.want(t, "passwords are off", err, signin.PasswordDisabled, true)
	}
}

// TestNotActivated and other states are told only to who knows the password.
func TestNotActivated(t *testing.T) {
	w := open(t, nil)
	for name, tt := range map[string]struct {
		word string
		want signin.Problem
	}{
		"new":  {"Correct horse 3", signin.NotActivated},
		"off":  {"Correct horse 4", signin.PersonDisabled},
		"mute": {"Correct horse 5", signin.NotAllowed},
	} {
		_, err := w.login(t, name, tt.word, "")
		w.want(t, name, err, tt.want, true)
		_, err = w.login(t, name, "wrong", "")
		w.want(t, name+" with a wrong password", err, signin.BadCredentials, true)
	}
}

// TestSomebodyWithoutPassword cannot sign in with an empty one, nor any other.
func TestSomebodyWithoutPassword(t *testing.T) {
	w := open(t, nil)
	_, err := w.login(t, "sso", "", "")
	w.want(t, "an empty password", err, signin.BadInput, false)
	if n := w.asked(loginLine); n != 0 {
		t.Errorf("%d requests with an empty password", n)
	}
	_, err = w.login(t, "sso", "x", "")
	w.want(t, "any password", err, signin.BadCredentials, true)
}

// TestEmailInsteadOfUserName: accounts with single sign-on know no user names, and
// none is sent there. The service would say so too.
func TestEmailInsteadOfUserName(t *testing.T) {
	w := open(t, wsTrust)
	brokered := password.New(password.Options{Way: signin.WayBrokered, Cloud: w.in})
	d := signin.Discovery{Account: signin.AccountWSTrust, Email: true}
	a := signin.Attempt{Terminal: frontDesk, Name: "ann", Secret: []byte(annsWord), Discovery: d}
	_, err := brokered.Try(t.Context(), a)
	w.want(t, "a user name", err, signin.EmailNeeded, false)
	if n := w.asked(loginLine); n != 0 {
		t.Errorf("%d requests with a user name", n)
	}
	_, err = w.in.Login(t.Context(), a)
	w.want(t, "a user name, asked directly", err, signin.EmailNeeded, false)
}

// TestCaseFolding: an address is the same person in any case.
func TestCaseFolding(t *testing.T) {
	w := open(t, nil)
	for _, typed := range []string{"Ann@Acme.example", "ann@ACME.EXAMPLE", "ANN@acme.Example", "ann", "ANN"} {
		id, err := w.login(t, typed, annsWord, "")
		if err != nil || id.Person.ID != "ann@acme.example" || id.Person.Email != annsMail {
			t.Errorf("%s: %+v, %v; want Ann as the account spells her", typed, id.Person, err)
		}
	}
	for _, typed := range []string{" Somebody@ACME.example", "somebody@acme.example"} {
		if d, err := w.in.Discover(t.Context(), typed); err != nil || d.Account != signin.AccountOwn {
			t.Errorf("discovery of %q: %+v, %v", typed, d, err)
		}
	}
}

// TestSAMLAccountGetsNoPassword: it is refused before anything is sent, by the
// method and by the authority, and the service would not look at it.
func TestSAMLAccountGetsNoPassword(t *testing.T) {
	for _, kind := range []signin.Account{signin.AccountSAML, signin.AccountOIDC} {
		w := open(t, func(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) { a.SSO = wire.SSO(kind) })
		d, err := w.in.Discover(t.Context(), annsMail)
		if err != nil || d.Account != kind || !d.Email {
			t.Fatalf("discovery: %+v, %v; want %s", d, err, kind)
		}
		a := signin.Attempt{Terminal: frontDesk, Name: annsMail, Secret: []byte(annsWord), Discovery: d}
		for _, way := range []signin.Way{signin.WayPassword, signin.WayBrokered} {
			_, err = password.New(password.Options{Way: way, Cloud: w.in}).Try(t.Context(), a)
			w.want(t, string(way), err, signin.PhoneOnly, false)
		}
		_, err = w.in.Login(t.Context(), a)
		w.want(t, "authority", err, signin.PhoneOnly, false)
		if n := w.asked(loginLine); n != 0 {
			t.Errorf("%d requests with a password", n)
		}
		a.Discovery = own
		_, err = w.in.Login(t.Context(), a)
		w.want(t, "discovery of yesterday", err, signin.PhoneOnly, false)
	}
}

// TestRegionNeverAsksAnother: the right password of another region is wrong here,
// and nobody asks there, neither for the password nor for the domain, not even
// where this region's discovery says so.
func TestRegionNeverAsksAnother(t *testing.T) {
	var there atomic.Int32
	count := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { there.Add(1) })
	elsewhere := httptest.NewTLSServer(count)
	defer elsewhere.Close()
	edit := func(o *faxcloud.XMOptions, _ *faxcloud.XMAccount) {
		o.Accounts = append(o.Accounts, faxcloud.XMAccount{
			Region: "com", ID: "acme", Domains: []string{"acme.com.example"},
			Users: []faxcloud.XMUser{{Name: "ann", Email: "ann@acme.com.example", Password: "Correct horse 9"}},
		})
	}
	w := open(t, edit)
	_, err := w.login(t, "ann", "Correct horse 9", "")
	w.want(t, "the password of another region", err, signin.BadCredentials, true)
	_, err = w.in.Discover(t.Context(), "ann@acme.com.example")
	w.want(t, "a domain of another region", err, signin.Foreign, false)
	if n := w.asked(loginLine); n != 1 {
		t.Errorf("%d requests with the password; want 1", n)
	}

	w = open(t, func(o *faxcloud.XMOptions, a *faxcloud.XMAccount) {
		edit(o, a)
		o.Regions = []faxcloud.XMRegion{{Name: "com"}, {Name: "eu", Portal: elsewhere.URL + "/"}}
	})
	_, err = w.login(t, "ann", "Correct horse 9", "")
	w.want(t, "a portal at a host nobody configured", err, signin.ServiceConfig, false)
	if n := w.asked(loginLine) + int(there.Load()); n != 0 {
		t.Errorf("%d requests with the password; want none", n)
	}
}

// TestDiscovery finds out the kind of account, whoever asks.
func TestDiscovery(t *testing.T) {
	for sso, want := range map[wire.SSO]signin.Discovery{
		wire.SSONone: {Account: signin.AccountOwn, NoBrokered: true},
		wire.SSOWSTrust: {
			Account: signin.AccountWSTrust, Email: true, MEX: "https://sts.acme.example/adfs/services/trust/mex", RelyingParty: relying,
			NoPhone: true, // this AD FS has no page for browsers
		},
		wire.SSOSAML2: {Account: signin.AccountSAML, Email: true, NoBrokered: true},
		wire.SSOOIDC:  {Account: signin.AccountOIDC, Email: true, NoBrokered: true},
	} {
		w := open(t, func(o *faxcloud.XMOptions, a *faxcloud.XMAccount) {
			wsTrust(o, a)
			a.SSO, a.Brokered = sso, true
			o.Accounts = append(o.Accounts, faxcloud.XMAccount{Region: "eu", ID: "other", Domains: []string{"other.example"}})
		})
		for _, email := range []string{"ann@acme.example", "nobody@ACME.example"} {
			if d, err := w.in.Discover(t.Context(), email); err != nil || d != want {
				t.Errorf("%s: %+v, %v; want %+v", sso, d, err, want)
			}
		}
		_, err := w.in.Discover(t.Context(), "x@elsewhere.example")
		w.want(t, "a domain nobody has", err, signin.Foreign, false)
		_, err = w.in.Discover(t.Context(), "x@other.example")
		w.want(t, "another customer's domain", err, signin.Foreign, false)
		for _, typed := range []string{"", "ann", "@acme.example", "ann@", strings.Repeat("x", 250) + "@acme.example"} {
			_, err = w.in.Discover(t.Context(), typed)
			w.want(t, "no address", err, signin.BadInput, false)
		}
	}
}

// TestFailuresInEitherForm: some servers refuse with status 200.
func TestFailuresInEitherForm(t *testing.T) {
	w := open(t, func(o *faxcloud.XMOptions, _ *faxcloud.XMAccount) { o.PlainFailures = true })
	_, err := w.login(t, "ann", "wrong", "")
	w.want(t, "wrong password", err, signin.BadCredentials, true)
}

func wsTrust(_ *faxcloud.XMOptions, a *faxcloud.XMAccount) {
	a.SSO = wire.SSOWSTrust
	a.WSTrust = wire.WSTrust{
		MEXURL: "https://sts.acme.example/adfs/services/trust/mex", RPIdentifier: relying, AllowedHosts: []string{"sts.acme.example"},
	}
}
