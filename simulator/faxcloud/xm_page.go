package faxcloud

import (
	"crypto/subtle"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// BrowserSSO signs a person in at their company in the browser of their phone.
type BrowserSSO interface {
	// Begin answers the browser with the way to the identity provider. a.State
	// must come back with it.
	Begin(w http.ResponseWriter, r *http.Request, a SSOAttempt) error
	// Finish reads what the browser brought back, by POST or GET. lookup gives
	// the attempt of a state, once.
	Finish(r *http.Request, lookup func(state string) (SSOAttempt, bool)) (SSOIdentity, error)
}

// SSOAttempt is one sign-in at a company that has begun.
type SSOAttempt struct {
	State           string // random, good once, bound to the browser
	Region, Account string
	SSO             xmcloud.SSO
	IdPs            []XMIdP // of the account, valid now
	Base            string  // of the portal
}

// SSOIdentity is whom an identity provider vouches for.
type SSOIdentity struct {
	State  string
	Issuer string
	Email  string
}

// Paths to which identity providers send browsers back.
const (
	PathSAMLReturn = "auth/saml/callback"
	PathOIDCReturn = "auth/oidc/callback"
)

// visit is one browser at one pairing.
type visit struct {
	csrf  string
	who   *xmUser
	state string
}

// cookieName begins with __Host- so that no other host can set it.
const cookieName = "__Host-xm"

// pages adds the pages that people see on their phones.
func (x *XM) pages(mux *http.ServeMux, region *xmRegion) {
	page := func(pattern string, h func(http.ResponseWriter, *http.Request, *pairing, *visit)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if !x.browser(w, r) {
				return
			}
			x.mu.Lock()
			defer x.mu.Unlock()
			p, limited := x.byCode(region, r.PathValue("code"))
			switch {
			case limited:
				x.show(w, http.StatusTooManyRequests, view{Title: "Too many wrong codes", Text: "Please wait a minute and try again."})
			case p == nil || p.cancelled || (p.state == waiting && !x.c.now().Before(p.until)):
				x.show(w, http.StatusNotFound, view{Title: "This code is not valid", Text: "It may have expired. Start again at the device."})
			case p.state != waiting:
				x.show(w, http.StatusGone, view{Title: "This code has been used", Text: "Start again at the device if you still want to sign in."})
			default:
				h(w, r, p, p.visit(r))
			}
		})
	}
	mux.HandleFunc("GET /"+xmcloud.PathVerify, func(w http.ResponseWriter, r *http.Request) {
		if x.browser(w, r) {
			x.show(w, http.StatusOK, view{Title: "Sign in at a device", Ask: true})
		}
	})
	mux.HandleFunc("POST /"+xmcloud.PathVerify, func(w http.ResponseWriter, r *http.Request) {
		if x.browser(w, r) {
			code, ok := xmcloud.FoldCode(r.PostFormValue("code"))
			if !ok {
				x.show(w, http.StatusOK, view{Title: "Sign in at a device", Ask: true, Wrong: "Please type the eight letters shown at the device."})
				return
			}
			http.Redirect(w, r, "/"+xmcloud.PathVerifyCode+code, http.StatusSeeOther)
		}
	})
	const d = "/" + xmcloud.PathVerifyCode + "{code}"
	page("GET "+d, func(w http.ResponseWriter, _ *http.Request, p *pairing, v *visit) { x.showPairing(w, p, v, "") })
	page("GET "+d+"/sso", x.beginSSO)
	page("POST "+d+"/signin", x.form(x.pageSignIn))
	page("POST "+d+"/decide", x.form(x.decide))
	back := func(w http.ResponseWriter, r *http.Request) {
		if x.browser(w, r) {
			x.finishSSO(w, r, region)
		}
	}
	mux.HandleFunc("POST /"+PathSAMLReturn, back)
	mux.HandleFunc("GET /"+PathOIDCReturn, back)
}

// browser makes sure that a browser speaks TLS, sends little and has its cookie.
// The cookie must come along when the identity provider posts the person back,
// so it is not limited to this site; every form has a token of its own.
func (x *XM) browser(w http.ResponseWriter, r *http.Request) bool {
	if r.TLS == nil {
		http.Error(w, "https required", http.StatusForbidden)
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, xmcloud.MaxForm)
	if c, err := r.Cookie(cookieName); err != nil || len(c.Value) != 32 {
		fresh := &http.Cookie{
			Name: cookieName, Value: randomID(16), Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteNoneMode,
		}
		http.SetCookie(w, fresh)
		r.Header.Del("Cookie")
		r.AddCookie(fresh)
	}
	return true
}

// visit returns what is known of the browser of a request at p.
func (p *pairing) visit(r *http.Request) *visit {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return &visit{csrf: randomID(16)}
	}
	if p.visits[c.Value] == nil {
		p.visits[c.Value] = &visit{csrf: randomID(16)}
	}
	return p.visits[c.Value]
}

// form lets through posts that carry the visit's own token.
func (x *XM) form(next func(http.ResponseWriter, *http.Request, *pairing, *visit)) func(http.ResponseWriter, *http.Request, *pairing, *visit) {
	return func(w http.ResponseWriter, r *http.Request, p *pairing, v *visit) {
		if subtle.ConstantTimeCompare([]byte(r.PostFormValue("csrf")), []byte(v.csrf)) != 1 {
			x.show(w, http.StatusForbidden, view{Title: "Please start again", Text: "This form did not come from this page."})
			return
		}
		next(w, r, p, v)
	}
}

// pageSignIn takes a password of the cloud's own, for accounts without SSO.
func (x *XM) pageSignIn(w http.ResponseWriter, r *http.Request, p *pairing, v *visit) {
	if p.account.SSO != xmcloud.SSONone {
		x.showPairing(w, p, v, "Please sign in at your company.")
		return
	}
	u, e := x.password(p.account, r.PostFormValue("user"), r.PostFormValue("password"), r.PostFormValue("otp"))
	if e != nil {
		x.showPairing(w, p, v, words(e.Code))
		return
	}
	v.who = u
	v.csrf = randomID(16)
	x.showPairing(w, p, v, "")
}

// decide is the button that every sign-in needs, whoever opened the page.
func (x *XM) decide(w http.ResponseWriter, r *http.Request, p *pairing, v *visit) {
	if v.who == nil {
		x.showPairing(w, p, v, "Please sign in first.")
		return
	}
	what := Audit{
		Region: p.region.Name, Account: p.account.ID, User: v.who.ID, Device: p.terminal.ID,
		RemoteAddr: r.RemoteAddr, UserAgent: r.UserAgent(),
	}
	switch r.PostFormValue("answer") {
	case "yes":
		p.state, p.who, what.What = approved, v.who, "approved"
		x.show(w, http.StatusOK, view{Title: "You are signed in at " + p.terminal.Name, Text: "Go on at the device."})
	case "no":
		p.state, what.What = denied, "denied"
		x.show(w, http.StatusOK, view{Title: "Refused", Text: "Nobody was signed in at the device."})
	default:
		x.showPairing(w, p, v, "Please choose Yes or No.")
		return
	}
	x.note(what)
}

// beginSSO sends the browser to the company. x.mu is held.
func (x *XM) beginSSO(w http.ResponseWriter, r *http.Request, p *pairing, v *visit) {
	if x.opts.SSO == nil || p.account.SSO == xmcloud.SSONone {
		x.showPairing(w, p, v, "Your company's sign-in cannot be reached from here.")
		return
	}
	delete(x.states, v.state)
	v.state = randomID(16)
	x.states[v.state] = p
	if err := x.opts.SSO.Begin(w, r, x.attempt(p, v.state, r)); err != nil {
		x.c.log.Info("sign-in at the company did not begin", "err", err)
		x.showPairing(w, p, v, "Your company's sign-in cannot be reached from here.")
	}
}

func (x *XM) attempt(p *pairing, state string, r *http.Request) SSOAttempt {
	now := x.c.now()
	a := SSOAttempt{
		State: state, Region: p.region.Name, Account: p.account.ID, SSO: p.account.SSO, Base: x.base(xmCall{region: p.region}, r),
	}
	for _, i := range p.account.IdPs {
		if i.valid(now) {
			a.IdPs = append(a.IdPs, i)
		}
	}
	return a
}

func (p XMIdP) valid(now time.Time) bool {
	return (p.From.IsZero() || !now.Before(p.From)) && (p.Until.IsZero() || now.Before(p.Until))
}

// finishSSO takes a person back from their company. The account is the one whose
// device they stand at: an identity of any other tenant is refused.
func (x *XM) finishSSO(w http.ResponseWriter, r *http.Request, region *xmRegion) {
	if x.opts.SSO == nil {
		x.show(w, http.StatusNotFound, view{Title: "Not found"})
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	var p *pairing
	var v *visit
	id, err := x.opts.SSO.Finish(r, func(state string) (SSOAttempt, bool) {
		q := x.states[state]
		if q == nil || q.region != region || q.state != waiting || q.cancelled || !x.c.now().Before(q.until) {
			return SSOAttempt{}, false
		}
		u := q.visit(r)
		if subtle.ConstantTimeCompare([]byte(u.state), []byte(state)) != 1 {
			return SSOAttempt{}, false // another browser began it
		}
		delete(x.states, state)
		p, v, u.state = q, u, ""
		return x.attempt(q, state, r), true
	})
	if p == nil {
		x.show(w, http.StatusForbidden, view{Title: "Please start again", Text: "This sign-in did not begin in this browser, or it took too long."})
		return
	}
	if err != nil {
		x.c.log.Info("sign-in at the company failed", "err", err)
		x.showPairing(w, p, v, "Your company did not confirm who you are.")
		return
	}
	if !slices.ContainsFunc(p.account.IdPs, func(i XMIdP) bool { return i.EntityID == id.Issuer && i.valid(x.c.now()) }) {
		x.showPairing(w, p, v, words(xmcloud.ForeignTenant))
		return
	}
	u, code := x.person(p.account, id.Email)
	if code != "" {
		x.showPairing(w, p, v, words(code))
		return
	}
	v.who, v.csrf = u, randomID(16)
	http.Redirect(w, r, "/"+xmcloud.PathVerifyCode+p.user, http.StatusSeeOther)
}

// words says to a person why not.
func words(c xmcloud.Code) string {
	switch c {
	case xmcloud.BadCredentials, xmcloud.PasswordDisabled:
		return "The name or the password is wrong."
	case xmcloud.Locked:
		return "Too many wrong passwords. Please try later."
	case xmcloud.OTPRequired, xmcloud.OTPInvalid:
		return "Please type the password again, and the code your authenticator app shows now."
	case xmcloud.OTPSetupRequired:
		return "Your account needs an authenticator app. Please set it up in the portal first."
	case xmcloud.PasswordExpired, xmcloud.MustChange:
		return "Please change your password in the portal first."
	case xmcloud.UserUnknown, xmcloud.NotActivated, xmcloud.UserInactive, xmcloud.UserNotAllowed, xmcloud.NoEmail:
		return "You cannot send faxes with this account. Please ask your administrator."
	case xmcloud.ForeignTenant:
		return "This device belongs to another company."
	}
	return "That did not work."
}

type view struct {
	Title, Text, Wrong string

	Ask, SignIn, SSO, Confirm bool

	Code, CSRF                     string
	Device, Location, Match, Begun string
	Who, Email                     string
}

func (x *XM) showPairing(w http.ResponseWriter, p *pairing, v *visit, wrong string) {
	o := view{
		Title: "Sign in at " + p.terminal.Name, Wrong: wrong, Code: p.user, CSRF: v.csrf, Device: p.terminal.Name,
		Location: p.terminal.Location, Match: p.match, Begun: p.begun.UTC().Format("15:04 UTC"),
	}
	switch {
	case v.who != nil:
		o.Confirm, o.Who, o.Email = true, v.who.Display, v.who.Email
	case p.account.SSO == xmcloud.SSONone:
		o.SignIn = true
	default:
		o.SSO = true
	}
	x.show(w, http.StatusOK, o)
}

func (x *XM) show(w http.ResponseWriter, status int, v view) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	if err := phone.Execute(w, v); err != nil {
		x.c.log.Debug("write answer", "err", err)
	}
}

var phone = template.Must(template.New("phone").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>
body{font:18px/1.45 system-ui,sans-serif;margin:0 auto;padding:24px 20px;max-width:420px;color:#111;background:#fff}
h1{font-size:24px;line-height:1.25;margin:0 0 16px}
label{display:block;margin:16px 0 4px}
input{box-sizing:border-box;width:100%;font:inherit;padding:12px;border:1px solid #767676;border-radius:8px}
button,.button{display:block;box-sizing:border-box;width:100%;margin-top:16px;padding:14px;font:inherit;font-weight:600;text-align:center;text-decoration:none;border:2px solid #0b57a4;border-radius:8px;background:#0b57a4;color:#fff}
button.no{background:#fff;color:#0b57a4}
.wrong{background:#fdeceb;border-left:4px solid #b3261e;padding:10px 12px;margin:0 0 16px}
.match{font-size:56px;font-weight:700;letter-spacing:4px;text-align:center;margin:8px 0}
dl{margin:0 0 16px}dt{color:#555;font-size:15px}dd{margin:0 0 8px;overflow-wrap:anywhere}
</style></head><body><main>
<h1>{{.Title}}</h1>
{{with .Wrong}}<p class="wrong" role="alert">{{.}}</p>{{end}}
{{with .Text}}<p>{{.}}</p>{{end}}
{{if .Ask}}<form method="post" action="/device">
<label for="code">Code shown at the device</label>
<input id="code" name="code" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="20" required autofocus>
<button>Continue</button></form>{{end}}
{{if or .SignIn .SSO .Confirm}}<dl><dt>Device</dt><dd id="device">{{.Device}}</dd>
{{with .Location}}<dt>Place</dt><dd>{{.}}</dd>{{end}}<dt>Begun at</dt><dd>{{.Begun}}</dd></dl>{{end}}
{{if .SignIn}}<form method="post" action="/d/{{.Code}}/signin"><input type="hidden" name="csrf" value="{{.CSRF}}">
<label for="user">E-mail or user name</label><input id="user" name="user" autocomplete="username" autocapitalize="none" spellcheck="false" required>
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required>
<label for="otp">Code of your authenticator app, if you use one</label><input id="otp" name="otp" inputmode="numeric" autocomplete="one-time-code" maxlength="6">
<button id="signin">Sign in</button></form>{{end}}
{{if .SSO}}<a class="button" id="sso" href="/d/{{.Code}}/sso">Sign in at your company</a>{{end}}
{{if .Confirm}}<p>You are <strong>{{.Who}}</strong> ({{.Email}}).</p>
<p>Does the device show this number?</p><p class="match" id="match">{{.Match}}</p>
<form method="post" action="/d/{{.Code}}/decide"><input type="hidden" name="csrf" value="{{.CSRF}}">
<button id="yes" name="answer" value="yes">Yes, sign me in there</button>
<button class="no" id="no" name="answer" value="no">No, this was not me</button></form>{{end}}
</main></body></html>
`))
