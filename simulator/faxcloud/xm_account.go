package faxcloud

import (
	"time"

	"github.com/platen-fax/platen/protocols/saml"
	"github.com/platen-fax/platen/protocols/xmcloud"
)

// XMPolicy is what an account demands. Zero values get the defaults.
type XMPolicy struct {
	LockAfter    int           // failures in a row; default 6
	LockFor      time.Duration // default 30 min
	PasswordDays int           // 0: passwords do not expire
	OTP          string        // "" (off), optional or mandatory
	MinLength    int           // of a new password; default 8
	Complex      bool          // a new password needs lower and upper case and a digit or sign
	History      int           // former passwords that may not come back
	InviteTTL    time.Duration // default 7 days
	ResetTTL     time.Duration // default 24 h
	Idle         time.Duration // of a user's token; default 15 min
	TicketMax    time.Duration // longest life of a ticket; default 7 days
	JIT          bool          // a good assertion makes an unknown user
}

// XMAccount is an enterprise account of one region.
type XMAccount struct {
	Region, ID string
	Company    string   // as people call it; "" is ID
	Domains    []string // of its people's addresses
	SSO        xmcloud.SSO
	Policy     XMPolicy
	Users      []XMUser
	Connectors []XMConnector
	Numbers    []string // sending numbers, E.164
	IdPs       []XMIdP
	WSTrust    xmcloud.WSTrust
	// Brokered lets user_token pass typed passwords on to AD FS; its host must be
	// in STSAllowed unless the account is Grandfathered.
	Brokered      bool
	STSAllowed    []string
	Grandfathered bool
	// Restricted hides the account from the vendor's own support.
	Restricted bool
}

// XMConnector is an enrolled installation with a credential of its own.
type XMConnector struct {
	Token       string
	Permissions []string
	Devices     []string // enrolled ids
	Revoked     bool
}

// XMIdP is an identity provider of an account. Several may overlap in time, as
// in a change of provider or certificate.
type XMIdP struct {
	saml.IdentityProvider
	// OIDC is set for an OpenID provider; EntityID is its issuer then.
	OIDC        *OIDCClient
	From, Until time.Time // zero: open
}

type xmAccount struct {
	XMAccount
	users    []*xmUser
	attempts map[string]*attempts
	replays  *saml.Memory
}

func (p XMPolicy) withDefaults() XMPolicy {
	if p.LockAfter <= 0 {
		p.LockAfter = 6
	}
	if p.MinLength <= 0 {
		p.MinLength = 8
	}
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&p.LockFor, 30*time.Minute)
	def(&p.InviteTTL, 7*24*time.Hour)
	def(&p.ResetTTL, 24*time.Hour)
	def(&p.Idle, 15*time.Minute)
	def(&p.TicketMax, 7*24*time.Hour)
	return p
}
