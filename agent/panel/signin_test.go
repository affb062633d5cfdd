package panel_test

import (
	"bytes"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/panel"
	"github.com/platen-fax/platen/agent/signin"
)

// TestSignInWithAPassword goes the whole way of somebody who is asked who they
// are, to a fax sent with their own authority.
func TestSignInWithAPassword(t *testing.T) {
	f, a := newReception(), new(authority)
	f.auth, f.code = a, true
	r := newRig(t, 2, people(f, panel.ModeUserPrompt))
	b := r.browse("front-desk").want("Put your pages in the feeder")
	b.tap("Send a fax").want("Who are you?", "E-mail address")
	before := r.tokens()
	csrf := b.value("csrf")
	b.fill("email", "ann").tap("Next").want("A user name is not enough here.", "code S-110")
	b.fill("email", "ann.beaulieu@contoso.example").tap("Next").want("Password of your company", "ann.beaulieu@contoso.example")
	b.fill("secret", "wr0ng").tap("Sign in").want("Name and password do not fit together", "code S-101 MSIS7068")
	b.not("wr0ng")
	b.fill("secret", "right & sound+ü%").tap("Sign in").want("The 6 digits")
	b.fill("code", "000000").tap("Sign in").want("This code is wrong or was used before.")
	b.fill("code", "123456").tap("Sign in").want("Hello, Ann Beaulieu", "a…u@contoso.example", "Not me", "AB")
	if f.attempts != 3 {
		t.Errorf("%d attempts, want 3", f.attempts)
	}
	if len(f.seen) > 0 && !bytes.Equal(f.seen, make([]byte, len(f.seen))) {
		t.Errorf("the last secret is still there: %q", f.seen)
	}
	// Fixation: nothing of the visit before is good any more.
	after := r.tokens()
	if len(before) != 1 || len(after) != 1 || before[0] == after[0] {
		t.Errorf("tokens before %q and after %q; want one each, different", before, after)
	}
	if len(f.open) != 0 || len(f.dropped) != 1 {
		t.Errorf("%d sign-ins are still open, %d dropped", len(f.open), len(f.dropped))
	}
	if resp := b.ask("POST", "/panel/front-desk/begin", url.Values{"csrf": {csrf}}, nil); resp.status != http.StatusForbidden {
		t.Errorf("a form of the visit before = %d, want 403", resp.status)
	}
	b.tap("Send a fax").want("1 of 3").fill("number", "5145550199").tap("Next").tap("Scan").scanned().tap("Next").tap("Send").want("Stored safely")
	j := r.jobs("front-desk")[0]
	if j.Shared || j.Owner != ann || j.Claimed != "" {
		t.Errorf("the job belongs to %+v, shared %v, claimed %q; want Ann's", j.Owner, j.Shared, j.Claimed)
	}
	if g, ok := j.GrantFor("main"); !ok || g.Kind != job.GrantTicket || len(a.asked) != 1 || a.asked[0].Job != j.ID || a.asked[0].Recipients[0].Number != "+15145550199" {
		t.Errorf("grant %v, asked for %+v; want a ticket for this job", g, a.asked)
	}
	b.tap("Done").want("Put your pages in the feeder")
	until(t, "the authority to be given back", func() bool { return a.ends() == 1 })
	b.tap("Send a fax").want("Who are you?", "…@contoso.example").not("ann.beaulieu")
	b.fill("email", "bob").tap("…@contoso.example").want("bob@contoso.example")
}

// TestDoubleTapIsOneAttempt answers one revision once.
func TestDoubleTapIsOneAttempt(t *testing.T) {
	f := newReception()
	r := newRig(t, 0, people(f, panel.ModeUserPrompt))
	b := r.browse("front-desk").tap("Send a fax").fill("email", "ann@contoso.example").tap("Next").fill("secret", "wr0ng")
	form := b.values(find(b.doc, isForm("signin/secret")), nil)
	for range 2 {
		b.post("/panel/front-desk/signin/secret", form)
	}
	if f.attempts != 1 {
		t.Errorf("%d attempts, want 1", f.attempts)
	}
}

// TestNextPersonStartsAfresh: whoever walks away from a refused sign-in leaves
// nothing for the next person at the first screen, and no visit for long.
func TestNextPersonStartsAfresh(t *testing.T) {
	const mail = "ann.beaulieu@contoso.example"
	for name, leave := range map[string]func(b *browser){
		"by the first screen":         func(b *browser) { b.get("/panel/front-desk/").tap("Send a fax") },
		"my faxes":                    func(b *browser) { b.get("/panel/front-desk/").tap("My faxes") },
		"at an old first screen":      func(b *browser) { b.post("/panel/front-desk/begin", url.Values{"csrf": {b.value("csrf")}}) },
		"only the first screen":       func(b *browser) { b.get("/panel/front-desk/").get("/panel/front-desk/signin") },
		"a first screen that watches": func(b *browser) { b.get("/panel/front-desk/?r=1").get("/panel/front-desk/signin") },
	} {
		t.Run(name, func(t *testing.T) {
			f := newReception()
			r := newRig(t, 0, people(f, panel.ModeUserPrompt))
			b := r.browse("front-desk").tap("Send a fax").fill("email", mail).tap("Next").fill("secret", "wr0ng").tap("Sign in").want("code S-101", mail)
			leave(b)
			b.want("Who are you?").not("ann.beaulieu", "S-101", "Password of your company")
			if b.value("email") != "" || len(f.begun) != 2 || len(f.dropped) != 1 {
				t.Errorf("the field holds %q after %d sign-ins, %d dropped; want nothing, 2, 1", b.value("email"), len(f.begun), len(f.dropped))
			}
			b.fill("email", mail).tap("Next").want(mail)
			r.clock.forward(61 * time.Second)
			b.get("/panel/front-desk/signin").want("Put your pages in the feeder").not("ann.beaulieu")
			if n := len(r.tokens()); n != 0 || len(f.open) != 0 {
				t.Errorf("%d visits and %d sign-ins open after the idle time, want none", n, len(f.open))
			}
		})
	}
}

// TestSignInByPhone waits without scripts for what happens on the phone. Waiting
// is no tap, and the visit lives as long as the code.
func TestSignInByPhone(t *testing.T) {
	f := newReception()
	r := newRig(t, 1, people(f, panel.ModeUserPrompt))
	b := r.browse("front-desk").tap("Send a fax").tap("With your phone")
	b.want("https://fax.contoso.example/device", "K7QF-2MXD", "The phone must show this number as well 47", "This code is good for 5:00")
	img := find(b.doc, func(n *html.Node) bool { return n.Data == "img" })
	pic := b.ask("GET", attr(img, "src"), nil, nil)
	cfg, err := png.DecodeConfig(strings.NewReader(pic.body))
	if err != nil || pic.head.Get("Content-Type") != "image/png" || attr(img, "width") != attr(img, "height") {
		t.Errorf("the square is %s %s, %v", pic.head.Get("Content-Type"), attr(img, "width"), err)
	}
	if want := attr(img, "width"); want == "" || cfg.Width < 200 || want != itoa(cfg.Width) {
		t.Errorf("the square is %d pixels wide and shown with %s; want the same, at least 200", cfg.Width, want)
	}
	r.clock.forward(4 * time.Minute)
	b.refresh().want("This code is good for 1:00")
	f.change(func(u *underWay) { u.Stage, u.Person, u.Way = signin.StageConfirm, ann, signin.WayCompanyPhone })
	r.clock.forward(50 * time.Second)
	b.refresh().want("Is this you?", "Ann Beaulieu", "a…u@contoso.example").tap("Yes, that is me").want("Hello, Ann Beaulieu")
}

// TestCodeRunsOut ends the visit with its code.
func TestCodeRunsOut(t *testing.T) {
	f := newReception()
	r := newRig(t, 1, people(f, panel.ModeUserPrompt))
	b := r.browse("front-desk").tap("Send a fax").tap("With your phone")
	r.clock.forward(5*time.Minute + time.Second)
	b.refresh().want("Put your pages in the feeder")
	if n := len(r.tokens()); n != 0 || len(f.open) != 0 {
		t.Errorf("%d visits and %d sign-ins open, want none", n, len(f.open))
	}
}

func itoa(n int) string { return string(appendInt(nil, n)) }

func appendInt(b []byte, n int) []byte {
	if n >= 10 {
		b = appendInt(b, n/10)
	}
	return append(b, byte('0'+n%10))
}

// TestSecretsOnlyInPrivate serves and takes forms with secrets over https and
// loopback only.
func TestSecretsOnlyInPrivate(t *testing.T) {
	f := newReception()
	net10 := func(o *panel.Options) {
		o.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		o.Hosts = []string{"fax.contoso.example"}
	}
	r := newRig(t, 0, people(f, panel.ModeUserPrompt, net10))
	b := r.browse("front-desk").tap("Send a fax")
	if !f.begun[0].Private {
		t.Error("loopback is not private")
	}
	b.fill("email", "ann@contoso.example").tap("Next").want("Password of your company")
	form := b.values(find(b.doc, isForm("signin/secret")), nil)
	form.Set("secret", "right & sound+ü%")
	cookies := b.client.Jar.Cookies(b.at)
	for _, tt := range []struct {
		name, peer, host string
		tls, ok          bool
	}{
		{"loopback", "127.0.0.1:5000", "127.0.0.1:8630", false, true},
		{"loopback by name", "[::1]:5000", "localhost", false, true},
		{"far", "10.1.2.3:5000", "10.0.0.1", false, false},
		{"far, asked as localhost", "10.1.2.3:5000", "localhost", false, false},
		{"through a tunnel", "127.0.0.1:5000", "10.0.0.1", false, false},
		{"through a tunnel by name", "127.0.0.1:5000", "fax.contoso.example", false, false},
		{"https", "10.1.2.3:5000", "10.0.0.1", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			scheme := map[bool]string{true: "https://", false: "http://"}[tt.tls]
			do := func(method, path string, body io.Reader) *httptest.ResponseRecorder {
				req := httptest.NewRequest(method, scheme+tt.host+path, body)
				req.RemoteAddr = tt.peer
				for _, c := range cookies {
					req.AddCookie(c)
				}
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				w := httptest.NewRecorder()
				r.panel.ServeHTTP(w, req)
				return w
			}
			page := do("GET", "/panel/front-desk/signin", nil).Body.String()
			if strings.Contains(page, `name="secret"`) != tt.ok || strings.Contains(page, "S-135") == tt.ok {
				t.Errorf("the password form is served: %v, want %v", !tt.ok, tt.ok)
			}
			read := &counted{r: strings.NewReader("rev=-1&" + form.Encode())} // answers nothing
			w := do("POST", "/panel/front-desk/signin/secret", read)
			if tt.ok && w.Code != http.StatusSeeOther {
				t.Errorf("POST = %d, want 303", w.Code)
			}
			if !tt.ok && (w.Code != http.StatusForbidden || read.n != 0 || !strings.Contains(w.Body.String(), "S-135")) {
				t.Errorf("POST = %d after reading %d bytes; want 403 after none, with S-135", w.Code, read.n)
			}
		})
	}
	if f.attempts != 0 {
		t.Errorf("%d attempts, want none", f.attempts)
	}
}

type counted struct {
	r io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// TestNothingWithoutSignIn leads every way to the question who it is.
func TestNothingWithoutSignIn(t *testing.T) {
	f := newReception()
	r := newRig(t, 1, people(f, panel.ModeUserPrompt))
	r.put("front-desk", someJob+"1", "+15145550177")
	b := r.browse("front-desk")
	b.get("/panel/front-desk/faxes").want("Put your pages in the feeder").not("0177")
	b.tap("My faxes").want("Who are you?")
	csrf := b.value("csrf")
	for _, path := range []string{
		"number", "people", "scan", "check", "faxes", "find", "hello", "sent/x", "fax/" + someJob + "1", "number/sure", "page/0001", "preview/x/0001",
		"fax/" + someJob + "1/cancel",
	} {
		b.get("/panel/front-desk/" + path).want("Who are you?").not("0177")
	}
	for _, path := range posts {
		if path == "look" || path == "leave" || path == "more" || strings.HasPrefix(path, "signin") {
			continue
		}
		resp := b.ask("POST", "/panel/front-desk/"+path, url.Values{"csrf": {csrf}, "number": {"5145550199"}}, nil)
		if resp.status != http.StatusSeeOther || resp.head.Get("Location") != "/panel/front-desk/signin" {
			t.Errorf("POST %s = %d to %q; want to be asked who it is", path, resp.status, resp.head.Get("Location"))
		}
	}
	if n := len(r.jobs("front-desk")); n != 1 {
		t.Errorf("%d jobs, want the one from before", n)
	}
}

// TestUnverified sends in the device's name where policy allows it, and says so.
func TestUnverified(t *testing.T) {
	f := newReception()
	r := newRig(t, 1, people(f, panel.ModeUserPrompt))
	r.put("front-desk", someJob+"1", "+15145550177")
	b := r.browse("front-desk").tap("Send a fax").fill("email", "down@contoso.example").tap("Next")
	b.want("The sign-in of the fax service does not answer.", "keep going out", "code S-127", "nobody has checked that it is you")
	b.tap("Send unverified").want("1 of 3", "not verified")
	b.fill("number", "5145550199").tap("Next").want("not verified").tap("Scan").scanned().tap("Next").tap("Send").want("Stored safely")
	j := r.jobs("front-desk")[0]
	if !j.Shared || j.Owner.ID != "" || j.Claimed != "down@contoso.example" {
		t.Errorf("the job is %+v, claimed by %q; want the device's and the claimed address", j.Owner, j.Claimed)
	}
	if g, _ := j.GrantFor("main"); g.Kind != job.GrantAccount {
		t.Errorf("grant is %v, want the account's", g)
	}
	b.get("/panel/front-desk/faxes").want("…0199").not("0177")
	b.get("/panel/front-desk/find").want("My faxes")
}

// TestAuthorityEnded keeps the pages and asks for signing in again.
func TestAuthorityEnded(t *testing.T) {
	f, a := newReception(), &authority{refuse: &signin.Refused{Problem: signin.SignInAgain}}
	f.auth = a
	r := newRig(t, 2, people(f, panel.ModeUserPrompt))
	b := r.browse("front-desk").login("ann@contoso.example").dial("5145550199").tap("Scan").scanned().tap("Next").tap("Send")
	b.want("Please sign in again", "wait 10 minutes", "code S-120")
	a.mu.Lock()
	a.refuse = nil
	a.mu.Unlock()
	b.tap("Sign in").want("Put your pages")
	b.login("ann@contoso.example").want("You have 2 pages waiting.").tap("Go on").want("2 pages stored safely").tap("Next").want("+1 514-555-0199")
	b.tap("Send").want("Stored safely")
}

// TestDraftWaitsForItsOwner offers pages and recipients to the same person only.
func TestDraftWaitsForItsOwner(t *testing.T) {
	f := newReception()
	r := newRig(t, 3, people(f, panel.ModeUserPrompt))
	b := r.browse("front-desk").login("ann@contoso.example").dial("5145550199").tap("Scan").scanned()
	b.tap("AB").want("Sign out?", "3 pages were not sent yet.").tap("Go on").want("3 pages stored safely")
	b.tap("AB").tap("Keep 10 minutes").want("Put your pages in the feeder")
	f.who = bob
	b.login("bob@contoso.example").want("Hello, Bob").not("waiting").tap("BC").want("Put your pages")
	f.who = ann
	b.login("ann@contoso.example").want("You have 3 pages waiting.").tap("Go on").want("3 pages stored safely").tap("Next").want("+1 514-555-0199")
	r.clock.forward(61 * time.Second)
	b.get("/panel/front-desk/check").want("Pages that were not sent wait 10 minutes")
	b.login("ann@contoso.example").tap("Discard").want("Erase what was scanned?").tap("Erase").want("Hello, Ann").not("waiting")
	if j := r.jobs("front-desk")[0]; j.State != job.Discarded {
		t.Errorf("the draft is %s, want discarded", j.State)
	}
}

// TestOwnFaxes shows a person's of all devices, and nobody else's.
func TestOwnFaxes(t *testing.T) {
	f := newReception()
	r := newRig(t, 1, people(f, panel.ModeUserPrompt, func(o *panel.Options) { o.Devices[1].Mode = panel.ModeUserPrompt }))
	b := r.browse("front-desk").login("ann@contoso.example")
	b.sendFax("5145550199")
	r.put("mail-room", someJob+"1", "+15145550177")
	id := r.jobs("front-desk")[0].ID
	f.who = bob
	other := r.browse("mail-room").login("bob@contoso.example").tap("My faxes").want("You have sent no fax lately.")
	for _, path := range []string{"fax/" + string(id), "fax/" + someJob + "1"} {
		if other.get("/panel/mail-room/" + path); other.status != 404 {
			t.Errorf("Bob's look at %s = %d, want 404", path, other.status)
		}
	}
	f.who = ann
	mine := r.browse("mail-room").login("ann@contoso.example").tap("My faxes").want("…0199").not("0177", "5550199")
	mine.get("/panel/mail-room/fax/"+string(id)).want("+1 514-555-0199", "being prepared").tap("Cancel it").tap("Cancel the fax").want("cancelled")
}

// TestResume gives new authority to faxes that wait for their owner.
func TestResume(t *testing.T) {
	f, a := newReception(), new(authority)
	f.auth = a
	r := newRig(t, 1, people(f, panel.ModeUserPrompt))
	b := r.browse("front-desk").login("ann@contoso.example")
	b.sendFax("5145550199")
	b.tap("Done")
	id := r.jobs("front-desk")[0].ID
	r.convert()
	r.steps(id, 1, job.Step{To: job.NeedsSignIn, Cause: job.CauseGrant})
	f.who = bob
	b.login("bob@contoso.example").want("Hello, Bob").not("goes on now").tap("BC")
	if d := r.get(id).Deliveries[0]; d.State != job.NeedsSignIn {
		t.Fatalf("Bob's sign-in made the delivery %s", d.State)
	}
	f.who = ann
	a.refuse = &signin.Refused{Problem: signin.ServiceDown}
	b.login("ann@contoso.example").want("Hello, Ann").not("goes on now").tap("My faxes").want("waiting for you to sign in")
	a.refuse = nil
	b.tap("AB").login("ann@contoso.example").want("1 fax that waited for you goes on now.").tap("My faxes").want("waiting for its turn")
	if g, _ := r.get(id).GrantFor("main"); g.Kind != job.GrantTicket {
		t.Errorf("grant is %v, want a ticket", g)
	}
}
