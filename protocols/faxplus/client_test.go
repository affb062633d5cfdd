package faxplus_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/platen-fax/platen/protocols/faxplus"
)

func TestRefusals(t *testing.T) {
	tests := []struct {
		name   string
		code   int
		header map[string]string
		body   string
		title  string
		wait   time.Duration
	}{
		{"documented body", 401, nil, `{"error":"invalid_token","description":"expired"}`, "invalid_token", 0},
		{"empty", 403, nil, ``, "", 0},
		{"gateway page", 502, nil, `<html>bad gateway</html>`, "", 0},
		{"wait in seconds", 429, map[string]string{"Retry-After": "7"}, `{}`, "", 7 * time.Second},
		{"wait as date", 503, map[string]string{"Retry-After": "Thu, 24 Sep 2026 06:44:04 GMT", "Date": "Thu, 24 Sep 2026 06:43:04 GMT"}, ``, "", time.Minute},
		{"wait in the past", 503, map[string]string{"Retry-After": "Thu, 24 Sep 2026 06:42:04 GMT", "Date": "Thu, 24 Sep 2026 06:43:04 GMT"}, ``, "", 0},
		{"wait beyond a day", 429, map[string]string{"Retry-After": "99999999999"}, ``, "", 24 * time.Hour},
		{"wait nonsense", 429, map[string]string{"Retry-After": "-5"}, ``, "", 0},
		{"redirect is not followed", 302, map[string]string{"Location": "/elsewhere"}, ``, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var calls atomic.Int32
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				_, _ = io.Copy(io.Discard, r.Body)
				for k, v := range tt.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(tt.code)
				_, _ = io.WriteString(w, tt.body)
			}))
			defer srv.Close()
			c := client(t, srv.URL)
			ops := map[string]func() error{
				"send":   func() error { _, err := c.Send(t.Context(), request()); return err },
				"outbox": func() error { _, err := c.Outbox(t.Context()); return err },
				"delete": func() error { return c.DeleteOutbox(t.Context(), "13a4") },
				"upload": func() error { _, err := c.Upload(t.Context(), document("x")); return err },
			}
			for op, call := range ops {
				var e *faxplus.Error
				if err := call(); !errors.As(err, &e) || e.Op != op || e.Code != tt.code || e.Title != tt.title || e.RetryAfter != tt.wait || errors.Is(err, faxplus.ErrNotSent) {
					t.Errorf("%s: %+v; want code %d, title %q, wait %v", op, e, tt.code, tt.title, tt.wait)
				}
			}
			if n := calls.Load(); n != int32(len(ops)) {
				t.Errorf("%d requests for %d calls", n, len(ops))
			}
		})
	}
}

func document(s string) faxplus.File {
	return faxplus.File{Name: "fax.tif", Type: faxplus.TypeTIFF, Size: int64(len(s)), Open: func(off int64) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(s[off:])), nil
	}}
}

func TestUploadOfWrongLengthFails(t *testing.T) {
	short := document("ten bytes!")
	short.Size = 11
	if path, err := client(t, cutting(t)).Upload(t.Context(), short); err == nil || !strings.Contains(err.Error(), "ContentLength") {
		t.Errorf("Upload of a document that shrank = %q, %v", path, err)
	}
	c, got := answering(t, http.StatusOK, []byte(`{"path":"/p"}`))
	long := document("ten bytes!")
	long.Size = 9
	if _, err := c.Upload(t.Context(), long); err != nil {
		t.Errorf("Upload of a document that grew: %v", err)
	}
	if strings.Contains(string(got.body), "bytes!") || !strings.Contains(string(got.body), "ten bytes") {
		t.Errorf("body = %q; want the declared 9 bytes", got.body)
	}
}

func TestUploadDoesNotBuffer(t *testing.T) {
	const size = 64 << 20
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		read, _ := io.Copy(io.Discard, r.Body)
		n.Store(read)
		_, _ = io.WriteString(w, `{"path":"/p"}`)
	}))
	defer srv.Close()
	doc := faxplus.File{Name: "fax.tif", Type: faxplus.TypeTIFF, Size: size, Open: func(int64) (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeros{}, size)), nil
	}}
	c := client(t, srv.URL)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := c.Upload(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
		t.Errorf("an upload of %d bytes allocates %d; want no copy of the document", size, got)
	}
	if n.Load() < size {
		t.Errorf("server read %d bytes", n.Load())
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestSendTellsWhatIsKnown(t *testing.T) {
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing.Close()
	t.Run("connection refused", func(t *testing.T) {
		_, err := client(t, "http://"+refusing.Addr().String()).Send(t.Context(), request())
		if !errors.Is(err, faxplus.ErrNotSent) {
			t.Errorf("Send = %v; want ErrNotSent", err)
		}
	})
	t.Run("ended before it began", func(t *testing.T) {
		c, got := answering(t, http.StatusCreated, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.Send(ctx, request())
		if !errors.Is(err, faxplus.ErrNotSent) || got.uri != "" {
			t.Errorf("Send = %v after %q; want ErrNotSent", err, got.uri)
		}
	})
	t.Run("no token", func(t *testing.T) {
		c, err := faxplus.New(faxplus.Config{
			HTTP: http.DefaultClient, Commit: http.DefaultClient, BaseURL: "http://" + refusing.Addr().String(),
			Token: func(context.Context) (string, error) { return "", errors.New("no file") },
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Send(t.Context(), request()); !errors.Is(err, faxplus.ErrNotSent) {
			t.Errorf("Send = %v; want ErrNotSent", err)
		}
	})
	t.Run("two recipients", func(t *testing.T) {
		c, got := answering(t, http.StatusCreated, nil)
		r := request()
		r.To = append(r.To, "+15145550124")
		if _, err := c.Send(t.Context(), r); !errors.Is(err, faxplus.ErrNotSent) || got.uri != "" {
			t.Errorf("Send = %v after %q; want ErrNotSent", err, got.uri)
		}
	})
	t.Run("write fails half way", func(t *testing.T) {
		c, got := answering(t, http.StatusCreated, nil)
		c = throughConn(t, c, got, func(conn net.Conn) net.Conn { return &cutConn{Conn: conn, left: 300} })
		_, err := c.Send(t.Context(), request())
		if !errors.Is(err, faxplus.ErrNotSent) {
			t.Errorf("Send = %v; want ErrNotSent", err)
		}
	})
	t.Run("cut after the body", func(t *testing.T) {
		_, err := client(t, cutting(t)).Send(t.Context(), request())
		var e *faxplus.Error
		if !errors.As(err, &e) || e.Code != 0 || errors.Is(err, faxplus.ErrNotSent) {
			t.Errorf("Send = %v; want a failure that leaves it open", err)
		}
	})
	t.Run("answer cut short", func(t *testing.T) {
		c, _ := answering(t, http.StatusCreated, []byte(`{"ids":{"+1514`))
		_, err := c.Send(t.Context(), request())
		var e *faxplus.Error
		if !errors.As(err, &e) || e.Code != http.StatusCreated || !errors.Is(err, faxplus.ErrWire) || errors.Is(err, faxplus.ErrNotSent) {
			t.Errorf("Send = %v; want ErrWire with the code", err)
		}
	})
	t.Run("answer without ids", func(t *testing.T) {
		c, _ := answering(t, http.StatusCreated, []byte(`{}`))
		if id, err := c.Send(t.Context(), request()); id != "" || err != nil {
			t.Errorf("Send = %q, %v; want no id and no error", id, err)
		}
	})
}

// throughConn returns a client whose committing connection is wrapped.
func throughConn(t *testing.T, _ *faxplus.Client, got *seen, wrap func(net.Conn) net.Conn) *faxplus.Client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got.uri = r.RequestURI
	}))
	t.Cleanup(srv.Close)
	commit := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			var d net.Dialer
			conn, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return wrap(conn), nil
		},
	}}
	c, err := faxplus.New(faxplus.Config{
		HTTP: http.DefaultClient, Commit: commit, BaseURL: srv.URL,
		Token: func(context.Context) (string, error) { return "t", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// cutConn breaks after left written bytes, as a pulled cable does.
type cutConn struct {
	net.Conn
	left int
}

func (c *cutConn) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	n, err := c.Conn.Write(p[:n])
	c.left -= n
	if err == nil && n < len(p) {
		c.Close()
		err = &net.OpError{Op: "write", Net: "tcp", Err: errors.New("broken pipe")}
	}
	return n, err
}

// cutting starts a service that reads a whole request and closes.
func cutting(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return "http://" + ln.Addr().String()
}

func TestAnswersAreBounded(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.CopyN(w, zeros{}, faxplus.MaxAnswer+2)
	}))
	defer srv.Close()
	if _, err := client(t, srv.URL).Outbox(t.Context()); !errors.Is(err, faxplus.ErrTooLarge) {
		t.Errorf("Outbox = %v; want ErrTooLarge", err)
	}
	if _, err := client(t, srv.URL).Upload(t.Context(), document("x")); !errors.Is(err, faxplus.ErrTooLarge) {
		t.Errorf("Upload = %v; want ErrTooLarge", err)
	}
}

// history serves n faxes, spaced by step, newest first or oldest first.
func history(t *testing.T, n int, step time.Duration, oldestFirst bool) (url string, calls *atomic.Int32, from, to faxplus.Time) {
	t.Helper()
	start := at("2026-09-24 06:00:00")
	calls = new(atomic.Int32)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		q, err := faxplus.ParseQuery(r.URL.Query())
		if err != nil {
			t.Error(err)
		}
		var list faxplus.FaxList
		for i := range n {
			k := i
			if !oldestFirst {
				k = n - 1 - i
			}
			when := start.Add(time.Duration(k) * step)
			// Exclusive on both sides: the harder reading of the reference.
			if when.After(q.After.Time) && when.Before(q.Before.Time) && len(list.Data.Records) < q.Limit {
				list.Data.Records = append(list.Data.Records, faxplus.FaxRecord{ID: fmt.Sprint(k), SubmitTime: faxplus.Time{Time: when}})
			}
		}
		_ = json.NewEncoder(w).Encode(list)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, calls, faxplus.Time{Time: start.Add(-time.Second)}, faxplus.Time{Time: start.Add(time.Duration(n)*step + time.Second)}
}

func TestAllFaxesFindsEveryFaxInAnyOrder(t *testing.T) {
	for _, n := range []int{0, 1, 49, 50, 51, 333} {
		for _, oldestFirst := range []bool{false, true} {
			url, calls, from, to := history(t, n, 3*time.Second, oldestFirst)
			list, err := client(t, url).AllFaxes(t.Context(), faxplus.Query{After: from, Before: to})
			ids := map[string]bool{}
			for _, r := range list {
				ids[r.ID] = true
			}
			if err != nil || len(list) != n || len(ids) != n {
				t.Errorf("%d faxes, oldest first %v: %d records, %d ids, %v after %d calls", n, oldestFirst, len(list), len(ids), err, calls.Load())
			}
		}
	}
}

func TestAllFaxesNeverHidesThatItIsIncomplete(t *testing.T) {
	url, _, from, to := history(t, 60, 0, false)
	if list, err := client(t, url).AllFaxes(t.Context(), faxplus.Query{After: from, Before: to}); !errors.Is(err, faxplus.ErrTruncated) {
		t.Errorf("60 faxes in one second: %d records, %v; want ErrTruncated", len(list), err)
	}
}

func TestNewRefuses(t *testing.T) {
	token := func(context.Context) (string, error) { return "", nil }
	for name, cfg := range map[string]faxplus.Config{
		"no commit client": {HTTP: http.DefaultClient, Token: token},
		"no token":         {HTTP: http.DefaultClient, Commit: http.DefaultClient},
		"user with slash":  {HTTP: http.DefaultClient, Commit: http.DefaultClient, Token: token, User: "../x"},
		"base with query":  {HTTP: http.DefaultClient, Commit: http.DefaultClient, Token: token, BaseURL: "https://x/?a=b"},
		"base not a URL":   {HTTP: http.DefaultClient, Commit: http.DefaultClient, Token: token, BaseURL: "fax"},
	} {
		if _, err := faxplus.New(cfg); err == nil {
			t.Errorf("New with %s: no error", name)
		}
	}
}
