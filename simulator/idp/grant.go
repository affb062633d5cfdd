package idp

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// verdict is what the person decided.
type verdict int

const (
	waiting verdict = iota
	approved
	declined
	used
)

// grant is one code.
type grant struct {
	client, user  string // user code
	scope         string
	ends          time.Time
	interval      time.Duration
	last          time.Time // of the polls
	verdict       verdict
	person        User
	authenticated bool
}

// maxGrants bounds how many codes may live.
const maxGrants = 1000

// form reads a bounded form body.
func form(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		refuse(w, "invalid_request", "the form could not be read")
		return nil, false
	}
	return r.PostForm, true
}

// authorize hands out a code (RFC 8628 §3.2).
func (p *OIDC) authorize(w http.ResponseWriter, r *http.Request) {
	f, ok := form(w, r)
	if !ok {
		return
	}
	if _, ok := p.o.Clients[f.Get("client_id")]; !ok {
		refuse(w, "invalid_client", "AADSTS700016: no such application")
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.o.Now()
	for code, g := range p.grants {
		if now.Sub(g.ends) > time.Hour {
			delete(p.grants, code)
		}
	}
	if len(p.grants) >= maxGrants {
		refuse(w, "server_error", "too many codes")
		return
	}
	device := token(32)
	g := &grant{client: f.Get("client_id"), user: p.s.code(), scope: f.Get("scope"), ends: now.Add(p.o.Life), interval: p.o.Interval}
	p.grants[device] = g
	doc := map[string]any{
		"device_code": device, "user_code": g.user, "verification_uri": p.Page(),
		"expires_in": p.number(p.o.Life), "interval": p.number(p.o.Interval),
	}
	if p.s.complete && !p.knobs.NoComplete {
		doc["verification_uri_complete"] = p.Page() + "?user_code=" + url.QueryEscape(g.user)
	}
	if p.s.message {
		doc["message"] = "To sign in, use a web browser to open the page " + p.Page() + " and enter the code " + g.user + " to authenticate."
	}
	answer(w, http.StatusOK, doc)
}

// number is seconds, as some versions of AD FS write them: in quotes.
func (p *OIDC) number(d time.Duration) any {
	n := int(d / time.Second)
	if p.s.stringNumbers {
		return strconv.Itoa(n)
	}
	return n
}

// token answers polls, exchanges codes, and at AD FS takes the password grant.
func (p *OIDC) token(w http.ResponseWriter, r *http.Request) {
	f, ok := form(w, r)
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case f.Get("grant_type") == "urn:ietf:params:oauth:grant-type:device_code":
		said := p.poll(w, f)
		p.polls = append(p.polls, Poll{p.o.Now(), said})
	case f.Get("grant_type") == "authorization_code":
		p.redeem(w, f)
	case f.Get("grant_type") == "password" && p.o.Shape == ADFS:
		p.password(w, f)
	default:
		refuse(w, "unsupported_grant_type", "")
	}
}

// poll answers one poll and returns what it said.
func (p *OIDC) poll(w http.ResponseWriter, f url.Values) string {
	k := &p.knobs
	switch {
	case k.Drop > 0:
		k.Drop--
		drop(w)
		return "dropped"
	case k.Fail > 0:
		k.Fail--
		http.Error(w, "<html>internal error</html>", http.StatusInternalServerError)
		return "500"
	}
	say := func(code, description string) string {
		refuse(w, code, description)
		return code
	}
	g, ok := p.grants[f.Get("device_code")]
	switch now := p.o.Now(); {
	case !ok || g.client != f.Get("client_id"):
		if p.o.Shape == Entra {
			return say("bad_verification_code", "AADSTS70020: the device code is not known")
		}
		return say("invalid_grant", "the device code is not known")
	case k.SlowDown > 0:
		k.SlowDown--
		g.interval += 5 * time.Second
		g.last = now
		return say("slow_down", "")
	case !g.last.IsZero() && now.Sub(g.last) < g.interval-500*time.Millisecond:
		g.interval += 5 * time.Second
		g.last = now
		return say("slow_down", "polled too fast")
	default:
		g.last = now
	}
	switch {
	case g.verdict == used:
		return say("invalid_grant", "the device code was redeemed")
	case k.Expired || !p.o.Now().Before(g.ends):
		return say("expired_token", "AADSTS70020: the code has expired")
	case k.Declined || g.verdict == declined:
		return say(p.s.declined, "the person declined")
	case g.verdict == waiting:
		return say("authorization_pending", "")
	case k.Pending > 0:
		k.Pending--
		return say("authorization_pending", "")
	case k.Blocked:
		return say("invalid_grant", "AADSTS53003: Access has been blocked by Conditional Access policies.")
	}
	g.verdict = used
	p.issue(w, g.client, g.person, g.scope, "")
	return "ok"
}

// drop cuts the connection without an answer.
func drop(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler) // HTTP/2 cannot be hijacked; net/http resets the stream
}

// password is AD FS's grant for the resource owner's own credentials.
func (p *OIDC) password(w http.ResponseWriter, f url.Values) {
	if _, ok := p.o.Clients[f.Get("client_id")]; !ok {
		refuse(w, "invalid_client", "MSIS9223: no such client")
		return
	}
	u, err := p.signIn(f.Get("username"), f.Get("password"), "")
	if err != nil {
		refuse(w, "invalid_grant", "MSIS9659: invalid user name or password")
		return
	}
	p.issue(w, f.Get("client_id"), u, f.Get("scope"), "")
}

func (p *OIDC) signIn(name, password, code string) (User, error) {
	u, err := p.dir.signIn(name, password, code)
	a := Attempt{At: p.o.Now(), User: name, OK: err == nil}
	if err != nil {
		a.Why = err.Error()
	}
	p.attempts = append(p.attempts, a)
	return u, err
}

// same compares user codes as RFC 8628 §6.1 wants: without case or punctuation.
func same(a, b string) bool {
	return plain(a) == plain(b) && plain(a) != ""
}

func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToUpper(s))
}
