package setup

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// fileMax bounds what is read; certificates and keys are a few KiB.
const fileMax = 1 << 20

// write puts the files down, each whole or not at all. The order leaves
// something that a second run understands wherever the first one stopped: the
// authority before what it signed, and a key only where it is new.
func (o TLSOptions) write(r TLSResult, ca *authority, cert *x509.Certificate, key *rsa.PrivateKey) error {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return err
	}
	type file struct {
		name, kind string
		der        []byte
		mode       os.FileMode
	}
	var files []file
	if r.NewCA {
		der, err := x509.MarshalPKCS8PrivateKey(ca.key)
		if err != nil {
			return err
		}
		files = append(files, file{CAKey, "PRIVATE KEY", der, 0o600}, file{CAFile, "CERTIFICATE", ca.cert.Raw, 0o644})
	}
	// The certificate first: readServer takes one without its key, not the
	// other way round.
	files = append(files, file{CertFile, "CERTIFICATE", cert.Raw, 0o644})
	if r.NewKey {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		files = append(files, file{KeyFile, "PRIVATE KEY", der, 0o600})
	}
	for _, f := range files {
		if err := replace(o.file(f.name), pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.der}), f.mode); err != nil {
			return err
		}
	}
	return nil
}

// replace writes a file beside and renames it, so that a running agent never
// reads half a one.
func replace(path string, data []byte, mode os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func readCert(path string) (*x509.Certificate, error) {
	der, err := readPEM(path, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w; move it away", path, ErrForeign, err)
	}
	return cert, nil
}

func readKey(path string) (*rsa.PrivateKey, error) {
	der, err := readPEM(path, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: not a private key in PKCS #8 form; move it away", path, ErrForeign)
	}
	r, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: %w: not an RSA key; move it away", path, ErrForeign)
	}
	return r, nil
}

func readPEM(path, kind string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, fileMax))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != kind {
		return nil, fmt.Errorf("%s: %w: no %s in PEM form; move it away", path, ErrForeign, kind)
	}
	return block.Bytes, nil
}
