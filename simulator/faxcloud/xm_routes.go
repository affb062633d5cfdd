package faxcloud

import (
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// xmCall is one request that has passed the gate.
type xmCall struct {
	region    *xmRegion
	account   *xmAccount
	connector *XMConnector
	fault     *Fault
	oauth     string // op of an OAuth endpoint, for the form of refusals
}

// routes answers for one region.
func (x *XM) routes(region *xmRegion) http.Handler {
	mux := http.NewServeMux()
	route := func(pattern string, op Op, who func(*http.Request, *xmCall) *xmcloud.Error, h func(http.ResponseWriter, *http.Request, xmCall)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			k := xmCall{region: region}
			if e := x.gate(r); e != nil {
				x.refuse(w, r, *e)
				return
			}
			if e := who(r, &k); e != nil {
				e.Op = k.oauth
				x.refuse(w, r, *e)
				return
			}
			k.fault = x.c.faults.pick(XMCloud, op)
			if !x.strike(k, Head, w, r) {
				h(w, r, k)
			}
		})
	}
	route("GET /services/{account}/portal/host", OpDiscover, anybody, x.portalHost)
	route("GET /"+xmcloud.PathDiscover, OpDiscover, anybody, x.discover)
	route("POST /"+xmcloud.PathUserToken, OpLogin, anybody, x.login)
	route("DELETE /"+xmcloud.PathUserToken, OpLogin, anybody, x.endToken)
	route("POST /"+xmcloud.PathToken, OpLogin, x.client("token"), x.token)
	route("POST /"+xmcloud.PathDeviceAuth, OpDevice, x.client("device"), x.deviceAuth)
	route("POST /"+xmcloud.PathTickets, OpTicket, anybody, x.makeTicket)
	route("GET /"+xmcloud.PathAccount, OpAccount, x.connector, x.getAccount)
	route("POST /"+xmcloud.PathFaxes, OpCreate, x.connector, x.create)
	route("GET /"+xmcloud.PathFaxes, OpList, x.connector, x.listFaxes)
	route("PUT /"+xmcloud.PathFaxes+"/{id}/document", OpUpload, x.connector, x.chunk)
	route("POST /"+xmcloud.PathFaxes+"/{id}/commit", OpSend, x.connector, x.commit)
	route("DELETE /"+xmcloud.PathFaxes+"/{id}", OpDelete, x.connector, x.cancel)
	x.pages(mux, region)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		x.refuse(w, r, xmcloud.Error{Status: http.StatusNotFound, Code: xmcloud.NotFound})
	})
	return mux
}

// xmHeaders are those a client has a reason to send; others are refused.
var xmHeaders = []string{
	"Accept", "Accept-Encoding", "Authorization", "Authorization-Token", "Connection", "Content-Length", "Content-Range",
	"Content-Type", "Expect", "User-Agent",
}

// gate checks what every request of a program must fulfil.
func (x *XM) gate(r *http.Request) *xmcloud.Error {
	if r.TLS == nil {
		return &xmcloud.Error{Status: http.StatusForbidden, Code: xmcloud.BadRequest, Message: "https required"}
	}
	for name, values := range r.Header {
		if !slices.Contains(xmHeaders, name) || len(values) != 1 {
			return &xmcloud.Error{Status: http.StatusBadRequest, Code: xmcloud.BadRequest, Message: "unexpected header " + name}
		}
	}
	if (r.Method == http.MethodGet || r.Method == http.MethodDelete) && r.ContentLength != 0 {
		return &xmcloud.Error{Status: http.StatusBadRequest, Code: xmcloud.BadRequest, Message: "unexpected body"}
	}
	if r.ContentLength < 0 {
		return &xmcloud.Error{Status: http.StatusLengthRequired, Code: xmcloud.BadRequest, Message: "length required"}
	}
	return nil
}

func anybody(*http.Request, *xmCall) *xmcloud.Error { return nil }

// connector finds the connector of a request by its token.
func (x *XM) connector(r *http.Request, k *xmCall) *xmcloud.Error {
	return x.enrolled(k, "", r.Header.Get(xmcloud.HeaderToken))
}

// client finds the connector of an OAuth request by its client credentials.
func (x *XM) client(op string) func(*http.Request, *xmCall) *xmcloud.Error {
	return func(r *http.Request, k *xmCall) *xmcloud.Error {
		k.oauth = op
		account, token, ok := xmcloud.ParseClient(r)
		if !ok || account == "" || x.enrolled(k, account, token) != nil {
			return refused(http.StatusUnauthorized, xmcloud.InvalidClient)
		}
		return nil
	}
}

func (x *XM) enrolled(k *xmCall, account, token string) *xmcloud.Error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for id, a := range k.region.accounts {
		for i := range a.Connectors {
			if c := &a.Connectors[i]; c.Token == token && !c.Revoked && (account == "" || account == id) {
				k.account, k.connector = a, c
				return nil
			}
		}
	}
	return refused(http.StatusUnauthorized, xmcloud.InvalidToken)
}

// may reports whether the connector has a permission.
func (k xmCall) may(permission string) bool {
	return slices.Contains(k.connector.Permissions, permission)
}

// device reports whether a device is enrolled with the connector.
func (k xmCall) device(id string) bool { return slices.Contains(k.connector.Devices, id) }

// Revoke makes a connector's token bad; it reports whether there was one.
func (x *XM) Revoke(token string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	found := false
	for _, r := range x.regions {
		for _, a := range r.accounts {
			for i := range a.Connectors {
				if a.Connectors[i].Token == token {
					a.Connectors[i].Revoked, found = true, true
				}
			}
		}
	}
	return found
}

// base returns the portal's base URL.
func (x *XM) base(k xmCall, r *http.Request) string {
	if k.region.Portal != "" {
		return k.region.Portal
	}
	return (&url.URL{Scheme: "https", Host: r.Host, Path: "/"}).String()
}

func (x *XM) strike(k xmCall, stage Stage, w http.ResponseWriter, r *http.Request) bool {
	return x.c.strikeFor(XMCloud, k.fault, stage, w, r)
}

// refuse answers with a refusal, in OAuth form when e.Op says so.
func (x *XM) refuse(w http.ResponseWriter, r *http.Request, e xmcloud.Error) {
	if r.Header.Get("Expect") == "" { // or reading would ask the client to send
		_, _ = io.CopyN(io.Discard, r.Body, drained)
	}
	x.c.log.Info("request refused", "method", r.Method, "code", e.Status, "title", string(e.Code))
	if err := xmcloud.WriteError(w, e); err != nil {
		x.c.log.Debug("write answer", "err", err)
	}
}

func (c *Cloud) xmRefuse(w http.ResponseWriter, r *http.Request, e xmcloud.Error) {
	c.xm.refuse(w, r, e)
}

func (x *XM) answer(w http.ResponseWriter, code int, v any) {
	if err := xmcloud.WriteJSON(w, code, v); err != nil {
		x.c.log.Debug("write answer", "err", err)
	}
}

// query refuses parameters but the named ones and locale.
func query(r *http.Request, names ...string) (url.Values, bool) {
	v := r.URL.Query()
	for name, values := range v {
		if len(values) != 1 || (name != "locale" && !slices.Contains(names, name)) {
			return nil, false
		}
	}
	return v, true
}

func (x *XM) getAccount(w http.ResponseWriter, r *http.Request, k xmCall) {
	if x.strike(k, Body, w, r) || x.strike(k, Effect, w, r) {
		return
	}
	x.answer(w, http.StatusOK, xmcloud.AccountAnswer{
		Result: true, Account: k.account.ID, Region: k.region.Name, Permissions: k.connector.Permissions,
	})
}
