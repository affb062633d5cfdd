package idp

import (
	"html/template"
	"net/http"
)

// page is everything any of our pages can show.
type page struct {
	Title, Text, Error string
	Code               string // shown large, to be compared
	Action             string
	Hidden             map[string]string
	SignIn, AskCode    bool
	User               string
	AskUserCode        bool
	Button             string
	Cancel             string
	Auto               bool
}

// pages is sized for a phone held upright; it needs no script except where a
// response has to travel on by itself, and there a button does the same.
var pages = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title><style>
body{margin:0;font:18px/1.4 system-ui,sans-serif;background:#eef1f5;color:#16202c}
main{max-width:26rem;margin:8vh auto;padding:1.5rem;background:#fff;border-radius:12px}
h1{margin:0 0 .25rem;font-size:1.5rem}p{margin:.25rem 0 1rem}
label{display:block;margin-top:.75rem;font-size:1rem}
input{box-sizing:border-box;width:100%;min-height:48px;font-size:18px;padding:.5rem;border:1px solid #8794a5;border-radius:8px}
button{width:100%;min-height:52px;margin-top:1rem;font-size:18px;border:0;border-radius:8px;background:#1456a8;color:#fff}
button.second{background:#e2e7ee;color:#16202c}
.error{padding:.75rem;background:#fbe3e1;border-radius:8px;overflow-wrap:anywhere}.code{font:700 2rem monospace;letter-spacing:.1em;text-align:center}
</style></head><body><main><h1>{{.Title}}</h1>{{with .Text}}<p>{{.}}</p>{{end}}
{{with .Error}}<p class="error" role="alert">{{.}}</p>{{end}}{{with .Code}}<p class="code">{{.}}</p>{{end}}
{{if .Action}}<form method="post" action="{{.Action}}">
{{range $k, $v := .Hidden}}<input type="hidden" name="{{$k}}" value="{{$v}}">{{end}}
{{if .AskUserCode}}<label for="user_code">Code</label><input id="user_code" name="user_code" autocapitalize="characters" autocomplete="off" autofocus>{{end}}
{{if .SignIn}}<label for="user">User name</label><input id="user" name="user" type="text" inputmode="email" autocapitalize="none" autocomplete="username" value="{{.User}}">
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password">
{{if .AskCode}}<label for="code">Authenticator code</label><input id="code" name="code" inputmode="numeric" autocomplete="one-time-code">{{end}}{{end}}
<button type="submit">{{or .Button "Sign in"}}</button>
{{if .SignIn}}<button class="second" type="submit" name="cancel" value="1">Cancel</button>{{end}}
{{with .Cancel}}<button class="second" type="submit" name="decline" value="1">{{.}}</button>{{end}}
</form>{{if .Auto}}<script>document.forms[0].submit()</script>{{end}}{{end}}
</main></body></html>
`))

func show(w http.ResponseWriter, status int, p page) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	// The only errors are those of a browser that went away.
	_ = pages.Execute(w, p)
}

// overTLS refuses what came in the clear.
func overTLS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil {
			http.Error(w, "https only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
