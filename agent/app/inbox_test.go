package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeCertificate makes a certificate for 127.0.0.1 with a serial number and
// returns its files and a pool that trusts it.
func writeCertificate(t *testing.T, dir string, serial int64) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &own.PublicKey, own)
	if err != nil {
		t.Fatal(err)
	}
	b, err := x509.MarshalECPrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "own.crt"), filepath.Join(dir, "own.key")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: b}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		// Each certificate of a test has times of its own, however coarse the clock.
		at := time.Unix(1_700_000_000+serial, 0)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(leaf)
	return cert, key, pool
}

// TestCertificateRenewed uses renewed files at the next connection and keeps the
// old certificate while the new one cannot be read.
func TestCertificateRenewed(t *testing.T) {
	dir := t.TempDir()
	cert, key, _ := writeCertificate(t, dir, 1)
	c, err := openCertificate(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		t.Helper()
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.Int64()
	}
	if n := serial(); n != 1 {
		t.Errorf("certificate %d, want 1", n)
	}
	if err := os.WriteFile(cert, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := serial(); n != 1 {
		t.Errorf("certificate %d while the file is broken, want 1", n)
	}
	writeCertificate(t, dir, 2)
	if n := serial(); n != 2 {
		t.Errorf("certificate %d after the renewal, want 2", n)
	}
	if _, err := openCertificate(filepath.Join(dir, "none"), key); err == nil {
		t.Error("a certificate that is not there opens")
	}
}

func TestInbox(t *testing.T) {
	cert, key, pool := writeCertificate(t, t.TempDir(), 1)
	var allow []netip.Prefix
	took := 0
	b, err := openInbox("127.0.0.1:0", cert, key, func() []netip.Prefix { return allow },
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			took++
			if _, err := io.ReadAll(r.Body); err != nil {
				http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			}
		}), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	defer client.CloseIdleConnections()
	post := func(size int) int {
		t.Helper()
		resp, err := client.Post("https://"+b.addr.String()+"/scim/v2/Users", "application/scim+json", strings.NewReader(strings.Repeat("x", size)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := post(100); got != http.StatusOK || took != 1 {
		t.Errorf("answer %d, taken %d; want 200 and 1", got, took)
	}
	if got := post(inboxBody + 1); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a body beyond the bound: %d, want 413", got)
	}
	allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	if got := post(100); got != http.StatusOK {
		t.Errorf("loopback with an allow-list: %d, want 200", got)
	}
	stranger := httptest.NewRequest(http.MethodPost, "/scim/v2/Users", nil)
	stranger.RemoteAddr = "198.51.100.7:40000"
	answer := httptest.NewRecorder()
	if b.http.Handler.ServeHTTP(answer, stranger); answer.Code != http.StatusForbidden || took != 3 {
		t.Errorf("an address outside the allow-list: %d, taken %d; want 403 and 3", answer.Code, took)
	}
	old := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if conn, err := tls.Dial("tcp", b.addr.String(), old); err == nil {
		conn.Close()
		t.Error("TLS 1.1 is taken")
	}
	if resp, err := http.Get("http://" + b.addr.String() + "/scim/v2/Users"); err == nil {
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Error("plain http is taken")
		}
	}
}
