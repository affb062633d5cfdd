package faxcloud

import (
	"net/http"
	"net/url"
	"time"

	"github.com/platen-fax/platen/protocols/saml"
	"github.com/platen-fax/platen/protocols/xmcloud"
)

// token answers the token endpoint.
func (x *XM) token(w http.ResponseWriter, r *http.Request, k xmCall) {
	v, t, e := x.oauthForm(r, k)
	if e == nil {
		if x.strike(k, Body, w, r) {
			return
		}
		var out xmcloud.AccessToken
		switch v.Get("grant_type") {
		case xmcloud.GrantSAML2, xmcloud.GrantSAML11:
			out, e = x.assertionGrant(r, k, v, t)
		case xmcloud.GrantDevice:
			out, e = x.deviceGrant(k, v, t)
		default:
			e = refused(http.StatusBadRequest, xmcloud.UnsupportedGrantType)
		}
		if x.strike(k, Effect, w, r) {
			return
		}
		if e == nil {
			x.answer(w, http.StatusOK, out)
			return
		}
	}
	e.Op = "token"
	x.refuse(w, r, *e)
}

// oauthForm reads the form of an OAuth endpoint and the device in it, which must
// be enrolled with the connector that asks.
func (x *XM) oauthForm(r *http.Request, k xmCall) (url.Values, xmcloud.Terminal, *xmcloud.Error) {
	if r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
		return nil, xmcloud.Terminal{}, refused(http.StatusBadRequest, xmcloud.InvalidRequest)
	}
	v, err := xmcloud.ParseForm(r.Body, xmcloud.MaxForm)
	if err != nil {
		return nil, xmcloud.Terminal{}, refused(http.StatusBadRequest, xmcloud.InvalidRequest)
	}
	t := xmcloud.Terminal{ID: v.Get("device_id"), Name: v.Get("device_name"), Location: v.Get("device_location")}
	switch {
	case t.ID == "" || t.Name == "" || v.Has("password") || v.Has("username"):
		// A password beside an assertion is the mistake this refuses loudly.
		return nil, t, refused(http.StatusBadRequest, xmcloud.InvalidRequest)
	case !k.device(t.ID):
		return nil, t, refused(http.StatusBadRequest, xmcloud.DeviceNotListed)
	}
	return v, t, nil
}

func (x *XM) assertionGrant(r *http.Request, k xmCall, v url.Values, t xmcloud.Terminal) (xmcloud.AccessToken, *xmcloud.Error) {
	raw, err := saml.DecodeGrant(v.Get("assertion"))
	if err != nil {
		return xmcloud.AccessToken{}, refused(http.StatusBadRequest, xmcloud.InvalidRequest)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	u, code := x.assertion(r.Context(), k.account, v.Get("grant_type"), raw, x.base(k, r)+xmcloud.PathToken)
	if code != "" {
		return xmcloud.AccessToken{}, refused(http.StatusBadRequest, code)
	}
	x.note(Audit{Region: k.region.Name, Account: k.account.ID, User: u.ID, What: "login", Device: t.ID})
	return x.access(k, u, t), nil
}

// access gives out a user's token in OAuth form. x.mu is held.
func (x *XM) access(k xmCall, u *xmUser, t xmcloud.Terminal) xmcloud.AccessToken {
	return xmcloud.AccessToken{
		AccessToken: x.issue(k.region.Name, k.account, u, "oauth", t), TokenType: xmcloud.TokenType,
		ExpiresIn: int64(k.account.Policy.Idle / time.Second), User: u.wire(),
	}
}
