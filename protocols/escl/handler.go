package escl

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Machine is the scanner behind a [Handler]. Methods are called from several
// goroutines, each with the context of its request. A *[StatusError] chooses
// the HTTP status of the answer, any other error becomes 500.
type Machine interface {
	Capabilities(ctx context.Context) (*Capabilities, error)
	Status(ctx context.Context) (*Status, error)
	// CreateJob starts a job and returns its id, which may hold any character
	// but a slash.
	CreateJob(ctx context.Context, s *ScanSettings) (id string, err error)
	// NextDocument blocks until the next page is there. The handler closes Body.
	NextDocument(ctx context.Context, id string) (*Document, error)
	Cancel(ctx context.Context, id string) error
}

// Document is one answer to NextDocument.
type Document struct {
	ContentType string
	Body        io.ReadCloser
	// Length in bytes is announced if positive; otherwise the answer is chunked.
	Length int64
}

// Hooks let a virtual machine misbehave. Each may be nil.
type Hooks struct {
	// Request runs before everything else, with the job id where there is one.
	// If it returns true, it has answered. It may panic with
	// [http.ErrAbortHandler] to cut the connection.
	Request func(w http.ResponseWriter, r *http.Request, op Op, job string) bool
	// Location makes the Location header of a new job; nil sends the path.
	Location func(r *http.Request, path string) string
	// Send sends a document in place of the handler. The handler closes Body.
	Send func(w http.ResponseWriter, r *http.Request, job string, d *Document)
}

// Handler serves a [Machine] over eSCL.
type Handler struct {
	root    string
	machine Machine
	hooks   Hooks
}

var _ http.Handler = (*Handler)(nil)

// NewHandler returns a handler for requests under root, as "/eSCL".
func NewHandler(root string, m Machine, hooks Hooks) *Handler {
	return &Handler{root: "/" + strings.Trim(root, "/"), machine: m, hooks: hooks}
}

// ServeHTTP implements [http.Handler]. Paths that are not eSCL get 404, wrong
// methods 405.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	op, job, method := h.route(r)
	if op == "" {
		http.NotFound(w, r)
		return
	}
	if r.Method != method {
		w.Header().Set("Allow", method)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if h.hooks.Request != nil && h.hooks.Request(w, r, op, job) {
		return
	}
	if err := h.serve(w, r, op, job); err != nil {
		code := http.StatusInternalServerError
		var status *StatusError
		if errors.As(err, &status) {
			code = status.Code
		}
		w.WriteHeader(code)
	}
}

// route tells the operation, its job id and the method it needs.
func (h *Handler) route(r *http.Request) (op Op, job, method string) {
	rest, ok := strings.CutPrefix(r.URL.Path, h.root+"/")
	if !ok {
		return "", "", ""
	}
	switch rest {
	case "ScannerCapabilities":
		return OpCapabilities, "", http.MethodGet
	case "ScannerStatus":
		return OpStatus, "", http.MethodGet
	case "ScanJobs":
		return OpCreateJob, "", http.MethodPost
	}
	rest, ok = strings.CutPrefix(rest, "ScanJobs/")
	if !ok || rest == "" {
		return "", "", ""
	}
	id, tail, nested := strings.Cut(rest, "/")
	switch {
	case !nested:
		return OpDelete, id, http.MethodDelete
	case tail == "NextDocument":
		return OpNextDocument, id, http.MethodGet
	default:
		return "", "", ""
	}
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, op Op, job string) error {
	ctx := r.Context()
	switch op {
	case OpCapabilities:
		caps, err := h.machine.Capabilities(ctx)
		if err != nil {
			return err
		}
		return writeXML(w, caps.Encode())
	case OpStatus:
		status, err := h.machine.Status(ctx)
		if err != nil {
			return err
		}
		return writeXML(w, status.Encode())
	case OpCreateJob:
		return h.createJob(w, r)
	case OpDelete:
		if err := h.machine.Cancel(ctx, job); err != nil {
			return err
		}
		w.WriteHeader(http.StatusOK)
		return nil
	default:
		return h.nextDocument(w, r, job)
	}
}

func (h *Handler) createJob(w http.ResponseWriter, r *http.Request) error {
	settings, err := DecodeScanSettings(r.Body)
	switch {
	case errors.Is(err, ErrTooLarge):
		return &StatusError{Op: OpCreateJob, Code: http.StatusRequestEntityTooLarge}
	case err != nil:
		return &StatusError{Op: OpCreateJob, Code: http.StatusBadRequest}
	}
	id, err := h.machine.CreateJob(r.Context(), settings)
	if err != nil {
		return err
	}
	location := h.root + "/ScanJobs/" + id
	if h.hooks.Location != nil {
		location = h.hooks.Location(r, location)
	}
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusCreated)
	return nil
}

func (h *Handler) nextDocument(w http.ResponseWriter, r *http.Request, job string) error {
	d, err := h.machine.NextDocument(r.Context(), job)
	if err != nil {
		return err
	}
	defer d.Body.Close()
	if h.hooks.Send != nil {
		h.hooks.Send(w, r, job, d)
		return nil
	}
	d.WriteHeader(w)
	if _, err := io.Copy(w, d.Body); err != nil {
		// The status has been sent; only the cut connection can tell.
		panic(http.ErrAbortHandler)
	}
	return nil
}

// WriteHeader sends status 200 and the headers of the document.
func (d *Document) WriteHeader(w http.ResponseWriter) {
	w.Header().Set("Content-Type", d.ContentType)
	if d.Length > 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(d.Length, 10))
	}
	w.WriteHeader(http.StatusOK)
}

func writeXML(w http.ResponseWriter, doc []byte) error {
	w.Header().Set("Content-Type", ContentType)
	_, _ = w.Write(doc) // a client that went away needs no answer
	return nil
}
