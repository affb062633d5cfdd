package panel

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/spool"
)

// handler serves one route for one visit. An error becomes a page that says
// what failed.
type handler func(w http.ResponseWriter, r *http.Request, v *visit) error

// route is one address below /panel/DEVICE/.
type route struct {
	method, path string
	do           handler
	bare         bool // works without a visit
	quiet        bool // asked by a page, not by a person: no tap
	anyone       bool // works before somebody signed in, where people do
	secret       bool // a form that may hold a secret: over a private connection only
}

func (p *Panel) routes() {
	p.mux = http.NewServeMux()
	for _, rt := range []route{
		{method: "GET", path: "{$}", do: p.home, bare: true, anyone: true},
		{method: "POST", path: "begin", do: p.beginFax, bare: true, anyone: true},
		{method: "POST", path: "look", do: p.look, bare: true, anyone: true},
		{method: "POST", path: "leave", do: p.leave, anyone: true},
		{method: "GET", path: "leave", do: p.askLeave, anyone: true},
		{method: "POST", path: "more", do: p.more, anyone: true},
		{method: "GET", path: "signin", do: p.signinPage, anyone: true},
		{method: "POST", path: "signin", do: p.signinPost, anyone: true},
		{method: "POST", path: secretForm, do: p.signinSecret, anyone: true, secret: true},
		{method: "GET", path: "signin/qr", do: p.qrPicture, anyone: true, quiet: true},
		{method: "GET", path: "launch", do: p.launch, bare: true, anyone: true},
		{method: "GET", path: "hello", do: p.hello},
		{method: "POST", path: "hello", do: p.helloPost},
		{method: "GET", path: "number", do: p.numberPage},
		{method: "POST", path: "number", do: p.numberPost},
		{method: "GET", path: "number/sure", do: p.numberSure},
		{method: "GET", path: "people", do: p.people},
		{method: "GET", path: "scan", do: p.scanPage},
		{method: "POST", path: "scan", do: p.scanPost},
		{method: "GET", path: "page/{part}", do: p.onePage},
		{method: "POST", path: "page/{part}", do: p.dropPage},
		{method: "GET", path: "preview/{draft}/{part}", do: p.preview, quiet: true},
		{method: "GET", path: "check", do: p.check},
		{method: "POST", path: "send", do: p.send},
		{method: "GET", path: "sent/{job}", do: p.sent, quiet: true},
		{method: "GET", path: "faxes", do: p.faxes, bare: true},
		{method: "GET", path: "find", do: p.findPage},
		{method: "POST", path: "find", do: p.findPost},
		{method: "GET", path: "fax/{job}", do: p.fax},
		{method: "GET", path: "fax/{job}/cancel", do: p.askCancel},
		{method: "POST", path: "fax/{job}/cancel", do: p.cancel},
		{method: "POST", path: "fax/{job}/retry", do: p.retry},
		{method: "GET", path: "fax/{job}/decide/{recipient}", do: p.askDecide},
		{method: "POST", path: "fax/{job}/decide/{recipient}", do: p.decide},
		{method: "GET", path: "state", do: p.poll, bare: true, anyone: true, quiet: true},
		{method: "GET", path: "live", do: p.socket, bare: true, anyone: true, quiet: true},
	} {
		p.mux.HandleFunc(rt.method+" /panel/{device}/"+rt.path, func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, rt) })
	}
	p.mux.HandleFunc("GET /panel/{device}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.EscapedPath()+"/", http.StatusMovedPermanently)
	})
}

// ServeHTTP implements [http.Handler].
func (p *Panel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w, r)
	if !p.allowed(r) {
		http.Error(w, "This panel does not answer your address. Allow it with panel.allow in the agent's configuration.", http.StatusForbidden)
		return
	}
	if !Named(r.Host, p.opt.Hosts) {
		http.Error(w, "This panel does not answer under this name. Use its address, or add the name to panel.hosts in the agent's configuration.", http.StatusMisdirectedRequest)
		return
	}
	if name, ok := strings.CutPrefix(r.URL.Path, assetPath); ok {
		p.assets.serve(w, r, name)
		return
	}
	p.mux.ServeHTTP(w, r)
}

// serve runs a route behind the guards that all of them share.
func (p *Panel) serve(w http.ResponseWriter, r *http.Request, rt route) {
	dev := p.devices[r.PathValue("device")]
	if dev == nil {
		http.Error(w, "There is no such device here.", http.StatusNotFound)
		return
	}
	if rt.path != "live" {
		ctx, cancel := context.WithTimeout(r.Context(), requestTime)
		defer cancel()
		r = r.WithContext(ctx)
	}
	v, err := p.find(r, dev)
	if err == nil {
		err = p.guarded(w, r, rt, v)
	}
	if err != nil {
		p.fail(w, r, v, dev, err)
	}
}

// Errors that become pages of their own.
var (
	errForm  = errors.New("form does not belong to this page")
	errEnded = errors.New("visit has ended")
)

func (p *Panel) guarded(w http.ResponseWriter, r *http.Request, rt route, v *visit) error {
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if rt.secret {
			if !private(r) {
				w.Header().Set("Connection", "close") // not even to throw it away
				return errPlain
			}
			with, s, err := readSecrets(r)
			if err != nil {
				return err
			}
			defer s.wipe()
			r = with
		}
		if err := p.checkForm(w, r, rt, v); err != nil {
			return err
		}
	}
	if !v.open && !rt.bare {
		return errEnded
	}
	if !rt.anyone && !v.mayFax() {
		if !v.open {
			return p.to(w, r, v, "")
		}
		return p.to(w, r, v, "signin")
	}
	if v.open && !rt.quiet && r.URL.Query().Get("r") == "" {
		if err := p.tap(r.Context(), v, nil); err != nil {
			return err
		}
	}
	return rt.do(w, r, v)
}

// checkForm accepts a POST only from a form of this device and visit.
func (p *Panel) checkForm(w http.ResponseWriter, r *http.Request, rt route, v *visit) error {
	if err := r.ParseForm(); err != nil { // nothing to do where it was read already
		return errForm
	}
	if !sameOrigin(r, false) {
		return errForm
	}
	token := r.PostForm.Get(fieldCSRF)
	switch {
	case v.open && same(token, v.s.CSRF):
		return nil
	case v.open:
		return errForm
	case !rt.bare:
		return errEnded // nothing changes; the person is told
	case v.first != "" && same(token, p.firstToken(v.first, v.dev.ID)):
		return p.begin(w, r, v)
	}
	return errForm
}

// fail answers with a page that says what failed, or goes to the first screen
// when only the visit is over.
func (p *Panel) fail(w http.ResponseWriter, r *http.Request, v *visit, dev *Device, err error) {
	if v == nil {
		v = &visit{dev: dev, say: p.printer("")}
	}
	status, problem := http.StatusInternalServerError, problemAgent
	switch {
	case errors.Is(err, errEnded), errors.Is(err, signin.ErrNoSession):
		http.Redirect(w, r, p.at(v, "?ended=1"), http.StatusSeeOther)
		return
	case errors.Is(err, errPlain):
		status, problem = http.StatusForbidden, problemPlain
	case errors.Is(err, errForm):
		status, problem = http.StatusForbidden, problemForm
	case errors.Is(err, errVisits):
		status, problem = http.StatusServiceUnavailable, problemVisits
	case errors.Is(err, spool.ErrNotFound):
		status, problem = http.StatusNotFound, problemNoFax
	case errors.Is(err, spool.ErrFull):
		status, problem = http.StatusInsufficientStorage, problemFull
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		return // nobody is listening
	default:
		p.opt.Log.Error("panel request", "device", dev.ID, "path", r.Pattern, "err", err)
	}
	p.showProblem(w, r, v, status, problem)
}

// at returns a path of the visit's device.
func (p *Panel) at(v *visit, rest string) string { return "/panel/" + v.dev.ID + "/" + rest }

// to sends the browser to the next page, by GET.
func (p *Panel) to(w http.ResponseWriter, r *http.Request, v *visit, rest string) error {
	http.Redirect(w, r, p.at(v, rest), http.StatusSeeOther)
	return nil
}
