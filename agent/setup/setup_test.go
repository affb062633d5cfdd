package setup_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/setup"
)

var today = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

func run(t *testing.T, dir string, now time.Time, names ...string) setup.TLSResult {
	t.Helper()
	r, err := setup.TLS(setup.TLSOptions{Dir: dir, Names: names, Host: "faxbox", Now: at(now)})
	if err != nil {
		t.Fatalf("TLS(%q) = %v", names, err)
	}
	return r
}

func cert(t *testing.T, dir, name string) *x509.Certificate {
	t.Helper()
	block, rest := pem.Decode(read(t, dir, name))
	if block == nil || len(rest) > 0 {
		t.Fatalf("%s is not one PEM block", name)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func verify(leaf, ca *x509.Certificate, name string, now time.Time) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: now})
	return err
}

// TestCertificateVerifies looks at the files as a browser and an administrator
// would, by two independent programs.
func TestCertificateVerifies(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etc", "tls")
	r := run(t, dir, today, "FaxBox", "fax.contoso.example", "10.0.0.5", "[fd00::5]", "198.51.100.7", "faxbox.")
	if want := []string{"faxbox", "fax.contoso.example", "10.0.0.5", "fd00::5", "198.51.100.7"}; !slices.Equal(r.Names, want) {
		t.Errorf("names %q; want %q", r.Names, want)
	}
	if !r.NewCA || !r.NewKey || !r.Replaced.IsZero() || r.ShortenedByAuthority {
		t.Errorf("first run = %+v; want everything new", r)
	}
	ca, leaf := cert(t, dir, setup.CAFile), cert(t, dir, setup.CertFile)
	for _, name := range r.Names {
		if err := verify(leaf, ca, name, today); err != nil {
			t.Errorf("as %s: %v", name, err)
		}
	}
	if verify(leaf, ca, "other.contoso.example", today) == nil {
		t.Error("verified under a name it does not have")
	}
	if err := verify(leaf, ca, "faxbox", today.Add(-20*time.Hour)); err != nil {
		t.Errorf("on a device whose clock is behind: %v", err)
	}
	if life := leaf.NotAfter.Sub(leaf.NotBefore) + time.Second; life != 825*24*time.Hour || !r.Expires.Equal(leaf.NotAfter) {
		t.Errorf("certificate lives %v, until %v; want 825 days, until %v", life, leaf.NotAfter, r.Expires)
	}
	if want := today.AddDate(10, 0, 0); !ca.NotAfter.Equal(want) || !ca.MaxPathLenZero || leaf.IsCA {
		t.Errorf("authority until %v, may sign authorities %v; want until %v and no", ca.NotAfter, !ca.MaxPathLenZero, want)
	}

	openssl := func(args ...string) (string, error) {
		path, err := exec.LookPath("openssl")
		if err != nil {
			t.Fatal("openssl is missing: apt-get install openssl")
		}
		cmd := exec.CommandContext(t.Context(), path, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, who := range [][]string{{"-verify_hostname", "fax.contoso.example"}, {"-verify_ip", "10.0.0.5"}, {"-verify_ip", "fd00::5"}} {
		args := append([]string{"verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", setup.CAFile}, who...)
		if out, err := openssl(append(args, setup.CertFile)...); err != nil || out != setup.CertFile+": OK\n" {
			t.Errorf("openssl %v: %v\n%s", args, err, out)
		}
	}
	if out, err := openssl("verify", "-CAfile", setup.CAFile, "-verify_hostname", "other.example", setup.CertFile); err == nil {
		t.Errorf("openssl verified a foreign name:\n%s", out)
	}
	if out, err := openssl("x509", "-in", setup.CAFile, "-noout", "-fingerprint", "-sha256"); err != nil || !strings.HasSuffix(out, "="+r.CAFingerprint+"\n") {
		t.Errorf("openssl's fingerprint: %v %s; want %s", err, out, r.CAFingerprint)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for name, want := range map[string]os.FileMode{setup.CAKey: 0o600, setup.KeyFile: 0o600, setup.CAFile: 0o644, setup.CertFile: 0o644} {
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Mode() != want {
			t.Errorf("%s has mode %v, %v; want %v", name, st.Mode(), err, want)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 4 {
		t.Errorf("%d files, %v; want 4", len(entries), err)
	}
}

// TestServer connects over TLS with the files.
func TestServer(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, time.Now(), "127.0.0.1", "faxbox.local")
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, setup.CertFile), filepath.Join(dir, setup.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	s.StartTLS()
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(read(t, dir, setup.CAFile))
	for _, tt := range []struct {
		name string
		ok   bool
	}{{"127.0.0.1", true}, {"faxbox.local", true}, {"elsewhere.local", false}} {
		c, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: tt.name})
		if err == nil {
			c.Close()
		}
		if (err == nil) != tt.ok {
			t.Errorf("connecting to %s: %v; want success %v", tt.name, err, tt.ok)
		}
	}
}

// TestRenew keeps the authority and the key, so that no device has to be
// visited, and never touches what somebody else put there.
func TestRenew(t *testing.T) {
	dir := t.TempDir()
	first := run(t, dir, today, "faxbox", "10.0.0.5")
	authority, key := read(t, dir, setup.CAFile), read(t, dir, setup.KeyFile)

	later := today.AddDate(2, 0, 0)
	second := run(t, dir, later, "faxbox", "10.0.0.6", "faxbox.local")
	if second.NewCA || second.NewKey || !second.Replaced.Equal(first.Expires) || second.Fingerprint == first.Fingerprint {
		t.Errorf("renewed = %+v; want the authority and key of before and another certificate", second)
	}
	if !slices.Equal(read(t, dir, setup.CAFile), authority) || !slices.Equal(read(t, dir, setup.KeyFile), key) {
		t.Error("authority or key changed")
	}
	leaf := cert(t, dir, setup.CertFile)
	if err := verify(leaf, cert(t, dir, setup.CAFile), "10.0.0.6", later); err != nil {
		t.Errorf("renewed for a new address: %v", err)
	}
	if _, err := tls.LoadX509KeyPair(filepath.Join(dir, setup.CertFile), filepath.Join(dir, setup.KeyFile)); err != nil {
		t.Errorf("certificate and key: %v", err)
	}

	if kept := run(t, dir, later); !slices.Contains(kept.Names, "10.0.0.6") || !slices.Contains(kept.Names, "faxbox.local") {
		t.Errorf("without names: %q; want those of before among them", kept.Names)
	}
	if r := run(t, dir, today.AddDate(9, 0, 0), "faxbox"); !r.Expires.Equal(r.CAExpires) || !r.ShortenedByAuthority {
		t.Errorf("a year before the authority ends: until %v; want %v", r.Expires, r.CAExpires)
	}

	refuse := func(name string, now time.Time, want string, names ...string) {
		t.Helper()
		before := map[string]string{}
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			before[e.Name()] = string(read(t, dir, e.Name()))
		}
		_, err := setup.TLS(setup.TLSOptions{Dir: dir, Names: names, Host: "faxbox", Now: at(now)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: TLS = %v; want %q", name, err, want)
		}
		after, _ := os.ReadDir(dir)
		for _, e := range after {
			if before[e.Name()] != string(read(t, dir, e.Name())) {
				t.Errorf("%s: %s changed", name, e.Name())
			}
		}
		if len(after) != len(before) {
			t.Errorf("%s: %d files; want the %d of before", name, len(after), len(before))
		}
	}
	refuse("a name the authority was not made for", later, "not made for mail.contoso.example", "mail.contoso.example")
	refuse("an address of somebody else", later, "not made for 198.51.100.9", "198.51.100.9")
	refuse("an authority at its end", today.AddDate(10, 0, -20), "begin anew", "faxbox")
}

// TestForeignFiles has a directory with something in the way.
func TestForeignFiles(t *testing.T) {
	ours, theirs := t.TempDir(), t.TempDir()
	run(t, ours, today, "faxbox")
	run(t, theirs, today, "faxbox")
	for _, tt := range []struct {
		name string
		keep []string          // of ours
		put  map[string]string // of theirs, by name here
		text map[string]string
		want string
	}{
		{"authority without key", []string{setup.CAFile}, nil, nil, setup.CAFile + " is there but ca.key is not"},
		{"key without authority", []string{setup.CAKey}, nil, nil, setup.CAKey + " is there but ca.pem is not"},
		{"another key", []string{setup.CAFile}, map[string]string{setup.CAKey: setup.CAKey}, nil, "do not belong together"},
		{"certificate of another", []string{setup.CAFile, setup.CAKey}, map[string]string{setup.CertFile: setup.CertFile}, nil, "of another authority"},
		{"certificate alone", nil, map[string]string{setup.CertFile: setup.CertFile}, nil, "of another authority"},
		{"key alone", nil, map[string]string{setup.KeyFile: setup.KeyFile}, nil, "no certificate of ours"},
		{"no authority", nil, map[string]string{setup.CAFile: setup.CertFile, setup.CAKey: setup.KeyFile}, nil, "do not belong together"},
		{"text", []string{setup.CAFile, setup.CAKey}, nil, map[string]string{setup.KeyFile: "secret"}, "no PRIVATE KEY in PEM form"},
		{"not a certificate", nil, nil, map[string]string{setup.CAFile: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "move it away"},
		{"not a key", nil, nil, map[string]string{setup.CAKey: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}, "PKCS #8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			files := map[string]string{}
			for _, f := range tt.keep {
				files[f] = string(read(t, ours, f))
			}
			for f, from := range tt.put {
				files[f] = string(read(t, theirs, from))
			}
			for f, text := range tt.text {
				files[f] = text
			}
			for f, text := range files {
				if err := os.WriteFile(filepath.Join(dir, f), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := setup.TLS(setup.TLSOptions{Dir: dir, Names: []string{"faxbox"}, Now: at(today)})
			if !errors.Is(err, setup.ErrForeign) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("TLS = %v; want ErrForeign with %q", err, tt.want)
			}
			entries, _ := os.ReadDir(dir)
			if len(entries) != len(files) {
				t.Errorf("%d files; want the %d of before", len(entries), len(files))
			}
			for f, text := range files {
				if string(read(t, dir, f)) != text {
					t.Errorf("%s changed", f)
				}
			}
		})
	}
	// Only the key is lost: the next run makes another pair.
	if err := os.Remove(filepath.Join(ours, setup.KeyFile)); err != nil {
		t.Fatal(err)
	}
	if r := run(t, ours, today, "faxbox"); !r.NewKey || r.NewCA {
		t.Errorf("after the key was lost = %+v; want a new key of the same authority", r)
	}
}

// TestConstraints forges with a stolen key of the authority.
func TestConstraints(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, today, "faxbox", "10.0.0.5")
	ca := cert(t, dir, setup.CAFile)
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, setup.CAFile), filepath.Join(dir, setup.CAKey))
	if err != nil {
		t.Fatal(err)
	}
	leaf := cert(t, dir, setup.CertFile)
	for name, ok := range map[string]bool{"bank.example": false, "faxbox": true, "printer.local": true, "contoso.com": false} {
		forged := *leaf
		forged.DNSNames, forged.IPAddresses = []string{name}, nil
		der, err := x509.CreateCertificate(nil, &forged, ca, leaf.PublicKey, pair.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if err := verify(c, ca, name, today); (err == nil) != ok {
			t.Errorf("a certificate for %s: %v; want it to be good %v", name, err, ok)
		}
	}
}

func TestParseName(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"Faxbox", "faxbox"},
		{" faxbox.contoso.com. ", "faxbox.contoso.com"},
		{"10.0.0.5", "10.0.0.5"},
		{"::ffff:10.0.0.5", "10.0.0.5"},
		{"[FD00::5]", "fd00::5"},
		{"3com-2", "3com-2"},
		{"", ""},
		{"*.contoso.com", ""},
		{"https://faxbox", ""},
		{"faxbox:8630", ""},
		{"10.0.0.5:8630", ""},
		{"a@b", ""},
		{"fax_box", ""},
		{"-fax", ""},
		{"fax-", ""},
		{"fax..box", ""},
		{"10.0.0", ""},
		{"10.0.0.300", ""},
		{"0.0.0.0", ""},
		{"224.0.0.1", ""},
		{"fe80::1%eth0", ""},
		{"bücher.example", ""},
		{strings.Repeat("a", 64), ""},
		{strings.Repeat("a.", 127) + "com", ""},
	} {
		got, err := setup.ParseName(tt.in)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("ParseName(%q) = %q, %v; want %q", tt.in, got, err, tt.want)
		}
	}
}

func TestLocalNames(t *testing.T) {
	names, err := setup.LocalNames()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if got, err := setup.ParseName(n); err != nil || got != n || n == "127.0.0.1" || n == "::1" {
			t.Errorf("LocalNames has %q, %v", n, err)
		}
	}
}
