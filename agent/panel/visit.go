package panel

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/agent/text"
)

// maxVisits bounds the open visits of one device, whose one screen needs one.
const maxVisits = 32

// errVisits says that a device has too many of them.
var errVisits = errors.New("too many visits at this device")

// visit is one request of one person at one device.
type visit struct {
	dev   *Device
	s     signin.Session
	open  bool // a visit is open; otherwise s is empty
	left  time.Duration
	say   *text.Printer
	first string // cookie of a browser without a visit
}

// find returns the visit of a request. A request that a refresh made is no tap.
// A visit whose time is over is ended here.
func (p *Panel) find(r *http.Request, dev *Device) (*visit, error) {
	v := &visit{dev: dev, say: p.printer(""), first: cookie(r, cookieFirst)}
	token := cookie(r, cookieVisit)
	if token == "" {
		return v, nil
	}
	s, err := p.opt.Sessions.Get(r.Context(), token)
	if errors.Is(err, signin.ErrNoSession) || err == nil && s.Device != dev.ID {
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	v.left, err = p.timeLeft(r.Context(), s)
	if err != nil {
		return nil, err
	}
	if v.left <= 0 {
		return v, p.end(r.Context(), s, "idle")
	}
	v.s, v.open, v.say = s, true, p.printer(s.Lang)
	p.live.heard(s.Token, false)
	return v, p.awaitsPhone(r.Context(), s)
}

// tap notes that the person is still there.
func (p *Panel) tap(ctx context.Context, v *visit, fn func(*signin.Session)) error {
	s, err := p.opt.Sessions.Update(ctx, v.s.Token, true, func(s *signin.Session) {
		s.Ends = time.Time{}
		if fn != nil {
			fn(s)
		}
	})
	if err != nil {
		return err
	}
	if s.Draft != "" {
		// The draft may just have been accepted or erased: whoever needs it will see.
		if err := p.opt.Spool.Touch(ctx, s.Draft); err != nil && !errors.Is(err, spool.ErrNotFound) && !errors.Is(err, spool.ErrConflict) {
			return err
		}
	}
	v.s = s
	v.left, err = p.timeLeft(ctx, s)
	return err
}

// begin opens a visit for a browser that has none.
func (p *Panel) begin(w http.ResponseWriter, r *http.Request, v *visit) error {
	all, err := p.opt.Sessions.Idle(r.Context(), p.opt.Clock().Add(time.Hour))
	if err != nil {
		return err
	}
	n := 0
	for _, s := range all {
		if s.Device == v.dev.ID {
			n++
		}
	}
	if n >= maxVisits {
		return errVisits
	}
	s, err := p.opt.Sessions.Start(r.Context(), v.dev.ID, !v.dev.personal(), job.Person{})
	if err != nil {
		return err
	}
	setCookie(w, r, v.dev.ID, cookieVisit, s.Token)
	s, err = p.opt.Sessions.Update(r.Context(), s.Token, true, func(s *signin.Session) {
		s.Form.Options = job.Options{Resolution: v.dev.Resolution, Paper: v.dev.Paper}
	})
	v.s, v.open, v.left = s, true, p.opt.Idle
	return err
}

// timeLeft returns how long a visit lasts without another tap. While pages move
// it does not count.
func (p *Panel) timeLeft(ctx context.Context, s signin.Session) (time.Duration, error) {
	now := p.opt.Clock()
	if !s.Ends.IsZero() {
		return s.Ends.Sub(now), nil
	}
	if left, ok := p.phoneLeft(s); ok {
		return left, nil
	}
	last := s.Touched
	if s.Draft != "" {
		if p.opt.Desk.State(s.Draft).Running {
			return p.opt.Idle, nil
		}
		j, err := p.opt.Spool.Get(ctx, s.Draft)
		switch {
		case err == nil && j.State == job.Draft && j.Changed.After(last):
			last = j.Changed
		case err != nil && !errors.Is(err, spool.ErrNotFound):
			return 0, err
		}
	}
	return min(last.Add(p.opt.Idle).Sub(now), p.opt.Idle), nil
}

// end closes a visit. The draft of a person who signed in is kept as long as the
// spool says, with what was typed for it; any other one is erased.
func (p *Panel) end(ctx context.Context, s signin.Session, why string) error {
	// The order matters: with the session gone nobody can send the draft any more.
	if err := p.opt.Sessions.End(ctx, s.Token); err != nil {
		return err
	}
	p.live.endVisit(s.Token)
	if p.opt.SignIn != nil {
		p.opt.SignIn.Drop(s.Token)
	}
	// What takes time goes on behind: the next person is waiting.
	behind := context.WithoutCancel(ctx)
	if p.opt.Authorities != nil && s.Person.ID != "" {
		p.ending.Go(func() {
			if err := p.opt.Authorities.End(behind, s.Token); err != nil {
				p.opt.Log.Warn("give an authority back", "device", s.Device, "err", err)
			}
		})
	}
	switch {
	case s.Draft == "":
		return nil
	case s.Person.ID == "":
		return p.erase(ctx, s.Draft, why)
	}
	p.forms.put(s.Draft, s.Form)
	p.ending.Go(func() {
		ctx, cancel := context.WithTimeout(behind, requestTime)
		defer cancel()
		p.opt.Desk.Stop(ctx, s.Draft)
	})
	return nil
}

// erase discards a draft, if it still is one.
func (p *Panel) erase(ctx context.Context, draft job.ID, why string) error {
	p.opt.Desk.Stop(ctx, draft)
	err := p.opt.Spool.Discard(ctx, draft, why)
	if err == nil {
		p.opt.Log.Info("draft erased", "job", draft, "why", why)
	}
	if errors.Is(err, spool.ErrNotFound) || errors.Is(err, spool.ErrConflict) {
		return nil
	}
	return err
}

// sweep ends the visits whose time is over.
func (p *Panel) sweep(ctx context.Context) {
	old, err := p.opt.Sessions.Idle(ctx, p.opt.Clock().Add(-min(p.opt.Idle, p.opt.Done)))
	if err != nil {
		p.opt.Log.Error("look for idle visits", "err", err)
		return
	}
	for _, s := range old {
		if p.devices[s.Device] == nil {
			continue // not a visit at one of our devices
		}
		left, err := p.timeLeft(ctx, s)
		if err == nil && left <= 0 {
			err = p.end(ctx, s, "idle")
		}
		if err != nil {
			p.opt.Log.Error("end idle visit", "device", s.Device, "err", err)
		}
	}
}

// draft returns the visit's draft, or nil when there is none (any more).
func (p *Panel) draft(ctx context.Context, v *visit) (*job.Job, error) {
	if v.s.Draft == "" {
		return nil, nil
	}
	j, err := p.opt.Spool.Get(ctx, v.s.Draft)
	if errors.Is(err, spool.ErrNotFound) || err == nil && (j.State != job.Draft || j.Device != v.dev.ID) {
		return nil, nil
	}
	return j, err
}

// mine reports whether the job was sent in this visit.
func (v *visit) mine(id job.ID) bool { return slices.Contains(v.s.Jobs, id) }
