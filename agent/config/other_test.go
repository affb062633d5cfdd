package config_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/platen-fax/platen/agent/config"
)

// TestOtherWay tells where people who forgot their badge can sign in, and that an
// empty list of methods, unlike none, switches that off.
func TestOtherWay(t *testing.T) {
	const (
		tls   = "\npanel: {listen: 0.0.0.0:8630, tls_cert_file: c, tls_key_file: k, allow: [10.0.0.20], hosts: [fax.example.com]}"
		plain = "\npanel: {listen: 0.0.0.0:8630, allow: [10.0.0.20]}"
	)
	for _, tt := range []struct {
		name, signIn, panel string
		methods             []string
		other               bool
	}{
		{"all that are set up", "service: xm", "", []string{"password", "phone"}, true},
		{"not written", "service: xm, methods: null", "", []string{"password", "phone"}, true},
		{"none", "service: xm, methods: []", "", nil, false},
		{"nothing is set up", "", "", nil, false},
		{"typed over TLS", "service: xm, account: none, methods: [password]", tls, []string{"password"}, true},
		{"typed in clear", "service: xm, account: none, methods: [password]", plain, []string{"password"}, false},
		{"on the phone in clear", "service: xm, methods: [phone]", plain, []string{"phone"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.signIn != "" {
				tt.signIn += ", "
			}
			text := fmt.Sprintf(`version: 1
devices: [{id: a, driver: escl, url: "https://10.0.0.20/eSCL", fax_service: xm, mode: device-login, reader: {port: COM3}}]
fax_services: [{id: xm, kind: xmcloud, token_file: t, url: "https://portal.example.ca", account: acme, device: agent-1}]
sign_in: {%sdirectory: {kind: csv, file: people.csv}}%s
`, tt.signIn, tt.panel)
			c, problems := config.Parse("/etc/platen/agent.yaml", config.Source{Name: "a.yaml", Data: []byte(text)})
			if c == nil {
				t.Fatalf("problems: %v", problems)
			}
			if !slices.Equal(c.SignIn.Methods, tt.methods) || c.OtherWay() != tt.other {
				t.Errorf("methods %v, another way %t; want %v, %t", c.SignIn.Methods, c.OtherWay(), tt.methods, tt.other)
			}
		})
	}
}
