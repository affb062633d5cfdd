package xmcloud

import (
	"context"
	"errors"
	"fmt"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/protocols/xmcloud"
)

// refID is the reference an upload leaves behind: the service's id of the
// announced fax.
const refID = "id"

// Upload implements [deliver.Service]. The fax is announced under the key, which
// also finds what an earlier call has left at the service, and the document goes
// on from the offset the service holds. A new ticket takes the place of an old
// one in the same call.
func (s *Service) Upload(ctx context.Context, f deliver.Fax, _ map[string]string, _ int64,
	save func(map[string]string, int64) error,
) (map[string]string, error) {
	const op = "upload"
	refuse := func(r job.Reason, err error) (map[string]string, error) {
		return nil, &deliver.Error{Service: s.opts.ID, Op: op, Verdict: deliver.Refused, Reason: r, Err: err}
	}
	switch {
	case f.Document.MIME != xmcloud.TypeTIFF:
		return refuse(job.ReasonDocumentRejected, fmt.Errorf("document of type %q", f.Document.MIME))
	case f.Document.Size > s.opts.MaxBytes:
		return refuse(job.ReasonTooLarge, fmt.Errorf("document of %d bytes, at most %d", f.Document.Size, s.opts.MaxBytes))
	case f.Document.Pages > xmcloud.MaxPages:
		return refuse(job.ReasonTooLarge, fmt.Errorf("document of %d pages, at most %d", f.Document.Pages, xmcloud.MaxPages))
	}
	req, err := s.request(f)
	if err != nil {
		return refuse(job.ReasonAuth, err)
	}
	fax, err := s.client.Create(ctx, req)
	if err != nil {
		return nil, s.failed(op, err)
	}
	refs := map[string]string{refID: fax.ID}
	unsaved := func(err error) error {
		return &deliver.Error{Service: s.opts.ID, Op: op, Verdict: deliver.NotTaken, Reason: job.ReasonService, Err: err}
	}
	if fax.Offset >= f.Document.Size {
		if err := save(refs, f.Document.Size); err != nil {
			return nil, unsaved(err)
		}
		return refs, nil
	}
	doc, err := f.Document.Open(fax.Offset)
	if err != nil {
		return nil, unsaved(fmt.Errorf("open document: %w", err))
	}
	defer doc.Close()
	piece := fax.ChunkMax
	if piece <= 0 || piece > xmcloud.MaxChunk {
		piece = xmcloud.MaxChunk
	}
	for off := fax.Offset; off < f.Document.Size; {
		n := min(piece, f.Document.Size-off)
		if _, err := s.client.Chunk(ctx, fax.ID, doc, off, n, f.Document.Size); err != nil {
			return nil, s.failed(op, err)
		}
		off += n
		if err := save(refs, off); err != nil {
			return nil, unsaved(err)
		}
	}
	return refs, nil
}

// request announces a fax with the authority of its grant.
func (s *Service) request(f deliver.Fax) (xmcloud.CreateRequest, error) {
	r := xmcloud.CreateRequest{
		Reference: f.Key, DeviceID: s.opts.Device, To: f.To, From: s.opts.From, Resolution: string(f.Resolution),
		Document: xmcloud.Document{
			Name: f.Document.Name, Type: f.Document.MIME, Size: f.Document.Size, SHA256: f.Document.SHA256,
		},
	}
	switch f.Grant.Kind {
	case job.GrantAccount:
	case job.GrantOnBehalfOf:
		if f.Grant.Person == "" {
			return r, errors.New("grant names nobody")
		}
		r.OnBehalfOf = f.Grant.Person
	case job.GrantTicket:
		t, err := xmcloud.ParseTicket(f.Grant.Ticket)
		if err != nil {
			return r, err
		}
		r.Ticket, r.DeviceID, r.Job = t.Ticket, t.DeviceID, t.Job
	default:
		return r, fmt.Errorf("grant of kind %q", f.Grant.Kind)
	}
	return r, nil
}

// Submit implements [deliver.Service] by the commit.
func (s *Service) Submit(ctx context.Context, f deliver.Fax, refs map[string]string) (string, error) {
	fax, err := s.client.Commit(ctx, refs[refID], xmcloud.CommitRequest{
		Reference: f.Key, To: f.To, SHA256: f.Document.SHA256, Size: f.Document.Size,
	})
	if err != nil {
		return "", s.failed("submit", err)
	}
	return fax.ID, nil
}

// Cancel implements [deliver.Service].
func (s *Service) Cancel(ctx context.Context, faxID string) error {
	_, err := s.client.Cancel(ctx, faxID)
	switch xmcloud.CodeOf(err) {
	case xmcloud.TooLate, xmcloud.NotFound:
		return fmt.Errorf("%w: %w", deliver.ErrTooLate, err)
	}
	return s.failed("cancel", err)
}
