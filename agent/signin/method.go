package signin

import (
	"context"
	"time"

	"github.com/platen-fax/platen/agent/job"
)

// Way is one way to sign in, as a person chooses it.
type Way string

// The ways.
const (
	WayPassword     Way = "password"      // the fax service's own password, and a one-time code where it asks
	WayCompany      Way = "company"       // the company's password, checked by its AD FS at the request of this agent
	WayBrokered     Way = "brokered"      // the company's password, handed to the fax service, which asks AD FS: the old way
	WayPhone        Way = "phone"         // on the phone, at the fax service, which asks the company
	WayCompanyPhone Way = "company-phone" // on the phone, at the company's provider itself
	WayBadge        Way = "badge"         // a badge and the directory
	WayLaunch       Way = "launch"        // the device signed the person in and vouches for it
)

// Typed reports whether a person types a secret at the panel for this way.
func (w Way) Typed() bool { return w == WayPassword || w == WayCompany || w == WayBrokered }

// OnPhone reports whether the person signs in on the phone.
func (w Way) OnPhone() bool { return w == WayPhone || w == WayCompanyPhone }

// Account is how people of a company sign in at the fax service.
type Account string

// The kinds of accounts.
const (
	AccountOwn     Account = "none"    // no single sign-on: the service's own passwords
	AccountWSTrust Account = "wstrust" // WS-Trust and WS-Federation, which means AD FS
	AccountSAML    Account = "saml2"
	AccountOIDC    Account = "oidc"
)

// Discovery says how the people of an e-mail domain sign in. It does not depend
// on who the person is.
type Discovery struct {
	Account Account
	// Email says that a user name is no use, only an e-mail address.
	Email bool
	// MEX is the metadata address of the company's AD FS and RelyingParty the name
	// the service has there; "" where discovery does not know. They are a proposal
	// of the other side: a password goes to pinned hosts only.
	MEX, RelyingParty string
	// NoPhone and NoBrokered say that the service does not offer these ways for
	// this account.
	NoPhone, NoBrokered bool
}

// Discoverer finds out how an e-mail address signs in. It makes one request and
// sends no secret; safe for concurrent use. Failures are *[Refused].
type Discoverer interface {
	Discover(ctx context.Context, email string) (Discovery, error)
}

// Terminal is the device somebody stands at, as services are told.
type Terminal struct {
	ID       string // of the configuration
	Name     string // as people call it
	Location string // name of the site; may be empty
}

// Attempt is what a person typed. A method makes one attempt of it and keeps
// nothing; the caller wipes Secret afterwards.
type Attempt struct {
	Terminal  Terminal
	Name      string // e-mail address or user name, as typed
	Secret    []byte
	Code      string // one-time code; "" before one was asked for
	Discovery Discovery
}

// Typed is a method in which people type a secret. Safe for concurrent use.
type Typed interface {
	// Try makes exactly one attempt, in bounded time. A failure is a *[Refused];
	// its Spent says whether the other side may have counted it.
	Try(ctx context.Context, a Attempt) (Identity, error)
}

// Paired is a method in which people sign in on their phone. Safe for
// concurrent use.
type Paired interface {
	// Start asks for a code to show. lang is of the panel, "en" or "fr".
	Start(ctx context.Context, t Terminal, lang string) (Pairing, error)
}

// Pairing is one code on one panel.
type Pairing interface {
	// Shown is what the panel shows.
	Shown() Shown
	// Wait blocks until the person acted, the code ran out or ctx ended, polling
	// no faster than the other side allows. It is called once. Failures are
	// *[Refused], or ctx's error.
	Wait(ctx context.Context) (Identity, error)
}

// Shown is what a panel shows for signing in by phone.
type Shown struct {
	Address string    // to type, such as "https://fax.example/device"
	Code    string    // to type there
	QR      string    // address for the QR code
	Match   string    // number that the phone shows as well; "" where there is none
	Expires time.Time // when the code ends
}

// Identity is somebody who signed in.
type Identity struct {
	Person job.Person
	Way    Way
	// Claimed is the address that somebody typed whom nobody could check, where
	// policy lets the fax wait in the device's name; Person is zero then.
	Claimed string
	// Ask says that the panel must show name and address and ask "Is this you?",
	// because nothing on the phone told which panel it was for.
	Ask bool
	// Authority is the person's own at the fax service; nil: the service's
	// account sends in the person's name.
	Authority Authority
}

// Authority is what a person may do at a fax service while the session lives. It
// holds a credential, stays in this process and is never stored. Safe for
// concurrent use.
type Authority interface {
	// Service is the id of the fax service it is good for.
	Service() string
	// Grant makes the authority for one job. It makes one request. A *[Refused]
	// with [SignInAgain] says that the credential has ended.
	Grant(ctx context.Context, t Terms) (job.Grant, error)
	// End gives the credential back, in bounded time; the second call does
	// nothing.
	End(ctx context.Context) error
}

// Terms are the job an authority is asked for.
type Terms struct {
	Job        job.ID
	Device     string
	Recipients []job.Recipient
	NotBefore  time.Time // zero: now
	Until      time.Time // how long it should be good; the service may grant less
}

// DeviceCode is a code that a fax service gave for signing in by phone.
type DeviceCode struct {
	Device   string // the secret that asks for the outcome; never shown
	User     string // to type on the phone
	Address  string // where to type it
	Complete string // Address with the code, for the QR code
	Match    string // number that the phone shows as well; "" where there is none
	Expires  time.Time
	Interval time.Duration // between two questions about the outcome, at least
}
