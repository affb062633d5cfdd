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

const (
	ownListed  = 50 // of a person's faxes, over all devices
	resumeMost = 20 // faxes that go on at one sign-in
)

// faxStates are those of a fax that was promised.
var faxStates = [...]job.State{job.WaitingOwner, job.Captured, job.Ready, job.Closed, job.Failed, job.Cancelled}

// faxesOf returns the faxes this visit may see, newest first: a person's own of
// all devices, an unverified visit's own, else the last of the device.
func (p *Panel) faxesOf(ctx context.Context, v *visit) ([]*job.Job, error) {
	f := spool.Filter{States: faxStates[:], Newest: true}
	switch {
	case v.person():
		f.Owner = v.s.Person.ID
		jobs, _, err := p.opt.Spool.List(ctx, f, "", ownListed)
		return jobs, err
	case v.dev.personal():
		var jobs []*job.Job
		for _, id := range slices.Backward(v.s.Jobs) {
			j, err := p.opt.Spool.Get(ctx, id)
			if errors.Is(err, spool.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			jobs = append(jobs, j)
		}
		return jobs, nil
	}
	f.Device = v.dev.ID
	jobs, _, err := p.opt.Spool.List(ctx, f, "", listed)
	return jobs, err
}

// owns reports whether the job is the person's of this visit.
func (v *visit) owns(j *job.Job) bool {
	return v.person() && j.Owner.ID == v.s.Person.ID && slices.Contains(faxStates[:], j.State)
}

// seen returns a job that this visit may look at: the person's own, or sent in
// this visit, or found by its number, and those taken at this device. Every
// other one is ErrNotFound.
func (p *Panel) seen(ctx context.Context, v *visit, id job.ID) (*job.Job, error) {
	known := v.mine(id) || slices.Contains(v.s.Opened, id)
	if !known && !v.person() {
		return nil, spool.ErrNotFound
	}
	j, err := p.opt.Spool.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if !v.owns(j) && (!known || j.Device != v.dev.ID) {
		return nil, spool.ErrNotFound
	}
	return j, nil
}

// authority is that of the visit's person; nil where there is none.
func (p *Panel) authority(token string) signin.Authority {
	if p.opt.Authorities == nil {
		return nil
	}
	return p.opt.Authorities.Get(token)
}

// grants asks for the authority to send a job to those who have not got it yet.
func (p *Panel) grants(ctx context.Context, s signin.Session, a signin.Authority, j *job.Job) ([]job.Grant, error) {
	var services []string
	var to []job.Recipient
	for i := range j.Deliveries {
		d := &j.Deliveries[i]
		to = append(to, d.Recipient)
		for _, service := range d.Route {
			if !slices.Contains(services, service) {
				services = append(services, service)
			}
		}
	}
	return signin.Grants(ctx, s, a, services, p.terms(j.ID, j.Device, to, j))
}

// terms are what an authority is asked for.
func (p *Panel) terms(id job.ID, device string, to []job.Recipient, j *job.Job) signin.Terms {
	t := signin.Terms{Job: id, Device: device, Recipients: to, Until: p.opt.Clock().Add(p.opt.GrantFor)}
	if j != nil && j.NotBefore.After(p.opt.Clock()) {
		t.NotBefore, t.Until = j.NotBefore, j.NotBefore.Add(p.opt.GrantFor)
	}
	return t
}

// waitsForSignIn reports whether a part of j waits for its owner.
func waitsForSignIn(j *job.Job) bool {
	return slices.ContainsFunc(j.Deliveries, func(d job.Delivery) bool { return d.State == job.NeedsSignIn })
}

// resume gives new authority to the faxes that wait for this person's sign-in,
// and returns how many go on. One that cannot go on waits until the next time.
func (p *Panel) resume(ctx context.Context, s signin.Session, a signin.Authority) int {
	jobs, _, err := p.opt.Spool.List(ctx, spool.Filter{Owner: s.Person.ID, States: []job.State{job.Ready}}, "", 200)
	if err != nil {
		p.opt.Log.Error("look for faxes that wait for their owner", "err", err)
		return 0
	}
	n := 0
	for _, j := range jobs {
		if n >= resumeMost || !waitsForSignIn(j) {
			continue
		}
		if err := p.regrant(ctx, s, a, j); err != nil {
			p.opt.Log.Warn("fax still waits for its owner", "job", j.ID, "err", err)
			continue
		}
		n++
	}
	return n
}

func (p *Panel) regrant(ctx context.Context, s signin.Session, a signin.Authority, j *job.Job) error {
	grants, err := p.grants(ctx, s, a, j)
	if err != nil {
		return err
	}
	return p.opt.Spool.Regrant(ctx, j.ID, grants)
}

// refuse tells that the fax service gives no authority now. The pages stay.
func (p *Panel) refuse(w http.ResponseWriter, r *http.Request, v *visit, refused *signin.Refused) error {
	t := p.refusedText(v, refused)
	return p.show(w, r, v, http.StatusServiceUnavailable, &page{
		Screen: "refused", Title: t.Title, Data: refusedData{problemText: *t, Again: refused.Problem == signin.SignInAgain},
	})
}

type refusedData struct {
	problemText
	Again bool // signing in again helps
}
