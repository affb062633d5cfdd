package panel_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/panel"
)

// answer is what came back, read whole.
type answer struct {
	status  int
	head    http.Header
	body    string
	cookies []*http.Cookie
}

// ask sends one request with headers, following nothing.
func (b *browser) ask(method, path string, form url.Values, head map[string]string) answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.site+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range head {
		req.Header.Set(k, v)
	}
	c := *b.client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := c.Do(req)
	if err != nil {
		b.t.Fatalf("%s %s = %v", method, path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body), resp.Cookies()}
}

// posts are all forms there are.
var posts = []string{
	"begin", "look", "leave", "more", "signin", "signin/secret", "hello", "number", "scan", "page/0001", "send", "find",
	"fax/0190a000-0000-7000-8000-000000000001/cancel", "fax/0190a000-0000-7000-8000-000000000001/retry",
	"fax/0190a000-0000-7000-8000-000000000001/decide/1",
}

func TestEveryPostNeedsItsToken(t *testing.T) {
	r := newRig(t, 2)
	b := r.browse("front-desk").dial("+15145550199").tap("Scan").scanned()
	other := r.browse("front-desk").tap("Send a fax").value("csrf")
	mine := b.value("csrf")
	for _, path := range posts {
		for _, tt := range []struct {
			name string
			form url.Values
			head map[string]string
		}{
			{"no token", url.Values{"do": {"x"}}, nil},
			{"token of another visit", url.Values{"csrf": {other}}, nil},
			{"other origin", url.Values{"csrf": {mine}}, map[string]string{"Origin": "http://evil.example"}},
			{"null origin", url.Values{"csrf": {mine}}, map[string]string{"Origin": "null"}},
			{"same host, other scheme", url.Values{"csrf": {mine}}, map[string]string{"Origin": strings.Replace(b.site, "http:", "https:", 1)}},
			{"cross site", url.Values{"csrf": {mine}}, map[string]string{"Sec-Fetch-Site": "cross-site"}},
			{"too long", url.Values{"csrf": {mine}, "number": {strings.Repeat("1", 20_000)}}, nil},
		} {
			if resp := b.ask("POST", "/panel/front-desk/"+path, tt.form, tt.head); resp.status != http.StatusForbidden {
				t.Errorf("POST %s with %s = %d, want 403", path, tt.name, resp.status)
			}
		}
		if resp := b.ask("GET", "/panel/front-desk/"+path+"?csrf="+mine, nil, nil); path == "send" && resp.status != http.StatusMethodNotAllowed {
			t.Errorf("GET %s = %d, want 405", path, resp.status)
		}
	}
	if j := r.jobs("front-desk")[0]; j.State != job.Draft || len(j.Pages) != 2 {
		t.Errorf("the draft is %s with %d pages after all that; want a draft of 2", j.State, len(j.Pages))
	}
}

// TestFirstTokenIsBound refuses to open a visit with a token of another browser
// or device.
func TestFirstTokenIsBound(t *testing.T) {
	r := newRig(t, 0)
	a, b := r.browse("front-desk"), r.browse("front-desk")
	for _, tt := range []struct{ device, token string }{
		{"front-desk", ""}, {"front-desk", b.value("csrf")}, {"mail-room", a.value("csrf")},
	} {
		if resp := a.ask("POST", "/panel/"+tt.device+"/begin", url.Values{"csrf": {tt.token}}, nil); resp.status != http.StatusForbidden {
			t.Errorf("begin at %s = %d, want 403", tt.device, resp.status)
		}
	}
	if resp := a.ask("POST", "/panel/front-desk/begin", url.Values{"csrf": {a.value("csrf")}}, nil); resp.status != http.StatusSeeOther {
		t.Errorf("begin with the right token = %d, want 303", resp.status)
	}
}

func TestCookies(t *testing.T) {
	r := newRig(t, 0)
	tls := httptest.NewTLSServer(r.panel)
	t.Cleanup(tls.Close)
	for _, tt := range []struct {
		name   string
		srv    *httptest.Server
		secure bool
	}{
		{"http", r.srv, false}, {"https", tls, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := r.browse("front-desk")
			b.site, b.t = tt.srv.URL, t
			b.client.Transport = tt.srv.Client().Transport
			b.get("/panel/front-desk/")
			token := b.value("csrf")
			cookies := b.ask("POST", "/panel/front-desk/begin", url.Values{"csrf": {token}}, nil).cookies
			if len(cookies) != 1 {
				t.Fatalf("%d cookies, want one: %v", len(cookies), cookies)
			}
			c := cookies[0]
			if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/panel/front-desk/" || c.Secure != tt.secure || c.Domain != "" {
				t.Errorf("cookie is %v; want HttpOnly, SameSite=Strict, for this device only, Secure=%v", c, tt.secure)
			}
		})
	}
}

func TestEveryAnswerIsProtected(t *testing.T) {
	r := newRig(t, 0)
	b := r.browse("front-desk")
	for _, path := range []string{"/panel/front-desk/", "/panel/front-desk/faxes", "/panel/nobody/", "/panel/front-desk/state", "/panel/front-desk/nothing"} {
		h := b.ask("GET", path, nil, nil).head
		csp := h.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s has policy %q", path, csp)
		}
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s has headers %v", path, h)
		}
	}
	if resp := b.ask("GET", "/panel/front-desk/", nil, map[string]string{"Host": "x"}); resp.status != 200 {
		t.Fatalf("status %d", resp.status)
	}
	b.not("style=", "onclick=", "<style", "javascript:")
}

// TestHostDoesNotReachThePolicy keeps a made-up Host header out of it.
func TestHostDoesNotReachThePolicy(t *testing.T) {
	r := newRig(t, 0)
	req := httptest.NewRequest("GET", "/panel/front-desk/", nil)
	req.RemoteAddr, req.Host = "127.0.0.1:1", "a; script-src *"
	w := httptest.NewRecorder()
	r.panel.ServeHTTP(w, req)
	if csp := w.Header().Get("Content-Security-Policy"); strings.Contains(csp, "*") {
		t.Errorf("policy is %q", csp)
	}
}

// TestNames answers only names the agent was given, so that no foreign page can
// lead a browser here under a name of its own.
func TestNames(t *testing.T) {
	r := newRig(t, 0, func(o *panel.Options) { o.Hosts = []string{"fax.contoso.example"} })
	for host, want := range map[string]int{
		"127.0.0.1": 200, "127.0.0.1:8630": 200, "[::1]:8630": 200, "[::1]": 200, "localhost:8630": 200, "10.1.2.3": 200,
		"fax.contoso.example": 200, "FAX.Contoso.Example.:8630": 200,
		"evil.example": 421, "fax.contoso.example.evil.example": 421, "127.0.0.1.evil.example:8630": 421, "": 421,
	} {
		for _, path := range []string{"/panel/front-desk/", "/panel/front-desk/live"} {
			req := httptest.NewRequest("GET", path, nil)
			req.RemoteAddr, req.Host = "127.0.0.1:1", host
			w := httptest.NewRecorder()
			r.panel.ServeHTTP(w, req)
			if (w.Code == 421) != (want == 421) {
				t.Errorf("GET %s under %q = %d, want %d", path, host, w.Code, want)
			}
		}
	}
}

func TestAddresses(t *testing.T) {
	r := newRig(t, 0, func(o *panel.Options) {
		o.Allow = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8:1::/48")}
	})
	for _, tt := range []struct {
		peer string
		ok   bool
	}{
		{"127.0.0.1:5000", true},
		{"[::1]:5000", true},
		{"10.1.2.3:5000", true},
		{"[::ffff:10.1.2.3]:5000", true},
		{"[2001:db8:1::7]:5000", true},
		{"10.2.0.1:5000", false},
		{"192.0.2.1:5000", false},
		{"[2001:db8:2::7]:5000", false},
		{"[fe80::1%eth0]:5000", false},
		{"nonsense", false},
		{"", false},
	} {
		for _, path := range []string{"/panel/front-desk/", "/panel/front-desk/live", "/panel/-/panel.css"} {
			req := httptest.NewRequest("GET", path, nil)
			req.RemoteAddr, req.Host = tt.peer, "127.0.0.1"
			req.Header.Set("X-Forwarded-For", "127.0.0.1")
			w := httptest.NewRecorder()
			r.panel.ServeHTTP(w, req)
			if tt.ok && path == "/panel/front-desk/" && w.Code != http.StatusOK {
				t.Errorf("%s from %q = %d; want 200", path, tt.peer, w.Code)
			}
			if !tt.ok && (w.Code != http.StatusForbidden || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") || len(w.Result().Cookies()) > 0) {
				t.Errorf("%s from %q = %d %s; want a plain 403 without cookies", path, tt.peer, w.Code, w.Header().Get("Content-Type"))
			}
		}
	}
}

// TestNobodySeesAnothersFax tries everything with a visit of the wrong device,
// of another person, and with none.
func TestNobodySeesAnothersFax(t *testing.T) {
	r := newRig(t, 3)
	// Ann has sent a fax and is scanning the next document.
	ann := r.browse("front-desk")
	ann.sendFax("5145550199")
	sent := string(r.jobs("front-desk")[0].ID)
	r.front.Load(2)
	ann.tap("Follow it").get("/panel/front-desk/").dial("+15145550177").tap("Scan").scanned()
	r.convert()
	draft := string(r.jobs("front-desk")[0].ID)
	if b := ann.get("/panel/front-desk/preview/" + draft + "/0001"); b.status != 200 {
		t.Fatalf("the owner's own preview is %d", b.status)
	}
	if b := ann.get("/panel/front-desk/preview/" + sent + "/0001"); b.status != 404 {
		t.Errorf("a picture by the name of another document is %d, want 404", b.status)
	}
	secrets := []string{"555-0199", "5550199", "555-0177", "5550177", draft, sent}
	private := []string{
		"number", "people", "scan", "scan?view=pages", "page/0001", "check", "leave", "preview/" + draft + "/0001", "sent/" + sent, "fax/" + sent,
		"fax/" + sent + "/cancel", "fax/" + sent + "/decide/1", "state?on=scan", "state?on=fax/" + sent, "faxes", "",
	}
	here, there := r.browse("front-desk"), r.browse("mail-room")
	here.tap("Send a fax")
	there.tap("Send a fax")
	for name, b := range map[string]*browser{"other visit": here, "other device": there, "no visit": r.browse("front-desk")} {
		device := "front-desk"
		if b == there {
			device = "mail-room"
		}
		for _, path := range private {
			b.get("/panel/" + device + "/" + path)
			for _, s := range secrets {
				if strings.Contains(strings.ReplaceAll(b.body, "preview/"+draft, ""), s) && !strings.Contains(path, s) {
					t.Errorf("%s: %s shows %q:\n%s", name, path, s, b.body)
				}
			}
			if strings.HasPrefix(b.body, "\xff\xd8") || strings.HasPrefix(path, "preview") && b.status == 200 && b.head.Get("Content-Type") == "image/jpeg" {
				t.Errorf("%s: %s gave away a picture", name, path)
			}
		}
	}
	// With the right cookie at the wrong device's address.
	u, _ := url.Parse(r.srv.URL + "/panel/front-desk/")
	for _, c := range ann.client.Jar.Cookies(u) {
		resp := there.ask("GET", "/panel/mail-room/scan", nil, map[string]string{"Cookie": c.Name + "=" + c.Value})
		if resp.status != http.StatusSeeOther {
			t.Errorf("Ann's cookie at the other device = %d %s; want to be sent to the first screen", resp.status, resp.body)
		}
	}
	// And none of the forms does anything.
	for _, path := range []string{"fax/" + sent + "/cancel", "fax/" + sent + "/retry", "fax/" + sent + "/decide/1"} {
		if resp := here.ask("POST", "/panel/front-desk/"+path, url.Values{"csrf": {csrfOf(here)}, "verdict": {"sent"}}, nil); resp.status != http.StatusNotFound {
			t.Errorf("POST %s by another visit = %d, want 404", path, resp.status)
		}
	}
	if resp := here.ask("POST", "/panel/front-desk/send", url.Values{"csrf": {csrfOf(here)}, "draft": {draft}}, nil); resp.status != http.StatusForbidden {
		t.Errorf("sending another's draft = %d, want 403", resp.status)
	}
	if j := r.get(job.ID(draft)); j.State != job.Draft {
		t.Errorf("the draft became %s", j.State)
	}
}

func csrfOf(b *browser) string { return b.get("/panel/front-desk/number").value("csrf") }

// TestJobNumberOfAnotherDevice is not found here.
func TestJobNumberOfAnotherDevice(t *testing.T) {
	r := newRig(t, 0)
	j := r.put("mail-room", "0190a000-0000-7000-8000-000000000001", "+15145550199")
	b := r.browse("front-desk").tap("My faxes").tap("Find a fax").fill("n", j.Number).tap("Show")
	b.want("There is no fax " + j.Number)
	r.browse("mail-room").tap("My faxes").tap("Find a fax").fill("n", j.Number).tap("Show").want("Fax "+j.Number, "…0199").not("5550199")
}

// TestGuessingJobNumbersIsSlow answers eight wrong ones a minute.
func TestGuessingJobNumbersIsSlow(t *testing.T) {
	r := newRig(t, 0)
	j := r.put("front-desk", "0190a000-0000-7000-8000-000000000001", "+15145550199")
	b := r.browse("front-desk").tap("My faxes").tap("Find a fax")
	for range 8 {
		b.fill("n", "0000").tap("Show").want("There is no fax 0000")
	}
	b.fill("n", j.Number).tap("Show").want("Too many tries")
	r.clock.forward(61e9)
	b = r.browse("front-desk").tap("My faxes").tap("Find a fax").fill("n", j.Number).tap("Show").want("Fax " + j.Number)
	_ = b
}

func TestUnknownAddresses(t *testing.T) {
	r := newRig(t, 0)
	b := r.browse("front-desk")
	for path, want := range map[string]int{
		"/panel/nobody/": 404, "/panel/": 404, "/panel/front-desk": 200, "/panel/front-desk/x": 404,
		"/panel/-/panel.css": 404, "/panel/-/../../go.mod": 404, "/": 404,
	} {
		if b.get(path); b.status != want {
			t.Errorf("GET %s = %d, want %d", path, b.status, want)
		}
	}
	b = r.browse("front-desk").tap("Send a fax")
	if b.get("/panel/front-desk/fax/nothing").want("No such fax", "code V-804"); b.status != 404 {
		t.Errorf("an unknown fax is %d, want 404", b.status)
	}
}

// TestBackStaysHere takes no address from a form that leads elsewhere.
func TestBackStaysHere(t *testing.T) {
	r := newRig(t, 0)
	b := r.browse("front-desk").tap("Send a fax")
	for _, back := range []string{"//evil.example", "https://evil.example/", "../../x", "\\\\evil", "/etc"} {
		resp := b.ask("POST", "/panel/front-desk/more", url.Values{"csrf": {b.value("csrf")}, "back": {back}}, nil)
		if at := resp.head.Get("Location"); at != "/panel/front-desk/" {
			t.Errorf("back to %q leads to %q", back, at)
		}
	}
}

func TestTooManyVisits(t *testing.T) {
	r := newRig(t, 0)
	for range 32 {
		r.browse("front-desk").tap("Send a fax")
	}
	if b := r.browse("front-desk").tap("Send a fax"); b.status != 503 || !b.has("V-803") {
		t.Errorf("the 33rd visit is %d: %s", b.status, b.text())
	}
	r.browse("mail-room").tap("Send a fax").want("Who gets it?")
}

// socket opens the WebSocket of a browser and returns the status of the answer.
func (b *browser) socket(path string, head http.Header) (*websocket.Conn, int, error) {
	b.t.Helper()
	u, err := url.Parse(b.site + path)
	if err != nil {
		b.t.Fatal(err)
	}
	if head == nil {
		head = http.Header{"Origin": {b.site}}
	}
	d := websocket.Dialer{HandshakeTimeout: bound, Jar: b.client.Jar}
	u.Scheme = "ws"
	ctx, cancel := context.WithTimeout(b.t.Context(), bound)
	defer cancel()
	c, resp, err := d.DialContext(ctx, u.String(), head)
	if err == nil {
		b.t.Cleanup(func() { c.Close() })
	}
	if resp == nil {
		return c, 0, err
	}
	resp.Body.Close()
	return c, resp.StatusCode, err
}

func TestSocketIsGuarded(t *testing.T) {
	r := newRig(t, 0)
	b := r.browse("front-desk").tap("Send a fax")
	for name, head := range map[string]http.Header{
		"other origin": {"Origin": {"http://evil.example"}},
		"null origin":  {"Origin": {"null"}},
		"no origin":    {},
	} {
		if _, status, err := b.socket("/panel/front-desk/live?on=scan", head); err == nil || status != http.StatusForbidden {
			t.Errorf("%s: %v, want 403", name, err)
		}
	}
	if _, status, err := r.browse("front-desk").socket("/panel/front-desk/live?on=scan", nil); err == nil || status != http.StatusForbidden {
		t.Errorf("no visit: %v, want 403", err)
	}
	if _, _, err := b.socket("/panel/front-desk/live?on=scan", nil); err != nil {
		t.Errorf("the visit's own: %v", err)
	}
}
