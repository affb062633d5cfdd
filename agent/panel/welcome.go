package panel

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/spool"
)

// welcome turns a sign-in that is done into a visit of that person. The visit is
// a new one with fresh tokens: whoever knew the old ones knows nothing of it.
func (p *Panel) welcome(w http.ResponseWriter, r *http.Request, v *visit, view signin.View) error {
	id, err := p.opt.SignIn.Take(v.s.Token)
	if errors.Is(err, signin.ErrNoSignIn) {
		return p.to(w, r, v, "signin")
	}
	if err != nil {
		return err
	}
	// The identity is taken: a page that is closed meanwhile must not leave half.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), requestTime)
	defer cancel()
	old := v.s
	unverified := id.Person.ID == ""
	s, err := p.opt.Sessions.Start(ctx, v.dev.ID, unverified, id.Person)
	if err == nil {
		s, err = p.opt.Sessions.Update(ctx, s.Token, true, func(s *signin.Session) {
			s.Lang, s.Sharp, s.Way = old.Lang, old.Sharp, id.Way
			s.Form.Options = job.Options{Resolution: v.dev.Resolution, Paper: v.dev.Paper}
			if unverified {
				s.Claimed = id.Claimed
			}
		})
	}
	if err != nil {
		if id.Authority != nil {
			err = errors.Join(err, id.Authority.End(ctx))
		}
		return err
	}
	switch {
	case p.opt.Authorities != nil:
		p.opt.Authorities.Put(s.Token, id.Authority)
	case id.Authority != nil: // nobody would ever use or end it
		if err := id.Authority.End(ctx); err != nil {
			p.opt.Log.Warn("give an authority back", "err", err)
		}
	}
	if !unverified { // that was logged with its reason
		p.opt.Log.Info("signed in", "device", v.dev.ID, "way", id.Way)
	}
	p.rememberDomain(v.dev.ID, id)
	resumed := 0
	if !unverified {
		resumed = p.resume(ctx, s, id.Authority)
	}
	p.live.endVisit(old.Token)
	if err := p.end(ctx, old, "signed in"); err != nil {
		return err
	}
	setCookie(w, r, v.dev.ID, cookieVisit, s.Token)
	if unverified {
		return p.to(w, r, v, "number")
	}
	q := url.Values{}
	if resumed > 0 {
		q.Set("n", strconv.Itoa(resumed))
	}
	if view.Problem != nil { // the person is in, but the badge could not be linked
		q.Set("e", string(view.Problem.Problem))
	}
	if len(q) > 0 {
		return p.to(w, r, v, "hello?"+q.Encode())
	}
	return p.to(w, r, v, "hello")
}

// rememberDomain keeps the domain of the last person who typed an address at a
// device, never the person.
func (p *Panel) rememberDomain(device string, id signin.Identity) {
	_, domain, ok := strings.Cut(id.Person.Email, "@")
	if !ok || len(domain) > 40 || id.Way == signin.WayBadge || id.Way == signin.WayLaunch {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.domains[device] = domain
}

func (p *Panel) lastDomain(device string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.domains[device]
}

type helloData struct {
	Name, Mail string
	Resumed    int
	Wrong      string // what did not work beside
	Waiting    int    // pages of a draft left before
}

// hello is the first screen of somebody who signed in: a wrong mapping is seen
// before paper is scanned.
func (p *Panel) hello(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !v.person() {
		return p.to(w, r, v, "")
	}
	d := helloData{Name: v.s.Person.Name, Mail: maskEmail(v.s.Person.Email)}
	if d.Name == "" {
		d.Name, d.Mail = d.Mail, ""
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("n")); err == nil && n > 0 && n <= resumeMost {
		d.Resumed = n
	}
	if k := problem("signin-" + r.URL.Query().Get("e")); k.known() {
		d.Wrong = v.T("problem." + string(k) + ".what")
	}
	j, err := p.waiting(r.Context(), v)
	if err != nil {
		return err
	}
	if j != nil {
		d.Waiting = len(j.Pages)
	}
	return p.show(w, r, v, http.StatusOK, &page{Screen: "hello", Title: v.T("home.title"), Back: "hello", Data: d})
}

// helloPost goes on with the pages that waited, or erases them.
func (p *Panel) helloPost(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !v.person() {
		return p.to(w, r, v, "")
	}
	j, err := p.waiting(r.Context(), v)
	if err != nil {
		return err
	}
	if j == nil {
		return p.to(w, r, v, "")
	}
	if r.PostForm.Get("do") != "on" {
		if !same(r.PostForm.Get("discard"), string(j.ID)) {
			return p.show(w, r, v, http.StatusOK, &page{
				Screen: "discard", Title: v.T("leave.title"), Back: "hello", Data: discardData{ID: j.ID, Pages: len(j.Pages)},
			})
		}
		p.forms.drop(j.ID)
		if err := p.erase(r.Context(), j.ID, "person"); err != nil {
			return err
		}
		return p.to(w, r, v, "hello")
	}
	form, ok := p.forms.take(j.ID)
	if !ok {
		form = signin.Form{Options: j.Options}
	}
	if err := p.tap(r.Context(), v, func(s *signin.Session) { s.Draft, s.Form = j.ID, form }); err != nil {
		return err
	}
	return p.to(w, r, v, "scan?view=pages")
}

type discardData struct {
	ID    job.ID
	Pages int
}

// waiting returns the draft with pages that this person left at this device, the
// newest, or nil.
func (p *Panel) waiting(ctx context.Context, v *visit) (*job.Job, error) {
	f := spool.Filter{Device: v.dev.ID, Owner: v.s.Person.ID, States: []job.State{job.Draft}, Newest: true}
	jobs, _, err := p.opt.Spool.List(ctx, f, "", 20)
	if err != nil {
		return nil, err
	}
	for _, j := range jobs {
		if len(j.Pages) > 0 && j.ID != v.s.Draft {
			return j, nil
		}
	}
	return nil, nil
}

// draftKept is how long the spool keeps the draft of somebody who signed in.
func draftKept() time.Duration { return job.DefaultLimits().DraftKeep }
