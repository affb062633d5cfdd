package xmcloud_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/signin"
	"github.com/platen-fax/platen/agent/signin/xmcloud"
	wire "github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/faxcloud"
)

// at is a Cloud of an endpoint.
func at(t *testing.T, endpoint string, clients deliver.Clients) *xmcloud.Cloud {
	t.Helper()
	c, err := wire.New(wire.Config{
		HTTP: clients.API, Commit: clients.Commit, Endpoint: endpoint, Account: "acme",
		Token: func(context.Context) (string, error) { return connector, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return xmcloud.New(xmcloud.Options{Service: "main", Client: c, Now: func() time.Time { return begin }})
}

// served is a Cloud of a server that answers as h does, behind a portal that is
// found.
func served(t *testing.T, h http.HandlerFunc) *xmcloud.Cloud {
	t.Helper()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if strings.HasSuffix(r.URL.Path, "/portal/host") {
			_, _ = io.WriteString(w, "https://"+r.Host+"/")
			return
		}
		h(w, r)
	}))
	t.Cleanup(srv.Close)
	return at(t, srv.URL, clientsFor(t, srv))
}

// answering gives one answer to everything.
func answering(t *testing.T, status int, body string) *xmcloud.Cloud {
	t.Helper()
	return served(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

// answeringAs gives an answer by path and counts what is given back.
func answeringAs(t *testing.T, answers map[string]string, ended *int) *xmcloud.Cloud {
	t.Helper()
	return served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			*ended++
			_, _ = io.WriteString(w, `{"result":true}`)
			return
		}
		_, _ = io.WriteString(w, answers[r.URL.Path])
	})
}

// attempts are the calls of a Cloud that ask the service, by what they ask.
func attempts(in *xmcloud.Cloud) map[string]func(context.Context) error {
	a := signin.Attempt{Terminal: frontDesk, Name: annsMail, Secret: []byte(annsWord)}
	return map[string]func(context.Context) error{
		"discover": func(ctx context.Context) error { _, err := in.Discover(ctx, annsMail); return err },
		"login":    func(ctx context.Context) error { a.Discovery = own; _, err := in.Login(ctx, a); return err },
		"brokered": func(ctx context.Context) error {
			b := a
			b.Discovery = signin.Discovery{Account: signin.AccountWSTrust}
			_, err := in.Login(ctx, b)
			return err
		},
		"assert": func(ctx context.Context) error {
			_, err := in.Assert(ctx, frontDesk, false, []byte("<a/>"))
			return err
		},
		"device": func(ctx context.Context) error { _, err := in.StartDevice(ctx, frontDesk); return err },
		"poll":   func(ctx context.Context) error { _, _, _, err := in.PollDevice(ctx, "code", frontDesk); return err },
	}
}

func passwordWay(name string) bool { return name == "login" || name == "brokered" }

// codes reads the words of the contract out of its source, so that a new one
// cannot be forgotten here.
func codes(t *testing.T) map[string]wire.Code {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../../../protocols/xmcloud/error.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]wire.Code)
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := v.Type.(*ast.Ident); !ok || id.Name != "Code" {
			return true
		}
		for i, name := range v.Names {
			s, err := strconv.Unquote(v.Values[i].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			out[name.Name] = wire.Code(s)
		}
		return true
	})
	if len(out) < 50 {
		t.Fatalf("%d words of the contract were found", len(out))
	}
	return out
}

// TestEveryWordHasAMeaning: none of the contract is left to its status. The status
// used here means that the service is down, so a word that is not known would too.
func TestEveryWordHasAMeaning(t *testing.T) {
	want := map[wire.Code]signin.Problem{
		wire.BadCredentials: signin.BadCredentials, wire.Locked: signin.Locked, wire.OTPRequired: signin.CodeNeeded,
		wire.OTPInvalid: signin.CodeWrong, wire.OTPSetupRequired: signin.CodeSetup, wire.PasswordExpired: signin.PasswordExpired,
		wire.MustChange: signin.MustChange, wire.PasswordDisabled: signin.PasswordDisabled, wire.NotActivated: signin.NotActivated,
		wire.EmailRequired: signin.EmailNeeded, wire.SSOInteractiveRequired: signin.PhoneOnly, wire.AccountUnknown: signin.ServiceConfig,
		wire.STSNotAllowed: signin.ServiceMayNotAsk, wire.STSUnreachable: signin.ServiceCannotReach, wire.RateLimited: signin.TooManyTries,
		wire.BadSignature: signin.CompanyConfig, wire.UnknownIssuer: signin.CompanyConfig, wire.WrongAudience: signin.CompanyConfig,
		wire.WrongRecipient: signin.CompanyConfig, wire.AssertionOld: signin.Clock, wire.NotYetValid: signin.Clock,
		wire.NoEmail: signin.NoAddress, wire.CertificateOld: signin.CompanyConfig, wire.UserUnknown: signin.PersonUnknown,
		wire.UserInactive: signin.PersonDisabled, wire.UserNotAllowed: signin.NotAllowed, wire.SSODisabled: signin.CompanyConfig,
		wire.ForeignTenant: signin.ForeignTenant, wire.DeviceNotListed: signin.ServiceConfig, wire.InvalidClient: signin.ServiceConfig,
		wire.InvalidToken: signin.ServiceConfig, wire.TokenExpired: signin.ServiceConfig, // no token of a person was shown
		wire.AccessDenied: signin.Declined, wire.ExpiredToken: signin.CodeExpired,
	}
	// Told apart before or after the password was looked at: not an attempt.
	spared := map[wire.Code]bool{
		wire.OTPRequired: true, wire.EmailRequired: true, wire.SSOInteractiveRequired: true, wire.STSNotAllowed: true,
		wire.AccountUnknown: true, wire.UnknownIssuer: true, wire.NotYetValid: true,
	}
	counted := map[wire.Code]bool{
		wire.BadCredentials: true, wire.Locked: true, wire.OTPInvalid: true, wire.PasswordExpired: true, wire.STSUnreachable: true,
		wire.PasswordDisabled: true, wire.RateLimited: true, wire.UserInactive: true,
	}
	for name, code := range codes(t) {
		in := answering(t, http.StatusServiceUnavailable, fmt.Sprintf(`{"result":false,"code":%q,"message":"Ann Lee","retry_after":90}`, code))
		err := attempts(in)["brokered"](t.Context())
		r, ok := errors.AsType[*signin.Refused](err)
		if !ok || r.Problem == signin.ServiceDown {
			t.Errorf("%s: %v; want a meaning of its own", name, err)
			continue
		}
		if w := want[code]; w != "" && r.Problem != w {
			t.Errorf("%s: %s; want %s", name, r.Problem, w)
		}
		if (spared[code] && r.Spent) || (counted[code] && !r.Spent) {
			t.Errorf("%s: spent %v", name, r.Spent)
		}
		until := time.Time{}
		if code == wire.Locked || code == wire.RateLimited {
			until = begin.Add(90 * time.Second)
		}
		if !r.Until.Equal(until) || r.Support != string(code) {
			t.Errorf("%s: until %v, support code %q; want %v and the word", name, r.Until, r.Support, until)
		}
		portal := code == wire.OTPSetupRequired || code == wire.PasswordExpired || code == wire.MustChange
		if strings.HasPrefix(r.URL, "https://") != portal {
			t.Errorf("%s: address %q", name, r.URL)
		}
		if strings.Contains(err.Error(), "Ann") {
			t.Errorf("%s: %v repeats the service's message", name, err)
		}
	}
}

// TestAnswersWithoutAWord are of gateways, or of another server.
func TestAnswersWithoutAWord(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		want   signin.Problem
	}{
		{500, "", signin.ServiceDown},
		{502, "<html>Bad gateway</html>", signin.ServiceDown},
		{503, `{"result":false,"code":"Ann@acme.example"}`, signin.ServiceDown},
		{429, "", signin.TooManyTries},
		{401, "", signin.ServiceConfig},
		{403, `{"result":false,"code":"new_rule"}`, signin.ServiceConfig},
		{404, "", signin.ServiceConfig},
		{302, "", signin.Broken},
		{418, "", signin.Broken},
		{200, "<html>Welcome</html>", signin.Broken},
		{200, "null", signin.Broken},
		{200, `{"result":false}`, signin.Broken},
	} {
		in := answering(t, tt.status, tt.body)
		for name, try := range attempts(in) {
			err := try(t.Context())
			r, ok := errors.AsType[*signin.Refused](err)
			if !ok || r.Problem != tt.want || r.Spent != passwordWay(name) {
				t.Errorf("%s answered with %d %s: %v (spent %v); want %s", name, tt.status, tt.body, err, ok && r.Spent, tt.want)
			}
			if strings.Contains(strings.ToLower(fmt.Sprint(err, r)), "acme.example") {
				t.Errorf("%s answered with %d %s: %v names a person", name, tt.status, tt.body, err)
			}
		}
	}
}

// TestServiceThatCannotBeReached: nothing left, so nothing was spent, and the error
// names nobody.
func TestServiceThatCannotBeReached(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	clients := deliver.NewClients(deliver.ClientOptions{})
	t.Cleanup(clients.CloseIdle)
	for name, try := range attempts(at(t, "https://"+ln.Addr().String(), clients)) {
		err := try(t.Context())
		r, ok := errors.AsType[*signin.Refused](err)
		if !ok || r.Problem != signin.ServiceDown || r.Spent || strings.Contains(err.Error(), "acme") {
			t.Errorf("%s: %v (spent %v); want %s, not spent, nobody named", name, err, ok && r.Spent, signin.ServiceDown)
		}
	}
}

// TestUntrustedServiceGetsNoPassword: its certificate is of somebody else.
func TestUntrustedServiceGetsNoPassword(t *testing.T) {
	w := open(t, nil)
	clients := deliver.NewClients(deliver.ClientOptions{}) // trusts the system's authorities
	t.Cleanup(clients.CloseIdle)
	err := attempts(at(t, w.srv.URL, clients))["login"](t.Context())
	w.want(t, "a certificate nobody trusts", err, signin.ServiceDown, false)
	if s := w.bodies(); s != "" {
		t.Errorf("sent: %s", s)
	}
}

// cutConn breaks after left written bytes, without the good-bye of TLS.
type cutConn struct {
	net.Conn
	raw  net.Conn
	left int
}

func (c *cutConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p[:min(len(p), c.left)])
	c.left -= n
	if err == nil && n < len(p) {
		c.raw.Close()
		err = &net.OpError{Op: "write", Net: "tcp", Err: errors.New("broken pipe")}
	}
	return n, err
}

// TestAttemptThatNeverLeftIsNotSpent: the portal is known and answers, and then the
// line breaks before the attempt is through.
func TestAttemptThatNeverLeftIsNotSpent(t *testing.T) {
	w := open(t, nil)
	for name, left := range map[string]int{"no connection": -1, "broken within the request": 100} {
		clients := clientsFor(t, w.srv)
		clients.Commit = &http.Client{Transport: &http.Transport{
			DisableKeepAlives: true,
			DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if left < 0 {
					return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("no route to host")}
				}
				var d net.Dialer
				raw, err := d.DialContext(ctx, network, addr)
				if err != nil {
					return nil, err
				}
				conn := tls.Client(raw, w.srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone())
				return &cutConn{Conn: conn, raw: raw, left: left}, nil
			},
		}}
		in := at(t, w.srv.URL, clients)
		if _, err := in.Discover(t.Context(), annsMail); err != nil {
			t.Fatal(err)
		}
		before := w.asked(loginLine)
		for what, try := range attempts(in) {
			if what == "discover" {
				continue // goes another way
			}
			w.want(t, name+", "+what, try(t.Context()), signin.ServiceDown, false)
		}
		if n := w.asked(loginLine) - before; n != 0 {
			t.Errorf("%s: %d attempts reached the service", name, n)
		}
	}
}

// TestLostAnswerIsSpent: the service may have counted what it did not answer, even
// a success. Nothing is tried a second time.
func TestLostAnswerIsSpent(t *testing.T) {
	for _, stage := range []faxcloud.Stage{faxcloud.Body, faxcloud.Effect} {
		w := open(t, nil)
		w.ann(t, second) // the portal is known from here on
		before := w.asked(loginLine)
		if err := w.Inject(faxcloud.Fault{Service: faxcloud.XMCloud, Op: faxcloud.OpLogin, Action: faxcloud.Cut, Stage: stage}); err != nil {
			t.Fatal(err)
		}
		_, err := w.login(t, "ann", annsWord, "")
		w.want(t, string(stage), err, signin.ServiceDown, true)
		if n := w.asked(loginLine) - before; n != 1 {
			t.Errorf("%s: %d requests; want 1", stage, n)
		}
		if _, err := w.login(t, "ann", annsWord, ""); err != nil {
			t.Errorf("%s: the next attempt: %v", stage, err)
		}
	}
}

// TestPatienceEnds: an attempt that the service sits on ends with its context, and
// counts.
func TestPatienceEnds(t *testing.T) {
	w := open(t, nil)
	w.ann(t, second)
	if err := w.Inject(faxcloud.Fault{Service: faxcloud.XMCloud, Op: faxcloud.OpLogin, Action: faxcloud.Stall}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := attempts(w.in)["login"](ctx)
	w.want(t, "no answer", err, signin.ServiceDown, true)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v does not say that time ran out", err)
	}
}

// TestPortalThatMovedIsFoundAgain: after a failure to reach it, it is asked for.
func TestPortalThatMovedIsFoundAgain(t *testing.T) {
	w := open(t, nil)
	host := "GET /services/acme/portal/host"
	w.ann(t, frontDesk)
	w.ann(t, frontDesk)
	if n := w.asked(host); n != 1 {
		t.Errorf("the portal was asked for %d times; want once", n)
	}
	if err := w.Inject(faxcloud.Fault{Service: faxcloud.XMCloud, Op: faxcloud.OpLogin, Action: faxcloud.Cut}); err != nil {
		t.Fatal(err)
	}
	_, err := w.login(t, "ann", annsWord, "")
	w.want(t, "cut", err, signin.ServiceDown, true)
	w.ann(t, frontDesk)
	if n := w.asked(host); n != 2 {
		t.Errorf("the portal was asked for %d times; want twice", n)
	}
}

// TestRevokedConnectorIsNotThePersonsFault: it is for IT, and no word about a
// password.
func TestRevokedConnectorIsNotThePersonsFault(t *testing.T) {
	w := open(t, nil)
	w.XM().Revoke(connector)
	for _, name := range []string{"assert", "device", "poll"} {
		w.want(t, name, attempts(w.in)[name](t.Context()), signin.ServiceConfig, false)
	}
}
