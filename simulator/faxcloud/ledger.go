package faxcloud

import (
	"slices"
	"time"

	"github.com/platen-fax/platen/protocols/faxplus"
	"github.com/platen-fax/platen/protocols/xmcloud"
)

// Entry is one committed fax.
type Entry struct {
	Service string    `json:"service"` // faxplus, xmcloud
	ID      string    `json:"id"`      // in the outbox
	User    string    `json:"user"`
	Owner   string    `json:"owner,omitempty"` // the person it is from, where the service knows
	Key     string    `json:"key"`             // what the sender wrote to find it by
	To      string    `json:"to"`
	From    string    `json:"from"`
	When    time.Time `json:"when"`
	Status  string    `json:"status"` // as the service would say now

	Path   string `json:"path"` // the received document
	Type   string `json:"type"`
	SHA256 string `json:"sha256"` // hex
	Bytes  int64  `json:"bytes"`
	// Uploaded counts the bytes of every piece that came for this fax, refused
	// and repeated ones too; 0 where documents do not come in pieces.
	Uploaded int64 `json:"uploaded,omitempty"`

	// Pages is what was read from the document, in order; Err says why it could
	// not be read.
	Pages []PageRead `json:"pages"`
	Err   string     `json:"err,omitempty"`
}

// Delivered reports whether the service would now say that the recipient's
// machine confirmed the fax.
func (e Entry) Delivered() bool {
	if e.Service == XMCloud {
		return e.Status == string(xmcloud.Sent)
	}
	return e.Status == string(faxplus.Success)
}

// Ledger returns every committed fax, oldest first. Documents that nobody has
// asked about before are read now.
func (c *Cloud) Ledger() []Entry {
	c.mu.Lock()
	faxes := slices.Clone(c.faxes)
	c.mu.Unlock()
	out := make([]Entry, len(faxes))
	for i, f := range faxes {
		read := f.doc.read()
		out[i] = Entry{
			Service: f.service, ID: f.id, User: f.user, Owner: f.owner, Key: f.key(), To: f.to, From: f.from, When: f.when,
			Status: c.status(f), Path: f.doc.path, Type: f.doc.mime, SHA256: f.doc.sha256, Bytes: f.doc.size, Uploaded: f.uploaded,
			Pages: read.pages, Err: read.problem(),
		}
	}
	return out
}

// Doubled returns how many faxes were committed beyond the first of their key.
// Faxes without a key are not counted.
func (c *Cloud) Doubled() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, seen := 0, make(map[string]bool)
	for _, f := range c.faxes {
		if k := f.key(); k != "" && seen[k] {
			n++
		} else {
			seen[k] = true
		}
	}
	return n
}

// Committed returns how many faxes carry key.
func (c *Cloud) Committed(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, f := range c.faxes {
		if f.key() == key {
			n++
		}
	}
	return n
}
