package idp

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// codeLife is how long an authorization code is good; RFC 6749 §4.1.2 wants
// less than ten minutes.
const codeLife = time.Minute

// login is one sign-in in a browser, from the authorization request to the
// exchange of its code (RFC 6749 §4.1 with PKCE, RFC 7636).
type login struct {
	client, redirect, state string
	nonce, challenge, scope string
	ends                    time.Time
	person                  User
}

// maxLogins bounds how many may be under way.
const maxLogins = 1000

// authorizePath is the authorization endpoint of every shape. Its place is not
// standardized; clients find it by discovery.
const authorizePath = "/authorize"

// authorizePage begins a sign-in. A request whose client or address to return
// to is not registered is not answered by a redirect: it would send a person
// wherever the request says.
func (p *OIDC) authorizePage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	l := &login{
		client: q.Get("client_id"), redirect: q.Get("redirect_uri"), state: q.Get("state"),
		nonce: q.Get("nonce"), challenge: q.Get("code_challenge"), scope: q.Get("scope"),
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.o.Clients[l.client] == "" || !slices.Contains(p.o.Returns[l.client], l.redirect):
		show(w, http.StatusBadRequest, page{Title: "This link does not work", Error: "AADSTS50011: the application or its address to return to is not registered."})
		return
	case q.Get("response_type") != "code" || l.challenge == "" || q.Get("code_challenge_method") != "S256" || l.state == "":
		p.sendBack(w, r, l, url.Values{"error": {"invalid_request"}})
		return
	}
	now := p.o.Now()
	for id, old := range p.logins {
		if now.After(old.ends) {
			delete(p.logins, id)
		}
	}
	if len(p.logins) >= maxLogins {
		show(w, http.StatusTooManyRequests, page{Title: "Too many tries", Text: "Try again later."})
		return
	}
	id := token(16)
	l.ends = now.Add(p.o.Life)
	p.logins[id] = l
	show(w, http.StatusOK, p.loginPage(id, l, "", nil))
}

func (p *OIDC) loginPage(id string, l *login, user string, err error) page {
	q := page{
		Title: "Sign in", Text: "to " + p.o.Clients[l.client], Action: authorizePath,
		Hidden: map[string]string{"login": id}, SignIn: true, User: user,
	}
	if err != nil {
		q.Error = err.Error()
		q.AskCode = err == errCode //nolint:errorlint // the very value, made by signIn
	}
	return q
}

// authorizeStep takes the name and the password.
func (p *OIDC) authorizeStep(w http.ResponseWriter, r *http.Request) {
	f, ok := form(w, r)
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	id := f.Get("login")
	l := p.logins[id]
	if l == nil || !p.o.Now().Before(l.ends) {
		show(w, http.StatusOK, page{Title: "Please start again", Error: "It took too long."})
		return
	}
	if f.Get("cancel") != "" {
		delete(p.logins, id)
		p.sendBack(w, r, l, url.Values{"error": {"access_denied"}})
		return
	}
	u, err := p.signIn(f.Get("user"), f.Get("password"), f.Get("code"))
	if err != nil {
		show(w, http.StatusOK, p.loginPage(id, l, f.Get("user"), err))
		return
	}
	delete(p.logins, id)
	if u.State == Unassigned {
		show(w, http.StatusOK, page{Title: "No access", Error: "AADSTS50105: Your account is not assigned to this application."})
		return
	}
	code := token(32)
	l.person, l.ends = u, p.o.Now().Add(codeLife)
	p.codes[code] = l
	p.sendBack(w, r, l, url.Values{"code": {code}})
}

// sendBack returns the browser to the application.
func (p *OIDC) sendBack(w http.ResponseWriter, r *http.Request, l *login, v url.Values) {
	v.Set("state", l.state)
	v.Set("iss", p.s.issuer) // RFC 9207
	to, err := url.Parse(l.redirect)
	if err != nil {
		show(w, http.StatusBadRequest, page{Title: "This link does not work"})
		return
	}
	to.RawQuery = v.Encode()
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

// redeem exchanges a code, once, for whoever can show what its challenge was
// made from.
func (p *OIDC) redeem(w http.ResponseWriter, f url.Values) {
	l := p.codes[f.Get("code")]
	delete(p.codes, f.Get("code"))
	sum := sha256.Sum256([]byte(f.Get("code_verifier")))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	if l == nil || !p.o.Now().Before(l.ends) || l.client != f.Get("client_id") || l.redirect != f.Get("redirect_uri") ||
		subtle.ConstantTimeCompare([]byte(challenge), []byte(l.challenge)) != 1 {
		refuse(w, "invalid_grant", "AADSTS70008: the code is not known, has expired or was redeemed")
		return
	}
	p.issue(w, l.client, l.person, l.scope, l.nonce)
}
