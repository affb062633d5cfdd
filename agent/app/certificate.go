package app

import (
	"crypto/tls"
	"os"
	"sync"
	"time"
)

// certificate is a server's own certificate with its key. Files that were
// renewed are used from the next connection on; while they cannot be read the
// ones of before stay. Safe for concurrent use.
type certificate struct {
	cert, key string // files

	mu      sync.Mutex
	loaded  *tls.Certificate
	changed [2]time.Time // of the files, when they were read
}

// openCertificate reads both files.
func openCertificate(cert, key string) (*certificate, error) {
	c := &certificate{cert: cert, key: key}
	if _, err := c.get(nil); err != nil {
		return nil, err
	}
	return c, nil
}

// get implements [tls.Config].GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := [2]time.Time{modified(c.cert), modified(c.key)}
	if c.loaded != nil && changed == c.changed {
		return c.loaded, nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		if c.loaded != nil {
			return c.loaded, nil // half renewed, or not readable just now
		}
		return nil, err
	}
	c.loaded, c.changed = &pair, changed
	return c.loaded, nil
}

// config is a server's, TLS 1.2 or newer, without HTTP/2.
func (c *certificate) config() *tls.Config {
	return &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
}

// modified is when a file was last changed; zero for one that is not there.
func modified(file string) time.Time {
	st, err := os.Stat(file)
	if err != nil {
		return time.Time{}
	}
	return st.ModTime()
}
