package faxcloud

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// STSRequest is a typed password on its way to an account's AD FS.
type STSRequest struct {
	MEXURL, RPIdentifier string
	Email                string
	Password             []byte
}

// STSAnswer is the assertion that came back, and the grant it is good for.
type STSAnswer struct {
	Grant     string
	Assertion []byte
}

// login answers POST api/user_token.
func (x *XM) login(w http.ResponseWriter, r *http.Request, k xmCall) {
	l, err := xmcloud.ParseLogin(r.Header.Get("Content-Type"), r.Body)
	if err != nil {
		x.refuse(w, r, xmcloud.Error{Status: http.StatusBadRequest, Code: xmcloud.BadRequest, Message: "request cannot be read"})
		return
	}
	if x.strike(k, Body, w, r) {
		return
	}
	token, u, e := x.signIn(r.Context(), k, l, x.base(k, r))
	if x.strike(k, Effect, w, r) {
		return
	}
	if e != nil {
		if x.opts.PlainFailures {
			e.Status = http.StatusOK
		}
		x.refuse(w, r, *e)
		return
	}
	x.answer(w, http.StatusOK, xmcloud.UserToken{Result: true, Token: token, UserID: u.ID, User: &u})
}

func (x *XM) signIn(ctx context.Context, k xmCall, l xmcloud.Login, base string) (string, xmcloud.User, *xmcloud.Error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	a := k.region.accounts[l.Account]
	if a == nil {
		return "", xmcloud.User{}, refused(http.StatusNotFound, xmcloud.AccountUnknown)
	}
	var u *xmUser
	var e *xmcloud.Error
	switch {
	case a.SSO == xmcloud.SSONone:
		u, e = x.password(a, l.Username, string(l.Password), l.OTP)
	case !strings.Contains(l.Username, "@"):
		e = refused(http.StatusForbidden, xmcloud.EmailRequired)
	case a.SSO == xmcloud.SSOWSTrust && a.Brokered:
		u, e = x.broker(ctx, k.region.Name, a, l)
	default:
		// The password is not looked at: the company alone knows whether it is right.
		e = refused(http.StatusForbidden, xmcloud.SSOInteractiveRequired)
		e.DeviceAuthorization = base + xmcloud.PathDeviceAuth
	}
	if e != nil {
		return "", xmcloud.User{}, e
	}
	x.note(Audit{Region: k.region.Name, Account: a.ID, User: u.ID, What: "login", Device: l.Terminal.ID})
	return x.issue(k.region.Name, a, u, l.Application, l.Terminal), u.wire(), nil
}

// broker passes a typed password on to the company's AD FS. x.mu is held, but
// not while AD FS is asked.
func (x *XM) broker(ctx context.Context, region string, a *xmAccount, l xmcloud.Login) (*xmUser, *xmcloud.Error) {
	mex, err := url.Parse(a.WSTrust.MEXURL)
	if err != nil || mex.Scheme != "https" || (!a.Grandfathered && !slices.Contains(a.STSAllowed, mex.Hostname())) {
		return nil, refused(http.StatusForbidden, xmcloud.STSNotAllowed)
	}
	if x.opts.STS == nil {
		return nil, refused(http.StatusBadGateway, xmcloud.STSUnreachable)
	}
	req := STSRequest{MEXURL: a.WSTrust.MEXURL, RPIdentifier: a.WSTrust.RPIdentifier, Email: l.Username, Password: l.Password}
	x.mu.Unlock()
	answer, err := x.opts.STS(ctx, req)
	x.mu.Lock()
	var e *xmcloud.Error
	if errors.As(err, &e) {
		return nil, e
	}
	if err != nil {
		return nil, refused(http.StatusBadGateway, xmcloud.STSUnreachable)
	}
	u, code := x.assertion(ctx, a, answer.Grant, answer.Assertion, "")
	if code != "" {
		return nil, refused(http.StatusForbidden, code)
	}
	return u, nil
}

// NoSSO is the way into the portal for administrators whose identity provider is
// broken: a page of the portal, never used by a device. It asks for everything a
// password needs and is written down.
func (x *XM) NoSSO(region, account, name, password, code string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	a, err := x.account(region, account)
	if err != nil {
		return err
	}
	u, e := x.password(a, name, password, code)
	if e != nil {
		e.Op = "no-sso"
		return e
	}
	x.note(Audit{Region: region, Account: account, User: u.ID, What: "no-sso-login"})
	return nil
}

// note writes something down. x.mu is held.
func (x *XM) note(a Audit) {
	a.When = x.c.now()
	x.audit = append(x.audit, a)
}
