package panel

import (
	"context"
	"crypto/rand"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/platen-fax/platen/agent/capture"
	"github.com/platen-fax/platen/agent/flow"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/number"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/agent/text"
	"github.com/platen-fax/platen/devices"
)

// Device is one device and what its panel needs to know of it.
type Device struct {
	ID         string         // of the configuration; part of the URL
	Name       string         // what people call it; "" is ID
	Paper      string         // "a4", "letter" or "legal"; "" is "letter" in the countries that use it, else "a4"
	Resolution job.Resolution // offered first; "" is job.Fine
	Route      []string       // fax services in order, at least one
	Mode       string         // ModeShared, ModeDeviceLogin or ModeUserPrompt; "" is ModeShared
	Location   string         // where it stands, as sign-in services are told; may be empty
	Reader     bool           // a badge reader is connected
	Others     bool           // at a ModeDeviceLogin device people may also sign in without a badge
}

// Desk scans. *capture.Desk is one.
type Desk interface {
	Start(ctx context.Context, device string, draft job.ID, s devices.Settings) error
	State(draft job.ID) capture.State
	Stop(ctx context.Context, draft job.ID)
	Probe(ctx context.Context, device string) (devices.Info, error)
}

var _ Desk = (*capture.Desk)(nil)

// Options of a Panel. Devices, Spool, Desk and Sessions are needed; every other
// zero value works.
type Options struct {
	Devices  []Device
	Spool    spool.Spool
	Desk     Desk
	Sessions signin.Sessions
	Bus      *flow.Bus // nil: open pages hear of pages only when they ask

	// Devices where people sign in need SignIn. Authorities keeps what they may do
	// at the fax services over reloads; nil: the services' accounts send in their
	// names. Events is what Run hears of badges and readers. Launch tells whom a
	// device's own sign-in means; nil: no device does.
	SignIn      SignIn
	Authorities *signin.Authorities
	Events      <-chan signin.Event
	Launch      func(ctx context.Context, device, token string) (job.Person, error)
	GrantFor    time.Duration // how long the authority for a fax is asked for; default: until delivery gives up

	// Searchable reports whether a fax service can be asked for a fax that may
	// have been sent; nil: none can.
	Searchable func(service string) bool

	Site    string           // name of the site, for the first screen
	Lang    string           // "en" or "fr"; "" is "en"
	Country string           // ISO 3166 code that numbers without "+" belong to
	Rules   number.Rules     // of the site
	Allow   []netip.Prefix   // who may open a panel besides loopback
	Hosts   []string         // names the panels answer under, besides addresses and localhost
	Idle    time.Duration    // a visit ends this long after the last tap; default 60 s
	Done    time.Duration    // and this long after Send; default 10 s
	Zone    *time.Location   // of the times shown; nil is time.Local
	Clock   func() time.Time // nil is time.Now
	Log     *slog.Logger
}

// Panel serves the panels of all devices of an agent. It is an [http.Handler]
// for every path under /panel/; see the package comment for the routes. It is
// safe for concurrent use.
//
// The server that carries it needs ReadHeaderTimeout, ReadTimeout, WriteTimeout
// and IdleTimeout; an open WebSocket has its own deadlines.
type Panel struct {
	opt     Options
	devices map[string]*Device
	mux     *http.ServeMux
	pages   map[string]*template.Template
	assets  *assets
	key     []byte // signs the tokens of pages that have no visit yet
	live    *hub
	tries   *tries

	arrivals *arrivals
	forms    *keptForms
	ending   sync.WaitGroup // what goes on after a visit ended

	mu      sync.Mutex
	probes  map[string]probe
	domains map[string]string // of the last address typed at a device
}

// New returns a panel. It starts nothing; see Run. An error means that a part
// built into the program is broken, or that a needed option is missing.
func New(opt Options) (*Panel, error) {
	if opt.Spool == nil || opt.Desk == nil || opt.Sessions == nil || len(opt.Devices) == 0 {
		return nil, errors.New("panel needs devices, a spool, a desk and sessions")
	}
	if opt.Lang == "" {
		opt.Lang = "en"
	}
	if opt.Idle <= 0 {
		opt.Idle = job.DefaultLimits().SharedIdle
	}
	if opt.Done <= 0 {
		opt.Done = 10 * time.Second
	}
	if opt.GrantFor <= 0 {
		opt.GrantFor = job.DefaultLimits().GiveUp
	}
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	if opt.Zone == nil {
		opt.Zone = time.Local
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	p := &Panel{
		opt: opt, devices: make(map[string]*Device), key: make([]byte, 32), probes: make(map[string]probe),
		live: newHub(opt.Clock), tries: newTries(opt.Clock), arrivals: newArrivals(opt.Clock), forms: newKeptForms(opt.Clock),
		domains: make(map[string]string),
	}
	rand.Read(p.key) // never fails
	for _, d := range opt.Devices {
		if d.ID == "" || len(d.Route) == 0 || p.devices[d.ID] != nil {
			return nil, errors.New("panel: every device needs an id of its own and a fax service")
		}
		if d.personal() && opt.SignIn == nil {
			return nil, errors.New("panel: a device where people sign in needs a sign-in")
		}
		if d.Name == "" {
			d.Name = d.ID
		}
		if d.Paper == "" {
			d.Paper = paperOf(opt.Country)
		}
		if d.Resolution == "" {
			d.Resolution = job.Fine
		}
		p.devices[d.ID] = &d
	}
	var err error
	if p.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if p.pages, err = loadPages(); err != nil {
		return nil, err
	}
	p.routes()
	return p, nil
}

// paperOf returns the usual office paper of a country.
func paperOf(country string) string {
	switch country {
	case "US", "CA", "MX", "PH", "CL", "CO", "VE", "GT", "CR", "PA", "DO", "PR":
		return "letter"
	}
	return "a4"
}

// Run ends visits nobody taps any more and does what Options.Events says, until
// ctx ends. It blocks. Without it a visit ends at the next request for it, and
// badges do nothing.
func (p *Panel) Run(ctx context.Context) error {
	events := p.opt.Events
	tick := time.NewTicker(min(max(min(p.opt.Idle, p.opt.Done)/10, 20*time.Millisecond), time.Second))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			p.sweep(ctx)
			p.sweepGone(ctx)
		case ev, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			p.event(ctx, ev)
		}
	}
}

// Close ends every open WebSocket and waits for them, and for what is still
// being given back of visits that ended, in bounded time. New ones are refused.
func (p *Panel) Close() {
	p.live.close()
	p.ending.Wait()
}

// printer returns the texts of a language, or of the site's.
func (p *Panel) printer(lang string) *text.Printer {
	if lang == "" {
		lang = p.opt.Lang
	}
	return text.For(lang)
}
