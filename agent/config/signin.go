package config

import (
	"net/netip"
	"slices"
	"time"
)

// What sign_in.account takes: how the people have their accounts.
const (
	AccountAuto    = "auto"    // the service is asked for each e-mail domain
	AccountOwn     = "none"    // no single sign-on: the service's own passwords
	AccountWSTrust = "wstrust" // AD FS
	AccountSAML    = "saml2"
	AccountOIDC    = "oidc"
)

// What sign_in.methods takes.
const (
	MethodPassword     = "password"      // the service's own password, typed at the panel
	MethodCompany      = "company"       // the company's password, checked by its AD FS
	MethodBrokered     = "brokered"      // the company's password, handed to the service; never on by itself
	MethodPhone        = "phone"         // on the phone, through the service
	MethodCompanyPhone = "company-phone" // on the phone, at the company's own provider
)

// What further enumerations of sign_in take.
const (
	DirectoryCSV  = "csv"
	DirectoryLDAP = "ldap"
	DirectorySCIM = "scim"

	SchemaAD            = "ad"
	SchemaInetOrgPerson = "inetorgperson"

	PINOff      = "off"
	PINOptional = "optional"
	PINRequired = "required"

	UnreachableRefuse = "refuse"
	UnreachableQueue  = "queue"
)

// SignIn is how people at devices that are not in shared-account mode say who
// they are.
type SignIn struct {
	Service     string        `yaml:"service"`     // id of the fax service where the people have accounts; empty: none
	Account     string        `yaml:"account"`     // one of the Account constants; after Load auto only with a Service
	Domains     []string      `yaml:"domains"`     // e-mail domains that may sign in, lower case; empty: all
	Methods     []string      `yaml:"methods"`     // Method constants; written as [] none; after Load all that are on
	Company     Company       `yaml:"company"`     // AD FS
	Provider    Provider      `yaml:"provider"`    // OpenID
	Directory   Directory     `yaml:"directory"`   // who people and badges are
	Known       bool          `yaml:"known_only"`  // whoever signs in must be in the directory too
	Badge       Badge         `yaml:"badge"`       //
	Unreachable string        `yaml:"unreachable"` // refuse or queue, when the sign-in does not answer
	Pause       time.Duration `yaml:"pause"`       // after two failures
	Window      time.Duration `yaml:"window"`      // four failures in it: no more until it is over
}

// Company is an AD FS that is asked with typed passwords.
type Company struct {
	Hosts        []string `yaml:"hosts"`         // the only hosts a password goes to: name or name:port
	MEX          string   `yaml:"mex"`           // https URL of the metadata; empty: as the service says, or where AD FS has it on the first of Hosts
	Endpoint     string   `yaml:"endpoint"`      // https URL used when MEX does not answer; empty: none
	RelyingParty string   `yaml:"relying_party"` // empty: as the service says
	CAFile       string   `yaml:"ca_file" cfg:"path"`
}

// Provider is an OpenID provider with the device grant of RFC 8628.
type Provider struct {
	Issuer       string   `yaml:"issuer"` // exactly as in its tokens
	ClientID     string   `yaml:"client_id"`
	Tenant       string   `yaml:"tenant"`        // wanted in the claim tid; empty: not looked at
	Hosts        []string `yaml:"hosts"`         // beside the issuer's
	Resource     string   `yaml:"resource"`      // for AD FS versions that want one
	EmailClaims  []string `yaml:"email_claims"`  // in order; empty: email
	DiscoveryURL string   `yaml:"discovery_url"` // empty: below the issuer
	CAFile       string   `yaml:"ca_file" cfg:"path"`
}

// Directory knows people by badge and by name. An empty Kind is none; each kind
// has keys of its own.
type Directory struct {
	Kind string `yaml:"kind"`

	File string `yaml:"file" cfg:"path"` // csv

	Servers       []string `yaml:"servers"` // ldap: ldaps:// or, with StartTLS, ldap://
	BaseDN        string   `yaml:"base_dn"`
	BindDN        string   `yaml:"bind_dn"`
	Password      Secret   `yaml:"password_file"`
	Schema        string   `yaml:"schema"`         // ad or inetorgperson
	MailAttribute string   `yaml:"mail_attribute"` // empty: the schema's
	AllowGroup    string   `yaml:"allow_group"`    // DN of the group that may send; empty: all
	CAFile        string   `yaml:"ca_file" cfg:"path"`

	BadgeAttribute string `yaml:"badge_attribute"` // ldap and scim; empty: the schema's

	Listen  string         `yaml:"listen"` // scim: host:port
	TLSCert string         `yaml:"tls_cert_file" cfg:"path"`
	TLSKey  string         `yaml:"tls_key_file" cfg:"path"`
	Token   Secret         `yaml:"token_file"`
	Allow   []netip.Prefix `yaml:"allow"` // who is answered; empty: everybody with the token
	Path    string         `yaml:"path"`  // of the address told to the cloud directory
}

// Badge is what a badge needs beside itself.
type Badge struct {
	PIN  string `yaml:"pin"`  // off, optional (who has one types it) or required
	Link bool   `yaml:"link"` // an unknown badge may be linked by signing in once
}

// Reader is a badge reader on a serial line; an empty Port is none.
type Reader struct {
	Port     string   `yaml:"port"`      // such as /dev/ttyUSB0 or COM3; never made absolute
	Profile  string   `yaml:"profile"`   // one of ReaderProfiles
	Baud     int      `yaml:"baud"`      //
	DataBits int      `yaml:"data_bits"` // 5 to 8
	Parity   string   `yaml:"parity"`    // none, odd or even
	StopBits int      `yaml:"stop_bits"` // 1 or 2
	Steps    []string `yaml:"steps"`     // instead of the profile's; empty: the profile's
}

// Has says that method is on.
func (s SignIn) Has(method string) bool { return slices.Contains(s.Methods, method) }

// OtherWay says that people at a device-login device can sign in without their
// badge: with a phone, or by typing where the panel may ask for a password.
func (c *Config) OtherWay() bool {
	return c.SignIn.OnPhone() || c.SignIn.Typed() && c.Panel.Private()
}

// InMode says that there is a device in this mode.
func (c *Config) InMode(mode string) bool {
	return slices.ContainsFunc(c.Devices, func(d Device) bool { return d.Mode == mode })
}
