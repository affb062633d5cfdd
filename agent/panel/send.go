package panel

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/spool"
)

// checkLines is how many recipients the last screen before Send shows.
const checkLines = 2

type checkData struct {
	Draft   job.ID
	To      []shown
	More    int
	Pages   int
	Paper   string
	Quality job.Resolution
}

// check shows everything once more.
func (p *Panel) check(w http.ResponseWriter, r *http.Request, v *visit) error {
	j, err := p.draft(r.Context(), v)
	if err != nil {
		return err
	}
	if len(v.s.Form.Recipients) == 0 {
		return p.to(w, r, v, "number")
	}
	if j == nil || len(j.Pages) == 0 || p.opt.Desk.State(j.ID).Running {
		return p.to(w, r, v, "scan")
	}
	to := p.recipients(v)
	d := checkData{Draft: j.ID, To: to, Pages: len(j.Pages), Paper: j.Options.Paper, Quality: j.Options.Resolution}
	if len(to) > checkLines {
		d.To, d.More = to[:checkLines], len(to)-checkLines
	}
	return p.show(w, r, v, http.StatusOK, &page{Screen: "check", Title: v.T("check.title"), Step: 3, Back: "check", Data: d})
}

// send gives the promise. The draft's id is in the form, so that a double tap
// is the same promise and a form of an earlier document promises nothing.
func (p *Panel) send(w http.ResponseWriter, r *http.Request, v *visit) error {
	id := job.ID(r.PostForm.Get("draft"))
	if id != "" && v.mine(id) {
		return p.to(w, r, v, "sent/"+string(id))
	}
	j, err := p.draft(r.Context(), v)
	if err != nil {
		return err
	}
	switch {
	case id == "" || id != v.s.Draft:
		return errForm
	case j != nil && p.opt.Desk.State(id).Running:
		return p.to(w, r, v, "scan")
	case len(v.s.Form.Recipients) == 0:
		return p.to(w, r, v, "number")
	}
	err = p.accept(r.Context(), v, id)
	if refused, ok := errors.AsType[*signin.Refused](err); ok {
		return p.refuse(w, r, v, refused)
	}
	switch {
	case err == nil:
		return p.to(w, r, v, "sent/"+string(id))
	case errors.Is(err, spool.ErrUnavailable):
		p.opt.Log.Error("accept", "job", id, "err", err)
		p.showUnsure(w, r, v, id)
		return nil
	case errors.Is(err, spool.ErrConflict), errors.Is(err, spool.ErrNotFound):
		p.showProblem(w, r, v, http.StatusConflict, problemGone)
		return nil
	}
	return err
}

// accept turns the draft into a job and starts the visit's form afresh.
func (p *Panel) accept(ctx context.Context, v *visit, id job.ID) error {
	// Whoever closes the page after tapping Send has sent.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTime)
	defer cancel()
	recipients := slices.Clone(v.s.Form.Recipients)
	grants, err := signin.Grants(ctx, v.s, p.authority(v.s.Token), v.dev.Route, p.terms(id, v.dev.ID, recipients, nil))
	if err != nil {
		return err
	}
	terms := spool.Terms{Recipients: recipients, Route: slices.Clone(v.dev.Route), Grants: grants}
	j, err := p.opt.Spool.Accept(ctx, id, terms)
	if errors.Is(err, spool.ErrUnavailable) {
		j, err = p.opt.Spool.Accept(ctx, id, terms) // the same promise, once more
	}
	if err != nil {
		return err
	}
	p.opt.Log.Info("fax accepted", "job", j.ID, "device", j.Device, "pages", len(j.Pages), "recipients", len(j.Deliveries))
	s, err := p.opt.Sessions.Update(ctx, v.s.Token, true, func(s *signin.Session) {
		if !slices.Contains(s.Jobs, id) {
			s.Jobs = append(s.Jobs, id)
		}
		if s.Draft == id {
			s.Draft, s.Form = "", signin.Form{Options: job.Options{Resolution: v.dev.Resolution, Paper: v.dev.Paper}}
		}
		s.Ends = p.opt.Clock().Add(p.opt.Done)
	})
	if errors.Is(err, signin.ErrNoSession) {
		return nil // it ended meanwhile; the promise stands
	}
	v.s = s
	return err
}

// showUnsure says that nobody knows yet whether the fax is stored, and offers
// the same tap again.
func (p *Panel) showUnsure(w http.ResponseWriter, r *http.Request, v *visit, id job.ID) {
	t := p.problem(v, problemUnsure, 1)
	t.Safe = v.T("problem.not-confirmed.safe")
	pg := &page{Screen: "unsure", Title: t.Title, Data: struct {
		problemText
		Draft job.ID
	}{t, id}}
	if err := p.show(w, r, v, http.StatusServiceUnavailable, pg); err != nil {
		p.opt.Log.Error("show a problem", "err", err)
	}
}

type sentData struct {
	ID     job.ID
	Number string
	Pages  int
	To     string
	More   int
	Left   int // seconds until the visit ends by itself; 0: it does not
}

// sent is the promise, told.
func (p *Panel) sent(w http.ResponseWriter, r *http.Request, v *visit) error {
	id := job.ID(r.PathValue("job"))
	if !v.mine(id) {
		return spool.ErrNotFound
	}
	j, err := p.seen(r.Context(), v, id)
	if err != nil {
		return err
	}
	d := sentData{ID: id, Number: j.Number, Pages: len(j.Pages), More: len(j.Deliveries) - 1}
	if len(j.Deliveries) > 0 {
		d.To = mask(j.Deliveries[0].Recipient.Number)
	}
	pg := &page{Screen: "sent", Title: v.T("sent.title"), Back: "sent/" + string(id), Data: &d}
	if !v.s.Ends.IsZero() {
		pg.Refresh = max(1, int(v.left.Seconds()+0.999))
		pg.Next = p.at(v, "?r=1")
		d.Left = pg.Refresh
	}
	return p.show(w, r, v, http.StatusOK, pg)
}
