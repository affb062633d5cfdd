package ldap_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
	"github.com/jimlambrt/gldap"

	"github.com/platen-fax/platen/agent/directory"
	"github.com/platen-fax/platen/agent/directory/ldap"
)

// adMessage is the diagnostic of a domain controller.
func adMessage(code string) string {
	return fmt.Sprintf("80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data %s, v4563", code)
}

// TestActiveDirectoryDiagnostics: each code is another verdict, over the wire,
// and one refusal is all that the account's lockout counter ever sees of a
// password.
func TestActiveDirectoryDiagnostics(t *testing.T) {
	for _, tt := range []struct {
		name, message string
		code          int
		want          ldap.Verdict
	}{
		{"525", adMessage("525"), 49, ldap.NoSuchUser},
		{"52e", adMessage("52e"), 49, ldap.BadPassword},
		{"530", adMessage("530"), 49, ldap.Hours},
		{"531", adMessage("531"), 49, ldap.Workstation},
		{"532", adMessage("532"), 49, ldap.PasswordExpired},
		{"533", adMessage("533"), 49, ldap.AccountDisabled},
		{"701", adMessage("701"), 49, ldap.AccountExpired},
		{"773", adMessage("773"), 49, ldap.MustChange},
		{"775", adMessage("775"), 49, ldap.Locked},
		{"unknown code", adMessage("9999"), 49, ldap.Refused},
		{"other server", "", 49, ldap.Refused},
		{"signing enforced", "00002028: LdapErr: DSID-0C090257, comment: The server requires binds to turn on integrity checking", 8, ldap.Refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var binds atomic.Int32
			url, id := startFake(t, func(w *gldap.ResponseWriter, r *gldap.Request) {
				binds.Add(1)
				resp := r.NewBindResponse(gldap.WithResponseCode(tt.code))
				resp.SetDiagnosticMessage(tt.message)
				_ = w.Write(resp)
			})
			password := readerPW
			d := newDirectory(t, ldap.Options{
				ID: "corp", Servers: []string{url, url}, TLS: id.roots, BaseDN: baseDN, BindDN: readerDN,
				Password: func() (string, error) { return password, nil },
			})
			for range 2 {
				_, err := d.ByBadge(t.Context(), "946EBD28")
				var refused *ldap.RefusedError
				if !errors.As(err, &refused) || refused.Verdict != tt.want || !errors.Is(err, directory.ErrUnavailable) {
					t.Fatalf("ByBadge = %v; want refused: %s", err, tt.want)
				}
				if strings.Contains(err.Error(), readerPW) || strings.Contains(err.Error(), readerDN) {
					t.Errorf("error %q tells the account", err)
				}
			}
			if n := binds.Load(); n != 1 {
				t.Errorf("the password was sent %d times; want once", n)
			}
			password = "another"
			_, _ = d.ByBadge(t.Context(), "946EBD28")
			if n := binds.Load(); n != 2 {
				t.Errorf("a new password was sent %d times; want once", n-1)
			}
		})
	}
}

// TestServerError: what is no refusal of the account goes to the next server.
func TestServerError(t *testing.T) {
	var binds atomic.Int32
	url, id := startFake(t, func(w *gldap.ResponseWriter, r *gldap.Request) {
		binds.Add(1)
		_ = w.Write(r.NewBindResponse(gldap.WithResponseCode(gldap.ResultUnavailable)))
	})
	d := newDirectory(t, ldap.Options{
		ID: "corp", Servers: []string{url, url}, TLS: id.roots, BaseDN: baseDN, BindDN: readerDN, Password: says(readerPW),
	})
	if _, err := d.ByBadge(t.Context(), "1"); !errors.Is(err, directory.ErrUnavailable) || binds.Load() != 2 {
		t.Errorf("ByBadge = %v after %d binds; want ErrUnavailable after 2", err, binds.Load())
	}
}

func TestNoPasswordNoBind(t *testing.T) {
	var binds atomic.Int32
	url, id := startFake(t, func(w *gldap.ResponseWriter, r *gldap.Request) {
		binds.Add(1)
		_ = w.Write(r.NewBindResponse(gldap.WithResponseCode(gldap.ResultSuccess)))
	})
	d := newDirectory(t, ldap.Options{ID: "corp", Servers: []string{url}, TLS: id.roots, BaseDN: baseDN, BindDN: readerDN, Password: says("")})
	if _, err := d.ByBadge(t.Context(), "1"); !errors.Is(err, directory.ErrUnavailable) || binds.Load() != 0 {
		t.Errorf("ByBadge = %v after %d binds; want ErrUnavailable after none", err, binds.Load())
	}
}

// startFake is a directory server that answers binds as told. It waits for
// every connection when it stops, so each must have been closed by then.
func startFake(t *testing.T, bind gldap.HandlerFunc) (string, identity) {
	t.Helper()
	id := newIdentity(t)
	server, err := gldap.NewServer()
	fatal(t, err)
	mux, err := gldap.NewMux()
	fatal(t, err)
	seen := make(chan struct{}, 1)
	fatal(t, mux.Bind(func(w *gldap.ResponseWriter, r *gldap.Request) {
		if m, err := r.GetSimpleBindMessage(); err == nil && m.UserName == probeDN {
			_ = w.Write(r.NewBindResponse(gldap.WithResponseCode(gldap.ResultSuccess)))
			seen <- struct{}{}
			return
		}
		bind(w, r)
	}))
	fatal(t, server.Router(mux))
	port := freePort(t)
	cfg := id.roots.Clone()
	cfg.Certificates = append(cfg.Certificates, id.pair)
	done := make(chan error, 1)
	go func() { done <- server.Run("127.0.0.1:"+port, gldap.WithTLSConfig(cfg)) }()
	url := "ldaps://localhost:" + port
	probe := func() error {
		c, err := goldap.DialURL(url, goldap.DialWithTLSConfig(id.roots))
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Bind(probeDN, "x"); err != nil {
			return err
		}
		<-seen
		return nil
	}
	t.Cleanup(func() {
		// The server counts its connections without a lock against Stop. Its
		// answer to one more tells us that it has counted all before.
		fatal(t, probe())
		_ = server.Stop()
		if err := <-done; err != nil {
			t.Errorf("fake server: %v", err)
		}
	})
	for end := time.Now().Add(bound); ; time.Sleep(time.Millisecond) {
		if probe() == nil {
			return url, id
		}
		if time.Now().After(end) {
			t.Fatal("the fake server does not answer")
		}
	}
}

// probeDN binds to see that the fake server is there; no test counts it.
const probeDN = "cn=probe"

// FuzzParseDiagnostic: any text has a verdict, and the right one when the code
// stands in it alone.
func FuzzParseDiagnostic(f *testing.F) {
	for _, s := range []string{"", adMessage("52e"), adMessage("775"), "data 533", "DATA 52E", "data  52e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v := ldap.ParseDiagnostic(s)
		if v == "" {
			t.Fatalf("ParseDiagnostic(%q) is empty", s)
		}
		if !strings.Contains(strings.ToLower(s), "data ") && v != ldap.Refused {
			t.Fatalf("ParseDiagnostic(%q) = %s; want refused, no code in it", s, v)
		}
	})
}
