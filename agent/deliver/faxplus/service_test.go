package faxplus_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/deliver/faxplus"
	"github.com/platen-fax/platen/agent/deliver/servicetest"
	"github.com/platen-fax/platen/agent/job"
	wire "github.com/platen-fax/platen/protocols/faxplus"
	"github.com/platen-fax/platen/simulator/faxcloud"
)

const (
	token = "alohi_pat_test"
	from  = "+15145550100"
	// sendTime is on the clock of the test, which stands still by itself.
	sendTime = 10 * time.Second
)

// numbers gives every documented final state a number.
func numbers() map[wire.Status]string {
	out := make(map[wire.Status]string)
	for i, s := range wire.FinalStatuses() {
		out[s] = fmt.Sprintf("+1514555%04d", 200+i)
	}
	return out
}

const endless = "+15145559999"

// world is a counterpart on loopback with an account and a rule per state.
type world struct {
	cloud *faxcloud.Cloud
	clock *servicetest.Clock
	roots *x509.CertPool
	url   string
}

func openWorld(t *testing.T) *world {
	t.Helper()
	w := &world{clock: servicetest.NewClock(time.Date(2026, 9, 24, 6, 43, 4, 0, time.UTC))}
	o := faxcloud.Options{
		Dir: t.TempDir(), Now: w.clock.Now, SendTime: sendTime,
		Accounts: []faxcloud.Account{{User: "53a1", Numbers: []string{from}}},
		Tokens:   []faxcloud.Token{{Value: token, User: "53a1", Scopes: []string{faxcloud.ScopeFaxRead, faxcloud.ScopeFaxEdit, faxcloud.ScopeFileEdit}}},
		Rules:    []faxcloud.Rule{{Prefix: endless, Outcome: faxcloud.Hang}},
	}
	for s, number := range numbers() {
		if s != wire.Success {
			o.Rules = append(o.Rules, faxcloud.Rule{Prefix: number, Outcome: faxcloud.Failed, Reason: string(s)})
		}
	}
	var err error
	if w.cloud, err = faxcloud.New(o); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	roots, cert := servicetest.Authority(t)
	w.roots, w.url = roots, "https://"+ln.Addr().String()+"/v3"
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.cloud.Serve(ctx, ln, &tls.Config{Certificates: []tls.Certificate{cert}}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return w
}

func (w *world) service(t *testing.T, url string, clients deliver.Clients) *faxplus.Service {
	t.Helper()
	t.Cleanup(clients.CloseIdle)
	s, err := faxplus.New(faxplus.Options{
		ID: "main", BaseURL: url, From: from, Clients: clients, Settle: time.Minute, Now: w.clock.Now,
		Token: func(context.Context) (string, error) { return token, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// document is two small pages coded by libtiff.
func document(t *testing.T) deliver.Document {
	t.Helper()
	data, err := os.ReadFile("../../../simulator/faxcloud/testdata/small.tif")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return deliver.Document{
		Name: "fax.tif", MIME: "image/tiff", Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:]), Pages: 2,
		Open: func(off int64) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data[off:])), nil },
	}
}

// breaking breaks connections after some bytes of the request.
func (w *world) breaking(t *testing.T) deliver.Clients {
	t.Helper()
	clients := deliver.NewClients(deliver.ClientOptions{Roots: w.roots})
	clients.Commit = &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			var d net.Dialer
			raw, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			conn := tls.Client(raw, &tls.Config{RootCAs: w.roots, MinVersion: tls.VersionTLS12, ServerName: "127.0.0.1"})
			return &cutConn{Conn: conn, raw: raw, left: 300}, nil
		},
	}}
	return clients
}

// cutConn breaks after left written bytes, without the good-bye of TLS, as a
// pulled cable does.
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

var ops = map[servicetest.Op][]faxcloud.Op{
	servicetest.Upload: {faxcloud.OpUpload},
	servicetest.Submit: {faxcloud.OpSend},
	servicetest.List:   {faxcloud.OpList, faxcloud.OpGet},
	servicetest.Cancel: {faxcloud.OpDelete},
}

func (w *world) fail(t *testing.T, op servicetest.Op, f servicetest.Failure) {
	t.Helper()
	fault := faxcloud.Fault{Op: ops[op][0], Action: faxcloud.Cut, Stage: faxcloud.Body, Code: f.Code, RetryAfter: f.RetryAfter}
	if f.After {
		fault.Stage = faxcloud.Effect
	}
	switch {
	case f.Stall:
		fault.Action = faxcloud.Stall
	case f.Code != 0:
		fault.Action = faxcloud.Answer
	}
	if err := w.cloud.Inject(fault); err != nil {
		t.Fatal(err)
	}
}

func openRig(t *testing.T) servicetest.Rig {
	t.Helper()
	w := openWorld(t)
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing.Close()
	clients := deliver.NewClients(deliver.ClientOptions{Roots: w.roots})
	return servicetest.Rig{
		Service:     w.service(t, w.url, clients),
		Unreachable: w.service(t, "https://"+refusing.Addr().String(), clients),
		Breaking:    w.service(t, w.url, w.breaking(t)),
		Fax: func(t *testing.T, key string, _ deliver.Format) deliver.Fax {
			return deliver.Fax{Key: key, To: numbers()[wire.Success], Grant: job.Grant{Kind: job.GrantAccount}, Document: document(t), Since: w.clock.Now()}
		},
		Outcomes: outcomes(),
		Endless:  endless,
		Fail:     w.fail,
		Requests: func(op servicetest.Op) int {
			n := 0
			for _, o := range ops[op] {
				n += w.cloud.Calls(o)
			}
			return n
		},
		Received: func(key string) []servicetest.Received {
			var out []servicetest.Received
			for _, e := range w.cloud.Ledger() {
				if e.Key == key {
					out = append(out, servicetest.Received{To: e.To, SHA256: e.SHA256})
				}
			}
			return out
		},
		Lag:      func(d time.Duration) { w.cloud.Tune(faxcloud.Tune{ListLag: &d}) },
		Pass:     w.clock.Pass,
		Finish:   func() { w.clock.Pass(sendTime) },
		TooLate:  func() { w.clock.Pass(sendTime / 2) },
		HideKeys: func() { hide := true; w.cloud.Tune(faxcloud.Tune{HideComments: &hide}) },
		Revoke:   func() { w.cloud.RevokeToken(token) },
	}
}

// outcomes says what each documented state must become.
func outcomes() []servicetest.Outcome {
	reasons := map[wire.Status]job.Reason{
		wire.PartiallySent:                 job.ReasonLineDrop,
		wire.InsufficientCredit:            job.ReasonCredit,
		wire.Failed:                        job.ReasonUnknown,
		wire.FailedInternalProcessError:    job.ReasonService,
		wire.FailedUserBusy:                job.ReasonBusy,
		wire.FailedNoAnswer:                job.ReasonNoAnswer,
		wire.FailedUnallocatedNumber:       job.ReasonBadNumber,
		wire.FailedOfficeConverterIssue:    job.ReasonDocumentRejected,
		wire.FailedSeparateFilePagesIssue:  job.ReasonDocumentRejected,
		wire.FailedRenderHeaderIssue:       job.ReasonService,
		wire.FailedInvalidNumberFormat:     job.ReasonBadNumber,
		wire.FailedMimetypeNotSupported:    job.ReasonDocumentRejected,
		wire.FailedDestinationNotSupported: job.ReasonNotAllowed,
		wire.FailedImagePreparation:        job.ReasonDocumentRejected,
		wire.FailedToSend:                  job.ReasonService,
		wire.FailedNormalTemporaryFailure:  job.ReasonService,
		wire.FailedUnknownConverterIssue:   job.ReasonDocumentRejected,
		wire.FailedNormalClearing:          job.ReasonLineDrop,
		wire.FailedConvertToTIFFIssue:      job.ReasonDocumentRejected,
		wire.FailedFS49:                    job.ReasonLineDrop,
		wire.FailedFS2:                     job.ReasonNotAFax,
	}
	var out []servicetest.Outcome
	for s, number := range numbers() {
		want := deliver.Status{State: job.DeliveryFailed, Reason: reasons[s], Code: string(s)}
		switch s {
		case wire.Success:
			want.State, want.Pages = job.Sent, 2
		case wire.PartiallyReceived:
			want.State = job.Unknown
		}
		out = append(out, servicetest.Outcome{To: number, Want: want})
	}
	return out
}

func TestService(t *testing.T) { servicetest.Service(t, openRig) }
