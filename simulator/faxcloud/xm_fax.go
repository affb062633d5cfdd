package faxcloud

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// xmFax is an announced fax, committed or not.
type xmFax struct {
	id        string
	connector *XMConnector
	account   *xmAccount
	req       xmcloud.CreateRequest
	owner     *xmUser
	ticket    *ticket
	path      string
	offset    int64 // bytes of the document received
	offered   int64 // bytes of all pieces under this reference, refused ones too
	expires   time.Time
	dropped   bool // cancelled before its commit
	doc       *document
	committed *fax // nil before
}

// keepCreated is how long an announced fax waits for its commit.
const keepCreated = 24 * time.Hour

var (
	referenceForm = regexp.MustCompile(`^[!-~]{1,128}$`)
	documentName  = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,95}\.tiff?$`)
	shaForm       = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// create answers POST faxes: it announces a fax or finds the one of the same
// reference. It commits nothing.
func (x *XM) create(w http.ResponseWriter, r *http.Request, k xmCall) {
	req, err := xmcloud.ParseJSON[xmcloud.CreateRequest](r.Body, xmcloud.MaxRequest)
	if err != nil {
		x.refuse(w, r, xmcloud.Error{Status: http.StatusBadRequest, Code: xmcloud.BadRequest})
		return
	}
	if x.strike(k, Body, w, r) {
		return
	}
	f, status, e := x.announce(k, req)
	if e != nil {
		x.refuse(w, r, *e)
		return
	}
	if x.strike(k, Effect, w, r) {
		return
	}
	x.answer(w, status, xmcloud.FaxAnswer{Result: true, Fax: f})
}

func (x *XM) checkCreate(k xmCall, req xmcloud.CreateRequest) *xmcloud.Error {
	no := func(status int, code xmcloud.Code) *xmcloud.Error { return refused(status, code) }
	switch d := req.Document; {
	case !referenceForm.MatchString(req.Reference) || !shaForm.MatchString(d.SHA256) || d.Size <= 0,
		!slices.Contains([]string{"", "standard", "fine", "superfine"}, req.Resolution):
		return no(http.StatusBadRequest, xmcloud.BadRequest)
	case !e164.MatchString(req.To):
		return no(http.StatusUnprocessableEntity, xmcloud.BadNumber)
	case req.From != "" && !slices.Contains(k.account.Numbers, req.From):
		return no(http.StatusUnprocessableEntity, xmcloud.ForeignNumber)
	case d.Type != xmcloud.TypeTIFF || !documentName.MatchString(d.Name):
		return no(http.StatusUnprocessableEntity, xmcloud.BadDocument)
	case d.Size > min(x.c.max, xmcloud.MaxDocument):
		return no(http.StatusRequestEntityTooLarge, xmcloud.TooLarge)
	}
	return nil
}

func (x *XM) announce(k xmCall, req xmcloud.CreateRequest) (xmcloud.Fax, int, *xmcloud.Error) {
	if e := x.checkCreate(k, req); e != nil {
		return xmcloud.Fax{}, 0, e
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	have := x.referred(k.connector, req.Reference)
	if have != nil && have.committed != nil && x.opts.Forgetful {
		have = nil
	}
	if have != nil && have.committed != nil {
		// It is a fax already; whose authority it had is settled.
		if have.req.To != req.To || have.req.Document.SHA256 != req.Document.SHA256 {
			return xmcloud.Fax{}, 0, refused(http.StatusUnprocessableEntity, xmcloud.ReferenceConflict)
		}
		return x.shown(have), http.StatusOK, nil
	}
	u, t, e := x.authority(k, req, have)
	if e != nil {
		return xmcloud.Fax{}, 0, e
	}
	if have != nil && have.req.Document == req.Document && have.req.To == req.To {
		have.req, have.owner, have.ticket = req, u, t // asked again, perhaps with a new ticket
		return x.shown(have), http.StatusOK, nil
	}
	f := &xmFax{
		id: randomID(12), connector: k.connector, account: k.account, req: req, owner: u, ticket: t,
		expires: x.c.now().Add(keepCreated).UTC(),
	}
	if have != nil {
		x.drop(have) // nothing was promised about it
		f.offered = have.offered
	}
	f.path = filepath.Join(x.c.dir, "xm-"+f.id+".tif")
	x.faxes[f.id] = f
	return x.shown(f), http.StatusCreated, nil
}

// referred finds the living fax of a reference. x.mu is held.
func (x *XM) referred(c *XMConnector, reference string) *xmFax {
	for _, f := range x.faxes {
		if f.connector == c && f.req.Reference == reference && x.alive(f) {
			return f
		}
	}
	return nil
}

// alive reports whether f is a fax or may become one.
func (x *XM) alive(f *xmFax) bool {
	return f.committed != nil || (!f.dropped && x.c.now().Before(f.expires))
}

// drop forgets an announced fax and its document. x.mu is held.
func (x *XM) drop(f *xmFax) {
	f.dropped = true
	if err := os.Remove(f.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		x.c.log.Debug("dropped document", "err", err)
	}
}

// mine finds a fax of the connector by its id. x.mu is held.
func (x *XM) mine(k xmCall, id string) *xmFax {
	f := x.faxes[id]
	if f == nil || f.connector != k.connector || !x.alive(f) {
		return nil
	}
	return f
}

// shown is a fax as the contract shows it. x.mu is held.
func (x *XM) shown(f *xmFax) xmcloud.Fax {
	out := xmcloud.Fax{
		ID: f.id, Reference: f.req.Reference, State: xmcloud.Created, To: f.req.To, Offset: f.offset,
		Size: f.req.Document.Size, ChunkMax: x.opts.ChunkMax, ExpiresAt: f.expires,
	}
	if f.owner != nil {
		out.Owner = f.owner.ID
	}
	if f.committed != nil {
		out.State, out.Reason = x.c.xmState(f.committed)
		out.CommittedAt, out.ExpiresAt, out.ChunkMax = f.committed.when.UTC(), time.Time{}, 0
		if out.State == xmcloud.Sent {
			out.Pages = len(f.doc.read().pages)
		}
	}
	if x.c.hidden() {
		out.Reference = ""
	}
	return out
}
