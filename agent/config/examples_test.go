package config_test

import (
	"io/fs"
	"testing"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/configs"
)

// TestExamplePerMode keeps one complete file to copy for each mode, and each
// what its name promises. That they are free of problems is TestExamplesAreClean.
func TestExamplePerMode(t *testing.T) {
	for _, tt := range []struct {
		file, mode, account string
		methods             []string
	}{
		{"shared-account.yaml", config.ModeSharedAccount, config.AccountAuto, nil},
		{"device-login.yaml", config.ModeDeviceLogin, config.AccountAuto, []string{"phone"}},
		{"user-prompt.yaml", config.ModeUserPrompt, config.AccountAuto, []string{"phone", "company", "password"}},
		{"user-prompt-saml.yaml", config.ModeUserPrompt, config.AccountSAML, []string{"phone", "company-phone"}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			text, err := fs.ReadFile(configs.FS, tt.file)
			if err != nil {
				t.Fatal(err)
			}
			c, problems := config.Parse("/etc/platen/agent.yaml", config.Source{Name: tt.file, Data: text})
			if c == nil {
				t.Fatalf("problems %v", problems)
			}
			for _, d := range c.Devices {
				if d.Mode != tt.mode {
					t.Errorf("device %s is in mode %s; want %s", d.ID, d.Mode, tt.mode)
				}
			}
			for _, mode := range []string{config.ModeSharedAccount, config.ModeDeviceLogin, config.ModeUserPrompt} {
				if got := c.InMode(mode); got != (mode == tt.mode) {
					t.Errorf("InMode(%s) = %t; want %t", mode, got, !got)
				}
			}
			if c.SignIn.Account != tt.account || len(c.SignIn.Methods) != len(tt.methods) {
				t.Errorf("account %s, methods %v; want %s, %v", c.SignIn.Account, c.SignIn.Methods, tt.account, tt.methods)
			}
			for _, m := range tt.methods {
				if !c.SignIn.Has(m) {
					t.Errorf("methods %v; want %s among them", c.SignIn.Methods, m)
				}
			}
			if !c.Panel.Private() {
				t.Error("the panel has no TLS; an example is copied")
			}
		})
	}
}
