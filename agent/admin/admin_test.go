package admin_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/admin"
	"github.com/platen-fax/platen/agent/job"
	"github.com/platen-fax/platen/agent/spool"
)

// serve starts a server at path and returns how to end it.
func serve(t *testing.T, s *admin.Server, path string) (stop func()) {
	t.Helper()
	l, err := admin.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	stop = func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Serve = %v", err)
			}
			done <- err
		case <-time.After(10 * time.Second):
			t.Error("Serve did not end with its context")
		}
	}
	t.Cleanup(stop)
	return stop
}

func TestSocket(t *testing.T) {
	tests := []struct{ name, dir string }{
		{"short", ""},
		{"longer than a socket address", strings.Repeat("deep/", 30)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), tt.dir)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "admin.sock")
			c := admin.NewClient(path)
			if _, err := c.Version(t.Context()); !errors.Is(err, admin.ErrNotRunning) {
				t.Errorf("Version without an agent = %v; want ErrNotRunning", err)
			}
			stop := serve(t, admin.New(admin.Options{Version: "1.2.0"}), path)
			if v, err := c.Version(t.Context()); v != "1.2.0" || err != nil {
				t.Errorf("Version = %q, %v", v, err)
			}
			if st, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
				t.Errorf("socket %v, %v; want mode 0600", st.Mode(), err)
			}
			if _, err := admin.Listen(path); !errors.Is(err, admin.ErrRunning) {
				t.Errorf("second Listen = %v; want ErrRunning", err)
			}
			stop()
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("socket after the end: %v; want it gone", err)
			}
		})
	}
}

func TestSocketLeftByACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
	if _, err := admin.NewClient(path).Version(t.Context()); !errors.Is(err, admin.ErrNotRunning) {
		t.Errorf("Version at a dead socket = %v; want ErrNotRunning", err)
	}
	serve(t, admin.New(admin.Options{Version: "1"}), path)
	if _, err := admin.NewClient(path).Version(t.Context()); err != nil {
		t.Errorf("Version = %v", err)
	}
}

func TestListenKeepsOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Listen(path); err == nil {
		t.Error("Listen took the place of a file")
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("file is now %q, %v", b, err)
	}
}

// broken is a spool that answers everything with one error.
type broken struct {
	admin.Spool
	err error
}

func (b broken) Get(context.Context, job.ID) (*job.Job, error) { return nil, b.err }

func (b broken) List(context.Context, spool.Filter, job.ID, int) ([]*job.Job, job.ID, error) {
	return nil, "", b.err
}

func TestRefusals(t *testing.T) {
	json := "application/json"
	tests := []struct {
		name, method, path, mime, body string
		err                            error
		code                           int
		says                           string
	}{
		{"browser form", "POST", "/v1/reload", "application/x-www-form-urlencoded", "", nil, 400, "Content-Type"},
		{"no reload", "POST", "/v1/reload", json, "", nil, 503, "not available"},
		{"no services", "GET", "/v1/services", "", "", nil, 503, "not available"},
		{"limit", "GET", "/v1/jobs?limit=900", "", "", nil, 400, "1 to 200"},
		{"unknown field", "POST", "/v1/jobs/4F7K/retry", json, `{"recipients":1}`, nil, 400, "recipients"},
		{"endless body", "POST", "/v1/jobs/4F7K/retry", json, `{"by":"` + strings.Repeat("x", 1<<20), nil, 400, "too large"},
		{"no such job", "GET", "/v1/jobs/4F7K", "", "", spool.ErrNotFound, 404, "no such job"},
		{"spool unsure", "GET", "/v1/jobs", "", "", spool.ErrUnavailable, 503, "ask again"},
		{"something else", "GET", "/v1/jobs", "", "", errors.New("bang"), 500, "bang"},
		{"no such page", "GET", "/v2/jobs", "", "", nil, 404, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := admin.New(admin.Options{Spool: broken{err: tt.err}})
			r := httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.mime)
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.says) {
				t.Errorf("%s %s = %d %s; want %d with %q", tt.method, tt.path, w.Code, w.Body, tt.code, tt.says)
			}
		})
	}
}

func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	bad := errors.New("platen.yaml:3: site.country: want a country")
	answers := make(chan error, 2)
	serve(t, admin.New(admin.Options{Reload: func(context.Context) error { return <-answers }}), path)
	answers <- nil
	if err := admin.NewClient(path).Reload(t.Context()); err != nil {
		t.Errorf("Reload = %v", err)
	}
	answers <- bad
	err := admin.NewClient(path).Reload(t.Context())
	var refused *admin.Error
	if !errors.As(err, &refused) || refused.Code != admin.CodeConflict || !strings.Contains(refused.Text, bad.Error()) {
		t.Errorf("Reload = %v; want the problem", err)
	}
}

func TestClientOfSomethingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Second}
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(ln) }() //nolint:errcheck // ends by Close
	t.Cleanup(func() { s.Close(); <-done })
	if _, err := admin.NewClient(path).Version(t.Context()); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("Version = %v; want the strange answer", err)
	}
}
