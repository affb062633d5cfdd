package world

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/platen-fax/platen/protocols/saml"
	"github.com/platen-fax/platen/protocols/wstrust"
	"github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/adfs"
	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/idp"
)

// Company is the people of the world and how they sign in. It matters in every
// mode but shared-account.
type Company struct {
	// Account is how people sign in at the XM-style cloud: one of Accounts; "" is
	// AccountOwn.
	Account string
	// Provider is the manner of a SAML or OpenID provider; "" is idp.Entra.
	Provider idp.Profile
	People   []Person // nil: Ann and Bob
	// Code is the cloud's policy about one-time codes: "", optional or mandatory.
	Code string
	// CodeTime is how long a code for the phone is good; 0: the parts' own.
	CodeTime time.Duration
	// TicketTime is the longest life of the authority for one fax, and Idle of a
	// person's session at the cloud; 0: the cloud's own.
	TicketTime, Idle time.Duration
	// Brokered lets the cloud ask AD FS with a typed password.
	Brokered bool
	// Barred leaves the company's AD FS out of the cloud's list for that.
	Barred bool
	ADFS   adfs.Behaviour
	Knobs  idp.Knobs // of the OpenID provider
	// Directory is where badges and people are looked up: DirectoryCSV or
	// DirectorySCIM; "" is the file where the mode is device-login, else none.
	Directory string
	// Launch gives the devices keys to vouch for people whom they signed in.
	Launch bool
}

// How people of an account sign in.
const (
	AccountOwn     = "none" // passwords of the cloud's own
	AccountWSTrust = "wstrust"
	AccountSAML    = "saml2"
	AccountOIDC    = "oidc"
)

// Accounts lists them.
func Accounts() []string { return []string{AccountOwn, AccountWSTrust, AccountSAML, AccountOIDC} }

// Kinds of directories.
const (
	DirectoryCSV  = "csv"
	DirectorySCIM = "scim"
)

// The company's names.
const (
	domain       = "example.com"
	relyingParty = "https://fax.example.com/"
	clientID     = "platen-panels"
	cloudClient  = "fax-cloud"
)

// expiry is how old a password may get, where it may not get any age.
const expiry = 90

// account is the one account of the XM-style side. Its connector enrols the
// agent and every device.
func (w *World) account(c Company) faxcloud.XMAccount {
	devices := []string{xmDevice}
	for _, s := range w.Stations {
		devices = append(devices, s.ID)
	}
	a := faxcloud.XMAccount{
		Region: xmRegion, ID: xmAccount, Domains: []string{domain}, Numbers: []string{w.fromPhone},
		Connectors: []faxcloud.XMConnector{{
			Token: w.connector, Devices: devices,
			Permissions: []string{xmcloud.MaySend, xmcloud.MaySendFor, xmcloud.MayTakeTicket},
		}},
		SSO:      xmcloud.SSO(c.Account),
		Policy:   faxcloud.XMPolicy{OTP: c.Code, TicketMax: c.TicketTime, Idle: c.Idle, PasswordDays: expiry},
		Brokered: c.Brokered,
	}
	if w.farm != nil {
		a.WSTrust = xmcloud.WSTrust{MEXURL: w.farm.url() + adfs.PathMEX, RPIdentifier: relyingParty, AllowedHosts: []string{w.farm.host}}
		if !c.Barred {
			a.STSAllowed = []string{"127.0.0.1"}
		}
	}
	return a
}

// takePorts gives the parts of the company their addresses.
func (w *World) takePorts(c Company) (err error) {
	switch c.Account {
	case AccountWSTrust:
		w.farm, err = w.newSite("AD FS")
	case AccountSAML, AccountOIDC:
		w.provider, err = w.newSite("identity provider")
	}
	return err
}

// addCompany starts what the account needs and tells the cloud whom to believe.
func (w *World) addCompany(ctx context.Context, o Options) error {
	c := o.Company
	manner := c.Provider
	if manner == "" {
		manner = idp.Entra
	}
	var trust faxcloud.XMIdP
	var err error
	switch c.Account {
	case AccountWSTrust:
		trust, err = w.addADFS(ctx, c, o.Log)
	case AccountSAML:
		base := w.xm.url() + "/"
		w.SAML, err = idp.NewSAML(idp.SAMLOptions{
			Profile: manner, Base: w.provider.url(), Users: w.atProvider(), Log: o.Log,
			Services: map[string][]string{base: {base + faxcloud.PathSAMLReturn}},
		})
		if err != nil {
			return err
		}
		w.serve(ctx, w.provider, w.SAML.Handler(), o.Log)
		trust.IdentityProvider = saml.IdentityProvider{EntityID: w.SAML.Issuer(), SSO: w.SAML.SSO(), Certificates: w.SAML.Certificates()}
	case AccountOIDC:
		w.OIDC, err = idp.NewOIDC(idp.OIDCOptions{
			Shape: manner, Base: w.provider.url(), Users: w.atProvider(), Log: o.Log,
			Clients: map[string]string{clientID: "Platen", cloudClient: "the fax cloud"},
			Returns: map[string][]string{cloudClient: {w.xm.url() + "/" + faxcloud.PathOIDCReturn}},
			Life:    c.CodeTime, Interval: time.Second,
		})
		if err != nil {
			return err
		}
		w.OIDC.SetKnobs(c.Knobs)
		w.serve(ctx, w.provider, w.OIDC.Handler(), o.Log)
		trust.EntityID, trust.OIDC = w.OIDC.Issuer(), &faxcloud.OIDCClient{ClientID: cloudClient, HTTP: w.Client()}
	default:
		return nil
	}
	if err != nil {
		return err
	}
	return w.Fax.XM().AddIdP(xmRegion, xmAccount, trust)
}

func (w *World) addADFS(ctx context.Context, c Company, log *slog.Logger) (faxcloud.XMIdP, error) {
	var users []adfs.User
	for _, id := range w.order {
		users = append(users, w.persons[id].atADFS())
	}
	var err error
	w.ADFS, err = adfs.New(adfs.Options{
		Host: w.farm.host, Users: users, RelyingParties: []adfs.RelyingParty{{ID: relyingParty}}, LockAfter: 6,
		AlternateLogin: true, Log: log,
	})
	if err != nil {
		return faxcloud.XMIdP{}, err
	}
	w.serve(ctx, w.farm, w.ADFS.Handler(), log)
	// What is sent in the clear must arrive somewhere to be noticed.
	if w.plain, err = w.servePlain(ctx, "AD FS in the clear", w.ADFS.Handler(), log); err != nil {
		return faxcloud.XMIdP{}, err
	}
	w.SetADFS(c.ADFS)
	return faxcloud.XMIdP{IdentityProvider: saml.IdentityProvider{
		EntityID: w.ADFS.Issuer(w.farm.host), SSO: w.farm.url() + "/adfs/ls/", Certificates: w.ADFS.Certificates(),
	}}, nil
}

// SetADFS changes the mood of the farm. Addresses it gives out in the clear are
// of a port that writes down what comes.
func (w *World) SetADFS(b adfs.Behaviour) {
	if b.Elsewhere == "" && slices.Contains([]adfs.MEX{adfs.MEXPlain, adfs.MEXPlainFirst}, b.MEX) {
		b.Elsewhere = w.plain
	}
	w.ADFS.Set(b)
}

func (w *World) atProvider() []idp.User {
	var users []idp.User
	for _, id := range w.order {
		users = append(users, w.persons[id].atProvider())
	}
	return users
}

// Client returns a client that trusts the world's authority only, such as the
// browser of a phone has inside.
func (w *World) Client() *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: w.Pool(), MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
	}}
}

// askADFS is the cloud with a typed password at the company: the brokered way.
func (w *World) askADFS(ctx context.Context, r faxcloud.STSRequest) (faxcloud.STSAnswer, error) {
	client, err := wstrust.New(wstrust.Config{HTTP: &http.Client{Transport: w.Client().Transport}, AllowedHosts: []string{w.farm.host}})
	if err != nil {
		return faxcloud.STSAnswer{}, err
	}
	route, err := client.Discover(ctx, wstrust.Site{MEX: r.MEXURL})
	if err != nil {
		return faxcloud.STSAnswer{}, err
	}
	token, err := client.Issue(ctx, route, wstrust.Request{
		Username: r.Email, Password: slices.Clone(r.Password), AppliesTo: r.RPIdentifier,
	})
	if wstrust.VerdictOf(err) == wstrust.VerdictBadCredentials {
		return faxcloud.STSAnswer{}, &xmcloud.Error{Status: http.StatusUnauthorized, Code: xmcloud.BadCredentials}
	}
	if err != nil {
		return faxcloud.STSAnswer{}, err
	}
	grant := xmcloud.GrantSAML11
	if token.SAML == wstrust.SAML20 {
		grant = xmcloud.GrantSAML2
	}
	return faxcloud.STSAnswer{Grant: grant, Assertion: token.Assertion}, nil
}

// checkCompany finds what cannot be.
func checkCompany(c Company) error {
	if !slices.Contains(Accounts(), c.Account) {
		return fmt.Errorf("no account kind %q", c.Account)
	}
	if d := c.Directory; d != "" && d != DirectoryCSV && d != DirectorySCIM {
		return fmt.Errorf("no directory %q", d)
	}
	return nil
}
