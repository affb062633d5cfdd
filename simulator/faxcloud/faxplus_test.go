package faxcloud_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/platen-fax/platen/protocols/faxplus"
	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/paper"
)

const (
	user  = "53a1afb8"
	good  = "alohi_pat_good"
	fromN = "+15145550100"
	toN   = "+15145550123"
)

// clock is set by hand.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

type world struct {
	*faxcloud.Cloud
	clock *clock
	url   string
	http  *http.Client
	api   *faxplus.Client
}

// open starts a service whose faxes take 10 s of its own clock.
func open(t *testing.T, edit func(*faxcloud.Options)) *world {
	t.Helper()
	w := &world{clock: &clock{t: time.Date(2026, 9, 24, 6, 43, 4, 0, time.UTC)}}
	o := faxcloud.Options{
		Dir: t.TempDir(), Now: w.clock.now, SendTime: 10 * time.Second, MaxUpload: 64 << 10,
		Accounts: []faxcloud.Account{{User: user, Email: "fax@example.org", Numbers: []string{fromN}}, {User: "other", Numbers: []string{"+15145550999"}}},
		Tokens: []faxcloud.Token{
			{Value: good, User: user, Scopes: []string{faxcloud.ScopeAllRead, faxcloud.ScopeAllEdit}},
			{Value: "reader", User: user, Scopes: []string{faxcloud.ScopeAllRead}},
			{Value: "sender", User: user, Scopes: []string{faxcloud.ScopeFaxEdit}},
			{Value: "gone", User: user, Scopes: []string{faxcloud.ScopeAllRead}, Revoked: true},
			{Value: "stranger", User: "other", Scopes: []string{faxcloud.ScopeAllRead, faxcloud.ScopeAllEdit}},
		},
	}
	if edit != nil {
		edit(&o)
	}
	var err error
	if w.Cloud, err = faxcloud.New(o); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewTLSServer(w.Handler())
	t.Cleanup(func() { w.Close(); srv.Close() })
	w.url, w.http = srv.URL+"/v3", srv.Client()
	w.http.Transport.(*http.Transport).DisableKeepAlives = true
	w.api = w.as(t, good)
	return w
}

func (w *world) as(t *testing.T, token string) *faxplus.Client {
	t.Helper()
	c, err := faxplus.New(faxplus.Config{HTTP: w.http, Commit: w.http, BaseURL: w.url, Token: func(context.Context) (string, error) { return token, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tiff is two small pages without marks.
func tiff(t *testing.T) faxplus.File { return file(t, "small.tif") }

func file(t *testing.T, name string) faxplus.File {
	data := fixture(t, name)
	return faxplus.File{Name: "fax.tif", Type: faxplus.TypeTIFF, Size: int64(len(data)), Open: func(off int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data[off:])), nil
	}}
}

func sending(path, to, key string) faxplus.SendRequest {
	return faxplus.SendRequest{From: fromN, To: []string{to}, Files: []string{path}, Comment: faxplus.Comment{Tags: []string{key}, Text: key}}
}

// fax sends one and returns its outbox id.
func (w *world) fax(t *testing.T, to, key string) string { return w.faxOf(t, tiff(t), to, key) }

func (w *world) faxOf(t *testing.T, doc faxplus.File, to, key string) string {
	t.Helper()
	path, err := w.api.Upload(t.Context(), doc)
	if err != nil {
		t.Fatal(err)
	}
	id, err := w.api.Send(t.Context(), sending(path, to, key))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// window is wide enough for every test.
func (w *world) history(t *testing.T) []faxplus.FaxRecord {
	t.Helper()
	list, err := w.api.Faxes(t.Context(), faxplus.Query{Category: faxplus.CategorySent})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (w *world) outbox(t *testing.T) []faxplus.OutboxRecord {
	t.Helper()
	list, err := w.api.Outbox(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestAFaxWalksFromOutboxToHistory(t *testing.T) {
	w := open(t, nil)
	id := w.faxOf(t, file(t, "g4-strips.tif"), toN, "7Q2M/1/1")
	for _, step := range []struct {
		after time.Duration
		want  faxplus.Status
	}{{0, faxplus.Submitted}, {time.Second, faxplus.Converting}, {2 * time.Second, faxplus.ScheduledForSending}, {time.Second, faxplus.Sending}} {
		w.clock.pass(step.after)
		out := w.outbox(t)
		if len(out) != 1 || out[0].ID != id || out[0].Status != step.want || !out[0].Comment.Has("7Q2M/1/1") || len(w.history(t)) != 0 {
			t.Fatalf("outbox = %+v; want one fax %s", out, step.want)
		}
		if r, err := w.api.OutboxFax(t.Context(), id); err != nil || r.Status != step.want {
			t.Fatalf("OutboxFax = %+v, %v; want %s", r, err, step.want)
		}
	}
	w.clock.pass(6 * time.Second)
	past := w.history(t)
	if len(w.outbox(t)) != 0 || len(past) != 1 || past[0].Status != faxplus.Success || past[0].Pages != 3 || past[0].ID == id || !past[0].Comment.Has("7Q2M/1/1") {
		t.Fatalf("history = %+v; want one delivered fax of 3 pages under another id", past)
	}
	if r, err := w.api.Fax(t.Context(), past[0].ID); err != nil || r.Status != faxplus.Success {
		t.Errorf("Fax = %+v, %v", r, err)
	}
	a, err := w.api.Account(t.Context())
	if err != nil || a.UserID != user {
		t.Errorf("Account = %+v, %v", a, err)
	}
	e := w.Ledger()
	if len(e) != 1 || e[0].ID != id || e[0].Key != "7Q2M/1/1" || e[0].To != toN || e[0].From != fromN || e[0].Status != "success" || e[0].Err != "" || len(e[0].SHA256) != 64 {
		t.Fatalf("ledger = %+v", e)
	}
	for i, p := range e[0].Pages {
		if p.Mark != (paper.Mark{Batch: 0xC0FFEE, Page: i + 1, Whole: true}) {
			t.Errorf("page %d reads %+v, %s", i+1, p.Mark, p.Err)
		}
	}
}

// TestRefusals sends requests that are wrong in one thing each.
func TestRefusals(t *testing.T) {
	w := open(t, nil)
	path, err := w.api.Upload(t.Context(), tiff(t))
	if err != nil {
		t.Fatal(err)
	}
	body := func(edit func(*faxplus.SendRequest)) string {
		r := sending(path, toN, "k")
		if edit != nil {
			edit(&r)
		}
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	form := func(part, name, mime, doc string) string {
		return fmt.Sprintf("--B\r\nContent-Disposition: form-data; name=%q; filename=%q\r\nContent-Type: %s\r\n\r\n%s\r\n--B--\r\n", part, name, mime, doc)
	}
	const (
		outbox = "/accounts/self/outbox"
		files  = "/accounts/self/files"
		multi  = "multipart/form-data; boundary=B"
	)
	tests := []struct {
		name, method, path, token, ctype, body string
		header                                 map[string]string
		chunked                                bool
		want                                   int
	}{
		{name: "no token", method: "GET", path: outbox, token: "", want: 401},
		{name: "unknown token", method: "GET", path: outbox, token: "x", want: 401},
		{name: "revoked token", method: "GET", path: outbox, token: "gone", want: 401},
		{name: "read scope sends", method: "POST", path: outbox, token: "reader", ctype: "application/json", body: body(nil), want: 403},
		{name: "edit scope reads", method: "GET", path: outbox, token: "sender", want: 403},
		{name: "fax scope uploads", method: "POST", path: files, token: "sender", ctype: multi, body: form("fax_file", "a.tif", "image/tiff", "x"), want: 403},
		{name: "foreign account", method: "GET", path: "/accounts/other/outbox", want: 403},
		{name: "unknown path", method: "GET", path: "/accounts/self/inbox", want: 404},
		{name: "unknown method", method: "PUT", path: outbox, ctype: "application/json", body: "{}", want: 404},
		{name: "idempotency key", method: "POST", path: outbox, ctype: "application/json", body: body(nil), header: map[string]string{"Idempotency-Key": "k"}, want: 400},
		{name: "invented header", method: "GET", path: outbox, header: map[string]string{"X-Request-Id": "1"}, want: 400},
		{name: "cookie", method: "GET", path: outbox, header: map[string]string{"Cookie": "a=b"}, want: 400},
		{name: "wants another type", method: "GET", path: outbox, header: map[string]string{"Accept": "text/html"}, want: 406},
		{name: "outbox parameter", method: "GET", path: outbox + "?limit=5", want: 400},
		{name: "history parameter", method: "GET", path: "/accounts/self/faxes?page=2", want: 400},
		{name: "history limit", method: "GET", path: "/accounts/self/faxes?limit=51", want: 400},
		{name: "history date with T", method: "GET", path: "/accounts/self/faxes?after=2026-09-24T00:00:00", want: 400},
		{name: "get with parameter", method: "GET", path: outbox + "/1?x=1", want: 400},
		{name: "get of nothing", method: "GET", path: outbox + "/1", want: 404},
		{name: "history of nothing", method: "GET", path: "/accounts/self/faxes/1", want: 404},
		{name: "delete of nothing", method: "DELETE", path: outbox + "/1", want: 404},
		{name: "send unknown field", method: "POST", path: outbox, ctype: "application/json", body: strings.Replace(body(nil), "{", `{"idempotency_key":"k",`, 1), want: 400},
		{name: "send two values", method: "POST", path: outbox, ctype: "application/json", body: body(nil) + "{}", want: 400},
		{name: "send as form", method: "POST", path: outbox, ctype: "text/plain", body: body(nil), want: 415},
		{name: "send chunked", method: "POST", path: outbox, ctype: "application/json", body: body(nil), chunked: true, want: 411},
		{name: "send too large", method: "POST", path: outbox, ctype: "application/json", body: strings.Repeat(" ", faxplus.MaxRequest+1), want: 413},
		{name: "send parameter", method: "POST", path: outbox + "?a=b", ctype: "application/json", body: body(nil), want: 400},
		{name: "no recipient", method: "POST", path: outbox, ctype: "application/json", body: body(func(r *faxplus.SendRequest) { r.To = nil }), want: 400},
		{name: "two recipients", method: "POST", path: outbox, ctype: "application/json", body: body(func(r *faxplus.SendRequest) { r.To = []string{toN, toN} }), want: 400},
		{name: "national number", method: "POST", path: outbox, ctype: "application/json", body: body(func(r *faxplus.SendRequest) { r.To = []string{"5145550123"} }), want: 400},
		{name: "no file", method: "POST", path: outbox, ctype: "application/json", body: body(func(r *faxplus.SendRequest) { r.Files = nil }), want: 400},
		{name: "unknown file", method: "POST", path: outbox, ctype: "application/json", body: body(func(r *faxplus.SendRequest) { r.Files = []string{"/transient-0"} }), want: 400},
		{name: "stranger's file", method: "POST", path: outbox, token: "stranger", ctype: "application/json", body: body(func(r *faxplus.SendRequest) { r.From = faxplus.NoNumber }), want: 400},
		{name: "stranger's number", method: "POST", path: outbox, ctype: "application/json", body: body(func(r *faxplus.SendRequest) { r.From = "+15145550999" }), want: 403},
		{name: "no sender", method: "POST", path: outbox, ctype: "application/json", body: body(func(r *faxplus.SendRequest) { r.From = "" }), want: 400},
		{name: "four retries", method: "POST", path: outbox, ctype: "application/json", body: body(func(r *faxplus.SendRequest) { r.Options.Retry.Count = 4 }), want: 400},
		{name: "upload chunked", method: "POST", path: files, ctype: multi, body: form("fax_file", "a.tif", "image/tiff", "x"), chunked: true, want: 411},
		{name: "upload as JSON", method: "POST", path: files, ctype: "application/json", body: "{}", want: 415},
		{name: "upload of another part", method: "POST", path: files, ctype: multi, body: form("file", "a.tif", "image/tiff", "x"), want: 400},
		{name: "upload without name", method: "POST", path: files, ctype: multi, body: form("fax_file", "", "image/tiff", "x"), want: 400},
		{name: "upload of a picture", method: "POST", path: files, ctype: multi, body: form("fax_file", "a.png", "image/png", "x"), want: 415},
		{name: "name and type differ", method: "POST", path: files, ctype: multi, body: form("fax_file", "a.pdf", "image/tiff", "x"), want: 415},
		{name: "empty upload", method: "POST", path: files, ctype: multi, body: form("fax_file", "a.tif", "image/tiff", ""), want: 400},
		{name: "upload without end", method: "POST", path: files, ctype: multi, body: strings.TrimSuffix(form("fax_file", "a.tif", "image/tiff", "x"), "--B--\r\n"), want: 400},
		{name: "declared too large", method: "POST", path: files, ctype: multi, body: form("fax_file", "a.tif", "image/tiff", strings.Repeat("x", 70<<10)), want: 413},
		{name: "document too large", method: "POST", path: files, ctype: multi, body: form("fax_file", "a.tif", "image/tiff", strings.Repeat("x", 64<<10+1)), want: 413},
		{name: "upload parameter", method: "POST", path: files + "?format=doc", ctype: multi, body: form("fax_file", "a.tif", "image/tiff", "x"), want: 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var rd io.Reader
			if tt.body != "" {
				rd = strings.NewReader(tt.body)
			}
			if tt.chunked {
				rd = io.MultiReader(rd)
			}
			req, err := http.NewRequestWithContext(t.Context(), tt.method, w.url+tt.path, rd)
			if err != nil {
				t.Fatal(err)
			}
			if tt.token == "" && tt.want != 401 {
				tt.token = good
			}
			if tt.token != "" {
				req.Header.Set("Authorization", "Bearer "+tt.token)
			}
			if tt.ctype != "" {
				req.Header.Set("Content-Type", tt.ctype)
			}
			for k, v := range tt.header {
				req.Header.Set(k, v)
			}
			resp, err := w.http.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if text, _ := io.ReadAll(resp.Body); resp.StatusCode != tt.want {
				t.Errorf("answer %d %s; want %d", resp.StatusCode, text, tt.want)
			}
		})
	}
	if n := len(w.Ledger()); n != 0 {
		t.Errorf("%d faxes were committed by refused requests", n)
	}
	// What is refused above is accepted when nothing is wrong.
	if _, err := w.api.Send(t.Context(), sending(path, toN, "k")); err != nil || len(w.Ledger()) != 1 {
		t.Errorf("right request: %v, %d in the ledger", err, len(w.Ledger()))
	}
}

func TestPlainHTTPIsRefused(t *testing.T) {
	w := open(t, nil)
	rec := httptest.NewRecorder()
	req := httptest.NewRequest("GET", "http://fax.test/v3/accounts/self/outbox", nil)
	req.Header.Set("Authorization", "Bearer "+good)
	if w.Handler().ServeHTTP(rec, req); rec.Code != http.StatusForbidden {
		t.Errorf("plain HTTP answered with %d", rec.Code)
	}
}

func TestFaultsStrikeWhereTheyAreAsked(t *testing.T) {
	upload := func(w *world) error { _, err := w.api.Upload(t.Context(), tiff(t)); return err }
	tests := []struct {
		name      string
		fault     faxcloud.Fault
		code      int
		committed int
	}{
		{"refused", faxcloud.Fault{Op: faxcloud.OpSend, Action: faxcloud.Answer, Code: 401}, 401, 0},
		{"patience", faxcloud.Fault{Op: faxcloud.OpSend, Action: faxcloud.Answer, Code: 429, RetryAfter: 1500 * time.Millisecond}, 429, 0},
		{"down", faxcloud.Fault{Op: faxcloud.OpSend, Action: faxcloud.Answer, Code: 503}, 503, 0},
		{"down after the commit", faxcloud.Fault{Op: faxcloud.OpSend, Action: faxcloud.Answer, Stage: faxcloud.Effect, Code: 502}, 502, 1},
		{"cut before the body", faxcloud.Fault{Op: faxcloud.OpSend, Action: faxcloud.Cut, Stage: faxcloud.Head}, 0, 0},
		{"cut after the body", faxcloud.Fault{Op: faxcloud.OpSend, Action: faxcloud.Cut}, 0, 0},
		{"cut after the commit", faxcloud.Fault{Op: faxcloud.OpSend, Action: faxcloud.Cut, Stage: faxcloud.Effect}, 0, 1},
		{"slow", faxcloud.Fault{Op: faxcloud.OpSend, Action: faxcloud.Slow, Delay: time.Millisecond}, 201, 1},
		{"another operation", faxcloud.Fault{Op: faxcloud.OpList, Action: faxcloud.Cut}, 201, 1},
		{"only the third", faxcloud.Fault{Op: faxcloud.OpSend, Action: faxcloud.Cut, Nth: 3}, 201, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := open(t, nil)
			path, err := w.api.Upload(t.Context(), tiff(t))
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Inject(tt.fault); err != nil {
				t.Fatal(err)
			}
			_, err = w.api.Send(t.Context(), sending(path, toN, "k/1/1"))
			var e *faxplus.Error
			switch errors.As(err, &e); {
			case tt.code == 201 && err != nil, tt.code != 201 && (e == nil || e.Code != tt.code):
				t.Errorf("Send = %v; want %d", err, tt.code)
			case tt.code == 429 && e.RetryAfter != 2*time.Second:
				t.Errorf("Retry-After = %v; want 2 s, rounded up", e.RetryAfter)
			}
			if n := len(w.Ledger()); n != tt.committed || w.Calls(faxcloud.OpSend) != 1 {
				t.Errorf("%d in the ledger after %d calls; want %d after 1", n, w.Calls(faxcloud.OpSend), tt.committed)
			}
		})
	}
	t.Run("twice from the second upload", func(t *testing.T) {
		w := open(t, nil)
		if err := w.Inject(faxcloud.Fault{Op: faxcloud.OpUpload, Action: faxcloud.Answer, Code: 503, Nth: 2, Times: 2}); err != nil {
			t.Fatal(err)
		}
		for i, ok := range []bool{true, false, false, true} {
			if err := upload(w); (err == nil) != ok {
				t.Errorf("upload %d: %v", i+1, err)
			}
		}
	})
	t.Run("for ever until cleared", func(t *testing.T) {
		w := open(t, nil)
		if err := w.Inject(faxcloud.Fault{Op: faxcloud.OpUpload, Action: faxcloud.Cut, Times: -1}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if upload(w) == nil {
				t.Error("upload went through")
			}
		}
		w.ClearFaults()
		if err := upload(w); err != nil {
			t.Errorf("after clearing: %v", err)
		}
	})
}

func TestStalledRequestEndsWithItsClient(t *testing.T) {
	w := open(t, nil)
	path, err := w.api.Upload(t.Context(), tiff(t))
	if err != nil {
		t.Fatal(err)
	}
	for stage, committed := range map[faxcloud.Stage]int{faxcloud.Body: 0, faxcloud.Effect: 1} {
		if err := w.Inject(faxcloud.Fault{Op: faxcloud.OpSend, Action: faxcloud.Stall, Stage: stage}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, err = w.api.Send(ctx, sending(path, toN, string(stage)))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, faxplus.ErrNotSent) {
			t.Errorf("%s: Send = %v; want a deadline that leaves it open", stage, err)
		}
		if n := w.Committed(string(stage)); n != committed {
			t.Errorf("%s: %d committed; want %d", stage, n, committed)
		}
	}
}

func TestHeldRequestGoesOnWhenReleased(t *testing.T) {
	w := open(t, nil)
	if err := w.Inject(faxcloud.Fault{Op: faxcloud.OpList, Action: faxcloud.Slow}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { _, err := w.api.Outbox(t.Context()); done <- err }()
	for w.Calls(faxcloud.OpList) == 0 {
		select {
		case err := <-done:
			t.Fatalf("Outbox = %v before it was held", err)
		case <-time.After(time.Millisecond):
		}
	}
	// The call is counted before it is held: release until it has gone.
	for {
		w.Release()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Outbox = %v", err)
			}
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func TestListLagHidesACommittedFax(t *testing.T) {
	w := open(t, func(o *faxcloud.Options) { o.ListLag = 30 * time.Second })
	id := w.fax(t, toN, "k/1/1")
	if len(w.outbox(t)) != 0 {
		t.Error("visible at once")
	}
	if _, err := w.api.OutboxFax(t.Context(), id); err != nil {
		t.Errorf("by its id: %v", err)
	}
	w.clock.pass(29 * time.Second)
	if len(w.history(t)) != 0 {
		t.Error("visible before the lag")
	}
	w.clock.pass(time.Second)
	if len(w.history(t)) != 1 {
		t.Error("not visible after the lag")
	}
	lag := time.Minute
	if w.Tune(faxcloud.Tune{ListLag: &lag}); len(w.history(t)) != 0 {
		t.Error("a longer lag changes nothing")
	}
}

func TestRulesDecideTheEnd(t *testing.T) {
	w := open(t, func(o *faxcloud.Options) {
		o.Rules = []faxcloud.Rule{
			{Suffix: "01", Outcome: faxcloud.Failed, Reason: "failed_no_answer"},
			{Suffix: "02", Outcome: faxcloud.Failed},
			{Suffix: "03", Outcome: faxcloud.Hang},
			{Prefix: "+1999", Outcome: faxcloud.Busy, Times: 2},
			{Suffix: "04", Outcome: faxcloud.Delivered, SendTime: time.Hour},
		}
	})
	want := map[string]string{}
	for i, f := range []struct{ to, want string }{
		{"+15145550001", "failed_no_answer"},
		{"+15145550002", "failed"},
		{"+15145550003", "sending"},
		{"+19995550000", "failed_user_busy"},
		{"+19995550000", "failed_user_busy"},
		{"+19995550000", "success"},
		{"+15145550004", "sending"},
		{toN, "success"},
	} {
		key := fmt.Sprintf("k/%d/1", i)
		want[key] = f.want
		w.fax(t, f.to, key)
	}
	w.clock.pass(30 * time.Minute)
	for _, e := range w.Ledger() {
		if e.Status != want[e.Key] {
			t.Errorf("%s to %s = %s; want %s", e.Key, e.To, e.Status, want[e.Key])
		}
	}
	if err := w.SetRules([]faxcloud.Rule{{Outcome: "lost"}}); err == nil {
		t.Error("unknown outcome accepted")
	}
}

func TestUnreadableDocumentFails(t *testing.T) {
	w := open(t, nil)
	for _, tt := range []struct {
		name, mime, doc string
		want            faxplus.Status
	}{
		{"a.tif", faxplus.TypeTIFF, "not a picture", faxplus.FailedConvertToTIFFIssue},
		{"a.pdf", faxplus.TypePDF, "%PDF-1.7", faxplus.FailedMimetypeNotSupported},
	} {
		path, err := w.api.Upload(t.Context(), faxplus.File{Name: tt.name, Type: tt.mime, Size: int64(len(tt.doc)), Open: func(int64) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(tt.doc)), nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.api.Send(t.Context(), sending(path, toN, tt.name)); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.pass(time.Minute)
	for _, r := range w.history(t) {
		want := map[string]faxplus.Status{"a.tif": faxplus.FailedConvertToTIFFIssue, "a.pdf": faxplus.FailedMimetypeNotSupported}[r.Comment.Text]
		if r.Status != want {
			t.Errorf("%s = %s; want %s", r.Comment.Text, r.Status, want)
		}
	}
	if e := w.Ledger(); e[0].Err == "" {
		t.Errorf("ledger says nothing about %+v", e[0])
	}
}

func TestCancelOnlyBeforeSending(t *testing.T) {
	w := open(t, nil)
	early, late := w.fax(t, toN, "early"), w.fax(t, toN, "late")
	if err := w.api.DeleteOutbox(t.Context(), early); err != nil {
		t.Errorf("before sending: %v", err)
	}
	w.clock.pass(5 * time.Second)
	var e *faxplus.Error
	if err := w.api.DeleteOutbox(t.Context(), late); !errors.As(err, &e) || e.Code != http.StatusConflict {
		t.Errorf("while sending: %v", err)
	}
	w.clock.pass(5 * time.Second)
	if err := w.api.DeleteOutbox(t.Context(), late); !errors.As(err, &e) || e.Code != http.StatusNotFound {
		t.Errorf("after sending: %v", err)
	}
	if h := w.history(t); len(h) != 1 || h[0].Comment.Text != "late" {
		t.Errorf("history = %+v; want the late one alone", h)
	}
}

func TestHiddenComments(t *testing.T) {
	hide := true
	w := open(t, nil)
	w.fax(t, toN, "k/1/1")
	if w.Tune(faxcloud.Tune{HideComments: &hide}); w.outbox(t)[0].Comment.Has("k/1/1") {
		t.Error("outbox shows the comment")
	}
	w.clock.pass(time.Minute)
	if w.history(t)[0].Comment.Has("k/1/1") {
		t.Error("history shows the comment")
	}
	if w.Ledger()[0].Key != "k/1/1" {
		t.Error("the ledger forgot the key")
	}
}

func TestDoublesAreCountedByKey(t *testing.T) {
	w := open(t, nil)
	for _, key := range []string{"a", "b", "a", "a", "c"} {
		w.fax(t, toN, key)
	}
	if w.Doubled() != 2 || w.Committed("a") != 3 || w.Committed("z") != 0 {
		t.Errorf("Doubled = %d, a %d, z %d; want 2, 3, 0", w.Doubled(), w.Committed("a"), w.Committed("z"))
	}
}

func TestControl(t *testing.T) {
	w := open(t, nil)
	srv := httptest.NewServer(w.ControlHandler())
	defer srv.Close()
	do := func(method, path, body string, want int) []byte {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want {
			t.Errorf("%s %s %s = %d %s, %v; want %d", method, path, body, resp.StatusCode, data, err, want)
		}
		return data
	}
	do("POST", "/_control/faults", `{"op":"upload","action":"answer","code":429,"retry_after_ms":3000,"times":-1}`, 204)
	var e *faxplus.Error
	if _, err := w.api.Upload(t.Context(), tiff(t)); !errors.As(err, &e) || e.Code != 429 || e.RetryAfter != 3*time.Second {
		t.Errorf("Upload under the fault = %v", err)
	}
	do("DELETE", "/_control/faults", "", 204)
	do("PUT", "/_control/rules", `[{"outcome":"failed","reason":"failed_fs_49"}]`, 204)
	do("POST", "/_control/tune", `{"send_time_ms":1000,"list_lag_ms":0,"hide_comments":false,"same_ids":true}`, 204)
	id := w.fax(t, toN, "k/1/1")
	w.clock.pass(time.Second)
	if h := w.history(t); len(h) != 1 || h[0].Status != faxplus.FailedFS49 || h[0].ID != id {
		t.Errorf("history = %+v; want failed_fs_49 under %s", h, id)
	}
	var ledger faxcloud.LedgerAnswer
	if err := json.Unmarshal(do("GET", "/_control/ledger", "", 200), &ledger); err != nil || len(ledger.Entries) != 1 || len(ledger.Entries[0].Pages) != 2 || ledger.Doubled != 0 {
		t.Errorf("ledger = %+v, %v", ledger, err)
	}
	do("POST", "/_control/tokens", fmt.Sprintf(`{"value":%q,"user":%q,"revoked":true}`, good, user), 204)
	if _, err := w.api.Outbox(t.Context()); !errors.As(err, &e) || e.Code != 401 {
		t.Errorf("Outbox with a revoked token = %v", err)
	}
	do("POST", "/_control/release", "", 204)
	do("POST", "/_control/faults", `{"op":"fly","action":"cut"}`, 400)
	do("POST", "/_control/faults", `{"op":"send","action":"cut","speed":1}`, 400)
	do("PUT", "/_control/rules", `[{"outcome":"lost"}]`, 400)
	// The public handler knows none of this.
	req, _ := http.NewRequestWithContext(t.Context(), "GET", strings.TrimSuffix(w.url, "/v3")+"/_control/ledger", nil)
	resp, err := w.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusNotFound {
		t.Errorf("public ledger answered %d", resp.StatusCode)
	}
}
