// Package config reads the agent's YAML into plain values and names everything
// that is wrong with it, all at once, as file:line: key.path: what is wrong and
// what to write.
//
// The main file is read first, then every *.yaml of the directory conf.d beside
// it in the order of their names: mappings merge, lists append, a single value
// set again replaces the earlier one, and an id used twice is an error. No other
// file is read: whether a certificate or a token is there is found out by whoever
// uses it. Paths are relative to the main file's directory and absolute after
// Load. Nothing here knows what a driver or a fax service does with its settings.
package config

import (
	"net"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/platen-fax/platen/agent/job"
)

// Version is the only value of the key version that this program understands.
const Version = 1

// Config is a whole configuration. It holds no YAML types and is not changed
// after Load; a reload makes a new one.
type Config struct {
	File string `yaml:"-"` // the main file, absolute

	Version     int          `yaml:"version"`
	Site        Site         `yaml:"site"`
	Devices     []Device     `yaml:"devices"`
	FaxServices []FaxService `yaml:"fax_services"`
	SignIn      SignIn       `yaml:"sign_in"`
	Panel       Panel        `yaml:"panel"`
	Spool       Spool        `yaml:"spool"`
	MQTT        MQTT         `yaml:"mqtt"`
	Network     Network      `yaml:"network"`
	Delivery    Delivery     `yaml:"delivery"`
	Capture     Capture      `yaml:"capture"`
	Retention   Retention    `yaml:"retention"`
	Clock       Clock        `yaml:"clock"`
	Numbers     Numbers      `yaml:"numbers"`
	Log         Log          `yaml:"log"`
	Admin       Admin        `yaml:"admin"`
}

// Site is where the agent stands.
type Site struct {
	Name     string `yaml:"name"`
	Country  string `yaml:"country"`  // ISO 3166-1 alpha-2: numbers without a country code, paper size
	Language string `yaml:"language"` // of a panel nobody has set: en or fr
}

// Device is one multifunction printer.
type Device struct {
	ID         string            `yaml:"id"`
	Driver     string            `yaml:"driver"`
	URL        string            `yaml:"url"`
	Mode       string            `yaml:"mode"`        // one of the Mode constants
	FaxService string            `yaml:"fax_service"` // the id of a FaxService
	Name       string            `yaml:"name"`        // shown at the panel; the id by default
	Paper      string            `yaml:"paper"`       // a4, letter or legal; by the country by default
	CAFile     string            `yaml:"ca_file" cfg:"path"`
	User       string            `yaml:"user"`
	Password   Secret            `yaml:"password_file"`
	Quirks     map[string]string `yaml:"quirks"`          // the driver's, for models that need it
	Location   string            `yaml:"location"`        // told to sign-in services and shown on the phone; may be empty
	Reader     Reader            `yaml:"reader"`          // of badges
	LaunchKey  Secret            `yaml:"launch_key_file"` // key of the launch tokens of a device that signs people in itself
}

// FaxService is one account at a fax service.
type FaxService struct {
	ID          string   `yaml:"id"`
	Kind        string   `yaml:"kind"`
	Token       Secret   `yaml:"token_file"`
	URL         string   `yaml:"url"`
	Account     string   `yaml:"account"`
	From        string   `yaml:"from"`   // E.164 or no_number
	Device      string   `yaml:"device"` // xmcloud: the id this agent is enrolled under
	Hosts       []string `yaml:"hosts"`  // xmcloud: further names the account's portal may be on
	CAFile      string   `yaml:"ca_file" cfg:"path"`
	MaxInFlight int      `yaml:"max_in_flight"`
}

// Panel is the web server of the devices' screens.
type Panel struct {
	Listen  string         `yaml:"listen"` // host:port
	Allow   []netip.Prefix `yaml:"allow"`  // who is answered beside loopback
	Hosts   []string       `yaml:"hosts"`  // names that browsers may use for it, beside addresses and localhost
	TLSCert string         `yaml:"tls_cert_file" cfg:"path"`
	TLSKey  string         `yaml:"tls_key_file" cfg:"path"`
	Idle    time.Duration  `yaml:"idle"` // until an untouched panel starts over
}

// Private says that nobody else can read what is typed at the panel: it is
// reached over TLS, or by this machine alone. Listen must have passed the check.
func (p Panel) Private() bool {
	host, _, err := net.SplitHostPort(p.Listen)
	return p.TLSCert != "" && p.TLSKey != "" || err == nil && loopbackHost(host)
}

// Spool is the state directory.
type Spool struct {
	Dir      string `yaml:"dir" cfg:"path"`
	QuotaMiB int64  `yaml:"quota_mib"` // at least 1
	KeyFile  string `yaml:"key_file" cfg:"path"`
}

// MQTT is the fleet's broker; an empty Broker means none.
type MQTT struct {
	Broker      string `yaml:"broker"` // URL
	CAFile      string `yaml:"ca_file" cfg:"path"`
	User        string `yaml:"user"`
	Password    Secret `yaml:"password_file"`
	TopicPrefix string `yaml:"topic_prefix"`
	ClientID    string `yaml:"client_id"` // empty: the agent makes one and keeps it
}

// Network is how the agent gets out.
type Network struct {
	Proxy  string `yaml:"proxy"`              // URL; empty: none, the environment is not asked
	CAFile string `yaml:"ca_file" cfg:"path"` // trusted beside the system's
}

// Delivery is the patience of delivering. See job.Limits for the states.
type Delivery struct {
	Settle               time.Duration `yaml:"settle"`                 // between two searches for an in-doubt fax
	SubmitTimeout        time.Duration `yaml:"submit_timeout"`         // of the committing request
	PollInterval         time.Duration `yaml:"poll_interval"`          // between two questions for an outcome
	InDoubtWithin        time.Duration `yaml:"in_doubt_within"`        // in-doubt → needs-decision
	UnknownAfter         time.Duration `yaml:"unknown_after"`          // submitted → unknown
	GiveUpAfter          time.Duration `yaml:"give_up_after"`          // waiting → failed
	DecideWithin         time.Duration `yaml:"decide_within"`          // needs-decision → unknown
	LateNews             time.Duration `yaml:"late_news"`              // unknown is still tracked
	RetryMin             time.Duration `yaml:"retry_min"`              // first wait after a failure
	RetryMax             time.Duration `yaml:"retry_max"`              // longest wait after a failure
	LinePause            time.Duration `yaml:"line_pause"`             // before dialling again: busy, no answer, line dropped
	LineTries            int           `yaml:"line_tries"`             // tries in all for these, at least 1
	LatePoll             time.Duration `yaml:"late_poll"`              // between two questions about an unknown outcome
	BreakerOpenAfter     int           `yaml:"breaker_open_after"`     // failures in a row, at least 1
	BreakerProbeInterval time.Duration `yaml:"breaker_probe_interval"` // between two tries of an open breaker
}

// Capture is the patience of taking paper in.
type Capture struct {
	DraftKeep     time.Duration `yaml:"draft_keep"`     // a signed-in person's draft
	SharedIdle    time.Duration `yaml:"shared_idle"`    // a draft at a shared device
	BusyWait      time.Duration `yaml:"busy_wait"`      // for a device that says busy
	ClaimWithin   time.Duration `yaml:"claim_within"`   // an intake nobody claims
	ConvertWithin time.Duration `yaml:"convert_within"` // accepted → fax document
}

// Retention is how long things are kept after the end.
type Retention struct {
	FailedPages time.Duration `yaml:"failed_pages"`
	Records     time.Duration `yaml:"records"`
}

// Clock is when wall-clock deadlines are not trusted.
type Clock struct {
	Jump          time.Duration `yaml:"jump"`            // a larger step of the clock is a jump
	CalmAfterJump time.Duration `yaml:"calm_after_jump"` // no deadline is acted on
}

// Numbers are the site's dialling rules.
type Numbers struct {
	OutsidePrefix string   `yaml:"outside_prefix"` // digits people dial to get out, such as 9
	Deny          []string `yaml:"deny"`           // E.164 prefixes
	Allow         []string `yaml:"allow"`          // E.164 prefixes; empty: all
}

// Log is the shape of the log on standard error.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // text or json
}

// Admin is the local socket of the commands.
type Admin struct {
	Socket string `yaml:"socket" cfg:"path"` // empty: see AdminSocket
}

// AdminSocket returns the path of the admin socket: admin.sock in the state
// directory unless another was configured.
func (c *Config) AdminSocket() string {
	if c.Admin.Socket != "" {
		return c.Admin.Socket
	}
	return filepath.Join(c.Spool.Dir, "admin.sock")
}

// Limits returns the deadlines of the job states.
func (c *Config) Limits() job.Limits {
	return job.Limits{
		DraftKeep:    c.Capture.DraftKeep,
		SharedIdle:   c.Capture.SharedIdle,
		WaitingOwner: c.Capture.ClaimWithin,
		Convert:      c.Capture.ConvertWithin,
		GiveUp:       c.Delivery.GiveUpAfter,
		InDoubt:      c.Delivery.InDoubtWithin,
		Decide:       c.Delivery.DecideWithin,
		Unknown:      c.Delivery.UnknownAfter,
		LateNews:     c.Delivery.LateNews,
		FailedPages:  c.Retention.FailedPages,
		Records:      c.Retention.Records,
	}
}

// Service returns the fax service with this id.
func (c *Config) Service(id string) (FaxService, bool) {
	for _, s := range c.FaxServices {
		if s.ID == id {
			return s, true
		}
	}
	return FaxService{}, false
}
