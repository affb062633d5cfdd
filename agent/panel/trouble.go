package panel

import (
	"context"
	"errors"
	"net/http"

	"github.com/platen-fax/platen/agent/capture"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/agent/text"
	"github.com/platen-fax/platen/devices"
)

// problem names a failure that people are told about. It is the key of its
// texts, and text knows its code.
type problem string

const (
	problemJam         problem = "jam"
	problemCover       problem = "cover-open"
	problemDouble      problem = "double-feed"
	problemEmpty       problem = "feeder-empty"
	problemBusy        problem = "busy"
	problemUnreachable problem = "unreachable"
	problemAccess      problem = "access"
	problemCancelled   problem = "cancelled-at-device"
	problemPage        problem = "page-damaged"
	problemUnsupported problem = "unsupported"
	problemStopped     problem = "stopped"
	problemDevice      problem = "device" // it failed without a reason we know

	problemFull    problem = "spool-full"
	problemAgent   problem = "agent"
	problemClosing problem = "agent-stopping"
	problemUnsure  problem = "not-confirmed" // nobody knows yet whether Send was stored
	problemGone    problem = "draft-gone"
	problemForm    problem = "old-page"
	problemVisits  problem = "too-many-visits"
	problemNoFax   problem = "no-such-fax"
	problemPlain   problem = "signin-plain"
)

// known says whether there are texts for it; an address can say anything.
func (k problem) known() bool { return text.Code(string(k)) != "" }

// scanProblem says in our words why a scan stopped; "" when it did not, or when
// the person stopped it.
func scanProblem(err error) problem {
	if err == nil {
		return ""
	}
	for _, m := range []struct {
		err error
		k   problem
	}{
		{context.Canceled, ""},
		{spool.ErrFull, problemFull},
		{devices.ErrJam, problemJam},
		{devices.ErrCoverOpen, problemCover},
		{devices.ErrDoubleFeed, problemDouble},
		{devices.ErrFeederEmpty, problemEmpty},
		{devices.ErrBusy, problemBusy},
		{devices.ErrUnreachable, problemUnreachable},
		{devices.ErrAccess, problemAccess},
		{devices.ErrCancelledAtDevice, problemCancelled},
		{devices.ErrPage, problemPage},
		{devices.ErrUnsupported, problemUnsupported},
		{devices.ErrStopped, problemStopped},
		{capture.ErrClosing, problemClosing},
	} {
		if errors.Is(err, m.err) {
			return m.k
		}
	}
	return problemDevice
}

// problemText is what the person reads: what failed, whether the fax is safe,
// what to do now, and the code for IT.
type problemText struct {
	Key                   problem
	Title, What, Do, Code string
	Safe                  string // set by the page, which knows what is stored
}

// problem returns the texts; page is the number of the page it happened at.
func (p *Panel) problem(v *visit, k problem, page int) problemText {
	key := "problem." + string(k)
	t := problemText{Key: k, Title: v.T(key + ".title"), What: v.T(key+".what", page), Do: v.T(key+".do", page), Code: text.Code(string(k))}
	switch kept := page - 1; {
	case kept == 1:
		t.Safe = v.T("trouble.kept.one")
	case kept > 1:
		t.Safe = v.T("trouble.kept.many", kept)
	default:
		t.Safe = v.T("trouble.kept.none")
	}
	return t
}

type problemData struct {
	problemText
	Retry string // where the button leads, "" the first screen
}

// showProblem answers with a whole page about a failure outside the scan.
func (p *Panel) showProblem(w http.ResponseWriter, r *http.Request, v *visit, status int, k problem) {
	t := p.problem(v, k, 1)
	t.Safe = v.T("problem." + string(k) + ".safe")
	pg := &page{Screen: "problem", Title: t.Title, Data: problemData{problemText: t}}
	if err := p.show(w, r, v, status, pg); err != nil {
		p.opt.Log.Error("show a problem", "err", err)
		http.Error(w, t.What, status)
	}
}
