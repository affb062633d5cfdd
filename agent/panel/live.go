package panel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/platen-fax/platen/agent/capture"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/protocols/panelmsg"
)

// scanRev names what the scan screen shows. While pages move it stays, and the
// open page counts by itself.
func scanRev(j *job.Job, st capture.State) string {
	if st.Running {
		return "moving"
	}
	n := 0
	if j != nil {
		n = len(j.Pages)
	}
	return fmt.Sprintf("still-%d-%s", n, scanProblem(st.Err))
}

// faxRev names what can be done with a job; its lines change without it.
func (p *Panel) faxRev(v *visit, j *job.Job) string {
	h := sha256.New()
	fmt.Fprint(h, j.State, cancellable(j), j.Erased.IsZero())
	for i := range j.Deliveries {
		fmt.Fprint(h, p.line(v, j, i+1).Tone, j.Deliveries[i].State == job.NeedsDecision, j.Deliveries[i].State.Final())
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// What an open page asks about besides "scan" and "fax/ID".
const (
	watchHome   = "home"   // the first screen of a device where people sign in
	watchSignIn = "signin" // the question asked now
	watchVisit  = "visit"  // only whether the visit goes on
)

// state is what an open page has to know now. watch is what it shows. The visit
// is asked for again, because the page may have been open for a while.
func (p *Panel) state(ctx context.Context, dev *Device, token, watch string) (panelmsg.State, error) {
	var out panelmsg.State
	if watch == watchHome && dev.personal() {
		if p.arrivals.waits(dev.ID) {
			out.Go = "/panel/" + dev.ID + "/?r=1"
		}
		if token == "" {
			return out, nil
		}
	}
	s, err := p.opt.Sessions.Get(ctx, token)
	if errors.Is(err, signin.ErrNoSession) {
		return panelmsg.State{Ended: true}, nil
	}
	if err != nil {
		return panelmsg.State{}, err
	}
	left, err := p.timeLeft(ctx, s)
	if err != nil {
		return panelmsg.State{}, err
	}
	if left <= 0 {
		return panelmsg.State{Ended: true}, p.end(ctx, s, "idle")
	}
	if err := p.awaitsPhone(ctx, s); err != nil {
		return panelmsg.State{}, err
	}
	v := &visit{dev: p.devices[s.Device], s: s, open: true, left: left, say: p.printer(s.Lang)}
	out.Left = int((left + time.Second - 1) / time.Second)
	if id, ok := strings.CutPrefix(watch, "fax/"); ok {
		j, err := p.seen(ctx, v, job.ID(id))
		if errors.Is(err, spool.ErrNotFound) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out.Rev = p.faxRev(v, j)
		for i := range j.Deliveries[:min(len(j.Deliveries), panelmsg.MaxLines)] {
			l := p.line(v, j, i+1)
			out.Lines = append(out.Lines, panelmsg.Line{Recipient: i + 1, Tone: l.Tone, Text: l.Text})
		}
		return out, nil
	}
	if watch == watchSignIn && p.opt.SignIn != nil {
		if view, ok := p.opt.SignIn.Look(token); ok {
			out.Rev = strconv.Itoa(view.Rev)
		}
	}
	if watch != "scan" {
		return out, nil
	}
	// In this order: a scan that has ended has stored its last page before.
	st := p.opt.Desk.State(s.Draft)
	j, err := p.draft(ctx, v)
	if err != nil {
		return out, err
	}
	out.Rev = scanRev(j, st)
	d := &panelmsg.Draft{Scanning: st.Running}
	d.Status, d.Stored = p.progress(v, j, st)
	if k := scanProblem(st.Err); k != "" && !st.Running {
		t := p.problem(v, k, 1)
		d.Error = &panelmsg.Error{Code: t.Code, Text: t.What}
	}
	if j != nil {
		d.Pages = len(j.Pages)
		for i := max(0, len(j.Pages)-panelmsg.MaxThumbs); i < len(j.Pages); i++ {
			t := p.thumb(v, j, i)
			d.Thumbs = append(d.Thumbs, panelmsg.Thumb{N: t.N, Src: t.Src})
		}
	}
	out.Draft = d
	return out, nil
}

// poll answers a page that has no WebSocket.
func (p *Panel) poll(w http.ResponseWriter, r *http.Request, v *visit) error {
	st := panelmsg.State{Ended: true}
	watch := r.URL.Query().Get("on")
	if v.open || watch == watchHome && v.dev.personal() {
		var err error
		if st, err = p.state(r.Context(), v.dev, v.s.Token, watch); err != nil {
			return err
		}
	}
	b, err := panelmsg.Encode(st)
	if err != nil {
		return err
	}
	// Embedded browsers do not list application/json.
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err = w.Write(b)
	if err != nil {
		p.opt.Log.Debug("answer a poll", "err", err)
	}
	return nil
}
