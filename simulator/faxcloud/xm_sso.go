package faxcloud

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/platen-fax/platen/protocols/saml"
	"github.com/platen-fax/platen/protocols/xmcloud"
)

// SAMLSSO is [BrowserSSO] by SAML 2.0: the service provider of the cloud. Like
// the real services it has one entity id (the portal's base URL, with its
// slash) and one address for responses for all accounts, so who is asked, and
// whose word counts, is settled when the request is made and never looked up
// from the response. It is safe for concurrent use.
type SAMLSSO struct {
	now      func() time.Time
	requests *saml.Memory
}

var _ BrowserSSO = (*SAMLSSO)(nil)

// requestLife is how long a person has at their company's pages.
const requestLife = 10 * time.Minute

// NewSAMLSSO returns a service provider; now nil is time.Now.
func NewSAMLSSO(now func() time.Time) *SAMLSSO {
	if now == nil {
		now = time.Now
	}
	return &SAMLSSO{now: now, requests: saml.NewMemory(keepReplays, now)}
}

// Begin implements [BrowserSSO] with the redirect binding. Of several providers
// of an account the last one added is asked.
func (s *SAMLSSO) Begin(w http.ResponseWriter, r *http.Request, a SSOAttempt) error {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return fmt.Errorf("browser: %w", err)
	}
	// An AD FS behind WS-Trust speaks SAML to browsers.
	if a.SSO != xmcloud.SSOSAML2 && a.SSO != xmcloud.SSOWSTrust || len(a.IdPs) == 0 {
		return fmt.Errorf("account %q has no SAML provider now", a.Account)
	}
	p := &a.IdPs[len(a.IdPs)-1].IdentityProvider
	now := s.now()
	q := saml.Request{
		ID: saml.NewRequestID(), Issued: now, Destination: p.SSO, Issuer: a.Base, ACS: a.Base + PathSAMLReturn, NameIDFormat: saml.FormatEmail,
	}
	to, err := q.URL(saml.Redirect{RelayState: a.State})
	if err != nil {
		return err
	}
	err = s.requests.Put(saml.Pending{
		ID: q.ID, Session: cookie.Value, RelayState: a.State, Account: a.Region + "/" + a.Account, Provider: p,
		Asked: now, Expires: now.Add(requestLife),
	})
	if err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusFound)
	return nil
}

// Finish implements [BrowserSSO].
func (s *SAMLSSO) Finish(r *http.Request, lookup func(state string) (SSOAttempt, bool)) (SSOIdentity, error) {
	post, err := saml.ReadPost(nil, r)
	if err != nil {
		return SSOIdentity{}, err
	}
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return SSOIdentity{}, fmt.Errorf("browser: %w", err)
	}
	post.Session = cookie.Value
	a, ok := lookup(post.RelayState)
	if !ok {
		return SSOIdentity{}, errors.New("response to nothing that was asked in this browser")
	}
	v := saml.Validator{
		EntityID: a.Base, ACS: a.Base + PathSAMLReturn, Requests: s.requests, Replays: s.requests, Now: s.now,
	}
	id, err := v.Response(r.Context(), post)
	if err != nil {
		return SSOIdentity{}, err
	}
	if id.Account != a.Region+"/"+a.Account {
		return SSOIdentity{}, fmt.Errorf("response for account %q", id.Account)
	}
	return SSOIdentity{State: post.RelayState, Issuer: id.Issuer, Email: id.Email}, nil
}
