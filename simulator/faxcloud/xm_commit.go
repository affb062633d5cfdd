package faxcloud

import (
	"net/http"
	"slices"
	"strings"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// commit answers the one request that makes a fax. The ledger entry is made
// before anything is answered; the same fax again answers the same.
func (x *XM) commit(w http.ResponseWriter, r *http.Request, k xmCall) {
	if r.ContentLength > xmcloud.MaxCommit {
		x.refuse(w, r, xmcloud.Error{Status: http.StatusRequestEntityTooLarge, Code: xmcloud.TooLarge})
		return
	}
	req, err := xmcloud.ParseJSON[xmcloud.CommitRequest](r.Body, xmcloud.MaxCommit)
	if err != nil || r.Header.Get("Content-Type") != "application/json" || r.URL.RawQuery != "" {
		x.refuse(w, r, xmcloud.Error{Status: http.StatusBadRequest, Code: xmcloud.BadRequest})
		return
	}
	if x.strike(k, Body, w, r) {
		return
	}
	f, e := x.enter(k, r.PathValue("id"), req)
	if e != nil {
		x.refuse(w, r, *e)
		return
	}
	if x.strike(k, Effect, w, r) {
		return
	}
	x.answer(w, http.StatusOK, xmcloud.FaxAnswer{Result: true, Fax: f})
}

func (x *XM) enter(k xmCall, id string, req xmcloud.CommitRequest) (xmcloud.Fax, *xmcloud.Error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f := x.mine(k, id)
	if f == nil {
		return xmcloud.Fax{}, refused(http.StatusNotFound, xmcloud.NotFound)
	}
	want := xmcloud.CommitRequest{
		Reference: f.req.Reference, To: f.req.To, SHA256: f.req.Document.SHA256, Size: f.req.Document.Size,
	}
	switch {
	case req != want:
		return xmcloud.Fax{}, refused(http.StatusUnprocessableEntity, xmcloud.ReferenceConflict)
	case f.committed != nil:
		return x.shown(f), nil
	case f.doc == nil || f.offset != want.Size:
		e := refused(http.StatusUnprocessableEntity, xmcloud.Incomplete)
		e.Offset = f.offset
		return xmcloud.Fax{}, e
	}
	// The person may have been disabled, or the ticket run out, since the fax was
	// announced.
	u, t, e := x.authority(k, f.req, f)
	if e != nil {
		return xmcloud.Fax{}, e
	}
	f.owner, f.ticket = u, t
	n := &fax{
		service: XMCloud, id: f.id, historyID: f.id, user: f.account.ID, from: f.req.From, to: f.req.To,
		reference: f.req.Reference, when: x.c.now(), doc: f.doc, uploaded: f.offered,
	}
	if u != nil {
		n.owner = u.ID
	}
	x.c.mu.Lock()
	n.rule = x.c.rule(n.to)
	x.c.faxes = append(x.c.faxes, n)
	x.c.mu.Unlock()
	f.committed = n
	return x.shown(f), nil
}

// xmState returns what the XM-style side says of f now.
func (c *Cloud) xmState(f *fax) (xmcloud.State, xmcloud.Reason) {
	c.mu.Lock()
	cancelled := f.cancelled
	c.mu.Unlock()
	if cancelled {
		return xmcloud.Cancelled, ""
	}
	switch tenth := c.progress(f); {
	case tenth < convertingAt:
		return xmcloud.Queued, ""
	case tenth < sendingAt:
		return xmcloud.Converting, ""
	case tenth < 10:
		return xmcloud.Sending, ""
	}
	switch read := f.doc.read(); {
	case read.err != nil:
		return xmcloud.Failed, xmcloud.ReasonBadDocument
	case len(read.pages) > xmcloud.MaxPages:
		return xmcloud.Failed, xmcloud.ReasonTooManyPage
	case f.rule.Outcome == Busy:
		return xmcloud.Failed, xmcloud.ReasonBusy
	case f.rule.Outcome == Failed && f.rule.Reason != "":
		return xmcloud.Failed, xmcloud.Reason(f.rule.Reason)
	case f.rule.Outcome == Failed:
		return xmcloud.Failed, xmcloud.ReasonOther
	}
	return xmcloud.Sent, ""
}

// listFaxes answers status (ids) and search (reference). Only search is late to
// see a new fax.
func (x *XM) listFaxes(w http.ResponseWriter, r *http.Request, k xmCall) {
	v, ok := query(r, "ids", "reference")
	ids := strings.Split(v.Get("ids"), ",")
	if !ok || v.Has("ids") == v.Has("reference") || len(ids) > xmcloud.MaxBatch {
		x.refuse(w, r, xmcloud.Error{Status: http.StatusBadRequest, Code: xmcloud.BadRequest})
		return
	}
	if x.strike(k, Body, w, r) {
		return
	}
	x.c.mu.Lock()
	lag := x.c.opts.ListLag
	x.c.mu.Unlock()
	list := xmcloud.FaxList{Result: true, Faxes: []xmcloud.Fax{}}
	x.mu.Lock()
	for _, f := range x.faxes {
		found := slices.Contains(ids, f.id)
		if v.Has("reference") {
			found = f.req.Reference == v.Get("reference") && f.committed != nil && x.c.now().Sub(f.committed.when) >= lag
		}
		if found && f.connector == k.connector && x.alive(f) {
			list.Faxes = append(list.Faxes, x.shown(f))
		}
	}
	x.mu.Unlock()
	if x.strike(k, Effect, w, r) {
		return
	}
	x.answer(w, http.StatusOK, list)
}

// cancel withdraws a fax that is not being sent yet.
func (x *XM) cancel(w http.ResponseWriter, r *http.Request, k xmCall) {
	if x.strike(k, Body, w, r) {
		return
	}
	f, e := x.withdraw(k, r.PathValue("id"))
	if e != nil {
		x.refuse(w, r, *e)
		return
	}
	if x.strike(k, Effect, w, r) {
		return
	}
	x.answer(w, http.StatusOK, xmcloud.FaxAnswer{Result: true, Fax: f})
}

func (x *XM) withdraw(k xmCall, id string) (xmcloud.Fax, *xmcloud.Error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f := x.mine(k, id)
	if f == nil {
		return xmcloud.Fax{}, refused(http.StatusNotFound, xmcloud.NotFound)
	}
	if f.committed == nil {
		x.drop(f)
		out := x.shown(f)
		out.State = xmcloud.Cancelled
		return out, nil
	}
	switch s, _ := x.c.xmState(f.committed); s {
	case xmcloud.Queued, xmcloud.Converting, xmcloud.Cancelled:
	default:
		return xmcloud.Fax{}, refused(http.StatusConflict, xmcloud.TooLate)
	}
	x.c.mu.Lock()
	f.committed.cancelled = true
	x.c.mu.Unlock()
	return x.shown(f), nil
}
