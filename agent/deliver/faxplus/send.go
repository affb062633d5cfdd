package faxplus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/protocols/faxplus"
)

// References an upload leaves behind.
const (
	refPath = "path"
	refSum  = "sha256"
	refTime = "uploaded" // seconds of Unix time
)

// reuse is how long an uploaded path is used again. The service calls its paths
// transient and does not say how long they last.
const reuse = 10 * time.Minute

// Upload implements [deliver.Service]. An upload begins anew whatever the
// offset: the service cannot continue one.
func (s *Service) Upload(ctx context.Context, f deliver.Fax, refs map[string]string, _ int64,
	save func(map[string]string, int64) error,
) (map[string]string, error) {
	const op = "upload"
	refuse := func(r job.Reason, err error) (map[string]string, error) {
		return nil, &deliver.Error{Service: s.opts.ID, Op: op, Verdict: deliver.Refused, Reason: r, Err: err}
	}
	now := s.opts.Now()
	if at, err := strconv.ParseInt(refs[refTime], 10, 64); err == nil && refs[refPath] != "" && refs[refSum] == f.Document.SHA256 {
		if age := now.Sub(time.Unix(at, 0)); age >= 0 && age < reuse {
			return refs, nil
		}
	}
	switch {
	case f.Grant.Kind == job.GrantTicket:
		return refuse(job.ReasonAuth, errors.New("the service takes no tickets"))
	case f.Document.MIME != faxplus.TypeTIFF:
		return refuse(job.ReasonDocumentRejected, fmt.Errorf("document of type %q", f.Document.MIME))
	case f.Document.Size > s.opts.MaxBytes:
		return refuse(job.ReasonTooLarge, fmt.Errorf("document of %d bytes, at most %d", f.Document.Size, s.opts.MaxBytes))
	}
	path, err := s.client.Upload(ctx, faxplus.File{
		Name: f.Document.Name, Type: f.Document.MIME, Size: f.Document.Size, Open: f.Document.Open,
	})
	if err != nil {
		return nil, s.failed(op, err)
	}
	out := map[string]string{refPath: path, refSum: f.Document.SHA256, refTime: strconv.FormatInt(now.Unix(), 10)}
	if err := save(out, f.Document.Size); err != nil {
		return nil, &deliver.Error{Service: s.opts.ID, Op: op, Verdict: deliver.NotTaken, Reason: job.ReasonService, Err: err}
	}
	return out, nil
}

// Submit implements [deliver.Service]. The key is written as a tag and as the
// text of the comment, because the outbox shows tags and the history shows only
// a text.
func (s *Service) Submit(ctx context.Context, f deliver.Fax, refs map[string]string) (string, error) {
	id, err := s.client.Send(ctx, faxplus.SendRequest{
		From: s.opts.From, To: []string{f.To}, Files: []string{refs[refPath]},
		Comment: faxplus.Comment{Tags: []string{f.Key}, Text: f.Key},
		// The document is two-level already, and dialling again is deliver's.
		Options: faxplus.Options{Enhancement: false},
	})
	if err != nil {
		return "", s.failed("submit", err)
	}
	return name{id, f.Key, s.opts.Now()}.String(), nil
}

// Cancel implements [deliver.Service]. That the service refuses to withdraw a
// fax it is sending, and with which code, is not documented: any refusal that
// is not about the credential counts as too late.
func (s *Service) Cancel(ctx context.Context, faxID string) error {
	n := parseName(faxID)
	if n.id == "" {
		records, err := s.client.Outbox(ctx)
		if err != nil {
			return s.failed("cancel", err)
		}
		for _, r := range records {
			if r.Comment.Has(n.key) {
				n.id = r.ID
			}
		}
		if n.id == "" {
			return deliver.ErrTooLate
		}
	}
	err := s.client.DeleteOutbox(ctx, n.id)
	var e *faxplus.Error
	if errors.As(err, &e) {
		switch e.Code {
		case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusConflict,
			http.StatusGone, http.StatusUnprocessableEntity:
			return fmt.Errorf("%w: %w", deliver.ErrTooLate, err)
		}
	}
	return s.failed("cancel", err)
}

// name is the fax id given to deliver: the service's id, our key and the time of
// the commit. A fax changes its id when it leaves the outbox, and only the key
// leads from the first to the second; the time keeps the list short in which it
// is looked for.
type name struct {
	id, key string
	at      time.Time
}

const nameSep = "~"

func (n name) String() string {
	return n.id + nameSep + n.key + nameSep + strconv.FormatInt(n.at.Unix(), 10)
}

// parseName reads what String wrote; anything else is an id without a key.
func parseName(s string) name {
	parts := strings.Split(s, nameSep)
	if len(parts) != 3 {
		return name{id: s}
	}
	at, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return name{id: s}
	}
	return name{parts[0], parts[1], time.Unix(at, 0)}
}
