package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// Codes of an Error.
const (
	CodeNotFound    = "not-found"
	CodeConflict    = "conflict" // not in the present state
	CodeErased      = "erased"
	CodeInvalid     = "invalid"     // the question makes no sense
	CodeUnavailable = "unavailable" // ask again
	CodeInternal    = "internal"
)

// Error is a refusal, with a text for people.
type Error struct {
	Code string `json:"code"`
	Text string `json:"error"`
}

// Error returns the text.
func (e *Error) Error() string { return e.Text }

// bodyLimit bounds a request.
const bodyLimit = 16 << 10

// jobPage is one page of a list.
type jobPage struct {
	Jobs []Job  `json:"jobs"`
	Next job.ID `json:"next,omitempty"`
}

// wish is the body of what a person asks for.
type wish struct {
	Recipient int           `json:"recipient,omitempty"` // 0: all
	Verdict   spool.Verdict `json:"verdict,omitempty"`
	By        string        `json:"by,omitempty"`
}

type versionAnswer struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Handler returns the routes, for a listener that only the right people reach.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(r *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, f) })
	}
	handle("GET /v1/version", func(*http.Request) (any, error) { return versionAnswer{"platen", s.opts.Version}, nil })
	handle("GET /v1/jobs", s.list)
	handle("GET /v1/jobs/{job}", s.show)
	handle("POST /v1/jobs/{job}/cancel", s.cancel)
	handle("POST /v1/jobs/{job}/retry", s.retry)
	handle("POST /v1/jobs/{job}/decide", s.decide)
	handle("GET /v1/services", s.services)
	handle("POST /v1/services/{id}/resume", s.resume)
	handle("POST /v1/reload", s.reload)
	return mux
}

// answer writes what f returns as JSON. Anything but a GET must say that it is
// JSON: a browser cannot be made to send that to another site unasked.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, f func(*http.Request) (any, error)) {
	var body any
	var err error
	if r.Method != http.MethodGet && r.Header.Get("Content-Type") != "application/json" {
		err = &Error{CodeInvalid, "want Content-Type application/json"}
	} else {
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
		body, err = f(r)
	}
	code := http.StatusOK
	if err != nil {
		e := explain(err)
		if e.Code == CodeInternal {
			s.opts.Log.Error("admin request", "path", r.URL.Path, "err", err)
		}
		code, body = status[e.Code], e
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		s.opts.Log.Debug("admin answer", "err", err)
	}
}

var status = map[string]int{
	CodeNotFound: http.StatusNotFound, CodeConflict: http.StatusConflict, CodeErased: http.StatusGone,
	CodeInvalid: http.StatusBadRequest, CodeUnavailable: http.StatusServiceUnavailable, CodeInternal: http.StatusInternalServerError,
}

// explain finds the words for an error.
func explain(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, spool.ErrNotFound):
		return &Error{CodeNotFound, "no such job"}
	case errors.Is(err, ErrNoService):
		return &Error{CodeNotFound, "no such fax service"}
	case errors.Is(err, spool.ErrErased):
		return &Error{CodeErased, "the pages are erased, the paper has to be scanned again"}
	case errors.Is(err, spool.ErrConflict):
		return &Error{CodeConflict, err.Error()}
	case errors.Is(err, spool.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return &Error{CodeUnavailable, "nobody knows whether it worked, look and ask again"}
	}
	return &Error{CodeInternal, err.Error()}
}

func (s *Server) services(r *http.Request) (any, error) {
	if s.opts.Services == nil {
		return nil, &Error{CodeUnavailable, "not available"}
	}
	return s.opts.Services.Services(r.Context())
}

func (s *Server) resume(r *http.Request) (any, error) {
	if s.opts.Services == nil {
		return nil, &Error{CodeUnavailable, "not available"}
	}
	id := r.PathValue("id")
	if err := s.opts.Services.Resume(r.Context(), id); err != nil {
		return nil, err
	}
	s.opts.Log.Info("account resumed by a person", "service", id)
	return struct{}{}, nil
}

func (s *Server) reload(r *http.Request) (any, error) {
	if s.opts.Reload == nil {
		return nil, &Error{CodeUnavailable, "not available"}
	}
	if err := s.opts.Reload(r.Context()); err != nil {
		return nil, &Error{CodeConflict, "the old configuration stays: " + err.Error()}
	}
	return struct{}{}, nil
}

// decode reads the body into v; an empty one leaves v as it is.
func decode(r *http.Request, v any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return &Error{CodeInvalid, fmt.Sprintf("request: %v", err)}
	}
	return nil
}

// find resolves an id or the number that people read.
func (s *Server) find(ctx context.Context, name string) (*job.Job, error) {
	if len(name) > 8 { // numbers are short, ids are not
		return s.opts.Spool.Get(ctx, job.ID(strings.ToLower(name)))
	}
	jobs, _, err := s.opts.Spool.List(ctx, spool.Filter{Number: strings.ToUpper(name), Newest: true}, "", 1)
	if err != nil {
		return nil, err
	}
	if name == "" || len(jobs) == 0 {
		return nil, spool.ErrNotFound
	}
	return jobs[0], nil
}
