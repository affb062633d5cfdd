package panel

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
)

const (
	// arrivalKeep is how long a badge waits for the panel's page to take it.
	arrivalKeep = 20 * time.Second
	// goneAfter is how long a visit outlives its last WebSocket without any
	// request: the device was switched off.
	goneAfter = 10 * time.Second
	// eventTime bounds the work for one event.
	eventTime = 20 * time.Second
)

// arrivals are badges held to the readers that no page has taken yet, one a
// device.
type arrivals struct {
	now func() time.Time

	mu  sync.Mutex
	all map[string]arrival
}

type arrival struct {
	tap *signin.Tap
	at  time.Time
}

func newArrivals(now func() time.Time) *arrivals {
	return &arrivals{now: now, all: make(map[string]arrival)}
}

func (a *arrivals) put(device string, tap *signin.Tap) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all[device] = arrival{tap, a.now()}
}

// take returns the badge that waits, once.
func (a *arrivals) take(device string) *signin.Tap {
	a.mu.Lock()
	defer a.mu.Unlock()
	x, ok := a.all[device]
	delete(a.all, device)
	if !ok || a.now().Sub(x.at) > arrivalKeep {
		return nil
	}
	return x.tap
}

// waits reports whether one does.
func (a *arrivals) waits(device string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	x, ok := a.all[device]
	return ok && a.now().Sub(x.at) <= arrivalKeep
}

// takeArrival begins the sign-in of a badge that waits for this device's page;
// done says that it answered the request.
func (p *Panel) takeArrival(w http.ResponseWriter, r *http.Request, v *visit) (done bool, err error) {
	// No foreign page may make a browser take it.
	if !v.dev.personal() || v.person() || !sameOrigin(r, false) {
		return false, nil
	}
	tap := p.arrivals.take(v.dev.ID)
	if tap == nil {
		return false, nil
	}
	return true, p.enter(w, r, v, func(sv *signin.Visit) { sv.Tap = tap })
}

// enter begins a sign-in that starts with more than a page.
func (p *Panel) enter(w http.ResponseWriter, r *http.Request, v *visit, with func(*signin.Visit)) error {
	if !v.open || v.s.Shared {
		if err := p.begin(w, r, v); err != nil {
			return err
		}
	}
	sv := p.signinVisit(r, v)
	with(&sv)
	view, err := p.opt.SignIn.Begin(r.Context(), sv)
	if err != nil {
		return err
	}
	if view.Stage == signin.StageDone {
		return p.welcome(w, r, v, view)
	}
	return p.to(w, r, v, "signin")
}

// launch signs in the person whom the device vouches for. Whoever was at the
// panel leaves: the device has one screen.
func (p *Panel) launch(w http.ResponseWriter, r *http.Request, v *visit) error {
	if p.opt.Launch == nil || !v.dev.personal() {
		http.NotFound(w, r)
		return nil
	}
	person, err := p.opt.Launch(r.Context(), v.dev.ID, r.URL.Query().Get("t"))
	if err != nil {
		p.opt.Log.Warn("launch refused", "device", v.dev.ID, "err", err)
		refused, ok := errors.AsType[*signin.Refused](err)
		if !ok {
			refused = &signin.Refused{Problem: signin.Broken}
		}
		return p.refuse(w, r, v, refused)
	}
	if _, err := p.endVisits(r.Context(), "launch", func(s signin.Session) bool { return s.Device == v.dev.ID }); err != nil {
		return err
	}
	v.open, v.s = false, signin.Session{}
	return p.enter(w, r, v, func(sv *signin.Visit) { sv.Launch = &person })
}

// endVisits ends the visits that are meant and returns them.
func (p *Panel) endVisits(ctx context.Context, why string, meant func(signin.Session) bool) ([]signin.Session, error) {
	all, err := p.opt.Sessions.Idle(ctx, p.opt.Clock().Add(time.Hour))
	if err != nil {
		return nil, err
	}
	var ended []signin.Session
	var errs []error
	for _, s := range all {
		if p.devices[s.Device] == nil || !meant(s) {
			continue
		}
		errs = append(errs, p.end(ctx, s, why))
		ended = append(ended, s)
	}
	return ended, errors.Join(errs...)
}

// event does what happened outside to the visits.
func (p *Panel) event(ctx context.Context, ev signin.Event) {
	ctx, cancel := context.WithTimeout(ctx, eventTime)
	defer cancel()
	here := func(device string) bool { return ev.Device == "" || ev.Device == device }
	var err error
	if ev.Person != "" {
		_, err = p.endVisits(ctx, "deactivated", func(s signin.Session) bool { return s.Person.ID == ev.Person })
	}
	if ev.Power {
		for id := range p.devices {
			if here(id) {
				p.arrivals.take(id)
			}
		}
		_, more := p.endVisits(ctx, "power", func(s signin.Session) bool { return here(s.Device) })
		err = errors.Join(err, more)
	}
	if d := p.devices[ev.Device]; ev.Tap != nil && d != nil && d.personal() {
		err = errors.Join(err, p.tapped(ctx, d, ev.Tap))
	}
	if err != nil {
		p.opt.Log.Error("end visits", "device", ev.Device, "err", err)
	}
}

// tapped ends whoever is at the device; the badge of somebody else then waits
// for the page.
func (p *Panel) tapped(ctx context.Context, d *Device, tap *signin.Tap) error {
	p.arrivals.take(d.ID)
	ended, err := p.endVisits(ctx, "badge", func(s signin.Session) bool { return s.Device == d.ID })
	for _, s := range ended {
		if tap.Refused == nil && s.Person.ID != "" && s.Person.ID == tap.Person.ID {
			return err // just signing out
		}
	}
	p.arrivals.put(d.ID, tap)
	return err
}

// sweepGone ends the visits of people whose device was switched off.
func (p *Panel) sweepGone(ctx context.Context) {
	for _, token := range p.live.goneFor(goneAfter) {
		s, err := p.opt.Sessions.Get(ctx, token)
		if err != nil || s.Person.ID == "" || p.devices[s.Device] == nil {
			continue
		}
		if s.Draft != job.ID("") && p.opt.Desk.State(s.Draft).Running {
			p.live.heard(token, true) // pages move: somebody is there
			continue
		}
		if err := p.end(ctx, s, "gone"); err != nil {
			p.opt.Log.Error("end visit of a device that is gone", "device", s.Device, "err", err)
		}
	}
}
