package convert

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// previewPixels is the longer side of a thumbnail.
const previewPixels = 320

// Lane converts the pages of claimed jobs, one page a claim, so that the pages
// of a draft become fax pages while the next ones are still being scanned.
func Lane(s spool.Spool, retry time.Duration, log *slog.Logger) func(ctx context.Context, claims []*spool.Claim) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return func(ctx context.Context, claims []*spool.Claim) {
		for _, c := range claims {
			err := next(ctx, s, c)
			if err == nil || errors.Is(err, spool.ErrFenced) || errors.Is(err, spool.ErrNotFound) {
				continue
			}
			log.Error("convert", "job", c.Ref, "err", err)
			if err := s.Release(context.WithoutCancel(ctx), c, time.Now().Add(retry)); err != nil && !errors.Is(err, spool.ErrFenced) {
				log.Error("claim was not released", "job", c.Ref, "err", err)
			}
		}
	}
}

// next settles the first page that is not, or commits a job whose pages all are.
func next(ctx context.Context, s spool.Spool, c *spool.Claim) error {
	for _, p := range c.Job.Pages {
		if p.Converted {
			continue
		}
		done, err := page(ctx, s, c.Job, p)
		if err != nil {
			return err
		}
		return s.Commit(ctx, c, []spool.Converted{{Part: p.Part, Page: done}})
	}
	return s.Commit(ctx, c, nil)
}

// page makes the fax page and the preview of one scanned page. A page that can
// never become one comes back with Refused set and no error.
func page(ctx context.Context, s spool.Spool, j *job.Job, p job.Page) (job.Page, error) {
	src, _, err := s.OpenPart(ctx, j.ID, p.Part)
	if err != nil {
		return p, err
	}
	defer src.Close()
	var fax, preview bytes.Buffer
	info, err := Page(ctx, src, &fax, Options{Resolution: j.Options.Resolution, DPI: p.DPI, Paper: j.Options.Paper, Preview: &preview, PreviewPixels: previewPixels})
	if errors.Is(err, ErrDocument) {
		p.Converted, p.Refused = true, err.Error()
		return p, nil
	}
	if err != nil {
		return p, err
	}
	number := strings.TrimPrefix(p.Part, "page/")
	stored, err := s.PutPart(ctx, j.ID, "fax/"+number, &fax)
	if err != nil {
		return p, err
	}
	p.Fax, p.FaxBytes, p.FaxedSHA = "fax/"+number, stored.Size, stored.SHA256
	if preview.Len() > 0 {
		if _, err := s.PutPart(ctx, j.ID, "preview/"+number, &preview); err != nil {
			return p, err
		}
		p.Preview = "preview/" + number
	}
	p.Width, p.Height, p.XDPI, p.YDPI, p.Converted = info.Width, info.Height, info.XDPI, info.YDPI, true
	return p, nil
}
