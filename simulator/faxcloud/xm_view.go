package faxcloud

import (
	"cmp"
	"html/template"
	"net/http"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

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

	Code, CSRF                string
	Company, Device, Location string
	Match, Begun              string
	Who, Email                string
}

func (x *XM) showPairing(w http.ResponseWriter, p *pairing, v *visit, wrong string) {
	o := view{
		Title: "Is this you at " + p.terminal.Name + "?", Wrong: wrong, Code: p.user, CSRF: v.csrf,
		Company: cmp.Or(p.account.Company, p.account.ID), Device: p.terminal.Name,
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
dl{margin:0 0 12px}dl div{display:flex;gap:12px}dt{color:#555;width:6em;flex:none}dd{margin:0;overflow-wrap:anywhere}
.same{margin:0}
</style></head><body><main>
<h1>{{.Title}}</h1>
{{with .Wrong}}<p class="wrong" role="alert">{{.}}</p>{{end}}
{{with .Text}}<p>{{.}}</p>{{end}}
{{if .Ask}}<form method="post" action="/device">
<label for="code">Code shown at the device</label>
<input id="code" name="code" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="20" required autofocus>
<button>Continue</button></form>{{end}}
{{if or .SignIn .SSO .Confirm}}<dl><div><dt>Company</dt><dd id="company">{{.Company}}</dd></div><div><dt>Device</dt><dd id="device">{{.Device}}</dd></div>
{{with .Location}}<div><dt>Place</dt><dd>{{.}}</dd></div>{{end}}<div><dt>Begun at</dt><dd>{{.Begun}}</dd></div></dl>
<p class="same">The device shows the same number:</p><p class="match" id="match">{{.Match}}</p>{{end}}
{{if .SignIn}}<form method="post" action="/d/{{.Code}}/signin"><input type="hidden" name="csrf" value="{{.CSRF}}">
<label for="user">E-mail or user name</label><input id="user" name="user" autocomplete="username" autocapitalize="none" spellcheck="false" required>
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required>
<label for="otp">Authenticator code, if you use one</label><input id="otp" name="otp" inputmode="numeric" autocomplete="one-time-code" maxlength="6">
<button id="signin">Sign in</button></form>{{end}}
{{if .SSO}}<a class="button" id="sso" href="/d/{{.Code}}/sso">Sign in at your company</a>{{end}}
{{if .Confirm}}<p>You are <strong>{{.Who}}</strong> ({{.Email}}). Say yes only if you stand at the device and see the number there.</p>
<form method="post" action="/d/{{.Code}}/decide"><input type="hidden" name="csrf" value="{{.CSRF}}">
<button id="yes" name="answer" value="yes">Yes, it is me</button>
<button class="no" id="no" name="answer" value="no">No, it is not</button></form>{{end}}
</main></body></html>
`))
