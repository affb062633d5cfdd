// Package world puts the simulated parts together: devices, the fax cloud and
// the broker on free loopback ports, a certificate authority of their own, the
// secrets and the configuration an agent needs to live in it, and a control
// interface for whoever plays with it.
//
// What the parts do is theirs. The agent is no part of the world; it is given
// the configuration file and meets the rest on bytes.
package world

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/adfs"
	"github.com/platen-fax/platen/simulator/broker"
	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/idp"
	"github.com/platen-fax/platen/simulator/mfp"
	"github.com/platen-fax/platen/simulator/paper"
	"github.com/platen-fax/platen/simulator/reader"
)

// Station is a device of a running world.
type Station struct {
	ID  string
	MFP *mfp.MFP
	// FirstBatch is the number of the first stack that Refill loads.
	FirstBatch uint32
	// Reader is the card reader beside it, nil where badges are not used.
	Reader    *reader.Reader
	launchKey string
	server    *mfp.Server
}

// URL returns the eSCL root.
func (s *Station) URL() string { return s.server.URL() }

// World is everything around an agent. Its methods are safe for concurrent use.
type World struct {
	dir       string
	temporary bool
	authority *Authority
	service   string
	token     string // of the Fax.Plus side
	connector string // token of the XM-style side
	fromPhone string

	Stations []*Station
	Fax      *faxcloud.Cloud
	Broker   *broker.Broker // nil without

	// What the company has, as its account needs it; else nil.
	ADFS *adfs.STS
	SAML *idp.SAML
	OIDC *idp.OIDC

	mode           string
	company        Company
	order          []string // ids of people
	fax, xm        *site
	farm, provider *site
	sites          []*site
	plain          string // AD FS without TLS
	scim           string // the agent's SCIM address
	scimToken      string
	past           atomic.Bool // the cloud's clock stands long ago
	control        *http.Server
	url            string
	batch          atomic.Uint32

	mu      sync.Mutex
	persons map[string]Person
	typed   []Arrival

	stop  context.CancelFunc
	wg    sync.WaitGroup
	once  sync.Once
	ended error
}

// Everything a world holds in files.
const (
	caFile      = "ca.pem"
	tokenFile   = "faxplus.token"
	xmTokenFile = "xmcloud.token"
	receivedDir = "received"
	stateDir    = "state"
	configFile  = "agent.yaml"
)

// refillBatches is how many batches a refilled device may feed before its
// numbers meet those of the next device.
const refillBatches = 1_000_000

// Start builds a world and returns when all of it answers. It lives until ctx
// ends or Close.
func Start(ctx context.Context, o Options) (*World, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if len(o.Devices) == 0 {
		o.Devices = []Device{{ID: "front-desk"}}
	}
	if o.Service == "" {
		o.Service = faxcloud.FaxPlus
	}
	if !slices.Contains(faxcloud.Services(), o.Service) {
		return nil, fmt.Errorf("world: no fax service %q", o.Service)
	}
	if o.Mode == "" {
		o.Mode = ModeShared
	}
	if !slices.Contains(Modes(), o.Mode) {
		return nil, fmt.Errorf("world: no mode %q", o.Mode)
	}
	if o.Company.Account == "" {
		o.Company.Account = AccountOwn
	}
	if o.Mode == ModeBadge && o.Company.Directory == "" {
		o.Company.Directory = DirectoryCSV
	}
	if err := checkCompany(o.Company); err != nil {
		return nil, fmt.Errorf("world: %w", err)
	}
	w := &World{
		dir: o.Dir, service: o.Service, fromPhone: "+15145550100", mode: o.Mode, company: o.Company, persons: map[string]Person{},
	}
	ctx, w.stop = context.WithCancel(ctx)
	if err := w.build(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("world: %w", err), w.Close())
	}
	return w, nil
}

func (w *World) build(ctx context.Context, o Options) error {
	if err := w.files(); err != nil {
		return err
	}
	for i, d := range o.Devices {
		if err := w.addDevice(i, d); err != nil {
			return err
		}
	}
	if err := w.addPeople(o); err != nil {
		return err
	}
	if err := w.addFax(ctx, o); err != nil {
		return err
	}
	if o.Mode != ModeShared {
		if err := w.addCompany(ctx, o); err != nil {
			return err
		}
	}
	if o.Broker {
		ln, err := loopback()
		if err != nil {
			return err
		}
		if w.Broker, err = broker.Start(ctx, ln, broker.Options{Log: o.Log}); err != nil {
			return err
		}
	}
	return w.startControl()
}

// files makes the directories, the authority and the secrets.
func (w *World) files() error {
	if w.dir == "" {
		dir, err := os.MkdirTemp("", "platen-sim-")
		if err != nil {
			return err
		}
		w.dir, w.temporary = dir, true
	}
	dir, err := filepath.Abs(w.dir)
	if err != nil {
		return err
	}
	w.dir = dir
	if w.authority, err = NewAuthority(); err != nil {
		return err
	}
	w.token, w.connector = secret(), xmcloud.ServicePrefix+secret()
	return errors.Join(
		os.Mkdir(w.Received(), 0o755),
		os.WriteFile(w.CAFile(), w.authority.PEM(), 0o644),
		os.WriteFile(filepath.Join(w.dir, tokenFile), []byte(w.token+"\n"), 0o600),
		os.WriteFile(filepath.Join(w.dir, xmTokenFile), []byte(w.connector+"\n"), 0o600),
	)
}

func secret() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func (w *World) addDevice(i int, d Device) error {
	if slices.ContainsFunc(w.Stations, func(s *Station) bool { return s.ID == d.ID }) {
		return fmt.Errorf("device %q is there twice", d.ID)
	}
	profile := d.Profile
	if profile == "" {
		profile = "office"
	}
	caps, err := mfp.Profile(profile, d.ID)
	if err != nil {
		return err
	}
	o := mfp.Options{ID: d.ID, Caps: caps, Pages: mfp.Paper(paper.NewCache(16 << 20))}
	first := uint32(i+1)*refillBatches + 1
	if d.Refill > 0 {
		o.Refill = &mfp.Stack{Batch: first, Pages: d.Refill, Class: mfp.ClassMixed}
	}
	m := mfp.New(o)
	if d.OnGlass {
		m.LoadPlaten(mfp.Stack{Batch: w.NextBatch(), Pages: 1, Class: paper.Form})
	}
	if err := m.SetFaults(d.Faults); err != nil {
		return err
	}
	server, err := m.Listen("127.0.0.1:0", nil)
	if err != nil {
		return err
	}
	w.Stations = append(w.Stations, &Station{ID: d.ID, MFP: m, FirstBatch: first, server: server})
	return nil
}

// loopback listens on a free port.
func loopback() (net.Listener, error) {
	return net.Listen("tcp", "127.0.0.1:0")
}

// Dir returns the directory of the world.
func (w *World) Dir() string { return w.dir }

// CAFile returns the file with the authority's certificate.
func (w *World) CAFile() string { return filepath.Join(w.dir, caFile) }

// Received returns the directory where the far end keeps its documents.
func (w *World) Received() string { return filepath.Join(w.dir, receivedDir) }

// ControlURL returns the address of the control interface.
func (w *World) ControlURL() string { return w.url }

// Station returns a device by its id, or nil.
func (w *World) Station(id string) *Station {
	for _, s := range w.Stations {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// NextBatch returns a number that no other stack of paper of this world has.
func (w *World) NextBatch() uint32 { return w.batch.Add(1) }

// Close takes everything down and waits for it. It may be called twice.
func (w *World) Close() error {
	w.once.Do(func() {
		w.stop()
		var errs []error
		if w.Fax != nil {
			w.Fax.Close()
		}
		if w.control != nil {
			errs = append(errs, w.control.Close())
		}
		for _, s := range w.Stations {
			errs = append(errs, s.server.Close())
			if s.Reader != nil {
				errs = append(errs, s.Reader.Close())
			}
		}
		if w.ADFS != nil {
			w.ADFS.Close()
		}
		errs = append(errs, w.closeSites())
		if w.Broker != nil {
			errs = append(errs, w.Broker.Close())
		}
		w.wg.Wait()
		if w.temporary {
			errs = append(errs, os.RemoveAll(w.dir))
		}
		w.ended = errors.Join(errs...)
	})
	return w.ended
}

// Pool returns the world's authority as the only root.
func (w *World) Pool() *x509.CertPool { return w.authority.Pool() }
