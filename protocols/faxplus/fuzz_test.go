package faxplus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/protocols/faxplus"
)

func seed(f *testing.F, names ...string) {
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// FuzzAnswers reads a service's answers in memory: an answer is refused with
// ErrWire, or what was read survives being written and read again.
func FuzzAnswers(f *testing.F) {
	seed(f, "outbox_list.json", "history_list.json", "send_answer.json", "account.json", "error_answer.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		c := fixedAnswer(t, data)
		if list, err := c.Outbox(t.Context()); err == nil {
			again(t, faxplus.OutboxList{Records: list})
		} else if !errors.Is(err, faxplus.ErrWire) {
			t.Fatalf("Outbox: %v does not wrap ErrWire", err)
		}
		if list, err := c.Faxes(t.Context(), faxplus.Query{}); err == nil {
			var l faxplus.FaxList
			l.Data.Records = list
			again(t, l)
		} else if !errors.Is(err, faxplus.ErrWire) {
			t.Fatalf("Faxes: %v does not wrap ErrWire", err)
		}
		if _, err := c.Send(t.Context(), request()); err != nil && !errors.Is(err, faxplus.ErrWire) {
			t.Fatalf("Send: %v does not wrap ErrWire", err)
		}
	})
}

func again[T any](t *testing.T, v T) {
	t.Helper()
	first, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("write %+v: %v", v, err)
	}
	var back T
	if err := json.Unmarshal(first, &back); err != nil {
		t.Fatalf("read again %s: %v", first, err)
	}
	second, err := json.Marshal(back)
	if err != nil || !bytes.Equal(first, second) {
		t.Fatalf("%s became %s, %v", first, second, err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func fixedAnswer(t *testing.T, data []byte) *faxplus.Client {
	t.Helper()
	hc := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(data)), Request: r}, nil
	})}
	c, err := faxplus.New(faxplus.Config{HTTP: hc, Commit: hc, BaseURL: "http://service.test", Token: func(context.Context) (string, error) { return "t", nil }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func FuzzParseSendRequest(f *testing.F) {
	seed(f, "send_request.json")
	f.Add([]byte(`{"from":"x","cover_page":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := faxplus.ParseSendRequest(bytes.NewReader(data))
		if err != nil {
			if !errors.Is(err, faxplus.ErrWire) && !errors.Is(err, faxplus.ErrTooLarge) {
				t.Fatalf("error %v wraps no sentinel", err)
			}
			return
		}
		again(t, r)
	})
}

func FuzzParseUpload(f *testing.F) {
	seed(f, "upload_request.txt")
	f.Fuzz(func(t *testing.T, data []byte) {
		u, err := faxplus.ParseUpload("multipart/form-data; boundary=BOUNDARY", bytes.NewReader(data))
		if err != nil {
			if !errors.Is(err, faxplus.ErrWire) {
				t.Fatalf("error %v does not wrap ErrWire", err)
			}
			return
		}
		if n, _ := u.WriteTo(io.Discard); n > int64(len(data)) {
			t.Fatalf("%d bytes out of %d", n, len(data))
		}
	})
}

func FuzzParseQuery(f *testing.F) {
	f.Add("category=sent&after=2026-09-24+06%3A00%3A00&limit=50")
	f.Add("limit=0")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := url.ParseQuery(s)
		if err != nil {
			return
		}
		q, err := faxplus.ParseQuery(v)
		if err != nil {
			if !errors.Is(err, faxplus.ErrWire) {
				t.Fatalf("error %v does not wrap ErrWire", err)
			}
			return
		}
		if back, err := faxplus.ParseQuery(q.Values()); err != nil || back != q {
			t.Fatalf("%+v became %+v, %v", q, back, err)
		}
	})
}

func FuzzParseRetryAfter(f *testing.F) {
	f.Add("120", "")
	f.Add("Thu, 24 Sep 2026 06:44:04 GMT", "Thu, 24 Sep 2026 06:43:04 GMT")
	f.Fuzz(func(t *testing.T, after, date string) {
		d := faxplus.ParseRetryAfter(http.Header{"Retry-After": {after}, "Date": {date}})
		if d < 0 || d > 24*time.Hour {
			t.Fatalf("ParseRetryAfter(%q) = %v", after, d)
		}
	})
}

func TestStatusesAreKnownOnce(t *testing.T) {
	seen := map[faxplus.Status]bool{}
	for _, s := range append(faxplus.OutboxStatuses(), faxplus.FinalStatuses()...) {
		if seen[s] || string(s) != strings.ToLower(string(s)) {
			t.Errorf("status %q is listed twice or not as written", s)
		}
		seen[s] = true
	}
	if len(seen) != 27 {
		t.Errorf("%d statuses; the reference lists 4 of the outbox and 23 of the history", len(seen))
	}
	for _, s := range faxplus.FinalStatuses() {
		if s.InOutbox() {
			t.Errorf("%s is final and in the outbox", s)
		}
	}
}
