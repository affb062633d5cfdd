package faxplus

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/protocols/faxplus"
)

// slack is what the two clocks may differ, and how far a date of the history
// may lie from the commit the other way.
const slack = 10 * time.Minute

// oldest is how far back a fax without a known time of commit is looked for.
const oldest = 96 * time.Hour

// history lists sent faxes since a time.
func (s *Service) history(ctx context.Context, since time.Time) ([]faxplus.FaxRecord, error) {
	now := s.opts.Now()
	if since.IsZero() || now.Sub(since) > oldest {
		since = now.Add(-oldest)
	}
	return s.client.AllFaxes(ctx, faxplus.Query{
		Category: faxplus.CategorySent,
		After:    faxplus.Time{Time: since.Add(-slack)}, Before: faxplus.Time{Time: now.Add(slack)},
	})
}

// Track implements [deliver.Service] with one list of the outbox and, if that
// does not hold them all, the history since the oldest of the others.
func (s *Service) Track(ctx context.Context, faxIDs []string) (map[string]deliver.Status, error) {
	out := make(map[string]deliver.Status, len(faxIDs))
	byID, byKey := make(map[string]string), make(map[string]string)
	names := make(map[string]name, len(faxIDs))
	for _, id := range faxIDs {
		n := parseName(id)
		names[id] = n
		if n.id != "" {
			byID[n.id] = id
		}
		if n.key != "" {
			byKey[n.key] = id
		}
	}
	find := func(recordID string, c faxplus.Comment) string {
		id := byID[recordID]
		if id != "" {
			s.notice(c, names[id].key)
			return id
		}
		for _, w := range append(strings.Fields(c.Text), c.Tags...) {
			if id := byKey[w]; id != "" {
				return id
			}
		}
		return ""
	}
	// The outbox first: a fax that moves between the two calls is then seen twice
	// rather than never.
	records, err := s.client.Outbox(ctx)
	if err != nil {
		return nil, s.failed("track", err)
	}
	for _, r := range records {
		if id := find(r.ID, r.Comment); id != "" {
			out[id] = deliver.Status{State: job.Submitted, Code: string(r.Status)}
		}
	}
	if len(out) == len(names) {
		return out, nil
	}
	since := s.opts.Now()
	for id, n := range names {
		if _, ok := out[id]; !ok && n.at.Before(since) {
			since = n.at
		}
	}
	past, err := s.history(ctx, since)
	if err != nil {
		return nil, s.failed("track", err)
	}
	for _, r := range past {
		if id := find(r.ID, r.Comment.Comment); id != "" && out[id].State != job.Sent {
			out[id] = status(r)
		}
	}
	return out, nil
}

// notice learns from a listed fax that is known to be ours by its id. A comment
// that somebody changed says nothing; an empty one says that comments are not
// shown.
func (s *Service) notice(c faxplus.Comment, key string) {
	switch {
	case key == "":
	case c.Has(key):
		s.shown.Store(seen)
	case len(c.Tags) == 0 && c.Text == "":
		s.shown.Store(hidden)
	}
}

// Search implements [deliver.Service]. It answers absent only when nothing
// listed could be the fax: one to the same number, since the commit, without any
// comment, might be ours with its key not shown.
func (s *Service) Search(ctx context.Context, f deliver.Fax) ([]string, error) {
	if s.shown.Load() == hidden {
		return nil, deliver.ErrNotSearchable
	}
	records, err := s.client.Outbox(ctx)
	if err != nil {
		return nil, s.failed("search", err)
	}
	past, err := s.history(ctx, f.Since)
	if err != nil {
		return nil, s.failed("search", err)
	}
	at := f.Since
	if at.IsZero() {
		at = s.opts.Now()
	}
	var waiting, done []string
	mute := false
	maybe := func(c faxplus.Comment, to []string, submitted time.Time) bool {
		return len(c.Tags) == 0 && c.Text == "" && slices.Contains(to, f.To) &&
			(submitted.IsZero() || !submitted.Before(f.Since.Add(-slack)))
	}
	for _, r := range records {
		if r.Comment.Has(f.Key) {
			waiting = append(waiting, name{r.ID, f.Key, at}.String())
		}
		mute = mute || maybe(r.Comment, r.To, r.SubmitTime.Time)
	}
	for _, r := range past {
		if r.Comment.Has(f.Key) {
			done = append(done, name{r.ID, f.Key, at}.String())
		}
		mute = mute || maybe(r.Comment.Comment, []string{r.To}, r.SubmitTime.Time)
	}
	// A fax that left the outbox between the calls is in both lists under two
	// ids, so the longer list counts.
	found := waiting
	if len(done) > len(waiting) {
		found = done
	}
	if len(found) > 0 {
		s.shown.Store(seen)
		return found, nil
	}
	if mute {
		return nil, deliver.ErrNotSearchable
	}
	return nil, nil
}
