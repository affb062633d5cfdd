package app

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/platen-fax/platen/agent/config"
	"github.com/platen-fax/platen/agent/convert"
	"github.com/platen-fax/platen/agent/deliver"
	"github.com/platen-fax/platen/agent/spool"
)

// documentError marks errors that no later try can mend.
func documentError(err error) error {
	if errors.Is(err, convert.ErrNoPages) || errors.Is(err, spool.ErrErased) || errors.Is(err, spool.ErrNotFound) {
		return fmt.Errorf("%w: %w", deliver.ErrDocument, err)
	}
	return err
}

// roots returns the system's authorities and those of the named files beside
// them; nil, which means the system's, when no file is named.
func roots(files ...string) (*x509.CertPool, error) {
	var pool *x509.CertPool
	for _, file := range files {
		if file == "" {
			continue
		}
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if pool == nil {
			if pool, err = x509.SystemCertPool(); err != nil {
				pool = x509.NewCertPool() // a bare system has none
			}
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: holds no certificate in PEM form", file)
		}
	}
	return pool, nil
}

// serviceClients makes the clients of a fax service.
func serviceClients(cfg *config.Config, s config.FaxService) (deliver.Clients, error) {
	pool, err := roots(cfg.Network.CAFile, s.CAFile)
	if err != nil {
		return deliver.Clients{}, err
	}
	o := deliver.ClientOptions{Roots: pool, HeaderTime: cfg.Delivery.SubmitTimeout}
	if cfg.Network.Proxy != "" {
		if o.Proxy, err = url.Parse(cfg.Network.Proxy); err != nil {
			return deliver.Clients{}, err
		}
	}
	return deliver.NewClients(o), nil
}

// deviceClient makes the client of one device. Devices are on the LAN: the
// proxy is not for them, and they keep their connections only for a while.
func deviceClient(cfg *config.Config, d config.Device) (*http.Client, error) {
	pool, err := roots(cfg.Network.CAFile, d.CAFile)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute, // a page may take that long to begin
		MaxIdleConnsPerHost:   1,
		IdleConnTimeout:       10 * time.Second,
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if !d.Password.IsZero() {
		client.Transport = basicAuth{user: d.User, password: d.Password, next: transport}
	}
	return client, nil
}

// basicAuth signs in at a device that asks for it. Redirects are not followed,
// so the password goes to the configured address only.
type basicAuth struct {
	user     string
	password config.Secret
	next     http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (b basicAuth) RoundTrip(r *http.Request) (*http.Response, error) {
	password, err := b.password.Read()
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.SetBasicAuth(b.user, password)
	return b.next.RoundTrip(r)
}
