package faxcloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/platen-fax/platen/protocols/saml"
	"github.com/platen-fax/platen/protocols/xmcloud"
)

// XMOptions are the XM-style side: a compatible contract of our own, see
// docs/xmcloud-contract.md.
type XMOptions struct {
	// Regions that exist; default com, eu and ca without host names.
	Regions []XMRegion
	// Accounts that exist from the start.
	Accounts []XMAccount
	// STS asks an account's AD FS with a typed password: the old, brokered way.
	// nil: it cannot be reached.
	STS func(context.Context, STSRequest) (STSAnswer, error)
	// SSO signs people in at their company with a browser. nil: not possible.
	SSO BrowserSSO
	// PlainFailures answers a failed user_token with status 200, as some servers do.
	PlainFailures bool
	// CodeTTL is the life of a code for the phone; default 4 min.
	CodeTTL time.Duration
	// PollEvery is the interval told to who waits for the phone, in whole seconds;
	// default 5 s.
	PollEvery time.Duration
	// ChunkMax is the greatest piece of a document in bytes; default the
	// contract's bound.
	ChunkMax int64
	// Forgetful breaks the contract's promise that the same reference is the same
	// fax: a committed fax announced again becomes another one.
	Forgetful bool
}

// XMRegion is one of the separate clouds.
type XMRegion struct {
	Name string
	// Hosts are the names, with port if any, under which requests are this
	// region's.
	Hosts []string
	// Portal is the base URL of its portal; default https and the host that was
	// asked.
	Portal string
}

// XM is the XM-style side of a [Cloud]. It is safe for concurrent use.
type XM struct {
	c    *Cloud
	opts XMOptions

	mu       sync.Mutex
	regions  map[string]*xmRegion
	tokens   map[string]*userToken
	pairings []*pairing
	states   map[string]*pairing // browser sign-ins under way, by their state
	codeMiss []time.Time         // wrong user codes typed lately
	tickets  map[string]*ticket
	faxes    map[string]*xmFax // by id
	mails    []Mail
	links    map[string]*link
	audit    []Audit
	hashed   int // passwords compared
}

type xmRegion struct {
	XMRegion
	accounts map[string]*xmAccount
}

var accountID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$`)

func newXM(c *Cloud, o XMOptions) (*XM, error) {
	if len(o.Regions) == 0 {
		o.Regions = []XMRegion{{Name: "com"}, {Name: "eu"}, {Name: "ca"}}
	}
	if o.CodeTTL <= 0 {
		o.CodeTTL = 4 * time.Minute
	}
	if o.PollEvery < time.Second {
		o.PollEvery = firstInterval
	}
	if o.ChunkMax <= 0 || o.ChunkMax > xmcloud.MaxChunk {
		o.ChunkMax = xmcloud.MaxChunk
	}
	x := &XM{
		c: c, opts: o, regions: make(map[string]*xmRegion), tokens: make(map[string]*userToken),
		states: make(map[string]*pairing), tickets: make(map[string]*ticket), faxes: make(map[string]*xmFax),
		links: make(map[string]*link),
	}
	for _, r := range o.Regions {
		if r.Name == "" || x.regions[r.Name] != nil {
			return nil, fmt.Errorf("fax cloud: region %q twice or without a name", r.Name)
		}
		x.regions[r.Name] = &xmRegion{XMRegion: r, accounts: make(map[string]*xmAccount)}
	}
	for _, a := range o.Accounts {
		if err := x.AddAccount(a); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// XM returns the XM-style side.
func (c *Cloud) XM() *XM { return c.xm }

// Handler answers for every region under its host names.
func (x *XM) Handler() http.Handler {
	byHost := make(map[string]http.Handler)
	for _, r := range x.opts.Regions {
		h := x.RegionHandler(r.Name)
		for _, host := range r.Hosts {
			byHost[strings.ToLower(host)] = h
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := byHost[strings.ToLower(r.Host)]
		if h == nil {
			x.refuse(w, r, xmcloud.Error{Status: http.StatusMisdirectedRequest, Code: xmcloud.NotFound})
			return
		}
		h.ServeHTTP(w, r)
	})
}

// RegionHandler answers for one region under any host name. It panics for a
// region that does not exist.
func (x *XM) RegionHandler(region string) http.Handler {
	r := x.regions[region]
	if r == nil {
		panic("fax cloud: no region " + region)
	}
	return x.routes(r)
}

// AddAccount checks and adds an account with its users.
func (x *XM) AddAccount(a XMAccount) error {
	if a.SSO == "" {
		a.SSO = xmcloud.SSONone
	}
	x.mu.Lock()
	r := x.regions[a.Region]
	switch {
	case r == nil:
		x.mu.Unlock()
		return fmt.Errorf("account %q: no region %q", a.ID, a.Region)
	case !accountID.MatchString(a.ID):
		x.mu.Unlock()
		return fmt.Errorf("account %q: an id has at least two characters", a.ID)
	case r.accounts[a.ID] != nil:
		x.mu.Unlock()
		return fmt.Errorf("account %q exists in %s", a.ID, a.Region)
	}
	users, idps := a.Users, a.IdPs
	a.Users, a.IdPs = nil, nil
	a.Policy = a.Policy.withDefaults()
	r.accounts[a.ID] = &xmAccount{XMAccount: a, attempts: make(map[string]*attempts), replays: saml.NewMemory(keepReplays, x.c.now)}
	x.mu.Unlock()
	for _, p := range idps {
		if err := x.AddIdP(a.Region, a.ID, p); err != nil {
			return err
		}
	}
	for _, u := range users {
		if err := x.AddUser(a.Region, a.ID, u); err != nil {
			return err
		}
	}
	return nil
}

// AddIdP gives an account an identity provider. An issuer belongs to one account
// of a region only: it is what tells tenants apart.
func (x *XM) AddIdP(region, account string, p XMIdP) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	a, err := x.account(region, account)
	if err != nil {
		return err
	}
	if p.EntityID == "" || p.OIDC == nil && len(p.Certificates)+len(p.Fingerprints) == 0 {
		return errors.New("identity provider without issuer or certificate")
	}
	for _, other := range x.regions[region].accounts {
		if other != a && slices.ContainsFunc(other.IdPs, func(q XMIdP) bool { return q.EntityID == p.EntityID }) {
			return fmt.Errorf("issuer %q belongs to another account", p.EntityID)
		}
	}
	a.IdPs = append(a.IdPs, p)
	return nil
}

// account finds an account. x.mu is held.
func (x *XM) account(region, id string) (*xmAccount, error) {
	r := x.regions[region]
	if r == nil || r.accounts[id] == nil {
		return nil, fmt.Errorf("no account %q in %q", id, region)
	}
	return r.accounts[id], nil
}

// SupportView lists the accounts of a region that the vendor's support may see.
func (x *XM) SupportView(region string) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var ids []string
	for id, a := range x.regions[region].accounts {
		if !a.Restricted {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Audit is something the cloud writes down about a sign-in.
type Audit struct {
	When                          time.Time
	Region, Account, User         string
	What                          string // login, no-sso-login, approved, denied
	Device, RemoteAddr, UserAgent string
}

// AuditTrail returns what was written down, oldest first.
func (x *XM) AuditTrail() []Audit {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.audit)
}
