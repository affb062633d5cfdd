// Package wstrust signs people in with the password of their company: it asks
// the company's AD FS for an assertion and hands that, never the password, to
// the fax service.
//
// What lives here: which farm is asked and which may be, the one attempt, and
// what its failures mean to people. What does not: the protocol
// (protocols/wstrust), counting attempts and the panel (package signin), and
// what the fax service does with an assertion.
package wstrust

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/protocols/wstrust"
)

// Times of one attempt. Finding the farm gets its own share, so that a slow one
// leaves time for an answer to the password or is not sent it at all. Together
// they stay under what a panel waits.
const (
	findTime = 6 * time.Second
	tryTime  = 17 * time.Second
)

// Exchange turns an assertion into an identity at a fax service. saml2 says that
// it is of SAML 2.0, else 1.1. It makes one request; the assertion is not kept
// and must be passed on byte for byte. Failures are *[signin.Refused].
type Exchange interface {
	Assert(ctx context.Context, t signin.Terminal, saml2 bool, assertion []byte) (signin.Identity, error)
}

// Options of a [Method]. Client is required, and so is some way to find the
// farm: MEX, Fallback, Hosts, or the discovery of each attempt.
type Options struct {
	// Client asks the farm. Its allowed hosts come from the configuration and
	// from nowhere else: they are what keeps a password from a host that somebody
	// else named.
	Client *wstrust.Client
	// Hosts are the same pinned hosts. The first is where the metadata is looked
	// for, by AD FS's convention, when neither MEX nor discovery names an address.
	Hosts []string
	// MEX is the address of the metadata; it wins over what discovery says.
	MEX string
	// Fallback is the password endpoint to use where there is no metadata.
	Fallback string
	// RelyingParty is the fax service's identifier at the farm, to the letter; it
	// wins over what discovery says. A site that sets it cannot be made to ask for
	// a token that another of its services would take.
	RelyingParty string
	// Exchange takes the assertion. Nil: the fax service knows no people, and the
	// assertion itself says who it is; see [Method.Try].
	Exchange Exchange
	// Now is the clock that an assertion's times are held against; nil for the
	// system's. It should be the Client's.
	Now func() time.Time
}

// Method is the way [signin.WayCompany].
type Method struct{ o Options }

var _ signin.Typed = (*Method)(nil)

// New returns the method and does no I/O. It panics without a Client, which is
// an error of the program.
func New(o Options) *Method {
	if o.Client == nil {
		panic("signin/wstrust: no client")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Method{o: o}
}

// Try implements [signin.Typed]. It reads the metadata and compares clocks,
// which sends nothing of the person, then sends the password once, to a pinned
// https host, and wipes a.Secret before anybody else is asked. It takes 17 s at
// the most, and the exchange as long as that lets it.
//
// Without an Exchange the e-mail claim of the assertion is the identity and its
// signature is not looked at. That is enough: the answer came over TLS, on the
// connection this request went out on, from a host that the administrator
// pinned, and only for the relying party that was asked for. Whoever could forge
// it there could as well sign it. It is not shown for confirmation, because the
// person typed name and password here.
func (m *Method) Try(ctx context.Context, a signin.Attempt) (signin.Identity, error) {
	defer signin.Wipe(a.Secret)
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	switch a.Discovery.Account {
	case signin.AccountSAML, signin.AccountOIDC:
		return signin.Identity{}, &signin.Refused{Problem: signin.PhoneOnly}
	case signin.AccountOwn:
		return signin.Identity{}, &signin.Refused{Problem: signin.NoWay}
	}
	party := first(m.o.RelyingParty, a.Discovery.RelyingParty)
	site := wstrust.Site{MEX: first(m.o.MEX, a.Discovery.MEX, m.conventional()), Fallback: m.o.Fallback}
	if party == "" || site.MEX == "" {
		return signin.Identity{}, &signin.Refused{Problem: signin.CompanyConfig, Err: errors.New("neither configuration nor discovery names the metadata and the relying party")}
	}
	route, err := m.find(ctx, site)
	if err != nil {
		return signin.Identity{}, refused(err)
	}
	token, err := m.o.Client.Issue(ctx, route, wstrust.Request{Username: a.Name, Password: a.Secret, AppliesTo: party})
	if err != nil {
		return signin.Identity{}, refused(err)
	}
	defer signin.Wipe(token.Assertion)
	if m.o.Exchange == nil {
		return m.claimed(token, party)
	}
	id, err := m.o.Exchange.Assert(ctx, a.Terminal, token.SAML == wstrust.SAML20, token.Assertion)
	if err != nil {
		if _, ok := errors.AsType[*signin.Refused](err); !ok {
			err = &signin.Refused{Problem: signin.Broken, Err: fmt.Errorf("exchanging the assertion: %w", err)}
		}
		return signin.Identity{}, err
	}
	id.Way = signin.WayCompany
	return id, nil
}

func (m *Method) find(ctx context.Context, site wstrust.Site) (wstrust.Route, error) {
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	return m.o.Client.Discover(ctx, site)
}

// conventional is the address every AD FS has its metadata at.
func (m *Method) conventional() string {
	if len(m.o.Hosts) == 0 {
		return ""
	}
	return "https://" + m.o.Hosts[0] + "/adfs/services/trust/mex"
}

// claimed is who the assertion says it is.
func (m *Method) claimed(token *wstrust.Token, party string) (signin.Identity, error) {
	person, err := read(token.Assertion, party, m.o.Now())
	if err != nil {
		return signin.Identity{}, err
	}
	return signin.Identity{Person: person, Way: signin.WayCompany}, nil
}

func first(names ...string) string {
	for _, n := range names {
		if n != "" {
			return n
		}
	}
	return ""
}
