// Package setup makes what a site needs before the agent can run well there. So
// far that is TLS for the panel: an authority of the site's own, and the
// certificate the panel shows.
//
// It writes files and says what it did. What people type and read is in package
// cli; who trusts the authority is up to each device.
package setup

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Names of the files in the directory.
const (
	CAFile   = "ca.pem"     // for the devices to trust
	CAKey    = "ca.key"     // only for renewing; the agent does not need it
	CertFile = "server.pem" // for panel.tls_cert_file
	KeyFile  = "server.key" // for panel.tls_key_file
)

// How long certificates are good, backdated time included. Longer than 825 days
// is refused by Apple's systems from authorities of any kind.
const (
	caYears    = 10
	serverLife = 825 * 24 * time.Hour
	// backdate lets devices in whose clock is behind or knows no time zone.
	backdate = 24 * time.Hour
	// caLeft is what an authority must have left to sign once more.
	caLeft = 30 * 24 * time.Hour
)

// ErrForeign says that a file in the way was not made here, or not together with
// the others. Nothing was changed.
var ErrForeign = errors.New("not made by this set-up")

// anew is what to do about an authority that cannot sign any more.
const anew = "move %s and %s away with the rest of the files to begin anew; all devices must then trust the new one"

// TLSOptions are what TLS makes certificates from.
type TLSOptions struct {
	Dir string // made if missing
	// Names are the host names and addresses that devices use for the panel;
	// none: those the certificate had before, and those of LocalNames that the
	// authority may vouch for.
	Names []string
	Host  string           // for the name of the authority; "": the system's
	Now   func() time.Time // nil: the system's clock
}

// TLSResult is what TLS made.
type TLSResult struct {
	Dir    string
	Names  []string // in the certificate
	NewCA  bool
	NewKey bool
	// Replaced is the end of the certificate that was there before; zero: none.
	Replaced             time.Time
	Expires, CAExpires   time.Time
	Fingerprint          string // SHA-256 of the certificate, "AB:CD:…"
	CAFingerprint        string
	CAName               string
	ShortenedByAuthority bool // the certificate ends with the authority
}

// TLS makes an authority in a directory, or finds the one it made before, and
// has it sign a certificate for the panel, in place of the one of before. Keys
// are readable by their owner only. A certificate or key from elsewhere is never
// replaced: [ErrForeign] names the file to move away. It takes seconds on a
// slow machine.
func TLS(o TLSOptions) (TLSResult, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Host == "" {
		host, err := os.Hostname()
		if err != nil {
			return TLSResult{}, fmt.Errorf("setup tls: %w", err)
		}
		o.Host = host
	}
	r, err := o.make()
	if err != nil {
		return TLSResult{}, fmt.Errorf("setup tls: %w", err)
	}
	return r, nil
}

func (o TLSOptions) make() (r TLSResult, err error) {
	r.Dir = o.Dir
	ca, err := o.readAuthority()
	if err != nil {
		return r, err
	}
	old, key, err := o.readServer(ca)
	if err != nil {
		return r, err
	}
	names, err := o.names(ca, old)
	if err != nil {
		return r, err
	}
	if ca == nil {
		r.NewCA = true
		if ca, err = newAuthority(o.Host, names, o.Now()); err != nil {
			return r, err
		}
	} else if err := ca.vouches(names); err != nil {
		return r, fmt.Errorf("%s: %w; "+anew, o.file(CAFile), err, CAFile, CAKey)
	}
	if key == nil {
		r.NewKey = true
		if key, err = newKey(serverBits); err != nil {
			return r, err
		}
	}
	der, err := ca.sign(names, &key.PublicKey, o.Now())
	if err != nil {
		return r, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return r, err
	}
	if err := o.write(r, ca, cert, key); err != nil {
		return r, err
	}
	if old != nil {
		r.Replaced = old.NotAfter
	}
	r.Names, r.Expires, r.CAExpires = names, cert.NotAfter, ca.cert.NotAfter
	r.Fingerprint, r.CAFingerprint = fingerprint(cert), fingerprint(ca.cert)
	r.CAName = ca.cert.Subject.CommonName
	r.ShortenedByAuthority = cert.NotAfter.Equal(ca.cert.NotAfter)
	return r, nil
}

// readAuthority returns the authority in the directory, or nil.
func (o TLSOptions) readAuthority() (*authority, error) {
	cert, err := readCert(o.file(CAFile))
	noCert := errors.Is(err, fs.ErrNotExist)
	if err != nil && !noCert {
		return nil, err
	}
	key, err := readKey(o.file(CAKey))
	noKey := errors.Is(err, fs.ErrNotExist)
	switch {
	case err != nil && !noKey:
		return nil, err
	case noCert && noKey:
		return nil, nil
	case noCert || noKey:
		here, gone := CAFile, CAKey
		if noCert {
			here, gone = gone, here
		}
		return nil, fmt.Errorf("%s is there but %s is not: %w; put it back, or move %s away to begin anew",
			o.file(here), gone, ErrForeign, here)
	case !key.PublicKey.Equal(cert.PublicKey) || !cert.IsCA:
		return nil, fmt.Errorf("%s and %s do not belong together: %w; move both away to begin anew", o.file(CAFile), CAKey, ErrForeign)
	}
	if left := cert.NotAfter.Sub(o.Now()); left < caLeft {
		return nil, fmt.Errorf("%s ends %s; "+anew, o.file(CAFile), cert.NotAfter.Format(time.DateOnly), CAFile, CAKey)
	}
	return &authority{cert: cert, key: key}, nil
}

// readServer returns certificate and key of before. Both must have been made
// here: another key in the way may be the only copy there is.
func (o TLSOptions) readServer(ca *authority) (*x509.Certificate, *rsa.PrivateKey, error) {
	cert, err := readCert(o.file(CertFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	key, err := readKey(o.file(KeyFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	switch {
	case cert != nil && (ca == nil || cert.CheckSignatureFrom(ca.cert) != nil):
		return nil, nil, fmt.Errorf("%s is of another authority: %w; move it and %s away", o.file(CertFile), ErrForeign, KeyFile)
	case key != nil && (cert == nil || !key.PublicKey.Equal(cert.PublicKey)):
		return nil, nil, fmt.Errorf("%s has no certificate of ours: %w; move it away", o.file(KeyFile), ErrForeign)
	}
	return cert, key, nil
}

func (o TLSOptions) file(name string) string { return filepath.Join(o.Dir, name) }
