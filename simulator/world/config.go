package world

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"text/template"

	"go.yaml.in/yaml/v3"

	"github.com/platen-fax/platen/simulator/adfs"
)

// agentConfig is the configuration of the agent in this world. Waits are short,
// because nothing here is far away.
var agentConfig = template.Must(template.New("agent.yaml").Parse(`# Written for one simulated world; see configs/ for what the keys mean.
version: 1
site: {name: Simulated office, country: CA, language: en}
devices:
{{- range .Devices}}
  - id: {{.ID}}
    driver: escl
    url: "{{.URL}}"
    mode: {{$.Mode}}
    fax_service: main
    paper: a4
{{- if .Reader}}
    reader: {port: "{{.Reader.Path}}", profile: generic}
{{- end}}
{{- if .LaunchFile}}
    launch_key_file: {{.LaunchFile}}
{{- end}}
{{- end}}
fax_services:
{{- if eq .Service "xmcloud"}}
  - {id: main, kind: xmcloud, url: "{{.XM}}", account: {{.Account}}, device: {{.Enrolled}}, token_file: {{.XMToken}}, ca_file: {{.CA}}, from: "{{.From}}"}
{{- else}}
  - {id: main, kind: faxplus, url: "{{.Fax}}", token_file: {{.Token}}, ca_file: {{.CA}}, from: "{{.From}}"}
{{- end}}
{{- if ne .Mode "shared-account"}}
sign_in:
  account: {{if eq .Service "xmcloud"}}auto{{else}}{{.SignIn.Account}}{{end}}
{{- if eq .Service "xmcloud"}}
  service: main
{{- end}}
{{- with .Farm}}
  company:
    hosts: ["{{.}}"]
    ca_file: {{$.CA}}
{{- if ne $.Service "xmcloud"}}
    mex: "https://{{.}}{{$.MEX}}"
    relying_party: "{{$.RelyingParty}}"
{{- end}}
{{- end}}
{{- if .OIDC}}
  provider: {issuer: "{{.OIDC.Issuer}}", client_id: {{.Client}}, hosts: ["{{.Provider}}"], ca_file: {{.CA}}}
{{- end}}
{{- if eq .SignIn.Directory "csv"}}
  directory: {kind: csv, file: {{.People}}}
{{- end}}
{{- if eq .SignIn.Directory "scim"}}
  directory: {kind: scim, listen: "{{.SCIM}}", tls_cert_file: {{.Cert}}, tls_key_file: {{.Key}}, token_file: {{.SCIMToken}}, allow: [127.0.0.1]}
{{- end}}
{{- if .SignIn.Brokered}}
  methods: [brokered, phone]
{{- end}}
  domains: [{{.Domain}}]
  pause: 2s
{{- end}}
panel: {listen: "{{.Panel}}", allow: []}
spool: {dir: {{.State}}, quota_mib: 256}
mqtt: {broker: "{{.Broker}}"}
delivery:
  settle: 500ms
  submit_timeout: 1500ms
  poll_interval: 200ms
  retry_min: 200ms
  retry_max: 1s
  breaker_open_after: 3
  breaker_probe_interval: 300ms
capture: {busy_wait: 1s}
clock: {calm_after_jump: 1s}
`))

// Agent is where the agent of a world will live.
type Agent struct {
	Config string // file
	State  string // directory
	Panel  string // address, as "http://127.0.0.1:23456"
}

// Given returns the files that the world wrote for the agent. They may hold what
// nobody else may know.
func (w *World) Given() []string {
	names := []string{caFile, tokenFile, xmTokenFile, configFile, peopleFile, scimTokenFile, agentCertFile, agentKeyFile}
	for _, s := range w.Stations {
		names = append(names, launchFile(s.ID))
	}
	for i, n := range names {
		names[i] = filepath.Join(w.dir, n)
	}
	return names
}

// PanelURL returns the panel of a device.
func (a Agent) PanelURL(device string) string { return a.Panel + "/panel/" + device + "/" }

// WriteConfig writes the agent's configuration and returns where the agent will
// be. Each overlay, a YAML mapping or nil, is merged over it in turn: mappings
// merge, lists whose entries have an id merge by it, everything else replaces.
func (w *World) WriteConfig(overlays ...*yaml.Node) (Agent, error) {
	port, err := freePort()
	if err != nil {
		return Agent{}, err
	}
	a := Agent{
		Config: filepath.Join(w.dir, configFile),
		State:  filepath.Join(w.dir, stateDir),
		Panel:  "http://127.0.0.1:" + strconv.Itoa(port),
	}
	fill := map[string]any{
		"Mode": w.mode, "SignIn": w.company, "Farm": "", "MEX": adfs.PathMEX, "RelyingParty": relyingParty, "OIDC": w.OIDC, "Client": clientID, "Domain": domain,
		"Provider": "", "People": peopleFile, "SCIM": w.scim, "SCIMToken": scimTokenFile, "Cert": agentCertFile, "Key": agentKeyFile,
		"Service": w.service, "XM": w.XMURL(), "XMToken": xmTokenFile, "Account": xmAccount, "Enrolled": xmDevice,
		"Devices": w.Stations, "Fax": w.FaxURL() + "/v3", "Token": tokenFile, "CA": caFile, "From": w.fromPhone,
		"Panel": "127.0.0.1:" + strconv.Itoa(port), "State": stateDir, "Broker": "",
	}
	if w.farm != nil {
		fill["Farm"] = w.farm.host
	}
	if w.provider != nil {
		fill["Provider"] = w.provider.host
	}
	if w.Broker != nil {
		fill["Broker"] = w.Broker.URL()
	}
	var text bytes.Buffer
	if err := agentConfig.Execute(&text, fill); err != nil {
		return Agent{}, fmt.Errorf("agent configuration: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text.Bytes(), &doc); err != nil {
		return Agent{}, fmt.Errorf("agent configuration: %w", err)
	}
	for _, o := range overlays {
		if o != nil && o.Kind != 0 {
			doc.Content[0] = merge(doc.Content[0], clone(o))
		}
	}
	out, err := yaml.Marshal(&doc)
	if err != nil {
		return Agent{}, fmt.Errorf("agent configuration: %w", err)
	}
	return a, os.WriteFile(a.Config, out, 0o600)
}

// clone keeps the caller's overlay as it is when the result is merged again.
func clone(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		c.Content[i] = clone(child)
	}
	return &c
}

// merge returns over laid on base.
func merge(base, over *yaml.Node) *yaml.Node {
	switch {
	case base.Kind == yaml.MappingNode && over.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(over.Content); i += 2 {
			key, value := over.Content[i], over.Content[i+1]
			if at := lookup(base, key.Value); at != nil {
				*at = *merge(at, value)
			} else {
				base.Content = append(base.Content, key, value)
			}
		}
		return base
	case base.Kind == yaml.SequenceNode && over.Kind == yaml.SequenceNode && allHaveID(over):
		for _, item := range over.Content {
			if at := byID(base, lookup(item, "id").Value); at != nil {
				*at = *merge(at, item)
			} else {
				base.Content = append(base.Content, item)
			}
		}
		return base
	}
	return over
}

func lookup(m *yaml.Node, key string) *yaml.Node {
	if m.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}

func allHaveID(list *yaml.Node) bool {
	for _, item := range list.Content {
		if lookup(item, "id") == nil {
			return false
		}
	}
	return len(list.Content) > 0
}

func byID(list *yaml.Node, id string) *yaml.Node {
	for _, item := range list.Content {
		if n := lookup(item, "id"); n != nil && n.Value == id {
			return item
		}
	}
	return nil
}

// freePort finds a port for a program that will listen later, and again after
// it was killed. It lies below the ports that systems give to outgoing
// connections, so that none of those can take it in between.
func freePort() (int, error) {
	const first, last = 20_000, 32_000
	var err error
	for range 200 {
		port := first + rand.IntN(last-first)
		var ln net.Listener
		if ln, err = net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			return port, ln.Close()
		}
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}
