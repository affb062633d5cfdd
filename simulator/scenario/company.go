package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/platen-fax/platen/simulator/adfs"
	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/idp"
	"github.com/platen-fax/platen/simulator/world"
)

// Company is the people of a scenario and how they sign in; see world.Company.
type Company struct {
	Account    string   `yaml:"account"`  // none (default), wstrust, saml2 or oidc
	Provider   string   `yaml:"provider"` // manner of the provider: entra (default), adfs, okta, …
	Code       string   `yaml:"code"`     // policy about one-time codes: "", optional or mandatory
	CodeTime   Duration `yaml:"code_time"`
	TicketTime Duration `yaml:"ticket_time"`
	Idle       Duration `yaml:"idle"`
	Brokered   bool     `yaml:"brokered"`
	Barred     bool     `yaml:"barred"` // brokered, but AD FS is not on the service's list
	Launch     bool     `yaml:"launch"` // the devices vouch for people they signed in themselves
	Directory  string   `yaml:"directory"`
	People     []Person `yaml:"people"` // none: ann (badge 04711) and bob (04712)
	Mood       *Mood    `yaml:"mood"`
	Knobs      *Knobs   `yaml:"knobs"`
}

// Person is somebody of the company; see world.Person.
type Person struct {
	As        string   `yaml:"as"` // short name
	Email     string   `yaml:"email"`
	Password  string   `yaml:"password"`
	State     string   `yaml:"state"`      // at the fax service
	AtCompany string   `yaml:"at_company"` // at AD FS or the provider
	Badges    []string `yaml:"badges"`
	MaySend   *bool    `yaml:"may_send"` // in the directory
	Line      int      `yaml:"-line"`
}

// Mood is the mood of AD FS; see adfs.Behaviour.
type Mood struct {
	MEX         string   `yaml:"mex"`
	Ahead       Duration `yaml:"ahead"` // its clock
	Off13       bool     `yaml:"off13"`
	Off2005     bool     `yaml:"off2005"`
	Busy        Duration `yaml:"busy"`
	Answer      string   `yaml:"answer"`
	FaultStatus int      `yaml:"fault_status"`
	Redirect    string   `yaml:"redirect"`
}

// Knobs make an OpenID provider go wrong; see idp.Knobs.
type Knobs struct {
	Pending  int    `yaml:"pending"`
	SlowDown int    `yaml:"slow_down"`
	Fail     int    `yaml:"fail"`
	Expired  bool   `yaml:"expired"`
	Blocked  bool   `yaml:"blocked"`
	Token    string `yaml:"token"`
}

// CompanyKnob changes the company while the scenario plays.
type CompanyKnob struct {
	Down  *bool  `yaml:"down"` // AD FS or the provider cannot be reached
	Mood  *Mood  `yaml:"mood"`
	Knobs *Knobs `yaml:"knobs"`
}

// PersonKnob changes somebody while the scenario plays. What is not written
// stays.
type PersonKnob struct {
	As        string   `yaml:"as"`
	State     *string  `yaml:"state"`
	AtCompany *string  `yaml:"at_company"`
	Password  string   `yaml:"password"`
	Badges    []string `yaml:"badges"`
	// Mistypes is how often somebody types this person's password wrongly at the
	// fax service, somewhere else.
	Mistypes int `yaml:"mistypes"`
	// Deactivated says so over SCIM, in the way of Entra.
	Deactivated bool `yaml:"deactivated"`
}

// ADFS returns the mood in AD FS's words.
func (m *Mood) ADFS() adfs.Behaviour {
	if m == nil {
		return adfs.Behaviour{}
	}
	return adfs.Behaviour{
		MEX: adfs.MEX(m.MEX), Ahead: time.Duration(m.Ahead), Off13: m.Off13, Off2005: m.Off2005, Busy: time.Duration(m.Busy),
		Answer: adfs.Answer(m.Answer), FaultStatus: m.FaultStatus, Redirect: m.Redirect,
	}
}

// IDP returns the knobs in the provider's words.
func (k *Knobs) IDP() idp.Knobs {
	if k == nil {
		return idp.Knobs{}
	}
	return idp.Knobs{
		Pending: k.Pending, SlowDown: k.SlowDown, Fail: k.Fail, Expired: k.Expired, Blocked: k.Blocked, Token: idp.TokenLie(k.Token),
	}
}

// world returns the company in the world's words.
func (c *Company) world() world.Company {
	o := world.Company{
		Account: c.Account, Provider: idp.Profile(c.Provider), Code: c.Code, CodeTime: time.Duration(c.CodeTime),
		TicketTime: time.Duration(c.TicketTime), Idle: time.Duration(c.Idle), Brokered: c.Brokered, Barred: c.Barred,
		ADFS: c.Mood.ADFS(), Knobs: c.Knobs.IDP(), Directory: c.Directory, Launch: c.Launch,
	}
	for _, p := range c.People {
		o.People = append(o.People, world.Person{
			ID: p.As, Email: p.Email, Password: p.Password, State: world.State(p.State), AtCompany: p.AtCompany,
			Badges: p.Badges, MaySend: p.MaySend,
		})
	}
	return o
}

// names returns the short names of the people.
func (c *Company) names() []string {
	if len(c.People) == 0 {
		return []string{"ann", "bob"}
	}
	var names []string
	for _, p := range c.People {
		names = append(names, p.As)
	}
	return names
}

// company checks the people of a scenario.
func (d *decoder) company(path string, c *Company, mode string) {
	at := func(line int) *yaml.Node { return &yaml.Node{Line: line} }
	if mode == "" || mode == world.ModeShared {
		d.addf(at(1), path, "nobody signs in at a %s device, write mode: %s or take it out", world.ModeShared, world.ModePrompt)
		return
	}
	oneOf := func(key, value string, allowed ...string) {
		if value != "" && !slices.Contains(allowed, value) {
			d.addf(at(1), join(path, key), "%q is not known, write one of %s", value, strings.Join(allowed, ", "))
		}
	}
	oneOf("account", c.Account, world.Accounts()...)
	oneOf("code", c.Code, "optional", "mandatory")
	oneOf("directory", c.Directory, world.DirectoryCSV, world.DirectorySCIM)
	var manners []string
	switch c.Account {
	case world.AccountSAML:
		for _, p := range idp.Profiles() {
			manners = append(manners, string(p))
		}
	case world.AccountOIDC:
		manners = []string{string(idp.Entra), string(idp.ADFS), string(idp.Okta)}
	}
	oneOf("provider", c.Provider, manners...)
	if c.Mood != nil && c.Account != world.AccountWSTrust {
		d.addf(at(1), join(path, "mood"), "is AD FS's, write account: %s", world.AccountWSTrust)
	}
	if c.Knobs != nil && c.Account != world.AccountOIDC {
		d.addf(at(1), join(path, "knobs"), "are an OpenID provider's, write account: %s", world.AccountOIDC)
	}
	var seen []string
	for i, p := range c.People {
		path := fmt.Sprintf("%s.people.%d", path, i)
		switch {
		case p.As == "":
			d.addf(at(p.Line), join(path, "as"), "missing, write a short name such as ann")
		case slices.Contains(seen, p.As):
			d.addf(at(p.Line), join(path, "as"), "%q is there twice", p.As)
		}
		seen = append(seen, p.As)
		d.state(at(p.Line), join(path, "state"), p.State)
	}
}

// state checks a state at the fax service.
func (d *decoder) state(at *yaml.Node, path, state string) {
	if state != "" && !slices.Contains(world.States(), world.State(state)) {
		var known []string
		for _, s := range world.States() {
			known = append(known, string(s))
		}
		d.addf(at, path, "%q is not known, write one of %s", state, strings.Join(known, ", "))
	}
}

// people checks the steps of signing in.
func (c *stepChecker) people(s *Step, path string, bad func(key, format string, args ...any)) {
	person := func(key, name string) {
		if !slices.Contains(c.names, name) {
			bad(key, "there is nobody %q, known: %s", name, strings.Join(c.names, ", "))
		}
	}
	if c.mode == "" || c.mode == world.ModeShared {
		bad(s.Verb(), "nobody signs in at a %s device, write mode: %s", world.ModeShared, world.ModePrompt)
		return
	}
	switch {
	case s.SignIn != nil:
		person("sign_in.as", s.SignIn.As)
		if w := s.SignIn.Way; w != "" && w != WayPhone {
			bad("sign_in.way", "%q is not known, write %s or nothing for what is typed", w, WayPhone)
		}
	case s.Phone != nil:
		person("phone.as", s.Phone.As)
		if !slices.Contains([]string{PhoneApprove, PhoneDeny, PhoneOpen}, s.Phone.Do) {
			bad("phone.do", "%q is not known, write %s, %s or %s", s.Phone.Do, PhoneApprove, PhoneDeny, PhoneOpen)
		}
	case s.Badge != nil:
		if s.Badge.Tap == "" && !s.Badge.Unplug && !s.Badge.Replug {
			bad("badge.tap", "missing, write the number of the card")
		}
	case s.Launch != nil:
		person("launch.as", s.Launch.As)
	case s.Person != nil:
		person("person.as", s.Person.As)
		if s.Person.State != nil {
			c.state(&yaml.Node{Line: s.Line}, join(path, "person.state"), *s.Person.State)
		}
	case s.ExpectPassword != nil:
		if at := s.ExpectPassword.At; at != world.AtCloud && at != world.AtADFS {
			bad("expect_password.at", "%q is not known, write %s or %s", at, world.AtCloud, world.AtADFS)
		}
	case s.ExpectOwner != nil:
		if s.ExpectOwner.As != "" {
			person("expect_owner.as", s.ExpectOwner.As)
		}
		if c.service != faxcloud.XMCloud {
			bad("expect_owner", "only the service %s knows owners", faxcloud.XMCloud)
		}
	}
}
