package faxcloud

import (
	"crypto/subtle"
	"net/http"

	"github.com/platen-fax/platen/protocols/xmcloud"
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
