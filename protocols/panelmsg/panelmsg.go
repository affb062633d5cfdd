// Package panelmsg is what the agent tells an open panel page: how far the scan
// is, what became of the fax, how long the visit lasts. One message is the whole
// state, so a page that missed some is right again with the next.
//
// The same JSON object goes over the WebSocket and in the answer to a poll. The
// page sends nothing back: everything a person does is a form post. Nothing
// here knows how a message travels or who may read it.
package panelmsg

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Version is the number of this wire form. A page of another version loads
// itself again.
const Version = 1

// MaxSize is the longest message in bytes that Decode takes.
const MaxSize = 32 << 10

// MaxThumbs and MaxLines bound the lists of a message.
const (
	MaxThumbs = 16
	MaxLines  = 64
)

// ErrMessage is wrapped by every error of Decode.
var ErrMessage = errors.New("not a panel message")

// State is the whole of what an open page has to know.
type State struct {
	V     int    `json:"v"`
	Rev   string `json:"rev"`             // of the screen; another one than the page's own: load the page again
	Left  int    `json:"left"`            // whole seconds until the visit ends, from 0
	Ended bool   `json:"ended,omitempty"` // the visit is over: go to the first screen
	Go    string `json:"go,omitempty"`    // path of this device's panel to go to, because somebody came
	Draft *Draft `json:"draft,omitempty"`
	Lines []Line `json:"lines,omitempty"` // of the job on the screen, one per recipient
}

// Draft is how the document being scanned is coming along.
type Draft struct {
	Pages    int     `json:"pages"`    // stored
	Scanning bool    `json:"scanning"` // paper is moving
	Status   string  `json:"status"`   // "Scanning page 4", in the visit's language
	Stored   string  `json:"stored"`   // "3 pages kept"
	Error    *Error  `json:"error,omitempty"`
	Thumbs   []Thumb `json:"thumbs,omitempty"` // the newest pages, in order
}

// Error is why the last scan stopped.
type Error struct {
	Code string `json:"code"` // "D-204"
	Text string `json:"text"`
}

// Thumb is one page. Src is the path of its picture, "" until there is one.
type Thumb struct {
	N   int    `json:"n"` // from 1
	Src string `json:"src,omitempty"`
}

// Line is what became of the fax to one recipient.
type Line struct {
	Recipient int    `json:"r"`    // from 1
	Tone      string `json:"tone"` // "safe", "turn", "failed" or "" for under way
	Text      string `json:"text"`
}

// Encode writes a message, with the version set.
func Encode(s State) ([]byte, error) {
	s.V = Version
	return json.Marshal(s)
}

// Decode reads one message and nothing else. Errors wrap ErrMessage. It is
// strict about types, version and bounds, and takes unknown fields as a later
// addition.
func Decode(b []byte) (State, error) {
	if len(b) > MaxSize {
		return State{}, fmt.Errorf("%w: %d bytes, at most %d", ErrMessage, len(b), MaxSize)
	}
	if !utf8.Valid(b) {
		return State{}, fmt.Errorf("%w: not UTF-8", ErrMessage)
	}
	var s State
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&s); err != nil {
		return State{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return State{}, fmt.Errorf("%w: something follows the object", ErrMessage)
	}
	switch {
	case s.V != Version:
		return State{}, fmt.Errorf("%w: version %d, want %d", ErrMessage, s.V, Version)
	case s.Left < 0:
		return State{}, fmt.Errorf("%w: %d seconds left", ErrMessage, s.Left)
	case len(s.Lines) > MaxLines:
		return State{}, fmt.Errorf("%w: %d lines, at most %d", ErrMessage, len(s.Lines), MaxLines)
	case s.Draft != nil && s.Draft.Pages < 0:
		return State{}, fmt.Errorf("%w: %d pages", ErrMessage, s.Draft.Pages)
	case s.Draft != nil && len(s.Draft.Thumbs) > MaxThumbs:
		return State{}, fmt.Errorf("%w: %d pictures, at most %d", ErrMessage, len(s.Draft.Thumbs), MaxThumbs)
	}
	return s, nil
}
