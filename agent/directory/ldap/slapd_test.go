package ldap_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/platen-fax/platen/agent/directory/ldap"
)

const (
	baseDN   = "dc=example,dc=com"
	readerDN = "cn=reader,dc=example,dc=com"
	readerPW = "read-only-pw"
	bound    = 20 * time.Second
)

// identity is a server's certificate for localhost, its own authority.
type identity struct {
	cert, key []byte // PEM
	pair      tls.Certificate
	roots     *tls.Config
}

func newIdentity(t *testing.T) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fatal(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	fatal(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	fatal(t, err)
	id := identity{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
	}
	id.pair, err = tls.X509KeyPair(id.cert, id.key)
	fatal(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(id.cert)
	id.roots = &tls.Config{RootCAs: pool}
	return id
}

// slapd is a running OpenLDAP server with the schema and people of testdata.
type slapd struct {
	identity
	ldaps, starttls string
	stop            func()
}

func startSlapd(t *testing.T) *slapd {
	t.Helper()
	const binary = "/usr/sbin/slapd"
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("%v: the test talks to a real server: apt-get install slapd", err)
	}
	s := &slapd{identity: newIdentity(t)}
	dir := t.TempDir()
	schema, err := filepath.Abs("testdata/ad.schema")
	fatal(t, err)
	people, err := filepath.Abs("testdata/people.ldif")
	fatal(t, err)
	fatal(t, os.WriteFile(filepath.Join(dir, "cert.pem"), s.cert, 0o600))
	fatal(t, os.WriteFile(filepath.Join(dir, "key.pem"), s.key, 0o600))
	fatal(t, os.Mkdir(filepath.Join(dir, "db"), 0o700))
	conf := fmt.Sprintf(`include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include %[2]s
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile %[1]s/cert.pem
TLSCertificateFile %[1]s/cert.pem
TLSCertificateKeyFile %[1]s/key.pem
security simple_bind=128
pidfile %[1]s/pid
database mdb
suffix "%[3]s"
directory %[1]s/db
access to attrs=userPassword by anonymous auth
access to * by dn.exact="%[4]s" read
`, dir, schema, baseDN, readerDN)
	file := filepath.Join(dir, "slapd.conf")
	fatal(t, os.WriteFile(file, []byte(conf), 0o600))
	if out, err := exec.CommandContext(t.Context(), "/usr/sbin/slapadd", "-f", file, "-l", people).CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}
	a, b := freePort(t), freePort(t)
	s.ldaps, s.starttls = "ldaps://localhost:"+a, "ldap://localhost:"+b
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, binary, "-f", file, "-d", "0", "-h", "ldaps://127.0.0.1:"+a+" ldap://127.0.0.1:"+b)
	fatal(t, cmd.Start())
	done := make(chan struct{})
	go func() { defer close(done); _ = cmd.Wait() }()
	s.stop = func() { cancel(); <-done }
	t.Cleanup(s.stop)
	for end := time.Now().Add(bound); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", "127.0.0.1:"+b)
		if err == nil {
			c.Close()
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("slapd does not answer: %v", err)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(t, err)
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	fatal(t, err)
	return port
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *slapd) options(servers ...string) ldap.Options {
	return ldap.Options{
		ID: "corp", Servers: servers, TLS: s.roots, BaseDN: baseDN, BindDN: readerDN, Password: says(readerPW),
	}
}

func says(p string) func() (string, error) { return func() (string, error) { return p, nil } }

func newDirectory(t *testing.T, o ldap.Options) *ldap.Directory {
	t.Helper()
	d, err := ldap.New(o)
	fatal(t, err)
	return d
}
