package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"

	"github.com/platen-fax/platen/agent/app"
	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/deliver/faxplus"
	"github.com/platen-fax/platen/agent/deliver/xmcloud"
	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/directory/csv"
	"github.com/platen-fax/platen/agent/directory/ldap"
	"github.com/platen-fax/platen/agent/directory/scim"
	"github.com/platen-fax/platen/agent/doctor"
	"github.com/platen-fax/platen/agent/signin"
	signinbadge "github.com/platen-fax/platen/agent/signin/badge"
	"github.com/platen-fax/platen/agent/signin/password"
	"github.com/platen-fax/platen/agent/signin/phone"
	signincompany "github.com/platen-fax/platen/agent/signin/wstrust"
	signincloud "github.com/platen-fax/platen/agent/signin/xmcloud"
	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/devices/esclscan"
	"github.com/platen-fax/platen/devices/serialbadge"
	"github.com/platen-fax/platen/protocols/badge"
	"github.com/platen-fax/platen/protocols/deviceflow"
	"github.com/platen-fax/platen/protocols/wstrust"
	xmwire "github.com/platen-fax/platen/protocols/xmcloud"
)

// drivers names every concrete driver, fax service, directory and way to sign
// in. It is the only place that does; a new one is one line here.
func drivers() app.Drivers {
	tokens := signincloud.NewTokens() // outlive what a reload makes anew
	return app.Drivers{
		Scanners: map[string]func(app.ScannerConfig) (devices.Scanner, error){
			"escl": newESCL,
		},
		Services: map[string]func(app.ServiceConfig) (deliver.Service, error){
			"faxplus": newFaxPlus,
			"xmcloud": newXMCloud,
		},
		Directories: map[string]func(app.DirectoryConfig) (directory.Directory, error){
			config.DirectoryCSV:  newCSV,
			config.DirectoryLDAP: newLDAP,
			config.DirectorySCIM: newSCIM,
		},
		Reader: newReader,
		SignIn: func(c app.SignInConfig) (app.Methods, error) { return newSignIn(c, tokens) },
		Badges: newBadges,
		Launch: newLaunch,
	}
}

func newESCL(c app.ScannerConfig) (devices.Scanner, error) {
	quirks, err := esclscan.ParseQuirks(c.Device.Quirks)
	if err != nil {
		return nil, err
	}
	return esclscan.New(c.Device.URL, esclscan.Options{Device: c.Device.ID, HTTPClient: c.Client, Quirks: quirks, BusyWait: c.BusyWait})
}

func newFaxPlus(c app.ServiceConfig) (deliver.Service, error) {
	user, from := c.Service.Account, c.Service.From
	if user == "self" {
		user = "" // the account of the token
	}
	if from == "no_number" {
		from = "" // the service's own word for members without a number
	}
	return faxplus.New(faxplus.Options{
		ID: c.Service.ID, BaseURL: c.Service.URL, User: user, From: from,
		Clients: c.Clients, Token: c.Token, Settle: c.Settle,
	})
}

func newXMCloud(c app.ServiceConfig) (deliver.Service, error) {
	from := c.Service.From
	if from == "no_number" {
		from = "" // the service chooses
	}
	return xmcloud.New(xmcloud.Options{
		ID: c.Service.ID, Endpoint: c.Service.URL, Account: c.Service.Account, Hosts: c.Service.Hosts,
		Device: c.Service.Device, From: from, Clients: c.Clients, Token: c.Token, Settle: c.Settle,
	})
}

// directoryID names the one directory of a configuration in errors.
const directoryID = "sign_in.directory"

func newCSV(c app.DirectoryConfig) (directory.Directory, error) {
	return csv.Open(directoryID, c.Directory.File, c.Log)
}

func newLDAP(c app.DirectoryConfig) (directory.Directory, error) {
	d := c.Directory
	schema := ldap.ActiveDirectory()
	if d.Schema == config.SchemaInetOrgPerson {
		schema = ldap.InetOrgPerson()
	}
	schema.Badge = cmp.Or(d.BadgeAttribute, schema.Badge)
	schema.Mail = cmp.Or(d.MailAttribute, schema.Mail)
	schema.AllowGroup = d.AllowGroup
	return ldap.New(ldap.Options{
		ID: directoryID, Servers: d.Servers, TLS: &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12},
		BaseDN: d.BaseDN, BindDN: d.BindDN, Password: d.Password.Read, Schema: schema, Log: c.Log,
	})
}

func newSCIM(c app.DirectoryConfig) (directory.Directory, error) {
	return scim.Open(scim.Options{
		ID: directoryID, Base: c.Directory.Path, Keeper: c.Keeper, Badge: c.Directory.BadgeAttribute, Now: c.Now, Deactivated: c.Deactivated,
		Token: func() string {
			token, err := c.Directory.Token.Read()
			if err != nil {
				c.Log.Error("the cloud directory is refused: no token", "err", err)
				return ""
			}
			return token
		},
	})
}

func newReader(c app.ReaderConfig) (func() (devices.BadgeReader, error), error) {
	profile, err := badge.Lookup(c.Reader.Profile)
	if err != nil {
		return nil, err
	}
	if len(c.Reader.Steps) > 0 {
		profile.Steps = c.Reader.Steps
	}
	if _, err := profile.Compile(); err != nil {
		return nil, err
	}
	o := serialbadge.Options{
		Device: c.Device, Path: c.Reader.Port, Profile: profile,
		Baud: c.Reader.Baud, DataBits: c.Reader.DataBits, Parity: c.Reader.Parity, StopBits: c.Reader.StopBits,
	}
	return func() (devices.BadgeReader, error) { return serialbadge.Open(o) }, nil
}

func newBadges(c app.BadgesConfig) app.Badges {
	return signinbadge.New(signinbadge.Options{
		Directory: c.Directory, Registry: c.Registry, PIN: c.Badge.PIN, Link: c.Badge.Link, Events: c.Events, Log: c.Log,
	})
}

func newLaunch(c app.LaunchConfig) app.LaunchFunc {
	return signinbadge.NewLaunch(signinbadge.LaunchOptions{Key: c.Key, Directory: c.Directory, Registry: c.Registry, Now: c.Now}).Person
}

// newSignIn makes the ways to sign in that are switched on.
func newSignIn(c app.SignInConfig, tokens *signincloud.Tokens) (app.Methods, error) {
	m := app.Methods{Typed: map[signin.Way]signin.Typed{}, Paired: map[signin.Way]signin.Paired{}}
	var cloud *signincloud.Cloud
	if c.Service.Service.ID != "" {
		client, err := xmwire.New(xmwire.Config{
			HTTP: c.Service.Clients.API, Commit: c.Service.Clients.Commit, Endpoint: c.Service.Service.URL,
			Account: c.Service.Service.Account, Hosts: c.Service.Service.Hosts, Token: c.Service.Token,
		})
		if err != nil {
			return m, fmt.Errorf("service %s: %w", c.Service.Service.ID, err)
		}
		cloud = signincloud.New(signincloud.Options{Service: c.Service.Service.ID, Client: client, Tokens: tokens, Now: c.Now})
		m.Discover = cloud
	}
	for _, name := range c.SignIn.Methods {
		way := signin.Way(name)
		switch way {
		case signin.WayCompany:
			if err := addCompany(&m, c, cloud); err != nil {
				return m, fmt.Errorf("company: %w", err)
			}
		case signin.WayCompanyPhone:
			if err := addProvider(&m, c); err != nil {
				return m, fmt.Errorf("provider: %w", err)
			}
		case signin.WayPassword, signin.WayBrokered, signin.WayPhone:
			switch {
			case cloud == nil:
				return m, fmt.Errorf("method %s needs a service", name)
			case way == signin.WayPhone:
				m.Paired[way] = phone.NewCloud(phone.CloudOptions{Cloud: cloud, Now: c.Now})
			default:
				m.Typed[way] = password.New(password.Options{Way: way, Cloud: cloud})
			}
		default:
			return m, fmt.Errorf("method %q is not built in", name)
		}
	}
	return m, nil
}

// addCompany adds the password that the company's AD FS checks. Whose fax it is
// says the fax service where it has the people's accounts, else the assertion.
func addCompany(m *app.Methods, c app.SignInConfig, cloud *signincloud.Cloud) error {
	co := c.SignIn.Company
	hosts, err := wstrust.ParseHosts(co.Hosts)
	if err != nil {
		return err
	}
	client, err := wstrust.New(wstrust.Config{HTTP: c.Company, AllowedHosts: co.Hosts, Now: c.Now})
	if err != nil {
		return err
	}
	o := signincompany.Options{
		Client: client, Hosts: co.Hosts, MEX: co.MEX, Fallback: co.Endpoint, RelyingParty: co.RelyingParty, Now: c.Now,
	}
	if cloud != nil {
		o.Exchange = cloud
	}
	method := signincompany.New(o)
	m.Typed[signin.WayCompany] = method
	m.Pinned = func(address string) bool { _, err := hosts.Check(address); return err == nil }
	m.Farm = func(ctx context.Context) (doctor.Farm, error) {
		r, err := method.Look(ctx)
		return doctor.Farm{Endpoint: r.URL, Listed: r.Listed, Skew: r.Skew}, err
	}
	return nil
}

// addProvider adds signing in on the phone at the company's own provider.
func addProvider(m *app.Methods, c app.SignInConfig) error {
	p := c.SignIn.Provider
	client, err := deviceflow.New(deviceflow.Config{
		HTTP: c.Provider, Issuer: p.Issuer, DiscoveryURL: p.DiscoveryURL, Hosts: p.Hosts, ClientID: p.ClientID,
		Resource: p.Resource, EmailClaims: p.EmailClaims, Tenant: p.Tenant, Now: c.Now,
	})
	if err != nil {
		return err
	}
	method := phone.NewCompany(phone.CompanyOptions{Client: client, Domains: c.SignIn.Domains})
	m.Paired[signin.WayCompanyPhone], m.Provider = method, method.Look
	return nil
}
