package faxcloud

import (
	"errors"
	"net/http"
	"regexp"
	"slices"

	"github.com/platen-fax/platen/protocols/faxplus"
)

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// send commits a fax: POST /accounts/{user}/outbox. The ledger entry is made
// before anything is answered.
func (c *Cloud) send(w http.ResponseWriter, r *http.Request, k call) {
	if !c.declared(w, r, faxplus.MaxRequest) {
		return
	}
	if r.Header.Get("Content-Type") != "application/json" {
		c.refuse(w, r, http.StatusUnsupportedMediaType, "unsupported_media_type", "")
		return
	}
	if r.URL.RawQuery != "" {
		c.refuse(w, r, http.StatusBadRequest, "unexpected_parameter", "")
		return
	}
	req, err := faxplus.ParseSendRequest(r.Body)
	if err != nil {
		c.refuse(w, r, http.StatusBadRequest, "bad_request", err.Error())
		return
	}
	if c.strike(k.fault, Body, w, r) {
		return
	}
	f, code, title := c.commit(k.user, req)
	if f == nil {
		c.refuse(w, r, code, title, "")
		return
	}
	if c.strike(k.fault, Effect, w, r) {
		return
	}
	var out faxplus.SendResponse
	if req.ReturnIDs {
		out.IDs = map[string]string{f.to: f.id}
	}
	c.answer(w, http.StatusCreated, out)
}

// commit checks a request and enters the fax.
func (c *Cloud) commit(user string, req faxplus.SendRequest) (f *fax, code int, title string) {
	if err := checkSend(req); err != nil {
		return nil, http.StatusBadRequest, err.Error()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if req.From != faxplus.NoNumber && !slices.Contains(c.accounts[user].Numbers, req.From) {
		return nil, http.StatusForbidden, "foreign_number"
	}
	doc := c.files[req.Files[0]]
	if doc == nil || doc.user != user {
		return nil, http.StatusBadRequest, "unknown_file"
	}
	f = &fax{
		service: FaxPlus, id: randomID(16), historyID: randomID(12), user: user, from: req.From, to: req.To[0],
		comment: req.Comment, when: c.now(), rule: c.rule(req.To[0]), doc: doc,
	}
	if c.opts.SameIDs {
		f.historyID = f.id
	}
	c.faxes = append(c.faxes, f)
	return f, 0, ""
}

func checkSend(req faxplus.SendRequest) error {
	switch {
	case len(req.To) != 1:
		return errors.New("one_recipient_required")
	case !e164.MatchString(req.To[0]):
		return errors.New("bad_number")
	case req.From == "":
		return errors.New("from_required")
	case len(req.Files) != 1:
		return errors.New("one_file_required")
	case req.Options.Retry.Count < 0 || req.Options.Retry.Count > 3 || req.Options.Retry.Delay < 0:
		return errors.New("bad_retry")
	}
	return nil
}

// record is a fax as the outbox shows it.
func (c *Cloud) record(f *fax, s faxplus.Status) faxplus.OutboxRecord {
	r := faxplus.OutboxRecord{
		ID: f.id, Status: s, UserID: f.user, Source: f.from, To: []string{f.to}, Files: []string{f.doc.ref},
		Comment: faxplus.Comment{Tags: []string{}}, SubmitTime: faxplus.Time{Time: f.when}, UpdateTime: faxplus.Time{Time: f.when},
		Changes: []faxplus.StatusChange{{At: faxplus.Time{Time: f.when}, Status: faxplus.Submitted}},
	}
	if s != faxplus.Submitted {
		r.PageCount = len(f.doc.read().pages)
		r.Changes = append(r.Changes, faxplus.StatusChange{At: faxplus.Time{Time: f.when}, Status: s})
	}
	if !c.hidden() && f.comment.Tags != nil {
		r.Comment = f.comment
	}
	return r
}

func (c *Cloud) hidden() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.opts.HideComments
}

func (c *Cloud) listOutbox(w http.ResponseWriter, r *http.Request, k call) {
	if r.URL.RawQuery != "" {
		c.refuse(w, r, http.StatusBadRequest, "unexpected_parameter", "")
		return
	}
	if c.strike(k.fault, Body, w, r) {
		return
	}
	list := faxplus.OutboxList{Records: []faxplus.OutboxRecord{}}
	for _, f := range c.faxesOf(k.user, true) {
		if s := c.state(f); s.InOutbox() {
			list.Records = append(list.Records, c.record(f, s))
		}
	}
	if c.strike(k.fault, Effect, w, r) {
		return
	}
	c.answer(w, http.StatusOK, list)
}

// inOutbox finds a fax that is still in the outbox.
func (c *Cloud) inOutbox(user, id string) (*fax, faxplus.Status) {
	for _, f := range c.faxesOf(user, false) {
		if f.id == id {
			if s := c.state(f); s.InOutbox() {
				return f, s
			}
		}
	}
	return nil, ""
}

func (c *Cloud) getOutbox(w http.ResponseWriter, r *http.Request, k call) {
	if c.strike(k.fault, Body, w, r) || c.strike(k.fault, Effect, w, r) {
		return
	}
	f, s := c.inOutbox(k.user, r.PathValue("id"))
	if f == nil {
		c.refuse(w, r, http.StatusNotFound, "not_found", "")
		return
	}
	c.answer(w, http.StatusOK, c.record(f, s))
}

// deleteOutbox withdraws a fax that is not being sent yet.
func (c *Cloud) deleteOutbox(w http.ResponseWriter, r *http.Request, k call) {
	if c.strike(k.fault, Body, w, r) {
		return
	}
	f, s := c.inOutbox(k.user, r.PathValue("id"))
	switch {
	case f == nil:
		c.refuse(w, r, http.StatusNotFound, "not_found", "")
		return
	case s == faxplus.Sending:
		c.refuse(w, r, http.StatusConflict, "already_sending", "")
		return
	}
	c.mu.Lock()
	f.cancelled = true
	c.mu.Unlock()
	if c.strike(k.fault, Effect, w, r) {
		return
	}
	w.WriteHeader(http.StatusOK)
}
