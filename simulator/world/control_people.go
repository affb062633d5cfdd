package world

import (
	"net/http"
	"strings"
	"time"

	"github.com/platen-fax/platen/simulator/adfs"
	"github.com/platen-fax/platen/simulator/reader"
)

// TapRequest is the body of POST /mfps/ID/tap.
type TapRequest struct {
	Card string `json:"card"` // number, as the reader prints it
}

// PasswordsAnswer is the body of GET /passwords.
type PasswordsAnswer struct {
	Cloud []Arrival `json:"cloud"`
	ADFS  []Arrival `json:"adfs"`
}

// CodeAnswer is the body of GET /people/ID/code.
type CodeAnswer struct {
	Code string `json:"code"`
}

// peopleRoutes are those of signing in.
func (w *World) peopleRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /people", func(rw http.ResponseWriter, _ *http.Request) { answer(rw, w.People()) })
	mux.HandleFunc("GET /passwords", func(rw http.ResponseWriter, _ *http.Request) {
		answer(rw, PasswordsAnswer{Cloud: w.Passwords(AtCloud), ADFS: w.Passwords(AtADFS)})
	})
	mux.HandleFunc("PUT /people/{id}", func(rw http.ResponseWriter, r *http.Request) {
		p, ok := w.Person(r.PathValue("id"))
		if !ok {
			http.Error(rw, "there is nobody of that name", http.StatusNotFound)
			return
		}
		if take(rw, r, &p) {
			p.ID = r.PathValue("id")
			done(rw, w.SetPerson(p))
		}
	})
	mux.HandleFunc("GET /people/{id}/code", func(rw http.ResponseWriter, r *http.Request) {
		p, ok := w.Person(r.PathValue("id"))
		if !ok {
			http.Error(rw, "there is nobody of that name", http.StatusNotFound)
			return
		}
		code, err := p.Code(time.Now())
		if err != nil {
			done(rw, err)
			return
		}
		answer(rw, CodeAnswer{code})
	})
	mux.HandleFunc("POST /people/provision", func(rw http.ResponseWriter, r *http.Request) { done(rw, w.Provision(r.Context())) })
	mux.HandleFunc("POST /people/{id}/deactivate", func(rw http.ResponseWriter, r *http.Request) {
		done(rw, w.Deactivate(r.Context(), r.PathValue("id")))
	})
	mux.HandleFunc("PUT /company/down", func(rw http.ResponseWriter, r *http.Request) {
		var down bool
		if take(rw, r, &down) {
			w.CompanyDown(down)
			rw.WriteHeader(http.StatusNoContent)
		}
	})
	mux.HandleFunc("PUT /adfs/behaviour", func(rw http.ResponseWriter, r *http.Request) {
		var b adfs.Behaviour
		switch {
		case w.ADFS == nil:
			http.Error(rw, "this company has no AD FS", http.StatusNotFound)
		case take(rw, r, &b):
			w.SetADFS(b)
			rw.WriteHeader(http.StatusNoContent)
		}
	})
	mux.HandleFunc("/idp/", func(rw http.ResponseWriter, r *http.Request) {
		var h http.Handler
		switch {
		case w.SAML != nil:
			h = w.SAML.ControlHandler()
		case w.OIDC != nil:
			h = w.OIDC.ControlHandler()
		default:
			http.Error(rw, "this company has no identity provider", http.StatusNotFound)
			return
		}
		inner := r.Clone(r.Context())
		inner.URL.Path = "/_control/" + strings.TrimPrefix(r.URL.Path, "/idp/")
		h.ServeHTTP(rw, inner)
	})
	w.readerRoutes(mux)
}

func (w *World) readerRoutes(mux *http.ServeMux) {
	at := func(verb string, do func(http.ResponseWriter, *http.Request, *reader.Reader)) {
		mux.HandleFunc("POST /mfps/{id}/"+verb, func(rw http.ResponseWriter, r *http.Request) {
			s := w.Station(r.PathValue("id"))
			if s == nil || s.Reader == nil {
				http.Error(rw, "no such reader", http.StatusNotFound)
				return
			}
			do(rw, r, s.Reader)
		})
	}
	at("tap", func(rw http.ResponseWriter, r *http.Request, card *reader.Reader) {
		var t TapRequest
		if take(rw, r, &t) {
			done(rw, card.Tap(t.Card))
		}
	})
	at("unplug", func(rw http.ResponseWriter, _ *http.Request, card *reader.Reader) { done(rw, card.Unplug()) })
	at("replug", func(rw http.ResponseWriter, _ *http.Request, card *reader.Reader) { done(rw, card.Replug()) })
}

// done answers a request that has nothing to tell.
func done(rw http.ResponseWriter, err error) {
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	rw.WriteHeader(http.StatusNoContent)
}
