package faxplus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// SendRequest commits a fax: the body of POST /accounts/{user}/outbox. The
// scheduled time and the cover page of the public form are left out on purpose:
// this product holds delayed faxes itself and draws its own cover.
type SendRequest struct {
	From      string   `json:"from"`
	To        []string `json:"to"`
	Files     []string `json:"files"`
	Comment   Comment  `json:"comment"`
	Options   Options  `json:"options"`
	ReturnIDs bool     `json:"return_ids"`
}

// Comment is what the sender writes beside a fax. Nothing limits it in the
// reference.
type Comment struct {
	Tags []string `json:"tags"`
	Text string   `json:"text"`
}

// Has reports whether key is one of the tags or a whole word of the text.
func (c Comment) Has(key string) bool {
	return key != "" && (slices.Contains(c.Tags, key) || slices.Contains(strings.Fields(c.Text), key))
}

// Options are the sending options.
type Options struct {
	// Enhancement asks the service to sharpen text. It is true when absent.
	Enhancement bool `json:"enhancement"`
	// Retry asks the service to dial again by itself.
	Retry Retry `json:"retry"`
}

// Retry says how often the service dials (0–3 documented) and how many seconds
// lie between.
type Retry struct {
	Count int `json:"count"`
	Delay int `json:"delay"`
}

// SendResponse answers a committed fax: recipient to outbox id. IDs is empty
// when the request did not set ReturnIDs.
type SendResponse struct {
	IDs map[string]string `json:"ids"`
}

// FilePath answers an upload.
type FilePath struct {
	Path string `json:"path"`
}

// OutboxRecord is a fax that is not final yet. Fields of the public form that
// nothing here reads are left out.
type OutboxRecord struct {
	ID         string         `json:"id"`
	Status     Status         `json:"status"`
	UserID     string         `json:"uid"`
	Source     string         `json:"src"`
	To         []string       `json:"to"`
	Files      []string       `json:"files"`
	Comment    Comment        `json:"comment"`
	PageCount  int            `json:"page_count"`
	SubmitTime Time           `json:"submit_time"`
	UpdateTime Time           `json:"last_updated_status_time"`
	Changes    []StatusChange `json:"status_changes"`
}

// StatusChange says when a fax in the outbox entered a state.
type StatusChange struct {
	At     Time   `json:"at"`
	Status Status `json:"status"`
}

// OutboxList answers GET /accounts/{user}/outbox. No paging is documented.
type OutboxList struct {
	Records []OutboxRecord `json:"records"`
}

// FaxRecord is a fax of the history.
type FaxRecord struct {
	ID          string         `json:"id"`
	Status      Status         `json:"status"`
	Description string         `json:"description"`
	Direction   string         `json:"direction"`
	OwnerID     string         `json:"owner_id"`
	From        string         `json:"from,omitempty"`
	FromNumber  string         `json:"from_number,omitempty"`
	To          string         `json:"to"`
	Pages       int            `json:"pages"`
	FileName    string         `json:"file_name"`
	Comment     HistoryComment `json:"comment"`
	SubmitTime  Time           `json:"submit_time"`
	StartTime   Time           `json:"start_time"`
	LastUpdate  Time           `json:"last_update"`
}

// Sender returns the sending number. The reference names the field from in the
// model and from_number in its example; both are read.
func (r FaxRecord) Sender() string {
	if r.From != "" {
		return r.From
	}
	return r.FromNumber
}

// FaxList answers GET /accounts/{user}/faxes.
type FaxList struct {
	Data struct {
		Records []FaxRecord `json:"records"`
	} `json:"data"`
}

// HistoryComment is the comment of a fax in the history: a string in the
// reference. The form of the outbox is accepted too.
type HistoryComment struct{ Comment }

// MarshalJSON writes the text alone, as documented.
func (c HistoryComment) MarshalJSON() ([]byte, error) { return json.Marshal(c.Text) }

// UnmarshalJSON reads a string, the object of the outbox, or null.
func (c *HistoryComment) UnmarshalJSON(data []byte) error {
	c.Comment = Comment{}
	switch data = bytes.TrimSpace(data); {
	case len(data) > 0 && data[0] == '"':
		return json.Unmarshal(data, &c.Text)
	case len(data) > 0 && data[0] == '{':
		return json.Unmarshal(data, &c.Comment)
	case bytes.Equal(data, []byte("null")):
		return nil
	}
	return fmt.Errorf("comment %.20q: %w", data, ErrWire)
}

// Account is the part of GET /accounts/{user} that tells whose token this is.
type Account struct {
	UserID string `json:"uid"`
	Email  string `json:"email"`
	Status string `json:"status"`
	Type   string `json:"account_type"`
}

// ErrorBody is the documented body of a refusal. Both fields are optional.
type ErrorBody struct {
	Title       string `json:"error,omitempty"`
	Description string `json:"description,omitempty"`
}
