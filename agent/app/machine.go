package app

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/platen-fax/platen/agent/capture"
	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/convert"
	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/flow"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/number"
	"github.com/platen-fax/platen/agent/panel"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/spool"
	"github.com/platen-fax/platen/devices"
)

// machine is what one configuration makes: devices, fax services, workers and
// panels. A reload replaces it whole.
type machine struct {
	cfg      *config.Config
	spool    spool.Spool
	desk     *capture.Desk
	panel    *panel.Panel
	services map[string]*service
	workers  []flow.Worker
	entrance entrance
	readers  []reader

	cancel context.CancelFunc
	wg     sync.WaitGroup
	app    *App
}

// service is one configured fax service with its engine.
type service struct {
	cfg     config.FaxService
	service deliver.Service
	engine  *deliver.Engine
	account *deliver.Account
	breaker *deliver.Breaker
	clients deliver.Clients
}

// build makes a machine. Nothing of it runs yet and nobody was asked anything.
func (a *App) build(cfg *config.Config) (*machine, error) {
	m := &machine{cfg: cfg, spool: a.state.spool, services: make(map[string]*service), app: a}
	calm := a.watch.calm
	m.workers = append(m.workers,
		flow.Deadlines(a.state.spool, cfg.Limits(), calm, a.state.now, a.log),
		flow.Worker{
			Lane: job.LaneConvert, Parallel: max(runtime.GOMAXPROCS(0)-1, 1), Lease: 5 * time.Minute,
			Do: convert.Lane(a.state.spool, cfg.Delivery.RetryMin, a.log),
		})
	for _, c := range cfg.FaxServices {
		s, err := a.service(cfg, c)
		if err != nil {
			return nil, fmt.Errorf("fax service %s: %w", c.ID, err)
		}
		m.services[c.ID] = s
		m.workers = append(m.workers,
			flow.Worker{
				Lane: job.SendLane(c.ID), Parallel: c.MaxInFlight, Lease: s.engine.Lease(), Ready: s.engine.Ready,
				Do: func(ctx context.Context, claims []*spool.Claim) {
					for _, c := range claims {
						s.engine.Send(ctx, c)
					}
				},
			},
			flow.Worker{
				Lane: job.TrackLane(c.ID), Batch: s.engine.Batch(), Lease: s.engine.TrackLease(), Ready: s.engine.MayAsk,
				Do: s.engine.Track,
			})
	}
	var err error
	if m.entrance, err = a.entrance(cfg, m.services[cfg.SignIn.Service]); err != nil {
		return nil, err
	}
	scanners := make(map[string]devices.Scanner)
	var panels []panel.Device
	for _, d := range cfg.Devices {
		s, err := newScanner(a.opt.Drivers, cfg, d)
		if err != nil {
			return nil, fmt.Errorf("device %s: %w", d.ID, err)
		}
		scanners[d.ID] = s
		r, reads, err := newReader(a.opt.Drivers, d)
		if err != nil {
			return nil, fmt.Errorf("device %s: %w", d.ID, err)
		}
		if reads && m.entrance.badges != nil {
			m.readers = append(m.readers, r)
		}
		panels = append(panels, panel.Device{
			ID: d.ID, Name: d.Name, Paper: d.Paper, Route: []string{d.FaxService}, Mode: d.Mode,
			Location: cmp.Or(d.Location, cfg.Site.Name), Reader: reads,
			Others: d.Mode == config.ModeDeviceLogin && cfg.OtherWay(), // for who forgot the badge
		})
	}
	m.desk = capture.New(a.state.spool, scanners, capture.Options{Log: a.log})
	if len(panels) == 0 {
		return m, nil
	}
	o := panel.Options{
		Devices: panels, Spool: a.state.spool, Desk: m.desk, Sessions: a.sessions, Bus: a.bus,
		Searchable: m.searchable, Site: cfg.Site.Name, Lang: cfg.Site.Language, Country: cfg.Site.Country, Rules: rules(cfg.Numbers),
		Allow: cfg.Panel.Allow, Hosts: cfg.Panel.Hosts, Idle: cfg.Panel.Idle, Clock: a.state.now, Log: a.log,
		Authorities: a.authorities, Events: a.events.Receive(), Launch: m.entrance.launch, GrantFor: cfg.Delivery.GiveUpAfter,
	}
	if m.entrance.reception != nil {
		o.SignIn = countedSignIn{m.entrance.reception, func(w signin.Way) { a.countSignIn(w)(nil) }}
	}
	m.panel, err = panel.New(o)
	return m, err
}

// rules are the site's dialling rules as package number wants them.
func rules(n config.Numbers) number.Rules {
	return number.Rules{OutsidePrefix: n.OutsidePrefix, Deny: n.Deny, Allow: n.Allow}
}

// newScanner makes the driver of one device.
func newScanner(drivers Drivers, cfg *config.Config, d config.Device) (devices.Scanner, error) {
	build, ok := drivers.Scanners[d.Driver]
	if !ok {
		return nil, fmt.Errorf("driver %q is not built in", d.Driver)
	}
	client, err := deviceClient(cfg, d)
	if err != nil {
		return nil, err
	}
	return build(ScannerConfig{Device: d, Client: client, BusyWait: cfg.Capture.BusyWait})
}

// service makes one fax service with its engine.
func (a *App) service(cfg *config.Config, c config.FaxService) (*service, error) {
	build, ok := a.opt.Drivers.Services[c.Kind]
	if !ok {
		return nil, fmt.Errorf("kind %q is not built in", c.Kind)
	}
	if c.Token.Exposed() {
		a.log.Warn("others may read the credential, take their rights away", "service", c.ID, "file", c.Token.Path())
	}
	clients, err := serviceClients(cfg, c)
	if err != nil {
		return nil, err
	}
	for _, client := range []*http.Client{clients.API, clients.Commit} {
		client.Transport = a.watch.health.RoundTripper(c.ID, client.Transport)
	}
	s := &service{cfg: c, clients: clients}
	if s.service, err = build(s.config(cfg)); err != nil {
		return nil, err
	}
	// A changed file is a changed credential, without reading it.
	fingerprint := func() string {
		t, err := c.Token.ModTime()
		if err != nil {
			return "missing"
		}
		return strconv.FormatInt(t.UnixNano(), 36)
	}
	if s.account, err = deliver.NewAccount(c.ID, stops{a.state.registry}, fingerprint); err != nil {
		return nil, err
	}
	d := cfg.Delivery
	s.breaker = deliver.NewBreaker(d.BreakerOpenAfter, d.BreakerProbeInterval, time.Now)
	s.engine = deliver.New(deliver.Options{
		Spool: a.state.spool, Documents: documents{a.state.spool}, Service: s.service, ID: c.ID,
		Account: s.account, Breaker: s.breaker, Now: a.state.now, Log: a.log,
		Policy: deliver.Policy{
			SubmitTimeout: d.SubmitTimeout, Settle: d.Settle, Poll: d.PollInterval, LatePoll: d.LatePoll, LateNews: d.LateNews,
			RetryMin: d.RetryMin, RetryMax: d.RetryMax, LineRetry: d.LinePause, LineTries: d.LineTries,
		},
	})
	return s, nil
}

// config is what the service is made from.
func (s *service) config(cfg *config.Config) ServiceConfig {
	return ServiceConfig{
		Service: s.cfg, Clients: s.clients, Settle: cfg.Delivery.Settle,
		Token: func(context.Context) (string, error) { return s.cfg.Token.Read() },
	}
}

// searchable reports whether a fax service can be asked for a fax by our key.
func (m *machine) searchable(id string) bool {
	s := m.services[id]
	return s != nil && s.service.Capabilities().Dedupe != deliver.DedupeNone
}

// start lets the machine work.
func (m *machine) start(bus *flow.Bus) {
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	m.wg.Go(func() { flow.Run(ctx, m.spool, bus, m.workers, m.app.log) })
	if m.panel != nil {
		m.wg.Go(func() { _ = m.panel.Run(ctx) }) // ends with ctx only
	}
	for _, r := range m.readers {
		m.wg.Go(func() { m.watch(ctx, r) })
	}
}

// stop ends the machine: no new scan begins, a moving page is finished, workers
// finish what must not be cut.
func (m *machine) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	m.desk.Close(ctx)
	m.cancel()
	if m.panel != nil {
		m.panel.Close()
	}
	m.wg.Wait()
	m.entrance.close()
	for _, s := range m.services {
		s.clients.CloseIdle()
	}
}

// documents makes fax documents from the spool's parts.
type documents struct{ parts convert.Parts }

// Document implements [deliver.Documents].
func (d documents) Document(ctx context.Context, j *job.Job, f deliver.Format) (deliver.Document, error) {
	if f != deliver.FormatTIFF {
		return deliver.Document{}, fmt.Errorf("%w: %s is not built in", deliver.ErrDocument, f)
	}
	file, err := convert.Assemble(ctx, d.parts, j)
	if err != nil {
		return deliver.Document{}, documentError(err)
	}
	return deliver.Document{Name: "fax.tif", MIME: "image/tiff", Size: file.Size, SHA256: file.SHA256, Pages: file.Pages, Open: file.Open}, nil
}
