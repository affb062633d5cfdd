package doctor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/doctor"
)

// server speaks TLS with a certificate for 127.0.0.1 of the given life; its
// client trusts it.
func server(t *testing.T, from, until time.Time, cfg *tls.Config) (string, *http.Client) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: until, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = cfg
	s.TLS.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	t.Cleanup(client.CloseIdleConnections)
	return s.URL, client
}

func TestTLS(t *testing.T) {
	now := time.Now()
	year := now.AddDate(1, 0, 0)
	tests := []struct {
		name        string
		from, until time.Time
		cfg         *tls.Config
		host        string // instead of 127.0.0.1
		level       doctor.Level
		says        string
	}{
		{"good", now.Add(-time.Hour), year, &tls.Config{}, "", doctor.LevelOK, "TLS 1.3, certificate good for 36"},
		{"ends soon", now.Add(-time.Hour), now.Add(73 * time.Hour), &tls.Config{}, "", doctor.LevelWarn, "ends in 3 days"},
		{"expired", now.Add(-48 * time.Hour), now.Add(-time.Hour), &tls.Config{}, "", doctor.LevelFail, "expired or not valid yet"},
		{"not yet valid", now.Add(time.Hour), year, &tls.Config{}, "", doctor.LevelFail, "clock of this machine"},
		{"another name", now.Add(-time.Hour), year, &tls.Config{}, "localhost", doctor.LevelFail, "write the name"},
		{"old version", now.Add(-time.Hour), year, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, "", doctor.LevelFail, "TLS 1.2 or newer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url, client := server(t, tt.from, tt.until, tt.cfg)
			if tt.host != "" {
				url = strings.Replace(url, "127.0.0.1", tt.host, 1)
			}
			r := doctor.TLS(url, client, time.Now).Run(t.Context())
			if r.Level != tt.level || !strings.Contains(r.What+r.Do, tt.says) {
				t.Errorf("TLS = %+v; want %s with %q", r, tt.level, tt.says)
			}
		})
	}
}

func TestTLSNotReached(t *testing.T) {
	ln := listen(t)
	ln.Close()
	r := doctor.TLS("https://"+ln.Addr().String(), &http.Client{}, time.Now).Run(t.Context())
	if r.Level != doctor.LevelFail || !strings.Contains(r.Do, "firewall") {
		t.Errorf("TLS = %+v", r)
	}
}

func TestTLSPlain(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	if r := doctor.TLS(s.URL, s.Client(), time.Now).Run(t.Context()); r.Level != doctor.LevelFail || !strings.Contains(r.Do, "https") {
		t.Errorf("TLS = %+v", r)
	}
}
