// Package health answers machines that ask how the agent is: /healthz, /readyz
// and /metrics. It watches the spool and asks the parts when somebody scrapes;
// no part knows that it is counted. Nothing shown holds personal data.
//
// What is wrong with a site before it runs is the business of package doctor.
package health

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// Source is what is read of the spool.
type Source interface {
	Get(ctx context.Context, id job.ID) (*job.Job, error)
	Watch(ctx context.Context, cursor uint64) iter.Seq2[spool.Event, error]
	Last(ctx context.Context) (uint64, error)
	Usage(ctx context.Context) (spool.Usage, error)
	Totals(ctx context.Context) (spool.Totals, error)
}

// Service is how one fax service stands.
type Service struct {
	ID      string
	Kind    string
	Open    time.Time // since when its breaker is open; zero: closed
	Stopped bool      // its account was refused and waits for IT
}

// Usable reports whether faxes are sent through it at this moment.
func (s Service) Usable() bool { return s.Open.IsZero() && !s.Stopped }

// Options say where to look. Spool is needed; a nil function is a part that is
// not there. The functions are called at every request and must not block.
type Options struct {
	Version    string
	Spool      Source
	Services   func() []Service
	MQTT       func() (connected bool) // nil: no broker is configured
	Reloaded   func() (ok bool)        // whether the newest configuration is in use
	ClockJumps func() int
	Visits     func() int // how many people stand at panels
	Now        func() time.Time
	Log        *slog.Logger
}

// Health counts and answers. All methods are safe for concurrent use.
type Health struct {
	opts Options
	set  *metrics.Set
}

// New returns a Health that has counted nothing yet.
func New(o Options) *Health {
	if o.Services == nil {
		o.Services = func() []Service { return nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Health{opts: o, set: metrics.NewSet()}
}

// Routes adds the three pages to a mux. Who may see them is the caller's
// business: the metrics tell how much a site faxes.
func (h *Health) Routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", h.alive)
	mux.HandleFunc("GET /readyz", h.ready)
	mux.HandleFunc("GET /metrics", h.metrics)
}

// Alive is the body of /healthz. Its name is how doctor knows that a port
// belongs to an agent.
type Alive struct {
	Name    string `json:"name"` // "platen"
	Version string `json:"version"`
}

func (h *Health) alive(w http.ResponseWriter, _ *http.Request) {
	h.answer(w, http.StatusOK, Alive{Name: "platen", Version: h.opts.Version})
}

// Ready is the body of /readyz.
type Ready struct {
	Ready bool   `json:"ready"`
	Parts []Part `json:"parts"`
}

// Part is one thing the agent needs.
type Part struct {
	Part   string `json:"part"` // "spool", "fax-service" or "mqtt"
	ID     string `json:"id,omitempty"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// askTime bounds how long the spool is asked for one page.
const askTime = 5 * time.Second

// Check asks every part. The agent is ready while it can do anything of use:
// send through one fax service at least, or take paper and keep it safe.
func (h *Health) Check(ctx context.Context) Ready {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	accepts := h.checkSpool(ctx)
	r := Ready{Ready: accepts.OK, Parts: []Part{accepts}}
	for _, s := range h.opts.Services() {
		p := Part{Part: "fax-service", ID: s.ID, OK: s.Usable()}
		switch {
		case s.Stopped:
			p.Detail = "account refused, see platen services"
		case !s.Open.IsZero():
			p.Detail = fmt.Sprintf("not answering for %s", h.opts.Now().Sub(s.Open).Round(time.Second))
		}
		r.Ready = r.Ready || p.OK
		r.Parts = append(r.Parts, p)
	}
	if h.opts.MQTT != nil {
		p := Part{Part: "mqtt", OK: h.opts.MQTT()}
		if !p.OK {
			p.Detail = "not connected, nothing waits for it"
		}
		r.Parts = append(r.Parts, p)
	}
	return r
}

// The embedded spool takes no new page when less than this is left.
const (
	minFree  = 16 << 20
	keepBack = 8 // one part in so many of the quota is kept for what was promised
)

func (h *Health) checkSpool(ctx context.Context) Part {
	p := Part{Part: "spool"}
	u, err := h.opts.Spool.Usage(ctx)
	switch {
	case err != nil:
		h.opts.Log.Error("health: spool", "err", err)
		p.Detail = "does not answer"
	case u.Quota > 0 && u.Used >= u.Quota-u.Quota/keepBack:
		p.Detail = fmt.Sprintf("full: %d of %d MiB used", u.Used>>20, u.Quota>>20)
	case u.Free < minFree:
		p.Detail = fmt.Sprintf("disk full: %d MiB free", u.Free>>20)
	default:
		p.OK = true
	}
	return p
}

func (h *Health) ready(w http.ResponseWriter, r *http.Request) {
	state, code := h.Check(r.Context()), http.StatusOK
	if !state.Ready {
		code = http.StatusServiceUnavailable
	}
	h.answer(w, code, state)
}

func (h *Health) answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		h.opts.Log.Debug("health: answer", "err", err)
	}
}
