package faxplus

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Outbox lists the faxes that are not final yet. No paging is documented, so
// the one answer is taken to be complete.
func (c *Client) Outbox(ctx context.Context) ([]OutboxRecord, error) {
	var list OutboxList
	err := c.call(ctx, "outbox", http.MethodGet, "/outbox", nil, &list)
	return list.Records, err
}

// OutboxFax reads one fax of the outbox.
func (c *Client) OutboxFax(ctx context.Context, id string) (OutboxRecord, error) {
	var r OutboxRecord
	if !ident.MatchString(id) {
		return r, &Error{Op: "outbox", Err: fmt.Errorf("id %.40q: %w", id, ErrWire)}
	}
	err := c.call(ctx, "outbox", http.MethodGet, "/outbox/"+id, nil, &r)
	return r, err
}

// DeleteOutbox takes a fax out of the outbox, which cancels it. The reference
// speaks of faxes scheduled for sending; for one that is being sent the answer
// is the service's to give.
func (c *Client) DeleteOutbox(ctx context.Context, id string) error {
	if !ident.MatchString(id) {
		return &Error{Op: "delete", Err: fmt.Errorf("id %.40q: %w", id, ErrWire)}
	}
	return c.call(ctx, "delete", http.MethodDelete, "/outbox/"+id, nil, nil)
}

// Fax reads one fax of the history.
func (c *Client) Fax(ctx context.Context, id string) (FaxRecord, error) {
	var r FaxRecord
	if !ident.MatchString(id) {
		return r, &Error{Op: "fax", Err: fmt.Errorf("id %.40q: %w", id, ErrWire)}
	}
	err := c.call(ctx, "fax", http.MethodGet, "/faxes/"+id, nil, &r)
	return r, err
}

// Account reads the account of the token.
func (c *Client) Account(ctx context.Context) (Account, error) {
	var a Account
	err := c.call(ctx, "account", http.MethodGet, "", nil, &a)
	return a, err
}

// Faxes lists one answer of the history: at most q.Limit records.
func (c *Client) Faxes(ctx context.Context, q Query) ([]FaxRecord, error) {
	var list FaxList
	err := c.call(ctx, "history", http.MethodGet, "/faxes", q.Values(), &list)
	return list.Data.Records, err
}

// Bounds of [Client.AllFaxes].
const (
	minWindow = 4 * time.Second
	maxCalls  = 200
)

// AllFaxes lists every fax of the history between q.After and q.Before, both
// required. The reference documents no order and no cursor, so a full answer is
// read again as two overlapping halves of its time; records are returned once
// each, in no order. A window that cannot be halved further, or more than 200
// calls, is an error that wraps [ErrTruncated].
func (c *Client) AllFaxes(ctx context.Context, q Query) ([]FaxRecord, error) {
	if q.After.IsZero() || !q.After.Before(q.Before.Time) {
		return nil, &Error{Op: "history", Err: fmt.Errorf("window %v to %v: %w", q.After, q.Before, ErrWire)}
	}
	q.Limit = MaxListLimit
	var (
		all     []FaxRecord
		seen    = make(map[string]bool)
		windows = []Query{q}
	)
	for calls := 0; len(windows) > 0; calls++ {
		w := windows[len(windows)-1]
		windows = windows[:len(windows)-1]
		if calls == maxCalls {
			return nil, &Error{Op: "history", Err: fmt.Errorf("%d calls: %w", calls, ErrTruncated)}
		}
		page, err := c.Faxes(ctx, w)
		if err != nil {
			return nil, err
		}
		if len(page) >= MaxListLimit {
			width := w.Before.Sub(w.After.Time)
			if width <= minWindow {
				return nil, &Error{Op: "history", Err: fmt.Errorf("%d faxes within %v: %w", len(page), width, ErrTruncated)}
			}
			// The later half begins a second early: whether the bounds are inclusive
			// is not documented, and dates have no fractions.
			mid := w.After.Add(width / 2).Truncate(time.Second)
			early, late := w, w
			early.Before = Time{mid}
			late.After = Time{mid.Add(-time.Second)}
			windows = append(windows, early, late)
			continue
		}
		for _, r := range page {
			if !seen[r.ID] {
				seen[r.ID] = true
				all = append(all, r)
			}
		}
	}
	return all, nil
}
