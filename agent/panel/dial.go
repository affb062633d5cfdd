package panel

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/number"
	"github.com/platen-fax/platen/agent/signin"
)

const (
	maxTyped      = 32 // characters of the number field
	maxRecipients = 20
)

// shown is a number as people read it.
type shown struct {
	Number, Country string
	At              int // position in the form, from 0
}

// read shows a stored number.
func (p *Panel) read(v *visit, e164 string) shown {
	n, err := number.Parse(e164, p.opt.Country, number.Rules{})
	if err != nil {
		return shown{Number: e164}
	}
	return shown{Number: n.Display, Country: country(v, n)}
}

// country names the country of a number in the visit's language.
func country(v *visit, n number.Number) string { return number.CountryName(n.Country, v.say.Lang()) }

// errExtension refuses what no fax service is told yet: better than to drop it.
var errExtension = errors.New("digits to dial after the connection")

// parse reads what was typed, by the rules of the site.
func (p *Panel) parse(typed string) (number.Number, error) {
	n, err := number.Parse(typed, p.opt.Country, p.opt.Rules)
	if err == nil && n.Sub != "" {
		return n, errExtension
	}
	return n, err
}

// numberProblem says in plain words why a number is refused.
func numberProblem(v *visit, err error) string {
	var e *number.Error
	if errors.As(err, &e) {
		return v.say.T(e.Key(), number.CountryName(e.Country, v.say.Lang()))
	}
	return v.T("number.extension")
}

// recipients shows the confirmed ones.
func (p *Panel) recipients(v *visit) []shown {
	out := make([]shown, 0, len(v.s.Form.Recipients))
	for i, rec := range v.s.Form.Recipients {
		s := p.read(v, rec.Number)
		s.At = i
		out = append(out, s)
	}
	return out
}

type numberData struct {
	Typed   string
	Country string // of a number that is complete
	Problem string
	To      []shown // the newest
	More    int     // recipients besides
	Total   int
	MaxLen  int
	Keys    []string
}

// numberPage asks who gets the fax.
func (p *Panel) numberPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	d := numberData{Typed: v.s.Form.Typed, MaxLen: maxTyped, Keys: strings.Split("123456789+0", "")}
	to := p.recipients(v)
	d.Total = len(to)
	if d.Total > 2 { // what is left of the screen holds two lines
		d.More = d.Total - 1
	}
	d.To = to[d.More:]
	check := r.URL.Query().Get("check")
	if check != "" && check != "many" {
		check = "1"
	}
	if d.Typed != "" || check != "" {
		n, err := p.parse(d.Typed)
		switch {
		case err == nil:
			d.Country = country(v, n)
		case check != "":
			d.Problem = numberProblem(v, err)
		}
	}
	if check == "many" {
		d.Problem = v.T("number.toomany", maxRecipients)
	}
	pg := &page{Screen: "number", Title: v.T("number.title"), Step: 1, Back: "number", Data: d}
	if d.Problem != "" {
		pg.Back = "number?check=" + check
	}
	return p.show(w, r, v, http.StatusOK, pg)
}

// numberPost takes a key, or the number as it stands in the field.
func (p *Panel) numberPost(w http.ResponseWriter, r *http.Request, v *visit) error {
	typed := strings.TrimSpace(r.PostForm.Get("number"))
	if runes := []rune(typed); len(runes) > maxTyped {
		typed = string(runes[:maxTyped])
	}
	if !r.PostForm.Has("number") {
		typed = v.s.Form.Typed
	}
	set := func(fn func(*signin.Form)) error {
		return p.tap(r.Context(), v, func(s *signin.Session) {
			if s.Form.Typed != typed {
				s.Form.Confirmed = false
			}
			s.Form.Typed = typed
			if fn != nil {
				fn(&s.Form)
			}
		})
	}
	if key := r.PostForm.Get("key"); key != "" {
		switch {
		case key == "del" && typed != "":
			_, last := utf8.DecodeLastRuneInString(typed)
			typed = typed[:len(typed)-last]
		case len(key) == 1 && strings.Contains("0123456789+", key) && len(typed) < maxTyped:
			typed += key
		}
		if err := set(nil); err != nil {
			return err
		}
		return p.to(w, r, v, "number")
	}
	if drop := r.PostForm.Get("drop"); drop != "" {
		i, err := strconv.Atoi(drop)
		if err := set(func(f *signin.Form) {
			if err == nil && i >= 0 && i < len(f.Recipients) {
				f.Recipients = slices.Delete(f.Recipients, i, i+1)
			}
		}); err != nil {
			return err
		}
		if r.PostForm.Get("on") == "people" && len(v.s.Form.Recipients) > 0 {
			return p.to(w, r, v, "people")
		}
		return p.to(w, r, v, "number")
	}
	return p.takeNumber(w, r, v, set)
}

// takeNumber makes the typed number a recipient and goes on to the next screen,
// or back for another number.
func (p *Panel) takeNumber(w http.ResponseWriter, r *http.Request, v *visit, set func(func(*signin.Form)) error) error {
	do := r.PostForm.Get("do")
	next := "scan"
	if do == "another" || r.PostForm.Get("then") == "another" {
		next = "number"
	}
	if err := set(nil); err != nil {
		return err
	}
	f := v.s.Form
	if f.Typed == "" {
		if next == "scan" && len(f.Recipients) > 0 {
			return p.to(w, r, v, next)
		}
		return p.to(w, r, v, "number?check=1")
	}
	n, err := p.parse(f.Typed)
	if err != nil {
		return p.to(w, r, v, "number?check=1")
	}
	known := slices.ContainsFunc(f.Recipients, func(x job.Recipient) bool { return x.Number == n.E164 })
	if !known && len(f.Recipients) >= maxRecipients {
		return p.to(w, r, v, "number?check=many")
	}
	if !n.Known && do != "sure" && !f.Confirmed {
		return p.to(w, r, v, "number/sure?then="+map[string]string{"number": "another", "scan": "next"}[next])
	}
	err = set(func(f *signin.Form) {
		// A double tap, or the same number again, is one recipient.
		if !slices.ContainsFunc(f.Recipients, func(x job.Recipient) bool { return x.Number == n.E164 }) {
			f.Recipients = append(f.Recipients, job.Recipient{Number: n.E164, Raw: f.Typed})
		}
		f.Typed, f.Confirmed = "", false
	})
	if err != nil {
		return err
	}
	return p.to(w, r, v, next)
}

type sureData struct {
	shown
	Then string
}

// numberSure asks once about a number that is possible and in no plan we know.
func (p *Panel) numberSure(w http.ResponseWriter, r *http.Request, v *visit) error {
	n, err := p.parse(v.s.Form.Typed)
	if err != nil {
		return p.to(w, r, v, "number?check=1")
	}
	then := "next"
	if r.URL.Query().Get("then") == "another" {
		then = "another"
	}
	return p.show(w, r, v, http.StatusOK, &page{
		Screen: "sure", Title: v.T("sure.title"), Step: 1, Back: "number/sure?then=" + then,
		Data: sureData{shown: shown{Number: n.Display, Country: country(v, n)}, Then: then},
	})
}

// peoplePerPage is how many recipients fit a screen that does not scroll.
const peoplePerPage = 4

type peopleData struct {
	To    []shown
	Total int
	pager
}

// people lists every recipient.
func (p *Panel) people(w http.ResponseWriter, r *http.Request, v *visit) error {
	to := p.recipients(v)
	if len(to) == 0 {
		return p.to(w, r, v, "number")
	}
	pg, lo, hi := pageOf("people", r.URL.Query().Get("from"), len(to), peoplePerPage)
	return p.show(w, r, v, http.StatusOK, &page{
		Screen: "people", Title: v.T("people.title"), Step: 1, Back: pg.Here,
		Data: peopleData{To: to[lo:hi], Total: len(to), pager: pg},
	})
}

// pager leads through a list screen by screen. Prev and Next are paths, "" at
// the ends.
type pager struct {
	Here, Prev, Next string
	First, Last, Of  int
}

// pageOf cuts n entries into screens of size and returns the one that begins
// with entry from.
func pageOf(path, from string, n, size int) (pg pager, lo, hi int) {
	lo, err := strconv.Atoi(from)
	if err != nil || lo < 0 {
		lo = 0
	}
	lo = min(lo, max(0, n-1)) / size * size
	hi = min(lo+size, n)
	at := func(i int) string { return path + "?from=" + strconv.Itoa(i) }
	pg = pager{Here: at(lo), First: lo + 1, Last: hi, Of: n}
	if lo > 0 {
		pg.Prev = at(lo - size)
	}
	if hi < n {
		pg.Next = at(hi)
	}
	return pg, lo, hi
}
