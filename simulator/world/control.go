package world

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/platen-fax/platen/simulator/adfs"
	"github.com/platen-fax/platen/simulator/broker"
	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/mfp"
)

// maxControl bounds the body of a control request, in bytes.
const maxControl = 1 << 20

// Addresses says where everything is; it is what a ready file holds.
type Addresses struct {
	Control  string            `json:"control"`
	CA       string            `json:"ca"`
	MFPs     []AddressOfMFP    `json:"mfps"`
	Services map[string]string `json:"fax_services"`
	Broker   string            `json:"broker,omitempty"`
	Config   string            `json:"config,omitempty"` // for platen run --config
	Dir      string            `json:"dir"`
	Received string            `json:"received"` // documents that reached the far end

	Mode   string   `json:"mode"`
	ADFS   string   `json:"adfs,omitempty"` // metadata document of AD FS
	SAML   string   `json:"saml,omitempty"` // metadata of the SAML provider
	OIDC   string   `json:"oidc,omitempty"` // issuer of the OpenID provider
	SCIM   string   `json:"scim,omitempty"` // where the agent will take users
	People []Person `json:"people,omitempty"`
}

// AddressOfMFP is one device of Addresses.
type AddressOfMFP struct {
	ID   string `json:"id"`
	ESCL string `json:"escl"`
	// Reader is the serial line of the badge reader.
	Reader string `json:"reader,omitempty"`
}

// Addresses returns where everything is. config is the agent's configuration
// file, or "".
func (w *World) Addresses(config string) Addresses {
	a := Addresses{
		Control: w.url, CA: w.CAFile(), Services: map[string]string{faxcloud.FaxPlus: w.FaxURL(), faxcloud.XMCloud: w.XMURL()},
		Config: config, Dir: w.dir, Received: w.Received(), MFPs: []AddressOfMFP{}, Mode: w.mode, People: w.People(),
	}
	for _, s := range w.Stations {
		m := AddressOfMFP{ID: s.ID, ESCL: s.URL()}
		if s.Reader != nil {
			m.Reader = s.Reader.Path()
		}
		a.MFPs = append(a.MFPs, m)
	}
	if w.ADFS != nil {
		a.ADFS = w.farm.url() + adfs.PathMEX
	}
	if w.SAML != nil {
		a.SAML = w.SAML.MetadataURL()
	}
	if w.OIDC != nil {
		a.OIDC = w.OIDC.Issuer()
	}
	if w.scim != "" {
		a.SCIM = "https://" + w.scim + scimPath
	}
	if w.Broker != nil {
		a.Broker = w.Broker.URL()
	}
	return a
}

// LoadRequest is the body of POST /mfps/ID/load: paper for the feeder, or with
// platen one page for the glass. Without batch the world numbers the stack.
type LoadRequest struct {
	mfp.Stack
	Platen bool `json:"platen,omitempty"`
}

// LoadAnswer says which batch was loaded.
type LoadAnswer struct {
	Batch uint32 `json:"batch"`
}

// maxLoad is the most sheets one load may have; no feeder holds as many.
const maxLoad = 500

// Load puts paper into a device and returns its batch number.
func (w *World) Load(id string, l LoadRequest) (uint32, error) {
	s := w.Station(id)
	if s == nil {
		return 0, fmt.Errorf("no device %q", id)
	}
	if l.Pages < 1 || l.Pages > maxLoad {
		return 0, fmt.Errorf("pages is %d, want 1 to %d", l.Pages, maxLoad)
	}
	if l.Batch == 0 {
		l.Batch = w.NextBatch()
	}
	if l.Platen {
		s.MFP.LoadPlaten(l.Stack)
	} else {
		s.MFP.LoadStack(l.Stack)
	}
	return l.Batch, nil
}

// startControl serves the control interface on a free loopback port:
//
//	GET  /world                     where everything is
//	GET  /mfps, GET /mfps/ID        state of the devices
//	POST /mfps/ID/load              a LoadRequest, answers its batch
//	GET, PUT /mfps/ID/faults        an mfp.Faults, replacing all
//	POST /mfps/ID/clear-jam | open-cover | close-cover | cancel | clear
//	PUT  /fax/down                  true or false
//	…    /fax/ledger, /fax/faults, /fax/release, /fax/rules, /fax/tune, /fax/tokens
//	                                as faxcloud's ControlHandler
//	GET  /broker/messages           everything said so far
//	POST /broker/cut                breaks every connection
//
// and where people sign in:
//
//	POST /mfps/ID/tap               a TapRequest: a card at the reader
//	POST /mfps/ID/unplug | replug   the reader's cable
//	GET  /people                    everybody, with what they type
//	PUT  /people/ID                 a Person, replacing that one
//	GET  /people/ID/code            what the authenticator app shows
//	POST /people/provision          tells the agent about everybody over SCIM
//	POST /people/ID/deactivate      tells the agent over SCIM
//	GET  /passwords                 where passwords arrived
//	PUT  /company/down              true or false
//	PUT  /adfs/behaviour            an adfs.Behaviour, replacing all
//	…    /idp/…                     as the provider's ControlHandler
//
// Only JSON goes in; a browser page that found the port can do nothing, because
// requests that carry an Origin or another Host are refused.
func (w *World) startControl() error {
	ln, err := loopback()
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /world", func(rw http.ResponseWriter, _ *http.Request) { answer(rw, w.Addresses("")) })
	w.deviceRoutes(mux)
	w.peopleRoutes(mux)
	fax := w.Fax.ControlHandler()
	mux.HandleFunc("/fax/", func(rw http.ResponseWriter, r *http.Request) {
		inner := r.Clone(r.Context())
		inner.URL.Path = "/_control/" + strings.TrimPrefix(r.URL.Path, "/fax/")
		fax.ServeHTTP(rw, inner)
	})
	mux.HandleFunc("PUT /fax/down", func(rw http.ResponseWriter, r *http.Request) {
		var down bool
		if take(rw, r, &down) {
			w.FaxDown(down)
			rw.WriteHeader(http.StatusNoContent)
		}
	})
	mux.HandleFunc("GET /broker/messages", func(rw http.ResponseWriter, _ *http.Request) {
		messages := []broker.Message{}
		if w.Broker != nil {
			messages = w.Broker.Messages()
		}
		answer(rw, messages)
	})
	mux.HandleFunc("POST /broker/cut", func(rw http.ResponseWriter, _ *http.Request) {
		if w.Broker != nil {
			w.Broker.Cut()
		}
		rw.WriteHeader(http.StatusNoContent)
	})
	w.url = "http://" + ln.Addr().String()
	w.control = &http.Server{
		Handler:           localOnly(mux),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	w.wg.Go(func() { _ = w.control.Serve(ln) }) // always http.ErrServerClosed: only Close ends it
	return nil
}

func (w *World) deviceRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /mfps", func(rw http.ResponseWriter, _ *http.Request) {
		states := []mfp.State{}
		for _, s := range w.Stations {
			states = append(states, s.MFP.State())
		}
		answer(rw, states)
	})
	device := func(pattern string, do func(http.ResponseWriter, *http.Request, *Station)) {
		mux.HandleFunc(pattern, func(rw http.ResponseWriter, r *http.Request) {
			s := w.Station(r.PathValue("id"))
			if s == nil {
				http.Error(rw, "no such device", http.StatusNotFound)
				return
			}
			do(rw, r, s)
		})
	}
	device("GET /mfps/{id}", func(rw http.ResponseWriter, _ *http.Request, s *Station) { answer(rw, s.MFP.State()) })
	device("POST /mfps/{id}/load", func(rw http.ResponseWriter, r *http.Request, s *Station) {
		var l LoadRequest
		if !take(rw, r, &l) {
			return
		}
		batch, err := w.Load(s.ID, l)
		if err != nil {
			http.Error(rw, "load: "+err.Error(), http.StatusBadRequest)
			return
		}
		answer(rw, LoadAnswer{Batch: batch})
	})
	device("GET /mfps/{id}/faults", func(rw http.ResponseWriter, _ *http.Request, s *Station) { answer(rw, s.MFP.Faults()) })
	faults := func(rw http.ResponseWriter, r *http.Request, s *Station) {
		var f mfp.Faults
		if !take(rw, r, &f) {
			return
		}
		if err := s.MFP.SetFaults(f); err != nil {
			http.Error(rw, "faults: "+err.Error(), http.StatusBadRequest)
			return
		}
		rw.WriteHeader(http.StatusNoContent)
	}
	device("PUT /mfps/{id}/faults", faults)
	device("POST /mfps/{id}/faults", faults)
	for verb, do := range handles {
		device("POST /mfps/{id}/"+verb, func(rw http.ResponseWriter, _ *http.Request, s *Station) {
			do(s.MFP)
			rw.WriteHeader(http.StatusNoContent)
		})
	}
}

// handles are what a person can do at a device with empty hands.
var handles = map[string]func(*mfp.MFP){ //nolint:gochecknoglobals // constant table
	"clear-jam":   (*mfp.MFP).ClearJam,
	"open-cover":  (*mfp.MFP).OpenCover,
	"close-cover": (*mfp.MFP).CloseCover,
	"cancel":      (*mfp.MFP).CancelAtDevice,
	"clear":       (*mfp.MFP).Clear,
}

// localOnly refuses what did not come from a program on this machine that meant
// this server.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		ip, ipErr := netip.ParseAddr(host)
		if err != nil || r.Header.Get("Origin") != "" || (host != "localhost" && (ipErr != nil || !ip.IsLoopback())) {
			http.Error(rw, "only for programs on this machine", http.StatusForbidden)
			return
		}
		r.Body = http.MaxBytesReader(rw, r.Body, maxControl)
		next.ServeHTTP(rw, r)
	})
}

// take decodes one strict JSON value, or answers 400.
func take(rw http.ResponseWriter, r *http.Request, v any) bool {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more than one value")
		}
	}
	if err != nil {
		http.Error(rw, "body: "+err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func answer(rw http.ResponseWriter, v any) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	_, _ = rw.Write(append(data, '\n')) // a caller that left needs no answer
}
