package xmcloud_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

const sha = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

var desk = xmcloud.Terminal{ID: "front-desk", Name: "Front desk", Location: "2nd floor"}

func golden(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(data), "\n")
}

// server answers every call but host discovery with one answer and keeps the
// last request as text.
type server struct {
	*httptest.Server
	seen   string
	calls  int
	status int
	answer string
	header http.Header
	host   string // answer of discovery; empty: itself
}

func serve(t *testing.T, status int, answer string) *server {
	s := &server{status: status, answer: answer, header: http.Header{}}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/portal/host") {
			if s.host == "" {
				s.host = s.URL + "/\n"
			}
			_, _ = io.WriteString(w, s.host)
			return
		}
		s.calls++
		body, _ := io.ReadAll(r.Body)
		var b strings.Builder
		fmt.Fprintf(&b, "%s %s %s\n", r.Method, r.URL.RequestURI(), r.Proto)
		if r.ContentLength > 0 {
			r.Header.Set("Content-Length", fmt.Sprint(r.ContentLength))
		}
		names := make([]string, 0, len(r.Header))
		for name := range r.Header {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			if name != "Accept-Encoding" && name != "Connection" {
				fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(r.Header[name], " ++ "))
			}
		}
		s.seen = b.String() + "\n" + string(body)
		for name, v := range s.header {
			w.Header()[name] = v
		}
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, strings.ReplaceAll(s.answer, "https://HOST", s.URL))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) client(t *testing.T) *xmcloud.Client {
	t.Helper()
	hc := s.Client()
	hc.Transport.(*http.Transport).DisableKeepAlives = true
	c, err := xmcloud.New(xmcloud.Config{
		HTTP: hc, Commit: hc, Endpoint: s.URL, Account: "acme",
		Token: func(context.Context) (string, error) { return "SERVICE|6f1c", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func commit() xmcloud.CommitRequest {
	return xmcloud.CommitRequest{Reference: "j7/1/1", To: "+15145550123", SHA256: sha, Size: 4}
}

func create() xmcloud.CreateRequest {
	return xmcloud.CreateRequest{
		Reference: "j7/1/1", DeviceID: "front-desk", To: "+15145550123", Resolution: "fine", Ticket: "TICKET|11aa", Job: "j7",
		Document: xmcloud.Document{Name: "fax.tif", Type: xmcloud.TypeTIFF, Size: 4, SHA256: sha},
	}
}

// TestRequestsAreTheDocumentedBytes compares what leaves with hand-written bytes.
func TestRequestsAreTheDocumentedBytes(t *testing.T) {
	fax := golden(t, "fax_answer.json")
	for name, tt := range map[string]struct {
		answer string
		do     func(context.Context, *xmcloud.Client) error
		json   bool // compare the body as JSON
		loose  bool // the length was not written down
	}{
		"commit_request.http": {answer: fax, do: func(ctx context.Context, c *xmcloud.Client) error {
			_, err := c.Commit(ctx, "8c1f0a77", commit())
			return err
		}},
		"chunk_request.http": {answer: fax, do: func(ctx context.Context, c *xmcloud.Client) error {
			_, err := c.Chunk(ctx, "8c1f0a77", strings.NewReader("est and more"), 1, 3, 4)
			return err
		}},
		"create_request.http": {answer: fax, loose: true, do: func(ctx context.Context, c *xmcloud.Client) error {
			_, err := c.Create(ctx, create())
			return err
		}},
		"user_token_request.http": {answer: golden(t, "user_token_answer.json"), json: true, loose: true, do: func(ctx context.Context, c *xmcloud.Client) error {
			_, err := c.Login(ctx, xmcloud.Login{Username: "ann@acme.example", Password: []byte(`p"\é<&`), Application: "mfp", Terminal: desk, OTP: "123456"})
			return err
		}},
		"token_request.http": {
			answer: `{"access_token":"USER|x","token_type":"authorization_token","expires_in":900,"user":{"id":"u-ann"}}`, loose: true,
			do: func(ctx context.Context, c *xmcloud.Client) error {
				_, err := c.Assert(ctx, xmcloud.GrantSAML2, []byte("<a>???</a>"), desk)
				return err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, 200, tt.answer)
			if err := tt.do(t.Context(), s.client(t)); err != nil {
				t.Fatal(err)
			}
			got, want := s.seen, golden(t, name)
			if tt.loose {
				lines := strings.Split(got, "\n")
				got = strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "Content-Length:") }), "\n")
			}
			if tt.json {
				got, want = normal(t, got), normal(t, want)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

// normal writes the body of a request as JSON with sorted names.
func normal(t *testing.T, request string) string {
	t.Helper()
	head, body, _ := strings.Cut(request, "\n\n")
	var v map[string]any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("body: %v", err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return head + "\n\n" + string(out)
}

// TestServerReadsTheDocumentedBytes is the other side of the same bytes.
func TestServerReadsTheDocumentedBytes(t *testing.T) {
	body := func(name string) io.Reader {
		_, b, _ := strings.Cut(golden(t, name), "\n\n")
		return strings.NewReader(b)
	}
	if got, err := xmcloud.ParseJSON[xmcloud.CommitRequest](body("commit_request.http"), xmcloud.MaxCommit); err != nil || got != commit() {
		t.Errorf("commit: %+v, %v", got, err)
	}
	if got, err := xmcloud.ParseJSON[xmcloud.CreateRequest](body("create_request.http"), xmcloud.MaxRequest); err != nil || got != create() {
		t.Errorf("create: %+v, %v", got, err)
	}
	want := xmcloud.Login{
		Account: "acme", Username: "ann@acme.example", Password: []byte(`p"\é<&`), Application: "mfp",
		Terminal: xmcloud.Terminal{ID: "front-desk", Name: "Front desk"}, OTP: "123456",
	}
	if got, err := xmcloud.ParseLogin("application/json", body("user_token_request.http")); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("user_token: %+v, %v", got, err)
	}
	v, err := xmcloud.ParseForm(body("token_request.http"), xmcloud.MaxForm)
	if err != nil || v.Get("grant_type") != xmcloud.GrantSAML2 || v.Get("device_name") != "Front desk" {
		t.Errorf("token: %v, %v", v, err)
	}
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Authorization", "Basic YWNtZTpTRVJWSUNFJTdDNmYxYw==")
	if a, token, ok := xmcloud.ParseClient(r); !ok || a != "acme" || token != "SERVICE|6f1c" {
		t.Errorf("client %q %q %v", a, token, ok)
	}
	// Answers leave as they were written down.
	for name, v := range map[string]any{
		"fax_answer.json": xmcloud.FaxAnswer{Result: true, Fax: xmcloud.Fax{
			ID: "8c1f0a77", Reference: "j7/1/1", State: xmcloud.Queued, To: "+15145550123", Owner: "u-ann", Offset: 4, Size: 4,
			CommittedAt: time.Date(2026, 9, 24, 6, 43, 4, 0, time.UTC),
		}},
		"user_token_answer.json": xmcloud.UserToken{
			Result: true, Token: "USER|3a5f8a0e-1c1b-4d1b-9d9a-0d8f5a1c2b3c", UserID: "u-ann",
			User: &xmcloud.User{ID: "u-ann", Name: "Ann Lee", Email: "ann@acme.example"},
		},
		"refusal_oauth.json": xmcloud.Error{
			Op: "token", Status: 400, Code: xmcloud.Replayed, Message: "This assertion was used before.",
		},
		"refusal_locked.json": xmcloud.Error{
			Status: 403, Code: xmcloud.Locked, Message: "Too many attempts.", RetryAfter: 30 * time.Minute,
		},
		"refusal_offset.json": xmcloud.Error{Status: 409, Code: xmcloud.WrongOffset, Offset: 3},
	} {
		w := httptest.NewRecorder()
		if e, ok := v.(xmcloud.Error); ok {
			err = xmcloud.WriteError(w, e)
		} else {
			err = xmcloud.WriteJSON(w, 200, v)
		}
		if got := strings.TrimSpace(w.Body.String()); err != nil || got != golden(t, name) {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, got, golden(t, name))
		}
	}
}

func TestAnswersAreRead(t *testing.T) {
	c := func(status int, name string) *xmcloud.Client { return serve(t, status, golden(t, name)).client(t) }
	f, err := c(200, "fax_answer.json").Commit(t.Context(), "8c1f0a77", commit())
	if err != nil || f.ID != "8c1f0a77" || f.State != xmcloud.Queued || f.Owner != "u-ann" || f.CommittedAt.IsZero() {
		t.Errorf("commit: %+v, %v", f, err)
	}
	l, err := c(200, "list_answer.json").Status(t.Context(), []string{"8c1f0a77", "not an id"})
	if err != nil || len(l) != 1 || l[0].Reason != xmcloud.ReasonBusy || !l[0].State.Final() {
		t.Errorf("status: %+v, %v", l, err)
	}
	s, err := c(200, "discover_answer.json").Discover(t.Context(), "ann@acme.example")
	if err != nil || s.SSO != xmcloud.SSOWSTrust || s.WSTrust.RPIdentifier != "https://fax.example/acme/" || len(s.Methods) != 2 {
		t.Errorf("discover: %+v, %v", s, err)
	}
	d, err := c(200, "device_answer.json").StartDevice(t.Context(), desk)
	if err != nil || d.UserCode != "WDJB-MJHT" || d.Match != "47" || d.Every() != 5*time.Second || d.Lifetime() != 4*time.Minute {
		t.Errorf("device: %+v, %v", d, err)
	}
}

func TestRefusalsInEveryForm(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
		want   xmcloud.Error
	}{
		"envelope":           {403, golden(t, "refusal_locked.json"), xmcloud.Error{Status: 403, Code: xmcloud.Locked, RetryAfter: 30 * time.Minute}},
		"envelope with 200":  {200, golden(t, "refusal_locked.json"), xmcloud.Error{Status: 200, Code: xmcloud.Locked, RetryAfter: 30 * time.Minute}},
		"offset":             {409, golden(t, "refusal_offset.json"), xmcloud.Error{Status: 409, Code: xmcloud.WrongOffset, Offset: 3}},
		"OAuth":              {400, golden(t, "refusal_oauth.json"), xmcloud.Error{Status: 400, Code: xmcloud.Replayed}},
		"OAuth without code": {400, `{"error":"slow_down"}`, xmcloud.Error{Status: 400, Code: xmcloud.SlowDown}},
		"a gateway's page":   {502, "<html>Bad gateway</html>", xmcloud.Error{Status: 502}},
		"a redirect":         {302, "", xmcloud.Error{Status: 302}},
		"an endless wait":    {429, `{"result":false,"code":"rate_limited","retry_after":9223372036854775807}`, xmcloud.Error{Status: 429, Code: xmcloud.RateLimited, RetryAfter: 24 * time.Hour}},
	} {
		s := serve(t, tt.status, tt.body)
		s.header.Set("Location", "https://login.example/")
		_, err := s.client(t).Login(t.Context(), xmcloud.Login{Username: "ann", Password: []byte("x"), Application: "mfp", Terminal: desk})
		var e *xmcloud.Error
		if !errors.As(err, &e) || e.Status != tt.want.Status || e.Code != tt.want.Code || e.RetryAfter != tt.want.RetryAfter || e.Offset != tt.want.Offset || e.Err != nil {
			t.Errorf("%s: %#v; want %#v", name, err, tt.want)
		}
		if s.calls != 1 {
			t.Errorf("%s: %d requests with a password; want 1", name, s.calls)
		}
	}
}

func TestAnswersOutOfForm(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON": "hello", "no fax": `{"result":true}`, "empty": "", "another offset": `{"result":true,"fax":{"id":"8c1f0a77","offset":2}}`,
		"an id with a slash": `{"result":true,"fax":{"id":"../x","offset":4}}`, "too long": `{"x":"` + strings.Repeat("x", xmcloud.MaxAnswer) + `"}`,
	} {
		c := serve(t, 200, body).client(t)
		_, err := c.Chunk(t.Context(), "8c1f0a77", bytes.NewReader([]byte("est")), 1, 3, 4)
		var e *xmcloud.Error
		if !errors.As(err, &e) || e.Err == nil || errors.Is(err, xmcloud.ErrNotSent) {
			t.Errorf("%s: %v; want an error with a cause", name, err)
		}
	}
}
