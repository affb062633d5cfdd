package panel

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/platen-fax/platen/agent/text"
)

// page is what a template gets. Screen is its file's name without ".html".
type page struct {
	Screen string
	Title  string
	Step   int    // 1 to 3 on the way to a sent fax, else 0
	Back   string // path of the page itself below Base, to come back to
	Data   any

	// Watch is what an open page asks about: "scan", "fax/ID" or "".
	// Rev is the state the page was made for.
	Watch, Rev string
	// Refresh reloads the page without scripts, Next after that many seconds.
	// Zero: only when the visit is about to end.
	Refresh int
	Next    string
	// Home is where the page goes at the end of the visit.
	Home string

	Base, CSS, JS   string
	CSRF            string
	Lang, OtherLang string
	Sharp           bool
	Open            bool // a visit is open
	Warn            bool // it ends soon
	Left            int  // in seconds
	Device, Site    string
	Who, Name       string // initials and name of the person; "" where nobody signed in
	Unverified      bool   // nobody checked who it is

	say *text.Printer
}

// T returns a text of the panel in the page's language.
func (pg *page) T(key string, args ...any) string { return pg.say.T("panel."+key, args...) }

// Digits are the keys of a PIN or code.
func (pg *page) Digits() []string { return strings.Split("1234567890", "") }

// Before and After are the text around its only place, for a page that marks
// what stands there.
func (pg *page) Before(key string) string {
	before, _, _ := strings.Cut(pg.T(key), "{1}")
	return before
}

// After follows Before.
func (pg *page) After(key string) string {
	_, after, _ := strings.Cut(pg.T(key), "{1}")
	return after
}

// N returns the text for one or for several.
func (pg *page) N(key string, n int) string { return count(pg.say, key, n) }

func count(say *text.Printer, key string, n int) string {
	if n == 1 {
		return say.T("panel."+key+".one", n)
	}
	return say.T("panel."+key+".many", n)
}

// warnAt is how long before its end the bar counts the time that is left.
const warnAt = 15 * time.Second

func loadPages() (map[string]*template.Template, error) {
	names, err := fs.Glob(ui, "ui/*.html")
	if err != nil {
		return nil, err
	}
	pages := make(map[string]*template.Template)
	for _, name := range names {
		screen := strings.TrimSuffix(path.Base(name), ".html")
		if screen == "layout" || screen == "parts" {
			continue
		}
		t, err := template.New("layout.html").ParseFS(ui, "ui/layout.html", "ui/parts.html", name)
		if err != nil {
			return nil, fmt.Errorf("panel page %s: %w", screen, err)
		}
		pages[screen] = t
	}
	return pages, nil
}

// show writes a page. It is made in memory first, so that a half page is never
// sent.
func (p *Panel) show(w http.ResponseWriter, r *http.Request, v *visit, status int, pg *page) error {
	t := p.pages[pg.Screen]
	if t == nil {
		return fmt.Errorf("no page %q", pg.Screen)
	}
	if !v.open && pg.CSRF == "" {
		if v.first == "" {
			v.first = randomText()
			setCookie(w, r, v.dev.ID, cookieFirst, v.first)
		}
		pg.CSRF = p.firstToken(v.first, v.dev.ID)
	}
	pg.Base, pg.CSS, pg.JS = p.at(v, ""), p.assets.css, p.assets.js
	pg.Device, pg.Site, pg.say = v.dev.Name, p.opt.Site, v.say
	pg.Lang, pg.OtherLang = v.say.Lang(), otherLang(v.say.Lang())
	if pg.Home == "" {
		pg.Home = pg.Base
	}
	if v.open {
		if v.person() {
			pg.Who, pg.Name = initials(v.s), v.s.Person.Name
		}
		pg.Unverified = v.s.Claimed != ""
		if pg.Watch == "" && v.dev.personal() {
			pg.Watch = watchVisit // a badge, or switching off, may end it at any time
		}
		pg.Open, pg.CSRF, pg.Sharp = true, v.s.CSRF, v.s.Sharp
		pg.Left = int((v.left + time.Second - 1) / time.Second)
		pg.Warn = v.left <= warnAt && v.s.Ends.IsZero()
		if pg.Refresh == 0 {
			// Without scripts the page shows the last seconds by itself, and
			// then the end.
			pg.Refresh, pg.Next = pg.Left, pg.Home
			if v.left > warnAt {
				pg.Refresh, pg.Next = int((v.left-warnAt)/time.Second)+1, pg.Base+markRefresh(pg.Back)
			}
		}
	}
	var b bytes.Buffer
	if err := t.Execute(&b, pg); err != nil {
		return fmt.Errorf("page %s: %w", pg.Screen, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, err := w.Write(b.Bytes())
	if err != nil {
		p.opt.Log.Debug("send page", "err", err)
	}
	return nil
}

// markRefresh marks a path as loaded by a refresh and not by a tap.
func markRefresh(back string) string {
	if strings.Contains(back, "?") {
		return back + "&r=1"
	}
	return back + "?r=1"
}

func otherLang(lang string) string {
	if lang == "fr" {
		return "en"
	}
	return "fr"
}

// local reports whether a path from a form stays below the device's own.
func local(back string) bool {
	return len(back) <= 200 && !strings.HasPrefix(back, "/") && !strings.Contains(back, "..") &&
		strings.IndexFunc(back, func(c rune) bool {
			ok := c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.ContainsRune("/?=&-", c)
			return !ok
		}) < 0
}
