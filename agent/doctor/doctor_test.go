package doctor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/doctor"
	"github.com/platen-fax/platen/agent/fleet"
	"github.com/platen-fax/platen/agent/seal"
	"github.com/platen-fax/platen/devices"
	"github.com/platen-fax/platen/devices/devicetest"
	"github.com/platen-fax/platen/simulator/broker"
)

const token = "tok-3f9a-very-secret"

// world is a site where everything works, with what it takes to break it.
type world struct {
	doctor.Site
	web      *httptest.Server
	skew     time.Duration // of the fax service's clock
	scanner  *devicetest.Fake
	tokens   string // file
	keys     string // file
	password string // that the agent tells the broker
	svcErr   error
	signIn   signInWorld
	admin    string // version that answers
	adminErr error
	dns      net.PacketConn
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{scanner: devicetest.NewFake("front-desk", 1), password: "right", admin: "1.2.0"}
	dir := t.TempDir()
	w.tokens, w.keys = filepath.Join(dir, "faxplus.token"), filepath.Join(dir, "root.key")
	write(t, w.tokens, token)
	write(t, w.keys, strings.Repeat("ab", 32))
	state := filepath.Join(dir, "state")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}

	w.web = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Date", time.Now().Add(w.skew).UTC().Format(http.TimeFormat))
	}))
	w.web.Config.ErrorLog = log.New(io.Discard, "", 0)
	w.web.StartTLS()
	t.Cleanup(w.web.Close)

	ln := listen(t)
	b, err := broker.Start(t.Context(), ln, broker.Options{User: "box", Password: "right"})
	if err != nil {
		t.Fatal(err)
	}
	w.dns = nameServer(t)
	w.Site = doctor.Site{
		ConfigFile: "platen.yaml",
		Services: []doctor.Service{{
			ID: "main", URL: w.web.URL, Client: w.web.Client(), TokenFile: w.tokens,
			Probe: func(context.Context) error { return w.svcErr },
		}},
		Devices:  []doctor.Device{{ID: "front-desk", URL: "http://mfp.example/eSCL", Probe: w.scanner.Probe}},
		Secrets:  []doctor.Secret{{Key: "fax_services.main.token_file", Secret: config.Secret{File: w.tokens}}},
		StateDir: state, Quota: 1 << 20, Keys: seal.Options{StateDir: state, KeyFile: w.keys},
		Listen: "127.0.0.1:0",
		Broker: b.URL(), MQTT: func(ctx context.Context) error {
			c, err := fleet.New(fleet.Options{
				Broker: w.Broker, Username: "box", Timeout: 5 * time.Second,
				Password: func() (string, error) { return w.password, nil },
			})
			if err != nil {
				return err
			}
			return c.Check(ctx)
		},
		AdminSocket: filepath.Join(state, "admin.sock"), Version: "1.2.0",
		Admin: func(context.Context) (string, error) { return w.admin, w.adminErr },
		Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "udp", w.dns.LocalAddr().String())
		}},
	}
	w.addSignIn(t, dir)
	return w
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// nameServer knows mfp.example and no other name.
func nameServer(t *testing.T) net.PacketConn {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m = dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true}, Questions: m.Questions}
			switch {
			case q.Name.String() != "mfp.example.":
				m.RCode = dnsmessage.RCodeNameError
			case q.Type == dnsmessage.TypeA:
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
					Body:   &dnsmessage.AResource{A: [4]byte{192, 0, 2, 20}},
				}}
			}
			if b, err := m.Pack(); err == nil {
				conn.WriteTo(b, from) //nolint:errcheck // the asker asks again
			}
		}
	}()
	return conn
}

func (w *world) run(t *testing.T) doctor.Report {
	t.Helper()
	return doctor.Run(t.Context(), w.Checks()...)
}

// at returns the legs that stand at one of the levels.
func at(r doctor.Report, levels ...doctor.Level) (legs []string) {
	for _, f := range r.Findings {
		if slices.Contains(levels, f.Level) {
			legs = append(legs, f.Leg)
		}
	}
	return legs
}

func text(t *testing.T, r doctor.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var allLegs = []string{
	doctor.LegConfig, doctor.LegSecret, doctor.LegDisk, doctor.LegKey, doctor.LegAdmin, doctor.LegPort, doctor.LegPanel, doctor.LegDNS,
	doctor.LegTLS, doctor.LegClock, doctor.LegService, doctor.LegDevice, doctor.LegSignIn, doctor.LegCompany, doctor.LegProvider,
	doctor.LegDirectory, doctor.LegInbox, doctor.LegReader, doctor.LegLaunch, doctor.LegMQTT,
}

func TestEverythingWorks(t *testing.T) {
	w := newWorld(t)
	r := w.run(t)
	if got := at(r, doctor.LevelOK); !slices.Equal(got, allLegs) || r.Failed() {
		t.Errorf("legs that are ok: %v; want %v\n%s", got, allLegs, text(t, r))
	}
	left, err := os.ReadDir(w.StateDir)
	if err != nil || len(left) != 0 {
		t.Errorf("left in the state directory: %v, %v", left, err)
	}
}

// breakage is one way to break one leg.
type breakage struct {
	name  string
	cut   func(t *testing.T, w *world)
	leg   string
	level doctor.Level
	says  string // part of what and do
}

func TestEachLegBreaks(t *testing.T) {
	problem := func(s config.Severity) []config.Problem {
		return []config.Problem{{File: "platen.yaml", Line: 3, Path: "site.country", Text: "want a country", Severity: s}}
	}
	tests := []breakage{
		{"config error", func(_ *testing.T, w *world) { w.Problems = problem(config.SeverityError) }, doctor.LegConfig, doctor.LevelFail, "platen.yaml:3: site.country"},
		{"config warning", func(_ *testing.T, w *world) { w.Problems = problem(config.SeverityWarning) }, doctor.LegConfig, doctor.LevelWarn, "1 warning"},

		{"no such name", func(_ *testing.T, w *world) { w.Devices[0].URL = "http://mpf.example/eSCL" }, doctor.LegDNS, doctor.LevelFail, "mpf.example: no such name"},
		{"no name server", func(_ *testing.T, w *world) {
			w.Resolver.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }
		}, doctor.LegDNS, doctor.LevelFail, "name server does not answer"},

		{"clock behind", func(_ *testing.T, w *world) { w.skew = 10 * time.Minute }, doctor.LegClock, doctor.LevelFail, " behind"},
		{"clock a little ahead", func(_ *testing.T, w *world) { w.skew = -time.Minute }, doctor.LegClock, doctor.LevelWarn, " ahead"},

		{"unknown authority", func(_ *testing.T, w *world) { w.Services[0].Client = &http.Client{} }, doctor.LegTLS, doctor.LevelFail, "ca_file"},

		{"token refused", func(_ *testing.T, w *world) {
			w.svcErr = &deliver.Error{Op: "probe", Verdict: deliver.Unauthorized, Code: "401", Err: errors.New(token)}
		}, doctor.LegService, doctor.LevelFail, "faxplus.token"},
		{"service down", func(_ *testing.T, w *world) {
			w.svcErr = &deliver.Error{Op: "probe", Verdict: deliver.NotTaken, Code: "503"}
		}, doctor.LegService, doctor.LevelFail, "answers with 503"},

		{"device off", func(_ *testing.T, w *world) { w.scanner.Unplug() }, doctor.LegDevice, doctor.LevelFail, "front-desk: not reached at http://mfp.example/eSCL"},
		{"device refuses", func(_ *testing.T, w *world) {
			w.Devices[0].Probe = func(context.Context) (devices.Info, error) {
				return devices.Info{}, &devices.OpError{Device: "front-desk", Op: "probe", Err: devices.ErrAccess}
			}
		}, doctor.LegDevice, doctor.LevelFail, "refuses access"},
		{"device jammed", func(_ *testing.T, w *world) {
			w.scanner.SetInfo(devices.Info{MakeModel: "M1", Condition: devices.FeederJam})
		}, doctor.LegDevice, doctor.LevelWarn, "M1, feeder-jam"},

		{"state directory is a file", func(_ *testing.T, w *world) { w.StateDir = w.tokens }, doctor.LegDisk, doctor.LevelFail, "not a directory"},
		{"cannot write", func(_ *testing.T, w *world) { w.StateDir = "/proc/self" }, doctor.LegDisk, doctor.LevelFail, "cannot keep a file"},
		{"not there", func(_ *testing.T, w *world) { w.StateDir += "-new" }, doctor.LegDisk, doctor.LevelWarn, "not there yet"},
		{"others may look", func(t *testing.T, w *world) { chmod(t, w.StateDir, 0o755) }, doctor.LegDisk, doctor.LevelWarn, "chmod 700"},
		{"quota beyond the disk", func(_ *testing.T, w *world) { w.Quota = 1 << 60 }, doctor.LegDisk, doctor.LevelWarn, "spool.quota_mib"},

		{"port taken", func(t *testing.T, w *world) {
			w.Listen, w.adminErr, w.SignIn.Inbox = listen(t).Addr().String(), doctor.ErrNoAgent, nil
		}, doctor.LegPort, doctor.LevelFail, "taken by another program"},
		{"not our address", func(_ *testing.T, w *world) { w.Listen = "192.0.2.1:8630" }, doctor.LegPort, doctor.LevelFail, "not an address of this machine"},

		{"key gone", func(t *testing.T, w *world) {
			k, err := seal.Open(w.Keys, false)
			if err != nil {
				t.Fatal(err)
			}
			k.Close()
			remove(t, w.keys)
		}, doctor.LegKey, doctor.LevelFail, "bring the key back"},
		{"key beside the data", func(_ *testing.T, w *world) { w.Keys.KeyFile = "" }, doctor.LegKey, doctor.LevelWarn, "whoever takes the disk can read the faxes"},
		{"key open to others", func(t *testing.T, w *world) { chmod(t, w.keys, 0o644) }, doctor.LegKey, doctor.LevelWarn, "chmod 600"},

		{"secret gone", func(t *testing.T, w *world) { remove(t, w.tokens) }, doctor.LegSecret, doctor.LevelFail, "fax_services.main.token_file"},
		{"secret empty", func(t *testing.T, w *world) { write(t, w.tokens, "") }, doctor.LegSecret, doctor.LevelFail, "is empty"},
		{"secret open to others", func(t *testing.T, w *world) { chmod(t, w.tokens, 0o640) }, doctor.LegSecret, doctor.LevelWarn, "chmod 600"},

		{"broker refuses", func(_ *testing.T, w *world) { w.password = "wrong" }, doctor.LegMQTT, doctor.LevelFail, "password_file"},
		{"broker away", func(t *testing.T, w *world) {
			ln := listen(t)
			ln.Close()
			w.Broker = "mqtt://" + ln.Addr().String()
		}, doctor.LegMQTT, doctor.LevelFail, "mqtt.broker"},

		{"agent hangs", func(_ *testing.T, w *world) { w.adminErr, w.SignIn.Inbox = context.DeadlineExceeded, nil }, doctor.LegAdmin, doctor.LevelFail, "does not answer"},
		{"old agent runs", func(_ *testing.T, w *world) { w.admin = "1.1.0" }, doctor.LegAdmin, doctor.LevelWarn, "1.1.0 is running"},
	}
	tests = append(tests, signInBreakages...)
	broken := map[string]bool{}
	for _, tt := range tests {
		broken[tt.leg] = true
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.cut(t, w)
			r := w.run(t)
			report := text(t, r)
			levels := []doctor.Level{doctor.LevelFail}
			if tt.level == doctor.LevelWarn {
				levels = append(levels, doctor.LevelWarn)
			}
			if got := at(r, levels...); !slices.Equal(got, []string{tt.leg}) {
				t.Errorf("legs at %v: %v; want only %s\n%s", levels, got, tt.leg, report)
			}
			if r.Failed() != (tt.level == doctor.LevelFail) {
				t.Errorf("Failed = %v at level %s", r.Failed(), tt.level)
			}
			if !strings.Contains(report, tt.says) {
				t.Errorf("report does not say %q:\n%s", tt.says, report)
			}
			for _, f := range r.Findings {
				if f.Level != doctor.LevelOK && f.Do == "" {
					t.Errorf("%s: nothing to do about it", f.Leg)
				}
			}
			if strings.Contains(report, token) {
				t.Errorf("the token is in the report:\n%s", report)
			}
		})
	}
	for _, leg := range allLegs {
		if !broken[leg] {
			t.Errorf("no case breaks the leg %s", leg)
		}
	}
}

func TestPortOfTheRunningAgent(t *testing.T) {
	w := newWorld(t)
	w.Listen = listen(t).Addr().String()
	if r := w.run(t); r.Failed() {
		t.Errorf("a port held by the running agent fails:\n%s", text(t, r))
	}
}

func TestConfigErrorsEndTheVisit(t *testing.T) {
	w := newWorld(t)
	w.Problems = []config.Problem{{Severity: config.SeverityError, Text: "wrong"}}
	if n := len(w.Checks()); n != 1 {
		t.Errorf("%d checks with a broken configuration; want 1", n)
	}
}

func TestProxyResolvesForServices(t *testing.T) {
	w := newWorld(t)
	w.Services[0].URL, w.Devices, w.Proxy = "https://api.example/", nil, "http://proxy.example:3128"
	w.SignIn.Servers = []doctor.Server{{URL: "https://login.example/t", Client: w.web.Client(), Proxied: true}}
	var names []string
	for _, c := range w.Checks() {
		if c.Leg == doctor.LegDNS {
			names = append(names, c.Subject)
		}
	}
	if !slices.Equal(names, []string{"proxy.example"}) {
		t.Errorf("names to resolve: %v; want the proxy's only", names)
	}
}

func TestJSON(t *testing.T) {
	w := newWorld(t)
	w.scanner.Unplug()
	var b bytes.Buffer
	if err := w.run(t).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		OK       bool `json:"ok"`
		Findings []struct{ Leg, Subject, Level, What, Do string }
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(got.Findings, func(f struct{ Leg, Subject, Level, What, Do string }) bool { return f.Level == "fail" })
	if got.OK || len(got.Findings) != len(allLegs) || i < 0 || got.Findings[i].Leg != "device" || got.Findings[i].Subject != "front-desk" {
		t.Errorf("JSON report:\n%s", b.String())
	}
}

func chmod(t *testing.T, file string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}
