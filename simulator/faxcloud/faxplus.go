package faxcloud

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/platen-fax/platen/protocols/faxplus"
	"github.com/platen-fax/platen/protocols/xmcloud"
)

// call is one request that has passed the gate.
type call struct {
	user  string
	fault *Fault
}

// faxPlus routes the paths of the Fax.Plus API that this product uses.
func (c *Cloud) faxPlus() http.Handler {
	mux := http.NewServeMux()
	route := func(pattern string, op Op, scope string, h func(http.ResponseWriter, *http.Request, call)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if k, ok := c.gate(w, r, op, scope); ok && !c.strike(k.fault, Head, w, r) {
				h(w, r, k)
			}
		})
	}
	const account = "/v3/accounts/{user}"
	route("POST "+account+"/files", OpUpload, ScopeFileEdit, c.upload)
	route("POST "+account+"/outbox", OpSend, ScopeFaxEdit, c.send)
	route("GET "+account+"/outbox", OpList, ScopeFaxRead, c.listOutbox)
	route("GET "+account+"/outbox/{id}", OpGet, ScopeFaxRead, c.getOutbox)
	route("DELETE "+account+"/outbox/{id}", OpDelete, ScopeFaxEdit, c.deleteOutbox)
	route("GET "+account+"/faxes", OpList, ScopeFaxRead, c.listHistory)
	route("GET "+account+"/faxes/{id}", OpGet, ScopeFaxRead, c.getHistory)
	route("GET "+account, OpAccount, ScopeUserRead, c.getAccount)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c.refuse(w, r, http.StatusNotFound, "not_found", "no such resource or method")
	})
	return mux
}

// headers are those a client has a reason to send. Anything else is refused: a
// header nobody documented does nothing at the real service, and some, such as
// Idempotency-Key, change how a client's own library behaves.
var headers = []string{
	"Accept", "Accept-Encoding", "Authorization", "Connection", "Content-Length", "Content-Type",
	"Expect", "User-Agent", "X-Fax-Clientid",
}

// gate checks what every request must fulfil and counts the call.
func (c *Cloud) gate(w http.ResponseWriter, r *http.Request, op Op, scope string) (call, bool) {
	if r.TLS == nil {
		c.refuse(w, r, http.StatusForbidden, "https_required", "")
		return call{}, false
	}
	for name, values := range r.Header {
		if !slices.Contains(headers, name) || len(values) != 1 {
			c.refuse(w, r, http.StatusBadRequest, "unexpected_header", name)
			return call{}, false
		}
	}
	if accept := r.Header.Get("Accept"); accept != "" && !strings.Contains(accept, "application/json") && !strings.Contains(accept, "*/*") {
		c.refuse(w, r, http.StatusNotAcceptable, "not_acceptable", "")
		return call{}, false
	}
	value, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	t, ok := c.token(value)
	if !bearer || !ok {
		w.Header().Set("WWW-Authenticate", "Bearer")
		c.refuse(w, r, http.StatusUnauthorized, "invalid_token", "")
		return call{}, false
	}
	all := ScopeAllEdit
	if strings.HasSuffix(scope, ":read") {
		all = ScopeAllRead
	}
	if !t.may(scope, all) {
		c.refuse(w, r, http.StatusForbidden, "insufficient_scope", scope)
		return call{}, false
	}
	if user := r.PathValue("user"); user != faxplus.Self && user != t.User {
		c.refuse(w, r, http.StatusForbidden, "foreign_account", "")
		return call{}, false
	}
	if r.Method == http.MethodGet || r.Method == http.MethodDelete {
		if r.ContentLength != 0 {
			c.refuse(w, r, http.StatusBadRequest, "unexpected_body", "")
			return call{}, false
		}
		if op != OpList && r.URL.RawQuery != "" {
			c.refuse(w, r, http.StatusBadRequest, "unexpected_parameter", "")
			return call{}, false
		}
	}
	return call{user: t.User, fault: c.faults.pick(FaxPlus, op)}, true
}

// drained is how much of a refused body is read away. Closing a connection with
// unread bytes resets it, and the client may then lose the answer.
const drained = 1 << 20

// refuse answers with the documented body of a refusal.
func (c *Cloud) refuse(w http.ResponseWriter, r *http.Request, code int, title, description string) {
	if r.Header.Get("Expect") == "" { // or reading would ask the client to send
		_, _ = io.CopyN(io.Discard, r.Body, drained)
	}
	c.log.Info("request refused", "method", r.Method, "code", code, "title", title, "detail", description)
	if err := faxplus.WriteError(w, code, title, description); err != nil {
		c.log.Debug("write answer", "err", err)
	}
}

// refuseFor refuses in the words of a service.
func (c *Cloud) refuseFor(name string, w http.ResponseWriter, r *http.Request, code int, title, description string) {
	if name == XMCloud {
		c.xmRefuse(w, r, xmcloud.Error{Status: code, Code: xmcloud.Code(title), Message: description})
		return
	}
	c.refuse(w, r, code, title, description)
}

// answer answers with a JSON body.
func (c *Cloud) answer(w http.ResponseWriter, code int, v any) {
	if err := faxplus.WriteJSON(w, code, v); err != nil {
		c.log.Debug("write answer", "err", err)
	}
}

// declared refuses a body without a declared length or above limit bytes.
func (c *Cloud) declared(w http.ResponseWriter, r *http.Request, limit int64) bool {
	switch {
	case r.ContentLength < 0:
		c.refuse(w, r, http.StatusLengthRequired, "length_required", "")
		return false
	case r.ContentLength > limit:
		c.refuse(w, r, http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("at most %d bytes", limit))
		return false
	}
	return true
}

func (c *Cloud) getAccount(w http.ResponseWriter, r *http.Request, k call) {
	if c.strike(k.fault, Body, w, r) || c.strike(k.fault, Effect, w, r) {
		return
	}
	c.mu.Lock()
	a := c.accounts[k.user]
	c.mu.Unlock()
	c.answer(w, http.StatusOK, faxplus.Account{UserID: a.User, Email: a.Email, Status: "active", Type: "corporate_member"})
}
