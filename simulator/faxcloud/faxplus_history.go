package faxcloud

import (
	"net/http"
	"time"

	"github.com/platen-fax/platen/protocols/faxplus"
)

// past is a final fax as the history shows it.
func (c *Cloud) past(f *fax, s faxplus.Status) faxplus.FaxRecord {
	r := faxplus.FaxRecord{
		ID: f.historyID, Status: s, Description: "OK", Direction: "outgoing", OwnerID: f.user,
		FromNumber: f.from, To: f.to, FileName: "fax",
		SubmitTime: faxplus.Time{Time: f.when}, StartTime: faxplus.Time{Time: f.when}, LastUpdate: faxplus.Time{Time: f.when},
	}
	if s == faxplus.Success {
		r.Pages = len(f.doc.read().pages)
	} else {
		r.Description = string(s)
	}
	if !c.hidden() {
		r.Comment.Text = f.comment.Text
	}
	return r
}

// listHistory answers GET /accounts/{user}/faxes, newest first, with faxes
// submitted after After and before Before, both exclusive: of the readings the
// reference leaves open, the one that shows least.
func (c *Cloud) listHistory(w http.ResponseWriter, r *http.Request, k call) {
	q, err := faxplus.ParseQuery(r.URL.Query())
	if err != nil {
		c.refuse(w, r, http.StatusBadRequest, "unexpected_parameter", err.Error())
		return
	}
	if c.strike(k.fault, Body, w, r) {
		return
	}
	var list faxplus.FaxList
	list.Data.Records = []faxplus.FaxRecord{}
	for _, f := range c.faxesOf(k.user, true) {
		when := f.when.Truncate(time.Second) // as the date on the wire
		if (!q.After.IsZero() && !when.After(q.After.Time)) || (!q.Before.IsZero() && !when.Before(q.Before.Time)) ||
			(q.Category != "" && q.Category != faxplus.CategorySent) {
			continue
		}
		if s := c.state(f); !s.InOutbox() && len(list.Data.Records) < q.Limit {
			list.Data.Records = append(list.Data.Records, c.past(f, s))
		}
	}
	if c.strike(k.fault, Effect, w, r) {
		return
	}
	c.answer(w, http.StatusOK, list)
}

func (c *Cloud) getHistory(w http.ResponseWriter, r *http.Request, k call) {
	if c.strike(k.fault, Body, w, r) || c.strike(k.fault, Effect, w, r) {
		return
	}
	for _, f := range c.faxesOf(k.user, false) {
		if f.historyID != r.PathValue("id") {
			continue
		}
		if s := c.state(f); !s.InOutbox() {
			c.answer(w, http.StatusOK, c.past(f, s))
			return
		}
	}
	c.refuse(w, r, http.StatusNotFound, "not_found", "")
}
