package xmcloud

import (
	"context"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/protocols/xmcloud"
)

// Track implements [deliver.Service] with one request.
func (s *Service) Track(ctx context.Context, faxIDs []string) (map[string]deliver.Status, error) {
	faxes, err := s.client.Status(ctx, faxIDs)
	if err != nil {
		return nil, s.failed("track", err)
	}
	out := make(map[string]deliver.Status, len(faxes))
	for _, f := range faxes {
		out[f.ID] = status(f)
	}
	return out, nil
}

// Search implements [deliver.Service]. A fax that is answered without its
// reference leaves open whether it is the one.
func (s *Service) Search(ctx context.Context, f deliver.Fax) ([]string, error) {
	faxes, err := s.client.Search(ctx, f.Key)
	if err != nil {
		return nil, s.failed("search", err)
	}
	var ids []string
	for _, x := range faxes {
		if x.Reference != f.Key {
			return nil, deliver.ErrNotSearchable
		}
		if x.State != xmcloud.Created {
			ids = append(ids, x.ID)
		}
	}
	return ids, nil
}

// status is what a state of the contract means.
func status(f xmcloud.Fax) deliver.Status {
	out := deliver.Status{State: job.Submitted, Code: string(f.State)}
	switch f.State {
	case xmcloud.Queued, xmcloud.Converting, xmcloud.Sending:
	case xmcloud.Sent:
		out.State, out.Pages = job.Sent, f.Pages
	case xmcloud.Cancelled:
		out.State = job.DeliveryCancelled
	case xmcloud.Failed:
		out.State, out.Reason, out.Code = job.DeliveryFailed, reason(f.Reason), string(f.State)+" "+string(f.Reason)
	default:
		// A state nobody documented, or of a fax that was never committed: it is not
		// for us to call it failed.
		out.State = job.Unknown
	}
	return out
}

func reason(r xmcloud.Reason) job.Reason {
	switch r {
	case xmcloud.ReasonBusy:
		return job.ReasonBusy
	case xmcloud.ReasonNoAnswer:
		return job.ReasonNoAnswer
	case xmcloud.ReasonBadNumber:
		return job.ReasonBadNumber
	case xmcloud.ReasonNotAllowed:
		return job.ReasonNotAllowed
	case xmcloud.ReasonNotAFax:
		return job.ReasonNotAFax
	case xmcloud.ReasonLineDrop:
		return job.ReasonLineDrop
	case xmcloud.ReasonBadDocument:
		return job.ReasonDocumentRejected
	case xmcloud.ReasonTooManyPage:
		return job.ReasonTooLarge
	case xmcloud.ReasonCredit:
		return job.ReasonCredit
	case xmcloud.ReasonService:
		return job.ReasonService
	}
	return job.ReasonUnknown
}
