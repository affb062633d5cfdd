package doctor_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/doctor"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/devices"
)

// signInWorld is what the probes of sign-in answer.
type signInWorld struct {
	discovery                signin.Discovery
	farm                     doctor.Farm
	discoverErr, companyErr  error
	providerErr, directorErr error
	reader                   devices.Condition
	readerErr                error
	dir                      string
	inboxStatus              int
}

// pair writes a certificate for the names, good from a day ago until then, and
// returns its files and a pool that trusts it.
func pair(t *testing.T, dir, name string, until time.Time, hosts ...string) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: until, IsCA: true,
		BasicConstraintsValid: true, DNSNames: hosts,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &own.PublicKey, own)
	if err != nil {
		t.Fatal(err)
	}
	b, err := x509.MarshalECPrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	write(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: b})))
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(leaf)
	return cert, key, roots
}

// addSignIn gives the site every way to sign in, all in order.
func (w *world) addSignIn(t *testing.T, dir string) {
	t.Helper()
	year := time.Now().AddDate(1, 0, 0)
	w.signIn = signInWorld{
		dir:       dir,
		discovery: signin.Discovery{Account: signin.AccountWSTrust, MEX: "https://sts.example/adfs/services/trust/mex"},
		farm:      doctor.Farm{Endpoint: "https://sts.example/adfs/services/trust/13/usernamemixed", Listed: true},
		reader:    devices.Ready, inboxStatus: http.StatusUnauthorized,
	}
	launch := filepath.Join(dir, "launch.key")
	write(t, launch, strings.Repeat("5a", 32))
	pages, pagesKey, _ := pair(t, dir, "panel", year, "fax.example", "fax")
	w.Pages = &doctor.Pages{Cert: pages, Key: pagesKey, Hosts: []string{"fax.example", "fax"}}
	cert, key, roots := pair(t, dir, "scim", year, "scim.example")
	w.SignIn = doctor.SignIn{
		Service: &doctor.SignInService{
			ID: "main", Domains: []string{"acme.example"}, Ways: []signin.Way{signin.WayCompany, signin.WayPassword},
			Discover: func(_ context.Context, email string) (signin.Discovery, error) {
				if email != "postmaster@acme.example" {
					t.Errorf("asked about %q", email)
				}
				return w.signIn.discovery, w.signIn.discoverErr
			},
			Pinned: func(address string) bool { return strings.HasPrefix(address, "https://sts.example/") },
		},
		Company: &doctor.Company{URL: "https://sts.example/adfs/services/trust/mex", Probe: func(context.Context) (doctor.Farm, error) {
			return w.signIn.farm, w.signIn.companyErr
		}},
		Provider:  &doctor.Provider{Issuer: "https://login.example/t", Probe: func(context.Context) error { return w.signIn.providerErr }},
		Directory: &doctor.Directory{Kind: "ldap", Check: func(context.Context) error { return w.signIn.directorErr }},
		Inbox:     &doctor.Inbox{Listen: w.inbox(t, cert, key), Cert: cert, Key: key, Path: "/scim/v2", Roots: roots},
		Readers: []doctor.Reader{{Device: "front-desk", Port: "/dev/ttyUSB0", Probe: func(context.Context) (devices.Condition, error) {
			return w.signIn.reader, w.signIn.readerErr
		}}},
		Launch: []doctor.Secret{{Key: "devices.front-desk.launch_key_file", Secret: config.Secret{File: launch}}},
	}
}

// inbox is the running agent's listener of a cloud directory.
func (w *world) inbox(t *testing.T, cert, key string) string {
	t.Helper()
	own, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || !strings.HasPrefix(r.URL.Path, "/scim/v2/") {
			t.Errorf("doctor asked for %s with %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		rw.WriteHeader(w.signIn.inboxStatus)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func refused(p signin.Problem) error {
	return &signin.Refused{Problem: p, Err: errors.New("no such thing")}
}

// ends writes a certificate again with another end.
func ends(t *testing.T, w *world, name string, in time.Duration, hosts ...string) *x509.CertPool {
	t.Helper()
	_, _, roots := pair(t, w.signIn.dir, name, time.Now().Add(in), hosts...)
	return roots
}

const day = 24 * time.Hour

var signInBreakages = []breakage{
	{"panel certificate gone", func(t *testing.T, w *world) { remove(t, w.Pages.Cert) }, doctor.LegPanel, doctor.LevelFail, "PEM form"},
	{"panel certificate ends in a month", func(t *testing.T, w *world) {
		ends(t, w, "panel", 29*day+time.Hour, "fax.example", "fax")
	}, doctor.LegPanel, doctor.LevelWarn, "ends in 29 days"},
	{"panel certificate ends today", func(t *testing.T, w *world) {
		ends(t, w, "panel", 12*time.Hour+time.Minute, "fax.example", "fax")
	}, doctor.LegPanel, doctor.LevelFail, "ends in 12 hours"},
	{"panel certificate over", func(t *testing.T, w *world) { ends(t, w, "panel", -time.Hour, "fax.example", "fax") }, doctor.LegPanel, doctor.LevelFail, "expired"},
	{"panel under another name", func(_ *testing.T, w *world) { w.Pages.Hosts = append(w.Pages.Hosts, "fax2.example") }, doctor.LegPanel, doctor.LevelFail, "panel.hosts has fax2.example"},

	{"sign-in host without a name", func(_ *testing.T, w *world) {
		w.SignIn.Directory.Servers = []string{"ldaps://dc9.example:636"}
	}, doctor.LegDNS, doctor.LevelFail, "dc9.example: no such name"},
	{"sign-in host of another authority", func(_ *testing.T, w *world) {
		w.SignIn.Servers = []doctor.Server{{URL: w.web.URL, Client: &http.Client{}}}
	}, doctor.LegTLS, doctor.LevelFail, "ca_file"},

	{"sign-in down", func(_ *testing.T, w *world) { w.signIn.discoverErr = refused(signin.ServiceDown) }, doctor.LegSignIn, doctor.LevelFail, "see dns, tls"},
	{"another region", func(_ *testing.T, w *world) { w.signIn.discoverErr = refused(signin.ServiceConfig) }, doctor.LegSignIn, doctor.LevelFail, "url (the region)"},
	{"the company moved to SAML", func(_ *testing.T, w *world) {
		w.signIn.discovery = signin.Discovery{Account: signin.AccountSAML}
	}, doctor.LegSignIn, doctor.LevelFail, "add phone to sign_in.methods"},
	{"a server nobody pinned", func(_ *testing.T, w *world) {
		w.signIn.discovery.MEX = "https://sts.evil.example/adfs/services/trust/mex"
	}, doctor.LegSignIn, doctor.LevelFail, "sts.evil.example"},

	{"company away", func(_ *testing.T, w *world) { w.signIn.companyErr = refused(signin.CompanyDown) }, doctor.LegCompany, doctor.LevelFail, "firewall"},
	{"endpoint off", func(_ *testing.T, w *world) { w.signIn.companyErr = refused(signin.CompanyOff) }, doctor.LegCompany, doctor.LevelFail, "switch the endpoint"},
	{"http only", func(_ *testing.T, w *world) { w.signIn.companyErr = refused(signin.CompanyUntrusted) }, doctor.LegCompany, doctor.LevelFail, "no password goes there"},
	{"company's clock", func(_ *testing.T, w *world) { w.signIn.farm.Skew = 10 * time.Minute }, doctor.LegCompany, doctor.LevelFail, "10m0s ahead"},
	{"company's clock a little", func(_ *testing.T, w *world) { w.signIn.farm.Skew = -time.Minute }, doctor.LegCompany, doctor.LevelWarn, "1m0s behind"},
	{"metadata not read", func(_ *testing.T, w *world) { w.signIn.farm.Listed = false }, doctor.LegCompany, doctor.LevelWarn, "sign_in.company.endpoint"},

	{"provider without the grant", func(_ *testing.T, w *world) { w.signIn.providerErr = refused(signin.CompanyConfig) }, doctor.LegProvider, doctor.LevelFail, "offers sign-in by code"},
	{"provider of another issuer", func(_ *testing.T, w *world) { w.signIn.providerErr = refused(signin.CompanyConfig) }, doctor.LegProvider, doctor.LevelFail, "issuer"},
	{"provider in another way", func(_ *testing.T, w *world) { w.signIn.providerErr = errors.New("teapot") }, doctor.LegProvider, doctor.LevelFail, "teapot"},

	{"directory away", func(_ *testing.T, w *world) { w.signIn.directorErr = directory.ErrUnavailable }, doctor.LegDirectory, doctor.LevelFail, "bind_dn"},

	{"inbox certificate soon over", func(t *testing.T, w *world) {
		ends(t, w, "scim", 10*day+time.Hour, "scim.example")
		w.adminErr, w.SignIn.Inbox.Listen = doctor.ErrNoAgent, "127.0.0.1:0"
	}, doctor.LegInbox, doctor.LevelWarn, "ends in 10 days"},
	{"inbox certificate over", func(t *testing.T, w *world) { ends(t, w, "scim", -time.Hour, "scim.example") }, doctor.LegInbox, doctor.LevelFail, "expired"},
	{"inbox not listening", func(t *testing.T, w *world) {
		ln := listen(t)
		ln.Close()
		w.SignIn.Inbox.Listen = ln.Addr().String()
	}, doctor.LegInbox, doctor.LevelFail, "restart may be due"},
	{"inbox port taken", func(_ *testing.T, w *world) { w.adminErr = doctor.ErrNoAgent }, doctor.LegInbox, doctor.LevelFail, "sign_in.directory.listen"},
	{"inbox of a private authority", func(_ *testing.T, w *world) { w.SignIn.Inbox.Roots = nil }, doctor.LegInbox, doctor.LevelWarn, "public authority"},
	{"inbox open to everybody", func(_ *testing.T, w *world) { w.signIn.inboxStatus = http.StatusOK }, doctor.LegInbox, doctor.LevelFail, "without the token"},

	{"reader unplugged", func(_ *testing.T, w *world) { w.signIn.reader = devices.Unreachable }, doctor.LegReader, doctor.LevelFail, "by-id"},
	{"reader of root", func(_ *testing.T, w *world) { w.signIn.reader = devices.AccessDenied }, doctor.LegReader, doctor.LevelFail, "dialout"},
	{"reader is no line", func(_ *testing.T, w *world) { w.signIn.reader = devices.Stopped }, doctor.LegReader, doctor.LevelFail, "not a serial line"},
	{"reader has no such profile", func(_ *testing.T, w *world) { w.signIn.readerErr = errors.New("no profile 9") }, doctor.LegReader, doctor.LevelFail, "no profile 9"},

	{"launch key gone", func(t *testing.T, w *world) { remove(t, w.SignIn.Launch[0].Secret.File) }, doctor.LegLaunch, doctor.LevelFail, "is not there"},
	{"launch key short", func(t *testing.T, w *world) { write(t, w.SignIn.Launch[0].Secret.File, "hunter2") }, doctor.LegLaunch, doctor.LevelFail, "guessable"},
	{"launch key open to others", func(t *testing.T, w *world) { chmod(t, w.SignIn.Launch[0].Secret.File, 0o644) }, doctor.LegLaunch, doctor.LevelWarn, "chmod 600"},
}

// TestReaderHeld: a line that another program has is wrong only while no agent
// runs that could be the one.
func TestReaderHeld(t *testing.T) {
	w := newWorld(t)
	w.signIn.reader = devices.Busy
	if r := w.run(t); r.Failed() {
		t.Errorf("a reader held by the running agent fails:\n%s", text(t, r))
	}
	w.adminErr, w.SignIn.Inbox = doctor.ErrNoAgent, nil
	if got := at(w.run(t), doctor.LevelFail); len(got) != 1 || got[0] != doctor.LegReader {
		t.Errorf("legs that fail with a reader held by a stranger: %v", got)
	}
}

// TestInboxBeforeTheAgent looks at a listener that is not up yet.
func TestInboxBeforeTheAgent(t *testing.T) {
	w := newWorld(t)
	w.adminErr, w.SignIn.Inbox.Listen = doctor.ErrNoAgent, net.JoinHostPort("127.0.0.1", "0")
	r := w.run(t)
	if got := at(r, doctor.LevelFail, doctor.LevelWarn); len(got) != 0 || !strings.Contains(text(t, r), "tunnel or proxy") {
		t.Errorf("legs not ok: %v\n%s", got, text(t, r))
	}
}
