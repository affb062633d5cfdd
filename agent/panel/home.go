package panel

import (
	"context"
	"net/http"

	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/spool"
)

type homeData struct {
	Ended  bool
	Ask    bool // people sign in here
	Badge  bool // with a badge
	Direct bool // not before tapping "Send a fax"
}

// home is the first screen. A document somebody left is asked about instead:
// nobody loses paper by a tap on the way back.
func (p *Panel) home(w http.ResponseWriter, r *http.Request, v *visit) error {
	j, err := p.draft(r.Context(), v)
	if err != nil {
		return err
	}
	if j != nil && (len(j.Pages) > 0 || p.opt.Desk.State(j.ID).Running) {
		return p.to(w, r, v, "leave")
	}
	if v.person() {
		return p.to(w, r, v, "hello")
	}
	if done, err := p.takeArrival(w, r, v); done || err != nil {
		return err
	}
	d := homeData{Ended: !v.open && r.URL.Query().Get("ended") != ""}
	pg := &page{Screen: "home", Title: v.T("home.title"), Data: &d}
	if !v.mayFax() {
		p.startOver(v)
		login := v.dev.Mode == ModeDeviceLogin
		d.Ask, d.Badge, d.Direct = true, v.dev.Reader, login && !v.dev.Others
		pg.Watch = watchHome
		if login {
			pg.Screen = "badge"
		}
		if d.Badge {
			pg.Refresh, pg.Next = 2, p.at(v, "?r=1")
			if d.Ended {
				pg.Next += "&ended=1"
			}
		}
	}
	return p.show(w, r, v, http.StatusOK, pg)
}

// beginFax starts a new fax, unless it could not be stored.
func (p *Panel) beginFax(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !v.mayFax() {
		p.startOver(v)
		return p.to(w, r, v, "signin")
	}
	if r.PostForm.Get("then") == "find" {
		return p.to(w, r, v, "find")
	}
	full, err := p.full(r.Context())
	if err != nil {
		return err
	}
	if full {
		return spool.ErrFull
	}
	return p.to(w, r, v, "number")
}

// startOver forgets the sign-in under way: somebody else may stand there by now,
// and gets to see nothing of what was typed. The visit itself stays.
func (p *Panel) startOver(v *visit) {
	if v.open {
		p.opt.SignIn.Drop(v.s.Token)
	}
}

// full reports whether not even a page fits the spool any more.
func (p *Panel) full(ctx context.Context) (bool, error) {
	u, err := p.opt.Spool.Usage(ctx)
	if err != nil {
		return false, err
	}
	const page = 1 << 20 // a gray A4 page at 200 dpi
	// The last eighth is kept for converting what was promised.
	return u.Quota > 0 && u.Used+page > u.Quota/8*7 || u.Free > 0 && u.Free < page, nil
}

// look changes the language or the contrast and comes back.
func (p *Panel) look(w http.ResponseWriter, r *http.Request, v *visit) error {
	err := p.tap(r.Context(), v, func(s *signin.Session) {
		switch lang := r.PostForm.Get("lang"); lang {
		case "en", "fr":
			s.Lang = lang
		}
		if r.PostForm.Get("sharp") != "" {
			s.Sharp = r.PostForm.Get("sharp") == "on"
		}
	})
	if err != nil {
		return err
	}
	return p.back(w, r, v)
}

// more is the tap on "more time". A script that saw a tap asks for no page.
func (p *Panel) more(w http.ResponseWriter, r *http.Request, v *visit) error {
	if r.PostForm.Get("quiet") != "" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return p.back(w, r, v)
}

// back returns to the page a form was on.
func (p *Panel) back(w http.ResponseWriter, r *http.Request, v *visit) error {
	back := r.PostForm.Get("back")
	if !local(back) {
		back = ""
	}
	return p.to(w, r, v, back)
}

type leaveData struct {
	Pages int
	Keep  bool   // they may wait for their owner
	On    string // where "go on" leads
}

// askLeave asks once before pages are erased.
func (p *Panel) askLeave(w http.ResponseWriter, r *http.Request, v *visit) error {
	j, err := p.draft(r.Context(), v)
	if err != nil {
		return err
	}
	if j == nil || len(j.Pages) == 0 && !p.opt.Desk.State(j.ID).Running {
		return p.to(w, r, v, "")
	}
	title := v.T("leave.title")
	if v.person() {
		title = v.T("signout")
	}
	return p.show(w, r, v, http.StatusOK, &page{
		Screen: "leave", Title: title, Back: "leave", Data: leaveData{Pages: len(j.Pages), Keep: v.person(), On: "scan"},
	})
}

// leave ends the visit. Pages are erased only when the form says so, and kept
// for a person who says so.
func (p *Panel) leave(w http.ResponseWriter, r *http.Request, v *visit) error {
	j, err := p.draft(r.Context(), v)
	if err != nil {
		return err
	}
	discard, keep := same(r.PostForm.Get("discard"), "yes"), v.person() && same(r.PostForm.Get("keep"), "yes")
	if j != nil && (len(j.Pages) > 0 || p.opt.Desk.State(j.ID).Running) && !discard && !keep {
		return p.to(w, r, v, "leave")
	}
	if j != nil && v.person() && !keep {
		if err := p.erase(r.Context(), j.ID, "person"); err != nil {
			return err
		}
		v.s.Draft = ""
	}
	if err := p.end(r.Context(), v.s, "person"); err != nil {
		return err
	}
	setCookie(w, r, v.dev.ID, cookieVisit, "")
	return p.to(w, r, v, "")
}

// T returns a text of the panel in the visit's language.
func (v *visit) T(key string, args ...any) string { return v.say.T("panel."+key, args...) }
