package panel

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/number"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/spool"
)

const (
	listed       = 10 // jobs of the device that its panel lists
	faxesPerPage = 5
	linesPerPage = 3
)

// mask shows the end of a number.
func mask(e164 string) string { return number.Mask(e164) }

type faxRow struct {
	ID    job.ID // "" when this visit may not look closer
	Time  string
	To    string
	More  int
	Pages int
	line
}

type faxesData struct {
	Rows []faxRow
	Own  bool // of a person, not of the device
	pager
}

// faxes lists a person's own ones, or the last ones of this device with nothing
// that tells one person about another's.
func (p *Panel) faxes(w http.ResponseWriter, r *http.Request, v *visit) error {
	jobs, err := p.faxesOf(r.Context(), v)
	if err != nil {
		return err
	}
	pg, lo, hi := pageOf("faxes", r.URL.Query().Get("from"), len(jobs), faxesPerPage)
	d := faxesData{pager: pg, Own: v.dev.personal()}
	for _, j := range jobs[lo:hi] {
		row := faxRow{Time: p.clock(j.Accepted), Pages: len(j.Pages), More: len(j.Deliveries) - 1, line: p.summary(v, j)}
		if len(j.Deliveries) > 0 {
			row.To = mask(j.Deliveries[0].Recipient.Number)
		}
		if v.owns(j) || v.mine(j.ID) || slices.Contains(v.s.Opened, j.ID) {
			row.ID = j.ID
		}
		d.Rows = append(d.Rows, row)
	}
	return p.show(w, r, v, http.StatusOK, &page{Screen: "faxes", Title: v.T("faxes.title"), Back: pg.Here, Data: d})
}

// clock shows a time of today or of the coming hours by its hour, any other with
// its day.
func (p *Panel) clock(t time.Time) string {
	t, now := t.In(p.opt.Zone), p.opt.Clock().In(p.opt.Zone)
	soon := t.After(now) && t.Sub(now) < 12*time.Hour // needs no day, even past midnight
	if soon || t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04")
	}
	return t.Format("01-02 15:04")
}

type findData struct {
	Typed   string
	Problem string
	Keys    []string
}

// findKeys are the characters of a job number. Any other letter can be typed.
const findKeys = "34679CFHJKMNPRTWXY"

const maxJobNumber = 12

// findPage asks for a job number. What was typed travels in the address: it is
// no secret and belongs to no form.
func (p *Panel) findPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.dev.personal() { // everybody's own are listed, and nobody else's can be found
		return p.to(w, r, v, "faxes")
	}
	q := r.URL.Query()
	d := findData{Typed: jobNumber(q.Get("n")), Keys: strings.Split(findKeys, "")}
	switch q.Get("e") {
	case "none":
		d.Problem = v.T("find.none", d.Typed)
	case "wait":
		d.Problem = v.T("find.wait")
	}
	back := "find"
	if d.Typed != "" {
		back += "?n=" + strings.ToLower(d.Typed)
	}
	if d.Typed != "" && d.Problem != "" {
		back += "&e=" + q.Get("e")
	}
	return p.show(w, r, v, http.StatusOK, &page{Screen: "find", Title: v.T("find.title"), Back: back, Data: d})
}

// jobNumber keeps the letters and digits of what was typed.
func jobNumber(s string) string {
	s = strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' {
			return c
		}
		return -1
	}, strings.ToUpper(s))
	return s[:min(len(s), maxJobNumber)]
}

func (p *Panel) findPost(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.dev.personal() {
		return p.to(w, r, v, "faxes")
	}
	typed := jobNumber(r.PostForm.Get("n"))
	switch key := r.PostForm.Get("key"); {
	case key == "del" && typed != "":
		typed = typed[:len(typed)-1]
		return p.to(w, r, v, "find?n="+typed)
	case key != "":
		return p.to(w, r, v, "find?n="+jobNumber(typed+key))
	case typed == "":
		return p.to(w, r, v, "find")
	case !p.tries.may(v.dev.ID):
		return p.to(w, r, v, "find?e=wait&n="+typed)
	}
	jobs, _, err := p.opt.Spool.List(r.Context(), spool.Filter{Device: v.dev.ID, Number: typed, Newest: true}, "", 2)
	if err != nil {
		return err
	}
	jobs = slices.DeleteFunc(jobs, func(j *job.Job) bool { return j.State == job.Draft || j.State == job.Discarded })
	if len(jobs) == 0 {
		p.tries.wrong(v.dev.ID)
		return p.to(w, r, v, "find?e=none&n="+typed)
	}
	id := jobs[0].ID
	err = p.tap(r.Context(), v, func(s *signin.Session) {
		if !slices.Contains(s.Opened, id) {
			s.Opened = append(s.Opened, id)
		}
	})
	if err != nil {
		return err
	}
	return p.to(w, r, v, "fax/"+string(id))
}

type faxLine struct {
	Recipient int
	To        string
	Decide    bool
	line
}

type faxData struct {
	ID     job.ID
	Number string
	Pages  int
	Time   string
	Rows   []faxLine
	Cancel bool
	Retry  bool
	Erased bool // it failed and can no longer be sent again
	Why    string
	pager
}

// fax shows what became of one job.
func (p *Panel) fax(w http.ResponseWriter, r *http.Request, v *visit) error {
	j, err := p.seen(r.Context(), v, job.ID(r.PathValue("job")))
	if err != nil {
		return err
	}
	path := "fax/" + string(j.ID)
	pg, lo, hi := pageOf(path, r.URL.Query().Get("from"), len(j.Deliveries), linesPerPage)
	d := faxData{ID: j.ID, Number: j.Number, Pages: len(j.Pages), Time: p.clock(j.Accepted), pager: pg, Cancel: cancellable(j)}
	failed := slices.ContainsFunc(j.Deliveries, func(x job.Delivery) bool { return x.State == job.DeliveryFailed })
	more := failed && (j.State == job.Closed || j.State == job.Ready)
	d.Retry, d.Erased = more && j.Erased.IsZero(), more && !j.Erased.IsZero()
	for i := lo; i < hi; i++ {
		x := &j.Deliveries[i]
		l := faxLine{Recipient: i + 1, To: mask(x.Recipient.Number), line: p.line(v, j, i+1), Decide: x.State == job.NeedsDecision}
		if v.mine(j.ID) || v.owns(j) {
			l.To = p.read(v, x.Recipient.Number).Number
		}
		d.Rows = append(d.Rows, l)
	}
	out := &page{
		Screen: "fax", Title: v.T("fax.title", j.Number), Back: pg.Here, Watch: path, Rev: p.faxRev(v, j), Data: d,
	}
	if !j.State.Final() {
		out.Refresh, out.Next = 5, p.at(v, markRefresh(pg.Here))
	}
	return p.show(w, r, v, http.StatusOK, out)
}

// cancellable reports whether asking to cancel makes sense for a part of j.
func cancellable(j *job.Job) bool {
	if j.State != job.Captured && j.State != job.Ready {
		return false
	}
	return slices.ContainsFunc(j.Deliveries, func(x job.Delivery) bool {
		return !x.State.Final() && x.State != job.NeedsDecision && !x.Cancel
	})
}

// askCancel asks once.
func (p *Panel) askCancel(w http.ResponseWriter, r *http.Request, v *visit) error {
	j, err := p.seen(r.Context(), v, job.ID(r.PathValue("job")))
	if err != nil {
		return err
	}
	path := "fax/" + string(j.ID)
	if !cancellable(j) {
		return p.to(w, r, v, path)
	}
	return p.show(w, r, v, http.StatusOK, &page{
		Screen: "cancel", Title: v.T("cancel.title", j.Number), Back: path + "/cancel", Data: faxData{ID: j.ID, Number: j.Number},
	})
}

func (p *Panel) cancel(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.change(w, r, v, func(j *job.Job) error {
		return p.opt.Spool.Cancel(r.Context(), spool.Ref{Job: j.ID})
	})
}

// retry sends a failed one again, as a new try of the same job.
func (p *Panel) retry(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.change(w, r, v, func(j *job.Job) error {
		if v.owns(j) { // the old authority may have ended
			if err := p.regrant(r.Context(), v.s, p.authority(v.s.Token), j); err != nil {
				return err
			}
		}
		return p.opt.Spool.Retry(r.Context(), spool.Ref{Job: j.ID})
	})
}

type decideData struct {
	ID        job.ID
	Recipient int
	To        string
	Check     bool // the fax service can be asked again
}

// verdictCheck is no verdict: the fax service is asked once more.
const verdictCheck = "check"

// askDecide offers what a person can say about a fax nobody can be sure of.
func (p *Panel) askDecide(w http.ResponseWriter, r *http.Request, v *visit) error {
	j, err := p.seen(r.Context(), v, job.ID(r.PathValue("job")))
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(r.PathValue("recipient")) // 0 names no delivery
	x := j.Delivery(n)
	if x == nil || x.State != job.NeedsDecision {
		return p.to(w, r, v, "fax/"+string(j.ID))
	}
	d := decideData{ID: j.ID, Recipient: n, To: mask(x.Recipient.Number)}
	d.Check = p.opt.Searchable != nil && p.opt.Searchable(x.Service)
	return p.show(w, r, v, http.StatusOK, &page{
		Screen: "decide", Title: v.T("decide.title", j.Number), Back: fmt.Sprintf("fax/%s/decide/%d", j.ID, n), Data: d,
	})
}

func (p *Panel) decide(w http.ResponseWriter, r *http.Request, v *visit) error {
	n, _ := strconv.Atoi(r.PathValue("recipient"))
	return p.change(w, r, v, func(j *job.Job) error {
		verdict := spool.Verdict(r.PostForm.Get("verdict"))
		switch verdict {
		case verdictCheck:
			return p.opt.Spool.CheckNow(r.Context(), spool.Ref{Job: j.ID, Recipient: n})
		case spool.VerdictSent, spool.VerdictAgain, spool.VerdictUnknown:
		default:
			return errForm
		}
		if j.Delivery(n) == nil {
			return spool.ErrNotFound
		}
		return p.opt.Spool.Decide(r.Context(), spool.Ref{Job: j.ID, Recipient: n}, verdict, "panel "+v.dev.ID)
	})
}

// change does something to a job of this visit and shows it again. What can no
// longer be done, because the fax went on, is no failure: the page shows why.
func (p *Panel) change(w http.ResponseWriter, r *http.Request, v *visit, do func(*job.Job) error) error {
	j, err := p.seen(r.Context(), v, job.ID(r.PathValue("job")))
	if err != nil {
		return err
	}
	err = do(j)
	if refused, ok := errors.AsType[*signin.Refused](err); ok {
		return p.refuse(w, r, v, refused)
	}
	if err != nil && !errors.Is(err, job.ErrStep) && !errors.Is(err, spool.ErrConflict) && !errors.Is(err, spool.ErrErased) {
		return err
	}
	return p.to(w, r, v, "fax/"+string(j.ID))
}

const (
	maxTries  = 8
	triesTime = time.Minute
)

// tries slows down whoever guesses job numbers at a panel.
type tries struct {
	now func() time.Time

	mu    sync.Mutex
	count map[string]int
	since map[string]time.Time
}

func newTries(now func() time.Time) *tries {
	return &tries{now: now, count: make(map[string]int), since: make(map[string]time.Time)}
}

// may reports whether another look-up is answered at this device.
func (t *tries) may(device string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now().Sub(t.since[device]) > triesTime {
		t.count[device], t.since[device] = 0, t.now()
	}
	return t.count[device] < maxTries
}

// wrong counts a number that does not exist.
func (t *tries) wrong(device string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count[device]++
}
