package panel

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/platen-fax/platen/agent/capture"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/devices"
)

// thumbsPerPage is how many pages fit a strip that does not scroll.
const thumbsPerPage = 5

// thumb is one page in the strip.
type thumb struct {
	N         int
	Part, Src string
}

type scanData struct {
	Pages   int
	Thumbs  []thumb
	Source  string
	Duplex  bool
	Quality job.Resolution
	Sources []devices.Source
	Sides   bool // the feeder scans both sides
	Busy    bool // the device said so just now
	Status  string
	Stored  string
	Problem problemText
	Idle    int
	Kept    bool // pages wait for whoever walks away
	Ready   bool // at least one page, and recipients
	pager
}

// SendOnly says that going on would fail again.
func (d scanData) SendOnly() bool { return d.Pages > 0 && d.Problem.Key == problemFull }

// NextSource and the like are what a tap on the compact button chooses.
func (d scanData) NextSource() string {
	all := append([]devices.Source{devices.Auto}, d.Sources...)
	for i, s := range all {
		if string(s) == d.Source {
			return string(all[(i+1)%len(all)])
		}
	}
	return ""
}

// NextQuality follows NextSource.
func (d scanData) NextQuality() string {
	switch d.Quality {
	case job.Standard:
		return string(job.Fine)
	case job.Fine:
		return string(job.Superfine)
	}
	return string(job.Standard)
}

// scanPage shows whatever the scan is at: what to choose, the counter, why it
// stopped, or the pages.
func (p *Panel) scanPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	if len(v.s.Form.Recipients) == 0 {
		return p.to(w, r, v, "number")
	}
	// In this order: a scan that has ended has stored its last page before.
	st := p.opt.Desk.State(v.s.Draft)
	j, err := p.draft(r.Context(), v)
	if err != nil {
		return err
	}
	d := p.scanData(v, j, r.URL.Query().Get("from"))
	pg := &page{Screen: "scan", Title: v.T("scan.title"), Step: 2, Back: "scan", Watch: "scan", Rev: scanRev(j, st), Data: &d}
	trouble := problem(r.URL.Query().Get("e"))
	if trouble == "" && r.URL.Query().Get("view") == "" {
		trouble = scanProblem(st.Err)
	}
	switch {
	case st.Running:
		pg.Screen, pg.Title = "scanning", v.T("scanning.title")
		pg.Refresh, pg.Next = 2, pg.Base+markRefresh("scan")
		d.Status, d.Stored = p.progress(v, j, st)
	case trouble.known():
		pg.Screen, pg.Watch = "trouble", ""
		d.Problem = p.problem(v, trouble, d.Pages+1)
		pg.Title = d.Problem.Title
		pg.Back += "?e=" + url.QueryEscape(string(trouble))
	case d.Pages > 0:
		pg.Screen, pg.Back = "pages", d.Here
		d.Stored = count(v.say, "kept", d.Pages)
		if previewsDue(j, p.opt.Clock()) {
			pg.Refresh, pg.Next = 3, markRefresh(d.Here)
		}
	default:
		p.ask(r.Context(), v, &d)
	}
	if pg.Next != "" && !strings.HasPrefix(pg.Next, "/") {
		pg.Next = p.at(v, pg.Next)
	}
	return p.show(w, r, v, http.StatusOK, pg)
}

func (p *Panel) scanData(v *visit, j *job.Job, from string) scanData {
	f := v.s.Form
	d := scanData{
		Source: f.Source, Duplex: f.Duplex, Quality: f.Options.Resolution,
		Sources: []devices.Source{devices.Feeder, devices.Platen}, Sides: true, Idle: int(p.opt.Idle / time.Second),
		Kept: v.person(),
	}
	if info, ok := p.known(v.dev.ID); ok && len(info.Sources) > 0 {
		d.Sources, d.Sides = info.Sources, info.Duplex
	}
	if j == nil {
		return d
	}
	d.Pages = len(j.Pages)
	d.Ready = d.Pages > 0
	if from == "" {
		from = strconv.Itoa(d.Pages) // the newest
	}
	pg, lo, hi := pageOf("scan", from, d.Pages, thumbsPerPage)
	pg.Here += "&view=pages"
	d.pager = pg
	for i := lo; i < hi; i++ {
		d.Thumbs = append(d.Thumbs, p.thumb(v, j, i))
	}
	return d
}

func (p *Panel) thumb(v *visit, j *job.Job, i int) thumb {
	t := thumb{N: i + 1, Part: strings.TrimPrefix(j.Pages[i].Part, "page/")}
	if j.Pages[i].Preview != "" {
		t.Src = p.at(v, "preview/"+string(j.ID)+"/"+t.Part)
	}
	return t
}

// previewsDue reports whether pictures of fresh pages are still to come.
func previewsDue(j *job.Job, now time.Time) bool {
	for _, pg := range j.Pages {
		if !pg.Converted && now.Sub(pg.StoredAt) < 30*time.Second {
			return true
		}
	}
	return false
}

// progress is what a waiting person reads.
func (p *Panel) progress(v *visit, j *job.Job, st capture.State) (status, stored string) {
	n := 0
	if j != nil {
		n = len(j.Pages)
	}
	if st.Running {
		status = v.T("scanning.page", n+1)
	}
	return status, count(v.say, "kept", n)
}

// scanPost chooses, starts and stops.
func (p *Panel) scanPost(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx := r.Context()
	switch r.PostForm.Get("do") {
	case "start":
		return p.start(w, r, v)
	case "stop":
		p.opt.Desk.Stop(ctx, v.s.Draft)
		return p.to(w, r, v, "scan?view=pages")
	}
	err := p.tap(ctx, v, func(s *signin.Session) {
		if r.PostForm.Has("source") {
			switch src := r.PostForm.Get("source"); devices.Source(src) {
			case devices.Auto, devices.Feeder, devices.Platen:
				s.Form.Source = src
			}
			// The glass has one side.
			s.Form.Duplex = s.Form.Duplex && s.Form.Source != string(devices.Platen)
		}
		if r.PostForm.Has("duplex") {
			s.Form.Duplex = r.PostForm.Get("duplex") == "on"
			if s.Form.Duplex && s.Form.Source == string(devices.Platen) {
				s.Form.Source = string(devices.Auto)
			}
		}
		switch q := job.Resolution(r.PostForm.Get("quality")); q {
		case job.Standard, job.Fine, job.Superfine:
			s.Form.Options.Resolution = q
		}
	})
	if err != nil {
		return err
	}
	j, err := p.draft(ctx, v)
	if err != nil {
		return err
	}
	if j != nil && j.Options != v.s.Form.Options {
		if err := p.opt.Spool.SetOptions(ctx, j.ID, v.s.Form.Options); err != nil {
			return err
		}
	}
	if j != nil && len(j.Pages) > 0 {
		return p.to(w, r, v, "scan?view=pages")
	}
	return p.to(w, r, v, "scan")
}

// start scans into the draft of the visit, which begins here.
func (p *Panel) start(w http.ResponseWriter, r *http.Request, v *visit) error {
	if len(v.s.Form.Recipients) == 0 {
		return p.to(w, r, v, "number")
	}
	full, err := p.full(r.Context())
	if err != nil {
		return err
	}
	if full {
		return p.to(w, r, v, "scan?e="+string(problemFull))
	}
	id, err := p.openDraft(r.Context(), v)
	if errors.Is(err, spool.ErrFull) {
		return p.to(w, r, v, "scan?e="+string(problemFull))
	}
	if err != nil {
		return err
	}
	f := v.s.Form
	settings := devices.Settings{Source: devices.Source(f.Source), Duplex: f.Duplex, Paper: f.Options.Paper}
	if f.Options.Resolution == job.Superfine {
		settings.DPI = 400
	}
	err = p.opt.Desk.Start(r.Context(), v.dev.ID, id, settings)
	switch {
	case err == nil:
		return p.to(w, r, v, "scan")
	case errors.Is(err, capture.ErrBusy):
		return p.to(w, r, v, "scan?e="+string(problemBusy))
	case errors.Is(err, capture.ErrClosing):
		return p.to(w, r, v, "scan?e="+string(problemClosing))
	}
	return err
}

// openDraft returns the visit's draft, made now when there is none.
func (p *Panel) openDraft(ctx context.Context, v *visit) (job.ID, error) {
	j, err := p.draft(ctx, v)
	if err != nil {
		return "", err
	}
	if j != nil {
		return j.ID, nil
	}
	u, err := uuid.NewV7()
	if err != nil {
		return "", err
	}
	old := v.s.Draft
	s, err := p.opt.Sessions.Update(ctx, v.s.Token, true, func(s *signin.Session) {
		if s.Draft == old { // else a second tap was quicker, and its draft is ours
			s.Draft = job.ID(u.String())
		}
	})
	if err != nil {
		return "", err
	}
	v.s = s
	_, err = p.opt.Spool.Draft(ctx, &job.Job{
		ID: s.Draft, Device: v.dev.ID, Shared: !v.person(), Owner: s.Person, Claimed: s.Claimed,
		Options: s.Form.Options, Created: p.opt.Clock(),
	})
	return s.Draft, err
}

type onePageData struct {
	thumb
	Of int
}

// onePage shows one page larger.
func (p *Panel) onePage(w http.ResponseWriter, r *http.Request, v *visit) error {
	j, err := p.draft(r.Context(), v)
	if err != nil {
		return err
	}
	if j != nil {
		for i := range j.Pages {
			if t := p.thumb(v, j, i); t.Part == r.PathValue("part") {
				return p.show(w, r, v, http.StatusOK, &page{
					Screen: "page", Title: v.T("page.title", t.N, len(j.Pages)), Step: 2, Back: "page/" + t.Part,
					Data: onePageData{thumb: t, Of: len(j.Pages)},
				})
			}
		}
	}
	return p.to(w, r, v, "scan?view=pages")
}

// dropPage takes a page out of the draft.
func (p *Panel) dropPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	j, err := p.draft(r.Context(), v)
	if err != nil {
		return err
	}
	if j != nil && !p.opt.Desk.State(j.ID).Running {
		err := p.opt.Spool.Drop(r.Context(), j.ID, "page/"+r.PathValue("part"))
		if err != nil && !errors.Is(err, spool.ErrNotFound) { // a double tap finds it gone
			return err
		}
	}
	return p.to(w, r, v, "scan?view=pages")
}

// preview sends the small picture of a page of this visit's draft.
func (p *Panel) preview(w http.ResponseWriter, r *http.Request, v *visit) error {
	j, err := p.draft(r.Context(), v)
	if err != nil {
		return err
	}
	if j == nil || string(j.ID) != r.PathValue("draft") {
		return spool.ErrNotFound
	}
	for _, pg := range j.Pages {
		if pg.Part != "page/"+r.PathValue("part") || pg.Preview == "" {
			continue
		}
		f, size, err := p.opt.Spool.OpenPart(r.Context(), j.ID, pg.Preview)
		if err != nil {
			return err
		}
		defer f.Close()
		w.Header().Set("Content-Type", "image/jpeg")
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		_, err = io.Copy(w, f)
		if err != nil {
			p.opt.Log.Debug("send preview", "job", j.ID, "err", err)
		}
		return nil
	}
	return spool.ErrNotFound
}

// probe is what a device said when it was last asked.
type probe struct {
	at   time.Time
	info devices.Info
	err  error
}

const (
	probeKeep = 15 * time.Second
	probeTime = 2 * time.Second
)

// known returns what a device can do, if it was asked before.
func (p *Panel) known(device string) (devices.Info, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pr, ok := p.probes[device]
	return pr.info, ok && pr.err == nil
}

// ask looks how the device is before the first page. What cannot be learnt in
// a moment is learnt from the scan.
func (p *Panel) ask(ctx context.Context, v *visit, d *scanData) {
	p.mu.Lock()
	pr, ok := p.probes[v.dev.ID]
	p.mu.Unlock()
	if now := p.opt.Clock(); !ok || now.Sub(pr.at) > probeKeep {
		ctx, cancel := context.WithTimeout(ctx, probeTime)
		defer cancel()
		info, err := p.opt.Desk.Probe(ctx, v.dev.ID)
		if pr.err = err; err == nil {
			pr.info = info
		}
		pr.at = now
		p.mu.Lock()
		p.probes[v.dev.ID] = pr
		p.mu.Unlock()
	}
	d.Busy = p.opt.Spool.Holder(ctx, "device/"+v.dev.ID) != ""
	if pr.err == nil {
		d.Busy = d.Busy || pr.info.Condition == devices.Busy
		if len(pr.info.Sources) > 0 {
			d.Sources, d.Sides = pr.info.Sources, pr.info.Duplex
		}
	}
}
