package faxcloud

import (
	"net/http"
	"slices"
	"time"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// ticket is a person's authority for one job: bound to a device, the job, the
// person and the recipients. It is good for one sent fax per recipient.
type ticket struct {
	value      string
	region     string
	account    *xmAccount
	user       *xmUser
	device     string
	job        string
	recipients []string
	until      time.Time
}

// makeTicket answers POST tickets, with a user's token.
func (x *XM) makeTicket(w http.ResponseWriter, r *http.Request, k xmCall) {
	req, err := xmcloud.ParseJSON[xmcloud.TicketRequest](r.Body, xmcloud.MaxRequest)
	now := x.c.now()
	if err != nil || req.Job == "" || len(req.Job) > xmcloud.MaxReference || len(req.Recipients) == 0 ||
		len(req.Recipients) > xmcloud.MaxRecipients || !req.Until.After(now) {
		x.refuse(w, r, xmcloud.Error{Status: http.StatusBadRequest, Code: xmcloud.BadRequest})
		return
	}
	if slices.ContainsFunc(req.Recipients, func(n string) bool { return !e164.MatchString(n) }) {
		x.refuse(w, r, xmcloud.Error{Status: http.StatusUnprocessableEntity, Code: xmcloud.BadNumber})
		return
	}
	if x.strike(k, Body, w, r) {
		return
	}
	t, e := x.grantTicket(k, r.Header.Get(xmcloud.HeaderToken), req)
	if e != nil {
		x.refuse(w, r, *e)
		return
	}
	if x.strike(k, Effect, w, r) {
		return
	}
	x.answer(w, http.StatusOK, xmcloud.TicketAnswer{Result: true, Ticket: t.value, Until: t.until, User: t.user.wire()})
}

func (x *XM) grantTicket(k xmCall, token string, req xmcloud.TicketRequest) (*ticket, *xmcloud.Error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s, e := x.session(k.region.Name, token)
	if e != nil {
		return nil, e
	}
	listed := slices.ContainsFunc(s.account.Connectors, func(c XMConnector) bool {
		return !c.Revoked && slices.Contains(c.Devices, req.DeviceID) && slices.Contains(c.Permissions, xmcloud.MayTakeTicket)
	})
	if s.terminal.ID != req.DeviceID || !listed {
		return nil, refused(http.StatusForbidden, xmcloud.DeviceNotListed)
	}
	until := x.c.now().Add(s.account.Policy.TicketMax)
	if req.Until.Before(until) {
		until = req.Until
	}
	t := &ticket{
		value: "TICKET|" + randomID(24), region: s.region, account: s.account, user: s.user, device: req.DeviceID,
		job: req.Job, recipients: slices.Clone(req.Recipients), until: until.UTC(),
	}
	x.tickets[t.value] = t
	return t, nil
}

// authority says on whose behalf a fax may be sent, or why not. self is the fax
// itself, which does not count as a use of its ticket. x.mu is held.
func (x *XM) authority(k xmCall, req xmcloud.CreateRequest, self *xmFax) (*xmUser, *ticket, *xmcloud.Error) {
	no := func(code xmcloud.Code) (*xmUser, *ticket, *xmcloud.Error) {
		return nil, nil, refused(http.StatusForbidden, code)
	}
	switch {
	case !k.may(xmcloud.MaySend):
		return no(xmcloud.NotPermitted)
	case !k.device(req.DeviceID):
		return no(xmcloud.DeviceNotListed)
	case req.Ticket != "" && req.OnBehalfOf != "":
		return nil, nil, refused(http.StatusBadRequest, xmcloud.BadRequest)
	case req.OnBehalfOf != "":
		if !k.may(xmcloud.MaySendFor) {
			return no(xmcloud.NotPermitted)
		}
		u := k.account.byID(req.OnBehalfOf)
		if u == nil {
			return no(xmcloud.UserUnknown)
		}
		if why := u.may(); why != "" {
			return no(why)
		}
		return u, nil, nil
	case req.Ticket == "":
		return nil, nil, nil
	}
	t := x.tickets[req.Ticket]
	switch {
	case !k.may(xmcloud.MayTakeTicket):
		return no(xmcloud.NotPermitted)
	case t == nil || t.region != k.region.Name || t.account != k.account || t.device != req.DeviceID ||
		t.job != req.Job || !slices.Contains(t.recipients, req.To):
		return no(xmcloud.TicketInvalid)
	case !x.c.now().Before(t.until):
		return no(xmcloud.TicketExpired)
	}
	if why := t.user.may(); why != "" {
		return no(why)
	}
	for _, f := range x.faxes {
		if f == self || f.committed == nil || f.ticket == nil || f.ticket.value != t.value || f.req.To != req.To {
			continue
		}
		if s, _ := x.c.xmState(f.committed); s != xmcloud.Failed && s != xmcloud.Cancelled {
			return no(xmcloud.TicketUsed)
		}
	}
	return t.user, t, nil
}
