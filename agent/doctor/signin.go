package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/devices"
)

// SignIn is what signing in needs at a site. Nothing here sends a secret.
type SignIn struct {
	Servers   []Server // https servers of sign-in that are no fax service
	Service   *SignInService
	Company   *Company
	Provider  *Provider
	Directory *Directory
	Inbox     *Inbox
	Readers   []Reader
	Launch    []Secret // keys of launch tokens
}

// Server is an https server and the client that would ask it.
type Server struct {
	URL     string
	Client  *http.Client
	Proxied bool // its name is the proxy's to resolve
}

// SignInService is the fax service where the people have accounts.
type SignInService struct {
	ID      string
	Domains []string // e-mail domains that are asked about; none: only a made-up one could be asked
	// Discover asks how people of an e-mail address sign in.
	Discover func(ctx context.Context, email string) (signin.Discovery, error)
	Ways     []signin.Way // that are on
	// Pinned reports whether a password may go to the address; nil: to none.
	Pinned func(address string) bool
	Named  bool // the address of AD FS is configured, the service's is not used
}

// Company is an AD FS.
type Company struct {
	URL   string // of its metadata, or of the endpoint in its place
	Probe func(ctx context.Context) (Farm, error)
}

// Farm is how an AD FS may be asked.
type Farm struct {
	Endpoint string
	Listed   bool          // in its metadata; else it is the configured one
	Skew     time.Duration // of its clock against ours
}

// Provider is an OpenID provider.
type Provider struct {
	Issuer string
	// Probe reads its discovery document and looks for the device grant.
	Probe func(ctx context.Context) error
}

// Directory is where badges and names are looked up.
type Directory struct {
	Kind    string
	Servers []string // URLs; their names are resolved
	Check   func(ctx context.Context) error
}

// Reader is a badge reader.
type Reader struct {
	Device string
	Port   string
	// Probe tries to open it.
	Probe func(ctx context.Context) (devices.Condition, error)
}

// checks returns the checks of sign-in; running asks the running agent.
func (s SignIn) checks(now func() time.Time, running func(context.Context) (string, error)) []Check {
	var checks []Check
	for _, v := range s.Servers {
		checks = append(checks, TLS(v.URL, v.Client, now))
	}
	if s.Service != nil {
		for _, domain := range s.Service.Domains {
			checks = append(checks, checkDomain(*s.Service, domain))
		}
	}
	if s.Company != nil {
		checks = append(checks, checkCompany(*s.Company))
	}
	if s.Provider != nil {
		checks = append(checks, checkProvider(*s.Provider))
	}
	if s.Directory != nil {
		checks = append(checks, checkDirectory(*s.Directory))
	}
	if s.Inbox != nil {
		checks = append(checks, checkInbox(*s.Inbox, now, running))
	}
	for _, r := range s.Readers {
		checks = append(checks, checkReader(r, running))
	}
	for _, k := range s.Launch {
		checks = append(checks, checkLaunchKey(k))
	}
	return checks
}

// urls are the addresses whose names are to be resolved.
func (s SignIn) urls() (urls []string) {
	for _, v := range s.Servers {
		if !v.Proxied {
			urls = append(urls, v.URL)
		}
	}
	if s.Directory != nil {
		urls = append(urls, s.Directory.Servers...)
	}
	return urls
}

// checkDomain asks the service how the people of one domain sign in, and
// compares that with what is switched on.
func checkDomain(s SignInService, domain string) Check {
	return Check{Leg: LegSignIn, Subject: domain, Run: func(ctx context.Context) Result {
		d, err := s.Discover(ctx, "postmaster@"+domain)
		if err != nil {
			return signInTrouble(err)
		}
		on := signin.Order(d, func(w signin.Way) bool { return slices.Contains(s.Ways, w) }, true)
		switch {
		case len(on) == 0:
			all := signin.Order(d, func(signin.Way) bool { return true }, true)
			return fail(fmt.Sprintf("add %s to sign_in.methods", all[0]),
				"accounts of kind %s at %s, and nothing that is switched on fits them", d.Account, s.ID)
		case d.Account == signin.AccountWSTrust && slices.Contains(on, signin.WayCompany) && !s.Named && (s.Pinned == nil || !s.Pinned(d.MEX)):
			return fail("if that is your company's server, add it to sign_in.company.hosts; if not, ask the fax service's administrator",
				"%s names %s as the company's server, which is not pinned: no password goes there", s.ID, hostOf(d.MEX))
		}
		return okay("accounts of kind %s at %s, sign in by %s", d.Account, s.ID, join(on))
	}}
}

func join(ways []signin.Way) string {
	var words []string
	for _, w := range ways {
		words = append(words, string(w))
	}
	return strings.Join(words, ", ")
}

// checkCompany reads the metadata of AD FS and compares the clocks.
func checkCompany(c Company) Check {
	return Check{Leg: LegCompany, Subject: hostOf(c.URL), Run: func(ctx context.Context) Result {
		f, err := c.Probe(ctx)
		if err != nil {
			return signInTrouble(err)
		}
		skew, way := f.Skew.Round(time.Second), "ahead"
		if skew < 0 {
			skew, way = -skew, "behind"
		}
		const do = "set the clocks, and turn time synchronisation on (timedatectl set-ntp true)"
		switch {
		case skew >= skewFail:
			return fail(do+"; until then no password is sent", "its clock is %s %s", skew, way)
		case skew >= skewWarn:
			return warn(do, "its clock is %s %s", skew, way)
		case !f.Listed:
			return warn("let this machine read the metadata, or it will not notice when the endpoint moves", "metadata not read; sign_in.company.endpoint is used")
		}
		return okay("takes passwords at %s", path(f.Endpoint))
	}}
}

func path(address string) string {
	if u, err := url.Parse(address); err == nil && u.Path != "" {
		return u.Path
	}
	return address
}

// checkProvider reads the discovery document of an OpenID provider.
func checkProvider(p Provider) Check {
	return Check{Leg: LegProvider, Subject: hostOf(p.Issuer), Run: func(ctx context.Context) Result {
		if err := p.Probe(ctx); err != nil {
			return signInTrouble(err)
		}
		return okay("known by its issuer, offers sign-in by code")
	}}
}

// advice is what to do about a leg that sign-in needs.
var advice = map[signin.Problem]string{
	signin.CompanyDown:      "check network and firewall between this machine and the company's server; see dns and tls",
	signin.CompanyBusy:      "wait, then look at the server's load",
	signin.CompanyOff:       "switch the endpoint or grant on at the company's server, for this network",
	signin.CompanyUntrusted: "correct sign_in.company or sign_in.provider: hosts, ca_file, and https addresses; no password goes there",
	signin.CompanyConfig:    "compare issuer, client_id and relying_party with what the company's server says, and whether it offers sign-in by code",
	signin.Clock:            "set the clock, and turn time synchronisation on (timedatectl set-ntp true)",
	signin.ServiceDown:      "see dns, tls and fax-service for this service",
	signin.ServiceConfig:    "check url (the region), account, hosts and token_file of the fax service",
	signin.Blocked:          "allow the device code flow for this application in the company's policy",
	signin.Foreign:          "correct sign_in.domains, or enrol the domain at the fax service",
	signin.Broken:           "see whether a proxy answers in its place",
}

// signInTrouble tells the ways of a broken leg apart.
func signInTrouble(err error) Result {
	do, ok := advice[signin.ProblemOf(err)]
	if !ok {
		do = "see dns and tls for this server"
	}
	if r, isRefused := errors.AsType[*signin.Refused](err); isRefused && r.Err != nil {
		return fail(do, "%s: %v", r.Problem, cause(r.Err))
	}
	return fail(do, "%v", cause(err))
}

// checkDirectory asks the directory whether it can answer.
func checkDirectory(d Directory) Check {
	return Check{Leg: LegDirectory, Subject: d.Kind, Run: func(ctx context.Context) Result {
		if err := d.Check(ctx); err != nil {
			do := map[string]string{
				"csv":  "correct the lines of sign_in.directory.file; meanwhile the people of before count",
				"ldap": "check servers, ca_file, bind_dn, password_file and base_dn of sign_in.directory",
				"scim": "assign people to the application in the cloud directory, and start provisioning",
			}[d.Kind]
			return fail(do, "%v", err)
		}
		return okay("answers")
	}}
}

// checkReader looks whether the reader can be opened, or is by the running agent.
func checkReader(r Reader, running func(context.Context) (string, error)) Check {
	return Check{Leg: LegReader, Subject: r.Device, Run: func(ctx context.Context) Result {
		c, err := r.Probe(ctx)
		if err != nil {
			return fail("correct devices."+r.Device+".reader", "%v", err)
		}
		switch c {
		case devices.Ready:
			return okay("%s can be read", r.Port)
		case devices.Busy:
			if running != nil {
				if _, err := running(ctx); err == nil {
					return okay("%s is read by the running agent", r.Port)
				}
			}
			return fail("stop the other program (fuser "+r.Port+" names it; often ModemManager)", "%s is used by another program", r.Port)
		case devices.AccessDenied:
			return fail("add the agent's user to the group of the line (ls -l "+r.Port+"; often dialout)", "%s may not be opened by this user", r.Port)
		case devices.Unreachable:
			return fail("plug the reader in, and name it by /dev/serial/by-id, which stays", "%s is not there", r.Port)
		}
		return fail("correct devices."+r.Device+".reader", "%s is not a serial line that can be set so (%s)", r.Port, c)
	}}
}

// minLaunchKey is the shortest key of launch tokens, in bytes.
const minLaunchKey = 32

// checkLaunchKey reads a key of launch tokens and looks at nothing but its
// length and its rights.
func checkLaunchKey(s Secret) Check {
	return Check{Leg: LegLaunch, Subject: s.Key, Run: func(ctx context.Context) Result {
		if r := checkSecret(s).Run(ctx); r.Level != LevelOK {
			return r
		}
		key, err := s.Secret.Read()
		if err != nil {
			return fail("look at the file", "%v", err)
		}
		if len(key) < minLaunchKey {
			return fail(fmt.Sprintf("put at least %d random characters there and into the device (openssl rand -hex 32)", minLaunchKey),
				"%s holds %d characters: guessable", s.Secret.Path(), len(key))
		}
		return okay("%s is long enough", s.Secret.Path())
	}}
}

// loopback reports whether an address to listen on is reached from this machine
// only, and where to dial it.
func loopback(listen string) (dial string, only bool) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen, false
	}
	ip := net.ParseIP(host)
	switch {
	case host == "", ip != nil && ip.IsUnspecified():
		return net.JoinHostPort("127.0.0.1", port), false
	case host == "localhost", ip != nil && ip.IsLoopback():
		return listen, true
	}
	return listen, false
}
