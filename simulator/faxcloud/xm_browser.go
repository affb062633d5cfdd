package faxcloud

import (
	"crypto/subtle"
	"net/http"
	"slices"
	"time"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

// BrowserSSO signs a person in at their company in the browser of their phone.
type BrowserSSO interface {
	// Begin answers the browser with the way to the identity provider. a.State
	// must come back with it.
	Begin(w http.ResponseWriter, r *http.Request, a SSOAttempt) error
	// Finish reads what the browser brought back, by POST or GET. lookup gives
	// the attempt of a state, once.
	// It is called under the lock of the cloud and must not call back.
	Finish(r *http.Request, lookup func(state string) (SSOAttempt, bool)) (SSOIdentity, error)
}

// SSOAttempt is one sign-in at a company that has begun.
type SSOAttempt struct {
	State           string // random, good once, bound to the browser
	Region, Account string
	SSO             xmcloud.SSO
	IdPs            []XMIdP // of the account, valid now
	Base            string  // of the portal
}

// SSOIdentity is whom an identity provider vouches for.
type SSOIdentity struct {
	State  string
	Issuer string
	Email  string
}

// Paths to which identity providers send browsers back.
const (
	PathSAMLReturn = "auth/saml/callback"
	PathOIDCReturn = "auth/oidc/callback"
)

// beginSSO sends the browser to the company. x.mu is held.
func (x *XM) beginSSO(w http.ResponseWriter, r *http.Request, p *pairing, v *visit) {
	if x.opts.SSO == nil || p.account.SSO == xmcloud.SSONone {
		x.showPairing(w, p, v, "Your company's sign-in cannot be reached from here.")
		return
	}
	delete(x.states, v.state)
	v.state = randomID(16)
	x.states[v.state] = p
	if err := x.opts.SSO.Begin(w, r, x.attempt(p, v.state, r)); err != nil {
		x.c.log.Info("sign-in at the company did not begin", "err", err)
		x.showPairing(w, p, v, "Your company's sign-in cannot be reached from here.")
	}
}

func (x *XM) attempt(p *pairing, state string, r *http.Request) SSOAttempt {
	now := x.c.now()
	a := SSOAttempt{
		State: state, Region: p.region.Name, Account: p.account.ID, SSO: p.account.SSO, Base: x.base(xmCall{region: p.region}, r),
	}
	for _, i := range p.account.IdPs {
		if i.valid(now) && i.hasPage() {
			a.IdPs = append(a.IdPs, i)
		}
	}
	return a
}

// hasPage reports whether people can sign in there with a browser.
func (p XMIdP) hasPage() bool { return p.SSO != "" || p.OIDC != nil }

func (p XMIdP) valid(now time.Time) bool {
	return (p.From.IsZero() || !now.Before(p.From)) && (p.Until.IsZero() || now.Before(p.Until))
}

// finishSSO takes a person back from their company. The account is the one whose
// device they stand at: an identity of any other tenant is refused.
func (x *XM) finishSSO(w http.ResponseWriter, r *http.Request, region *xmRegion) {
	if x.opts.SSO == nil {
		x.show(w, http.StatusNotFound, view{Title: "Not found"})
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	var p *pairing
	var v *visit
	id, err := x.opts.SSO.Finish(r, func(state string) (SSOAttempt, bool) {
		q := x.states[state]
		if q == nil || q.region != region || q.state != waiting || q.cancelled || !x.c.now().Before(q.until) {
			return SSOAttempt{}, false
		}
		u := q.visit(r)
		if subtle.ConstantTimeCompare([]byte(u.state), []byte(state)) != 1 {
			return SSOAttempt{}, false // another browser began it
		}
		delete(x.states, state)
		p, v, u.state = q, u, ""
		return x.attempt(q, state, r), true
	})
	if p == nil {
		x.show(w, http.StatusForbidden, view{Title: "Please start again", Text: "This sign-in did not begin in this browser, or it took too long."})
		return
	}
	if err != nil {
		x.c.log.Info("sign-in at the company failed", "err", err)
		x.showPairing(w, p, v, "Your company did not confirm who you are.")
		return
	}
	if !slices.ContainsFunc(p.account.IdPs, func(i XMIdP) bool { return i.EntityID == id.Issuer && i.valid(x.c.now()) }) {
		x.showPairing(w, p, v, words(xmcloud.ForeignTenant))
		return
	}
	u, code := x.person(p.account, id.Email)
	if code != "" {
		x.showPairing(w, p, v, words(code))
		return
	}
	v.who, v.csrf = u, randomID(16)
	http.Redirect(w, r, "/"+xmcloud.PathVerifyCode+p.user, http.StatusSeeOther)
}
