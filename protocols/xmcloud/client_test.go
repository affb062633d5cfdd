package xmcloud_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/protocols/xmcloud"
)

func TestNewRefuses(t *testing.T) {
	hc := &http.Client{}
	for name, cfg := range map[string]xmcloud.Config{
		"no clients":            {Endpoint: "https://x", Account: "acme"},
		"plain http":            {HTTP: hc, Commit: hc, Endpoint: "http://x", Account: "acme"},
		"a user in the address": {HTTP: hc, Commit: hc, Endpoint: "https://a:b@x", Account: "acme"},
		"a query":               {HTTP: hc, Commit: hc, Endpoint: "https://x?a=b", Account: "acme"},
		"account of one letter": {HTTP: hc, Commit: hc, Endpoint: "https://x", Account: "a"},
		"account with a slash":  {HTTP: hc, Commit: hc, Endpoint: "https://x", Account: "a/b"},
	} {
		if _, err := xmcloud.New(cfg); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := xmcloud.New(xmcloud.Config{HTTP: hc, Commit: hc, Endpoint: "https://x/region/", Account: "ab"}); err != nil {
		t.Errorf("an account of two letters: %v", err)
	}
}

func TestPortalIsBelievedOnlyAmongConfiguredHosts(t *testing.T) {
	for name, tt := range map[string]struct {
		host string
		want error
	}{
		"another host":    {"https://portal.evil.example/", xmcloud.ErrForeignHost},
		"another port":    {"https://127.0.0.1:1/", xmcloud.ErrForeignHost},
		"plain http":      {"http://127.0.0.1/", xmcloud.ErrWire},
		"nothing":         {" ", xmcloud.ErrWire},
		"a login page":    {"<html>", xmcloud.ErrWire},
		"a page too long": {strings.Repeat("x", 600), xmcloud.ErrTooLarge},
	} {
		s := serve(t, 200, golden(t, "user_token_answer.json"))
		s.host = tt.host
		_, err := s.client(t).Login(t.Context(), xmcloud.Login{Username: "ann", Password: []byte("x"), Application: "mfp", Terminal: desk})
		if !errors.Is(err, tt.want) || !errors.Is(err, xmcloud.ErrNotSent) || s.calls != 0 {
			t.Errorf("%s: %v after %d requests; want %v and no password sent", name, err, s.calls, tt.want)
		}
	}
}

func TestPortalIsAskedForOnce(t *testing.T) {
	asked := 0
	srv := httptest.NewTLSServer(nil)
	t.Cleanup(srv.Close)
	srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/services/") {
			asked++
			_, _ = io.WriteString(w, srv.URL+"/portal")
			return
		}
		if r.URL.Path != "/portal/"+xmcloud.PathAccount {
			t.Errorf("path %s", r.URL.Path)
		}
		_, _ = io.WriteString(w, `{"result":true,"account":"acme","region":"eu"}`)
	})
	hc := srv.Client()
	c, err := xmcloud.New(xmcloud.Config{HTTP: hc, Commit: hc, Endpoint: srv.URL, Account: "acme", Token: func(context.Context) (string, error) { return "SERVICE|x", nil }})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := c.Account(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c.Forget()
	if _, err := c.Account(t.Context()); err != nil || asked != 2 {
		t.Errorf("%v after %d discoveries; want 2", err, asked)
	}
}

// TestCommitTellsWhatCannotHaveArrived breaks the commit at different places.
func TestCommitTellsWhatCannotHaveArrived(t *testing.T) {
	s := serve(t, 200, golden(t, "fax_answer.json"))
	healthy := s.client(t)
	if _, err := healthy.Portal(t.Context()); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	for name, tt := range map[string]struct {
		trip    func(*http.Request) (*http.Response, error)
		notSent bool
	}{
		"nobody there": {func(r *http.Request) (*http.Response, error) {
			var d net.Dialer
			_, err := d.DialContext(r.Context(), "tcp", ln.Addr().String())
			return nil, err
		}, true},
		"half the body": {func(r *http.Request) (*http.Response, error) {
			_, _ = io.ReadFull(r.Body, make([]byte, 60))
			return nil, errors.New("connection reset")
		}, true},
		"a failed write": {func(r *http.Request) (*http.Response, error) {
			_, _ = io.ReadAll(r.Body)
			return nil, &net.OpError{Op: "write", Err: errors.New("broken pipe")}
		}, true},
		"the whole body": {func(r *http.Request) (*http.Response, error) {
			_, _ = io.ReadAll(r.Body)
			return nil, errors.New("connection reset")
		}, false},
	} {
		c, err := xmcloud.New(xmcloud.Config{
			HTTP: s.Client(), Commit: &http.Client{Transport: trip(tt.trip)}, Endpoint: s.URL, Account: "acme",
			Token: func(context.Context) (string, error) { return "SERVICE|6f1c", nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Commit(t.Context(), "8c1f0a77", commit()); err == nil || errors.Is(err, xmcloud.ErrNotSent) != tt.notSent {
			t.Errorf("%s: %v; want not sent %v", name, err, tt.notSent)
		}
	}
	if s.calls != 0 {
		t.Errorf("%d requests arrived", s.calls)
	}
}

type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.GetBody != nil {
		return nil, errors.New("the request could be sent again")
	}
	return f(r)
}

func TestErrorsQuoteNothing(t *testing.T) {
	s := serve(t, 400, `{"result":false,"code":"bad_number","message":"+15145550123 of ann@acme.example"}`)
	_, err := s.client(t).Create(t.Context(), create())
	if err == nil || strings.Contains(err.Error(), "5145550123") || strings.Contains(err.Error(), "ann@") {
		t.Errorf("error %v", err)
	}
	if _, err := xmcloud.ParseTicket([]byte(`{"ticket":"TICKET|secret"}`)); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("ticket error %v", err)
	}
}

func TestEndTokenOfAnEndedSession(t *testing.T) {
	for code, ok := range map[string]bool{"invalid_token": true, "token_expired": true, "user_inactive": true, "not_permitted": false} {
		s := serve(t, 401, `{"result":false,"code":"`+code+`"}`)
		if err := s.client(t).EndToken(t.Context(), "USER|x"); (err == nil) != ok {
			t.Errorf("%s: %v; want fine %v", code, err, ok)
		}
	}
}

func TestVerificationPageMustBeThePortals(t *testing.T) {
	s := serve(t, 200, strings.ReplaceAll(golden(t, "device_answer.json"), "https://HOST/d/", "https://evil.example/d/"))
	if _, err := s.client(t).StartDevice(t.Context(), desk); !errors.Is(err, xmcloud.ErrForeignHost) {
		t.Errorf("StartDevice: %v; want %v", err, xmcloud.ErrForeignHost)
	}
}

func TestFoldCode(t *testing.T) {
	for in, want := range map[string]string{
		"WDJB-MJHT": "WDJB-MJHT", "wdjbmjht": "WDJB-MJHT", " wdjb mjht ": "WDJB-MJHT", "WD.JB_MJ-HT": "WDJB-MJHT",
		"WDJBMJH": "", "WDJBMJHTT": "", "ADJB-MJHT": "", "": "", "WDJB-MJHT\x00": "", strings.Repeat("-", 65) + "WDJBMJHT": "",
	} {
		if got, ok := xmcloud.FoldCode(in); got != want || ok != (want != "") {
			t.Errorf("FoldCode(%q) = %q, %v; want %q", in, got, ok, want)
		}
	}
}

func TestTicketRoundTrip(t *testing.T) {
	in := xmcloud.Ticket{Ticket: "TICKET|11aa", DeviceID: "front-desk", Job: "j7"}
	if out, err := xmcloud.ParseTicket(in.Encode()); err != nil || out != in {
		t.Errorf("ParseTicket = %+v, %v; want %+v", out, err, in)
	}
}

func TestStatusRefusesTooManyAtOnce(t *testing.T) {
	s := serve(t, 200, `{"result":true,"faxes":[]}`)
	ids := make([]string, xmcloud.MaxBatch+1)
	for i := range ids {
		ids[i] = "x"
	}
	if _, err := s.client(t).Status(t.Context(), ids); !errors.Is(err, xmcloud.ErrTooLarge) || s.calls != 0 {
		t.Errorf("Status of %d: %v after %d requests", len(ids), err, s.calls)
	}
}

func TestCallsEndWithTheirContext(t *testing.T) {
	s := serve(t, 200, golden(t, "fax_answer.json"))
	c := s.client(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if _, err := c.Commit(ctx, "8c1f0a77", commit()); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, xmcloud.ErrNotSent) {
		t.Errorf("Commit: %v; want it not sent for lack of time", err)
	}
}
