package world_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/platen-fax/platen/protocols/wstrust"
	"github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/adfs"
	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/idp"
	"github.com/platen-fax/platen/simulator/person"
	"github.com/platen-fax/platen/simulator/world"
)

// client is an agent's view of the cloud of a world.
func client(t *testing.T, w *world.World) *xmcloud.Client {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(w.Dir(), "xmcloud.token"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := xmcloud.New(xmcloud.Config{
		HTTP: w.Client(), Commit: w.Client(), Endpoint: w.XMURL(), Account: "office",
		Token: func(context.Context) (string, error) { return strings.TrimSpace(string(token)), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func terminal() xmcloud.Terminal {
	return xmcloud.Terminal{ID: "front-desk", Name: "Front desk"}
}

func login(t *testing.T, w *world.World, name, password, code string) error {
	t.Helper()
	_, err := client(t, w).Login(t.Context(), xmcloud.Login{
		Account: "office", Username: name, Password: []byte(password), Application: "platen", Terminal: terminal(), OTP: code,
	})
	return err
}

// TestPeopleAtTheCloud shows that everybody is in the state the world says.
func TestPeopleAtTheCloud(t *testing.T) {
	states := map[world.State]xmcloud.Code{
		"": "", world.WithCode: xmcloud.OTPRequired, world.NoCode: xmcloud.OTPSetupRequired, world.Exempt: "",
		world.Expired: xmcloud.PasswordExpired, world.MustChange: xmcloud.MustChange, world.PasswordOff: xmcloud.PasswordDisabled,
		world.Pending: xmcloud.NotActivated, world.Disabled: xmcloud.UserInactive, world.NoSend: xmcloud.UserNotAllowed,
		world.Stranger: xmcloud.BadCredentials,
	}
	for _, policy := range []string{"", "mandatory"} {
		var all []world.Person
		for state := range states {
			all = append(all, world.Person{ID: "p-" + string(state) + "x", State: state})
		}
		w := start(t, world.Options{Mode: world.ModePrompt, Service: faxcloud.XMCloud, Company: world.Company{Code: policy, People: all}})
		for state, want := range states {
			switch {
			case policy == "" && (state == world.WithCode || state == world.NoCode):
				want = ""
			case policy == "mandatory" && want == "" && state != world.Exempt,
				policy == "mandatory" && (state == world.Expired || state == world.MustChange):
				want = xmcloud.OTPSetupRequired
			}
			p, _ := w.Person("p-" + string(state) + "x")
			if code := xmcloud.CodeOf(login(t, w, p.Email, p.Password, "")); code != want {
				t.Errorf("policy %q, state %q: the cloud says %q, want %q", policy, state, code, want)
			}
		}
		if got := len(w.Passwords(world.AtCloud)); got != len(states) {
			t.Errorf("%d passwords were counted, want %d", got, len(states))
		}
	}
}

func TestCodeOfThePerson(t *testing.T) {
	w := start(t, world.Options{Mode: world.ModePrompt, Service: faxcloud.XMCloud, Company: world.Company{
		Code: "optional", People: []world.Person{{ID: "ann", State: world.WithCode}},
	}})
	p, _ := w.Person("ann")
	code, err := p.Code(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := login(t, w, "ANN@Example.com", p.Password, code); err != nil {
		t.Errorf("with the code of the app: %v", err)
	}
	p.Password = "changed 1"
	if err := w.SetPerson(p); err != nil {
		t.Fatal(err)
	}
	if err := login(t, w, p.Email, "changed 1", ""); xmcloud.CodeOf(err) != xmcloud.OTPRequired {
		t.Errorf("after the change of the password: %v", err)
	}
}

// TestADFS signs in as an agent does: the password goes to the farm, the cloud
// gets the assertion.
func TestADFS(t *testing.T) {
	w := start(t, world.Options{Mode: world.ModePrompt, Service: faxcloud.XMCloud, Company: world.Company{Account: world.AccountWSTrust}})
	c := client(t, w)
	found, err := c.Discover(t.Context(), "ann@example.com")
	if err != nil || found.SSO != xmcloud.SSOWSTrust {
		t.Fatalf("discovery says %+v, %v", found, err)
	}
	p, _ := w.Person("ann")
	sts, err := wstrust.New(wstrust.Config{HTTP: &http.Client{Transport: w.Client().Transport}, AllowedHosts: found.WSTrust.AllowedHosts})
	if err != nil {
		t.Fatal(err)
	}
	issue := func() (*wstrust.Token, error) {
		route, err := sts.Discover(t.Context(), wstrust.Site{MEX: found.WSTrust.MEXURL})
		if err != nil {
			return nil, err
		}
		return sts.Issue(t.Context(), route, wstrust.Request{Username: p.Email, Password: []byte(p.Password), AppliesTo: found.WSTrust.RPIdentifier})
	}
	token, err := issue()
	if err != nil {
		t.Fatal(err)
	}
	access, err := c.Assert(t.Context(), xmcloud.GrantSAML11, token.Assertion, terminal())
	if err != nil || access.AccessToken == "" {
		t.Errorf("the cloud takes the assertion with %v", err)
	}
	at := w.Passwords(world.AtADFS)
	if len(at) != 1 || !at[0].Pinned || at[0].Result != "issued" {
		t.Errorf("passwords at the farm: %+v", at)
	}
	if n := len(w.Passwords(world.AtCloud)); n != 0 {
		t.Errorf("%d passwords reached the cloud", n)
	}
	w.SetADFS(adfs.Behaviour{MEX: adfs.MEXPlain})
	if _, err := issue(); !errors.Is(err, wstrust.ErrNotHTTPS) {
		t.Errorf("with addresses in the clear: %v", err)
	}
	w.CompanyDown(true)
	if _, err := issue(); err == nil {
		t.Error("the farm is down and answers")
	}
}

func TestBrokered(t *testing.T) {
	for name, tt := range map[string]struct {
		barred   bool
		password string
		want     xmcloud.Code
	}{
		"right": {}, "wrong": {password: "nope", want: xmcloud.BadCredentials}, "barred": {barred: true, want: xmcloud.STSNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, world.Options{Mode: world.ModePrompt, Service: faxcloud.XMCloud, Company: world.Company{
				Account: world.AccountWSTrust, Brokered: true, Barred: tt.barred,
			}})
			p, _ := w.Person("bob")
			if tt.password != "" {
				p.Password = tt.password
			}
			if code := xmcloud.CodeOf(login(t, w, p.Email, p.Password, "")); code != tt.want {
				t.Errorf("the cloud says %q, want %q", code, tt.want)
			}
		})
	}
}

// TestPhones signs in on a phone at the cloud, over each kind of account.
func TestPhones(t *testing.T) {
	for _, account := range []string{world.AccountOwn, world.AccountSAML, world.AccountOIDC} { // AD FS has no pages for browsers here
		t.Run(account, func(t *testing.T) {
			w := start(t, world.Options{Mode: world.ModePrompt, Service: faxcloud.XMCloud, Company: world.Company{Account: account}})
			c := client(t, w)
			for _, yes := range []bool{false, true} {
				d, err := c.StartDevice(t.Context(), terminal())
				if err != nil {
					t.Fatal(err)
				}
				shown := person.Shown{Address: d.VerificationURI, Code: d.UserCode, QR: d.Complete, Match: d.Match}
				p, _ := w.Person("ann")
				phone := person.NewPhone(0, w.Client().Transport)
				if err := phone.Scan(t.Context(), shown, !yes); err != nil {
					t.Fatal(err)
				}
				if err := phone.SignIn(t.Context(), shown, person.Credentials{User: p.Email, Password: p.Password}, yes); err != nil {
					t.Fatal(err)
				}
				access, err := c.PollDevice(t.Context(), d.DeviceCode, terminal())
				if yes && (err != nil || access.User.ID != p.OwnerID()) {
					t.Errorf("confirmed: %+v, %v", access, err)
				}
				if !yes && xmcloud.CodeOf(err) != xmcloud.AccessDenied {
					t.Errorf("denied: %v", err)
				}
			}
		})
	}
}

// TestPhoneNotices shows that a person looks at the number before they confirm.
func TestPhoneNotices(t *testing.T) {
	w := start(t, world.Options{Mode: world.ModePrompt, Service: faxcloud.XMCloud})
	d, err := client(t, w).StartDevice(t.Context(), terminal())
	if err != nil {
		t.Fatal(err)
	}
	p, _ := w.Person("ann")
	shown := person.Shown{QR: d.Complete, Match: "00"}
	phone := person.NewPhone(0, w.Client().Transport)
	if err := phone.Scan(t.Context(), shown, false); err != nil {
		t.Fatal(err)
	}
	if err := phone.SignIn(t.Context(), shown, person.Credentials{User: p.Email, Password: p.Password}, true); !errors.Is(err, person.ErrMatch) {
		t.Errorf("with another number at the panel: %v, want ErrMatch", err)
	}
	phone, shown.Match = person.NewPhone(0, w.Client().Transport), d.Match
	if err := phone.Scan(t.Context(), shown, false); err != nil {
		t.Fatal(err)
	}
	if err := phone.SignIn(t.Context(), shown, person.Credentials{User: p.Email, Password: "no"}, true); !errors.Is(err, person.ErrRefused) {
		t.Errorf("with a wrong password: %v, want ErrRefused", err)
	}
}

// TestDirectoryFile shows what device login is given: the people with badges,
// a reader, and a file that follows changes.
func TestDirectoryFile(t *testing.T) {
	no := false
	w := start(t, world.Options{Mode: world.ModeBadge, Company: world.Company{People: []world.Person{
		{ID: "ann", Badges: []string{"1", "2"}}, {ID: "bob", MaySend: &no},
	}}})
	home, err := w.WriteConfig()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(w.Stations[0].Reader.Path()); err != nil {
		t.Error(err)
	}
	p, _ := w.Person("ann")
	p.State = world.Disabled
	if err := w.SetPerson(p); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(home.Config), "people.csv"))
	if err != nil {
		t.Fatal(err)
	}
	want := "email,name,badge,enabled,may_send\nann@example.com,ann,1,no,yes\nann@example.com,ann,2,no,yes\nbob@example.com,bob,,yes,no\n"
	if string(text) != want {
		t.Errorf("the directory is\n%s, want\n%s", text, want)
	}
}

// TestSignInConfig shows the keys the agent is given.
func TestSignInConfig(t *testing.T) {
	for name, tt := range map[string]struct {
		o    world.Options
		want []string
		not  []string
	}{
		"shared":    {world.Options{}, []string{"mode: shared-account"}, []string{"sign_in"}},
		"own":       {world.Options{Mode: world.ModePrompt, Service: faxcloud.XMCloud}, []string{"mode: user-prompt", "account: auto", "    service: main"}, []string{"company:", "directory:"}},
		"wstrust":   {world.Options{Mode: world.ModePrompt, Service: faxcloud.XMCloud, Company: world.Company{Account: world.AccountWSTrust}}, []string{"hosts:"}, []string{"mex:"}},
		"claims":    {world.Options{Mode: world.ModePrompt, Company: world.Company{Account: world.AccountWSTrust}}, []string{"account: wstrust", "mex:", "relying_party:"}, []string{"    service: main"}},
		"openid":    {world.Options{Mode: world.ModePrompt, Company: world.Company{Account: world.AccountOIDC, Provider: idp.Okta}}, []string{"account: oidc", "issuer:", "client_id:"}, nil},
		"badge":     {world.Options{Mode: world.ModeBadge, Service: faxcloud.XMCloud}, []string{"mode: device-login", "reader:", "kind: csv"}, nil},
		"directory": {world.Options{Mode: world.ModeBadge, Company: world.Company{Directory: world.DirectorySCIM}}, []string{"kind: scim", "tls_key_file: agent.key"}, []string{"kind: csv"}},
	} {
		t.Run(name, func(t *testing.T) {
			home, err := start(t, tt.o).WriteConfig()
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(home.Config)
			if err != nil {
				t.Fatal(err)
			}
			var doc map[string]any
			if err := yaml.Unmarshal(text, &doc); err != nil {
				t.Fatal(err)
			}
			for _, s := range tt.want {
				if !bytes.Contains(text, []byte(s)) {
					t.Errorf("no %q in\n%s", s, text)
				}
			}
			for _, s := range tt.not {
				if bytes.Contains(text, []byte(s)) {
					t.Errorf("%q in\n%s", s, text)
				}
			}
		})
	}
}

func TestCompanyRefused(t *testing.T) {
	for name, o := range map[string]world.Options{
		"mode":      {Mode: "valet"},
		"account":   {Mode: world.ModePrompt, Company: world.Company{Account: "saml"}},
		"state":     {Mode: world.ModePrompt, Company: world.Company{People: []world.Person{{ID: "ann", State: "tired"}}}},
		"twice":     {Mode: world.ModePrompt, Company: world.Company{People: []world.Person{{ID: "ann"}, {ID: "ann"}}}},
		"directory": {Mode: world.ModeBadge, Company: world.Company{Directory: "ldap"}},
		"profile":   {Mode: world.ModePrompt, Company: world.Company{Account: world.AccountOIDC, Provider: idp.F5}},
	} {
		t.Run(name, func(t *testing.T) {
			o.Dir = t.TempDir()
			if w, err := world.Start(t.Context(), o); err == nil {
				w.Close()
				t.Error("Start works")
			}
		})
	}
}

// TestPeopleControl shows what whoever plays with a world can do about people.
func TestPeopleControl(t *testing.T) {
	w := start(t, world.Options{Mode: world.ModeBadge, Service: faxcloud.XMCloud, Company: world.Company{Account: world.AccountWSTrust}})
	a := w.Addresses("")
	if a.Mode != world.ModeBadge || a.ADFS == "" || a.MFPs[0].Reader == "" || len(a.People) != 2 {
		t.Errorf("the addresses are %+v", a)
	}
	for _, tt := range []struct {
		name, method, path, body string
		code                     int
		says                     string
	}{
		{"everybody", "GET", "/people", ``, 200, "ann@example.com"},
		{"what the app shows", "GET", "/people/ann/code", ``, 200, `"code": "`},
		{"nobody's app", "GET", "/people/eve/code", ``, 404, ""},
		{"a state", "PUT", "/people/ann", `{"state": "pending"}`, 204, ""},
		{"a state of nobody", "PUT", "/people/ann", `{"state": "tired"}`, 400, "no state"},
		{"nobody", "PUT", "/people/eve", `{}`, 404, ""},
		{"a mood", "PUT", "/adfs/behaviour", `{"MEX": "404"}`, 204, ""},
		{"no provider", "PUT", "/idp/knobs", `{}`, 404, "no identity provider"},
		{"company down", "PUT", "/company/down", `true`, 204, ""},
		{"passwords", "GET", "/passwords", ``, 200, `"cloud": `},
		{"a card", "POST", "/mfps/front-desk/tap", `{"card": "04711"}`, 204, ""},
		{"the cable", "POST", "/mfps/front-desk/unplug", ``, 204, ""},
		{"a card without a cable", "POST", "/mfps/front-desk/tap", `{"card": "04711"}`, 400, "unplugged"},
		{"a reader that is not there", "POST", "/mfps/x/tap", `{"card": "1"}`, 404, ""},
		{"no agent to tell", "POST", "/people/ann/deactivate", ``, 400, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, body := ask(t, tt.method, w.ControlURL()+tt.path, tt.body)
			if code != tt.code || !strings.Contains(body, tt.says) {
				t.Errorf("%s %s %s = %d %s; want %d and %q", tt.method, tt.path, tt.body, code, body, tt.code, tt.says)
			}
		})
	}
	if p, _ := w.Person("ann"); p.State != world.Pending || p.Email != "ann@example.com" {
		t.Errorf("ann is %+v", p)
	}
}
