package faxplus_test

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/protocols/faxplus"
)

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// seen is what a server noted about a request.
type seen struct {
	method, uri string
	header      http.Header
	length      int64
	chunked     bool
	body        []byte
}

// answering starts a service that gives one answer and notes the request.
func answering(t *testing.T, code int, body []byte) (*faxplus.Client, *seen) {
	t.Helper()
	got := new(seen)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read request: %v", err)
		}
		*got = seen{r.Method, r.RequestURI, r.Header, r.ContentLength, len(r.TransferEncoding) > 0, data}
		w.WriteHeader(code)
		_, _ = w.Write(body)
	}))
	t.Cleanup(srv.Close)
	return client(t, srv.URL+"/v3"), got
}

func client(t *testing.T, base string) *faxplus.Client {
	t.Helper()
	tr := &http.Transport{DisableKeepAlives: true}
	c, err := faxplus.New(faxplus.Config{
		HTTP: &http.Client{Transport: tr}, Commit: &http.Client{Transport: tr}, BaseURL: base,
		Token: func(context.Context) (string, error) { return "alohi_pat_1", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func at(s string) faxplus.Time {
	v, err := faxplus.ParseTime(s)
	if err != nil {
		panic(err)
	}
	return v
}

func request() faxplus.SendRequest {
	return faxplus.SendRequest{
		From: "+15145550100", To: []string{"+15145550123"},
		Files:     []string{"/transient-29362c0c-eeff-45c1-9f4e-4ef5865a41df"},
		Comment:   faxplus.Comment{Tags: []string{"7Q2M/1/1"}, Text: "7Q2M/1/1"},
		ReturnIDs: true,
	}
}

func TestSendWritesTheDocumentedRequest(t *testing.T) {
	c, got := answering(t, http.StatusCreated, fixture(t, "send_answer.json"))
	r := request()
	r.ReturnIDs = false // set by Send: without it there is no id to track
	id, err := c.Send(t.Context(), r)
	if err != nil || id != "13a4afb0585345639733857e8f36df8d" {
		t.Fatalf("Send = %q, %v", id, err)
	}
	want := bytes.TrimSpace(fixture(t, "send_request.json"))
	if diff := cmp.Diff(string(want), string(got.body)); diff != "" {
		t.Errorf("body differs from the documented form (-want +got):\n%s", diff)
	}
	if got.method != "POST" || got.uri != "/v3/accounts/self/outbox" || got.length != int64(len(want)) || got.chunked {
		t.Errorf("request = %s %s, %d bytes, chunked %v", got.method, got.uri, got.length, got.chunked)
	}
	checkHeader(t, got.header, "application/json", "Content-Length", "Connection")
}

// checkHeader fails for a header beyond what every request carries and extra.
func checkHeader(t *testing.T, h http.Header, contentType string, extra ...string) {
	t.Helper()
	if got := h.Get("Authorization"); got != "Bearer alohi_pat_1" {
		t.Errorf("Authorization = %q", got)
	}
	if got := h.Get("Content-Type"); got != contentType {
		t.Errorf("Content-Type = %q; want %q", got, contentType)
	}
	allowed := map[string]bool{"Authorization": true, "Accept": true, "User-Agent": true, "Content-Type": true, "Accept-Encoding": true}
	for _, k := range extra {
		allowed[k] = true
	}
	for k := range h {
		if !allowed[k] {
			t.Errorf("header %s = %q is not documented", k, h.Get(k))
		}
	}
}

func TestUploadWritesTheDocumentedRequest(t *testing.T) {
	c, got := answering(t, http.StatusOK, fixture(t, "upload_answer.json"))
	doc := "II*\x00document"
	path, err := c.Upload(t.Context(), faxplus.File{
		Name: "fax.tif", Type: faxplus.TypeTIFF, Size: int64(len(doc)),
		Open: func(off int64) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(doc[off:])), nil },
	})
	if err != nil || path != "/transient-29362c0c-eeff-45c1-9f4e-4ef5865a41df" {
		t.Fatalf("Upload = %q, %v", path, err)
	}
	media, params, err := mime.ParseMediaType(got.header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" {
		t.Fatalf("Content-Type = %q, %v", got.header.Get("Content-Type"), err)
	}
	body := bytes.ReplaceAll(got.body, []byte(params["boundary"]), []byte("BOUNDARY"))
	if diff := cmp.Diff(string(fixture(t, "upload_request.txt")), string(body)); diff != "" {
		t.Errorf("body differs from the documented form (-want +got):\n%s", diff)
	}
	if got.uri != "/v3/accounts/self/files" || got.length != int64(len(got.body)) || got.chunked {
		t.Errorf("request = %s, declared %d, read %d, chunked %v", got.uri, got.length, len(got.body), got.chunked)
	}
	checkHeader(t, got.header, got.header.Get("Content-Type"), "Content-Length", "Connection")
}

func TestOutboxReadsTheDocumentedAnswer(t *testing.T) {
	c, got := answering(t, http.StatusOK, fixture(t, "outbox_list.json"))
	list, err := c.Outbox(t.Context())
	want := []faxplus.OutboxRecord{{
		ID: "13a4afb0585345639733857e8f36df8d", Status: faxplus.Converting, UserID: "53a1afb8585345a39033857e1f36bf8d",
		Source: "+15145550100", To: []string{"+15145550123"}, Files: []string{"/transient-29362c0c-eeff-45c1-9f4e-4ef5865a41df"},
		Comment: faxplus.Comment{Tags: []string{"7Q2M/1/1"}, Text: "7Q2M/1/1"}, PageCount: 3,
		SubmitTime: at("2026-09-24 06:43:04"), UpdateTime: at("2026-09-24 06:43:09"),
		Changes: []faxplus.StatusChange{
			{At: at("2026-09-24 06:43:04"), Status: faxplus.Submitted},
			{At: at("2026-09-24 06:43:09"), Status: faxplus.Converting},
		},
	}}
	if diff := cmp.Diff(want, list); err != nil || diff != "" {
		t.Errorf("Outbox: %v (-want +got):\n%s", err, diff)
	}
	if got.uri != "/v3/accounts/self/outbox" {
		t.Errorf("asked for %s", got.uri)
	}
	checkHeader(t, got.header, "", "Connection")
}

func TestFaxesReadsTheDocumentedAnswer(t *testing.T) {
	c, got := answering(t, http.StatusOK, fixture(t, "history_list.json"))
	list, err := c.Faxes(t.Context(), faxplus.Query{
		Category: faxplus.CategorySent, After: at("2026-09-24 06:00:00"), Before: at("2026-09-24 07:00:00"), Limit: 50,
	})
	if err != nil || len(list) != 2 {
		t.Fatalf("Faxes = %d records, %v; want 2", len(list), err)
	}
	if want := "/v3/accounts/self/faxes?after=2026-09-24+06%3A00%3A00&before=2026-09-24+07%3A00%3A00&category=sent&limit=50"; got.uri != want {
		t.Errorf("asked for %s; want %s", got.uri, want)
	}
	for i, want := range []struct {
		key, from string
		status    faxplus.Status
		submitted faxplus.Time
	}{
		{"7Q2M/1/1", "+15145550100", faxplus.Success, at("2026-09-24 06:43:04")},
		{"7Q2M/2/1", "+15145550100", faxplus.FailedUserBusy, faxplus.Time{}},
	} {
		r := list[i]
		if !r.Comment.Has(want.key) || r.Comment.Has("7Q2M/1") || r.Sender() != want.from || r.Status != want.status || r.SubmitTime != want.submitted {
			t.Errorf("record %d = %+v; want %+v", i, r, want)
		}
	}
}

func TestAccountReadsTheDocumentedAnswer(t *testing.T) {
	c, _ := answering(t, http.StatusOK, fixture(t, "account.json"))
	a, err := c.Account(t.Context())
	want := faxplus.Account{UserID: "53a1afb8585345a39033857e1f36bf8d", Email: "fax@example.org", Status: "active", Type: "corporate_member"}
	if err != nil || a != want {
		t.Errorf("Account = %+v, %v; want %+v", a, err, want)
	}
}

func TestServerSideReadsTheSameBytes(t *testing.T) {
	req, err := faxplus.ParseSendRequest(bytes.NewReader(fixture(t, "send_request.json")))
	if diff := cmp.Diff(request(), req); err != nil || diff != "" {
		t.Errorf("ParseSendRequest: %v (-want +got):\n%s", err, diff)
	}
	up, err := faxplus.ParseUpload("multipart/form-data; boundary=BOUNDARY", bytes.NewReader(fixture(t, "upload_request.txt")))
	if err != nil {
		t.Fatal(err)
	}
	var doc bytes.Buffer
	if n, err := up.WriteTo(&doc); err != nil || n != 12 || doc.String() != "II*\x00document" || up.Name != "fax.tif" || up.Type != "image/tiff" {
		t.Errorf("upload %q of type %q = %q, %v", up.Name, up.Type, doc.String(), err)
	}
}

func TestServerSideWritesTheDocumentedAnswers(t *testing.T) {
	var history faxplus.FaxList
	history.Data.Records = []faxplus.FaxRecord{{
		ID: "5e7d", Status: faxplus.Success, Description: "OK", Direction: "outgoing", OwnerID: "53a1",
		FromNumber: "+15145550100", To: "+15145550123", Pages: 3, FileName: "fax",
		Comment:    faxplus.HistoryComment{Comment: faxplus.Comment{Tags: []string{"x"}, Text: "7Q2M/1/1"}},
		SubmitTime: at("2026-09-24 06:43:04"),
	}}
	tests := []struct {
		golden string
		value  any
	}{
		{"server_outbox.json", faxplus.OutboxList{Records: []faxplus.OutboxRecord{{
			ID: "13a4", Status: faxplus.Sending, UserID: "53a1", Source: faxplus.NoNumber, To: []string{"+15145550123"},
			Files: []string{"/transient-1"}, Comment: faxplus.Comment{Tags: []string{"7Q2M/1/1"}, Text: "7Q2M/1/1"}, PageCount: 3,
			SubmitTime: at("2026-09-24 06:43:04"), UpdateTime: at("2026-09-24 06:43:09"),
			Changes: []faxplus.StatusChange{{At: at("2026-09-24 06:43:04"), Status: faxplus.Submitted}},
		}}}},
		{"server_history.json", history},
		{"send_answer.json", faxplus.SendResponse{IDs: map[string]string{"+15145550123": "13a4afb0585345639733857e8f36df8d"}}},
		{"upload_answer.json", faxplus.FilePath{Path: "/transient-29362c0c-eeff-45c1-9f4e-4ef5865a41df"}},
		{"error_answer.json", faxplus.ErrorBody{Title: "invalid_token", Description: "The access token expired"}},
	}
	for _, tt := range tests {
		t.Run(tt.golden, func(t *testing.T) {
			w := httptest.NewRecorder()
			if err := faxplus.WriteJSON(w, http.StatusOK, tt.value); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(fixture(t, tt.golden)), w.Body.String()); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTime(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want time.Time
		ok   bool
	}{
		{"2026-09-24 06:43:04", time.Date(2026, 9, 24, 6, 43, 4, 0, time.UTC), true},
		{"2026-09-24 06:43:04 +0200", time.Date(2026, 9, 24, 4, 43, 4, 0, time.UTC), true},
		{"", time.Time{}, true},
		{"2026-09-24T06:43:04Z", time.Time{}, false},
		{"yesterday", time.Time{}, false},
	} {
		got, err := faxplus.ParseTime(tt.in)
		if !got.Equal(tt.want) || (err == nil) != tt.ok {
			t.Errorf("ParseTime(%q) = %v, %v; want %v, ok %v", tt.in, got, err, tt.want, tt.ok)
		}
	}
}
