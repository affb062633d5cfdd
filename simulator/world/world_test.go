package world_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/platen-fax/platen/protocols/xmcloud"
	"github.com/platen-fax/platen/simulator/faxcloud"
	"github.com/platen-fax/platen/simulator/mfp"
	"github.com/platen-fax/platen/simulator/world"
)

func start(t *testing.T, o world.Options) *world.World {
	t.Helper()
	w, err := world.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	return w
}

// ask sends a control request and returns status and body.
func ask(t *testing.T, method, url, body string, header ...string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func TestControl(t *testing.T) {
	w := start(t, world.Options{Devices: []world.Device{{ID: "a"}, {ID: "b", Refill: 4}}, Broker: true})
	var a world.Addresses
	_, body := ask(t, "GET", w.ControlURL()+"/world", "")
	if err := json.Unmarshal([]byte(body), &a); err != nil || len(a.MFPs) != 2 || a.Services["faxplus"] == "" || a.Broker == "" {
		t.Fatalf("GET /world = %s, %v", body, err)
	}
	for _, tt := range []struct {
		name, method, path, body string
		code                     int
	}{
		{"load", "POST", "/mfps/a/load", `{"pages": 3}`, 200},
		{"load nothing", "POST", "/mfps/a/load", `{"pages": 0}`, 400},
		{"load too much", "POST", "/mfps/a/load", `{"pages": 100000}`, 400},
		{"load a misspelt field", "POST", "/mfps/a/load", `{"pagse": 3}`, 400},
		{"two values", "POST", "/mfps/a/load", `{"pages": 3}{}`, 400},
		{"a device that is not there", "POST", "/mfps/z/load", `{"pages": 3}`, 404},
		{"faults", "PUT", "/mfps/a/faults", `{"busy": 2}`, 204},
		{"unknown fault", "PUT", "/mfps/a/faults", `{"bussy": 2}`, 400},
		{"clear the jam", "POST", "/mfps/a/clear-jam", ``, 204},
		{"a handle that is not there", "POST", "/mfps/a/shake", ``, 404},
		{"fax fault", "POST", "/fax/faults", `{"op": "send", "action": "cut"}`, 204},
		{"no such fax fault", "POST", "/fax/faults", `{"op": "send", "action": "smile"}`, 400},
		{"ledger", "GET", "/fax/ledger", ``, 200},
		{"fax service down", "PUT", "/fax/down", `true`, 204},
		{"fax service maybe", "PUT", "/fax/down", `"maybe"`, 400},
		{"broker", "GET", "/broker/messages", ``, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if code, body := ask(t, tt.method, w.ControlURL()+tt.path, tt.body); code != tt.code {
				t.Errorf("%s %s %s = %d %s; want %d", tt.method, tt.path, tt.body, code, body, tt.code)
			}
		})
	}
	if got := w.Station("a").MFP.State().Loaded; got != 3 {
		t.Errorf("a has %d sheets in its feeder, want 3", got)
	}
	if got := w.Station("b").MFP.State().Loaded; got != 4 {
		t.Errorf("b has %d sheets in its feeder, want 4", got)
	}
	if got := w.Station("a").MFP.Faults(); got != (mfp.Faults{Busy: 2}) {
		t.Errorf("faults of a are %+v", got)
	}
}

// TestControlIsLocal shows that a page in a browser on this machine cannot use
// the control interface.
func TestControlIsLocal(t *testing.T) {
	w := start(t, world.Options{})
	if code, _ := ask(t, "POST", w.ControlURL()+"/mfps/front-desk/clear", "", "Origin", "http://evil.example"); code != http.StatusForbidden {
		t.Errorf("a request from a page = %d, want 403", code)
	}
	if code, _ := ask(t, "GET", w.ControlURL()+"/world", "", "Host", "evil.example:80"); code != http.StatusForbidden {
		t.Errorf("a request for another host = %d, want 403", code)
	}
}

// TestFaxDown shows that a service that is down resets connections, and that
// only its own authority is needed to trust it.
func TestFaxDown(t *testing.T) {
	w := start(t, world.Options{})
	ca, err := os.ReadFile(w.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	authority, err := world.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(ca, authority.PEM()) {
		t.Fatal("two authorities are the same")
	}
	get := func(pool *tls.Config) error {
		c := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: pool, DisableKeepAlives: true}}
		resp, err := c.Get(w.FaxURL() + "/v3/accounts/self")
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	own := &tls.Config{RootCAs: w.Pool()}
	if err := get(own); err != nil {
		t.Errorf("the service does not answer: %v", err)
	}
	if err := get(&tls.Config{RootCAs: authority.Pool()}); err == nil {
		t.Error("another authority is trusted")
	}
	w.FaxDown(true)
	if err := get(own); err == nil {
		t.Error("the service answers although it is down")
	}
	w.FaxDown(false)
	if err := get(own); err != nil {
		t.Errorf("the service is not back: %v", err)
	}
}

func TestWriteConfig(t *testing.T) {
	dir := t.TempDir()
	w := start(t, world.Options{Dir: dir})
	var over yaml.Node
	err := yaml.Unmarshal([]byte(`
delivery: {settle: 9s}
fax_services: [{id: main, max_in_flight: 1}, {id: second, kind: faxplus}]
panel: {allow: [10.0.0.0/8]}
`), &over)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the overlay is not changed by being used
		home, err := w.WriteConfig(over.Content[0])
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(home.Config)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Devices  []map[string]string `yaml:"devices"`
			Services []map[string]any    `yaml:"fax_services"`
			Panel    struct {
				Listen string   `yaml:"listen"`
				Allow  []string `yaml:"allow"`
			} `yaml:"panel"`
			Delivery map[string]any `yaml:"delivery"`
		}
		if err := yaml.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Services) != 2 || got.Services[0]["max_in_flight"] != 1 || got.Services[0]["url"] != w.FaxURL()+"/v3" {
			t.Errorf("fax_services are %v", got.Services)
		}
		if got.Delivery["settle"] != "9s" || got.Delivery["retry_min"] == nil {
			t.Errorf("delivery is %v, want the overlay's settle and the others kept", got.Delivery)
		}
		if "http://"+got.Panel.Listen != home.Panel || len(got.Panel.Allow) != 1 {
			t.Errorf("panel is %v, the agent is expected at %s", got.Panel, home.Panel)
		}
		if got.Devices[0]["url"] != w.Stations[0].URL() {
			t.Errorf("devices are %v", got.Devices)
		}
	}
	token, err := os.Stat(filepath.Join(dir, "faxplus.token"))
	if err != nil || token.Mode().Perm() != 0o600 {
		t.Errorf("the token file is %v, %v; want mode 0600", token, err)
	}
}

// TestXMCloud shows that the agent of an xmcloud world is given what the service
// lets in: address, account, enrolled id and token.
func TestXMCloud(t *testing.T) {
	dir := t.TempDir()
	w := start(t, world.Options{Dir: dir, Service: faxcloud.XMCloud})
	home, err := w.WriteConfig()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(home.Config)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Services []struct {
			Kind    string `yaml:"kind"`
			URL     string `yaml:"url"`
			Account string `yaml:"account"`
			Device  string `yaml:"device"`
			Token   string `yaml:"token_file"`
			From    string `yaml:"from"`
		} `yaml:"fax_services"`
	}
	if err := yaml.Unmarshal(text, &got); err != nil || len(got.Services) != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	s := got.Services[0]
	if s.Kind != "xmcloud" || s.URL != w.XMURL() || w.Addresses("").Services["xmcloud"] != s.URL || s.URL == w.FaxURL() {
		t.Errorf("service %+v; want xmcloud at %s", s, w.XMURL())
	}
	file := filepath.Join(dir, s.Token)
	token, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the token file is %v, %v; want mode 0600", st, err)
	}
	hc := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.Pool()}, DisableKeepAlives: true}}
	c, err := xmcloud.New(xmcloud.Config{
		HTTP: hc, Commit: hc, Endpoint: s.URL, Account: s.Account,
		Token: func(context.Context) (string, error) { return strings.TrimSpace(string(token)), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Account(t.Context())
	if err != nil || a.Region != "ca" || a.Account != s.Account {
		t.Errorf("account %+v, %v; want %s in ca", a, err, s.Account)
	}
	create := xmcloud.CreateRequest{
		Reference: "a/1/1", DeviceID: s.Device, To: "+15145550199", From: s.From,
		Document: xmcloud.Document{Name: "a.tif", Type: xmcloud.TypeTIFF, Size: 1, SHA256: strings.Repeat("0", 64)},
	}
	if _, err := c.Create(t.Context(), create); err != nil {
		t.Errorf("announcing a fax: %v", err)
	}
	w.FaxDown(true)
	if _, err := c.Account(t.Context()); err == nil {
		t.Error("the service answers although it is down")
	}
}

func TestCloseRemoves(t *testing.T) {
	w, err := world.Start(t.Context(), world.Options{Broker: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
	if _, err := os.Stat(w.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary directory is left: %v", err)
	}
}

func TestStartRefuses(t *testing.T) {
	for name, o := range map[string]world.Options{
		"a device twice":  {Devices: []world.Device{{ID: "a"}, {ID: "a"}}},
		"unknown profile": {Devices: []world.Device{{ID: "a", Profile: "toaster"}}},
		"unknown fault":   {Devices: []world.Device{{ID: "a", Faults: mfp.Faults{Location: "moon"}}}},
		"unknown service": {Service: "fax-plus"},
		"no directory":    {Dir: filepath.Join(t.TempDir(), "none")},
	} {
		if w, err := world.Start(t.Context(), o); err == nil {
			t.Errorf("%s: Start works", name)
			w.Close()
		}
	}
}
