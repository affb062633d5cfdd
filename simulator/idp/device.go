package idp

import (
	"net/http"
)

// maxGuesses is how many wrong user codes the page takes before it stops
// (RFC 8628 §5.1).
const maxGuesses = 50

// enter shows the first page: the code to type, or the one out of a QR code.
func (p *OIDC) enter(w http.ResponseWriter, r *http.Request) {
	code := r.URL.Query().Get("user_code")
	if code == "" {
		show(w, http.StatusOK, p.codePage(""))
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begin(w, code)
}

func (p *OIDC) codePage(why string) page {
	return page{
		Title: "Enter the code", Text: "Type the code that your device shows.", Error: why,
		Action: p.s.page, AskUserCode: true, Button: "Next",
	}
}

// begin looks a typed or scanned code up and shows the sign-in page.
func (p *OIDC) begin(w http.ResponseWriter, code string) {
	if p.guesses >= maxGuesses {
		show(w, http.StatusTooManyRequests, page{Title: "Too many tries", Text: "Try again later."})
		return
	}
	for device, g := range p.grants {
		if !same(g.user, code) {
			continue
		}
		if g.verdict != waiting || g.authenticated || !p.o.Now().Before(g.ends) {
			show(w, http.StatusOK, page{Title: "This code cannot be used", Error: "The code was used or has expired. Ask your device for a new one."})
			return
		}
		id := token(16)
		p.flows[id] = device
		show(w, http.StatusOK, p.signInPage(id, "", nil))
		return
	}
	p.guesses++
	show(w, http.StatusOK, p.codePage("That code is not known."))
}

func (p *OIDC) signInPage(id, user string, err error) page {
	q := page{Title: "Sign in", Text: "to connect a device", Action: p.s.page, Hidden: map[string]string{"flow": id}, SignIn: true, User: user}
	if err != nil {
		q.Error = err.Error()
		q.AskCode = err == errCode //nolint:errorlint // the very value, made by signIn
	}
	return q
}

// step takes what the pages post: a code, a name with password, a decision. The
// decision is asked for even after a scan, or somebody who sends QR codes
// around would have it easy (RFC 8628 §3.3.1).
func (p *OIDC) step(w http.ResponseWriter, r *http.Request) {
	f, ok := form(w, r)
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.Get("flow") == "" {
		p.begin(w, f.Get("user_code"))
		return
	}
	id := f.Get("flow")
	g, ok := p.grants[p.flows[id]]
	if !ok || g.verdict != waiting || !p.o.Now().Before(g.ends) {
		show(w, http.StatusOK, page{Title: "This code cannot be used", Error: "The code was used or has expired. Ask your device for a new one."})
		return
	}
	switch {
	case f.Get("decline") != "" || f.Get("cancel") != "":
		g.verdict = declined
		delete(p.flows, id)
		show(w, http.StatusOK, page{Title: "You declined", Text: "The device was not signed in. You can close this page."})
	case !g.authenticated:
		u, err := p.signIn(f.Get("user"), f.Get("password"), f.Get("code"))
		if err != nil {
			show(w, http.StatusOK, p.signInPage(id, f.Get("user"), err))
			return
		}
		if u.State == Unassigned {
			show(w, http.StatusOK, page{Title: "No access", Error: "AADSTS50105: Your account is not assigned to this application."})
			return
		}
		g.authenticated, g.person = true, u
		show(w, http.StatusOK, page{
			Title: "Are you trying to sign in?", Text: "To " + p.o.Clients[g.client] + ", on a device that shows this code. Continue only if you see it there.",
			Code: g.user, Action: p.s.page, Hidden: map[string]string{"flow": id, "confirm": "1"}, Button: "Continue", Cancel: "No, cancel",
		})
	case f.Get("confirm") != "":
		g.verdict = approved
		delete(p.flows, id)
		show(w, http.StatusOK, page{Title: "You have signed in", Text: "Go back to the device. You can close this page."})
	default:
		show(w, http.StatusBadRequest, page{Title: "Something is missing", Text: "Start again with the code."})
	}
}
