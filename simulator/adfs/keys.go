package adfs

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"
)

// key is a token-signing key with its self-signed certificate.
type key struct {
	private *rsa.PrivateKey
	cert    *x509.Certificate
}

// newKey certifies a key, or a new one for nil.
func newKey(private *rsa.PrivateKey, serial int64, now time.Time) (*key, error) {
	if private == nil {
		var err error
		if private, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return nil, fmt.Errorf("adfs: signing key: %w", err)
		}
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: fmt.Sprintf("ADFS Signing - %d", serial)},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.Add(365 * 24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, fmt.Errorf("adfs: signing certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("adfs: signing certificate: %w", err)
	}
	return &key{private: private, cert: cert}, nil
}

// Certificates returns the published signing certificates, the one in use
// first.
func (s *STS) Certificates() []*x509.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	certs := []*x509.Certificate{s.signing.cert}
	for _, k := range s.keys {
		if k != s.signing {
			certs = append(certs, k.cert)
		}
	}
	return certs
}

// Rollover is a step of a certificate rollover.
type Rollover int

// The steps, in the order a farm takes them some days apart.
const (
	RolloverPublish Rollover = iota + 1 // a second certificate appears
	RolloverPromote                     // it becomes the one that signs
	RolloverRetire                      // the first one disappears
)

// Roll takes a step. Out of order it is an error.
func (s *STS) Roll(step Rollover) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case step == RolloverPublish && len(s.keys) == 1:
		k, err := newKey(nil, s.keys[0].cert.SerialNumber.Int64()+1, s.opts.Now())
		if err != nil {
			return err
		}
		s.keys = append(s.keys, k)
	case step == RolloverPromote && len(s.keys) == 2 && s.signing == s.keys[0]:
		s.signing = s.keys[1]
	case step == RolloverRetire && len(s.keys) == 2 && s.signing == s.keys[1]:
		s.keys = s.keys[1:]
	default:
		return fmt.Errorf("adfs: rollover step %d with %d keys is out of order", step, len(s.keys))
	}
	return nil
}
