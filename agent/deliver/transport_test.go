package deliver

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// TestCommitTransport checks what a committing request may never do: go over a
// kept connection, follow a redirect, or hide whether it was written.
func TestCommitTransport(t *testing.T) {
	var conns, posts atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		posts.Add(1)
		if r.URL.Path == "/redirect" {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			return
		}
		drain(r)
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	c := NewClients(ClientOptions{})
	defer c.CloseIdle()
	for range 3 {
		resp, err := c.Commit.Post(srv.URL+"/", "text/plain", bytes.NewReader([]byte("x")))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if conns.Load() != 3 {
		t.Errorf("3 requests over %d connections, want 3", conns.Load())
	}
	resp, err := c.Commit.Post(srv.URL+"/redirect", "text/plain", bytes.NewReader([]byte("x")))
	if err != nil || resp.StatusCode != http.StatusTemporaryRedirect || posts.Load() != 4 {
		t.Errorf("redirect = %v, %v after %d posts; want the 307 itself", resp, err, posts.Load())
	}
	resp.Body.Close()
}

// TestNotWritten tells a request that cannot have been taken from one that can.
func TestNotWritten(t *testing.T) {
	c := NewClients(ClientOptions{})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	err = fails(c.Commit.Post("http://"+closed.Addr().String(), "text/plain", bytes.NewReader([]byte("x"))))
	if !errors.Is(err, ErrNotWritten) || verdict(err) != NotTaken {
		t.Errorf("refused connection: %v (%s), want not taken", err, verdict(err))
	}

	// A body that breaks off half-way was declared longer than it came.
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { drain(r) }))
	defer srv.Close()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, io.MultiReader(bytes.NewReader(make([]byte, 100)), failing{}))
	req.ContentLength = 200
	if err = fails(c.Commit.Do(req)); verdict(err) != NotTaken {
		t.Errorf("half a body: %v (%s), want not taken", err, verdict(err))
	}

	// The whole request was read and the connection then cut: nobody knows.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		buf := make([]byte, 4096)
		for n := 0; !bytes.Contains(buf[:n], []byte("body!")); {
			m, err := conn.Read(buf[n:])
			if err != nil {
				break
			}
			n += m
		}
		conn.Close()
	}()
	err = fails(c.Commit.Post("http://"+ln.Addr().String(), "text/plain", bytes.NewReader([]byte("body!"))))
	if err == nil || verdict(err) != Ambiguous {
		t.Errorf("cut after the body: %v (%s), want ambiguous", err, verdict(err))
	}

	// Without a length nothing could be said, so it is not even begun.
	req, _ = http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, io.MultiReader(bytes.NewReader([]byte("x"))))
	req.ContentLength = -1
	if err = fails(c.Commit.Do(req)); verdict(err) != NotTaken {
		t.Errorf("no declared length: %v, want not taken", err)
	}
}

// fails returns the error of a request that should have none but an error.
func fails(resp *http.Response, err error) error {
	if err == nil {
		resp.Body.Close()
	}
	return err
}

// drain reads a request whole; what breaks on the way is the client's to see.
func drain(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the file ends here") }
