package faxcloud

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// portalHost answers host discovery in plain text. Unlike the rest it is not
// limited to accounts one is enrolled with: it is asked before anything is known.
func (x *XM) portalHost(w http.ResponseWriter, r *http.Request, k xmCall) {
	x.mu.Lock()
	a := k.region.accounts[r.PathValue("account")]
	x.mu.Unlock()
	if a == nil {
		x.refuse(w, r, xmcloud.Error{Status: http.StatusNotFound, Code: xmcloud.AccountUnknown})
		return
	}
	if x.strike(k, Body, w, r) || x.strike(k, Effect, w, r) {
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if _, err := io.WriteString(w, x.base(k, r)); err != nil {
		x.c.log.Debug("write answer", "err", err)
	}
}

// discover says how people of a domain sign in. It looks at the domain alone. A
// domain of another region is named as such, without a way to sign in here.
func (x *XM) discover(w http.ResponseWriter, r *http.Request, k xmCall) {
	v, ok := query(r, "email")
	fold, isEmail := foldEmail(v.Get("email"))
	if !ok || !isEmail {
		x.refuse(w, r, xmcloud.Error{Status: http.StatusBadRequest, Code: xmcloud.BadRequest})
		return
	}
	if x.strike(k, Body, w, r) || x.strike(k, Effect, w, r) {
		return
	}
	domain := fold[strings.LastIndexByte(fold, '@')+1:]
	x.mu.Lock()
	a := x.ofDomain(k.region, domain)
	for _, other := range x.regions {
		if a == nil {
			a = x.ofDomain(other, domain)
		}
	}
	x.mu.Unlock()
	if a == nil {
		x.refuse(w, r, xmcloud.Error{Status: http.StatusNotFound, Code: xmcloud.AccountUnknown})
		return
	}
	s := xmcloud.SignIn{
		Account: a.ID, Region: a.Region, SSO: a.SSO, Methods: []xmcloud.Method{}, EmailRequired: a.SSO != xmcloud.SSONone,
	}
	if a.Region == k.region.Name {
		base := x.base(k, r)
		s.Methods = a.methods()
		s.Device = &xmcloud.Device{
			Authorization: base + xmcloud.PathDeviceAuth, Token: base + xmcloud.PathToken, Verification: base + xmcloud.PathVerify,
		}
		if a.SSO == xmcloud.SSOWSTrust {
			s.WSTrust = &a.WSTrust
		}
	}
	x.answer(w, http.StatusOK, s)
}

func (x *XM) ofDomain(r *xmRegion, domain string) *xmAccount {
	for _, a := range r.accounts {
		if a.owns(domain) {
			return a
		}
	}
	return nil
}

// owns reports whether a folded domain is one of the account's.
func (a *xmAccount) owns(domain string) bool {
	return slices.ContainsFunc(a.Domains, func(d string) bool {
		fold, ok := foldEmail("x@" + d)
		return ok && fold == "x@"+domain
	})
}

// methods lists the ways to sign in, the one to offer first at the front.
func (a *xmAccount) methods() []xmcloud.Method {
	switch a.SSO {
	case xmcloud.SSONone:
		return []xmcloud.Method{xmcloud.MethodPassword, xmcloud.MethodDevice}
	case xmcloud.SSOWSTrust:
		var methods []xmcloud.Method
		// WS-Trust has no page for a browser; a provider with one has to be there.
		if slices.ContainsFunc(a.IdPs, XMIdP.hasPage) {
			methods = append(methods, xmcloud.MethodDevice)
		}
		methods = append(methods, xmcloud.MethodWSTrust)
		if a.Brokered {
			methods = append(methods, xmcloud.MethodBrokered)
		}
		return methods
	}
	return []xmcloud.Method{xmcloud.MethodDevice}
}
