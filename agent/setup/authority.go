package setup

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"
)

// RSA, because old panel browsers know nothing else; 3072 bits for what lasts
// ten years.
const (
	caBits     = 3072
	serverBits = 2048
)

// authority signs the certificates of one site.
type authority struct {
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

// localDomains can never be names on the internet: RFC 6761, 6762, 8375, and
// "internal" as ICANN reserved it in 2024.
var localDomains = []string{"localhost", "local", "internal", "home.arpa"}

// localNets cannot be somebody else's on the internet: RFC 1918, 3927, 4193, 4291.
var localNets = []string{
	"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10",
}

// newAuthority makes an authority that can only vouch for these names and what
// no name or address on the internet can be, so that a stolen key opens nothing
// else. The constraint is not marked critical: old devices that do not know it
// would refuse the certificate.
func newAuthority(host string, names []string, now time.Time) (*authority, error) {
	key, err := newKey(caBits)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial,
		// The number tells an authority from the one that was there before it.
		Subject:               pkix.Name{CommonName: commonName(fmt.Sprintf("Platen %x at %s", serial.Bytes()[:3], host))},
		NotBefore:             now.Add(-backdate).UTC().Truncate(time.Second),
		NotAfter:              now.AddDate(caYears, 0, 0).UTC().Truncate(time.Second),
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		PermittedDNSDomains:   append([]string{}, localDomains...),
	}
	for _, n := range localNets {
		_, ipnet, err := net.ParseCIDR(n)
		if err != nil {
			return nil, err
		}
		t.PermittedIPRanges = append(t.PermittedIPRanges, ipnet)
	}
	dns, ips := split(names)
	t.PermittedDNSDomains = append(t.PermittedDNSDomains, dns...)
	for _, ip := range ips {
		t.PermittedIPRanges = append(t.PermittedIPRanges, &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))})
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert: cert, key: key}, err
}

// sign makes a server certificate. It ends with the authority at the latest.
func (a *authority) sign(names []string, pub *rsa.PublicKey, now time.Time) ([]byte, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	from := now.Add(-backdate).UTC().Truncate(time.Second)
	to := from.Add(serverLife - time.Second) // both ends count
	if to.After(a.cert.NotAfter) {
		to = a.cert.NotAfter
	}
	t := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: commonName(names[0])},
		NotBefore:             from,
		NotAfter:              to,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	t.DNSNames, t.IPAddresses = split(names)
	return x509.CreateCertificate(rand.Reader, t, a.cert, pub, a.key)
}

// vouches reports the first name that the authority was not made for.
func (a *authority) vouches(names []string) error {
	dns, ips := split(names)
	for _, n := range dns {
		ok := len(a.cert.PermittedDNSDomains) == 0
		for _, p := range a.cert.PermittedDNSDomains {
			ok = ok || n == p || strings.HasSuffix(n, "."+p)
		}
		if !ok {
			return fmt.Errorf("the authority was not made for %s", n)
		}
	}
	for _, ip := range ips {
		ok := len(a.cert.PermittedIPRanges) == 0
		for _, p := range a.cert.PermittedIPRanges {
			ok = ok || len(p.IP) == len(ip) && p.Contains(ip)
		}
		if !ok {
			return fmt.Errorf("the authority was not made for %s", ip)
		}
	}
	return nil
}

func newKey(bits int) (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, bits) }

// newSerial returns a positive number of 127 bits, the first one set.
func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return nil, err
	}
	return n.SetBit(n, 126, 1), nil
}

// commonName cuts a name to what X.520 allows.
func commonName(s string) string {
	if len(s) > 64 {
		return s[:64]
	}
	return s
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	digits := strings.ToUpper(hex.EncodeToString(sum[:]))
	pairs := make([]string, 0, len(sum))
	for i := 0; i < len(digits); i += 2 {
		pairs = append(pairs, digits[i:i+2])
	}
	return strings.Join(pairs, ":")
}
