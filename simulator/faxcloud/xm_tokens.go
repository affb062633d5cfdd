package faxcloud

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// userToken is one person's session at one device.
type userToken struct {
	value    string
	region   string
	account  *xmAccount
	user     *xmUser
	app      string
	terminal xmcloud.Terminal
	used     time.Time
}

// issue gives out a token: the one that exists already for the same person,
// program and device. x.mu is held.
func (x *XM) issue(region string, a *xmAccount, u *xmUser, app string, t xmcloud.Terminal) string {
	now := x.c.now()
	for value, have := range x.tokens {
		if have.account != a || have.user != u || have.app != app || have.terminal.ID != t.ID || have.terminal.Name != t.Name {
			continue
		}
		if now.Sub(have.used) < a.Policy.Idle {
			have.used = now
			return value
		}
		delete(x.tokens, value)
	}
	value := xmcloud.UserPrefix + uuid.NewString()
	x.tokens[value] = &userToken{value: value, region: region, account: a, user: u, app: app, terminal: t, used: now}
	return value
}

// session finds the living session of a token. x.mu is held.
func (x *XM) session(region, value string) (*userToken, *xmcloud.Error) {
	t := x.tokens[value]
	if t == nil || t.region != region {
		return nil, refused(http.StatusUnauthorized, xmcloud.InvalidToken)
	}
	now := x.c.now()
	if why := t.user.may(); why != "" {
		delete(x.tokens, value)
		return nil, refused(http.StatusUnauthorized, why)
	}
	if now.Sub(t.used) >= t.account.Policy.Idle {
		delete(x.tokens, value)
		return nil, refused(http.StatusUnauthorized, xmcloud.TokenExpired)
	}
	t.used = now
	return t, nil
}

// endToken answers DELETE api/user_token.
func (x *XM) endToken(w http.ResponseWriter, r *http.Request, k xmCall) {
	x.mu.Lock()
	_, e := x.session(k.region.Name, r.Header.Get(xmcloud.HeaderToken))
	delete(x.tokens, r.Header.Get(xmcloud.HeaderToken))
	x.mu.Unlock()
	if e != nil {
		x.refuse(w, r, *e)
		return
	}
	x.answer(w, http.StatusOK, map[string]bool{"result": true})
}

// Sessions counts the users' tokens that are alive.
func (x *XM) Sessions() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := 0
	for _, t := range x.tokens {
		if x.c.now().Sub(t.used) < t.account.Policy.Idle && t.user.may() == "" {
			n++
		}
	}
	return n
}
